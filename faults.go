package idpool

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// validToken is the name of the twin that is not broken.
const validToken = "valid"

// brokenNames are those of all other twins.
var brokenNames = sync.OnceValue(func() []string {
	return slices.DeleteFunc(forge.Names(), func(name string) bool { return name == validToken })
})

// newFaults makes the empty set of a scope's faults.
func (s *Scope) newFaults(seed uint64) *fault.Set {
	var without []string
	if s.id != "" {
		// A TLS handshake says nothing of a tenant, and these belong to none.
		without = append(fault.SharedTenants(), fault.TLS, fault.Instance, fault.IMDS, fault.AppService)
	}
	return fault.New(fault.Config{
		Seed:    seed,
		Now:     s.clock.Now,
		Tenant:  func(word string) string { return s.current().idp.TenantID(s.tenant(word)) },
		Refuse:  func(w http.ResponseWriter, r *http.Request, e *idp.Error) { s.current().idp.WriteError(w, r, e) },
		Keys:    s.faultyKeys,
		Without: without,
		Break:   s.breakToken, TokenNames: brokenNames,
	})
}

// faultyKeys are the keys that a fault of the JWKS puts in, where the tenant has
// had such. Another tenant's are those of nobody: what a tenant of the scope has
// rolled to, each other one may roll to as well.
func (s *Scope) faultyKeys(kind, tenant string) []*idp.Key {
	if kind != "stale" {
		return nil
	}
	return s.current().idp.RetiredKeys(tenant)
}

// blamed is the fault of the JWKS that is to blame for a refusal; empty for none. Of
// an own tenant it is none where there were keys, and the token's is not one that
// the tenant publishes: such a token is refused without the fault, too.
func (s *Scope) blamed(d validator.Decision) string {
	w := s.current()
	i := slices.IndexFunc(w.config.IdentityProviders, func(p IdentityProvider) bool { return p.ID == d.Provider && p.Tenant != "" })
	if d.Fault == "" || i < 0 || d.Keys.FetchedAt.IsZero() {
		return d.Fault
	}
	states, _ := w.idp.KeyStates(w.config.IdentityProviders[i].Tenant) // a Config names tenants that there are
	if !slices.ContainsFunc(states, func(k idp.KeyState) bool {
		return k.KID == d.Header["kid"] && (k.State == idp.KeyPublished || k.State == idp.KeySigning)
	}) {
		return ""
	}
	return d.Fault
}

// breakToken makes the broken twin of a token that a tenant of the scope issued.
func (s *Scope) breakToken(_ context.Context, name, token string) (string, error) {
	source, err := s.forged(hear(token).tenantID(), token)
	if err != nil {
		return "", err
	}
	twin, err := forge.Make(source, name)
	return twin.Token, err
}

// AddFault lets something go wrong from now on, and returns the fault with its
// id, as Add of [Scope.Faults] does. Its condition, too, may have the names of the
// Config that the scope is a copy of. Faults of TLS handshakes and of /common and
// its like are the Stack's own scope's to have, which answers them. Its error is a
// *fault.Error.
func (s *Scope) AddFault(f fault.Fault) (fault.Fault, error) {
	f.Tenant, f.When = s.tenant(f.Tenant), s.current().renames.condition(f.When)
	return s.faults.Add(f)
}
