package idpool

import (
	"cmp"
	"fmt"
	"net"
	"strconv"

	"github.com/idpool/idpool/broker"
)

// kafkaToo are the open listeners of Kafka clients beside the first one.
type kafkaToo struct {
	inside                 net.Listener // nil for none
	brokers, insideBrokers []net.Listener
}

func (k kafkaToo) all() []net.Listener {
	return append(append([]net.Listener{k.inside}, k.brokers...), k.insideBrokers...)
}

// listenToo opens them. Those that are open when it fails are in the result.
func (k KafkaListener) listenToo(into *kafkaToo) (err error) {
	const field = "listeners.kafka"
	if into.brokers, err = listenForBrokers(k.Brokers, "--kafka-brokers, IDPOOL_KAFKA_BROKERS", field); err != nil || !k.hasInside() {
		return err
	}
	if into.inside, err = listenAt("kafka listener inside", k.Inside.Address, "--kafka-inside HOST:PORT, IDPOOL_KAFKA_INSIDE or "+field+".inside.address"); err != nil {
		return err
	}
	into.insideBrokers, err = listenForBrokers(k.Inside.Brokers, "--kafka-inside-brokers, IDPOOL_KAFKA_INSIDE_BROKERS", field+".inside")
	return err
}

func (k KafkaListener) hasInside() bool { return k.Inside.Address != "" && k.Inside.Address != Off }

// listenForBrokers opens the listeners of brokers. Those that are open when it
// fails are in the result.
func listenForBrokers(all []KafkaBroker, flags, field string) (open []net.Listener, err error) {
	for i, b := range all {
		l, err := listenAt(fmt.Sprintf("kafka listener of broker %d", b.ID), b.Address, fmt.Sprintf("%s or %s.brokers[%d].address", flags, field, i))
		if err != nil {
			return open, err
		}
		open = append(open, l)
	}
	return open, nil
}

// opened are the listeners of Kafka clients as the broker serves them.
func (k KafkaListener) opened(first net.Listener, more kafkaToo) []broker.Listener {
	all := []broker.Listener{kafkaListener(first, k.Advertised, k.Address)}
	all[0].Brokers = kafkaBrokers(k.Brokers, more.brokers, all[0].Advertised)
	if more.inside == nil {
		return all
	}
	inside := kafkaListener(more.inside, k.Inside.Advertised, k.Inside.Address)
	inside.Brokers = kafkaBrokers(k.Inside.Brokers, more.insideBrokers, inside.Advertised)
	return append(all, inside)
}

func kafkaListener(l net.Listener, advertised, address string) broker.Listener {
	return broker.Listener{Listener: l, Advertised: advertisedAt(advertised, "localhost", port(l, defaultKafkaPort)), FirstPort: firstBrokerPort(address)}
}

// kafkaBrokers are the listeners of brokers that belong to one that is
// advertised.
func kafkaBrokers(all []KafkaBroker, open []net.Listener, advertised string) []broker.BrokerListener {
	var brokers []broker.BrokerListener
	for i, b := range all {
		brokers = append(brokers, broker.BrokerListener{Listener: open[i], ID: b.ID, Advertised: b.at(advertised, port(open[i], "0"))})
	}
	return brokers
}

// at is HOST:PORT as clients reach the broker's listener at a port, where that
// of the listener it belongs to is advertised.
func (b KafkaBroker) at(advertised, port string) string {
	host, _, _ := net.SplitHostPort(advertised) // of the form, whoever made it
	return advertisedAt(b.Advertised, host, port)
}

// advertisedAt is HOST:PORT of a setting that may be empty or have no port.
func advertisedAt(setting, host, port string) string {
	if h, p, err := net.SplitHostPort(setting); err == nil {
		return net.JoinHostPort(h, p)
	}
	return net.JoinHostPort(cmp.Or(setting, host), port)
}

// Bootstrap is HOST:PORT as clients will reach the listener, as far as the
// Config knows it: with the port of the command where it is free or not said.
func (k KafkaListener) Bootstrap() string {
	return advertisedAt(k.Advertised, "localhost", cmp.Or(saidPort(k.Address), defaultKafkaPort))
}

// saidPort is the port of an address; empty for a free one, or when the address
// has none.
func saidPort(address string) string {
	_, p, err := net.SplitHostPort(address)
	if number, notNumber := strconv.Atoi(p); err != nil || notNumber != nil || number == 0 {
		return ""
	}
	return p
}

// firstBrokerPort is that of the listener for the first broker behind a gateway
// that is not in the Config: the one after the listener's own, or any free one
// where the listener's is one.
func firstBrokerPort(address string) int {
	number, err := strconv.Atoi(saidPort(address))
	if err != nil {
		return 0
	}
	return number + 1
}

// defaultKafkaPort is that of the command's Kafka listener.
const defaultKafkaPort = "9092"

// hosts are those of the Config that Kafka clients are told to connect to.
func (k KafkaListener) hosts() []string {
	settings := []string{k.Advertised, k.Inside.Advertised}
	for _, b := range append(append([]KafkaBroker(nil), k.Brokers...), k.Inside.Brokers...) {
		settings = append(settings, b.Advertised)
	}
	var hosts []string
	for _, s := range settings {
		if s != "" {
			host, _, _ := net.SplitHostPort(advertisedAt(s, "", "0"))
			hosts = append(hosts, host)
		}
	}
	return hosts
}
