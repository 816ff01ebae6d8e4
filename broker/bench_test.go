package broker

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sort"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool/pool"
)

const benchTopic = "orders"

// letIn allows everybody, so that what is measured is the front.
func letIn(context.Context, Attempt) Verdict {
	return Verdict{Decision: allowed("User:pool-dev", time.Now().Add(time.Hour), "pool-dev")}
}

// listenBroker serves a Config at a free port.
func listenBroker(tb testing.TB, c Config) (*Server, string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	c.Advertised = l.Addr().String()
	s, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	tb.Cleanup(func() { _ = s.Close() })
	return s, c.Advertised
}

// benchConfig has one cluster and a pool that may do anything there.
func benchConfig(tb testing.TB) Config {
	tb.Helper()
	p, err := pool.New(pool.Config{ID: "pool-dev", Filter: "true", RoleBindings: []pool.RoleBinding{{Role: "CloudClusterAdmin", Cluster: "lkc-acme"}}})
	if err != nil {
		tb.Fatal(err)
	}
	return Config{Decide: letIn, Pool: func(string) *pool.Pool { return p }, Clusters: []Cluster{{ID: "lkc-acme", Topics: map[string]int32{benchTopic: 1}}}}
}

// direct is kfake without a front, at its own port.
func direct(tb testing.TB) string {
	tb.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, benchTopic))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

func loggedIn() kgo.Opt {
	return kgo.SASL(oauth.Auth{Token: "token", Extensions: map[string]string{"logicalCluster": "lkc-acme"}}.AsMechanism())
}

// side is a cluster under measurement, and how to connect to it.
type side struct {
	name    string
	seed    string
	options []kgo.Opt
}

// sides are kfake alone, kfake behind the front, and kfake behind the gateway,
// which enforces role bindings and is one hop more.
func sides(tb testing.TB) []side {
	_, front := listenBroker(tb, benchConfig(tb))
	before := benchConfig(tb)
	before.Upstream = &Upstream{Bootstrap: []string{direct(tb)}}
	_, gateway := listenBroker(tb, before)
	in := []kgo.Opt{loggedIn()}
	return []side{{"direct", direct(tb), nil}, {"front", front, in}, {"gateway", gateway, in}}
}

func (s side) client(tb testing.TB, more ...kgo.Opt) *kgo.Client {
	tb.Helper()
	c, err := kgo.NewClient(append(append([]kgo.Opt{kgo.SeedBrokers(s.seed), kgo.ProducerBatchCompression(kgo.NoCompression())}, s.options...), more...)...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// median of what is measured in turns: one slow turn is the machine's.
func median(all []time.Duration) time.Duration {
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	return all[len(all)/2]
}

// inTurns measures every side n times, in turns, and reports the ratios of the
// medians to that of the first: of the time, or of what is done in it.
func inTurns(b *testing.B, all []side, n int, measure func(side) time.Duration) {
	took := map[string][]time.Duration{}
	for _, s := range all {
		measure(s) // warms up
	}
	for range n {
		for _, s := range all {
			runtime.GC()
			took[s.name] = append(took[s.name], measure(s))
		}
	}
	b.ReportMetric(0, "ns/op")
	direct := median(took[all[0].name])
	for _, s := range all[1:] {
		b.ReportMetric(float64(median(took[s.name]))/float64(direct), s.name+"-time-x-direct")
		b.ReportMetric(float64(direct)/float64(median(took[s.name])), s.name+"-throughput-x-direct")
	}
}

const (
	batchRecords = 20_000
	recordBytes  = 1000
)

func records(n int) []*kgo.Record {
	value := make([]byte, recordBytes)
	all := make([]*kgo.Record, n)
	for i := range all {
		all[i] = &kgo.Record{Topic: benchTopic, Value: value}
	}
	return all
}

// BenchmarkProduce is 20 MB of records of 1 kB in batches, through the front
// against kfake alone.
func BenchmarkProduce(b *testing.B) {
	all := sides(b)
	for b.Loop() {
		inTurns(b, all, 7, func(s side) time.Duration {
			c := s.client(b)
			defer c.Close()
			if err := c.ProduceSync(b.Context(), records(1)...).FirstErr(); err != nil {
				b.Fatal(err)
			}
			sent := records(batchRecords)
			began := time.Now()
			if err := c.ProduceSync(b.Context(), sent...).FirstErr(); err != nil {
				b.Fatal(err)
			}
			return time.Since(began)
		})
	}
}

// BenchmarkConsume reads 20 MB of records of 1 kB.
func BenchmarkConsume(b *testing.B) {
	all := sides(b)
	for _, s := range all {
		c := s.client(b)
		if err := c.ProduceSync(b.Context(), records(batchRecords)...).FirstErr(); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	for b.Loop() {
		inTurns(b, all, 7, func(s side) time.Duration {
			c := s.client(b, kgo.ConsumeTopics(benchTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			defer c.Close()
			began := time.Now()
			for got := 0; got < batchRecords; {
				fetches := c.PollFetches(b.Context())
				if err := fetches.Err(); err != nil {
					b.Fatal(err)
				}
				if got == 0 {
					began = time.Now() // the connections are there
				}
				got += fetches.NumRecords()
			}
			return time.Since(began)
		})
	}
}

// BenchmarkOneAtATime sends a record, waits, and sends the next.
func BenchmarkOneAtATime(b *testing.B) {
	all := sides(b)
	for b.Loop() {
		inTurns(b, all, 7, func(s side) time.Duration {
			c := s.client(b, kgo.ProducerLinger(0))
			defer c.Close()
			one := records(1)[0]
			send := func(n int) {
				for range n {
					record := *one
					if err := c.ProduceSync(b.Context(), &record).FirstErr(); err != nil {
						b.Fatal(err)
					}
				}
			}
			send(10)
			began := time.Now()
			send(1000)
			return time.Since(began)
		})
	}
}

// BenchmarkLogins connects, logs in and hangs up, on as many connections at
// once as there are processors.
func BenchmarkLogins(b *testing.B) {
	_, address := listenBroker(b, benchConfig(b))
	began := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			conn, err := rawLogin(address)
			if err != nil {
				b.Error(err)
				return
			}
			_ = conn.Close()
		}
	})
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "logins/s")
}

// BenchmarkIdle is what 5,000 connections that are logged in take in memory,
// both ends of them in this process.
func BenchmarkIdle(b *testing.B) {
	const connections = 5000
	for b.Loop() {
		_, address := listenBroker(b, benchConfig(b))
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range connections {
			conn, err := rawLogin(address)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		used := float64(after.HeapInuse+after.StackInuse) - float64(before.HeapInuse+before.StackInuse)
		b.ReportMetric(used/1e6, "MB")
		b.ReportMetric(used/connections/1e3, "kB/connection")
	}
}

// rawLogin logs in without a client library, whose own work would be measured.
func rawLogin(address string) (net.Conn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, mechanism
	if _, err := ask(conn, handshake); err != nil {
		return nil, err
	}
	answer, _, err := authenticate(conn, []byte("n,,\x01auth=Bearer token\x01logicalCluster=lkc-acme\x01\x01"))
	if err == nil && len(answer) > 0 {
		err = fmt.Errorf("challenged: %s", answer)
	}
	return conn, err
}
