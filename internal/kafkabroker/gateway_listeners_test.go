package kafkabroker

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/idpool/idpool"
)

// directory knows where names are that are told to clients: each connection to
// one of them goes to the next gateway, as behind a Service.
type directory struct {
	mu     sync.Mutex
	at     map[string][]string
	dialed map[string]int
}

func (d *directory) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	all, n := d.at[address], d.dialed[address]
	d.dialed[address]++
	d.mu.Unlock()
	if len(all) == 0 {
		return nil, fmt.Errorf("%s is not reachable from here", address)
	}
	return new(net.Dialer).DialContext(ctx, network, all[n%len(all)])
}

// places are the listeners of one gateway for one kind of clients, whose host
// they know. Their addresses go into the directory.
func (d *directory) places(t *testing.T, name string, port int) (address string, brokers []idpool.KafkaBroker) {
	t.Helper()
	var reserved reservation
	defer reserved.release()
	next := func(advertised string) string {
		port, err := reserved.reserve()
		if err != nil {
			t.Fatal(err)
		}
		at := net.JoinHostPort(host, strconv.Itoa(port))
		d.at[advertised] = append(d.at[advertised], at)
		return at
	}
	address = next(fmt.Sprintf("%s:%d", name, port))
	for id := 1; id <= 3; id++ {
		advertised := fmt.Sprintf("%s:%d", name, port+id)
		brokers = append(brokers, idpool.KafkaBroker{ID: int32(id), Address: next(advertised), Advertised: advertised})
	}
	return address, brokers
}

// listedBrokers: two gateways of one config stand behind one address, inside and
// outside, and clients work that know one of these networks only.
func listedBrokers(t *testing.T, c *Cluster) {
	const name = "listed"
	topics(t, c, 6, name)
	d := &directory{at: map[string][]string{}, dialed: map[string]int{}}
	var stacks []*idpool.Stack
	for range 2 {
		config := idpool.Acme()
		config.Listeners.HTTPS.Address = idpool.Off
		config.Listeners.HTTP.PublicURL = "http://idpool.test" // one issuer
		config.Kafka.Upstream = upstream(t, c, "SASL_SSL", "SCRAM-SHA-512")
		l := &config.Listeners.Kafka
		l.Advertised, l.Inside.Advertised = "outside.test:9092", "inside.test:19092"
		l.Address, l.Brokers = d.places(t, "outside.test", 9092)
		l.Inside.Address, l.Inside.Brokers = d.places(t, "inside.test", 19092)
		stacks = append(stacks, startStack(t, config))
	}
	for i, way := range []struct {
		seed  string
		stack *idpool.Stack
	}{{"outside.test:9092", stacks[0]}, {"inside.test:19092", stacks[1]}} {
		options := []kgo.Opt{kgo.SeedBrokers(way.seed), kgo.Dialer(d.dial)}
		produce(t, through(t, way.stack, "pool-dev", options...), name, 60)
		reader := through(t, way.stack, "pool-dev", append(options, kgo.ConsumerGroup(fmt.Sprint(name, i)), kgo.ConsumeTopics(name), kgo.DisableAutoCommit())...)
		consume(t, reader, 60)
		if err := reader.CommitUncommittedOffsets(patient(t)); err != nil {
			t.Error(err)
		}
	}
	for address, n := range d.dialed {
		if d.at[address] == nil {
			t.Errorf("%s was dialled %d times, which no client is to know", address, n)
		}
	}
	if len(d.dialed) != 8 {
		t.Errorf("%v were dialled, want a bootstrap address and three brokers, outside and inside", d.dialed)
	}
}
