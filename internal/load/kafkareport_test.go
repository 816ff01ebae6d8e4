package main

import (
	"strings"
	"testing"
	"time"
)

func TestCompare(t *testing.T) {
	got := compare([]float64{100, 200, 400}, []float64{90, 300, 200})
	if want := (comparison{Direct: 200, Target: 200, Ratio: 1, Lowest: 0.5, Highest: 1.5}); got != want {
		t.Errorf("got %+v, want %+v: medians, and the ratios of single turns", got, want)
	}
	for _, row := range []struct {
		reason string
		values []float64
		want   float64
	}{
		{"one value", []float64{3}, 3},
		{"an odd number, not sorted", []float64{9, 1, 5}, 5},
		{"an even number", []float64{4, 1, 3, 2}, 3},
	} {
		if got := median(row.values); got != row.want {
			t.Errorf("%s: median %v, want %v", row.reason, got, row.want)
		}
	}
}

func TestKafkaDoubt(t *testing.T) {
	for _, row := range []struct {
		reason         string
		direct, target []turn
		doubt          string
	}{
		{"a quiet machine", []turn{{400, 400, 0.1, 1}, {420, 400, 0.1, 1}}, []turn{{390, 400, 0.1, 1}, {400, 410, 0.1, 9}}, ""},
		{"one turn unlike the other", []turn{{400, 400, 0.1, 1}, {100, 400, 0.1, 1}}, []turn{{400, 400, 0.1, 1}, {400, 400, 0.1, 1}}, "up to 4.0 × apart"},
		{"single records too", []turn{{400, 400, 0.1, 1}, {400, 400, 0.1, 1}}, []turn{{400, 400, 0.1, 1}, {400, 400, 0.3, 1}}, "up to 3.0 × apart"},
		{"faster than direct", []turn{{400, 400, 0.1, 1}}, []turn{{600, 400, 0.1, 1}}, "nothing is faster with something before it"},
	} {
		r := kafkaReport{Traffic: newTraffic(&kafkaSettings{singles: 1, turns: len(row.direct)}, row.direct, row.target)}
		got := r.Traffic.Doubt
		if (got == "") != (row.doubt == "") || !strings.Contains(got, row.doubt) || !strings.Contains(r.text(), "turns)\n"+strings.Repeat(" ", 9*min(len(got), 1))+got) {
			t.Errorf("%s: doubt %q, want %q, in\n%s", row.reason, got, row.doubt, r.text())
		}
	}
}

func TestKafkaReportText(t *testing.T) {
	r := kafkaReport{
		Target: "localhost:9092", Cluster: "lkc-acme", Pool: "pool-dev", Connections: 8, WarmUpSeconds: 1,
		Idle: &idle{Wanted: 5000, Connections: 4000, Seconds: 1.25, Short: "closed", Memory: &memory{7, 20_000_000, 80_000_000},
			failure: &failure{kind: "closed", sample: "EOF"}},
	}
	r.add(tally{
		latencies: []time.Duration{time.Millisecond, 2 * time.Millisecond, 9 * time.Millisecond},
		elapsed:   2 * time.Second,
		failures:  map[string]*failures{},
	})
	s := &kafkaSettings{records: 10, singles: 5, turns: 1}
	r.Traffic = newTraffic(s, []turn{{400, 500, 0.1, 0.2}}, []turn{{300, 500, 0.15, 0.3}})
	want := `target   localhost:9092, cluster "lkc-acme", pool "pool-dev"
load     8 connections at once, 2.0 s after 1.0 s of warm-up
logins   3, 2 logins/s, a connection each
latency  p50 2.0 ms, p99 9.0 ms, max 9.0 ms
errors   1
         1 × closed
             EOF
turns    1, each of 10 records of 1 kB and 5 one at a time, against kfake alone in the driver's process
produce  300.0 MB/s, direct 400.0 MB/s: 0.75 × direct (0.75–0.75 in single turns)
consume  500.0 MB/s, direct 500.0 MB/s: 1.00 × direct (1.00–1.00 in single turns)
single   p50 0.150 ms, direct p50 0.100 ms: 1.50 × direct (1.50–1.50 in single turns)
         p99 0.300 ms, direct p99 0.200 ms: 1.50 × direct (1.50–1.50 in single turns)
idle     4000 connections, logged in one after another in 1.2 s
         5000 were wanted: closed
memory   PID 7: 20.0 MB before, 80.0 MB after
         15.0 kB a connection
`
	if got := r.text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
