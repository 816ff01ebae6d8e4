package idpool

import (
	"slices"
	"strings"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// gatherFacts tells package explain what the Config knows.
func (s *Stack) gatherFacts(pools [][]*pool.Pool) explain.Facts {
	f := explain.Facts{Compiled: map[string]*pool.Pool{}}
	for _, p := range slices.Concat(pools...) {
		f.Compiled[p.Config().ID] = p
	}
	for _, t := range s.config.Tenants {
		byID, spelling := rolesByID(t), spellings(t)
		for _, a := range t.Applications {
			f.Applications = append(f.Applications, application(t, a, byID, spelling))
		}
	}
	for _, p := range s.config.IdentityProviders {
		issuers, jwksURI := s.origin(p)
		f.Providers = append(f.Providers, explain.Provider{ID: p.ID, TenantID: p.Tenant, Issuers: issuers, JWKSURI: jwksURI, Pools: p.IdentityPools})
	}
	for _, c := range s.config.Clusters {
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
