package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/idpool/idpool/idp"
)

// missing lists what a merged directory lacks, place by place.
type missing struct{ *merger }

// fill is a place with a comment for the YAML and a longer text for the list.
func fill(field, comment, format string, args ...any) FillIn {
	return FillIn{Field: field, Message: fmt.Sprintf(format, args...), comment: comment}
}

// of goes through the exported tenant. Of the foreign ones only the version of
// their tokens is asked for: nobody here can know more.
func (m missing) of(tenants []idp.Tenant) []FillIn {
	out := m.tenantID(tenants[0])
	for i, a := range tenants[0].Applications {
		out = append(out, m.ofApplication(at("tenants[0].applications", i), a, tenants[0])...)
	}
	for i, p := range tenants[0].ServicePrincipals {
		field := at("tenants[0].servicePrincipals", i)
		out = append(out, m.principalID(field+".id", p.AppID, p.ID)...)
		if !m.ofMicrosoft(p.AppID) {
			out = append(out, m.roles(client{field, p.DisplayName, p.AppID, p.ID, p.AppRoleAssignments, nil})...)
		}
	}
	for i, t := range tenants[1:] {
		for j, a := range t.Applications {
			if len(a.AppRoles) > 0 && !m.ofMicrosoft(a.AppID) {
				out = append(out, m.registration(at(at("tenants", i+1)+".applications", j), a))
			}
		}
	}
	return out
}

// ofMicrosoft says whether an application is one of Microsoft's own, which are
// no clients of anybody's and issue v1.0 tokens.
func (m missing) ofMicrosoft(appID string) bool {
	p := m.byAppID[strings.ToLower(appID)]
	return p != nil && strings.EqualFold(p.owner, microsoftServices)
}

func (m missing) tenantID(t idp.Tenant) []FillIn {
	if t.ID != zeroID {
		return nil
	}
	message := "the tenant's id is not in the exports: az account show --query tenantId; import again with --tenant ID, or write it here"
	if owners := m.owners(); len(owners) > 1 {
		message = "the service principals name several tenants, " + strings.Join(owners, ", ") + ": import again with --tenant ID, so that the applications of the others are told apart"
	}
	return []FillIn{fill("tenants[0].id", "the tenant's id", "%s", message)}
}

func (m missing) ofApplication(field string, a idp.Application, t idp.Tenant) []FillIn {
	var out []FillIn
	if m.exported[strings.ToLower(a.AppID)] == nil {
		out = append(out, m.registration(field, a))
	}
	for i, s := range a.PasswordCredentials {
		if s.SecretText == "" {
			out = append(out, m.secret(at(field+".passwordCredentials", i)+".secretText", s))
		}
	}
	for i, c := range a.KeyCredentials {
		if c.Key == "" {
			out = append(out, m.key(at(field+".keyCredentials", i)+".key", a, c))
		}
	}
	if isClient(a) && len(a.FederatedIdentityCredentials) == 0 {
		out = append(out, fill(field+".federatedIdentityCredentials", "federated credentials, if there are any",
			"%s: federated credentials are not in an export: az ad app federated-credential list --id %s; none is fine", quoted(a.DisplayName), a.AppID))
	}
	for i, r := range a.RequiredResourceAccess {
		out = append(out, m.request(at(field+".requiredResourceAccess", i)+".resourceAppId", a, r, t)...)
	}
	out = append(out, m.principalID(field+".servicePrincipal.id", a.AppID, a.ServicePrincipal.ID)...)
	if isClient(a) {
		out = append(out, m.roles(client{field, a.DisplayName, a.AppID, a.ServicePrincipal.ID, a.AppRoleAssignments, a.RequiredResourceAccess})...)
	}
	return out
}

// isClient says whether an application may ask for tokens. One that defines an
// API and has neither credentials nor requests does not.
func isClient(a idp.Application) bool {
	credentials := len(a.PasswordCredentials) + len(a.KeyCredentials) + len(a.FederatedIdentityCredentials)
	return credentials > 0 || len(a.RequiredResourceAccess) > 0 || len(a.AppRoleAssignments) > 0 || len(a.AppRoles) == 0 && len(a.IdentifierURIs) == 0
}

// registration is of an application that only its service principal tells of.
// What that lacks decides about tokens: their version.
func (m missing) registration(field string, a idp.Application) FillIn {
	return fill(field+".api.requestedAccessTokenVersion", "2, or 1 when the manifest has null",
		"%s: a service principal has neither the token version nor the secrets of its application: az ad app show --id %s > app.json, and import that too",
		quoted(a.DisplayName), a.AppID)
}

// secret never stands in an export; its first characters do.
func (m missing) secret(field string, s idp.PasswordCredential) FillIn {
	what := "the client secret"
	if s.DisplayName != "" {
		what += " " + quoted(s.DisplayName)
	}
	if s.Hint != "" {
		what += fmt.Sprintf(", the one that begins with %s", plain(s.Hint))
	}
	ends := m.ends(s.EndDateTime)
	message := what + ends + ": Azure never exports a secret, so write the one that your client sends, or an invented one that you give to the client too"
	if strings.Contains(ends, "expired") {
		message = what + ends + ": it lets nobody in any more; write its value only to see the error of an expired secret, otherwise delete the entry"
	}
	return fill(field, what+ends, "%s", message)
}

// ends says when a credential does, in a form that fits after its name.
func (m missing) ends(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.After(m.config.Now()):
		return ", until " + t.UTC().Format(time.DateOnly)
	}
	return ", expired " + t.UTC().Format(time.DateOnly)
}

func (m missing) key(field string, a idp.Application, c idp.KeyCredential) FillIn {
	what := "the certificate"
	if c.DisplayName != "" {
		what += " " + quoted(c.DisplayName)
	}
	if c.CustomKeyIdentifier != "" {
		what += " with the thumbprint " + plain(c.CustomKeyIdentifier)
	}
	what += m.ends(c.EndDateTime)
	return fill(field, what+`; or file: client.pem`,
		"%s: write it here (base64 or PEM, never the private key), or in its place file: with the name of a PEM file; Azure exports it with: az rest --method get --url 'https://graph.microsoft.com/v1.0/applications/%s?$select=appId,keyCredentials'", what, cmp.Or(a.ID, "OBJECT-ID"))
}

// request is of a permission of an API that is not among the files.
func (m missing) request(field string, a idp.Application, r idp.RequiredResourceAccess, t idp.Tenant) []FillIn {
	if strings.EqualFold(r.ResourceAppID, a.AppID) || hasAPI(t, r.ResourceAppID) {
		return nil
	}
	name := "an API"
	if strings.EqualFold(r.ResourceAppID, "00000003-0000-0000-c000-000000000000") {
		name = "Microsoft Graph"
	}
	return []FillIn{fill(field, name+" that was not imported",
		"%s requests permissions of %s, which is not in the files: if your client asks for its tokens, az ad sp show --id %s > api.json, and import that too",
		quoted(a.DisplayName), name, r.ResourceAppID)}
}

func hasAPI(t idp.Tenant, appID string) bool {
	for _, a := range t.Applications {
		if strings.EqualFold(a.AppID, appID) {
			return true
		}
	}
	for _, p := range t.ServicePrincipals {
		if strings.EqualFold(p.AppID, appID) {
			return true
		}
	}
	return false
}

func (m missing) principalID(field, appID, id string) []FillIn {
	if id != "" {
		return nil
	}
	return []FillIn{fill(field, "the service principal's object id",
		"the object id of the service principal is sub and oid of its tokens, which filters may name: az ad sp show --id %s > sp.json, and import that too (empty: idpool makes one up)", appID)}
}

// client is whoever may have been granted roles.
type client struct {
	field           string
	name, appID, id string
	assignments     []idp.AppRoleAssignment
	requests        []idp.RequiredResourceAccess
}

// roles is of a client for which no file had a list of assignments.
func (m missing) roles(c client) []FillIn {
	if len(c.assignments) > 0 || c.id != "" && m.unassigned[strings.ToLower(c.id)] {
		return nil
	}
	requested := ""
	if slices.ContainsFunc(c.requests, asksForRoles) {
		requested = " (it requests some, which without consent gives none)"
	}
	return []FillIn{fill(c.field+".appRoleAssignments", "{resource: appId of the API, roles: [value]} for each role that was granted",
		"%s has no roles yet%s; what it was granted is a list of its own: az rest --method get --url \"https://graph.microsoft.com/v1.0/servicePrincipals/%s/appRoleAssignments\" > assignments.json, and import that too",
		quoted(cmp.Or(c.name, c.appID)), requested, cmp.Or(c.id, "OBJECT-ID"))}
}

func asksForRoles(r idp.RequiredResourceAccess) bool {
	return slices.ContainsFunc(r.ResourceAccess, func(a idp.ResourceAccess) bool { return a.Type == "Role" })
}
