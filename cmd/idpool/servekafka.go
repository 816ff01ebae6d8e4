package main

import (
	"cmp"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
)

// kafkaFlags are the flags of serve that are about the Kafka listener.
type kafkaFlags struct {
	kafka, advertised, upstream, data, errors string
	inside, insideAdvertised                  string
	brokers, insideBrokers                    string
}

func (f *kafkaFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.kafka, "kafka", "", "`ADDR` of the kafka listener, or off (default \""+defaultBroker+"\")")
	flags.StringVar(&f.advertised, "kafka-advertised", "", "`HOST[:PORT]` that Kafka clients are told to connect to (default localhost)")
	flags.StringVar(&f.inside, "kafka-inside", "", "`ADDR` of a second kafka listener, for clients inside a network, or off (default off)")
	flags.StringVar(&f.insideAdvertised, "kafka-inside-advertised", "", "`HOST[:PORT]` that Kafka clients inside are told to connect to (default localhost)")
	flags.StringVar(&f.upstream, "kafka-upstream", "", "stand before the real cluster at `HOST:PORT,...` in place of the embedded one")
	flags.StringVar(&f.brokers, "kafka-brokers", "", "listen for these brokers of the real cluster from the start, at `ID=ADDR[=HOST[:PORT]],...`")
	flags.StringVar(&f.insideBrokers, "kafka-inside-brokers", "", "the same for clients inside, `ID=ADDR[=HOST[:PORT]],...`")
	flags.StringVar(&f.data, "data", "", "keep the embedded cluster's topics in the folder `DIR`")
	flags.StringVar(&f.errors, "kafka-errors", "", "what refused Kafka clients are told, `MODE`: confluent hides the reason, verbose tells it (default \"confluent\")")
}

// apply puts the flags over the config. What they say is checked with the rest
// of the config.
func (f kafkaFlags) apply(c *idpool.Config) error {
	l, k := &c.Listeners.Kafka, &c.Kafka
	l.Address = cmp.Or(f.kafka, l.Address, defaultBroker)
	l.Advertised = cmp.Or(f.advertised, l.Advertised)
	l.Inside.Address = cmp.Or(f.inside, l.Inside.Address)
	l.Inside.Advertised = cmp.Or(f.insideAdvertised, l.Inside.Advertised)
	k.Data = cmp.Or(f.data, k.Data)
	k.Errors = cmp.Or(f.errors, k.Errors)
	if f.errors != "" && !slices.Contains([]string{"confluent", "verbose"}, f.errors) {
		return usageError("", "serve: --kafka-errors: %q is no way to tell errors, want confluent or verbose", f.errors)
	}
	if l.Address == idpool.Off && f != (kafkaFlags{kafka: f.kafka}) {
		return usageError("", "serve: --kafka is off, and --data and the flags that begin with --kafka- mean nothing without it")
	}
	if f.upstream != "" {
		k.Upstream.Bootstrap = strings.Split(f.upstream, ",")
		if bad := notAddress(f.upstream); bad != "" {
			return usageError("", "serve: --kafka-upstream: %q is no address, want HOST:PORT such as broker-1:9092", bad)
		}
	}
	if f.data != "" && len(k.Upstream.Bootstrap) > 0 {
		return usageError("", "serve: --data keeps the embedded cluster, which an upstream replaces: leave one out")
	}
	if err := listedBrokers("kafka-brokers", f.brokers, &l.Brokers); err != nil {
		return err
	}
	if err := listedBrokers("kafka-inside-brokers", f.insideBrokers, &l.Inside.Brokers); err != nil {
		return err
	}
	return f.check(*c)
}

// listedBrokers reads ID=ADDR[=HOST[:PORT]],... over what the config says.
func listedBrokers(flag, list string, into *[]idpool.KafkaBroker) error {
	if list == "" {
		return nil
	}
	*into = nil
	for one := range strings.SplitSeq(list, ",") {
		parts := strings.SplitN(strings.TrimSpace(one), "=", 3)
		id, err := strconv.ParseInt(parts[0], 10, 32)
		if err != nil || len(parts) < 2 {
			return usageError("", "serve: --%s: %q is no broker, want ID=ADDR or ID=ADDR=HOST:PORT such as 1=0.0.0.0:9093=localhost:9093", flag, one)
		}
		b := idpool.KafkaBroker{ID: int32(id), Address: parts[1]}
		if len(parts) == 3 {
			b.Advertised = parts[2]
		}
		*into = append(*into, b)
	}
	return nil
}

// check refuses listeners that no config could have, by the name of the flag.
func (f kafkaFlags) check(c idpool.Config) error {
	l := c.Listeners.Kafka
	brokers := f.brokers != "" || f.insideBrokers != ""
	switch {
	case brokers && len(c.Kafka.Upstream.Bootstrap) == 0:
		return usageError("", "serve: --kafka-brokers and --kafka-inside-brokers are for the brokers of a real cluster, and mean nothing without --kafka-upstream")
	case (l.Inside.Address == "" || l.Inside.Address == idpool.Off) && (f.insideAdvertised != "" || f.insideBrokers != ""):
		return usageError("", "serve: --kafka-inside-advertised and --kafka-inside-brokers mean nothing without --kafka-inside")
	}
	var mistakes idpool.ConfigErrors
	errors.As(idpool.Config{Listeners: idpool.Listeners{Kafka: l}, Kafka: c.Kafka}.Check(), &mistakes)
	for _, flag := range []struct{ name, value, setting string }{
		{"kafka-advertised", f.advertised, "advertised"},
		{"kafka-inside", f.inside, "inside.address"},
		{"kafka-inside-advertised", f.insideAdvertised, "inside.advertised"},
		{"kafka-brokers", f.brokers, "brokers"},
		{"kafka-inside-brokers", f.insideBrokers, "inside.brokers"},
	} {
		for _, m := range mistakes {
			rest, about := strings.CutPrefix(m.Field, "listeners.kafka."+flag.setting)
			if about && flag.value != "" && (rest == "" || rest[0] == '[') {
				return usageError("", "serve: --%s: %s", flag.name, m.Message)
			}
		}
	}
	return nil
}

// notAddress is the first in a list with commas that is not of the form
// HOST:PORT; empty for none.
func notAddress(list string) string {
	for one := range strings.SplitSeq(list, ",") {
		if host, port, err := net.SplitHostPort(one); err != nil || host == "" || port == "" || strings.ContainsAny(one, " \t") {
			return cmp.Or(one, " ")
		}
	}
	return ""
}

// kafkaAddresses are what Kafka clients have as bootstrap.servers, by where they
// are.
func kafkaAddresses(r readiness) string {
	if r.KafkaInside == "" {
		return cmp.Or(r.Kafka, "off")
	}
	return r.Kafka + ", inside " + r.KafkaInside
}

// behindKafka says in a word what is behind the Kafka listener.
func behindKafka(c idpool.Config) string {
	switch {
	case c.Listeners.Kafka.Address == idpool.Off:
		return ""
	case len(c.Kafka.Upstream.Bootstrap) > 0:
		return " (before " + strings.Join(c.Kafka.Upstream.Bootstrap, ",") + ")"
	case c.Kafka.Data != "":
		return " (embedded, kept in " + c.Kafka.Data + ")"
	}
	return " (embedded)"
}
