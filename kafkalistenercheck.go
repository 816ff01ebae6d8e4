package idpool

import (
	"cmp"
	"fmt"
)

// kafkaListeners checks the listeners of Kafka clients.
func (x *checker) kafkaListeners(l KafkaListener) {
	const field = "listeners.kafka"
	addresses := map[string]string{} // with the settings that have them
	x.kafkaAddress(field+".address", l.Address, addresses)
	x.hostPort(field+".advertised", l.Advertised, true)
	x.oneOf(field+".securityProtocol", l.SecurityProtocol, kafkaProtocols)
	x.kafkaBrokers(field, l.Bootstrap(), l.Brokers, addresses)

	inside := field + ".inside"
	if l.Inside.Address == "" && (l.Inside.Advertised != "" || len(l.Inside.Brokers) > 0) {
		x.fail(inside+".address", "is missing: the other settings of inside mean nothing without it")
		return
	}
	x.kafkaAddress(inside+".address", l.Inside.Address, addresses)
	x.hostPort(inside+".advertised", l.Inside.Advertised, true)
	at := advertisedAt(l.Inside.Advertised, "localhost", cmp.Or(saidPort(l.Inside.Address), "0"))
	if l.hasInside() && at == l.Bootstrap() {
		x.fail(inside+".advertised", "%q is what clients of the other listener are told, want another address", at)
	}
	x.kafkaBrokers(inside, at, l.Inside.Brokers, addresses)
}

// kafkaAddress refuses an address that nothing can listen at, and one that
// another of the listeners has.
func (x *checker) kafkaAddress(field, address string, seen map[string]string) {
	if err := checkAddress(address); err != nil {
		x.errs = append(x.errs, &fieldError{field, err})
		return
	}
	if saidPort(address) == "" {
		return
	}
	if other := seen[address]; other != "" {
		x.fail(field, "%q is that of %s already", address, other)
	}
	seen[address] = field
}

// kafkaBrokers checks the listeners of brokers that belong to a listener, which
// is advertised.
func (x *checker) kafkaBrokers(field, advertised string, all []KafkaBroker, addresses map[string]string) {
	if len(all) > 0 && len(x.config.Kafka.Upstream.Bootstrap) == 0 {
		x.fail(field+".brokers", "mean nothing without kafka.upstream.bootstrap: the embedded cluster has no other brokers")
		return
	}
	ids, told := map[int32]bool{}, map[string]bool{advertised: true}
	for i, b := range all {
		at := fmt.Sprintf("%s.brokers[%d]", field, i)
		switch {
		case b.ID < 0:
			x.fail(at+".id", "%d is no id of a broker, want 0 or more", b.ID)
		case ids[b.ID]:
			x.fail(at+".id", "broker %d occurs twice", b.ID)
		}
		ids[b.ID] = true
		x.hostPort(at+".advertised", b.Advertised, true)
		if b.Address == "" || b.Address == Off {
			x.fail(at+".address", "%q is no address, want HOST:PORT such as 0.0.0.0:9093", b.Address)
			continue
		}
		x.kafkaAddress(at+".address", b.Address, addresses)
		place := b.at(advertised, cmp.Or(saidPort(b.Address), "0"))
		if told[place] {
			x.fail(at+".advertised", "%q is what clients are told of another listener already, want an address of this broker's own", place)
		}
		told[place] = saidPort(place) != "" // else nobody knows yet
	}
}
