package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
)

// merger puts what several files say into one directory.
type merger struct {
	config Config
	errs   []error
	notes  []FillIn // of what could not be placed

	applications []*registration
	principals   []*principal
	assignments  []assignment
	federated    []federated
	unassigned   map[string]bool // object ids whose list of assignments is there, empty or not

	tenant  idp.Tenant
	foreign []idp.Tenant
	// holders are where assignments go to, by lower-case object id of the
	// service principal.
	holders map[string]holder
	// exported are the registrations by lower-case appId; of other applications
	// only the service principal was among the files.
	exported map[string]*registration
	byAppID  map[string]*principal // by lower-case appId
	byID     map[string]*principal // by lower-case object id
	// apis are the applications of all tenants, by lower-case appId.
	apis map[string]*idp.Application
}

// holder is a place in m.tenant that holds app role assignments.
type holder struct {
	application int // -1 for a service principal without a registration here
	principal   int
}

// zeroID is the role of an assignment without one, and the tenant id that stands
// for an unknown one.
const zeroID = "00000000-0000-0000-0000-000000000000"

func (m *merger) fail(file, format string, args ...any) {
	m.errs = append(m.errs, &Error{File: file, Message: fmt.Sprintf(format, args...)})
}

// note is of something that may be of interest, need of something that was in
// Azure and is lost unless a person acts.
func (m *merger) note(field, format string, args ...any) {
	m.notes = append(m.notes, FillIn{Field: field, Message: fmt.Sprintf(format, args...)})
}

func (m *merger) need(field, format string, args ...any) {
	m.notes = append(m.notes, FillIn{Field: field, Required: true, Message: fmt.Sprintf(format, args...)})
}

// merge makes tenants of the exports: the one that was exported, and the home
// tenants of foreign applications.
func (m *merger) merge(exports []*export) ([]idp.Tenant, error) {
	m.unassigned, m.holders = map[string]bool{}, map[string]holder{}
	m.exported, m.byAppID, m.byID = map[string]*registration{}, map[string]*principal{}, map[string]*principal{}
	m.gather(exports)
	if len(m.applications)+len(m.principals) == 0 {
		m.nothing(exports)
	}
	m.tenant.ID, m.tenant.DisplayName = m.tenantID(), m.config.TenantName
	if len(m.errs) > 0 {
		return nil, errors.Join(m.errs...)
	}
	m.tenant.Domains = m.domains()
	m.place()
	m.placeFederated(exports)
	m.index()
	for _, a := range m.assignments {
		m.assign(a)
	}
	m.trimForeign()
	return append([]idp.Tenant{m.tenant}, m.foreign...), nil
}

func (m *merger) nothing(exports []*export) {
	if len(exports) == 0 {
		m.fail("", "there is no file to import")
		return
	}
	names := make([]string, len(exports))
	for i, e := range exports {
		names[i] = e.name
	}
	m.fail(strings.Join(names, ", "), "no application and no service principal: give what \"az ad app show --id …\" and \"az ad sp show --id …\" print too")
}

// gather puts the files one after another, each thing once.
func (m *merger) gather(exports []*export) {
	for _, e := range exports {
		for _, r := range e.applications {
			m.addApplication(r)
		}
		for _, p := range e.principals {
			m.addPrincipal(p)
		}
		m.assignments = append(m.assignments, e.assignments...)
		m.federated = append(m.federated, e.federated...)
		for _, id := range e.unassigned {
			m.unassigned[strings.ToLower(id)] = true
		}
		for _, at := range e.continued {
			m.need("", "%s: the list %s goes on at another page (@odata.nextLink): import what the link gives too", e.name, at)
		}
		for _, at := range e.nameless {
			m.note("", "%s: the list %s is empty and does not say of whom (no @odata.context): it was taken for nothing; az rest prints it with its context when it has no --query", e.name, at)
		}
	}
}

// addApplication accepts a registration twice when the exports agree, which
// they do when one came from the portal and one from az.
func (m *merger) addApplication(r *registration) {
	key := strings.ToLower(r.AppID)
	known := m.exported[key]
	if known == nil {
		m.exported[key] = r
		m.applications = append(m.applications, r)
		return
	}
	if field := unite(&known.Application, r.Application); field != "" {
		m.fail(r.from, "the application %q is in %s too, with another %s: leave one of them out", r.AppID, known.from, field)
	}
}

func (m *merger) addPrincipal(p *principal) {
	key := strings.ToLower(p.AppID)
	known := m.byAppID[key]
	if known == nil {
		m.byAppID[key] = p
		m.byID[strings.ToLower(p.ID)] = p
		m.principals = append(m.principals, p)
		return
	}
	if field := unite(&known.ServicePrincipal, p.ServicePrincipal); field != "" {
		m.fail(p.from, "the service principal of %q is in %s too, with another %s: leave one of them out", p.AppID, known.from, field)
	}
}

// place makes entries of the tenant: one for each registration with its service
// principal, and then those of the remaining service principals.
func (m *merger) place() {
	for _, r := range m.applications {
		a := r.Application
		if p := m.byAppID[strings.ToLower(a.AppID)]; p != nil {
			a = p.joined(a)
		}
		m.addEntry(a)
	}
	for _, p := range m.principals {
		switch {
		case m.exported[strings.ToLower(p.AppID)] != nil:
		case p.Type == managedIdentity:
			m.addAlone(p)
		case m.isForeign(p):
			m.addAlone(p)
			m.register(p)
		default:
			m.addEntry(p.joined(idp.Application{
				AppID: p.AppID, DisplayName: p.DisplayName, IdentifierURIs: p.identifierURIs, SignInAudience: p.signInAudience, AppRoles: p.roles,
			}))
		}
	}
}

const managedIdentity = "ManagedIdentity"

func (m *merger) addEntry(a idp.Application) {
	if id := a.ServicePrincipal.ID; id != "" {
		m.holders[strings.ToLower(id)] = holder{len(m.tenant.Applications), -1}
	}
	m.tenant.Applications = append(m.tenant.Applications, a)
}

// addAlone adds a service principal without a registration in the tenant.
func (m *merger) addAlone(p *principal) {
	if p.ID != "" {
		m.holders[strings.ToLower(p.ID)] = holder{-1, len(m.tenant.ServicePrincipals)}
	}
	entry := p.ServicePrincipal
	if entry.Type != managedIdentity {
		entry.Type, entry.AlternativeNames = "", nil
	}
	m.tenant.ServicePrincipals = append(m.tenant.ServicePrincipals, entry)
}

// joined is the application with its service principal, without what that
// repeats. Secrets may stand at either; Azure takes both.
func (p *principal) joined(a idp.Application) idp.Application {
	a.ServicePrincipal = p.ServicePrincipal
	a.ServicePrincipal.AppID, a.ServicePrincipal.Type, a.ServicePrincipal.AlternativeNames = "", "", nil
	if a.ServicePrincipal.DisplayName == a.DisplayName {
		a.ServicePrincipal.DisplayName = ""
	}
	for _, s := range p.secrets {
		if !slices.ContainsFunc(a.PasswordCredentials, func(o idp.PasswordCredential) bool { return o.KeyID != "" && o.KeyID == s.KeyID }) {
			a.PasswordCredentials = append(slices.Clip(a.PasswordCredentials), s)
		}
	}
	for _, c := range p.certificates {
		if !slices.ContainsFunc(a.KeyCredentials, func(o idp.KeyCredential) bool { return o.KeyID != "" && o.KeyID == c.KeyID }) {
			a.KeyCredentials = append(slices.Clip(a.KeyCredentials), c)
		}
	}
	return a
}

// register adds the registration of a foreign application to its home tenant,
// without which its service principal would belong to nothing. An application
// that is seen from another tenant is for several, whatever else it is.
func (m *merger) register(p *principal) {
	i := slices.IndexFunc(m.foreign, func(t idp.Tenant) bool { return strings.EqualFold(t.ID, p.owner) })
	if i < 0 {
		i = len(m.foreign)
		m.foreign = append(m.foreign, idp.Tenant{ID: p.owner, DisplayName: microsoft(p.owner)})
	}
	m.foreign[i].Applications = append(m.foreign[i].Applications, idp.Application{
		AppID: p.AppID, DisplayName: p.DisplayName, IdentifierURIs: p.identifierURIs,
		SignInAudience: "AzureADMultipleOrgs", AppRoles: p.roles,
	})
}

// placeFederated gives each federated credential to its application. Its JSON
// does not name the application: Graph's context may, or the file has only one.
func (m *merger) placeFederated(exports []*export) {
	for _, f := range m.federated {
		owner := m.ownerOf(f, exports)
		if owner == nil {
			m.need("", "%s: the federated credential %s (issuer %s) does not say its application: put it into one file with that application's JSON, as (az ad app show --id APP-ID; az ad app federated-credential list --id APP-ID) > app.json does",
				f.from, quoted(f.Name), quoted(f.Issuer))
			continue
		}
		has := func(o idp.FederatedIdentityCredential) bool { return o.Issuer == f.Issuer && o.Subject == f.Subject }
		if !slices.ContainsFunc(owner.FederatedIdentityCredentials, has) {
			owner.FederatedIdentityCredentials = append(owner.FederatedIdentityCredentials, f.FederatedIdentityCredential)
		}
	}
}

func (m *merger) ownerOf(f federated, exports []*export) *idp.Application {
	candidates := m.applications
	for _, e := range exports {
		if e.name == f.from && len(e.applications) > 0 {
			candidates = e.applications
		}
	}
	for i := range m.tenant.Applications {
		a := &m.tenant.Applications[i]
		named := strings.EqualFold(f.application, a.ID) || strings.EqualFold(f.application, a.AppID)
		only := len(candidates) == 1 && strings.EqualFold(candidates[0].AppID, a.AppID)
		if f.application != "" && named || f.application == "" && only {
			return a
		}
	}
	return nil
}
