package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

const (
	recordBytes = 1000
	// turnPatience is how long one side may take for one turn.
	turnPatience = time.Minute
)

// side is a cluster under measurement, and how to connect to it.
type side struct {
	name    string
	topic   string
	options []kgo.Opt
}

// turn is what one side did in one turn. Throughput is in MB/s, times are in
// milliseconds.
type turn struct{ produce, consume, p50, p99 float64 }

// traffic measures the target and a kfake in this process, in turns. Nil means
// that nobody asked.
func (s *kafkaSettings) traffic(ctx context.Context) (*traffic, error) {
	if s.records == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, maxDuration, fmt.Errorf("the turns are not over after %v", maxDuration))
	defer cancel()
	target := side{"target", s.topic, []kgo.Opt{
		kgo.SeedBrokers(s.broker.address),
		kgo.SASL(oauth.Auth{Token: s.broker.token, Extensions: s.broker.extensions()}.AsMechanism()),
	}}
	partitions, err := target.partitions(ctx)
	if err != nil {
		return nil, target.says("topic "+s.topic, err)
	}
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, s.topic))
	if err != nil {
		return nil, fmt.Errorf("no kfake: %v", err)
	}
	defer fake.Close()
	direct := side{"direct", s.topic, []kgo.Opt{kgo.SeedBrokers(fake.ListenAddrs()...)}}
	return s.inTurns(ctx, direct, target)
}

// inTurns lets one turn pass before those that count.
func (s *kafkaSettings) inTurns(ctx context.Context, direct, target side) (*traffic, error) {
	var took [2][]turn
	for n := range s.turns + 1 {
		for i, side := range []side{direct, target} {
			runtime.GC() // what the other one left
			t, err := s.turn(ctx, side)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				took[i] = append(took[i], t)
			}
		}
	}
	return newTraffic(s, took[0], took[1]), nil
}

func (s *kafkaSettings) turn(ctx context.Context, on side) (t turn, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, turnPatience, fmt.Errorf("no end in %v", turnPatience))
	defer cancel()
	var from map[int32]kgo.Offset
	if t.produce, from, err = on.produce(ctx, s.records); err != nil {
		return t, on.says("produce", cause(ctx, err))
	}
	if t.consume, err = on.consume(ctx, from, s.records); err != nil {
		return t, on.says("consume", cause(ctx, err))
	}
	if s.singles == 0 {
		return t, nil
	}
	if t.p50, t.p99, err = on.oneAtATime(ctx, s.singles); err != nil {
		err = on.says("one record at a time", cause(ctx, err))
	}
	return t, err
}

// says heads an error with what was measured where.
func (s side) says(what string, err error) error { return fmt.Errorf("%s: %s: %v", s.name, what, err) }

// cause is why the time was over, if it was.
func cause(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return context.Cause(ctx)
	}
	return err
}

// client is one that compresses nothing, as all there is to compress is zeros,
// and that waits for no server that is gone, nor beyond its ctx: the client by
// itself waits for the answer to what it has sent.
func (s side) client(ctx context.Context, more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(slices.Concat([]kgo.Opt{
		kgo.Dialer(dialUntil(ctx)),
		kgo.DefaultProduceTopic(s.topic),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordDeliveryTimeout(patience),
		kgo.AllowIdempotentProduceCancellation(), // nothing is produced again
	}, s.options, more)...)
}

// dialUntil dials connections that are closed when end is done.
func dialUntil(end context.Context) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if err := end.Err(); err != nil {
			return nil, err
		}
		conn, err := dialLoopback(ctx, network, address)
		if err == nil {
			context.AfterFunc(end, func() { _ = conn.Close() })
		}
		return conn, err
	}
}

// partitions is how many the topic has. Brokers that are elsewhere are refused
// here: the client would try them again and again.
func (s side) partitions(ctx context.Context) (int32, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := s.client(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	request, topic := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic()
	topic.Topic = &s.topic
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(ctx, c)
	if err != nil {
		return 0, err
	}
	for _, b := range response.Brokers {
		if !loopback(b.Host) {
			return 0, notThisMachine(b.Host)
		}
	}
	if len(response.Topics) != 1 {
		return 0, fmt.Errorf("metadata of %d topics, want 1", len(response.Topics))
	}
	return int32(len(response.Topics[0].Partitions)), kerr.ErrorForCode(response.Topics[0].ErrorCode)
}

func records(n int) []*kgo.Record {
	value := make([]byte, recordBytes)
	all := make([]*kgo.Record, n)
	for i := range all {
		all[i] = &kgo.Record{Value: value}
	}
	return all
}

// perSecond is the throughput of n records, in MB/s.
func perSecond(n int, took time.Duration) float64 {
	return float64(n) * recordBytes / 1e6 / took.Seconds()
}

// produce sends n records in batches, and returns where in each partition they
// begin.
func (s side) produce(ctx context.Context, n int) (float64, map[int32]kgo.Offset, error) {
	c, err := s.client(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer c.Close()
	if err := c.ProduceSync(ctx, records(1)...).FirstErr(); err != nil { // connects
		return 0, nil, err
	}
	sent := records(n)
	began := time.Now()
	results := c.ProduceSync(ctx, sent...)
	took := time.Since(began)
	if err := results.FirstErr(); err != nil {
		return 0, nil, err
	}
	return perSecond(n, took), begins(sent), nil
}

func begins(sent []*kgo.Record) map[int32]kgo.Offset {
	lowest := map[int32]int64{}
	for _, r := range sent {
		if at, ok := lowest[r.Partition]; !ok || r.Offset < at {
			lowest[r.Partition] = r.Offset
		}
	}
	from := map[int32]kgo.Offset{}
	for partition, offset := range lowest {
		from[partition] = kgo.NewOffset().At(offset)
	}
	return from
}

// consume reads n records. The first fetch is not counted, as it has the
// connecting in it, unless there is no other.
func (s side) consume(ctx context.Context, from map[int32]kgo.Offset, n int) (float64, error) {
	c, err := s.client(ctx, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{s.topic: from}))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	first, err := poll(ctx, c)
	if err != nil {
		return 0, err
	}
	if first >= n {
		return perSecond(first, time.Since(began)), nil
	}
	began = time.Now()
	rest := 0
	for first+rest < n {
		more, err := poll(ctx, c)
		if err != nil {
			return 0, err
		}
		rest += more
	}
	return perSecond(rest, time.Since(began)), nil
}

func poll(ctx context.Context, c *kgo.Client) (int, error) {
	fetches := c.PollFetches(ctx)
	return fetches.NumRecords(), fetches.Err()
}

// oneAtATime sends a record, waits, and sends the next.
func (s side) oneAtATime(ctx context.Context, n int) (p50, p99 float64, err error) {
	c, err := s.client(ctx, kgo.ProducerLinger(0))
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	const warmUp = 10
	latencies := make([]time.Duration, 0, warmUp+n)
	for _, r := range records(warmUp + n) {
		began := time.Now()
		if err := c.ProduceSync(ctx, r).FirstErr(); err != nil {
			return 0, 0, err
		}
		latencies = append(latencies, time.Since(began))
	}
	latencies = latencies[warmUp:]
	slices.Sort(latencies)
	return milliseconds(percentile(latencies, 50)), milliseconds(percentile(latencies, 99)), nil
}
