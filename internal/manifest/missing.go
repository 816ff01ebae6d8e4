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

// must is a fill without which what was exported does not work.
func must(field, comment, format string, args ...any) FillIn {
	f := fill(field, comment, format, args...)
	f.Required = true
	return f
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
	out = append(out, m.federated(tenants[0])...)
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
	message := "the tenant's id is in none of the files, and zeros stand for it, which the issuer of every token would have: az account show --query tenantId prints it; import again with --tenant ID, or write it here"
	if owners := m.owners(); len(owners) > 1 {
		message = "the service principals name several tenants, " + strings.Join(owners, ", ") + ": import again with --tenant ID, so that the applications of the others are told apart"
	}
	return []FillIn{must("tenants[0].id", "the tenant's id", "%s", message)}
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
// API and has neither credentials nor asks for roles does not.
func isClient(a idp.Application) bool {
	credentials := len(a.PasswordCredentials) + len(a.KeyCredentials) + len(a.FederatedIdentityCredentials)
	isAPI := len(a.AppRoles) > 0 || len(a.IdentifierURIs) > 0
	return credentials > 0 || slices.ContainsFunc(a.RequiredResourceAccess, asksForRoles) || len(a.AppRoleAssignments) > 0 || !isAPI
}

// maxNamed is how many applications one hint names.
const maxNamed = 5

// federated is one hint for all clients: most have no such credentials.
func (m missing) federated(t idp.Tenant) []FillIn {
	var ids []string
	var field string
	for i, a := range t.Applications {
		if isClient(a) && len(a.FederatedIdentityCredentials) == 0 {
			field = at("tenants[0].applications", i) + ".federatedIdentityCredentials"
			ids = append(ids, fmt.Sprintf("%s (%s)", a.AppID, quoted(a.DisplayName)))
		}
	}
	switch {
	case len(ids) == 0:
		return nil
	case len(ids) > 1:
		field = "" // the ids say where
	}
	if more := len(ids) - maxNamed; more > 0 {
		ids = append(ids[:maxNamed], fmt.Sprintf("%d more", more))
	}
	return []FillIn{fill(field, "", "federated credentials are not in an export, and none is fine: az ad app federated-credential list --id APP-ID, where APP-ID is %s", strings.Join(ids, ", "))}
}

// registration is of an application that only its service principal tells of.
// What that lacks decides about tokens: their version.
func (m missing) registration(field string, a idp.Application) FillIn {
	return must(field+".api.requestedAccessTokenVersion", "2, or 1 when the manifest has null",
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
		return fill(field, what+ends, "%s", message)
	}
	return must(field, what+ends, "%s", message)
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
	ends := m.ends(c.EndDateTime)
	comment, message := what+ends+"; or file: client.pem", what+ends+": write it here (base64 or PEM, never the private key), or in its place file: with the name of a PEM file"
	if c.CustomKeyIdentifier == "" {
		message += "; an invented certificate is fine"
	} else {
		comment += "; with an invented certificate delete customKeyIdentifier"
		message += "; an invented certificate is fine, but then delete customKeyIdentifier, which is the thumbprint of the one in Azure"
	}
	message += fmt.Sprintf("; Azure exports it with: az rest --method get --url 'https://graph.microsoft.com/v1.0/applications/%s?$select=appId,keyCredentials'", cmp.Or(a.ID, "OBJECT-ID"))
	if strings.Contains(ends, "expired") {
		return fill(field, comment, "%s", message)
	}
	return must(field, comment, "%s", message)
}

// request is of a permission of an API that is not among the files. One that
// people delegate (type Scope) is none that an app-only token can hold.
func (m missing) request(field string, a idp.Application, r idp.RequiredResourceAccess, t idp.Tenant) []FillIn {
	if !asksForRoles(r) || strings.EqualFold(r.ResourceAppID, a.AppID) || hasAPI(t, r.ResourceAppID) {
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
	requested := slices.ContainsFunc(c.requests, asksForRoles)
	words := ""
	if requested {
		words = " (it requests some, which without consent gives none)"
	}
	f := fill(c.field+".appRoleAssignments", "{resource: appId of the API, roles: [value]} for each role that was granted",
		"%s has no roles yet%s; what it was granted is a list of its own: az rest --method get --url \"https://graph.microsoft.com/v1.0/servicePrincipals/%s/appRoleAssignments\" > assignments.json, and import that too",
		quoted(cmp.Or(c.name, c.appID)), words, cmp.Or(c.id, "OBJECT-ID"))
	f.Required = requested
	return []FillIn{f}
}

func asksForRoles(r idp.RequiredResourceAccess) bool {
	return slices.ContainsFunc(r.ResourceAccess, func(a idp.ResourceAccess) bool { return a.Type == "Role" })
}
