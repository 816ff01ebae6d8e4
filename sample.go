package idpool

import (
	"context"
	"errors"
	"slices"
	"strings"

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
func (s *Stack) samples(ctx context.Context) []sample {
	var all []sample
	for _, t := range s.config.Tenants {
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

func (s *Stack) samplesOf(ctx context.Context, t idp.Tenant, apis apis, clientID, name string, wanted []string) []sample {
	var out []sample
	for _, resource := range apis.orFirst(wanted) {
		one := sample{tenant: t.ID, clientID: clientID, name: name, resource: resource, scope: apis.scope(resource)}
		claims, err := s.idp.Claims(ctx, s.base(), idp.TokenRequest{
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

// resources are the appIds of the APIs that assignments are about.
func resources(all []idp.AppRoleAssignment) []string {
	var out []string
	for _, a := range all {
		out = append(out, a.Resource)
	}
	return out
}

// apis are the applications of a tenant that tokens can be for.
type apis struct {
	first string                     // the first that defines roles or has a URI
	byID  map[string]idp.Application // by lower-case appId
}

func newAPIs(t idp.Tenant) apis {
	x := apis{byID: make(map[string]idp.Application, len(t.Applications))}
	for _, a := range t.Applications {
		x.byID[strings.ToLower(a.AppID)] = a
		if x.first == "" && len(a.AppRoles)+len(a.IdentifierURIs) > 0 {
			x.first = a.AppID
		}
	}
	return x
}

// of are the APIs of this tenant that a client has roles for, or else those that
// it asks for.
func (x apis) of(a idp.Application) []string {
	wanted := append(resources(a.AppRoleAssignments), resources(a.ServicePrincipal.AppRoleAssignments)...)
	if len(wanted) > 0 {
		return wanted
	}
	for _, r := range a.RequiredResourceAccess {
		if _, ours := x.byID[strings.ToLower(r.ResourceAppID)]; ours { // Microsoft Graph is in most registrations
			wanted = append(wanted, r.ResourceAppID)
		}
	}
	return wanted
}

// orFirst are the APIs without repetitions, or the first of the tenant.
func (x apis) orFirst(wanted []string) []string {
	var out []string
	for _, id := range wanted {
		if !slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, id) }) {
			out = append(out, id)
		}
	}
	if len(out) == 0 {
		out = []string{x.first}
	}
	return out
}

// scope is the scope by which an API is asked for.
func (x apis) scope(appID string) string {
	a, ok := x.byID[strings.ToLower(appID)]
	switch {
	case ok && len(a.IdentifierURIs) > 0:
		return a.IdentifierURIs[0] + "/.default"
	case appID == "":
		return ""
	}
	return appID + "/.default"
}
