package idpool

import (
	"context"
	"errors"

	"github.com/idpool/idpool/idp"
)

// sample is the token that one application gets for one API, without its
// signature.
type sample struct {
	tenant   string
	clientID string
	name     string
	scope    string
	resource string // the API's appId; empty when the tenant has no API
	claims   map[string]any
	refusal  *idp.Error // why there are no claims
}

// samples are the tokens of every application that is somebody's client, in the
// order of the Config: one for each API that it has roles for or asks for, or
// else for the first API of its tenant.
func (s *Scope) samples(ctx context.Context) []sample {
	var all []sample
	for _, t := range s.current().config.Tenants {
		apis := newAPIs(t)
		for _, a := range t.Applications {
			if isClient(a) {
				all = append(all, s.samplesOf(ctx, t, apis, a.AppID, a.DisplayName, apis.of(a))...)
			}
		}
		for _, p := range t.ServicePrincipals {
			if len(p.AppRoleAssignments) > 0 {
				all = append(all, s.samplesOf(ctx, t, apis, p.AppID, p.DisplayName, resources(p.AppRoleAssignments))...)
			}
		}
	}
	return all
}

func (s *Scope) samplesOf(ctx context.Context, t idp.Tenant, apis apis, clientID, name string, wanted []string) []sample {
	var out []sample
	for _, resource := range apis.orFirst(wanted) {
		one := sample{tenant: t.ID, clientID: clientID, name: name, resource: resource, scope: apis.scope(resource)}
		claims, err := s.current().idp.Claims(ctx, s.stack.base(), idp.TokenRequest{
			Tenant: t.ID, ClientID: clientID, Scope: one.scope, InsecureSkipCredential: true})
		if !errors.As(err, &one.refusal) {
			one.claims = claims
		}
		out = append(out, one)
	}
	return out
}

// isClient says whether an application looks like one that asks for tokens: it
// can prove itself, or has or wants roles.
func isClient(a idp.Application) bool {
	return len(a.PasswordCredentials)+len(a.KeyCredentials)+len(a.FederatedIdentityCredentials)+
		len(a.AppRoleAssignments)+len(a.ServicePrincipal.AppRoleAssignments)+len(a.RequiredResourceAccess) > 0
}
