package manifest

import (
	"maps"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
)

// assign resolves an assignment, which names three object ids, to an entry of
// the client: the API's appId and the role's value.
func (m *merger) assign(a assignment) {
	if a.ofPeople {
		return // never in an app-only token
	}
	m.unassigned[strings.ToLower(a.principal)] = true
	client, found := m.holders[strings.ToLower(a.principal)]
	if !found {
		m.note("", "%s: the assignment of %s was not taken over, since its service principal is in no file: az ad sp show --id %s > client.json, and import that too",
			a.from, quoted(a.principalName), a.principal)
		return
	}
	list := m.assignmentsOf(client)
	api := m.apiOf(a.resource)
	if api == nil {
		m.need(m.fieldOf(client), "%s: the assignment to the API %s was not taken over, since its service principal is in no file: az ad sp show --id %s > api.json, and import that too",
			a.from, quoted(a.resourceName), a.resource)
		return
	}
	role, known := valueOf(api.AppRoles, a.role)
	if !known {
		m.need(m.fieldOf(client), "%s: the assignment was not taken over, since the API %s has no role with the id %s in these files: export the API again",
			a.from, quoted(api.DisplayName), a.role)
		return
	}
	*list = grant(*list, api.AppID, role)
}

// grant adds a role, or with an empty one the mere assignment.
func grant(list []idp.AppRoleAssignment, resource, role string) []idp.AppRoleAssignment {
	i := slices.IndexFunc(list, func(a idp.AppRoleAssignment) bool { return a.Resource == resource })
	if i < 0 {
		i = len(list)
		list = append(list, idp.AppRoleAssignment{Resource: resource, Roles: []string{}})
	}
	if role != "" && !slices.Contains(list[i].Roles, role) {
		list[i].Roles = append(list[i].Roles, role)
	}
	return list
}

func (m *merger) assignmentsOf(h holder) *[]idp.AppRoleAssignment {
	if h.application >= 0 {
		return &m.tenant.Applications[h.application].AppRoleAssignments
	}
	return &m.tenant.ServicePrincipals[h.principal].AppRoleAssignments
}

func (m *merger) fieldOf(h holder) string {
	if h.application >= 0 {
		return at(at("tenants", 0)+".applications", h.application) + ".appRoleAssignments"
	}
	return at(at("tenants", 0)+".servicePrincipals", h.principal) + ".appRoleAssignments"
}

// apiOf is the application of a service principal, wherever it is registered.
func (m *merger) apiOf(objectID string) *idp.Application {
	p := m.byID[strings.ToLower(objectID)]
	if p == nil {
		return nil
	}
	return m.apis[strings.ToLower(p.AppID)]
}

// index makes the applications findable. It comes when no more are added, which
// would move them.
func (m *merger) index() {
	m.apis = map[string]*idp.Application{}
	for _, t := range append([]idp.Tenant{m.tenant}, m.foreign...) {
		for i, a := range t.Applications {
			m.apis[strings.ToLower(a.AppID)] = &t.Applications[i]
		}
	}
}

// valueOf is the value of a role, empty for the role that means none.
func valueOf(roles []idp.AppRole, id string) (value string, known bool) {
	if id == zeroID {
		return "", true
	}
	for _, r := range roles {
		if strings.EqualFold(r.ID, id) {
			return r.Value, true
		}
	}
	return "", false
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
