package main

import (
	"fmt"
	"slices"
)

// kafkaReport is what the command prints of a Kafka listener.
type kafkaReport struct {
	Target          string        `json:"target"`
	Cluster         string        `json:"cluster"`
	Pool            string        `json:"pool"`
	Connections     int           `json:"connections"`
	WarmUpSeconds   float64       `json:"warmUpSeconds"`
	Seconds         float64       `json:"seconds"`
	Logins          int           `json:"logins"`
	LoginsPerSecond float64       `json:"loginsPerSecond"`
	Latency         *latency      `json:"latency,omitempty"` // nil without a login
	Errors          failureReport `json:"errors"`
	Traffic         *traffic      `json:"traffic,omitempty"` // nil when not measured
	Idle            *idle         `json:"idle,omitempty"`    // nil when not measured
}

// traffic is what the records took. Throughput is in MB/s, times are in
// milliseconds.
type traffic struct {
	Turns   int         `json:"turns"`
	Records int         `json:"records"` // in each turn
	Singles int         `json:"singles"` // in each turn
	Produce comparison  `json:"produceMBs"`
	Consume comparison  `json:"consumeMBs"`
	P50     *comparison `json:"oneAtATimeP50Ms,omitempty"` // nil when not measured
	P99     *comparison `json:"oneAtATimeP99Ms,omitempty"`
	Doubt   string      `json:"doubt,omitempty"` // why not to trust the ratios
}

// comparison is the median of the turns on either side. The ratio is that of
// the medians, and the lowest and the highest are those of a single turn: how
// far they are apart says how quiet the machine was.
type comparison struct {
	Direct  float64 `json:"direct"`
	Target  float64 `json:"target"`
	Ratio   float64 `json:"ratio"` // to direct
	Lowest  float64 `json:"lowestRatio"`
	Highest float64 `json:"highestRatio"`
}

func newTraffic(s *kafkaSettings, direct, target []turn) *traffic {
	of := func(value func(turn) float64) comparison {
		return compare(values(direct, value), values(target, value))
	}
	t := &traffic{
		Turns: s.turns, Records: s.records, Singles: s.singles,
		Produce: of(func(t turn) float64 { return t.produce }),
		Consume: of(func(t turn) float64 { return t.consume }),
	}
	if s.singles > 0 {
		p50, p99 := of(func(t turn) float64 { return t.p50 }), of(func(t turn) float64 { return t.p99 })
		t.P50, t.P99 = &p50, &p99
	}
	t.doubt()
	return t
}

const (
	// maxSpread is how much the ratio of one turn may be of another's.
	maxSpread = 2
	// maxGain is how much faster than direct the target may seem. It has a
	// process of its own, and the baseline shares the driver's.
	maxGain = 1.1
)

// doubt looks at what other processes have shaped. The p99 is left out: its
// turns are apart on a quiet machine too.
func (t *traffic) doubt() {
	spread := max(t.Produce.spread(), t.Consume.spread())
	if t.P50 != nil {
		spread = max(spread, t.P50.spread())
	}
	switch {
	case spread > maxSpread:
		t.Doubt = fmt.Sprintf("the ratios of single turns are up to %.1f × apart: the machine was busy, measure again", spread)
	case max(t.Produce.Ratio, t.Consume.Ratio) > maxGain:
		t.Doubt = "nothing is faster with something before it: the driver's process was busier than the server's, measure again"
	}
}

func (c comparison) spread() float64 { return c.Highest / c.Lowest }

func values(turns []turn, value func(turn) float64) []float64 {
	all := make([]float64, len(turns))
	for i, t := range turns {
		all[i] = value(t)
	}
	return all
}

// compare takes as many values of one side as of the other, at least one.
func compare(direct, target []float64) comparison {
	ratios := make([]float64, len(direct))
	for i := range ratios {
		ratios[i] = target[i] / direct[i]
	}
	c := comparison{Direct: median(direct), Target: median(target), Lowest: slices.Min(ratios), Highest: slices.Max(ratios)}
	c.Ratio = c.Target / c.Direct
	return c
}

// median is, of an even number, the upper one of the middle.
func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// add puts in what happened to the logins, after what happened to the idle
// connections.
func (r *kafkaReport) add(t tally) {
	r.Seconds, r.Logins = t.elapsed.Seconds(), len(t.latencies)
	r.LoginsPerSecond = float64(r.Logins) / r.Seconds
	if r.Idle != nil && r.Idle.failure != nil {
		t.add(tallyOf(r.Idle.failure))
	}
	r.Latency, r.Errors = t.latency(), t.errors()
}

func (r *kafkaReport) text() string {
	var b lines
	b.line("target", "%s, cluster %q, pool %q", r.Target, r.Cluster, r.Pool)
	b.line("load", "%d connections at once, %.1f s after %.1f s of warm-up", r.Connections, r.Seconds, r.WarmUpSeconds)
	b.line("logins", "%d, %.0f logins/s, a connection each", r.Logins, r.LoginsPerSecond)
	b.requests(r.Latency, r.Errors)
	if r.Traffic != nil {
		b.traffic(r.Traffic)
	}
	if r.Idle != nil {
		b.idle(r.Idle)
	}
	return b.String()
}

func (b *lines) traffic(t *traffic) {
	b.line("turns", "%d, each of %d records of 1 kB and %d one at a time, against kfake alone in the driver's process", t.Turns, t.Records, t.Singles)
	b.comparison("produce", "%.1f MB/s", t.Produce)
	b.comparison("consume", "%.1f MB/s", t.Consume)
	if t.P50 != nil {
		b.comparison("single", "p50 %.3f ms", *t.P50)
		b.comparison("", "p99 %.3f ms", *t.P99)
	}
	if t.Doubt != "" {
		b.line("", "%s", t.Doubt)
	}
}

func (b *lines) comparison(name, format string, c comparison) {
	b.line(name, format+", direct "+format+": %.2f × direct (%.2f–%.2f in single turns)", c.Target, c.Direct, c.Ratio, c.Lowest, c.Highest)
}

func (b *lines) idle(i *idle) {
	b.line("idle", "%d connections, logged in one after another in %.1f s", i.Connections, i.Seconds)
	if i.Short != "" {
		b.line("", "%d were wanted: %s", i.Wanted, i.Short)
	}
	if i.Memory == nil {
		return
	}
	b.line("memory", "%s", i.Memory)
	if i.Connections > 0 {
		b.line("", "%.1f kB a connection", i.each())
	}
}
