package idpool

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// The names of the Acme config.
const (
	acmeTenant = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	acmeClient = "75f2f796-363d-4de2-b299-713920db01a7"
	acmeScope  = "api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default"
)

// kafkaPatience is how long a test waits for what must come: far longer than it
// takes.
const kafkaPatience = time.Minute

// kafkaConfig is the Acme config with topics, and with a pool for each role
// under test.
func kafkaConfig() Config {
	c := Acme()
	c.Listeners.HTTPS.Address = Off
	c.Clusters[0].Topics = []Topic{{Name: "orders", Partitions: 3}, {Name: "orders-eu", Partitions: 1}, {Name: "billing", Partitions: 1}}
	return c
}

func startKafka(t *testing.T, c Config) *Stack {
	t.Helper()
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// kafkaClient is franz-go, logged in by a pool; pools is as on the wire.
func kafkaClient(t *testing.T, s *Stack, pools string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	return kafkaClientOf(t, s, "lkc-acme", pools, more...)
}

func kafkaClientOf(t *testing.T, s *Stack, cluster, pools string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	extensions := map[string]string{"logicalCluster": cluster}
	if pools != "" {
		extensions["identityPoolId"] = pools
	}
	options := append([]kgo.Opt{
		kgo.SeedBrokers(s.Kafka),
		kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, err := s.Token(ctx, idp.TokenRequest{Tenant: acmeTenant, ClientID: acmeClient, Scope: acmeScope, InsecureSkipCredential: true})
			return oauth.Auth{Token: token.AccessToken, Extensions: extensions}, err
		})),
		kgo.RetryTimeout(kafkaPatience),
		kgo.RecordDeliveryTimeout(kafkaPatience),
	}, more...)
	c, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// produceConsume sends records to a topic and reads them in a group, committing.
func produceConsume(t *testing.T, s *Stack, pools, topic, group string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kafkaPatience)
	defer cancel()
	producer := kafkaClient(t, s, pools)
	for i := range n {
		producer.Produce(ctx, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "record %d", i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("produce: %v", err)
			}
		})
	}
	if err := producer.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	consumer := kafkaClient(t, s, pools, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	got := 0
	for got < n {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d: %v", got, n, err)
		}
		got += fetches.NumRecords()
	}
	if err := consumer.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	committed := int64(0)
	for _, p := range consumer.CommittedOffsets()[topic] {
		committed += p.Offset
	}
	if committed != int64(n) {
		t.Errorf("committed %d, want %d", committed, n)
	}
}

func TestKafkaClientsProduceAndConsume(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	produceConsume(t, s, "pool-dev", "orders", "billing-service", 100)
	t.Run("by auto pool mapping", func(t *testing.T) { produceConsume(t, s, "", "orders-eu", "other", 10) })
}

// TestKafkaOverTLS has both protocols at one port, as the listener is by
// default.
func TestKafkaOverTLS(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	secure := kgo.DialTLSConfig(&tls.Config{RootCAs: roots})
	if err := kafkaClient(t, s, "pool-dev", secure).Ping(t.Context()); err != nil {
		t.Errorf("SASL_SSL: %v", err)
	}
	if err := kafkaClient(t, s, "pool-dev").Ping(t.Context()); err != nil {
		t.Errorf("SASL_PLAINTEXT: %v", err)
	}
}

// TestKafkaProtocolOfItsOwn has one protocol only, and says in the log what the
// other's clients have to change.
func TestKafkaProtocolOfItsOwn(t *testing.T) {
	for _, tt := range []struct{ protocol, wrong, want string }{
		{"SASL_SSL", "plaintext", "set security.protocol to SASL_SSL"},
		{"SASL_PLAINTEXT", "tls", "set security.protocol to SASL_PLAINTEXT"},
	} {
		t.Run(tt.protocol, func(t *testing.T) {
			c := kafkaConfig()
			c.Listeners.Kafka.SecurityProtocol = tt.protocol
			var log lockedBuffer
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			s := startKafka(t, c)
			insecure := kgo.DialTLSConfig(&tls.Config{InsecureSkipVerify: true})
			right, wrong := []kgo.Opt{insecure}, []kgo.Opt(nil)
			if tt.wrong == "tls" {
				right, wrong = wrong, right
			}
			if err := kafkaClient(t, s, "pool-dev", right...).Ping(t.Context()); err != nil {
				t.Error(err)
			}
			if err := kafkaClient(t, s, "pool-dev", append(wrong, kgo.RetryTimeout(time.Second))...).Ping(t.Context()); err == nil {
				t.Error("the other protocol is taken too")
			}
			log.await(t, tt.want)
		})
	}
}

func TestKafkaKeepsItsDataInAFolder(t *testing.T) {
	c := kafkaConfig()
	c.Kafka.Data = t.TempDir()
	s := startKafka(t, c)
	produceConsume(t, s, "pool-dev", "orders", "before", 20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// The pool may do less now, and nothing of what it could before is kept.
	c.IdentityProviders[0].IdentityPools[0].RoleBindings = []pool.RoleBinding{
		{Role: "DeveloperRead", Cluster: "lkc-acme", Resource: "topic=orders"}, {Role: "DeveloperRead", Cluster: "lkc-acme", Resource: "group=*"}}
	again := startKafka(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), kafkaPatience)
	defer cancel()
	consumer := kafkaClient(t, again, "pool-dev", kgo.ConsumerGroup("after"), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for got := 0; got < 20; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d records: %v", got, err)
		}
		got += fetches.NumRecords()
	}
	err := kafkaClient(t, again, "pool-dev", kgo.DisableIdempotentWrite()).ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("%v, want what the role bindings say now", err)
	}
}

func TestKafkaAllowAll(t *testing.T) {
	c := kafkaConfig()
	c.IdentityProviders[0].IdentityPools[0].RoleBindings = nil
	c.Kafka.Authorization = "allow-all"
	s := startKafka(t, c)
	produceConsume(t, s, "pool-dev", "orders", "g", 5)
}

// TestClustersAreApart: each cluster of the config has topics and role bindings
// of its own, though all are at one port.
func TestClustersAreApart(t *testing.T) {
	c := kafkaConfig()
	c.Clusters = append(c.Clusters, Cluster{ID: "lkc-other", Topics: []Topic{{Name: "others"}}})
	c.IdentityProviders[0].IdentityPools[0].RoleBindings = append(c.IdentityProviders[0].IdentityPools[0].RoleBindings, pool.RoleBinding{Role: "Operator", Cluster: "lkc-other"})
	s := startKafka(t, c)
	for cluster, want := range map[string]string{"lkc-acme": "[billing orders orders-eu]", "lkc-other": "[others]"} {
		metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), kafkaClientOf(t, s, cluster, "pool-dev"))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, topic := range metadata.Topics {
			names = append(names, *topic.Topic)
		}
		slices.Sort(names)
		if got := fmt.Sprint(names); got != want || *metadata.ClusterID != cluster {
			t.Errorf("%s: %s in %s, want %s", cluster, got, *metadata.ClusterID, want)
		}
	}
}

// TestTopicsWithThreeCopies: Confluent Cloud keeps three, so that this is what
// applications ask for.
func TestTopicsWithThreeCopies(t *testing.T) {
	client := kafkaClient(t, startKafka(t, kafkaConfig()), "pool-dev")
	for copies, want := range map[int16]error{-1: nil, 1: nil, 3: nil, 4: kerr.InvalidReplicationFactor} {
		request := kmsg.NewPtrCreateTopicsRequest()
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = fmt.Sprintf("copies-%d", copies), 2, copies
		request.Topics = append(request.Topics, topic)
		response, err := request.RequestWith(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		if got := kerr.ErrorForCode(response.Topics[0].ErrorCode); !errors.Is(got, want) {
			t.Errorf("%d copies: %v, want %v", copies, got, want)
		}
	}
}

func TestVerboseErrors(t *testing.T) {
	c := kafkaConfig()
	c.Kafka.Errors = "verbose"
	s := startKafka(t, c)
	err := kafkaClient(t, s, "pool-prod").Ping(t.Context())
	for _, want := range []string{"check filter", "role-not-assigned", "Fix: ", "Entra admin center"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestRoleBindingsAreEnforced(t *testing.T) {
	c := kafkaConfig()
	pools := &c.IdentityProviders[0].IdentityPools
	everybody := func(id string, bindings ...pool.RoleBinding) pool.Config {
		return pool.Config{ID: id, IdentityClaim: "claims.azp", Filter: "has(claims.azp)", RoleBindings: bindings}
	}
	on := func(role, resource string) pool.RoleBinding {
		return pool.RoleBinding{Role: role, Cluster: "lkc-acme", Resource: resource}
	}
	*pools = append(*pools,
		everybody("pool-reader", on("DeveloperRead", "topic=orders*"), on("DeveloperRead", "group=app")),
		everybody("pool-writer", on("DeveloperWrite", "topic=orders")),
		everybody("pool-nobody"))
	var log lockedBuffer
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s := startKafka(t, c)
	produce := func(pools, topic string) error {
		return kafkaClient(t, s, pools).ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr()
	}
	for _, tt := range []struct {
		reason, pools, topic string
		want                 error
	}{
		{"an admin may", "pool-dev", "orders", nil},
		{"a writer may, by the exact name", "pool-writer", "orders", nil},
		{"a writer may not, by a name that begins so", "pool-writer", "orders-eu", kerr.TopicAuthorizationFailed},
		{"a reader may not, whose producer asks for an id first", "pool-reader", "orders", kerr.ClusterAuthorizationFailed},
		{"nobody may not", "pool-nobody", "orders", kerr.TopicAuthorizationFailed},
		{"two pools on one connection are united", "pool-reader,pool-writer", "orders", nil},
	} {
		if err := produce(tt.pools, tt.topic); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.reason, err, tt.want)
		}
	}
	t.Run("the log says what was denied to whom", func(t *testing.T) {
		const want = `msg="kafka operation denied" client=127.0.0.1:`
		line := log.String()
		for _, part := range []string{want, "request=Metadata error=TOPIC_AUTHORIZATION_FAILED resource=\"topic=orders\" cause=no-role-binding principal=User:pool-nobody", "request=InitProducerID error=CLUSTER_AUTHORIZATION_FAILED resource=cluster"} {
			if !strings.Contains(line, part) {
				t.Errorf("no %s in %s", part, line)
			}
		}
	})
	t.Run("a union reads and writes in its group", func(t *testing.T) {
		client := kafkaClient(t, s, "pool-writer,pool-reader", kgo.ConsumerGroup("app"), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		if fetches := client.PollFetches(t.Context()); fetches.Err() != nil || fetches.NumRecords() == 0 {
			t.Errorf("%v, %d records", fetches.Err(), fetches.NumRecords())
		}
	})
	t.Run("bindings changed while running count from the next request", func(t *testing.T) {
		client := kafkaClient(t, s, "pool-nobody")
		request := kmsg.NewPtrCreateTopicsRequest()
		request.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: "made", NumPartitions: 1, ReplicationFactor: 1}}
		code := func() int16 {
			response, err := request.RequestWith(t.Context(), client)
			if err != nil {
				t.Fatal(err)
			}
			return response.Topics[0].ErrorCode
		}
		if got := code(); got != kerr.TopicAuthorizationFailed.Code {
			t.Errorf("before: %v", kerr.ErrorForCode(got))
		}
		before := s.broker.Logins()
		if err := s.SetRoleBindings(t.Context(), "pool-nobody", []pool.RoleBinding{on("DeveloperManage", "topic=ma*")}); err != nil {
			t.Fatal(err)
		}
		if got := code(); got != 0 {
			t.Errorf("after: %v", kerr.ErrorForCode(got))
		}
		request.Topics[0].Topic = "made-too"
		if err := s.SetRoleBindings(t.Context(), "pool-nobody", nil); err != nil {
			t.Fatal(err)
		}
		if got := code(); got != kerr.TopicAuthorizationFailed.Code {
			t.Errorf("taken away: %v", kerr.ErrorForCode(got))
		}
		if after := s.broker.Logins(); after != before {
			t.Errorf("the client logged in again: %d, then %d", before, after)
		}
	})
	t.Run("a wrong binding changes nothing and is named", func(t *testing.T) {
		err := s.SetRoleBindings(t.Context(), "pool-nobody", []pool.RoleBinding{on("DeveloperReed", "topic=x")})
		if err == nil || !strings.Contains(err.Error(), "DeveloperRead") {
			t.Errorf("%v", err)
		}
		if err := s.SetRoleBindings(t.Context(), "pool-no", nil); err == nil || !strings.Contains(err.Error(), "pool-no") {
			t.Errorf("%v", err)
		}
	})
}

// lockedBuffer is a buffer that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *lockedBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *lockedBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// await waits for a text: the line of a connection is written once that is closed.
func (s *lockedBuffer) await(t *testing.T, want string) {
	t.Helper()
	for over := time.Now().Add(kafkaPatience); !strings.Contains(s.String(), want); time.Sleep(time.Millisecond) {
		if time.Now().After(over) {
			t.Errorf("the log has no %q: %s", want, s.String())
			return
		}
	}
}

// TestUpstreamUsersInAFile: a map of users panicked in every command that reads
// a config.
func TestUpstreamUsersInAFile(t *testing.T) {
	const upstream = `kafka:
  upstream:
    bootstrap: ["broker:9092"]
    users:
      pool-dev: {username: dev, password: secret}
`
	c, err := Parse("x.yaml", append(AcmeYAML, upstream...))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Kafka.Upstream.Users["pool-dev"]; got != (KafkaUser{"dev", "secret"}) {
		t.Errorf("%+v", got)
	}
	if w := strings.Join(c.Warnings(), "\n"); !strings.Contains(w, "without kafka.upstream.user") {
		t.Errorf("no warning that others have no user: %s", w)
	}
}
