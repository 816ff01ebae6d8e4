package manifest

import (
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
)

// registration reads an application in the format of Microsoft Graph or of
// Azure AD Graph (azure-ad.md 7.1), which share most names: the first of each
// pair is Microsoft Graph's.
func (x *reader) registration(e *export, o *object) {
	r := &registration{from: x.file, domain: o.text("publisherDomain")}
	r.AppID = o.id("appId", "the application's client id")
	r.ID = o.guid("id", "objectId")
	r.DisplayName = o.text("displayName", "name")
	r.IdentifierURIs = o.texts("identifierUris")
	r.SignInAudience = audience(o)
	r.API.RequestedAccessTokenVersion = version(o)
	r.AppRoles = x.roles(o)
	r.PasswordCredentials = x.secrets(o)
	r.KeyCredentials = x.certificates(o)
	r.OptionalClaims.AccessToken = x.optionalClaims(o)
	r.RequiredResourceAccess = x.requests(o)
	for _, f := range o.objects("federatedIdentityCredentials") { // $expand has them
		r.FederatedIdentityCredentials = append(r.FederatedIdentityCredentials, x.federated(f))
	}
	e.applications = append(e.applications, r)
}

// audience is signInAudience, or what az printed before it knew that field.
func audience(o *object) string {
	others := o.flag("availableToOtherTenants")
	if s := o.text("signInAudience"); s != "" {
		return s
	}
	if others != nil && *others {
		return "AzureADMultipleOrgs"
	}
	return ""
}

// version is where each format keeps it. Null and absent mean 1.
func version(o *object) *int {
	current := o.object("api").integer("requestedAccessTokenVersion")
	for _, older := range []*int{o.integer("accessTokenAcceptedVersion"), o.integer("requestedAccessTokenVersion")} {
		if current == nil {
			current = older
		}
	}
	return current
}

func (x *reader) roles(o *object) []idp.AppRole {
	var out []idp.AppRole
	for _, r := range o.objects("appRoles") {
		role := idp.AppRole{
			ID: r.guid("id"), Value: r.text("value"), DisplayName: r.text("displayName"), Description: r.text("description"),
			AllowedMemberTypes: r.texts("allowedMemberTypes"), IsEnabled: r.flag("isEnabled"),
		}
		// What idpool takes a missing value for is not repeated for every role.
		if role.IsEnabled != nil && *role.IsEnabled {
			role.IsEnabled = nil
		}
		out = append(out, role)
	}
	return out
}

func (x *reader) secrets(o *object) []idp.PasswordCredential {
	var out []idp.PasswordCredential
	for _, c := range o.objects("passwordCredentials") {
		out = append(out, idp.PasswordCredential{
			KeyID: c.text("keyId"), DisplayName: c.text("displayName"), Hint: c.text("hint"), SecretText: c.text("secretText", "value"),
			StartDateTime: c.moment("startDateTime", "startDate"), EndDateTime: c.moment("endDateTime", "endDate"),
		})
	}
	return out
}

// certificates are the keys that prove the client. Those that sign SAML answers
// or encrypt tokens stand in the same list and are of no use here.
func (x *reader) certificates(o *object) []idp.KeyCredential {
	var out []idp.KeyCredential
	for _, c := range o.objects("keyCredentials") {
		key := idp.KeyCredential{
			KeyID: c.text("keyId"), DisplayName: c.text("displayName"), Type: c.text("type"), Usage: c.text("usage"),
			CustomKeyIdentifier: c.text("customKeyIdentifier"), Key: c.text("key", "value"),
			StartDateTime: c.moment("startDateTime", "startDate"), EndDateTime: c.moment("endDateTime", "endDate"),
		}
		if (key.Usage == "" || key.Usage == "Verify") && (key.Type == "" || key.Type == "AsymmetricX509Cert") {
			out = append(out, key)
		}
	}
	return out
}

func (x *reader) optionalClaims(o *object) []idp.OptionalClaim {
	var out []idp.OptionalClaim
	for _, c := range o.object("optionalClaims").objects("accessToken") {
		essential := c.flag("essential")
		out = append(out, idp.OptionalClaim{
			Name: c.text("name"), Source: c.text("source"), Essential: essential != nil && *essential,
			AdditionalProperties: c.texts("additionalProperties"),
		})
	}
	return out
}

func (x *reader) requests(o *object) []idp.RequiredResourceAccess {
	var out []idp.RequiredResourceAccess
	for _, r := range o.objects("requiredResourceAccess") {
		request := idp.RequiredResourceAccess{ResourceAppID: r.guid("resourceAppId")}
		for _, access := range r.objects("resourceAccess") {
			request.ResourceAccess = append(request.ResourceAccess, idp.ResourceAccess{ID: access.guid("id"), Type: access.text("type")})
		}
		out = append(out, request)
	}
	return out
}

// principal reads a service principal as Graph and both generations of az
// print it (azure-ad.md 7.3).
func (x *reader) principal(e *export, o *object) {
	p := &principal{from: x.file, owner: o.guid("appOwnerOrganizationId", "appOwnerTenantId"), signInAudience: o.text("signInAudience")}
	p.AppID = o.id("appId", "the application's client id")
	p.ID = o.guid("id", "objectId")
	p.DisplayName = o.text("displayName", "appDisplayName")
	p.AccountEnabled = o.enabled()
	required := o.flag("appRoleAssignmentRequired")
	p.AppRoleAssignmentRequired = required != nil && *required
	p.Type = o.text("servicePrincipalType")
	p.AlternativeNames = o.texts("alternativeNames")
	for _, name := range o.texts("servicePrincipalNames") {
		if isIdentifierURI(name, p.AppID) {
			p.identifierURIs = append(p.identifierURIs, name)
		}
	}
	p.roles = x.roles(o)
	p.secrets = x.secrets(o)
	p.certificates = x.certificates(o)
	for _, a := range slices.Concat(o.objects("appRoleAssignments"), o.objects("appRoleAssignedTo")) { // $expand has them
		e.assignments = append(e.assignments, x.assignment(a))
	}
	e.principals = append(e.principals, p)
}

// enabled is accountEnabled, which az printed as text for a time. True is not
// repeated.
func (o *object) enabled() *bool {
	const field = "accountenabled"
	switch o.fields[field] {
	case "True", "true":
		o.fields[field] = true
	case "False", "false":
		o.fields[field] = false
	}
	enabled := o.flag(field)
	if enabled != nil && *enabled {
		return nil
	}
	return enabled
}

// isIdentifierURI tells an App ID URI from the other names of a service
// principal: its appId, and with a slash behind it those of Microsoft's own.
func isIdentifierURI(name, appID string) bool {
	return strings.Contains(name, ":") && !strings.HasPrefix(strings.ToLower(name), strings.ToLower(appID))
}

func (x *reader) assignment(o *object) assignment {
	a := assignment{
		principal: o.id("principalId", "the client's service principal"), principalName: o.text("principalDisplayName"),
		resource: o.id("resourceId", "the API's service principal"), resourceName: o.text("resourceDisplayName"),
		role: o.id("appRoleId", "the id of a role of the API, or zeros"), from: x.file,
	}
	kind := o.text("principalType")
	a.ofPeople = kind == "User" || kind == "Group"
	return a
}

func (x *reader) federated(o *object) idp.FederatedIdentityCredential {
	return idp.FederatedIdentityCredential{
		Name: o.text("name"), Issuer: o.text("issuer"), Subject: o.text("subject"), Audiences: o.texts("audiences"), Description: o.text("description"),
	}
}
