package metrics

import (
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/journal"
)

// A fault of the JWKS counts once, and not at each decision that it has spoilt.
func TestAFaultCountsWhereItHappened(t *testing.T) {
	m := New(Config{})
	m.Observe(journal.Entry{Endpoint: "jwks", Outcome: "ok", Fault: "stale"})
	m.Observe(journal.Entry{Endpoint: "decision", Outcome: "refused", Check: "key", Fault: "stale"})
	m.Observe(journal.Entry{Endpoint: "kafka-login", Outcome: "refused", Check: "key", Fault: "stale"})
	m.Observe(journal.Entry{Endpoint: "kafka-login", Outcome: "refused", Check: "fault", Fault: "login"})
	families, _ := scrape(t, m)
	got := slices.DeleteFunc(values(families), func(v string) bool { return !strings.Contains(v, "faults") })
	slices.Sort(got)
	want := []string{`idpool_faults_injected_total{endpoint="jwks"} 1`, `idpool_faults_injected_total{endpoint="kafka-login"} 1`}
	if !slices.Equal(got, want) {
		t.Errorf("counted %q, want %q", got, want)
	}
}
