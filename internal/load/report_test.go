package main

import (
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	upTo := func(n int) []time.Duration {
		s := make([]time.Duration, n)
		for i := range s {
			s[i] = time.Duration(i + 1)
		}
		return s
	}
	for _, row := range []struct {
		reason string
		sample []time.Duration
		p      int
		want   time.Duration
	}{
		{"one value is every percentile", upTo(1), 1, 1},
		{"one value is every percentile", upTo(1), 99, 1},
		{"the median of an even number is the lower middle", upTo(4), 50, 2},
		{"the median of an odd number is the middle", upTo(5), 50, 3},
		{"a rank that is whole", upTo(100), 99, 99},
		{"a rank that is rounded up", upTo(101), 99, 100},
		{"few values: p99 is the greatest", upTo(99), 99, 99},
		{"the smallest", upTo(100), 1, 1},
		{"the greatest", upTo(1000), 100, 1000},
		{"not the mean of neighbours", []time.Duration{15, 20, 35, 40, 50}, 40, 20},
	} {
		if got := percentile(row.sample, row.p); got != row.want {
			t.Errorf("%s: p%d of %d values: got %d, want %d", row.reason, row.p, len(row.sample), got, row.want)
		}
	}
}

func TestReportText(t *testing.T) {
	r := report{Target: "http://127.0.0.1:1/token", Connections: 2, WarmUpSeconds: 1, Memory: &memory{7, 18_600_000, 25_449_999}}
	r.add(tally{
		latencies: []time.Duration{1500 * time.Microsecond, 2 * time.Millisecond, 9 * time.Millisecond},
		elapsed:   2 * time.Second,
		failures: map[string]*failures{
			"500": {"500", 1, []string{"down"}},
			"401": {"401", 1, []string{"who"}},
			"503": {"503", 2, []string{"busy", "very busy"}},
		},
	})
	r.compare(3, 3)
	got := r.text()
	got, cores, _ := strings.Cut(got, " goroutines)\n")
	want := `target   http://127.0.0.1:1/token
load     2 connections, 2.0 s after 1.0 s of warm-up
tokens   3, 2 tokens/s
latency  p50 2.0 ms, p99 9.0 ms, max 9.0 ms
errors   4
         2 × 503
             busy
             very busy
         1 × 401
             who
         1 × 500
             down
signing  3/s before, 3/s after, mean 3/s (RS256 of 2048 bits, `
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if want := "ratio    0.500 of the signing limit\nmemory   PID 7: 18.6 MB before, 25.4 MB after\n"; cores != want {
		t.Errorf("got\n%s\nwant\n%s", cores, want)
	}
}

func TestDoubt(t *testing.T) {
	for _, row := range []struct {
		reason                string
		tokens, before, after float64
		ratio                 float64
		doubt                 string
	}{
		{"a quiet machine", 90, 100, 100, 0.9, ""},
		{"a clock that wanders a little", 90, 95, 105, 0.9, ""},
		{"busy before", 75, 80, 120, 0.75, "40 % apart"},
		{"busy after", 75, 120, 80, 0.75, "40 % apart"},
		{"busy before and after", 100, 50, 50, 2, "no server passes the limit"},
	} {
		r := report{TokensPerSecond: row.tokens}
		r.compare(row.before, row.after)
		if r.Ratio != row.ratio || (r.Doubt == "") != (row.doubt == "") || !strings.Contains(r.Doubt, row.doubt) {
			t.Errorf("%s: ratio %v, doubt %q, want %v, %q", row.reason, r.Ratio, r.Doubt, row.ratio, row.doubt)
		}
		if !strings.Contains(r.text(), "of the signing limit\n"+strings.Repeat(" ", 9*min(len(r.Doubt), 1))+r.Doubt) {
			t.Errorf("%s: the text does not say so:\n%s", row.reason, r.text())
		}
	}
}

func TestReportWithoutTokens(t *testing.T) {
	var r report
	r.add(tally{elapsed: time.Second})
	r.compare(0, 0)
	if got := r.text(); strings.Contains(got, "latency") || strings.Contains(got, "ratio") || !strings.Contains(got, "tokens   0, 0 tokens/s") {
		t.Errorf("got\n%s", got)
	}
}

// A long answer is cut after it is masked: the cut goes through the secret.
func TestCleanMasksBeforeItCuts(t *testing.T) {
	got := clean(strings.Repeat("x", maxSample-4)+acmeSecret, masking(acmeSecret))
	if strings.Contains(got, acmeSecret[:4]) || !strings.HasSuffix(got, "(sec…") {
		t.Errorf("got …%s", got[maxSample-10:])
	}
}
