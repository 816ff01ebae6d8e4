package kafkabroker

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// The users of the cluster behind the gateway: one that may do anything, for
// every client, and one of a pool that may do what ACLs say.
const (
	frontUser, frontPassword = "front", "front-secret"
	appsUser, appsPassword   = "apps", "apps-secret"
)

// TestGateway is everything that stands before one cluster of three.
func TestGateway(t *testing.T) {
	c := Start(t, Config{
		Nodes: 3, TLS: true, Users: map[string]string{frontUser: frontPassword, appsUser: appsPassword},
		Properties: map[string]string{
			"authorizer.class.name": authorizer,
			"super.users":           "User:" + frontUser,
			// Whoever comes by PLAIN has to log in again every 3 s (KIP-368).
			"listener.name.sasl_plaintext.plain.connections.max.reauth.ms": "3000",
			// Members of the groups of KIP-848 learn of each other in heartbeats.
			"group.consumer.heartbeat.interval.ms":     "500",
			"group.consumer.min.heartbeat.interval.ms": "500",
		},
	})
	allowApps(t, c)
	// These two only wait, and so are not counted among those that run at once.
	tokensEnd, sessionsEnd := shortTokens(t, c), shortSessions(t, c)
	t.Run("together", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *Cluster){
			"every upstream security":        everySecurity,
			"a wrong password":               wrongPassword,
			"addresses":                      addresses,
			"leaders that move":              movingLeaders,
			"groups":                         groups,
			"brokers that are listed":        listedBrokers,
			"transactions":                   transactions,
			"consume, transform, produce":    consumeTransformProduce,
			"administration of topics":       topicAdministration,
			"role bindings":                  roleBindings,
			"role bindings that change":      changedBindings,
			"an API key that nobody knows":   unknownKey,
			"ACLs of a pool's own user":      ownUser,
			"requests before the login":      beforeTheLogin,
			"an upstream that is not the CA": wrongAuthority,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	})
	t.Run("the cluster's sessions of 3 s", sessionsEnd)
	t.Run("tokens of 6 s", tokensEnd)
	t.Run("a broker that is restarted", func(t *testing.T) { restarted(t, c) })
}

// upstream is the cluster by its first node's listener.
func upstream(t *testing.T, c *Cluster, protocol, mechanism string) idpool.KafkaUpstream {
	t.Helper()
	u := idpool.KafkaUpstream{Bootstrap: c.Bootstrap(protocol)[:1], SecurityProtocol: protocol, SASLMechanism: mechanism}
	if strings.HasPrefix(protocol, "SASL_") {
		u.User = idpool.KafkaUser{Username: frontUser, Password: frontPassword}
	}
	if strings.HasSuffix(protocol, "SSL") {
		u.CA = filepath.Join(t.TempDir(), "ca.pem")
		write(t, u.CA, string(c.CA))
	}
	return u
}

// everybody is a pool of all clients, with a user of its own where the upstream
// has one.
func everybody(id string, bindings ...pool.RoleBinding) pool.Config {
	return pool.Config{ID: id, IdentityClaim: "claims.azp", Filter: "has(claims.azp)", RoleBindings: bindings}
}

func bound(role, resource string) pool.RoleBinding {
	return pool.RoleBinding{Role: role, Cluster: "lkc-acme", Resource: resource}
}

// gateway is a stack before the cluster, with pool-dev that may do anything by
// its role, and more pools.
func gateway(t *testing.T, u idpool.KafkaUpstream, pools ...pool.Config) (*idpool.Stack, *log) {
	t.Helper()
	l := new(log)
	c := idpool.Acme()
	c.Listeners.HTTPS.Address = idpool.Off
	c.Kafka.Upstream = u
	c.Logger = slog.New(slog.NewTextHandler(l, nil))
	c.IdentityProviders[0].IdentityPools = append(c.IdentityProviders[0].IdentityPools, pools...)
	return startStack(t, c), l
}

// bySCRAM is a gateway whose one user may do anything.
func bySCRAM(t *testing.T, c *Cluster, pools ...pool.Config) (*idpool.Stack, *log) {
	t.Helper()
	return gateway(t, upstream(t, c, "SASL_PLAINTEXT", "SCRAM-SHA-256"), pools...)
}

// byOwnUser is a gateway whose pool-apps has a user of its own, and where
// nothing is decided.
func byOwnUser(t *testing.T, c *Cluster) *idpool.Stack {
	t.Helper()
	u := upstream(t, c, "SASL_PLAINTEXT", "SCRAM-SHA-512")
	u.User = idpool.KafkaUser{}
	u.Users = map[string]idpool.KafkaUser{"pool-apps": {Username: appsUser, Password: appsPassword}}
	s, _ := gateway(t, u, everybody("pool-apps"))
	return s
}

// log is a log that is read while it is written.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// lines are those with all of some texts.
func (l *log) lines(with ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		all := true
		for _, text := range with {
			all = all && strings.Contains(line, text)
		}
		if all {
			found = append(found, line)
		}
	}
	return found
}

// await waits for so many lines with all of some texts: the line of a connection
// is written once it is closed.
func (l *log) await(t *testing.T, n int, with ...string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); len(l.lines(with...)) < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Errorf("%d lines have %q, want %d, of\n%s", len(l.lines(with...)), with, n, l.lines())
			return
		}
	}
}

// tokens logs in by tokens of a lifetime, zero for that which they have.
func tokens(s *idpool.Stack, pools string, lifetime time.Duration) kgo.Opt {
	return kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		r := idp.TokenRequest{Tenant: tenant, ClientID: client, Scope: "api://" + api + "/.default", InsecureSkipCredential: true}
		token, err := s.Token(ctx, r)
		if err != nil {
			return oauth.Auth{}, err
		}
		a := oauth.Auth{Token: token.AccessToken, Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": pools}}
		if lifetime > 0 {
			a.Token, err = shortened(a.Token, lifetime)
		}
		return a, err
	}))
}

// through is a client of the gateway.
func through(t *testing.T, s *idpool.Stack, pools string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	return throughBy(t, s, tokens(s, pools, 0), options...)
}

// throughBy is a client that logs in in some way.
func throughBy(t *testing.T, s *idpool.Stack, login kgo.Opt, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(s.Kafka), login, kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(time.Second),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// patient is the context of what is awaited: far longer than it takes.
func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// topics makes topics, past the gateway.
func topics(t *testing.T, c *Cluster, partitions int32, names ...string) {
	t.Helper()
	request := kmsg.NewPtrCreateTopicsRequest()
	for _, name := range names {
		wanted := kmsg.NewCreateTopicsRequestTopic()
		wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = name, partitions, 3
		request.Topics = append(request.Topics, wanted)
	}
	response, err := request.RequestWith(patient(t), connect(t, c.Bootstrap("PLAINTEXT")))
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range response.Topics {
		if err := kerr.ErrorForCode(made.ErrorCode); err != nil {
			t.Fatal(made.Topic, err)
		}
	}
	spread(t, c, int(partitions), names...)
}

// produce sends n records with different values.
func produce(t *testing.T, client *kgo.Client, topic string, n int) {
	t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i), Value: fmt.Append(nil, i)})
	}
	if err := client.ProduceSync(patient(t), records...).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
}

// consume reads until it has n different values.
func consume(t *testing.T, client *kgo.Client, n int) map[string]bool {
	t.Helper()
	ctx, got := patient(t), map[string]bool{}
	for len(got) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("consume, after %d of %d: %v", len(got), n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got[string(r.Value)] = true })
	}
	return got
}

func everySecurity(t *testing.T, c *Cluster) {
	for _, tt := range []struct{ protocol, mechanism string }{
		{"PLAINTEXT", ""},
		{"SSL", ""},
		{"SASL_PLAINTEXT", "PLAIN"},
		{"SASL_PLAINTEXT", "SCRAM-SHA-256"},
		{"SASL_PLAINTEXT", "SCRAM-SHA-512"},
		{"SASL_SSL", "SCRAM-SHA-512"},
	} {
		t.Run(strings.TrimSpace(tt.protocol+" "+tt.mechanism), func(t *testing.T) {
			name := strings.ToLower("by-" + tt.protocol + tt.mechanism)
			topics(t, c, 3, name)
			s, _ := gateway(t, upstream(t, c, tt.protocol, tt.mechanism))
			produce(t, through(t, s, "pool-dev"), name, 20)
			reader := through(t, s, "pool-dev", kgo.ConsumerGroup(name), kgo.ConsumeTopics(name), kgo.DisableAutoCommit())
			consume(t, reader, 20)
			if err := reader.CommitUncommittedOffsets(patient(t)); err != nil {
				t.Fatal(err)
			}
			var committed int64
			for _, at := range reader.CommittedOffsets()[name] {
				committed += at.Offset
			}
			if committed != 20 {
				t.Errorf("committed %d, want 20", committed)
			}
		})
	}
}

// refused is what a client gets that the gateway cannot serve: no answer.
func refused(t *testing.T, s *idpool.Stack) {
	t.Helper()
	ctx, cancel := context.WithTimeout(patient(t), time.Minute)
	defer cancel()
	client := through(t, s, "pool-dev", kgo.RequestRetries(0))
	if _, err := client.SeedBrokers()[0].Request(ctx, kmsg.NewPtrMetadataRequest()); err == nil {
		t.Error("served")
	} else if ctx.Err() != nil {
		t.Errorf("the client waits: %v", err)
	}
}

func wrongPassword(t *testing.T, c *Cluster) {
	const wrong = "not-the-secret"
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		u := upstream(t, c, "SASL_PLAINTEXT", mechanism)
		u.User.Password = wrong
		s, l := gateway(t, u)
		refused(t, s)
		l.await(t, 1, `user \"front\" of kafka.upstream.user`, "SASL_AUTHENTICATION_FAILED")
		if found := l.lines(wrong); found != nil {
			t.Errorf("%s: the log has the password: %s", mechanism, found)
		}
	}
}

// wrongAuthority: a cluster that cannot prove itself is sent no password.
func wrongAuthority(t *testing.T, c *Cluster) {
	u := upstream(t, c, "SASL_SSL", "PLAIN")
	s := startStack(t, idpool.Acme())
	write(t, u.CA, string(s.CA()))
	s, l := gateway(t, u)
	refused(t, s)
	l.await(t, 1, "kafka.upstream.ca", "unknown authority")
}
