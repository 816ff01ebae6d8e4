package idpool

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
)

// ScopeConfig says what a new scope begins with.
type ScopeConfig struct {
	// Name is for people: it is in the log. Empty means the id.
	Name string
	// Config is what the scope is a copy of. Nil means what the Stack's own scope
	// runs by now. Only what [Scope.Change] can change is taken from it.
	Config *Config
}

// NewScope makes a scope beside the Stack's own, which ends with [Scope.Close].
// It is a copy of a Config in which the tenants have other ids, their domains
// are below a name of the scope, and the pools have other ids: [Scope.TenantID]
// and [Scope.PoolID] say which. Whatever mentions one of them follows, issuers
// and filters included. Applications keep their appId, secrets and roles. What
// [Scope.Change] and [Scope.Apply] add later is renamed likewise, so that other
// scopes may add the same; what has a name of the scope's already, such as
// ID-SCOPE for a pool, keeps it. A copy of another scope's Config has the names
// of the Config which that is a copy of.
//
// Listeners, the certificate and the Kafka cluster with its topics are shared.
// The clock runs by the Stack's: moving that moves all.
func (s *Stack) NewScope(c ScopeConfig) (*Scope, error) {
	scope := &Scope{id: strings.ToLower(rand.Text()[:8]), stack: s}
	scope.name = c.Name
	if scope.name == "" {
		scope.name = scope.id
	}
	scope.log = s.log.With("idpool_scope", scope.id)
	if c.Name != "" {
		scope.log = scope.log.With("idpool_scope_name", c.Name)
	}
	scope.clock = newClock(s.clock.Now)
	own := s.current().config
	if c.Config != nil {
		own = s.original(c.Config.like(own))
	}
	if field := own.fixed(s.config); field != "" {
		return nil, &ConfigError{File: own.source, Field: field, Message: "is shared by all scopes, and cannot be another in one"}
	}
	names := renaming{scope: scope.id}.extended(own)
	scope.initial = names.config(own, s.publicURLs.all())
	scope.initial.Keyring = s.scopes.keys()
	if err := scope.begin(scope.initial, names); err != nil {
		scope.end()
		return nil, err
	}
	return scope, nil
}

// ID tells scopes apart; empty for the Stack's own.
func (s *Scope) ID() string { return s.id }

// String names the scope to people.
func (s *Scope) String() string {
	if s.id == "" {
		return "the server's own scope"
	}
	return "scope " + s.name
}

// TenantID is the id of a scope's first tenant; empty when it has none.
func (s *Scope) TenantID() string {
	if tenants := s.current().config.Tenants; len(tenants) > 0 {
		return tenants[0].ID
	}
	return ""
}

// PoolID is what the scope calls the pool that the Config it is a copy of, or who
// added it, calls id. In the Stack's own scope it is the same.
func (s *Scope) PoolID(id string) string { return s.current().renames.pool(id) }

// Close ends the scope: its tenants, tokens and pools are unknown from now on.
// The Stack's own scope ends with the Stack. Closing twice is closing once.
func (s *Scope) Close() error {
	if s.id == "" {
		return s.stack.Close()
	}
	if s.stack.lifetime.Err() != nil {
		return nil // the Stack has ended it
	}
	s.changing.Lock()
	there := s.stack.scopes.leave(s)
	s.close()
	s.changing.Unlock()
	if !there {
		return nil
	}
	return s.refreshBroker(context.Background())
}

// ended is an error once the scope has been closed.
func (s *Scope) ended() error {
	if s.lifetime.Err() == nil && s.stack.lifetime.Err() == nil {
		return nil
	}
	return errors.New("idpool: " + s.String() + " is closed")
}

// close stops what the scope runs.
func (s *Scope) close() {
	s.end()
	s.faults.Close()
	s.current().validator.Close()
}
