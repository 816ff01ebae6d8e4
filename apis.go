package idpool

import (
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
)

// Scopes are those by which a client asks for the APIs that it has roles for,
// each once, in order. ok is false when no tenant has the client.
func (c Config) Scopes(clientID string) (scopes []string, ok bool) {
	for _, t := range c.Tenants {
		apis := newAPIs(t)
		add := func(appID string, all ...idp.AppRoleAssignment) {
			if !strings.EqualFold(appID, clientID) {
				return
			}
			ok = true
			for _, resource := range resources(all) {
				scopes = append(scopes, apis.scope(resource))
			}
		}
		for _, a := range t.Applications {
			add(a.AppID, slices.Concat(a.AppRoleAssignments, a.ServicePrincipal.AppRoleAssignments)...)
		}
		for _, p := range t.ServicePrincipals {
			add(p.AppID, p.AppRoleAssignments...)
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes), ok
}

// APIs are the scopes of all applications that tokens can be for.
func (c Config) APIs() []string {
	var scopes []string
	for _, t := range c.Tenants {
		apis := newAPIs(t)
		for _, a := range t.Applications {
			if isAPI(a) {
				scopes = append(scopes, apis.scope(a.AppID))
			}
		}
	}
	return scopes
}

// isAPI says whether an application looks like one that tokens are for.
func isAPI(a idp.Application) bool { return len(a.AppRoles)+len(a.IdentifierURIs) > 0 }

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
		if x.first == "" && isAPI(a) {
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
