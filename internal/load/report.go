package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is what the command prints. Times of requests are those of tokens
// only: an error is answered sooner and would flatter them.
type report struct {
	Target          string         `json:"target"`
	Connections     int            `json:"connections"`
	WarmUpSeconds   float64        `json:"warmUpSeconds"`
	Seconds         float64        `json:"seconds"`
	Tokens          int            `json:"tokens"`
	TokensPerSecond float64        `json:"tokensPerSecond"`
	Latency         *latency       `json:"latency,omitempty"` // nil without a token
	Errors          failureReport  `json:"errors"`
	Signing         *signingReport `json:"signing,omitempty"` // nil when not measured
	Ratio           float64        `json:"ratio,omitempty"`   // of tokens to signatures, each per second
	Doubt           string         `json:"doubt,omitempty"`   // why not to trust the ratio
	Memory          *memory        `json:"memory,omitempty"`  // nil when not asked for
}

// latency is in milliseconds.
type latency struct {
	P50 float64 `json:"p50Ms"`
	P99 float64 `json:"p99Ms"`
	Max float64 `json:"maxMs"`
}

type failureReport struct {
	Count int         `json:"count"`
	Kinds []*failures `json:"kinds,omitempty"` // the most frequent first
}

// failures are those of one kind.
type failures struct {
	Kind    string   `json:"kind"`
	Count   int      `json:"count"`
	Samples []string `json:"samples"`
}

// signingReport is in signatures per second.
type signingReport struct {
	Cores  int     `json:"cores"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Mean   float64 `json:"mean"`
}

func (r *report) add(t tally) {
	r.Seconds, r.Tokens = t.elapsed.Seconds(), len(t.latencies)
	r.TokensPerSecond = float64(r.Tokens) / r.Seconds
	r.Latency, r.Errors = t.latency(), t.errors()
}

// latency is nil for a tally without any.
func (t tally) latency() *latency {
	if len(t.latencies) == 0 {
		return nil
	}
	return &latency{
		P50: milliseconds(percentile(t.latencies, 50)),
		P99: milliseconds(percentile(t.latencies, 99)),
		Max: milliseconds(percentile(t.latencies, 100)),
	}
}

func (t tally) errors() failureReport {
	r := failureReport{Kinds: slices.SortedFunc(maps.Values(t.failures), func(a, b *failures) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.Kind, b.Kind))
	})}
	for _, f := range r.Kinds {
		r.Count += f.Count
	}
	return r
}

// compare sets the ratio to the signing limit: the mean of before and after,
// since a laptop's clock speed wanders within the minute. It doubts a ratio
// that other processes have shaped: they take their share from the two
// goroutines that sign more than from the many that ask.
func (r *report) compare(before, after float64) {
	if before <= 0 || after <= 0 {
		return
	}
	mean := (before + after) / 2
	r.Signing = &signingReport{runtime.GOMAXPROCS(0), before, after, mean}
	r.Ratio = r.TokensPerSecond / mean
	switch apart := math.Abs(after-before) / mean; {
	case r.Ratio > 1:
		r.Doubt = "no server passes the limit that it signs under: the machine was busy while that was measured (or the server signs otherwise)"
	case apart > maxApart:
		r.Doubt = fmt.Sprintf("the signing limits before and after are %.0f %% apart: the machine was busy, measure again", apart*100)
	}
}

// maxApart is how much the two signing limits may differ, of their mean.
const maxApart = 0.1

// percentile is the smallest value that at least p percent of a sorted sample
// do not exceed (nearest rank). The sample is not empty, p is 1 to 100.
func percentile(sorted []time.Duration, p int) time.Duration {
	rank := (len(sorted)*p + 99) / 100
	return sorted[rank-1]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (r *report) print(w io.Writer, asJSON bool) error { return write(w, r, asJSON) }

// write prints a report in either form.
func write(w io.Writer, r interface{ text() string }, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(r)
	}
	_, err := io.WriteString(w, r.text())
	return err
}

// lines is the text of a report: a name, and what there is to say of it.
type lines struct{ strings.Builder }

func (b *lines) line(name, format string, args ...any) {
	fmt.Fprintf(b, "%-8s "+format+"\n", append([]any{name}, args...)...)
}

// requests are the lines that both reports have of their requests.
func (b *lines) requests(l *latency, errors failureReport) {
	if l != nil {
		b.line("latency", "p50 %.1f ms, p99 %.1f ms, max %.1f ms", l.P50, l.P99, l.Max)
	}
	b.line("errors", "%d", errors.Count)
	for _, f := range errors.Kinds {
		b.line("", "%d × %s", f.Count, f.Kind)
		for _, sample := range f.Samples {
			b.line("", "    %s", sample)
		}
	}
}

func (r *report) text() string {
	var b lines
	b.line("target", "%s", r.Target)
	b.line("load", "%d connections, %.1f s after %.1f s of warm-up", r.Connections, r.Seconds, r.WarmUpSeconds)
	b.line("tokens", "%d, %.0f tokens/s", r.Tokens, r.TokensPerSecond)
	b.requests(r.Latency, r.Errors)
	if s := r.Signing; s != nil {
		b.line("signing", "%.0f/s before, %.0f/s after, mean %.0f/s (RS256 of 2048 bits, %d goroutines)", s.Before, s.After, s.Mean, s.Cores)
		b.line("ratio", "%.3f of the signing limit", r.Ratio)
	}
	if r.Doubt != "" {
		b.line("", "%s", r.Doubt)
	}
	if m := r.Memory; m != nil {
		b.line("memory", "%s", m)
	}
	return b.String()
}
