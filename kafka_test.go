package idpool

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	extensions := map[string]string{"logicalCluster": "lkc-acme"}
	if pools != "" {
		extensions["identityPoolId"] = pools
	}
	options := append([]kgo.Opt{
		kgo.SeedBrokers(s.Kafka),
		kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
			token, err := s.Token(ctx, idp.TokenRequest{Tenant: acmeTenant, ClientID: acmeClient, Scope: acmeScope, InsecureSkipCredential: true})
			return oauth.Auth{Token: token.AccessToken, Extensions: extensions}, err
		})),
		kgo.RetryTimeout(5 * time.Second),
		kgo.RecordDeliveryTimeout(5 * time.Second),
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
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
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
