package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The addresses that no resolver knows, so that only a dialer of the test's gets
// there.
const (
	outsideAddress = "outside.test:9092"
	insideAddress  = "inside.test:19092"
)

// serveListeners serves a Config at listeners, the first of which gives it its
// Advertised.
func serveListeners(t testing.TB, c Config, all ...Listener) *Server {
	t.Helper()
	c.Advertised = all[0].Advertised
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, len(all))
	for _, l := range all {
		go func() { served <- s.ServeAt(l) }()
	}
	t.Cleanup(func() {
		err := s.Close()
		for range all {
			err = errors.Join(err, <-served)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return s
}

func listenAt(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// streets is a dialer that knows where some addresses are, and notes what it is
// asked for.
type streets struct {
	mu     sync.Mutex
	known  map[string][]string // each dial of one goes to the next of them
	dialed map[string]int
}

func (s *streets) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	if s.dialed == nil {
		s.dialed = map[string]int{}
	}
	to := s.known[address]
	n := s.dialed[address]
	s.dialed[address]++
	s.mu.Unlock()
	if len(to) == 0 {
		return nil, fmt.Errorf("%s is not reachable from here", address)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, to[n%len(to)])
}

// only checks that nothing but the addresses that are known was dialled.
func (s *streets) only(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for address := range s.dialed {
		if s.known[address] == nil {
			t.Errorf("%s was dialled, which no client here is to know", address)
		}
	}
}

// client is franz-go in a network where only the streets are.
func (s *streets) client(t *testing.T, seed string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(seed), kgo.Dialer(s.dial), loggedIn(), kgo.RetryTimeout(loginPatience), kgo.RecordDeliveryTimeout(loginPatience)}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// roundTrip produces and reads in a group what a topic has.
func (s *streets) roundTrip(t *testing.T, seed, topic, group string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), loginPatience)
	defer cancel()
	producer := s.client(t, seed)
	for i := range 30 {
		producer.Produce(ctx, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: fmt.Append(nil, "from ", seed)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("produce: %v", err)
			}
		})
	}
	if err := producer.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	consumer := s.client(t, seed, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	for got := 0; got < want; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d: %v", got, want, err)
		}
		got += fetches.NumRecords()
	}
	if err := consumer.CommitUncommittedOffsets(ctx); err != nil {
		t.Error(err)
	}
}

// TestListenersOfOneCluster: who comes in by either listener is told of no other
// address, and both are the same cluster.
func TestListenersOfOneCluster(t *testing.T) {
	c := benchConfig(t)
	c.Clusters[0].Topics = map[string]int32{benchTopic: 3}
	outside, inside := listenAt(t, "127.0.0.1:0"), listenAt(t, "127.0.0.1:0")
	serveListeners(t, c, Listener{Listener: outside, Advertised: outsideAddress}, Listener{Listener: inside, Advertised: insideAddress})
	for i, at := range []struct {
		advertised string
		listener   net.Listener
	}{{outsideAddress, outside}, {insideAddress, inside}} {
		here := &streets{known: map[string][]string{at.advertised: {at.listener.Addr().String()}}}
		here.roundTrip(t, at.advertised, benchTopic, "readers of "+at.advertised, 30*(i+1))
		here.only(t)
	}
}

// TestListenersTellTheirAddressInEveryVersion asks for everything that the
// embedded cluster has its address in.
func TestListenersTellTheirAddressInEveryVersion(t *testing.T) {
	outside, inside := listenAt(t, "127.0.0.1:0"), listenAt(t, "127.0.0.1:0")
	serveListeners(t, benchConfig(t), Listener{Listener: outside, Advertised: outsideAddress}, Listener{Listener: inside, Advertised: insideAddress})
	coordinator := kmsg.NewPtrFindCoordinatorRequest()
	coordinator.CoordinatorKey, coordinator.CoordinatorKeys = "group", []string{"group", "other"}
	for _, at := range []struct {
		listener net.Listener
		want     string
	}{{outside, outsideAddress}, {inside, insideAddress}} {
		conn, err := rawLogin(at.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(loginPatience))
		for _, request := range []kmsg.Request{kmsg.NewPtrMetadataRequest(), coordinator, kmsg.NewPtrDescribeClusterRequest()} {
			for version := range servedUpTo(t, conn, request.Key()) + 1 {
				request.SetVersion(version)
				response, err := ask(conn, request)
				if err != nil {
					t.Fatalf("%T version %d: %v", request, version, err)
				}
				told := addressesIn(response)
				if len(told) == 0 || slices.ContainsFunc(told, func(s string) bool { return s != at.want }) {
					t.Errorf("%T version %d tells %q, want %s", request, version, told, at.want)
				}
			}
		}
	}
}

// servedUpTo is the highest version that a listener serves of an API.
func servedUpTo(t *testing.T, conn net.Conn, key int16) int16 {
	t.Helper()
	response, err := ask(conn, kmsg.NewPtrApiVersionsRequest())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range response.(*kmsg.ApiVersionsResponse).ApiKeys {
		if k.ApiKey == key {
			return k.MaxVersion
		}
	}
	t.Fatalf("API key %d is not served", key)
	return 0
}

// addressesIn are those of brokers that a response has, found without rewrite.
func addressesIn(response kmsg.Response) (all []string) {
	walkAddresses(reflect.ValueOf(response).Elem(), func(host string, port int64) {
		if host != "" {
			all = append(all, fmt.Sprintf("%s:%d", host, port))
		}
	})
	return all
}

// walkAddresses visits each struct that has an id, a host and a port.
func walkAddresses(v reflect.Value, visit func(host string, port int64)) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				walkAddresses(v.Index(i), visit)
			}
		}
	case reflect.Struct:
		host, port := v.FieldByName("Host"), v.FieldByName("Port")
		if host.IsValid() && host.Kind() == reflect.String && port.IsValid() && port.CanInt() {
			visit(host.String(), port.Int())
		}
		for i := range v.NumField() {
			walkAddresses(v.Field(i), visit)
		}
	}
}

// addressed is a response of a version, as kfake would send it, with addresses
// wherever it has room for them.
func addressed(key, version int16, host string, port int32) kmsg.Response {
	r := kmsg.ResponseForKey(key)
	r.SetVersion(version)
	fill(reflect.ValueOf(r).Elem(), host, 0)
	settle(reflect.ValueOf(r).Elem(), host, port)
	return r
}

// settle gives every broker of a response an address.
func settle(v reflect.Value, host string, port int32) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			for i := range v.Len() {
				settle(v.Index(i), host, port)
			}
		}
	case reflect.Struct:
		if h, p := v.FieldByName("Host"), v.FieldByName("Port"); h.IsValid() && h.Kind() == reflect.String && p.IsValid() && p.CanInt() {
			h.SetString(host)
			p.SetInt(int64(port))
		}
		for i := range v.NumField() {
			settle(v.Field(i), host, port)
		}
	}
}

// TestHandoverRewritesEveryResponse takes each response that can have addresses,
// in each version, from kfake to a client of another listener: the addresses are
// its own, and nothing else is changed.
func TestHandoverRewritesEveryResponse(t *testing.T) {
	at := whereabouts{"inside.test", 19092}
	for _, key := range []int16{0, 1, 3, 10, 32, 60, 78, 79} {
		for version := range kmsg.ResponseForKey(key).MaxVersion() + 1 {
			sent := appendResponse(nil, 7, addressed(key, version, "outside.test", 9092))
			want := appendResponse(nil, 7, addressed(key, version, "outside.test", 9092))
			if h := (header{key: key, version: version}); rewritten(h) {
				r := addressed(key, version, "outside.test", 9092)
				settle(reflect.ValueOf(r).Elem(), at.host, at.port)
				want = appendResponse(nil, 7, r)
			}
			if got := throughHandover(t, &front{place: at.everyBroker}, header{key, version, 7}, sent); !bytes.Equal(got, want) {
				t.Errorf("API key %d, version %d: %q, want %q", key, version, got, want)
			}
			if got := throughHandover(t, &front{}, header{key, version, 7}, sent); !bytes.Equal(got, sent) {
				t.Errorf("API key %d, version %d, at the first listener: %q, want %q", key, version, got, sent)
			}
		}
	}
}

// throughHandover is what a client gets of a response of kfake's.
func throughHandover(t *testing.T, f *front, asked header, frame []byte) []byte {
	t.Helper()
	client, conn := net.Pipe()
	defer client.Close()
	s := &session{server: &Server{log: slog.New(slog.DiscardHandler)}, front: f, conn: conn}
	s.server.config.FrameTimeout = time.Minute
	h := newHandover(s, advertisedAddr("outside.test:9092"))
	h.start()
	h.expect(forwarded{header: asked})
	s.flight.add()
	written := make(chan error, 1)
	go func() {
		n, err := fakeConn{h}.Write(frame)
		if err == nil && n != len(frame) {
			err = io.ErrShortWrite
		}
		written <- errors.Join(err, conn.Close())
	}()
	got, err := io.ReadAll(client)
	if err := errors.Join(err, <-written); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestEveryAddressIsRewritten: a response that the library has learned to
// decode, with an address in it, must not be forgotten. The library has those of
// Produce and Fetch in every flexible version, Kafka since KIP-951 only.
func TestEveryAddressIsRewritten(t *testing.T) {
	for key := range kmsg.MaxKey + 1 {
		kind := kmsg.ResponseForKey(int16(key))
		if kind == nil || hidden(int16(key)) {
			continue
		}
		since := map[int]int16{0: 10, 1: 16}[key]
		for version := since; version <= kind.MaxVersion(); version++ {
			r := kmsg.ResponseForKey(int16(key))
			r.SetVersion(version)
			if err := parseResponse(r, appendResponse(nil, 1, addressed(int16(key), version, "outside.test", 9092))[8:]); err != nil {
				t.Fatal(err)
			}
			if told := addressesIn(r); len(told) > 0 && !rewritten(header{key: int16(key), version: version}) {
				t.Errorf("%s version %d tells %q", kmsg.NameForKey(int16(key)), version, told)
			}
		}
	}
}

// TestAWrongListenerIsRefused before anything is served at it.
func TestAWrongListenerIsRefused(t *testing.T) {
	embedded := serveListeners(t, benchConfig(t), Listener{Listener: listenAt(t, "127.0.0.1:0"), Advertised: outsideAddress})
	before := benchConfig(t)
	before.Upstream = &Upstream{Bootstrap: []string{"127.0.0.1:1"}}
	gateway := serveListeners(t, before, Listener{Listener: listenAt(t, "127.0.0.1:0"), Advertised: outsideAddress})
	for _, tt := range []struct {
		server   *Server
		listener Listener
		want     string
	}{
		{embedded, Listener{Advertised: "inside.test"}, `advertised: "inside.test" is no address`},
		{gateway, Listener{Advertised: "inside.test:x"}, `advertised: "inside.test:x" is no address`},
		{gateway, Listener{Advertised: insideAddress, Brokers: []BrokerListener{{nil, 1, "b"}}}, `advertised: "b" is no address`},
		{embedded, Listener{Advertised: insideAddress, Brokers: []BrokerListener{{nil, 1, "b:1"}}}, "has no listeners for brokers"},
	} {
		tt.listener.Listener = listenAt(t, "127.0.0.1:0")
		open := []net.Listener{tt.listener}
		for i := range tt.listener.Brokers {
			tt.listener.Brokers[i].Listener = listenAt(t, "127.0.0.1:0")
			open = append(open, tt.listener.Brokers[i])
		}
		if err := tt.server.ServeAt(tt.listener); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
		for _, l := range open {
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) { // else clients connect, and wait
				t.Errorf("%s is open: %v", l.Addr(), err)
			}
		}
	}
	if _, err := New(Config{Decide: letIn, Advertised: "outside"}); err == nil || !strings.Contains(err.Error(), `advertised: "outside" is no address`) {
		t.Errorf("New: %v", err)
	}
}

// discarded is a connection that takes everything.
type discarded struct{ net.Conn }

func (discarded) Write(b []byte) (int, error)      { return len(b), nil }
func (discarded) SetWriteDeadline(time.Time) error { return nil }

// answersAt sends a client of a listener what kfake answers to a fetch of a
// megabyte, again and again.
func answersAt(f *front) func() {
	s := &session{server: &Server{log: slog.New(slog.DiscardHandler)}, front: f, conn: discarded{}}
	s.server.config.FrameTimeout = time.Hour
	h := newHandover(s, advertisedAddr(outsideAddress))
	h.start()
	r := kmsg.NewPtrFetchResponse()
	r.Version = 16
	partition := kmsg.NewFetchResponseTopicPartition()
	partition.RecordBatches = make([]byte, 1<<20)
	r.Topics = []kmsg.FetchResponseTopic{{Topic: benchTopic, Partitions: []kmsg.FetchResponseTopicPartition{partition}}}
	asked := forwarded{header: header{key: 1, version: 16, correlationID: 1}}
	frame := appendResponse(nil, 1, r)
	return func() {
		h.expect(asked)
		s.flight.add()
		if _, err := (fakeConn{h}).Write(frame); err != nil {
			panic(err)
		}
	}
}

// TestFirstListenerReadsNoResponse: the clients of the listener that kfake
// advertises get its responses as they are, at no cost; those of another one
// have them read, and no records copied.
func TestFirstListenerReadsNoResponse(t *testing.T) {
	// The lowest of some runs: what other tests have left running allocates, too.
	first := testing.AllocsPerRun(100, answersAt(&front{}))
	for range 9 {
		first = min(first, testing.AllocsPerRun(100, answersAt(&front{})))
	}
	if first != 0 {
		t.Errorf("%v allocations for a response at the first listener", first)
	}
	const times = 100
	answer := answersAt(&front{place: whereabouts{"inside.test", 1}.everyBroker})
	n := uint64(math.MaxUint64)
	for range 10 {
		n = min(n, allocates(func() {
			for range times {
				answer()
			}
		})/times)
	}
	if n == 0 || n > 64<<10 {
		t.Errorf("%d bytes are allocated for a response of a megabyte at another listener, want that it is read and not copied", n)
	}
}

// BenchmarkAnswers is what the front does for a response of a megabyte, without
// sending it.
func BenchmarkAnswers(b *testing.B) {
	for name, f := range map[string]*front{"first listener": {}, "another": {place: whereabouts{"inside.test", 1}.everyBroker}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			answer := answersAt(f)
			for b.Loop() {
				answer()
			}
		})
	}
}
