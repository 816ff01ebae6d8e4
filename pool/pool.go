// Package pool decides what an identity pool of Confluent Cloud decides: which
// of the claims of a verified token let it in, as whom, and with which role
// bindings.
//
// Begin with [New] (a whole pool) or [Compile] (a filter alone). The package
// reads claims that somebody else has verified; it checks no signature, no
// issuer and no time.
package pool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
)

// Claims are the payload of a JWT as a JSON decoder gives them: string,
// float64, bool, nil, []any and map[string]any.
type Claims = map[string]any

// Config describes an identity pool with the names of Confluent's IAM API v2
// in camelCase.
type Config struct {
	// ID is the pool's id, such as "pool-dev".
	ID string `json:"id"`
	// DisplayName is for people.
	DisplayName string `json:"displayName,omitempty"`
	// Description is for people.
	Description string `json:"description,omitempty"`
	// IdentityClaim is the claim that names the client in audit logs, such as
	// claims.azp or claims["https://x/y"]. Empty means claims.sub.
	IdentityClaim string `json:"identityClaim,omitempty"`
	// Filter decides which claims match, such as
	// 'dev.environmentAdmin' in claims.roles. Empty matches nothing.
	Filter string `json:"filter"`
	// Language of the filter. Empty means CEL.
	Language Language `json:"language,omitempty"`
	// Strict refuses CEL that Confluent does not document.
	Strict bool `json:"strict,omitempty"`
	// RoleBindings are what the pool's principal may do.
	RoleBindings []RoleBinding `json:"roleBindings,omitempty"`
}

// Pool is a compiled identity pool. It is safe for concurrent use.
type Pool struct {
	config   Config
	filter   *Filter
	identity *IdentityClaim
	warnings []string
	bindings atomic.Pointer[[]RoleBinding] // of now; config has those of the beginning
}

// New compiles a pool's filter and identity claim and checks its role
// bindings. Its error joins a *[ConfigError] for each mistake, so that all can
// be shown at once; for a mistake in the filter, errors.As finds the
// *[FilterError] too.
func New(c Config) (*Pool, error) {
	p := &Pool{config: c}
	mistakes := []error{checkID(c.ID)}
	var filterErr *FilterError
	if p.filter, filterErr = compile(c.Language, c.Filter, c.Strict); filterErr != nil {
		mistakes = append(mistakes, c.filterMistake(filterErr))
	}
	identity, err := CompileIdentityClaim(c.IdentityClaim)
	p.identity, mistakes = identity, append(mistakes, err)
	mistakes = append(mistakes, checkBindings(c.RoleBindings)...)
	if err := errors.Join(mistakes...); err != nil {
		return nil, err
	}
	// The caller's slice stays the caller's.
	p.config.RoleBindings = append([]RoleBinding(nil), c.RoleBindings...)
	p.bindings.Store(&p.config.RoleBindings)
	p.warnings = append(p.filter.Warnings(), roleWarnings(c.ID, c.RoleBindings)...)
	return p, nil
}

// filterMistake finds the field that a filter's mistake belongs to.
func (c Config) filterMistake(err *FilterError) *ConfigError {
	if err.Language != CEL && err.Language != Expr && err.Language != "" {
		return &ConfigError{Field: "language", Err: withHint(err.Message, err.Hint)}
	}
	return &ConfigError{Field: "filter", Err: err}
}

// checkID refuses an id that a client could not name: pools are asked for by a
// list of ids with commas.
func checkID(id string) error {
	switch {
	case id == "":
		return &ConfigError{Field: "id", Err: errors.New("a pool needs an id, such as pool-dev")}
	case strings.ContainsFunc(id, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }):
		return &ConfigError{Field: "id", Err: fmt.Errorf("the id %q has a comma or a space in it, and clients name pools in a list with commas", id)}
	}
	return nil
}

// Config returns what the pool was made from, with the role bindings of now.
func (p *Pool) Config() Config {
	c := p.config
	c.RoleBindings = slices.Clone(p.RoleBindings())
	return c
}

// RoleBindings are what the pool's principal may do now. They must not be
// changed.
func (p *Pool) RoleBindings() []RoleBinding {
	if now := p.bindings.Load(); now != nil {
		return *now
	}
	return nil
}

// SetRoleBindings replaces the role bindings; whoever asks next is answered by
// the new ones. Its error joins a *[ConfigError] for each mistake, and then
// nothing has changed.
func (p *Pool) SetRoleBindings(all []RoleBinding) error {
	if err := errors.Join(checkBindings(all)...); err != nil {
		return err
	}
	all = append([]RoleBinding(nil), all...)
	p.bindings.Store(&all)
	return nil
}

// Matches says whether the claims match the pool's filter. It is the fast half
// of [Pool.Match], meant for looking through many pools.
func (p *Pool) Matches(c Claims) bool { return p.filter.Matches(c) }

// Match evaluates the pool's filter and, when it does not match, says which
// part of it decided.
func (p *Pool) Match(c Claims) Result { return p.filter.Eval(c) }

// Trace evaluates the pool's filter part by part.
func (p *Pool) Trace(c Claims) Trace { return p.filter.Trace(c) }

// Identity reads the pool's identity claim: a non-empty string, or an error
// that says what was there instead.
func (p *Pool) Identity(c Claims) (string, error) { return p.identity.Value(c) }

// Warnings are what would surprise later: undocumented CEL, a filter over
// Confluent's 300 characters, and so on, a sentence each.
func (p *Pool) Warnings() []string { return append([]string(nil), p.warnings...) }

// ConfigError is a mistake in one field of a [Config].
type ConfigError struct {
	// Field is the field as the config writes it, such as
	// roleBindings[1].role.
	Field string
	// Err says what is wrong; a *[FilterError] for most mistakes in a filter.
	Err error
}

// Error is "pool: <field>: <what is wrong>".
func (e *ConfigError) Error() string {
	return "pool: " + e.Field + ": " + strings.TrimPrefix(e.Err.Error(), "pool: ")
}

// Unwrap returns Err.
func (e *ConfigError) Unwrap() error { return e.Err }

// withHint appends a hint to what is wrong.
func withHint(message, hint string) error {
	if hint != "" {
		message += ", " + hint
	}
	return errors.New(message)
}
