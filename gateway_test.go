package idpool

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// behindGateway puts a config before a kfake of three brokers with users.
func behindGateway(t *testing.T, c *Config, more ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	upstream, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(3), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "idpool", "pass,word=1"),
		kfake.SeedTopics(3, "orders", "orders-eu", "billing"),
	}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(upstream.Close)
	c.Kafka.Upstream = KafkaUpstream{Bootstrap: upstream.ListenAddrs()[:1], User: KafkaUser{"idpool", "pass,word=1"}}
	return upstream
}

func TestGatewayCarriesClients(t *testing.T) {
	c := kafkaConfig()
	upstream := behindGateway(t, &c)
	s := startKafka(t, c)
	produceConsume(t, s, "pool-dev", "orders", "billing-service", 100)
	t.Run("no address of the cluster is told", func(t *testing.T) {
		client := kafkaClient(t, s, "pool-dev")
		metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		described, err := kmsg.NewPtrDescribeClusterRequest().RequestWith(t.Context(), client)
		if err != nil || len(described.Brokers) != 3 {
			t.Fatalf("%d brokers, %v", len(described.Brokers), err)
		}
		var told []string
		for _, b := range metadata.Brokers {
			told = append(told, net.JoinHostPort(b.Host, kafkaPort(b.Port)))
		}
		for _, b := range described.Brokers {
			told = append(told, net.JoinHostPort(b.Host, kafkaPort(b.Port)))
		}
		if len(told) != 6 {
			t.Errorf("%d addresses, want those of three brokers twice", len(told))
		}
		for _, address := range told {
			for _, real := range upstream.ListenAddrs() {
				if strings.TrimPrefix(address, "localhost") == strings.TrimPrefix(real, "127.0.0.1") {
					t.Errorf("%s is the cluster's own", address)
				}
			}
		}
	})
}

func TestGatewayEnforcesRoleBindings(t *testing.T) {
	c := kafkaConfig()
	c.IdentityProviders[0].IdentityPools = append(c.IdentityProviders[0].IdentityPools, pool.Config{
		ID: "pool-reader", IdentityClaim: "claims.azp", Filter: "has(claims.azp)", RoleBindings: []pool.RoleBinding{
			{Role: "DeveloperRead", Cluster: "lkc-acme", Resource: "topic=orders"}, {Role: "DeveloperWrite", Cluster: "lkc-acme", Resource: "topic=orders-eu"},
		}})
	behindGateway(t, &c)
	s := startKafka(t, c)
	client := kafkaClient(t, s, "pool-reader", kgo.DisableIdempotentWrite())
	results := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}, &kgo.Record{Topic: "orders-eu", Value: []byte("x")})
	for _, r := range results {
		want := error(nil)
		if r.Record.Topic == "orders" {
			want = kerr.TopicAuthorizationFailed
		}
		if !errors.Is(r.Err, want) {
			t.Errorf("%s: %v, want %v", r.Record.Topic, r.Err, want)
		}
	}
	if err := s.SetRoleBindings(t.Context(), "pool-reader", []pool.RoleBinding{{Role: "ResourceOwner", Cluster: "lkc-acme", Resource: "topic=orders"}}); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err != nil {
		t.Errorf("bindings changed while running: %v", err)
	}
}

func TestGatewayUserOfAPool(t *testing.T) {
	c := kafkaConfig()
	behindGateway(t, &c, kfake.EnableACLs(), kfake.User("SCRAM-SHA-256", "reader", "r", kfake.ACL{
		Resource: kmsg.ACLResourceTypeTopic, Name: "orders", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: kmsg.ACLOperationRead, Allow: true}))
	c.Kafka.Upstream.Users = map[string]KafkaUser{"pool-dev": {"reader", "r"}}
	s := startKafka(t, c)
	err := kafkaClient(t, s, "pool-dev", kgo.DisableIdempotentWrite()).ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("%v, want the cluster's own ACLs to refuse what the role binding would allow", err)
	}
}

func kafkaPort(p int32) string { return strconv.Itoa(int(p)) }
