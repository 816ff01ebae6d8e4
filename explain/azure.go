package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/idpool/idpool/internal/nearest"
)

// rights is what a pool asks of the client's roles, and what the config says
// about them.
type rights struct {
	pool      string
	wanted    []string     // roles that the filter asks for and the token lacks
	have      []string     // roles in the token
	api       *Application // that defines the first wanted role; nil when unknown
	assigned  []string     // wanted roles granted by now
	requested []string     // wanted roles asked for and not granted
}

// need looks for a pool that asks for a role. The zero rights say that none
// does, or that the role is there and something else is wrong.
func (s *situation) need() rights {
	r := rights{have: s.roles()}
	for _, p := range s.parts() {
		if len(p.path) != 1 || p.path[0] != "roles" || p.negated || p.operator == "!=" || r.pool != "" && r.pool != p.pool {
			continue
		}
		r.pool = p.pool
		for _, role := range p.literals {
			if !slices.Contains(r.have, role) {
				r.wanted = append(r.wanted, role)
			}
		}
	}
	if len(r.wanted) == 0 {
		return rights{}
	}
	r.api = s.definer(r.wanted)
	if s.client == nil || r.api == nil {
		return r
	}
	for _, role := range r.wanted {
		switch {
		case slices.Contains(s.client.Assigned[r.api.AppID], role):
			r.assigned = append(r.assigned, role)
		case slices.Contains(s.client.Requested[r.api.AppID], role):
			r.requested = append(r.requested, role)
		}
	}
	return r
}

// definer is the application that defines one of the roles: the token's own
// API if it does, else any of the tenant, else the token's own API.
func (s *situation) definer(roles []string) *Application {
	defines := func(a Application) bool {
		return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(a.Roles, r) })
	}
	if s.resource != nil && defines(*s.resource) {
		return s.resource
	}
	for _, i := range s.in.Facts.defining(roles) {
		a := s.in.Facts.Applications[i]
		if defines(a) && (s.text("tid") == "" || strings.EqualFold(a.TenantID, s.text("tid"))) {
			return &s.in.Facts.Applications[i]
		}
	}
	return s.resource
}

// elsewhere says whether the token is for another API than the one that
// defines the roles.
func (s *situation) elsewhere(api *Application) bool {
	return api != nil && s.text("aud") != "" && !api.is(s.text("aud"))
}

// alternative mentions the pools whose filter the token does meet. They would
// let it in only if nothing else is wrong with it.
func (s *situation) alternative() string {
	others := s.others()
	switch {
	case len(others) == 0:
		return ""
	case len(s.failures()) > 1:
		return "; it does match that of " + plain(others)
	}
	return "; " + plain(others) + " would let this token in"
}

// assign is the way to a role: what "Add a permission" and "Grant admin
// consent" do in the portal.
func (s *situation) assign(r rights) []string {
	api := "the API"
	if r.api != nil {
		api = short(r.api, "", api)
		if r.api.DisplayName == "" {
			api = cut(r.api.AppID)
		}
	}
	fix := []string{
		"Open " + s.registration("API permissions → Add a permission → APIs my organization uses") + " → " + api + " → Application permissions.",
		"Tick " + either(r.wanted) + " and select Add permissions.",
		"Select Grant admin consent; without it the permission is only asked for, and no token has it.",
		"Get a new token: tokens issued before keep the roles they have.",
	}
	if r.api != nil && len(r.api.Roles) > 0 && !slices.ContainsFunc(r.wanted, func(w string) bool { return slices.Contains(r.api.Roles, w) }) {
		fix = slices.Insert(fix, 0, "First create the role: Entra admin center → App registrations → "+api+" → App roles → Create app role, Allowed member types Applications, Value "+either(r.wanted)+".")
	}
	if others := s.others(); len(others) > 0 {
		fix = append(fix, "Or, if the client was meant for "+cut(others[0])+", name that pool. "+clientSettings("identityPoolId", cut(others[0])))
	}
	return fix
}

// noAppRole is the commonest of all: Entra issues a token to any application of
// the tenant, without roles when none is assigned, and 'x' in claims.roles is
// then an error of the filter and no match.
func noAppRole(s *situation) finding {
	r := s.rights()
	if len(r.wanted) == 0 || len(r.have) > 0 || s.claims["roles"] != nil && !emptyList(s.claims["roles"]) ||
		len(r.assigned) > 0 || len(r.requested) > 0 || s.elsewhere(r.api) {
		return finding{}
	}
	return found(s.assign(r), "%s has no app role on %s, so its token has no roles claim, and %s's filter wants %s%s",
		s.theClient(), s.apiName(r), cut(r.pool), either(r.wanted), s.alternative())
}

// emptyList tells a roles claim without roles, which Entra never issues but
// others do, from one of another type.
func emptyList(v any) bool {
	list, ok := v.([]any)
	return ok && len(list) == 0
}

// apiName calls the API whose roles are meant.
func (s *situation) apiName(r rights) string {
	if r.api == nil && s.text("aud") == "" {
		return "the API"
	}
	return named(r.api, s.text("aud"))
}

// roleNotAssigned is for a client that has roles, but not the one that the
// filter wants.
func roleNotAssigned(s *situation) finding {
	r := s.rights()
	if len(r.wanted) == 0 || len(r.have) == 0 || len(r.assigned) > 0 || len(r.requested) > 0 || s.elsewhere(r.api) || roleTypo(s).summary != "" {
		return finding{}
	}
	if _, array := s.claims["roles"].([]any); !array {
		return finding{}
	}
	return found(s.assign(r), "%s has the roles %s on %s, but %s's filter wants %s%s",
		s.theClient(), bracketed(r.have), s.apiName(r), cut(r.pool), either(r.wanted), s.alternative())
}

// consentMissing is for a role in requiredResourceAccess: it is only a request,
// and without an administrator's consent, which makes the assignment, no token
// has it.
func consentMissing(s *situation) finding {
	r := s.rights()
	if len(r.requested) == 0 || s.elsewhere(r.api) {
		return finding{}
	}
	return found([]string{
		"Open " + s.registration("API permissions") + "; " + either(r.requested) + " stands there as \"Not granted\".",
		"Select Grant admin consent (you need to be Cloud Application Administrator or more).",
		"Get a new token: tokens issued before keep the roles they have.",
	}, "%s asks for the role %s on %s, but no administrator has consented, so the token has %s, and %s's filter does not match%s",
		s.theClient(), either(r.requested), s.apiName(r), rolesOf(r), cut(r.pool), s.alternative())
}

// rolesOf says what roles a token has.
func rolesOf(r rights) string {
	if len(r.have) == 0 {
		return "no roles"
	}
	return "the roles " + bracketed(r.have)
}

// tokenBeforeGrant is for a config that says more than the token: the role was
// granted after the token was issued.
func tokenBeforeGrant(s *situation) finding {
	r := s.rights()
	if len(r.assigned) == 0 || s.elsewhere(r.api) || r.api.Unissued[r.assigned[0]] != "" {
		return finding{}
	}
	issued := ""
	if iat, ok := s.instant("iat"); ok {
		issued = ", issued " + s.ago(iat) + ","
	}
	return found([]string{
		"Get a new token: a token keeps the roles of the moment in which it was issued.",
		"Restart the client, or wait until its token runs out; MSAL and Kafka clients keep a token for about an hour.",
		"If a new token lacks the role too, check its tid: it may come from another tenant.",
	}, "%s has the role %s on %s by now, but this token%s has %s: it is older than the assignment",
		s.theClient(), either(r.assigned), s.apiName(r), issued, rolesOf(r))
}

// roleNotIssued is for a role that is granted and that no app-only token can
// have: a disabled one, or one for users.
func roleNotIssued(s *situation) finding {
	r := s.rights()
	if len(r.assigned) == 0 || s.elsewhere(r.api) || r.api.Unissued[r.assigned[0]] == "" {
		return finding{}
	}
	role := r.assigned[0]
	return found([]string{
		"Open Entra admin center → App registrations → " + short(r.api, r.api.AppID, "the API") + " → App roles → " + role + ".",
		"Tick \"Do you want to enable this app role?\", and set Allowed member types to Applications, or to Both.",
		"Get a new token: tokens issued before keep the roles they have.",
	}, "%s has the role '%s' on %s, but that role %s, so no token of an application has it, and %s's filter does not match",
		s.theClient(), role, s.apiName(r), r.api.Unissued[role], cut(r.pool))
}

// roleTypo is for a role that is almost the one asked for: on the token's
// side, or among the roles that the API defines.
func roleTypo(s *situation) finding {
	r := s.rights()
	if len(r.wanted) == 0 || len(r.assigned) > 0 || s.elsewhere(r.api) {
		return finding{}
	}
	for _, want := range r.wanted {
		near := nearRole(want, r)
		if near == "" {
			continue
		}
		return found([]string{
			"Decide which spelling is right; upper and lower case count.",
			"If the token's is: " + poolBlade(r.pool) + " → Edit → Filter, and write " + quote(near) + " in claims.roles.",
			"If the filter's is: Entra admin center → App registrations → " + short(r.api, s.text("aud"), "the API") + " → App roles → the role → Value " + quote(want) + "; then get a new token.",
		}, "%s's filter wants the role %s, but %s has %s: the two differ in %s",
			cut(r.pool), quote(want), s.theClient(), quote(near), difference(want, near))
	}
	return finding{}
}

// nearRole finds a role of the token that was probably meant. A role that the
// API defines beside the one wanted is another role, however near it comes:
// dev.read and dev.write, or reader1 and reader2.
func nearRole(want string, r rights) string {
	for _, have := range r.have {
		if strings.EqualFold(strings.TrimSpace(want), strings.TrimSpace(have)) {
			return have
		}
	}
	if r.api != nil && slices.Contains(r.api.Roles, want) {
		return ""
	}
	near := nearest.To(want, r.have)
	if near == "" || nearest.Distance(want, near) > 3 {
		return ""
	}
	return near
}

// difference says how two roles differ.
func difference(a, b string) string {
	if strings.EqualFold(a, b) {
		return "upper and lower case"
	}
	if n := nearest.Distance(a, b); n > 1 {
		return fmt.Sprintf("%d letters", n)
	}
	return "one letter"
}

// wrongResource is for a token of another API than the filter has in mind:
// roles belong to the API that defines them, and a token names only those of
// its own aud.
func wrongResource(s *situation) finding {
	if s.in.TokenError != nil {
		return s.unknownResource()
	}
	aud := s.text("aud")
	if r := s.rights(); len(r.wanted) > 0 && s.elsewhere(r.api) {
		return found(s.askFor(r.api), "the token is for %s, but the role %s that %s's filter wants is one of %s",
			named(s.resource, aud), either(r.wanted), cut(r.pool), named(r.api, ""))
	}
	p, ok := s.first(func(p part) bool {
		return p.path[0] == "aud" && !p.negated && (p.operator == "==" || p.operator == "in") && aud != "" &&
			!slices.Contains(p.literals, aud) && !slices.ContainsFunc(p.literals, func(want string) bool { return s.sameAPI(aud, want) })
	})
	if !ok || len(p.literals) == 0 {
		return finding{}
	}
	api := s.application(p.literals[0])
	if api == nil {
		api = &Application{AppID: p.literals[0]}
	}
	return found(s.askFor(api), "the token is for %s, but %s's filter wants a token for %s",
		named(s.resource, aud), cut(p.pool), either(p.literals))
}

// askFor says how to get a token for an API.
func (s *situation) askFor(api *Application) []string {
	scope := defaultScopeOf(api)
	return []string{
		"Set the scope to " + scope + ": " + strings.ReplaceAll(scopeSettings, "%[1]s", scope) + ".",
		"Check in " + s.registration("API permissions") + " that the client has its role on that API, with admin consent.",
		"Get a new token; its aud then names that API.",
	}
}

// unknownResource is for a scope that names an API which the tenant does not have.
func (s *situation) unknownResource() finding {
	if !s.refusedWith(500011, 650057) {
		return finding{}
	}
	if api := s.application(s.resourceInScope()); api != nil && api.NoServicePrincipal {
		return found([]string{
			"Create it: az ad sp create --id " + api.AppID + ".",
			"Assign the client its role again in " + s.registration("API permissions") + " and grant admin consent: assignments belong to service principals.",
			"Ask for a token again.",
		}, "%s asked for a token for %s, which is registered, but has no service principal in the tenant (AADSTS%d)",
			s.theClient(), named(api, ""), s.in.TokenError.Number)
	}
	want := s.defaultScope()
	return found([]string{
		"Copy Application ID URI from Entra admin center → App registrations → the API → Expose an API.",
		"Set the scope to it, followed by /.default, such as " + want + ": " + strings.ReplaceAll(scopeSettings, "%[1]s", want) + ".",
		"Check that the token URL names the tenant of the API; for an API of another tenant, an administrator must add it first.",
	}, "%s asked for a token for %s, and the tenant has no such API (AADSTS%d)",
		s.theClient(), quote(s.resourceInScope()), s.in.TokenError.Number)
}

// wrongTenant is for a token, or a token URL, of a tenant that no provider
// trusts.
func wrongTenant(s *situation) finding {
	if s.in.TokenError != nil {
		return s.tenantRefused()
	}
	tid := s.text("tid")
	if tid == "" {
		tid = guidIn(s.text("iss"))
	}
	known := s.tenants()
	if tid == "" || len(known) == 0 || slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, tid) }) {
		return finding{}
	}
	return found([]string{
		"See which tenant the client's token URL names: https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token.",
		"If it is the wrong one, put " + cut(known[0]) + " there (Entra admin center → Overview → Tenant ID), and use an application that is registered in it.",
		"If the client belongs to the other tenant on purpose, add an identity provider for it: " + providerBlade + " → Add provider.",
		"Get a new token.",
	}, "the token is from the tenant %s (iss %s), but the providers trust %s", quote(tid), quote(s.text("iss")), either(known))
}

// tenantRefused is for a token URL with a tenant that is none, or one that the
// client is not registered in.
func (s *situation) tenantRefused() finding {
	fix := []string{
		"Copy Tenant ID from Entra admin center → Overview.",
		"Put it into the client's token URL, https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token: sasl.oauthbearer.token.endpoint.url (Java and librdkafka).",
		"Ask for a token again.",
	}
	switch {
	case s.refusedWith(90002, 900023, 50059, 9001023):
		return found(fix, "the token URL names no tenant that exists: %s", s.aadsts())
	case s.refusedWith(700016, 70001) && s.client != nil && s.client.TenantID != "":
		return found(slices.Insert(fix, 0, "Decide which is right: the tenant "+tenantOf(s.client)+", in which the application is registered, or the one in the token URL, in which it would have to be added."),
			"%s is not registered in the tenant of the token URL; it is in %s", s.theClient(), tenantOf(s.client))
	}
	return finding{}
}

// tenantOf names the tenant of an application.
func tenantOf(a *Application) string {
	if a.TenantName == "" {
		return cut(a.TenantID)
	}
	return `"` + cut(a.TenantName) + `" (` + cut(a.TenantID) + ")"
}
