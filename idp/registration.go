package idp

import (
	"encoding/json"
	"slices"
	"strings"
)

// application indexes an app registration of a tenant.
func (x *indexer) application(field string, t *tenant, a Application) {
	x.guid(field, ".appId", a.AppID)
	if !x.firstRegistration(field, t, a) {
		return
	}
	app := &application{Application: a, in: t, principal: a.ServicePrincipal}
	x.principalID(field+".servicePrincipal", app)
	if id := a.ServicePrincipal.AppID; id != "" && !strings.EqualFold(id, a.AppID) {
		x.fail(field+".servicePrincipal.appId", "%q is not the application's appId %q", id, a.AppID)
	}
	x.word(field, ".servicePrincipal.servicePrincipalType", a.ServicePrincipal.Type, "Application")
	x.registrations[strings.ToLower(a.AppID)] = app
	x.add(field, t, app)
	x.versions(field, a)
	x.roles(field, a)
	x.passwords(field, a)
	app.keys = x.keys(field, a)
	x.federated(field, a)
	x.requests(field, a)
	app.extra = x.extraClaims(field, a)
	x.optionalClaims(field, app)
}

// firstRegistration says whether the appId is new.
func (x *indexer) firstRegistration(field string, t *tenant, a Application) bool {
	other := x.registrations[strings.ToLower(a.AppID)]
	switch {
	case other == nil:
		return true
	case other.in == t:
		x.fail(field+".appId", "appId %q occurs twice in tenant %q", a.AppID, t.name())
	default:
		x.fail(field+".appId", "appId %q is registered in tenant %q already: an application has one registration, and a service principal in every other tenant that uses it (servicePrincipals)", a.AppID, other.in.name())
	}
	return false
}

// principalID checks the object id, if it is given.
func (x *indexer) principalID(field string, app *application) {
	if app.principal.ID != "" {
		x.guid(field, ".id", app.principal.ID)
	}
}

// add makes an application findable in a tenant, by appId and by App ID URI.
func (x *indexer) add(field string, t *tenant, app *application) {
	key := strings.ToLower(app.AppID)
	t.apps[key], t.resources[key] = app, app
	for i, uri := range app.IdentifierURIs {
		at := place(field+".identifierUris", i)
		if other := t.resource(uri); other != nil {
			x.fail(at, "identifierUri %q belongs to application %q already", uri, other.AppID)
		}
		if !isURI(uri) {
			x.fail(at, "%q is no URI, want one such as api://%s", uri, app.AppID)
		}
		t.resources[strings.ToLower(uri)] = app
	}
}

// The values of signInAudience (azure-ad.md 7.2).
const (
	singleTenant      = "AzureADMyOrg"
	multipleTenants   = "AzureADMultipleOrgs"
	tenantsAndPersons = "AzureADandPersonalMicrosoftAccount"
	personsOnly       = "PersonalMicrosoftAccount"
)

// multiTenant says whether other tenants may have the application.
func (a Application) multiTenant() bool {
	return a.SignInAudience == multipleTenants || a.SignInAudience == tenantsAndPersons
}

func (x *indexer) versions(field string, a Application) {
	check := func(at string, v *int) {
		if v != nil && *v != 1 && *v != 2 {
			x.fail(field+at, "%d is no token version, want 1 or 2", *v)
		}
	}
	check(".api.requestedAccessTokenVersion", a.API.RequestedAccessTokenVersion)
	check(".accessTokenAcceptedVersion", a.AccessTokenAcceptedVersion)
	x.word(field, ".signInAudience", a.SignInAudience, singleTenant, multipleTenants, tenantsAndPersons, personsOnly)
	if (a.SignInAudience == tenantsAndPersons || a.SignInAudience == personsOnly) && a.TokenVersion() != 2 {
		x.fail(field+".signInAudience", "%s demands api.requestedAccessTokenVersion: 2, as in Azure", a.SignInAudience)
	}
}

func (x *indexer) roles(field string, a Application) {
	seen := make(map[string]bool, len(a.AppRoles))
	for i, r := range a.AppRoles {
		at := place(field+".appRoles", i)
		if r.ID != "" {
			x.guid(at, ".id", r.ID)
		}
		if r.Value == "" || strings.ContainsAny(r.Value, " \t\r\n") {
			x.fail(at+".value", "%q is no role value, want a word without spaces", r.Value)
		}
		if seen[r.Value] {
			x.fail(at+".value", "role %q occurs twice", r.Value)
		}
		seen[r.Value] = true
		for j, m := range r.AllowedMemberTypes {
			if m != "Application" && m != "User" {
				x.fail(place(at+".allowedMemberTypes", j), "%q is no member type, want Application or User", m)
			}
		}
	}
}

// passwords checks the client secrets. One without its value is what an export
// of Azure has: it lets nobody in.
func (x *indexer) passwords(field string, a Application) {
	for i, c := range a.PasswordCredentials {
		if !c.EndDateTime.IsZero() && c.EndDateTime.Before(c.StartDateTime) {
			x.fail(place(field+".passwordCredentials", i)+".endDateTime", "is before startDateTime")
		}
	}
}

func (x *indexer) requests(field string, a Application) {
	for i, r := range a.RequiredResourceAccess {
		at := place(field+".requiredResourceAccess", i)
		x.guid(at, ".resourceAppId", r.ResourceAppID)
		for j, access := range r.ResourceAccess {
			if access.Type != "Role" && access.Type != "Scope" {
				x.fail(place(at+".resourceAccess", j)+".type", "%q is no type of permission, want Role or Scope", access.Type)
			}
		}
	}
}

// extraClaims writes the claims of the config as they will stand in tokens.
func (x *indexer) extraClaims(field string, a Application) []member {
	var members []member
	for name, value := range a.Claims {
		at := field + ".claims." + name
		if slices.Contains(ownClaims, name) {
			x.fail(at, "Azure sets this claim itself%s", map[bool]string{true: ": assign app roles instead"}[name == "roles"])
			continue
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			x.fail(at, "has no JSON form: %v", err)
			continue
		}
		members = append(members, member{name, encoded})
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return members
}

// optionalClaims reads those that app-only tokens can have.
func (x *indexer) optionalClaims(field string, app *application) {
	for i, c := range app.OptionalClaims.AccessToken {
		switch c.Name {
		case "":
			x.fail(place(field+".optionalClaims.accessToken", i)+".name", "is missing, want a claim such as idtyp")
		case "idtyp":
			app.idtyp = true
		case "aud":
			app.guidAud = slices.Contains(c.AdditionalProperties, "use_guid")
		}
	}
}
