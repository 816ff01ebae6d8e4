package idpooltest_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idpooltest"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/pool"
)

// orders is a Config with a topic.
func orders(c *idpool.Config) { c.Clusters[0].Topics = []idpool.Topic{{Name: "orders", Partitions: 1}} }

// client is franz-go, as little configured as can be.
func client(t testing.TB, s *idpooltest.Server, pools ...string) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(s.KafkaOpts(t, pools...), kgo.RetryTimeout(5*time.Second), kgo.DisableIdempotentWrite())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// pingOnce logs a client in, and out at once.
func pingOnce(t testing.TB, s *idpooltest.Server) {
	t.Helper()
	c := client(t, s)
	if err := c.Ping(t.Context()); err != nil {
		t.Errorf("%v: %v", s, err)
	}
	c.Close()
}

// send produces a record, for at most a minute: many do so at the same time.
func send(t testing.TB, c *kgo.Client) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return c.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("one")}).FirstErr()
}

func TestKafkaClientIsReady(t *testing.T) {
	for _, protocol := range []string{"", "SASL_PLAINTEXT", "SASL_SSL"} {
		srv := idpooltest.Start(t, orders, func(c *idpool.Config) {
			c.Listeners.Kafka.SecurityProtocol = protocol
			c.Listeners.HTTPS.Address = idpool.Off
		})
		for _, s := range []*idpooltest.Server{srv, srv.Scope(t)} {
			if err := send(t, client(t, s)); err != nil {
				t.Errorf("%q, %v: %v", protocol, s, err)
			}
			got := s.Take(t, journal.Filter{Endpoint: journal.EndpointKafkaLogin})
			if got.Principal != "User:"+s.PoolID("pool-dev") || got.Cluster != "lkc-acme" || got.Outcome != journal.OutcomeOK {
				t.Errorf("%q, %v: the journal has %v", protocol, s, got)
			}
		}
	}
}

// TestKafkaPools: those that a client may log in by, or let the cluster choose.
func TestKafkaPools(t *testing.T) {
	srv := idpooltest.Start(t, orders)
	scope := srv.Scope(t)
	for _, tt := range []struct {
		name    string
		pools   []string
		outcome string
	}{
		{"by the Config's name", []string{"pool-dev"}, journal.OutcomeOK},
		{"by the scope's name", []string{scope.PoolID("pool-dev")}, journal.OutcomeOK},
		{"auto pool mapping", []string{""}, journal.OutcomeOK},
		{"one that the client has no role for", []string{"pool-prod"}, journal.OutcomeRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			after := scope.Journal().Total()
			err := client(t, scope, tt.pools...).Ping(t.Context())
			got := scope.Take(t, journal.Filter{Endpoint: journal.EndpointKafkaLogin, After: after})
			if got.Outcome != tt.outcome || (err == nil) != (tt.outcome == journal.OutcomeOK) {
				t.Errorf("%v, and the journal has %v", err, got)
			}
		})
	}
}

// TestAdvancePastTheTokenCutsTheSession, as real time would: the client has to
// connect anew.
func TestAdvancePastTheTokenCutsTheSession(t *testing.T) {
	srv := idpooltest.Start(t, orders)
	for _, s := range []*idpooltest.Server{srv.Scope(t), srv} {
		c := client(t, s)
		if err := send(t, c); err != nil {
			t.Fatal(err)
		}
		before := s.Journal().List(journal.Filter{Endpoint: journal.EndpointKafkaLogin}, 0)
		s.Clock().Advance(2 * time.Hour)
		if err := send(t, c); err != nil {
			t.Errorf("%v: after the session was cut: %v", s, err)
		}
		after := s.Take(t, journal.Filter{Endpoint: journal.EndpointKafkaLogin, Outcome: journal.OutcomeOK, After: before[len(before)-1].ID})
		known := func(e journal.Entry) bool { return e.Client == after.Client }
		if slices.ContainsFunc(before, known) {
			t.Errorf("%v: the client did not connect anew: %v, after %v", s, after, before)
		}
	}
}

// TestKafkaLoginFault fails the client that the fault is for.
func TestKafkaLoginFault(t *testing.T) {
	srv := idpooltest.Start(t)
	scope := srv.Scope(t)
	added := scope.Fault(t, fault.Fault{Endpoint: fault.KafkaLogin, Error: "the sun shines"})
	err := client(t, scope).Ping(t.Context())
	if !errors.Is(err, kerr.SaslAuthenticationFailed) {
		t.Errorf("%v", err)
	}
	if got := scope.Take(t, journal.Filter{Endpoint: journal.EndpointKafkaLogin}); got.Fault != added.ID {
		t.Errorf("the journal has %v", got)
	}
	pingOnce(t, srv)
}

// TestTokenEndpointThatFails is what the Kafka client says.
func TestTokenEndpointThatFails(t *testing.T) {
	srv := idpooltest.Start(t)
	srv.Fault(t, fault.Fault{ID: "busy", Endpoint: fault.Token, RetryAfter: fault.Duration(time.Minute)})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, _, err := srv.SASL(t).Authenticate(ctx, srv.Kafka()); err == nil || !contains(err, `429 Too Many Requests (the fault "busy")`) {
		t.Errorf("%v", err)
	}
}

func TestRoleBindingsOfATest(t *testing.T) {
	srv := idpooltest.Start(t, orders)
	a, b := srv.Scope(t), srv.Scope(t)
	ca, cb := client(t, a), client(t, b)
	for _, c := range []*kgo.Client{ca, cb} {
		if err := send(t, c); err != nil {
			t.Fatal(err)
		}
	}
	a.SetRoleBindings(t, "pool-dev")
	if err := send(t, ca); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("without role bindings: %v", err)
	}
	if err := send(t, cb); err != nil {
		t.Errorf("the other scope: %v", err)
	}
	a.SetRoleBindings(t, a.PoolID("pool-dev"), pool.RoleBinding{Role: "CloudClusterAdmin", Cluster: "lkc-acme"})
	if err := send(t, ca); err != nil {
		t.Errorf("with them again: %v", err)
	}
}

// TestSettingsOfOtherClients are complete: those of librdkafka log it in.
func TestSettingsOfOtherClients(t *testing.T) {
	srv := idpooltest.Start(t)
	scope := srv.Scope(t)
	got := scope.ClientSettings(t, "librdkafka", "pool-dev", "pool-prod")
	for _, want := range []string{"bootstrap.servers=" + srv.Kafka(), "security.protocol=SASL_PLAINTEXT", scope.TokenURL(), scope.ClientSecret(),
		"logicalCluster=lkc-acme", scope.PoolID("pool-dev") + `\,` + scope.PoolID("pool-prod")} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	secure := idpooltest.Start(t, func(c *idpool.Config) {
		c.Listeners.HTTP.Address = idpool.Off
		c.Listeners.Kafka.SecurityProtocol = "SASL_SSL"
	})
	got = secure.ClientSettings(t, "librdkafka")
	file := regexp.MustCompile(`(?m)^ssl\.ca\.location=(.*)$`).FindStringSubmatch(got)
	if file == nil {
		t.Fatalf("no CA in\n%s", got)
	}
	if pem, err := os.ReadFile(file[1]); err != nil || string(pem) != string(secure.CA()) {
		t.Errorf("the file of the CA has %q, %v", pem, err)
	}
	if secure.Token(t) == "" {
		t.Error("no token over https")
	}
	if got := fake("test", func(t testing.TB) { srv.ClientSettings(t, "jva") }); !strings.Contains(got.fatal, `unknown client "jva"`) {
		t.Errorf("%q", got.fatal)
	}
}

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }
