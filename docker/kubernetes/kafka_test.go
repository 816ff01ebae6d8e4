package kubernetes_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

// upstream is a Kafka of three brokers, as one that listens at the address in
// overlays/gateway/settings.env.
func upstream(t *testing.T) map[string]string {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(6, "orders"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	for partition := range int32(6) { // kfake chooses leaders at random, and may leave a broker out
		if err := k.MoveTopicPartition("orders", partition, partition%3); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"kafka.kafka.svc:9092": strings.Join(k.ListenAddrs(), ",")}
}

// kafka is a client of the broker at an address, with a token of a URL.
type kafka struct{ bootstrap, tokens string }

// open makes the client, which logs in as pool-dev. Where it connects to is added
// to dialed.
func (k kafka) open(t *testing.T, c *cluster, dialed chan<- string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	dial := func(ctx context.Context, network, at string) (net.Conn, error) {
		dialed <- at
		return c.dial(ctx, network, at)
	}
	web := c.httpClient(t)
	if strings.HasPrefix(k.tokens, "https") {
		plain, config := dial, c.tls(t)
		dial = func(ctx context.Context, network, at string) (net.Conn, error) {
			conn, err := plain(ctx, network, at)
			if err != nil {
				return nil, err
			}
			own := config.Clone()
			own.ServerName, _, _ = net.SplitHostPort(at)
			return tls.Client(conn, own), nil
		}
	}
	login := oauth.Oauth(func(context.Context) (oauth.Auth, error) {
		raw, err := token(web, k.tokens)
		return oauth.Auth{Token: raw, Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": "pool-dev"}}, err
	})
	made, err := kgo.NewClient(append(options, kgo.SeedBrokers(k.bootstrap), kgo.Dialer(dial), kgo.SASL(login), kgo.DefaultProduceTopic("orders"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(made.Close)
	return made
}

// there and back: a producer by one way and a consumer by another, each of which
// says what it connected to.
func thereAndBack(t *testing.T, c *cluster, by, back kafka) (there, then []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dialed, dialedBack := make(chan string, 1000), make(chan string, 1000)
	producer := by.open(t, c, dialed, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	const n = 60
	for i := range n {
		if err := producer.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(i))).FirstErr(); err != nil {
			t.Fatalf("%s: %v", by.bootstrap, err)
		}
	}
	consumer := back.open(t, c, dialedBack, kgo.ConsumeTopics("orders"), kgo.ConsumerGroup("tests"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for got := 0; got < n; {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%s: %d of %d: %v", back.bootstrap, got, n, err)
		}
		got += fetches.NumRecords()
	}
	return drain(dialed), drain(dialedBack)
}

// drain is what is in a channel, each once.
func drain(in <-chan string) []string {
	var all []string
	for len(in) > 0 {
		all = append(all, <-in)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestEmbedded produces to the embedded cluster and consumes from it by the
// Service.
func TestEmbedded(t *testing.T) {
	c := started(t, "overlays/embedded", 1)
	k := kafka{"idpool.idpool.svc:9092", "http://idpool.idpool.svc:8080"}
	there, back := thereAndBack(t, c, k, k)
	for _, dialed := range [][]string{there, back} {
		if !slices.Equal(dialed, []string{"idpool.idpool.svc:9092"}) {
			t.Errorf("connected to %q", dialed)
		}
	}
}

// TestGateway produces from outside and consumes from inside, and the other way
// round, by two replicas: every connection is one that the Services lead to
// either of them, at the port of the broker that it is for.
func TestGateway(t *testing.T) {
	c := started(t, "overlays/gateway", 2)
	inside := kafka{"idpool.idpool.svc:19092", "http://idpool.idpool.svc:8080"}
	outside := kafka{"idpool.example.com:9092", "https://idpool.example.com:8443"}
	wantInside := []string{"idpool.idpool.svc:19092", "idpool.idpool.svc:19093", "idpool.idpool.svc:19094", "idpool.idpool.svc:19095"}
	wantOutside := []string{"idpool.example.com:9092", "idpool.example.com:9093", "idpool.example.com:9094", "idpool.example.com:9095"}
	there, back := thereAndBack(t, c, outside, inside)
	if !slices.Equal(there, wantOutside) || !slices.Equal(back, wantInside) {
		t.Errorf("connected to %q, and to %q", there, back)
	}
	if err := verifyBoth(t, c); err != nil {
		t.Error(err)
	}
}

// verifyBoth asks for a token inside, and verifies it outside: they have one
// issuer.
func verifyBoth(t *testing.T, c *cluster) error {
	t.Helper()
	raw, err := token(c.httpClient(t), "https://idpool.idpool.svc:8443")
	if err != nil {
		return err
	}
	return verify(t.Context(), c.httpClient(t), "https://idpool.example.com:8443", raw)
}
