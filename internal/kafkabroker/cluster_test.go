package kafkabroker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/idpool/idpool/internal/imports"
)

const (
	topic      = "orders"
	authorizer = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
)

// connect is a client that begins to read the topic at its start. It gives up
// soon: what a test waits for is the broker, not the client's patience.
func connect(t *testing.T, seeds []string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.ConsumeTopics(topic), kgo.MetadataMinAge(50 * time.Millisecond),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// create makes the topic, kept by every node.
func create(t *testing.T, c *Cluster) {
	t.Helper()
	request := kmsg.NewPtrCreateTopicsRequest()
	wanted := kmsg.NewCreateTopicsRequestTopic()
	wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = topic, 1, int16(len(c.nodes))
	request.Topics = append(request.Topics, wanted)
	response, err := request.RequestWith(t.Context(), connect(t, c.Bootstrap("PLAINTEXT")))
	if err == nil {
		err = kerr.ErrorForCode(response.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	spread(t, c, 1, topic)
}

// everywhere waits until every node that runs answers so. The controller answers
// as soon as it has taken something, and the nodes learn of it later.
func everywhere(t *testing.T, c *Cluster, what string, request kmsg.Request, met func(kmsg.Response) bool) {
	t.Helper()
	for _, n := range c.nodes {
		if !n.running() {
			continue
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(n.address("PLAINTEXT")))
		if err != nil {
			t.Fatal(err)
		}
		await(t, fmt.Sprintf("%s at node %d", what, n.id), func() bool {
			response, err := client.SeedBrokers()[0].Request(t.Context(), request)
			return err == nil && met(response)
		})
		client.Close()
	}
}

// spread waits until every node knows of topics, and who leads their partitions.
func spread(t *testing.T, c *Cluster, partitions int, names ...string) {
	t.Helper()
	request := kmsg.NewPtrMetadataRequest()
	for _, name := range names {
		request.Topics = append(request.Topics, kmsg.MetadataRequestTopic{Topic: kmsg.StringPtr(name)})
	}
	everywhere(t, c, fmt.Sprintf("topics %q", names), request, func(response kmsg.Response) bool {
		for _, made := range response.(*kmsg.MetadataResponse).Topics {
			if made.ErrorCode != 0 || len(made.Partitions) != partitions {
				return false
			}
			for _, p := range made.Partitions {
				if p.ErrorCode != 0 || p.Leader < 0 {
					return false
				}
			}
		}
		return true
	})
}

// granted waits until every node knows of so many rules of a user.
func granted(t *testing.T, c *Cluster, user string, rules int) {
	t.Helper()
	request := kmsg.NewPtrDescribeACLsRequest()
	request.ResourceType, request.ResourcePatternType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny
	request.Operation, request.PermissionType = kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
	request.Principal = kmsg.StringPtr("User:" + user)
	everywhere(t, c, "rules of "+user, request, func(response kmsg.Response) bool {
		n := 0
		for _, resource := range response.(*kmsg.DescribeACLsResponse).Resources {
			n += len(resource.ACLs)
		}
		return n == rules
	})
}

// allow lets a user do anything with the topic.
func allow(t *testing.T, c *Cluster, user string) {
	t.Helper()
	client := connect(t, c.Bootstrap("PLAINTEXT"))
	rule := kmsg.NewCreateACLsRequestCreation()
	rule.ResourceType, rule.ResourceName, rule.ResourcePatternType = kmsg.ACLResourceTypeTopic, topic, kmsg.ACLResourcePatternTypeLiteral
	rule.Principal, rule.Host = "User:"+user, "*"
	rule.Operation, rule.PermissionType = kmsg.ACLOperationAll, kmsg.ACLPermissionTypeAllow
	request := kmsg.NewPtrCreateACLsRequest()
	request.Creations = append(request.Creations, rule)
	response, err := request.RequestWith(t.Context(), client)
	if err == nil {
		err = kerr.ErrorForCode(response.Results[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	granted(t, c, user, 1)
}

// trust are the authorities of a client of SSL and SASL_SSL.
func trust(t *testing.T, c *Cluster) *x509.CertPool {
	t.Helper()
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(c.CA) {
		t.Fatalf("no certificate in %q", c.CA)
	}
	return trusted
}

// exchange produces a record and consumes until it comes back.
func exchange(t *testing.T, client *kgo.Client, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
		t.Fatalf("produce: %v", err)
	}
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("consume: %v", err)
		}
		for _, r := range fetches.Records() {
			if string(r.Value) == value {
				return
			}
		}
	}
}

// refusal is what the broker says to a client as it connects.
func refusal(t *testing.T, seeds []string, options ...kgo.Opt) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := connect(t, seeds, options...)
	_, err := client.SeedBrokers()[0].Request(ctx, kmsg.NewPtrMetadataRequest())
	return err
}

func TestOneNode(t *testing.T) {
	c := Start(t, Config{TLS: true, Users: map[string]string{"pool-dev": "secret", "pool-prod": "other~secret"}})
	create(t, c)
	if c.Bootstrap("PLAINTEXT")[0] == c.Bootstrap("SASL_PLAINTEXT")[0] {
		t.Fatal("two listeners have one address")
	}
	secure := kgo.DialTLSConfig(&tls.Config{RootCAs: trust(t, c)})
	login := func(user, password string) map[string]sasl.Mechanism {
		s := scram.Auth{User: user, Pass: password}
		return map[string]sasl.Mechanism{
			"PLAIN":         plain.Auth{User: user, Pass: password}.AsMechanism(),
			"SCRAM-SHA-256": s.AsSha256Mechanism(),
			"SCRAM-SHA-512": s.AsSha512Mechanism(),
		}
	}
	t.Run("PLAINTEXT", func(t *testing.T) {
		exchange(t, connect(t, c.Bootstrap("PLAINTEXT")), t.Name())
	})
	t.Run("SSL", func(t *testing.T) {
		exchange(t, connect(t, c.Bootstrap("SSL"), secure), t.Name())
	})
	t.Run("SSL without the authority", func(t *testing.T) {
		err := refusal(t, c.Bootstrap("SSL"), kgo.DialTLSConfig(new(tls.Config)))
		if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
			t.Errorf("the client says %v, want that it does not know the authority", err)
		}
	})
	for name, mechanism := range login("pool-prod", "other~secret") {
		t.Run(name, func(t *testing.T) {
			exchange(t, connect(t, c.Bootstrap("SASL_PLAINTEXT"), kgo.SASL(mechanism)), t.Name())
			exchange(t, connect(t, c.Bootstrap("SASL_SSL"), secure, kgo.SASL(mechanism)), t.Name()+" by TLS")
		})
	}
	for name, mechanism := range login("pool-prod", "secret") {
		t.Run(name+" with another's password", func(t *testing.T) {
			err := refusal(t, c.Bootstrap("SASL_PLAINTEXT"), kgo.SASL(mechanism))
			if !errors.Is(err, kerr.SaslAuthenticationFailed) {
				t.Errorf("the client says %v, want %v", err, kerr.SaslAuthenticationFailed)
			}
		})
	}
}

// TestAuthorizer: a super user may do anything, as the nodes may, and another
// user what an ACL says.
func TestAuthorizer(t *testing.T) {
	users := map[string]string{"admin": "admin", "user": "secret"}
	c := Start(t, Config{Users: users, Properties: map[string]string{
		"authorizer.class.name": authorizer,
		"super.users":           "User:admin",
	}})
	create(t, c)
	as := func(user string) *kgo.Client {
		mechanism := scram.Auth{User: user, Pass: users[user]}.AsSha256Mechanism()
		return connect(t, c.Bootstrap("SASL_PLAINTEXT"), kgo.SASL(mechanism))
	}
	exchange(t, as("admin"), "by the super user")
	err := as("user").ProduceSync(t.Context(), &kgo.Record{Topic: topic}).FirstErr()
	if !errors.Is(err, kerr.TopicAuthorizationFailed) && !errors.Is(err, kerr.ClusterAuthorizationFailed) {
		t.Errorf("a user without an ACL: %v, want that it is not authorized", err)
	}
	allow(t, c, "user")
	exchange(t, as("user"), "by a user with an ACL")
}

// TestThreeNodes: two of three are a quorum, and the third serves again what
// was produced before, meanwhile and after.
func TestThreeNodes(t *testing.T) {
	c := Start(t, Config{Nodes: 3})
	create(t, c)
	exchange(t, connect(t, c.Bootstrap("PLAINTEXT")), "before")
	c.Stop(2)
	if c.nodes[1].running() {
		t.Fatal("node 2 runs")
	}
	exchange(t, connect(t, c.Bootstrap("PLAINTEXT")), "without it")
	c.Restart(2)
	client := connect(t, c.Bootstrap("PLAINTEXT")[1:2], kgo.ConsumerGroup("readers"))
	exchange(t, client, "with it again")
	if err := client.CommitUncommittedOffsets(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRestartOfAll: a node that runs is stopped first, and its data stay.
func TestRestartOfAll(t *testing.T) {
	c := Start(t, Config{})
	create(t, c)
	client := connect(t, c.Bootstrap("PLAINTEXT"))
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("kept")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c.Restart(1)
	again := connect(t, c.Bootstrap("PLAINTEXT"))
	if got := again.PollFetches(t.Context()).Records(); len(got) != 1 || string(got[0].Value) != "kept" {
		t.Errorf("got %d records after the restart, want the one", len(got))
	}
	starts := func() int { return strings.Count(c.Logs(1), "Kafka Server started") }
	for end := time.Now().Add(30 * time.Second); starts() < 2 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond) // polling: another process writes the log
	}
	if n := starts(); n != 2 {
		t.Errorf("the log tells of %d starts, want 2", n)
	}
}

// failure is what a recorder's Fatalf panics with.
type failure string

// recorder keeps what a test would be ended with.
type recorder struct {
	*testing.T
	skipped bool
}

func (r *recorder) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = true
	panic(failure(fmt.Sprintf(format, args...)))
}

// ended is the text that do ends the test with; empty when it does not.
func (r *recorder) ended(do func()) (text string) {
	defer func() {
		if f, ok := recover().(failure); ok {
			text = string(f)
		}
	}()
	do()
	return ""
}

func TestWhatIsNoConfig(t *testing.T) {
	for _, tc := range []struct {
		reason string
		config Config
		want   string
	}{
		{"a number of nodes that cannot be", Config{Nodes: -1}, "-1 nodes, want 1 or more"},
		{"a password that would end a JAAS line", Config{Users: map[string]string{"a": `b";`}}, `password "b\";"`},
		{"a user that would end an argument of --add-scram", Config{Users: map[string]string{"a]": "b"}}, `user "a]"`},
	} {
		r := &recorder{T: t}
		if got := r.ended(func() { Start(r, tc.config) }); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q in it", tc.reason, got, tc.want)
		}
	}
}

// TestANodeThatCannotRun: its own words are given, and at once.
func TestANodeThatCannotRun(t *testing.T) {
	lib := Lib(t)
	for _, tc := range []struct{ reason, name, value, want string }{
		{"it cannot be formatted", "process.roles", "coordinator", "could not be formatted"},
		{"it cannot start", "authorizer.class.name", "no.such.Class", "no.such.Class"},
	} {
		r := &recorder{T: t}
		got := r.ended(func() { Start(r, Config{Lib: lib, Properties: map[string]string{tc.name: tc.value}}) })
		if !strings.Contains(got, tc.want) || !strings.Contains(got, "kafkabroker: node 1 ") {
			t.Errorf("%s: %q, want %q and the node in it", tc.reason, got, tc.want)
		}
	}
}

func TestWhatThereIsNot(t *testing.T) {
	r := &recorder{T: t}
	c := &Cluster{t: r, nodes: []*node{{id: 1, ports: map[string]int{"PLAINTEXT": 1}}}}
	for want, do := range map[string]func(){
		`no listener "SSL", there are ["PLAINTEXT" "SASL_PLAINTEXT"]`: func() { c.Bootstrap("SSL") },
		"no node 0": func() { c.Stop(0) },
		"no node 2": func() { c.Logs(2) },
	} {
		if got := r.ended(do); !strings.Contains(got, want) {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
}

func TestLibIsSkippedByName(t *testing.T) {
	for _, tc := range []struct {
		reason, stamp, require, want string
	}{
		{"nothing is installed", "", "", "skip: kafka: it is not in "},
		{"something else is installed", "<project/>", "node", "skip: kafka: what is in "},
		{"nothing is installed where that fails", "", "node,kafka", "IDPOOL_REQUIRE wants kafka: it is not in "},
	} {
		root := t.TempDir()
		t.Setenv("IDPOOL_CLIENTS", root)
		t.Setenv("IDPOOL_REQUIRE", tc.require)
		if tc.stamp != "" {
			write(t, filepath.Join(root, "kafka", "installed"), tc.stamp)
		}
		r := &recorder{T: t}
		got := r.ended(func() { Lib(r) })
		if !strings.HasPrefix(got, tc.want) || !strings.Contains(got, "internal/kafkabroker/install.sh") {
			t.Errorf("%s: %q, want it to begin with %q and to name install.sh", tc.reason, got, tc.want)
		}
		if r.skipped != strings.HasPrefix(tc.want, "skip") {
			t.Errorf("%s: skipped is %v", tc.reason, r.skipped)
		}
	}
}

// TestLibOfAnotherVersion: what somebody asked install.sh for is what runs.
func TestLibOfAnotherVersion(t *testing.T) {
	root := t.TempDir()
	t.Setenv("IDPOOL_CLIENTS", root)
	write(t, filepath.Join(root, "kafka", "installed"), version.ReplaceAllString(pom, "<kafka.version>4.9.9</kafka.version>"))
	if got, want := Lib(t), filepath.Join(root, "kafka", "lib"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTheLeash: a broker must not outlive a test that is killed, which closes
// the pipe without the line that the end of the program writes.
func TestTheLeash(t *testing.T) {
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	p, err := launch(out, "sleep", "600")
	if err != nil {
		t.Skipf("skip: sh: %v", err)
	}
	if !p.running() {
		t.Fatal("it has ended already")
	}
	if err := p.leash.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.kill()
		t.Error("it outlived the one who held the leash")
	}
}

func TestImports(t *testing.T) { imports.Check(t, ".", "internal/ca") }
