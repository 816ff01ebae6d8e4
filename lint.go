package idpool

import (
	"context"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// Lint is what is allowed and would surprise later, given the tokens that the
// Config mints, beside its Warnings: nil for a Config with mistakes.
func (c Config) Lint(ctx context.Context) []explain.Warning {
	c.Keys = "" // nothing is signed
	s, err := New(c)
	if err != nil {
		return nil
	}
	defer s.Close()
	var samples []explain.Sample
	for _, one := range s.samples(ctx) {
		samples = append(samples, explain.Sample{TenantID: one.tenant, ClientID: one.clientID, DisplayName: one.name, Resource: one.resource, Claims: one.claims})
	}
	return explain.Lint(s.facts(), samples)
}

// ExplainClient says what a Kafka client's own text means: a line of its log,
// or the token endpoint's answer that it printed. The request says what the
// client sent, as far as that is known.
func (s *Stack) ExplainClient(r validator.Request, text string) []validator.Cause {
	facts := s.facts()
	facts.Now = s.now()
	return explain.Causes(explain.Input{Request: r, Facts: facts, ClientError: text})
}

// Traces are, for a Decision whose check filter failed, the filters of the pools
// that refused, part by part. They are for people and made when asked for.
func (s *Stack) Traces(d validator.Decision) map[string]pool.Trace {
	traces := map[string]pool.Trace{}
	for id := range d.Matches {
		if p := s.facts().Compiled[id]; p != nil {
			traces[id] = p.Trace(d.Claims)
		}
	}
	return traces
}
