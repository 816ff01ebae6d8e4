package idpool

import (
	"cmp"
	"fmt"
)

// kafkaListeners checks the listeners of Kafka clients.
func (x *checker) kafkaListeners(l KafkaListener) {
	const field = "listeners.kafka"
	seen := kafkaPlaces{addresses: map[string]string{}, told: map[string]bool{}}
	x.kafkaAddress(field+".address", l.Address, seen)
	x.hostPort(field+".advertised", l.Advertised, true)
	x.oneOf(field+".securityProtocol", l.SecurityProtocol, kafkaProtocols)
	outside := advertisedAt(l.Advertised, "localhost", cmp.Or(saidPort(l.Address), "0"))
	if l.Address != Off {
		seen.tell(outside)
	}
	x.kafkaBrokers(field, outside, l.Brokers, seen)

	inside := field + ".inside"
	if l.Inside.Address == "" && (l.Inside.Advertised != "" || len(l.Inside.Brokers) > 0) {
		x.fail(inside+".address", "is missing: the other settings of inside mean nothing without it")
		return
	}
	x.kafkaAddress(inside+".address", l.Inside.Address, seen)
	x.hostPort(inside+".advertised", l.Inside.Advertised, true)
	if reachable(l.Inside.Address) != l.Inside.Address && l.Inside.Advertised == "" {
		x.fail(inside+".advertised", "is missing, and clients of the network at %s would be told localhost: want a name such as idpool (--kafka-inside-advertised, IDPOOL_KAFKA_INSIDE_ADVERTISED)", l.Inside.Address)
	}
	at := advertisedAt(l.Inside.Advertised, "localhost", cmp.Or(saidPort(l.Inside.Address), "0"))
	if l.hasInside() && !seen.tell(at) {
		x.fail(inside+".advertised", "%q is what clients are told of another listener already, want another address", at)
	}
	x.kafkaBrokers(inside, at, l.Inside.Brokers, seen)
}

// kafkaPlaces are where the listeners are, each of which needs one of its own.
type kafkaPlaces struct {
	addresses map[string]string // with the settings that have them
	told      map[string]bool   // what clients are told
}

// tell takes up what clients are told, and says whether that is new. Nobody knows
// yet what a free port will be.
func (k kafkaPlaces) tell(place string) bool {
	known := k.told[place]
	k.told[place] = saidPort(place) != ""
	return !known
}

// kafkaAddress refuses an address that nothing can listen at, and one that
// another of the listeners has.
func (x *checker) kafkaAddress(field, address string, seen kafkaPlaces) {
	if err := checkAddress(address); err != nil {
		x.errs = append(x.errs, &fieldError{field, err})
		return
	}
	if saidPort(address) == "" {
		return
	}
	if other := seen.addresses[address]; other != "" {
		x.fail(field, "%q is that of %s already", address, other)
	}
	seen.addresses[address] = field
}

// kafkaBrokers checks the listeners of brokers that belong to a listener, which
// is advertised.
func (x *checker) kafkaBrokers(field, advertised string, all []KafkaBroker, seen kafkaPlaces) {
	if len(all) > 0 && len(x.config.Kafka.Upstream.Bootstrap) == 0 {
		x.fail(field+".brokers", "mean nothing without kafka.upstream.bootstrap: the embedded cluster has no other brokers")
		return
	}
	ids := map[int32]bool{}
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
		x.kafkaAddress(at+".address", b.Address, seen)
		place := b.at(advertised, cmp.Or(saidPort(b.Address), "0"))
		if !seen.tell(place) {
			x.fail(at+".advertised", "%q is what clients are told of another listener already, want an address of this broker's own", place)
		}
	}
}
