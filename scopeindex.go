package idpool

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/idpool/idpool/idp"
)

// scopeIndex finds the scope that something belongs to: a path, a token, a pool.
type scopeIndex struct {
	mu     sync.RWMutex
	scopes map[string]*Scope // those beside the stack's own, by id
	owners map[string]*Scope // by what [world.names] gives, of all
	made   int               // how many scopes there have been
	closed bool              // the stack has ended
}

// keys are those of the next scope: one of eight fixed sets, in turn. Making keys
// would take a hundred times as long as a scope may.
func (x *scopeIndex) keys() *idp.Keyring {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.made++
	return idp.TestKeySet(x.made)
}

// names are what only one scope of a stack may have: the ids and domains of its
// tenants, which URLs and tokens name, and the ids of its pools, which are users
// of the Kafka cluster.
func (w *world) names() []string {
	var all []string
	for _, t := range w.config.Tenants {
		all = append(all, strings.ToLower(t.ID))
		for _, domain := range t.Domains {
			all = append(all, strings.ToLower(domain))
		}
	}
	for id := range w.pools {
		all = append(all, poolPrefix+id)
	}
	return all
}

// maxScopes bounds what tests that never end their scopes leave behind.
const maxScopes = 10_000

// poolPrefix tells pools from tenants: it is in no domain.
const poolPrefix = "pool:"

// enter gives a scope the names of a world in place of those of another, or says
// which belongs to another scope already.
func (x *scopeIndex) enter(s *Scope, after, before *world) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.owners == nil {
		x.scopes, x.owners = map[string]*Scope{}, map[string]*Scope{}
	}
	switch {
	case x.closed:
		return errors.New("idpool: the server has ended")
	case s.id != "" && x.scopes[s.id] == nil && len(x.scopes) >= maxScopes:
		return fmt.Errorf("idpool: there are %d scopes already: end those that are not used any more", maxScopes)
	}
	names := after.names()
	for _, name := range names {
		if owner := x.owners[name]; owner != nil && owner != s {
			whose := "another scope" // which is nobody else's business
			if owner.id == "" {
				whose = owner.String()
			}
			return fmt.Errorf("idpool: %q belongs to %s already", strings.TrimPrefix(name, poolPrefix), whose)
		}
	}
	if before != nil {
		x.drop(before)
	}
	for _, name := range names {
		x.owners[name] = s
	}
	if s.id != "" {
		x.scopes[s.id] = s
	}
	return nil
}

// drop forgets the names of a world. The caller holds mu.
func (x *scopeIndex) drop(w *world) {
	for _, name := range w.names() {
		delete(x.owners, name)
	}
}

// leave forgets a scope; false when it is not there any more.
func (x *scopeIndex) leave(s *Scope) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.scopes[s.id] != s {
		return false
	}
	delete(x.scopes, s.id)
	x.drop(s.current())
	return true
}

// scope is one by its id.
func (x *scopeIndex) scope(id string) *Scope {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.scopes[id]
}

// end is all, after which nobody enters any more.
func (x *scopeIndex) end() []*Scope {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	return x.all()
}

// all are the scopes beside the stack's own.
func (x *scopeIndex) all() []*Scope {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Collect(maps.Values(x.scopes))
}

// owner is the scope that has a tenant or, with the prefix, a pool; nil when
// none has.
func (x *scopeIndex) owner(name string) *Scope {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.owners[name]
}

// original is a Config in which the names that scopes gave are those which they
// replaced.
func (s *Stack) original(c Config) Config {
	var names []string
	for _, t := range c.Tenants {
		names = append(names, strings.ToLower(t.ID))
	}
	for _, p := range c.IdentityProviders {
		for _, pool := range p.IdentityPools {
			names = append(names, poolPrefix+pool.ID)
		}
	}
	done := map[*Scope]bool{s.Scope: true, nil: true}
	for _, name := range names {
		owner := s.scopes.owner(name)
		if done[owner] {
			continue
		}
		done[owner] = true
		w := owner.current()
		if c.Issuer == w.config.Issuer {
			c.Issuer = s.config.Issuer
		}
		c = w.renames.reversed().mentions(c, s.publicURLs.all())
	}
	return c
}

// ofPath is the scope of a request to the identity provider: its tenant is the
// first segment. What belongs to nobody is the stack's own to answer.
func (s *Stack) ofPath(path string) *Scope {
	if owner := s.scopes.owner(strings.ToLower(firstSegment(path))); owner != nil {
		return owner
	}
	return s.Scope
}

// firstSegment is what a path begins with.
func firstSegment(path string) string {
	segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return segment
}

// ofLogin is the scope that a Kafka client means: that of the first pool that it
// names, or else the one whose tenant the token says to be from. Nothing of that
// is believed: the scope then decides.
func (s *Stack) ofLogin(pools string, says hearsay) *Scope {
	for id := range strings.SplitSeq(pools, ",") {
		if owner := s.scopes.owner(poolPrefix + id); owner != nil {
			return owner
		}
	}
	for _, name := range append(strings.Split(says.issuer, "/"), says.tenant) {
		if owner := s.scopes.owner(strings.ToLower(name)); owner != nil {
			return owner
		}
	}
	return s.Scope
}

// hearsay is what a token says of itself, whether or not it is true.
type hearsay struct{ issuer, tenant, client, audience string }

// tenantID is the tenant that the token says to be of: tid, or the part of iss
// that looks like one.
func (h hearsay) tenantID() string {
	if h.tenant != "" {
		return h.tenant
	}
	for part := range strings.SplitSeq(h.issuer, "/") {
		if uuid.Validate(part) == nil {
			return part
		}
	}
	return ""
}

// hear reads a token without verifying it. What cannot be read says nothing.
func hear(token string) hearsay {
	_, rest, _ := strings.Cut(token, ".")
	part, _, _ := strings.Cut(rest, ".")
	var claims struct{ Iss, Tid, Azp, AppID, Aud any }
	if text, err := base64.RawURLEncoding.DecodeString(part); err != nil || json.Unmarshal(text, &claims) != nil {
		return hearsay{}
	}
	text := func(v any) string { s, _ := v.(string); return s }
	return hearsay{text(claims.Iss), text(claims.Tid), cmp.Or(text(claims.Azp), text(claims.AppID)), text(claims.Aud)}
}
