package idpool

import (
	"cmp"

	"github.com/idpool/idpool/idp"
)

// The keys of a tenant follow the clock of the scope: what is due happens when
// the clock is there. tenant is an id or a domain, and empty for the first
// tenant. The errors say which tenant or key there is not.

// Keys are those of a tenant, published or not.
func (s *Scope) Keys(tenant string) ([]idp.KeyState, error) {
	return s.current().idp.KeyStates(s.keysOf(tenant))
}

// RollKeys gives a tenant a new key: published now, signing after r.Wait, while
// the old one leaves the JWKS r.Retire after that. The zero Roll does all at
// once, so that tokens of the old key are refused as soon as who verifies them
// has fetched the keys again.
func (s *Scope) RollKeys(tenant string, r idp.Roll) (idp.KeyState, error) {
	return s.current().idp.Roll(s.keysOf(tenant), r)
}

// RevokeKey takes a key out of a tenant's JWKS at once. When it was signing, the
// next published one signs.
func (s *Scope) RevokeKey(tenant, kid string) error {
	return s.current().idp.Revoke(s.keysOf(tenant), kid)
}

// RestoreKey publishes a key again that was revoked or has retired.
func (s *Scope) RestoreKey(tenant, kid string) error {
	return s.current().idp.Restore(s.keysOf(tenant), kid)
}

// ResetKeys gives a tenant the keys that it began with.
func (s *Scope) ResetKeys(tenant string) { s.current().idp.ResetKeys(s.keysOf(tenant)) }

// keysOf is the id of the tenant whose keys are meant.
func (s *Scope) keysOf(word string) string {
	if word == "" {
		return s.TenantID()
	}
	return s.tenant(word)
}

// tenant is the id of a tenant by its id, a domain, or what the Config that the
// scope is a copy of calls it. Any other word is returned as it is.
func (s *Scope) tenant(word string) string {
	w := s.current()
	own := orSame(w.renames.domains, orSame(w.renames.tenants, word))
	return cmp.Or(w.idp.TenantID(own), word)
}
