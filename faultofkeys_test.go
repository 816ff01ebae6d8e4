package idpool

import (
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/idpool/idpool/broker"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// Who was refused since a fault had spoilt the keys did not learn of it: not from
// the decision, the journal or the log.
func TestARefusalForWantOfKeysNamesTheFault(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault fault.Fault
		cause string
	}{
		{"503", fault.Fault{Status: http.StatusServiceUnavailable}, "jwks-unreachable"},
		{"closed", fault.Fault{Close: true}, "jwks-unreachable"},
		{"cut", fault.Fault{CutBody: 20}, "jwks-unreachable"},
		{"not-json", fault.Fault{JWKS: "not-json"}, "jwks-unreachable"},
		{"stale", fault.Fault{JWKS: "stale"}, "jwks-stale"},
	} {
		c := kafkaConfig()
		log := newLogBuffer()
		c.Logger = slog.New(slog.NewTextHandler(log, nil))
		s := startKafka(t, c)
		tt.fault.Endpoint, tt.fault.ID = "jwks", "spoilt"
		addFault(t, s.Scope, tt.fault)
		r := validator.Request{Token: mintIn(t, s.Scope), Cluster: "lkc-acme", Pools: "pool-dev"}
		d := s.Decide(t.Context(), r)
		if d.Fault != "spoilt" || len(d.Causes) == 0 || d.Causes[0].ID != tt.cause ||
			!strings.Contains(d.Causes[0].Summary, "'spoilt'") || !strings.Contains(d.Causes[0].Fix, "idpool fault remove spoilt") {
			t.Errorf("%s: fault %q, %+v", tt.name, d.Fault, d.Causes)
		}
		v := s.login(t.Context(), broker.Attempt{Request: r})
		v.Observe(broker.Login{Decision: v.Decision, Fault: v.Fault, Check: v.Decision.Failed().Name})
		for _, endpoint := range []string{journal.EndpointDecision, journal.EndpointKafkaLogin} {
			if n := s.Journal().Count(journal.Filter{Endpoint: endpoint, Fault: "spoilt"}); n != 1 {
				t.Errorf("%s: %d entries of %s name the fault", tt.name, n, endpoint)
			}
		}
		if !regexp.MustCompile(`(?m)^.*msg="login refused".* fault=spoilt\b`).MatchString(log.String()) {
			t.Errorf("%s: no line of the log names the fault:\n%s", tt.name, log)
		}
		s.Faults().Clear()
		refresh(t, s.Scope)
		r.Pools = "pool-none"
		if d := s.Decide(t.Context(), r); d.Fault != "" {
			t.Errorf("%s: when it is over, %+v names it", tt.name, d.Failed())
		}
	}
}

// A refusal that would be the same without the fault is a real one, and names none.
func TestARealRefusalNamesNoFaultOfTheKeys(t *testing.T) {
	s := start(t, Acme())
	broken, err := s.BrokenToken(t.Context(), idp.MintRequest{}, "kid-unknown")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []fault.Fault{{JWKS: "shuffled"}, {Delay: 1}, {Status: http.StatusServiceUnavailable}} {
		f.Endpoint = "jwks"
		addFault(t, s.Scope, f)
		_ = s.RefreshKeys(t.Context(), "op-acme") // fails, if that is the fault
		d := s.Decide(t.Context(), validator.Request{Token: broken.Token, Cluster: "lkc-acme", Pools: "pool-dev"})
		if d.Failed().Name != validator.CheckKey || d.Fault != "" {
			t.Errorf("%+v: refused at %q, fault %q", f, d.Failed().Name, d.Fault)
		}
		s.Faults().Clear()
	}
}

// A refresh that a fault has made fail says so.
func TestARefreshOfKeysNamesTheFault(t *testing.T) {
	s := start(t, Acme())
	for _, f := range []fault.Fault{{Status: http.StatusServiceUnavailable}, {Close: true}} {
		f.Endpoint, f.ID = "jwks", "spoilt"
		addFault(t, s.Scope, f)
		if err := s.RefreshKeys(t.Context(), "op-acme"); err == nil || !strings.HasSuffix(err.Error(), ` (the fault "spoilt")`) {
			t.Errorf("%v, want one that names the fault", err)
		}
		s.Faults().Clear()
	}
}
