package idpool

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
)

// Mint issues an access token for any application, without a credential, with
// any of its claims, header and times changed. What the request leaves out is
// the Config's: the first client that has roles, its tenant, and the only API
// that it has roles for. Its error is an *idp.Error.
func (s *Scope) Mint(ctx context.Context, r idp.MintRequest) (idp.TokenResponse, error) {
	w := s.current()
	r.TokenRequest = s.completed(w, r.TokenRequest)
	return w.idp.Mint(ctx, s.stack.base(), r)
}

// BrokenTokens mints a token as Mint does and breaks it in every way that
// package forge knows: the first is valid, and of each of the others it is said
// which check has to refuse it.
func (s *Scope) BrokenTokens(ctx context.Context, r idp.MintRequest) ([]forge.Token, error) {
	source, err := s.source(ctx, r)
	if err != nil {
		return nil, err
	}
	return forge.All(source)
}

// BrokenToken is the one of them that has a name.
func (s *Scope) BrokenToken(ctx context.Context, r idp.MintRequest, name string) (forge.Token, error) {
	source, err := s.source(ctx, r)
	if err != nil {
		return forge.Token{}, err
	}
	return forge.Make(source, name)
}

// source is a token to be broken, with what it takes to do so.
func (s *Scope) source(ctx context.Context, r idp.MintRequest) (forge.Source, error) {
	w := s.current()
	r.TokenRequest = s.completed(w, r.TokenRequest)
	valid, err := w.idp.Mint(ctx, s.stack.base(), r)
	if err != nil {
		return forge.Source{}, err
	}
	return s.forged(w.idp.TenantID(r.Tenant), valid.AccessToken)
}

// forged is a token that a tenant issued, with what forge has to know of its
// keys.
func (s *Scope) forged(tenantID, token string) (forge.Source, error) {
	w := s.current()
	key, err := w.idp.SigningKey(tenantID)
	if err != nil {
		return forge.Source{}, err
	}
	states, err := w.idp.KeyStates(tenantID)
	if err != nil {
		return forge.Source{}, err
	}
	source := forge.Source{Token: token, Key: key, Now: s.clock.Now()}
	for _, k := range states {
		if k.State == idp.KeyPublished || k.State == idp.KeySigning {
			source.Published = append(source.Published, k.KID)
		}
	}
	return source, nil
}

// completed is a request by the scope's own names, with what the Config implies.
func (s *Scope) completed(w *world, r idp.TokenRequest) idp.TokenRequest {
	if r.Tenant != "" {
		r.Tenant = s.tenant(r.Tenant)
	}
	return w.config.completed(r)
}

// completed is a request of a trusted caller with what the Config implies.
func (c Config) completed(r idp.TokenRequest) idp.TokenRequest {
	r.InsecureSkipCredential = true
	t, client, _ := c.Client(r.Tenant, r.ClientID)
	if t == "" && len(c.Tenants) > 0 {
		t = c.Tenants[0].ID
	}
	if apis := c.APIs(); r.ClientID != "" && client.AppID == "" && r.Scope == "" && r.Resource == "" && len(apis) > 0 {
		r.Scope = apis[0] // so that the error is about the client
	}
	r.Tenant, r.ClientID = cmp.Or(r.Tenant, t), cmp.Or(r.ClientID, client.AppID)
	if scopes, _ := c.Scopes(r.ClientID); r.Scope == "" && r.Resource == "" && len(scopes) == 1 {
		r.Scope = scopes[0]
	}
	return r
}

// Client finds a client with the id of its tenant: of a tenant (its id or a
// domain) or of any, with an appId or, when that is empty, the first that can
// prove itself by a secret and has roles. ok is false when there is none.
func (c Config) Client(tenant, appID string) (tenantID string, client idp.Application, ok bool) {
	for _, t := range c.Tenants {
		if tenant != "" && !isTenant(t, tenant) {
			continue
		}
		for _, a := range t.Applications {
			usable := appID == "" && len(a.PasswordCredentials) > 0 && len(a.AppRoleAssignments)+len(a.ServicePrincipal.AppRoleAssignments) > 0
			if usable || appID != "" && strings.EqualFold(a.AppID, appID) {
				return t.ID, a, true
			}
		}
	}
	return "", idp.Application{}, false
}

// isTenant says whether a word is the id of a tenant or one of its domains.
func isTenant(t idp.Tenant, word string) bool {
	return strings.EqualFold(t.ID, word) || slices.ContainsFunc(t.Domains, func(d string) bool { return strings.EqualFold(d, word) })
}
