package kafkabroker

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
)

// shortened is a token that ends sooner, signed by the stack's own key.
func shortened(token string, lifetime time.Duration) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return "", err
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		return "", err
	}
	claims["exp"] = time.Now().Add(lifetime).Unix()
	key := idp.TestKeys().Signer()
	return key.SignJWT(map[string]any{"alg": "RS256", "typ": "JWT", "kid": key.ID}, claims)
}

// traffic is a producer and a consumer that run.
type traffic struct {
	client, reader *kgo.Client
	stop           context.CancelFunc
	running        sync.WaitGroup

	mu     sync.Mutex
	acked  map[string]bool
	seen   map[string]bool
	failed []error
}

// run begins traffic over a topic: a record each 5 ms, read in a group.
func run(t *testing.T, s *idpool.Stack, topic string, heard *sniffer, lifetime time.Duration) *traffic {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	connect := func(options ...kgo.Opt) *kgo.Client {
		return throughBy(t, s, tokens(s, "pool-dev", lifetime), append(options, heard.option(), kgo.ConnIdleTimeout(10*time.Minute))...)
	}
	tr := &traffic{stop: stop, acked: map[string]bool{}, seen: map[string]bool{},
		client: connect(kgo.ProducerLinger(0)),
		reader: connect(kgo.ConsumerGroup(topic), kgo.ConsumeTopics(topic), kgo.AutoCommitInterval(500*time.Millisecond))}
	t.Cleanup(func() {
		stop()
		tr.running.Wait()
	})
	tr.running.Go(func() { tr.produce(ctx, topic) })
	tr.running.Go(func() { tr.consume(ctx) })
	return tr
}

func (tr *traffic) produce(ctx context.Context, topic string) {
	for i := 0; ctx.Err() == nil; i++ {
		value := fmt.Sprint(i)
		tr.client.Produce(context.WithoutCancel(ctx), &kgo.Record{Topic: topic, Value: []byte(value)}, func(_ *kgo.Record, err error) {
			tr.mu.Lock()
			defer tr.mu.Unlock()
			if err != nil {
				tr.failed = append(tr.failed, err)
				return
			}
			tr.acked[value] = true
		})
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (tr *traffic) consume(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := tr.reader.PollFetches(ctx)
		tr.mu.Lock()
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.Canceled) {
				tr.failed = append(tr.failed, e.Err)
			}
		}
		fetches.EachRecord(func(r *kgo.Record) { tr.seen[string(r.Value)] = true })
		tr.mu.Unlock()
	}
}

// count is how many records were acknowledged, and how many of them read.
func (tr *traffic) count() (acked, read int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for value := range tr.acked {
		if tr.seen[value] {
			read++
		}
	}
	return len(tr.acked), read
}

// end ends the traffic, and fails when a record failed or was acknowledged and
// is not there, for the consumer that ran or for one that asks the cluster.
func (tr *traffic) end(t *testing.T, c *Cluster, topic string, least int) {
	t.Helper()
	tr.stop()
	if err := tr.client.Flush(patient(t)); err != nil {
		t.Fatal(err)
	}
	tr.running.Wait()
	ctx := patient(t)
	for acked, read := tr.count(); read < acked && ctx.Err() == nil; acked, read = tr.count() {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		tr.consumeOnce(short)
		cancel()
	}
	acked, read := tr.count()
	if acked < least || read < acked {
		t.Errorf("%d records were acknowledged and %d of them read, want all and %d at least", acked, read, least)
	}
	for i, err := range tr.failed {
		if i < 10 {
			t.Errorf("failed (%d of %d): %v", i+1, len(tr.failed), err)
		}
	}
	there := map[string]bool{}
	for direct := connect(t, c.Bootstrap("PLAINTEXT"), kgo.ConsumeTopics(topic)); len(there) < acked && ctx.Err() == nil; {
		direct.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if r.Topic == topic && tr.acked[string(r.Value)] {
				there[string(r.Value)] = true
			}
		})
	}
	if len(there) < acked {
		t.Errorf("%d records were acknowledged, and the cluster has %d of them", acked, len(there))
	}
	t.Logf("%d records", acked)
}

func (tr *traffic) consumeOnce(ctx context.Context) {
	fetches := tr.reader.PollFetches(ctx)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	fetches.EachRecord(func(r *kgo.Record) { tr.seen[string(r.Value)] = true })
}

// last lets traffic run until it is so old.
func last(t *testing.T, began time.Time, age time.Duration) {
	t.Helper()
	select {
	case <-time.After(time.Until(began.Add(age))):
	case <-t.Context().Done():
	}
}

// shortTokens: clients log in again and again on their connections, and no
// record fails.
func shortTokens(t *testing.T, c *Cluster) (end func(*testing.T)) {
	t.Helper()
	const name = "short-tokens"
	topics(t, c, 3, name)
	s, l := bySCRAM(t, c)
	var heard sniffer
	began, tr := time.Now(), run(t, s, name, &heard, 6*time.Second)
	return func(t *testing.T) {
		last(t, began, 30*time.Second)
		dialed := heard.dialed()
		again := len(l.lines("kafka login allowed", "reauthentication=true"))
		t.Logf("%d re-authentications of %d connections", again, dialed)
		if again < dialed { // those that are idle do not
			t.Error("want some of each")
		}
		// A machine that stands still for a second may let the two expire that are in
		// use. Without a second login they would, again and again.
		if found := l.lines("connection closed", "the session has expired"); len(found) > 2 {
			t.Error(found)
		}
		tr.end(t, c, name, 1000)
	}
}

// shortSessions: the front logs in again and again at the cluster, and no client
// notices.
func shortSessions(t *testing.T, c *Cluster) (end func(*testing.T)) {
	t.Helper()
	const name = "short-sessions"
	topics(t, c, 3, name)
	s, l := gateway(t, upstream(t, c, "SASL_PLAINTEXT", "PLAIN"))
	var heard sniffer
	began, tr := time.Now(), run(t, s, name, &heard, 0)
	return func(t *testing.T) {
		last(t, began, 15*time.Second)
		tr.end(t, c, name, 500)
		// Without a renewal each connection would end after 3 s.
		if closed := l.lines("the cluster closed the connection"); len(closed) > 2 {
			t.Errorf("the cluster closed %d of %d connections:\n%s", len(closed), heard.dialed(), closed)
		}
	}
}

// brokers is how many a client is told of.
func brokers(t *testing.T, client *kgo.Client) int {
	t.Helper()
	r, err := kmsg.NewPtrMetadataRequest().RequestWith(patient(t), client)
	if err != nil {
		t.Fatal(err)
	}
	return len(r.Brokers)
}

// restarted: one broker is stopped, and another killed, while clients run that
// know nothing of it.
func restarted(t *testing.T, c *Cluster) {
	const name = "restarted"
	topics(t, c, 6, name)
	s, l := bySCRAM(t, c)
	var heard sniffer
	tr := run(t, s, name, &heard, 0)
	goOn := func() {
		t.Helper()
		before, _ := tr.count()
		await(t, "traffic", func() bool { acked, read := tr.count(); return acked > before+200 && read > before+200 })
	}
	goOn()
	c.Stop(2)
	goOn()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{}
	everywhere(t, c, "the end of broker 2", request, func(r kmsg.Response) bool { return len(r.(*kmsg.MetadataResponse).Brokers) == 2 })
	late, told := bySCRAM(t, c)
	client := through(t, late, "pool-dev")
	if n := brokers(t, client); n != 2 || len(told.lines("has a listener")) != 2 {
		t.Errorf("%d brokers are told while one is stopped: %q", n, told.lines("has a listener"))
	}
	c.Restart(2)
	goOn()
	await(t, "listener of the broker that is new to the gateway", func() bool { return brokers(t, client) == 3 })
	if got := told.lines("has a listener", "broker=2"); len(got) != 1 {
		t.Errorf("the new broker's listener: %q", got)
	}
	if _, err := client.Broker(2).Request(patient(t), kmsg.NewPtrMetadataRequest()); err != nil {
		t.Errorf("by the new broker's listener: %v", err)
	}
	c.nodes[2].kill() // the last test of the cluster
	goOn()
	tr.end(t, c, name, 1000)
	if l.lines("connection closed", "the cluster closed the connection") == nil {
		t.Error("no client was connected to a broker that was stopped")
	}
	heard.noLeak(t, c)
}
