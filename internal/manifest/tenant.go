package manifest

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
)

// microsoftServices is the tenant of Microsoft's own applications, such as
// Microsoft Graph.
const microsoftServices = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

// microsoft is the display name of a tenant, where it is known.
func microsoft(tenantID string) string {
	if strings.EqualFold(tenantID, microsoftServices) {
		return "Microsoft Services"
	}
	return ""
}

// tenantID finds the directory that was exported. A registration is exported
// from its home tenant only, so that the service principal of a registration
// among the files settles it; failing that, all service principals must agree.
func (m *merger) tenantID() string {
	home := map[string]string{}
	for _, p := range m.principals {
		if p.owner != "" && m.exported[strings.ToLower(p.AppID)] != nil {
			home[strings.ToLower(p.owner)] = p.from
		}
	}
	given := m.config.TenantID
	for _, id := range sortedKeys(home) {
		switch {
		case given == "":
			given = id
		case !strings.EqualFold(given, id):
			m.fail(home[id], "the application belongs to tenant %s, others (or --tenant) to %s: import one tenant at a time", id, given)
		}
	}
	if owners := m.owners(); given == "" && len(owners) == 1 {
		given = owners[0]
	}
	return cmp.Or(given, zeroID)
}

// owners are the tenants that the service principals name.
func (m *merger) owners() []string {
	all := map[string]bool{}
	for _, p := range m.principals {
		if p.owner != "" && !strings.EqualFold(p.owner, microsoftServices) {
			all[strings.ToLower(p.owner)] = true
		}
	}
	return sortedKeys(all)
}

// isForeign says whether an application is registered in another tenant. With
// the tenant unknown only Microsoft's own are known to be.
func (m *merger) isForeign(p *principal) bool {
	if p.owner == "" || m.tenant.ID == zeroID {
		return strings.EqualFold(p.owner, microsoftServices)
	}
	return !strings.EqualFold(p.owner, m.tenant.ID)
}

var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,}$`)

// domains are the publisher domains of the applications.
func (m *merger) domains() []string {
	var out []string
	for _, r := range m.applications {
		known := func(d string) bool { return strings.EqualFold(d, r.domain) }
		if domainName.MatchString(r.domain) && !slices.ContainsFunc(out, known) {
			out = append(out, r.domain)
		}
	}
	return out
}

// trimForeign leaves out the roles of foreign applications that nobody here was
// assigned: Microsoft Graph alone has hundreds.
func (m *merger) trimForeign() {
	granted := map[string]bool{}
	note := func(assignments []idp.AppRoleAssignment) {
		for _, a := range assignments {
			for _, role := range a.Roles {
				granted[strings.ToLower(a.Resource)+" "+role] = true
			}
		}
	}
	for _, a := range m.tenant.Applications {
		note(a.AppRoleAssignments)
	}
	for _, p := range m.tenant.ServicePrincipals {
		note(p.AppRoleAssignments)
	}
	for _, t := range m.foreign {
		for i := range t.Applications {
			a := &t.Applications[i]
			a.AppRoles = slices.DeleteFunc(a.AppRoles, func(r idp.AppRole) bool { return !granted[strings.ToLower(a.AppID)+" "+r.Value] })
		}
	}
}
