package docker_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool/docker"
)

// login is what a Kafka client of the test logs in with: a fresh token for each
// connection, and the pool that lets Acme's client in.
func login(c *docker.Container) kgo.Opt {
	return kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := c.Token(ctx, clientID)
		return oauth.Auth{Token: token, Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": "pool-dev"}}, err
	}))
}

// TestKafka is a client of the test, which produces and consumes by the
// addresses that the broker tells it.
func TestKafka(t *testing.T) {
	t.Parallel()
	c := run(t, docker.WithLogs(t))
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(must[[]byte](t)(c.CA(t.Context()))) {
		t.Fatal("the CA is no PEM")
	}
	for name, more := range map[string][]kgo.Opt{"SASL_PLAINTEXT": nil, "SASL_SSL": {kgo.DialTLSConfig(&tls.Config{RootCAs: roots})}} {
		t.Run(name, func(t *testing.T) {
			exchange(t, must[[]string](t)(c.Brokers(t.Context())), append(more, login(c))...)
		})
	}
}

// exchange produces and consumes a record at brokers, which have to be called
// in the metadata as they are here.
func exchange(t testing.TB, brokers []string, more ...kgo.Opt) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	topic := "of-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	client, err := kgo.NewClient(append(more, kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Topics = append(create.Topics, kmsg.CreateTopicsRequestTopic{Topic: topic, NumPartitions: 1, ReplicationFactor: 1})
	created, err := create.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(created.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(ctx, kgo.StringRecord("hello")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	client.AddConsumeTopics(topic)
	var got []string
	for len(got) == 0 && ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if !slices.Equal(got, []string{"hello"}) {
		t.Errorf("consumed %q, want the one that was produced", got)
	}
	metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, b := range metadata.Brokers {
		named = append(named, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))))
	}
	if len(named) == 0 || !reaches(named, brokers) {
		t.Errorf("the brokers call themselves %q, want the host of %q", named, brokers)
	}
}

// reaches says whether all brokers are at the host that a client began with.
func reaches(named, brokers []string) bool {
	want, _, _ := net.SplitHostPort(brokers[0])
	return !slices.ContainsFunc(named, func(one string) bool {
		host, _, err := net.SplitHostPort(one)
		return err != nil || host != want
	})
}
