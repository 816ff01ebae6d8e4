package idpool

import (
	"context"
	"strings"
	"time"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// Decide says whether a token may log in, and if not, why and how to fix it.
func (s *Scope) Decide(ctx context.Context, r validator.Request) validator.Decision {
	r.Pools = s.current().renames.poolList(r.Pools)
	return s.decideFor(ctx, "", r)
}

// decideFor is Decide for somebody at a listener; empty for a call from Go.
func (s *Scope) decideFor(ctx context.Context, listener string, r validator.Request) validator.Decision {
	began, says := time.Now(), hear(r.Token)
	d := s.decide(ctx, r)
	e := s.decisionEntry(d, r, says)
	s.logDecision(e)
	e.Listener, e.Duration = listener, time.Since(began)
	s.note(e)
	return d
}

// decisionEntry is what the journal says of a decision.
func (s *Scope) decisionEntry(d validator.Decision, r validator.Request, says hearsay) journal.Entry {
	e := journal.Entry{Endpoint: journal.EndpointDecision, Tenant: s.noted(says.tenantID()), ClientID: s.noted(says.client),
		Cluster: s.noted(r.Cluster), Principal: d.Principal, Identity: s.noted(d.Identity), Pools: d.Pools,
		Outcome: journal.OutcomeOK, Fault: d.Fault}
	if !d.Allowed {
		failed := d.Failed()
		e.Outcome, e.Check, e.Cause, e.Detail = journal.OutcomeRefused, failed.Name, firstCause(d), s.said(failed.Message)
		e.Got, e.Want, e.Pools = s.said(failed.Got), s.said(failed.Want), s.asked(r.Pools)
	}
	return e
}

// decide decides without a line in the log: the broker writes its own, since it
// knows more of the client.
func (s *Scope) decide(ctx context.Context, r validator.Request) validator.Decision {
	d := s.current().validator.Validate(ctx, r)
	if !d.Allowed {
		d.Fault = s.blamed(d)
		d.Causes = s.explain(explain.Input{Decision: d, Request: r})
	}
	return d
}

// logDecision writes the line of a decision, by its entry: without secrets and
// tokens.
func (s *Scope) logDecision(e journal.Entry) {
	if e.Outcome == journal.OutcomeOK {
		s.log.Info("login allowed", "principal", e.Principal, "identity", e.Identity, "pools", e.Pools, "cluster", e.Cluster)
		return
	}
	line := []any{"check", e.Check, "reason", e.Detail, "got", e.Got, "want", e.Want,
		"cause", e.Cause, "pool", strings.Join(e.Pools, ","), "cluster", e.Cluster}
	if e.Fault != "" {
		line = append(line, "fault", e.Fault)
	}
	s.log.Warn("login refused", line...)
}

// asked are the pools of a request, one by one.
func (s *Scope) asked(pools string) []string {
	if pools == "" {
		return nil
	}
	return strings.Split(s.noted(pools), ",")
}

// firstCause is the id of the likeliest cause of a refusal; empty for none.
func firstCause(d validator.Decision) string {
	if len(d.Causes) == 0 {
		return ""
	}
	return d.Causes[0].ID
}
