package idpool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/pool"
)

// insideConfig has a listener inside, by a name that only clients there know.
func insideConfig() Config {
	c := kafkaConfig()
	c.Listeners.Kafka.Inside = KafkaInside{Address: freePort, Advertised: "idpool.inside"}
	return c
}

// insideDialer connects clients of the network inside, where nothing but the
// names under idpool.inside is known.
func insideDialer(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host != "idpool.inside" {
		return nil, fmt.Errorf("%s is not reachable from inside", address)
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
}

// insideClient is franz-go in the network inside.
func insideClient(t *testing.T, s *Stack, pools string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	return kafkaClient(t, s, pools, append([]kgo.Opt{kgo.SeedBrokers(s.KafkaInside), kgo.Dialer(insideDialer)}, more...)...)
}

// TestKafkaInside: records go in by one listener and come out by the other, and
// no client is told where the other one is.
func TestKafkaInside(t *testing.T) {
	for _, tt := range []struct {
		name   string
		behind func(*testing.T, *Config)
	}{
		{"the embedded cluster", func(*testing.T, *Config) {}},
		{"a real cluster", func(t *testing.T, c *Config) { behindGateway(t, c) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := insideConfig()
			tt.behind(t, &c)
			s := startKafka(t, c)
			if host, _, _ := net.SplitHostPort(s.KafkaInside); host != "idpool.inside" {
				t.Errorf("inside is %q", s.KafkaInside)
			}
			produceConsume(t, s, "pool-dev", "orders", "outside", 20)
			ctx, cancel := context.WithTimeout(t.Context(), kafkaPatience)
			defer cancel()
			if err := insideClient(t, s, "pool-dev").ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("from inside")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			consumer := insideClient(t, s, "pool-dev", kgo.ConsumerGroup("inside"), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			for got := 0; got < 21; {
				fetches := consumer.PollFetches(ctx)
				if err := fetches.Err(); err != nil {
					t.Fatalf("after %d: %v", got, err)
				}
				got += fetches.NumRecords()
			}
		})
	}
}

// TestKafkaInsideTakesWhatTheOtherTakes: TLS with a certificate that names it,
// role bindings, faults, scopes and the journal.
func TestKafkaInsideTakesWhatTheOtherTakes(t *testing.T) {
	s := startKafka(t, insideConfig())
	t.Run("SASL_SSL", func(t *testing.T) {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(s.CA())
		secure := kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := insideDialer(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return tls.Client(conn, &tls.Config{RootCAs: roots, ServerName: "idpool.inside"}), nil
		})
		if err := insideClient(t, s, "pool-dev", secure).Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
	t.Run("role bindings", func(t *testing.T) {
		err := insideClient(t, s, "pool-prod", kgo.RetryTimeout(time.Second)).Ping(t.Context())
		if !errors.Is(err, kerr.SaslAuthenticationFailed) {
			t.Errorf("a pool that does not match: %v", err)
		}
	})
	t.Run("faults", func(t *testing.T) {
		f := addFault(t, s.Scope, fault.Fault{Endpoint: "kafka-login", Error: "the cloud is on holiday", Times: 1})
		err := insideClient(t, s, "pool-dev").Ping(t.Context())
		if err == nil || !strings.Contains(err.Error(), "the cloud is on holiday") {
			t.Errorf("%v", err)
		}
		if n := s.Journal().Count(journal.Filter{Endpoint: journal.EndpointKafkaLogin, Fault: f.ID}); n != 1 {
			t.Errorf("%d entries in the journal", n)
		}
		f = addFault(t, s.Scope, fault.Fault{Endpoint: "tls", Close: true, When: "listener == 'kafka'", Times: 1})
		_, port, _ := net.SplitHostPort(s.KafkaInside)
		if conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", port), &tls.Config{InsecureSkipVerify: true}); err == nil {
			t.Error("a handshake that is broken off succeeded")
			conn.Close()
		}
		if n := s.Journal().Count(journal.Filter{Endpoint: journal.EndpointTLS, Fault: f.ID}); n != 1 {
			t.Errorf("%d handshakes in the journal", n)
		}
	})
	t.Run("scopes", func(t *testing.T) {
		scope := newScope(t, s)
		if err := scope.SetRoleBindings(t.Context(), scope.PoolID("pool-dev"), []pool.RoleBinding{{Role: "DeveloperRead", Cluster: "lkc-acme", Resource: "topic=orders"}}); err != nil {
			t.Fatal(err)
		}
		c, err := kgo.NewClient(kgo.SeedBrokers(s.KafkaInside), kgo.Dialer(insideDialer), kgo.DisableIdempotentWrite(), kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, err := scope.Mint(ctx, idp.MintRequest{})
			return oauth.Auth{Token: token.AccessToken, Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": scope.PoolID("pool-dev")}}, err
		})))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		err = c.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr()
		if !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("%v, want what the scope's role bindings say", err)
		}
		if n := scope.Journal().Count(journal.Filter{Endpoint: journal.EndpointKafkaLogin, Outcome: journal.OutcomeOK}); n == 0 {
			t.Error("no login in the scope's journal")
		}
	})
}

// freePorts are addresses of 127.0.0.1 that nobody listens at, and that no system
// gives to connections meanwhile.
func freePorts(t *testing.T, n int) (all []string) {
	t.Helper()
	for range 100 * n {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000))))
		if err != nil {
			continue
		}
		defer l.Close()
		if all = append(all, l.Addr().String()); len(all) == n {
			return all
		}
	}
	t.Fatalf("no %d ports are free", n)
	return nil
}

// TestGatewayAtTheSamePorts: two stacks of one config, as replicas are, place
// every broker at the same port, whoever is asked first and for what.
func TestGatewayAtTheSamePorts(t *testing.T) {
	c := insideConfig()
	behindGateway(t, &c)
	// Each replica is a machine of its own, and this test has one: what is told is
	// the same, and not what is listened at.
	for id := range int32(3) {
		c.Listeners.Kafka.Brokers = append(c.Listeners.Kafka.Brokers, KafkaBroker{ID: id, Address: freePort, Advertised: fmt.Sprintf("kafka.test:%d", 9093+id)})
		c.Listeners.Kafka.Inside.Brokers = append(c.Listeners.Kafka.Inside.Brokers, KafkaBroker{ID: id, Address: freePort, Advertised: fmt.Sprintf("broker-%d.inside:19092", id)})
	}
	for range 2 {
		s := startKafka(t, c)
		if got, want := brokersTold(t, kafkaClient(t, s, "pool-dev")), "[kafka.test:9093 kafka.test:9094 kafka.test:9095]"; got != want {
			t.Errorf("outside: %s, want %s", got, want)
		}
		if got, want := brokersTold(t, insideClient(t, s, "pool-dev")), "[broker-0.inside:19092 broker-1.inside:19092 broker-2.inside:19092]"; got != want {
			t.Errorf("inside: %s, want %s", got, want)
		}
	}
}

// brokersTold are the addresses of brokers that a client's bootstrap address
// tells.
func brokersTold(t *testing.T, client *kgo.Client) string {
	t.Helper()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{}
	response, err := client.SeedBrokers()[0].Request(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, b := range response.(*kmsg.MetadataResponse).Brokers {
		all = append(all, net.JoinHostPort(b.Host, kafkaPort(b.Port)))
	}
	slices.Sort(all)
	return fmt.Sprint(all)
}

// TestCertificateNamesKafkaAddresses that clients are told.
func TestCertificateNamesKafkaAddresses(t *testing.T) {
	c := insideConfig()
	c.Listeners.Kafka.Advertised = "kafka.test:9092"
	c.Listeners.Kafka.Brokers = []KafkaBroker{{ID: 1, Address: freePort, Advertised: "one.test"}, {ID: 2, Address: freePort}}
	c.Listeners.Kafka.Inside.Brokers = []KafkaBroker{{ID: 1, Address: freePort, Advertised: "[fd00::1]:9093"}}
	c.Kafka.Upstream.Bootstrap = []string{"127.0.0.1:1"}
	s := startKafka(t, c)
	for _, name := range []string{"kafka.test", "idpool.inside", "one.test", "fd00::1"} {
		if err := s.certificate.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}

// TestKafkaListenersThatCannotBe are refused by the setting that is wrong.
func TestKafkaListenersThatCannotBe(t *testing.T) {
	for _, tt := range []struct{ kafka, want string }{
		{`inside: {advertised: idpool}`, "listeners.kafka.inside.address: is missing"},
		{`inside: {brokers: [{id: 1, address: "0.0.0.0:9093"}]}`, "listeners.kafka.inside.address: is missing"},
		{`inside: {address: "0.0.0.0:19092"}`, "listeners.kafka.inside.advertised: is missing, and clients of the network"},
		{`inside: {address: nonsense}`, `listeners.kafka.inside.address: "nonsense" is no address`},
		{`inside: {address: "0.0.0.0:19092", advertised: "0.0.0.0:19092"}`, `listeners.kafka.inside.advertised: "0.0.0.0:19092" is no address`},
		{`address: "0.0.0.0:9092", inside: {address: "0.0.0.0:9092", advertised: idpool}`, `listeners.kafka.inside.address: "0.0.0.0:9092" is that of listeners.kafka.address already`},
		{`advertised: "idpool:1", inside: {address: "0.0.0.0:19092", advertised: "idpool:1"}`, `listeners.kafka.inside.advertised: "idpool:1" is what clients are told of another listener already`},
		{`address: "0.0.0.0:9092", inside: {address: "0.0.0.0:19092", advertised: idpool, brokers: [{id: 1, address: "0.0.0.0:19093", advertised: "localhost:9092"}]}`, `listeners.kafka.inside.brokers[0].advertised: "localhost:9092" is what clients are told`},
		{`brokers: [{id: -1, address: "0.0.0.0:9093"}]`, "listeners.kafka.brokers[0].id: -1 is no id of a broker"},
		{`brokers: [{id: 1, address: "0.0.0.0:9093"}, {id: 1, address: "0.0.0.0:9094"}]`, "listeners.kafka.brokers[1].id: broker 1 occurs twice"},
		{`brokers: [{id: 1, address: "0.0.0.0:9093"}, {id: 2, address: "0.0.0.0:9093"}]`, `listeners.kafka.brokers[1].address: "0.0.0.0:9093" is that of listeners.kafka.brokers[0].address already`},
		{`brokers: [{id: 1, address: "0.0.0.0:9093", advertised: "h:1"}, {id: 2, address: "0.0.0.0:9094", advertised: "h:1"}]`, `listeners.kafka.brokers[1].advertised: "h:1" is what clients are told of another listener already`},
		{`address: "0.0.0.0:9092", brokers: [{id: 1, address: "0.0.0.0:9093", advertised: "localhost:9092"}]`, `listeners.kafka.brokers[0].advertised: "localhost:9092" is what clients are told`},
		{`brokers: [{id: 1}]`, `listeners.kafka.brokers[0].address: "" is no address`},
		{`brokers: [{id: 1, address: off}]`, `listeners.kafka.brokers[0].address: "off" is no address`},
		{`brokers: [{id: 1, address: "0.0.0.0:9093", advertised: "a b"}]`, `listeners.kafka.brokers[0].advertised: "a b" is no address`},
		{`inside: {address: "0.0.0.0:19092", brokers: [{id: 1, address: "0.0.0.0:19092"}]}`, `listeners.kafka.inside.brokers[0].address: "0.0.0.0:19092" is that of listeners.kafka.inside.address already`},
	} {
		config := "listeners: {kafka: {" + tt.kafka + "}}\nkafka: {upstream: {bootstrap: [\"b:9092\"]}}\n"
		_, err := Parse("x.yaml", []byte(config))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.kafka, err, tt.want)
		}
	}
	for _, fine := range []string{
		`address: "127.0.0.1:0", inside: {address: "127.0.0.1:9092"}`, // nobody knows the first one's port yet
		`address: off, inside: {address: "127.0.0.1:9092"}`,
	} {
		if _, err := Parse("x.yaml", []byte("listeners: {kafka: {"+fine+"}}\n")); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
	const embedded = "listeners: {kafka: {inside: {address: \"0.0.0.0:19092\", brokers: [{id: 1, address: \"0.0.0.0:19093\"}]}}}\n"
	if _, err := Parse("x.yaml", []byte(embedded)); err == nil || !strings.Contains(err.Error(), "listeners.kafka.inside.brokers: mean nothing without kafka.upstream.bootstrap") {
		t.Errorf("%v", err)
	}
}

// TestAKafkaPortInUseIsNamedWithItsFlag, and what was opened before is closed.
func TestAKafkaPortInUseIsNamedWithItsFlag(t *testing.T) {
	taken, err := net.Listen("tcp", freePort)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at, free := taken.Addr().String(), freePorts(t, 2)
	for _, tt := range []struct {
		change func(*KafkaListener)
		want   string
	}{
		{func(k *KafkaListener) { k.Inside.Address = at }, "--kafka-inside HOST:PORT, IDPOOL_KAFKA_INSIDE or listeners.kafka.inside.address"},
		{func(k *KafkaListener) { k.Brokers = []KafkaBroker{{ID: 7, Address: at}} }, "--kafka-brokers, IDPOOL_KAFKA_BROKERS or listeners.kafka.brokers[0].address"},
		{func(k *KafkaListener) {
			k.Inside = KafkaInside{Address: free[1], Brokers: []KafkaBroker{{ID: 7, Address: at}}}
		}, "--kafka-inside-brokers, IDPOOL_KAFKA_INSIDE_BROKERS or listeners.kafka.inside.brokers[0].address"},
	} {
		c := kafkaConfig()
		c.Kafka.Upstream.Bootstrap = []string{"127.0.0.1:1"}
		c.Listeners.Kafka.Address = free[0]
		tt.change(&c.Listeners.Kafka)
		_, err := Start(t.Context(), c)
		if err == nil || !strings.Contains(err.Error(), at+" is in use") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
		for _, address := range free {
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Errorf("what was opened before is still open: %v", err)
				continue
			}
			l.Close()
		}
	}
}
