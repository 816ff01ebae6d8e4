package idpool

import (
	"context"

	"github.com/idpool/idpool/explain"
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
	return explain.Lint(s.current().facts(), samples)
}
