package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// start runs the built-in tenant, changed, at free ports.
func start(t *testing.T, change func(*idpool.Config)) *idpool.Stack {
	t.Helper()
	c := idpool.Acme()
	c.Listeners.HTTPS.Address, c.Listeners.Admin.Address = idpool.Off, idpool.Off
	if change != nil {
		change(&c)
	}
	s, err := idpool.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// at are the arguments for a token endpoint and a broker; later flags count.
func at(tokenURL, bootstrap string, flags ...string) []string {
	few := []string{"kafka", "-url", tokenURL, "-warmup", "0", "-count", "20", "-connections", "3",
		"-records", "0", "-singles", "5", "-turns", "2", "-idle", "0"}
	return append(append(few, flags...), bootstrap)
}

func atStack(s *idpool.Stack, flags ...string) []string {
	return at(s.HTTP+tokenPath, s.Kafka, flags...)
}

func driveKafka(t *testing.T, args ...string) (int, kafkaReport) {
	t.Helper()
	code, stdout, stderr := drive(t, append([]string{"kafka", "-json"}, args[1:]...)...)
	var r kafkaReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("no JSON: %v\n%s%s", err, stdout, stderr)
	}
	return code, r
}

func TestKafka(t *testing.T) {
	s := start(t, nil)
	code, r := driveKafka(t, atStack(s, "-records", "300", "-idle", "4")...)
	if code != 0 || r.Logins != 20 || r.Errors.Count != 0 || r.Connections != 3 || r.Latency == nil || r.LoginsPerSecond <= 0 {
		t.Errorf("exit code %d, report %+v, want 0 with 20 logins over 3", code, r)
	}
	if r.Target != s.Kafka || r.Cluster != "lkc-acme" || r.Pool != "pool-dev" {
		t.Errorf("target %q, cluster %q, pool %q", r.Target, r.Cluster, r.Pool)
	}
	if r.Idle == nil || r.Idle.Connections != 4 || r.Idle.Short != "" || r.Idle.Memory != nil {
		t.Errorf("idle %+v, want 4 connections", r.Idle)
	}
	if r.Traffic == nil || r.Traffic.P50 == nil || r.Traffic.P99 == nil {
		t.Fatalf("traffic %+v, want all of it", r.Traffic)
	}
	for _, c := range []comparison{r.Traffic.Produce, r.Traffic.Consume, *r.Traffic.P50, *r.Traffic.P99} {
		if c.Direct <= 0 || c.Target <= 0 || c.Ratio != c.Target/c.Direct || c.Lowest > c.Highest {
			t.Errorf("comparison %+v", c)
		}
	}
	// Each turn, with the one that does not count, has a record to connect and
	// ten to warm up.
	if got, want := inTopic(t, s), int64((2+1)*(1+300+10+5)); got != want {
		t.Errorf("%d records in the topic, want %d", got, want)
	}
}

// inTopic is how many records the topic has.
func inTopic(t *testing.T, s *idpool.Stack) int64 {
	t.Helper()
	token, err := s.Token(t.Context(), idp.TokenRequest{Tenant: idp.Acme().ID, ClientID: acmeClient, Scope: acmeScope, InsecureSkipCredential: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka), kgo.SASL(oauth.Auth{Token: token.AccessToken,
		Extensions: map[string]string{"logicalCluster": acmeCluster, "identityPoolId": acmePool}}.AsMechanism()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request, topic := kmsg.NewPtrListOffsetsRequest(), kmsg.NewListOffsetsRequestTopic()
	topic.Topic = acmeTopic
	for partition := range int32(6) {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = partition, -1 // the latest
		topic.Partitions = append(topic.Partitions, p)
	}
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, topic := range response.Topics {
		for _, p := range topic.Partitions {
			sum += p.Offset
		}
	}
	return sum
}

func TestKafkaText(t *testing.T) {
	// One partition has more than one fetch may have, which is 1 MiB.
	one := func(c *idpool.Config) { c.Clusters[0].Topics = []idpool.Topic{{Name: acmeTopic, Partitions: 1}} }
	code, stdout, stderr := drive(t, atStack(start(t, one), "-records", "2500", "-singles", "0", "-turns", "1", "-idle", "2")...)
	if code != 0 || stderr != "" || strings.Contains(stdout, "\nsingle ") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	for _, want := range []string{"target   ", "\nlogins   20, ", "\nlatency  p50 ", "\nerrors   0\n", "\nproduce  ", "\nconsume  ", " × direct (", "\nidle     2 connections"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
}

// What the server answered is what the error says, and the token is not in it.
func TestKafkaRefused(t *testing.T) {
	s := start(t, nil)
	there := "127.0.0.1:" + closedPort(t)
	elsewhere := start(t, func(c *idpool.Config) {
		c.Listeners.Kafka.Address, c.Listeners.Kafka.Advertised = there, "broker.example.com:9092"
	})
	for _, row := range []struct {
		reason string
		args   []string
		want   string
	}{
		{"a wrong secret", atStack(s, "-client-secret", "hush"), "load: no token from " + strings.TrimPrefix(s.HTTP, "http://") + ": 401 AADSTS7000215: "},
		{"a pool that does not match", atStack(s, "-pool", "pool-prod"),
			"load: no login at " + s.Kafka + ": SaslAuthenticate: error 58 SASL_AUTHENTICATION_FAILED: Authentication failed during authentication"},
		{"an unknown cluster", atStack(s, "-cluster", "lkc-none"), "error 58 SASL_AUTHENTICATION_FAILED: Authentication failed: 1 extensions are invalid!"},
		{"no cluster", atStack(s, "-cluster", ""), "logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY"},
		{"the token of another issuer", at(elsewhere.HTTP+tokenPath, s.Kafka), `SaslAuthenticate: challenge: {"status":"invalid_token"}`},
		{"an unknown topic", atStack(s, "-topic", "nope", "-records", "10"), "load: target: topic nope: UNKNOWN_TOPIC_OR_PARTITION"},
		{"a broker that is elsewhere", at(elsewhere.HTTP+tokenPath, there, "-records", "10"),
			`load: target: topic orders: "broker.example.com" is not this machine`},
		{"nothing that gives a token", at("http://127.0.0.1:"+closedPort(t)+"/token", s.Kafka), "connection refused"},
		{"nothing that listens", at(s.HTTP+tokenPath, "127.0.0.1:"+closedPort(t)), ": connection refused: "},
	} {
		t.Run(row.reason, func(t *testing.T) {
			code, stdout, stderr := drive(t, row.args...)
			if code != 1 || stdout != "" || !strings.Contains(stderr, row.want) {
				t.Errorf("exit code %d, want 1 with %q:\n%s%s", code, row.want, stdout, stderr)
			}
		})
	}
}

// A pool that may not do what is measured: the error says what, and where.
func TestKafkaDenied(t *testing.T) {
	for _, row := range []struct{ reason, role, want string }{
		{"reads only", "DeveloperRead", "load: target: produce: CLUSTER_AUTHORIZATION_FAILED"},
		{"writes only", "DeveloperWrite", "load: target: consume: TOPIC_AUTHORIZATION_FAILED"},
		{"neither", "", "load: target: topic orders: TOPIC_AUTHORIZATION_FAILED"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			s := start(t, func(c *idpool.Config) {
				p := &c.IdentityProviders[0].IdentityPools[0]
				p.RoleBindings = nil
				if row.role != "" {
					p.RoleBindings = []pool.RoleBinding{{Role: row.role, Cluster: acmeCluster, Resource: "topic=orders"}}
				}
			})
			code, stdout, stderr := drive(t, atStack(s, "-records", "10")...)
			if code != 1 || stdout != "" || !strings.Contains(stderr, row.want) {
				t.Errorf("exit code %d, want 1 with %q:\n%s%s", code, row.want, stdout, stderr)
			}
		})
	}
}

// closedPort is one at which nothing listens, and that no system gives to
// connections meanwhile.
func closedPort(t *testing.T) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(12000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port was found")
	return ""
}

func TestKafkaUsageErrors(t *testing.T) {
	for _, row := range []struct {
		reason string
		args   []string
		want   string
	}{
		{"another host", []string{"broker.example.com:9092"}, `"broker.example.com" is not this machine`},
		{"the network", []string{"192.168.1.10:9092"}, `"192.168.1.10" is not this machine`},
		{"every address", []string{"0.0.0.0:9092"}, `"0.0.0.0" is not this machine`},
		{"no host", []string{":9092"}, `"" is not this machine`},
		{"a host that begins like loopback", []string{"127.0.0.1.example.com:9092"}, "is not this machine"},
		{"another IPv6 address", []string{"[2001:db8::1]:9092"}, `"2001:db8::1" is not this machine`},
		{"a token endpoint elsewhere", []string{"-url", "https://login.microsoftonline.com/token"}, `-url: "login.microsoftonline.com" is not this machine`},
		{"no port", []string{"localhost"}, "the BOOTSTRAP is no HOST:PORT"},
		{"a port that is none", []string{"localhost:kafka"}, "the BOOTSTRAP is no HOST:PORT"},
		{"a secret astray", []string{acmeSecret}, "the BOOTSTRAP is no HOST:PORT"},
		{"two brokers", []string{"localhost:9092", "localhost:9093"}, "want one BOOTSTRAP after the flags, got 2 arguments"},
		{"a flag of the other mode", []string{"-signing", "1s"}, "flag provided but not defined: -signing"},
		{"no connection", []string{"-connections", "0"}, "-connections: got 0, want 1 to 1024"},
		{"logins without end", []string{"-duration", "1h"}, "-duration: got 1h0m0s"},
		{"more records than memory", []string{"-records", "50001"}, "-records: got 50001, want 0 to 50000"},
		{"a negative number of single records", []string{"-singles", "-1"}, "-singles: got -1, want 0 to 50000"},
		{"no turn", []string{"-turns", "0"}, "-turns: got 0, want 1 to 9"},
		{"turns without end", []string{"-turns", "10"}, "-turns: got 10, want 1 to 9"},
		{"more connections than ports", []string{"-idle", "20001"}, "-idle: got 20001, want 0 to 20000"},
		{"no topic", []string{"-topic", ""}, `-topic: got "", want the name of a topic`},
	} {
		t.Run(row.reason, func(t *testing.T) {
			code, stdout, stderr := drive(t, append([]string{"kafka"}, row.args...)...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, row.want) {
				t.Errorf("exit code %d, want 2 with %q:\n%s%s", code, row.want, stdout, stderr)
			}
			if !strings.HasPrefix(stderr, "load: ") || !strings.Contains(stderr, `hint: "go run ./internal/load kafka -h" lists`) {
				t.Errorf("no prefix or no hint in %q", stderr)
			}
		})
	}
}

// The defaults are the built-in tenant's, and -h shows all but the secret.
func TestKafkaDefaults(t *testing.T) {
	s, err := parseKafka(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := idpool.Acme()
	cluster := c.Clusters[0]
	if s.broker.address != "localhost:9092" || s.broker.cluster != cluster.ID || s.topic != cluster.Topics[0].Name || s.broker.pool != c.IdentityProviders[0].IdentityPools[0].ID {
		t.Errorf("broker %+v, topic %q", s.broker, s.topic)
	}
	if s.idle != 5000 || s.target.url.String() != acmeURL || s.client.secret != acmeSecret {
		t.Errorf("settings %+v", s)
	}
	code, stdout, stderr := drive(t, "kafka", "-h")
	if code != 0 || stderr != "" || !strings.Contains(stdout, "-idle N") || !strings.Contains(stdout, "[BOOTSTRAP]") {
		t.Errorf("-h: exit code %d:\n%s%s", code, stdout, stderr)
	}
}

func TestIdleStopsAtTheLimitOfOpenFiles(t *testing.T) {
	stack := start(t, nil)
	s, err := parseKafka(atStack(stack, "-idle", "9")[1:])
	if err != nil {
		t.Fatal(err)
	}
	s.files = func() int { return sparedFiles + 2 }
	var out strings.Builder
	if err := s.measure(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if want := "idle     2 connections, "; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, &out)
	}
	if want := "9 were wanted: this process may have 66 files open (ulimit -n)\n"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, &out)
	}
	if got := openFiles(); got <= 0 {
		t.Errorf("the system's limit is %d files", got)
	}
}

func TestIdleMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems have no /proc")
	}
	pid := strconv.Itoa(os.Getpid())
	code, stdout, stderr := drive(t, atStack(start(t, nil), "-idle", "3", "-rss", pid)...)
	if code != 0 || !strings.Contains(stdout, "memory   PID "+pid+": ") || !strings.Contains(stdout, " kB a connection\n") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	code, _, stderr = drive(t, "kafka", "-idle", "0", "-rss", pid)
	if code != 2 || !strings.Contains(stderr, "-rss: got "+pid+", want -idle of 1 at least") {
		t.Errorf("no idle connections: exit code %d: %s", code, stderr)
	}
}

// Whoever runs out of time is told of how much.
func TestTurnEnds(t *testing.T) {
	over := errors.New("no end in 1m0s")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Nanosecond, over)
	defer cancel()
	<-ctx.Done()
	stack := start(t, nil)
	s := side{"target", acmeTopic, []kgo.Opt{kgo.SeedBrokers(stack.Kafka)}}
	if _, _, err := s.produce(ctx, 1); cause(ctx, err) != over {
		t.Errorf("produce: %v, want %v", err, over)
	}
	if _, err := s.consume(ctx, nil, 1); cause(ctx, err) != over {
		t.Errorf("consume: %v, want %v", err, over)
	}
	if err := cause(ctx, errInterrupted); err != errInterrupted {
		t.Errorf("another error became %v", err)
	}
}

// An interrupt does not wait for a broker that does not answer.
func TestKafkaInterrupt(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	b := script(t, func(n int64, conn net.Conn) bool {
		if n == 3 { // the first looks whether anybody is there
			interrupt()
			_, _ = conn.Read(make([]byte, 1))
			return false
		}
		return admits(conn)
	})
	code, stdout, stderr := driveUntil(ctx, t, at(serve(t, azure(t)), b.address, "-connections", "1")...)
	if code != 1 || stdout != "" || stderr != "load: interrupted, nothing was measured\n" {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
}

// The client by itself waits for the answer to what it has sent, for as long as
// a server that hangs keeps the connection open.
func TestInterruptEndsARecordThatWasSent(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, acmeTopic))
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	hang := make(chan struct{})
	defer close(hang)
	fake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		interrupt()
		<-hang
		return nil, nil, false
	})
	ended := make(chan error, 1)
	go func() {
		_, _, err := side{"target", acmeTopic, []kgo.Opt{kgo.SeedBrokers(fake.ListenAddrs()...)}}.produce(ctx, 1)
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
	case <-time.After(time.Minute):
		t.Error("it waits for the answer")
	}
}

func TestKafkaDurationEndsTheLoad(t *testing.T) {
	b := script(t, func(_ int64, conn net.Conn) bool { return admits(conn) })
	code, r := driveKafka(t, at(serve(t, azure(t)), b.address, "-count", "0", "-duration", "500ms")...)
	if code != 0 || r.Logins == 0 || int64(r.Logins) != b.seen.Load()-1 {
		t.Errorf("exit code %d, %d logins of %d connections", code, r.Logins, b.seen.Load())
	}
}
