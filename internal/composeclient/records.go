package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

// records is how many are produced, and read again.
const records = 100

// exchange produces and consumes, with a client for each: a group that is joined
// before there is a topic waits for long.
func (s settings) exchange(ctx context.Context, tokens tokenSource) error {
	producer, err := s.connect(tokens)
	if err != nil {
		return err
	}
	defer producer.Close()
	if err := s.create(ctx, producer); err != nil {
		return fmt.Errorf("topic %s cannot be created: %w", s.topic, told(ctx, err))
	}
	sent, err := s.produce(ctx, producer)
	if err != nil {
		return fmt.Errorf("not produced: %w", told(ctx, err))
	}
	consumer, err := s.connect(tokens, kgo.ConsumeTopics(s.topic), kgo.ConsumerGroup(s.group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	if err != nil {
		return err
	}
	defer consumer.Close()
	if err := consume(ctx, consumer, sent); err != nil {
		return fmt.Errorf("not consumed: %w", told(ctx, err))
	}
	return nil
}

// connect is a client that logs in by SASL/OAUTHBEARER.
func (s settings) connect(tokens tokenSource, more ...kgo.Opt) (*kgo.Client, error) {
	options := []kgo.Opt{kgo.SeedBrokers(s.brokers...), kgo.SASL(oauth.Oauth(s.login(tokens)))}
	if !s.plaintext {
		options = append(options, kgo.DialTLSConfig(s.tls))
	}
	return kgo.NewClient(append(options, more...)...)
}

// login is what Confluent Cloud wants to know at a login.
func (s settings) login(tokens tokenSource) func(context.Context) (oauth.Auth, error) {
	return func(ctx context.Context) (oauth.Auth, error) {
		token, err := tokens(ctx)
		return oauth.Auth{Token: token, Extensions: map[string]string{
			"logicalCluster": s.cluster, "identityPoolId": s.pool,
		}}, err
	}
}

// create makes the topic unless it is there. It is the first that is asked of
// Kafka, which may be starting still, and so it is asked for again until Kafka
// itself says no.
func (s settings) create(ctx context.Context, client *kgo.Client) error {
	for wait := time.Second / 4; ; wait = min(2*wait, 4*time.Second) {
		err := s.createOnce(ctx, client)
		var refused *kerr.Error
		if err == nil || errors.As(err, &refused) && !refused.Retriable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func (s settings) createOnce(ctx context.Context, client *kgo.Client) error {
	request := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = s.topic, -1, -1 // the cluster's defaults
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	err = kerr.ErrorForCode(response.Topics[0].ErrorCode)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	return err
}

// produce waits until each record is acknowledged, and returns them by key. The
// keys are of this run alone: others' records may be in the topic.
func (s settings) produce(ctx context.Context, client *kgo.Client) (map[string]string, error) {
	run := rand.Text()
	sent := make(map[string]string, records)
	var batch []*kgo.Record
	for i := range records {
		key, value := run+"-"+strconv.Itoa(i), "record "+strconv.Itoa(i)
		sent[key] = value
		batch = append(batch, &kgo.Record{Topic: s.topic, Key: []byte(key), Value: []byte(value)})
	}
	return sent, client.ProduceSync(ctx, batch...).FirstErr()
}

// consume reads until every record that was sent has come, once, and commits
// what was read.
func consume(ctx context.Context, client *kgo.Client, missing map[string]string) error {
	seen := make(map[string]bool, len(missing))
	for len(missing) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return err
		}
		var wrong error
		fetches.EachError(func(_ string, _ int32, err error) { wrong = errors.Join(wrong, err) })
		fetches.EachRecord(func(r *kgo.Record) {
			wrong = errors.Join(wrong, check(r, missing, seen))
		})
		if wrong != nil {
			return wrong
		}
	}
	return client.CommitUncommittedOffsets(ctx)
}

// check takes a record from those that are missing. Others' are no concern of
// it.
func check(r *kgo.Record, missing map[string]string, seen map[string]bool) error {
	key := string(r.Key)
	want, ours := missing[key]
	switch {
	case seen[key]:
		return fmt.Errorf("record %s came twice", key)
	case ours && string(r.Value) != want:
		return fmt.Errorf("record %s is %q, want %q", key, r.Value, want)
	case ours:
		delete(missing, key)
		seen[key] = true
	}
	return nil
}

// told is an error with why the time is over, if it is: a client that tries
// again and again has more to say than the context has.
func told(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w (%w)", err, cause)
	}
	return err
}
