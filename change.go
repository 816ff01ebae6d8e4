package idpool

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/idpool/idpool/pool"
)

// Change changes the Config of the scope while it runs: tenants with their
// applications, secrets, roles and assignments, providers with their pools and
// role bindings, the organization and the clock skew. change gets a copy to
// write to. What it leaves behind counts as a whole from the next request on;
// requests under way end as they began, and sessions of Kafka clients live on,
// with the role bindings that their pools have then. Keys, those that the
// validator has fetched, clock, faults and journal stay as they are.
//
// Its error says what cannot be, a ConfigErrors for a mistake in the Config,
// and then nothing has changed; or, as an *[ApplyError], that the embedded
// cluster did not take all of it.
func (s *Scope) Change(ctx context.Context, change func(*Config) error) error {
	_, err := s.changed(ctx, change)
	return err
}

// changed is Change, and returns the Config that it has put into use. Nothing may
// be written to that.
func (s *Scope) changed(ctx context.Context, change func(*Config) error) (Config, error) {
	return s.revise(ctx, func(c Config) (Config, error) {
		c = clone(c)
		err := change(&c)
		return c, err
	})
}

// Apply replaces the Config of the scope, as [Scope.Change] does. What only a
// restart changes (listeners, keys, clusters, …) must be as it is.
func (s *Scope) Apply(ctx context.Context, c Config) error {
	_, err := s.revise(ctx, func(Config) (Config, error) { return clone(c), nil })
	return err
}

// Reset returns to the Config that the scope began with, without faults, with
// an empty journal and a clock that is not moved. The keys stay, so that what
// clients have fetched of them holds; the scope's own validator fetches them anew.
func (s *Scope) Reset(ctx context.Context) error {
	s.faults.Reset()
	s.resetClock()
	err := s.forgetKeys()
	if err == nil {
		err = s.Apply(ctx, s.initial)
	}
	s.journal.Clear()
	return err
}

// resetClock lets the clock run as at the beginning, and the keys of tenants keep
// what has happened to them. That of the Stack's own scope moves those of all scopes
// which are not frozen, so that theirs keep it, too.
func (s *Scope) resetClock() {
	by := -s.clock.Offset()
	s.current().idp.ShiftKeys(by)
	if s.id == "" {
		for _, scope := range s.stack.scopes.all() {
			if !scope.clock.Frozen() {
				scope.current().idp.ShiftKeys(by)
			}
		}
	}
	s.clock.Reset()
}

// forgetKeys makes the validator one that has fetched nothing yet: what a fault has
// done to it, and the pauses after that, end with the fault.
func (s *Scope) forgetKeys() error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.ended(); err != nil {
		return err
	}
	after := *s.current()
	var err error
	if after.validator, err = after.validator.WithoutKeys(s.validation(&after)); err != nil {
		return err
	}
	s.world.Store(&after)
	return nil
}

// revise puts a changed Config into use, by the scope's own names, and returns it.
// revision gets the one in use and must not write to what that shares.
func (s *Scope) revise(ctx context.Context, revision func(Config) (Config, error)) (Config, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.ended(); err != nil {
		return Config{}, err
	}
	before := s.current()
	c, err := revision(before.config)
	if err != nil {
		return Config{}, err
	}
	names := before.renames.extended(c)
	if s.id != "" {
		c = names.config(c, s.stack.publicURLs.all())
	}
	if field := before.config.fixed(c); field != "" {
		return Config{}, ConfigErrors{{File: c.source, Field: field, Message: "cannot change while idpool runs: it needs a restart"}}
	}
	after, err := s.newWorld(c.like(before.config), before)
	if err != nil {
		return Config{}, err
	}
	after.renames = names
	if err := s.stack.scopes.enter(s, after, before); err != nil {
		return Config{}, err
	}
	s.world.Store(after)
	return after.config, s.refreshBroker(ctx)
}

// like takes over from the running Config what only Go can say, and what comes
// with the file.
func (c Config) like(running Config) Config {
	c.Keyring, c.Transport, c.Now, c.Logger = running.Keyring, running.Transport, running.Now, running.Logger
	c.anyCluster, c.source = running.anyCluster, running.source
	return c
}

// fixed is a field that differs from another Config's and only a restart
// changes, such as listeners.http.address; empty for none.
func (c Config) fixed(other Config) string {
	return firstDifference("", reflect.ValueOf(c), reflect.ValueOf(other))
}

// firstDifference finds it in a struct at a place, such as "listeners.".
func firstDifference(at string, a, b reflect.Value) string {
	for _, f := range reflect.VisibleFields(a.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" || at == "" && changeable[name] {
			continue
		}
		switch x, y := a.FieldByIndex(f.Index), b.FieldByIndex(f.Index); {
		case same(x, y):
		case x.Kind() == reflect.Struct:
			if field := firstDifference(at+name+".", x, y); field != "" {
				return field
			}
		default:
			return at + name
		}
	}
	return ""
}

// changeable are the keys of a Config that change while it is in use.
var changeable = map[string]bool{"tenants": true, "identityProviders": true, "organization": true, "clockSkew": true}

// same compares two values of a Config. No list and an empty one are the same,
// also within: JSON leaves both out.
func same(a, b reflect.Value) bool {
	x, y := a.Interface(), b.Interface()
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 || reflect.DeepEqual(x, y) {
		return true
	}
	before, err := json.Marshal(x)
	after, err2 := json.Marshal(y)
	return err == nil && err2 == nil && bytes.Equal(before, after)
}

// SetRoleBindings replaces the role bindings of a pool while the stack runs:
// they count from the next request of a Kafka client on, also of those that are
// connected already. Its error says which pool or which binding is wrong, and
// then nothing has changed; or, as an *[ApplyError], that the embedded cluster
// did not take all of it.
func (s *Scope) SetRoleBindings(ctx context.Context, poolID string, bindings []pool.RoleBinding) error {
	if err := s.bind(poolID, bindings); err != nil {
		return err
	}
	return s.refreshBroker(ctx)
}

// bind changes a pool in its place: compiling every filter again would be a
// waste.
func (s *Scope) bind(poolID string, bindings []pool.RoleBinding) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.ended(); err != nil {
		return err
	}
	before := s.current()
	poolID = before.renames.pool(poolID)
	p := before.pools[poolID]
	if p == nil {
		return fmt.Errorf("idpool: there is no pool %q", poolID)
	}
	for i, b := range bindings {
		if !before.config.hasCluster(b.Cluster) {
			return fmt.Errorf("idpool: roleBindings[%d].cluster: clusters has no %q", i, b.Cluster)
		}
	}
	if err := p.SetRoleBindings(bindings); err != nil {
		return fmt.Errorf("idpool: pool %q: %w", poolID, err)
	}
	after := *before
	after.config = before.config.withPool(poolID, func(c *pool.Config) { c.RoleBindings = slices.Clone(bindings) })
	s.know(&after)
	s.world.Store(&after)
	return nil
}

// withPool is the Config with one pool changed. Nothing of the original is
// written to.
func (c Config) withPool(id string, change func(*pool.Config)) Config {
	c.IdentityProviders = slices.Clone(c.IdentityProviders)
	for i := range c.IdentityProviders {
		p := &c.IdentityProviders[i]
		j := slices.IndexFunc(p.IdentityPools, func(one pool.Config) bool { return one.ID == id })
		if j < 0 {
			continue
		}
		p.IdentityPools = slices.Clone(p.IdentityPools)
		change(&p.IdentityPools[j])
	}
	return c
}

func (s *Scope) refreshBroker(ctx context.Context) error {
	if s.stack.broker == nil {
		return nil
	}
	if err := s.stack.broker.Refresh(ctx); err != nil {
		return &ApplyError{err}
	}
	return nil
}
