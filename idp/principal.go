package idp

import (
	"slices"
	"strings"
)

// servicePrincipal indexes a service principal whose application is not
// registered in its tenant.
func (x *indexer) servicePrincipal(field string, t *tenant, p ServicePrincipal) {
	x.guid(field, ".appId", p.AppID)
	x.word(field, ".servicePrincipalType", p.Type, "Application", managedIdentity)
	if t.app(p.AppID) != nil {
		x.fail(field+".appId", "tenant %q has a service principal of %q already (that of a registered application stands in the application)", t.name(), p.AppID)
		return
	}
	if p.Absent {
		x.fail(field+".absent", "a service principal that is absent is left out of this list")
	}
	app := x.seen(field, p)
	if app == nil {
		return
	}
	app.in, app.principal, app.blockedBy, app.granted = t, p, "", nil
	x.principalID(field, app)
	x.add(field, t, app)
	if p.Type == managedIdentity {
		x.identities = append(x.identities, app)
	}
}

// seen is a copy of the application that a service principal belongs to.
func (x *indexer) seen(field string, p ServicePrincipal) *application {
	registered := x.registrations[strings.ToLower(p.AppID)]
	switch {
	case p.Type == managedIdentity && registered != nil:
		x.fail(field+".appId", "%q is an application of tenant %q, and no managed identity", p.AppID, registered.in.name())
	case p.Type == managedIdentity:
		return &application{Application: Application{AppID: p.AppID, DisplayName: p.DisplayName}}
	case registered == nil:
		x.fail(field+".appId", "no tenant registers the application %q", p.AppID)
	case !registered.multiTenant():
		x.fail(field+".appId", "application %q is for tenant %q only: set its signInAudience to %s", p.AppID, registered.in.name(), multipleTenants)
	default:
		app := *registered
		return &app
	}
	return nil
}

// Microsoft's resource for token exchange, which every tenant has: its tokens
// are what federated identity credentials take from Azure's own issuers. An
// audience api://AzureADTokenExchange becomes the appId in v2.0 tokens.
const (
	tokenExchangeAppID = "fb60f99c-7a34-4190-8149-302f77469936"
	tokenExchangeURI   = "api://AzureADTokenExchange"
)

// tokenExchange adds Microsoft's resource, unless the Config has its own.
func (x *indexer) tokenExchange(t *tenant) {
	if t.resource(tokenExchangeAppID) != nil || t.resource(tokenExchangeURI) != nil {
		return
	}
	two := 2
	app := &application{in: t, Application: Application{
		AppID: tokenExchangeAppID, DisplayName: "AAD Token Exchange Endpoint: Public", API: API{RequestedAccessTokenVersion: &two},
	}}
	t.resources[tokenExchangeAppID] = app
	t.resources[strings.ToLower(tokenExchangeURI)] = app
}

// allGrants resolves the app role assignments of a tenant.
func (x *indexer) allGrants(field string, t *tenant) {
	for i, a := range t.Applications {
		if len(a.AppRoleAssignments)+len(a.ServicePrincipal.AppRoleAssignments) == 0 {
			continue
		}
		at := place(field+".applications", i)
		if app := t.app(a.AppID); app != nil {
			x.grants(at+".appRoleAssignments", app, a.AppRoleAssignments)
			x.grants(at+".servicePrincipal.appRoleAssignments", app, a.ServicePrincipal.AppRoleAssignments)
		}
	}
	for i, p := range t.ServicePrincipals {
		if app := t.app(p.AppID); app != nil {
			x.grants(place(field+".servicePrincipals", i)+".appRoleAssignments", app, p.AppRoleAssignments)
		}
	}
}

func (x *indexer) grants(field string, app *application, assignments []AppRoleAssignment) {
	for i, g := range assignments {
		at := place(field, i)
		resource := app.in.app(g.Resource)
		if resource == nil {
			x.fail(at+".resource", "no application has the appId %q in tenant %q", g.Resource, app.in.name())
			continue
		}
		if app.granted == nil {
			app.granted = make(map[string][]string, 1)
		}
		key := strings.ToLower(resource.AppID)
		app.granted[key] = slices.Clip(app.granted[key]) // an assignment without a role counts too
		for j, value := range g.Roles {
			if x.grantable(place(at+".roles", j), resource, value) && !slices.Contains(app.granted[key], value) {
				app.granted[key] = append(app.granted[key], value)
			}
		}
	}
}

// grantable says whether app-only tokens may carry a role of a resource.
func (x *indexer) grantable(field string, resource *application, value string) bool {
	values := make([]string, len(resource.AppRoles))
	for i, r := range resource.AppRoles {
		values[i] = r.Value
	}
	i := slices.Index(values, value)
	if i < 0 {
		x.fail(field, "application %q defines no role %q, %s", resource.AppID, value, oneOf(value, values))
		return false
	}
	return resource.AppRoles[i].Unissued() == ""
}

// assigned says whether somebody assigned the application to a resource, with
// or without a role.
func (a *application) assigned(resource *application) bool {
	_, ok := a.granted[strings.ToLower(resource.AppID)]
	return ok
}

// policies finds which service principals the Conditional Access policies of a
// tenant refuse.
func (x *indexer) policies(field string, t *tenant) {
	for i, p := range t.ConditionalAccessPolicies {
		at := place(field+".conditionalAccessPolicies", i)
		x.word(at, ".state", p.State, "enabled", "disabled", "enabledForReportingButNotEnforced")
		for j, c := range p.GrantControls.BuiltInControls {
			x.word(place(at+".grantControls.builtInControls", j), "", c, "block")
		}
		if p.ID == "" {
			p.ID = deriveID("conditionalAccessPolicy", t.ID, p.DisplayName)
		} else {
			x.guid(at, ".id", p.ID)
		}
		if (p.State == "" || p.State == "enabled") && slices.Contains(p.GrantControls.BuiltInControls, "block") {
			x.block(at+".conditions.clientApplications", t, p)
		}
	}
}

// everyPrincipal stands for all service principals in a policy. Azure leaves
// managed identities out of it.
const everyPrincipal = "ServicePrincipalsInMyTenant"

func (x *indexer) block(field string, t *tenant, p ConditionalAccessPolicy) {
	clients := p.Conditions.ClientApplications
	matched := make([]bool, len(clients.IncludeServicePrincipals))
	for _, app := range t.apps {
		for i, id := range clients.IncludeServicePrincipals {
			all := id == everyPrincipal
			if !all && !strings.EqualFold(id, app.objectID()) {
				continue
			}
			matched[i] = true
			excluded := slices.ContainsFunc(clients.ExcludeServicePrincipals, func(id string) bool { return strings.EqualFold(id, app.objectID()) })
			if !excluded && app.principal.Type != managedIdentity {
				app.blockedBy = p.ID
			}
		}
	}
	for i, id := range clients.IncludeServicePrincipals {
		if !matched[i] && id != everyPrincipal {
			x.fail(place(field+".includeServicePrincipals", i), "no service principal of tenant %q has the object id %q (an appId will not do here)", t.name(), id)
		}
	}
}
