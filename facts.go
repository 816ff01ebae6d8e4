package idpool

import (
	"slices"
	"strings"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/idp"
)

// gatherFacts tells package explain what the Config knows.
func (s *Scope) gatherFacts(w *world) explain.Facts {
	f := explain.Facts{Compiled: w.pools}
	for _, t := range w.config.Tenants {
		byID, spelling := rolesByID(t), spellings(t)
		for _, a := range t.Applications {
			f.Applications = append(f.Applications, application(t, a, byID, spelling))
		}
	}
	for _, p := range w.config.IdentityProviders {
		issuers, jwksURI := s.stack.origin(w.config, p)
		f.Providers = append(f.Providers, explain.Provider{ID: p.ID, TenantID: p.Tenant, Issuers: issuers, JWKSURI: jwksURI, Pools: p.IdentityPools})
	}
	for _, c := range w.config.Clusters {
		f.Clusters = append(f.Clusters, c.ID)
	}
	return f.Indexed()
}

func application(t idp.Tenant, a idp.Application, roleByID, spelling map[string]string) explain.Application {
	out := explain.Application{
		TenantID: t.ID, TenantName: t.DisplayName, AppID: a.AppID, DisplayName: a.DisplayName,
		IdentifierURIs: a.IdentifierURIs, TokenVersion: a.TokenVersion(),
		Assigned: map[string][]string{}, Requested: map[string][]string{}, Unissued: map[string]string{},
	}
	out.NoServicePrincipal, out.AssignmentRequired = a.ServicePrincipal.Absent, a.ServicePrincipal.AppRoleAssignmentRequired
	for _, r := range a.AppRoles {
		out.Roles = append(out.Roles, r.Value)
		if why := r.Unissued(); why != "" {
			out.Unissued[r.Value] = why
		}
	}
	for _, g := range slices.Concat(a.AppRoleAssignments, a.ServicePrincipal.AppRoleAssignments) {
		resource := spelling[strings.ToLower(g.Resource)]
		out.Assigned[resource] = append(out.Assigned[resource], g.Roles...)
	}
	for _, r := range a.RequiredResourceAccess {
		for _, access := range r.ResourceAccess {
			if value := roleByID[strings.ToLower(access.ID)]; access.Type == "Role" && value != "" {
				resource := spelling[strings.ToLower(r.ResourceAppID)]
				out.Requested[resource] = append(out.Requested[resource], value)
			}
		}
	}
	return out
}

// spellings are the appIds of a tenant as their applications spell them, by
// their lower-case form: GUIDs are compared without regard to case.
func spellings(t idp.Tenant) map[string]string {
	m := make(map[string]string, len(t.Applications))
	for _, a := range t.Applications {
		m[strings.ToLower(a.AppID)] = a.AppID
	}
	return m
}

// rolesByID finds the role values that requiredResourceAccess names by id.
func rolesByID(t idp.Tenant) map[string]string {
	values := map[string]string{}
	for _, a := range t.Applications {
		for _, r := range a.AppRoles {
			values[strings.ToLower(r.RoleID(a.AppID))] = r.Value
		}
	}
	return values
}
