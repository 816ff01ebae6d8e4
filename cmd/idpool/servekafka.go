package main

import (
	"cmp"
	"net"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
)

// kafkaFlags are the flags of serve that are about the Kafka listener.
type kafkaFlags struct {
	kafka, advertised, upstream, data, errors string
}

func (f *kafkaFlags) add(flags *pflag.FlagSet) {
	flags.StringVar(&f.kafka, "kafka", "", "`ADDR` of the kafka listener, or off (default \""+defaultBroker+"\")")
	flags.StringVar(&f.advertised, "kafka-advertised", "", "`HOST[:PORT]` that Kafka clients are told to connect to (default localhost)")
	flags.StringVar(&f.upstream, "kafka-upstream", "", "stand before the real cluster at `HOST:PORT,...` in place of the embedded one")
	flags.StringVar(&f.data, "data", "", "keep the embedded cluster's topics in the folder `DIR`")
	flags.StringVar(&f.errors, "kafka-errors", "", "what refused Kafka clients are told, `MODE`: confluent hides the reason, verbose tells it (default \"confluent\")")
}

// apply puts the flags over the config. What they say is checked with the rest
// of the config.
func (f kafkaFlags) apply(c *idpool.Config) error {
	l, k := &c.Listeners.Kafka, &c.Kafka
	l.Address = cmp.Or(f.kafka, l.Address, defaultBroker)
	l.Advertised = cmp.Or(f.advertised, l.Advertised)
	k.Data = cmp.Or(f.data, k.Data)
	k.Errors = cmp.Or(f.errors, k.Errors)
	if f.errors != "" && !slices.Contains([]string{"confluent", "verbose"}, f.errors) {
		return usageError("", "serve: --kafka-errors: %q is no way to tell errors, want confluent or verbose", f.errors)
	}
	if l.Address == idpool.Off && (f.advertised != "" || f.upstream != "" || f.data != "" || f.errors != "") {
		return usageError("", "serve: --kafka is off, and --kafka-advertised, --kafka-upstream, --kafka-errors and --data mean nothing without it")
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
