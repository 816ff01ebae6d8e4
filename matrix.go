package idpool

import (
	"context"
	"slices"
	"strconv"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// Matrix says which application gets into which pool.
type Matrix struct {
	// Pools are the ids of all pools, in the Config's order.
	Pools []string `json:"pools"`
	// Rows are the applications.
	Rows []MatrixRow `json:"rows"`
}

// MatrixRow is an application with a token for one API.
type MatrixRow struct {
	Tenant   string `json:"tenant"`
	ClientID string `json:"clientId"`
	Name     string `json:"displayName,omitempty"`
	Scope    string `json:"scope"`
	// Cells are what each of the Pools makes of the token: "allowed", or what
	// refuses it. That is the id of the likeliest cause; in a matrix of more
	// than 10,000 cells the name of the check that fails, since finding causes
	// takes a hundred times longer; and AADSTS… where there is no token.
	Cells []string `json:"cells"`
}

// Let in, as a cell has it.
const allowedCell = "allowed"

// maxExplained is how many cells have causes.
const maxExplained = 10_000

// Matrix tries every application at every pool, as if the client named that
// pool, and a cluster that exists. progress, if not nil, is told after each row
// how many are done. Its error is a ConfigErrors, or that of the context.
func (c Config) Matrix(ctx context.Context, progress func(done, total int)) (Matrix, error) {
	c.anyCluster = true
	c.Keys = "" // nothing is signed
	s, err := New(c)
	if err != nil {
		return Matrix{}, err
	}
	defer s.Close()
	m := s.matrix(ctx, progress)
	return m, ctx.Err()
}

func (s *Scope) matrix(ctx context.Context, progress func(done, total int)) Matrix {
	m := Matrix{Pools: []string{}, Rows: []MatrixRow{}}
	columns := s.columns()
	for _, c := range columns {
		m.Pools = append(m.Pools, c.id)
	}
	samples := s.samples(ctx)
	explained := len(samples)*len(columns) <= maxExplained
	for i, one := range samples {
		if ctx.Err() != nil {
			return m
		}
		row := MatrixRow{Tenant: one.tenant, ClientID: one.clientID, Name: one.name, Scope: one.scope}
		for _, c := range columns {
			row.Cells = append(row.Cells, s.cell(ctx, one, c, explained))
		}
		m.Rows = append(m.Rows, row)
		if progress != nil {
			progress(i+1, len(samples))
		}
	}
	return m
}

// column is a pool of a Matrix.
type column struct {
	id      string
	issuers []string
	pool    *pool.Pool
}

func (s *Scope) columns() []column {
	compiled := s.current().facts().Compiled
	var out []column
	for _, p := range s.current().config.IdentityProviders {
		issuers, _ := s.stack.origin(s.current().config, p)
		for _, c := range p.IdentityPools {
			out = append(out, column{c.ID, issuers, compiled[c.ID]})
		}
	}
	return out
}

func (s *Scope) cell(ctx context.Context, one sample, c column, explained bool) string {
	switch {
	case one.refusal != nil:
		return "AADSTS" + strconv.Itoa(one.refusal.Number)
	case !explained:
		return c.tries(one.claims)
	}
	d := s.Decide(ctx, validator.Request{Claims: one.claims, Pools: c.id})
	if d.Allowed {
		return allowedCell
	}
	return d.Causes[0].ID
}

// tries is the name of the check that the validator would fail a token with, or
// allowed. It is the short way for a million cells; a test holds it to the long
// one.
func (c column) tries(claims map[string]any) string {
	issuer, _ := claims["iss"].(string)
	switch {
	case !slices.Contains(c.issuers, issuer):
		return validator.CheckProvider
	case !c.pool.Matches(claims):
		return validator.CheckFilter
	}
	if _, err := c.pool.Identity(claims); err != nil {
		return validator.CheckIdentity
	}
	return allowedCell
}
