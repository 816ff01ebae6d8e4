package idp_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
)

// mistakes are the errors of a Config, each as "field: message".
func mistakes(t *testing.T, err error) []string {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("want joined errors, got %v", err)
	}
	var out []string
	for _, one := range joined.Unwrap() {
		var e *idp.ConfigError
		if !errors.As(one, &e) {
			t.Fatalf("want a *ConfigError, got %T", one)
		}
		out = append(out, e.Field+": "+e.Message)
	}
	return out
}

// inOther is an application of a second tenant, for that tenant only.
const inOther = "0b51b8b1-5c87-4a9b-9b0e-6a3f3f7a4c11"

func otherTenant() idp.Tenant {
	return idp.Tenant{
		ID: "1c3dd0a6-6d6f-4c3b-9a34-5f3a0f4a9f52", DisplayName: "Other", Domains: []string{"other.example"},
		Applications: []idp.Application{{AppID: inOther, PasswordCredentials: []idp.PasswordCredential{{SecretText: "other-secret"}}}},
	}
}

// blocking is a policy against service principals, by object id.
func blocking(ids ...string) idp.ConditionalAccessPolicy {
	return idp.ConditionalAccessPolicy{
		DisplayName:   "block",
		Conditions:    idp.PolicyConditions{ClientApplications: idp.PolicyClients{IncludeServicePrincipals: ids}},
		GrantControls: idp.PolicyGrantControls{BuiltInControls: []string{"block"}},
	}
}

func TestEachMistakeInTheDirectoryIsRefused(t *testing.T) {
	three := 3
	for _, tc := range []struct {
		name   string
		change func(*idp.Tenant)
		want   string
	}{
		{"a tenant id that is no GUID", func(t *idp.Tenant) { t.ID = "acme" }, `tenants[1].id: "acme" is no GUID`},
		{"a GUID in braces", func(t *idp.Tenant) { t.ID = "{" + acme + "}" }, `is no GUID`},
		{"a domain that is none", func(t *idp.Tenant) { t.Domains = []string{"acme"} }, `tenants[1].domains[0]: "acme" is no domain name`},
		{"a domain twice", func(t *idp.Tenant) { t.Domains = []string{"a.com", "A.com"} }, `tenants[1].domains[1]: domain "A.com" occurs twice`},
		{"two apps with one appId", func(t *idp.Tenant) { t.Applications[1].AppID = strings.ToUpper(api) }, `tenants[1].applications[1].appId: appId "` + strings.ToUpper(api) + `" occurs twice`},
		{"no appId", func(t *idp.Tenant) { t.Applications[1].AppID = "" }, `tenants[1].applications[1].appId: "" is no GUID`},
		{"a service principal id that is no GUID", func(t *idp.Tenant) { t.Applications[1].ServicePrincipal.ID = "x" }, `applications[1].servicePrincipal.id: "x" is no GUID`},
		{"one URI for two apps", func(t *idp.Tenant) { t.Applications[1].IdentifierURIs = t.Applications[0].IdentifierURIs }, `applications[1].identifierUris[0]: identifierUri "api://` + api + `" belongs to application "` + api + `" already`},
		{"a URI that is none", func(t *idp.Tenant) { t.Applications[0].IdentifierURIs = []string{"kafka"} }, `applications[0].identifierUris[0]: "kafka" is no URI`},
		{"a token version that does not exist", func(t *idp.Tenant) { t.Applications[0].API.RequestedAccessTokenVersion = &three }, `applications[0].api.requestedAccessTokenVersion: 3 is no token version`},
		{"the same under the old name", func(t *idp.Tenant) { t.Applications[0].AccessTokenAcceptedVersion = &three }, `applications[0].accessTokenAcceptedVersion: 3 is no token version`},
		{"a role without value", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].Value = "" }, `applications[0].appRoles[1].value: "" is no role value`},
		{"a role twice", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].Value = "dev.environmentAdmin" }, `applications[0].appRoles[1].value: role "dev.environmentAdmin" occurs twice`},
		{"a role id that is no GUID", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].ID = "1" }, `applications[0].appRoles[1].id: "1" is no GUID`},
		{"an unknown member type", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].AllowedMemberTypes = []string{"Group"} }, `applications[0].appRoles[1].allowedMemberTypes[0]: "Group" is no member type`},
		{"an application in two tenants", func(t *idp.Tenant) { t.Applications[1].AppID = inOther }, `applications[1].appId: appId "` + inOther + `" is registered in tenant "Other" already: an application has one registration`},
		{"a sign-in audience that does not exist", func(t *idp.Tenant) { t.Applications[1].SignInAudience = "AzureADMyOrgs" }, `applications[1].signInAudience: "AzureADMyOrgs" is not known, did you mean "AzureADMyOrg"?`},
		{"personal accounts with v1.0 tokens", func(t *idp.Tenant) { t.Applications[1].SignInAudience = "PersonalMicrosoftAccount" }, `PersonalMicrosoftAccount demands api.requestedAccessTokenVersion: 2`},
		{"the service principal of another application", func(t *idp.Tenant) { t.Applications[1].ServicePrincipal.AppID = api }, `applications[1].servicePrincipal.appId: "` + api + `" is not the application's appId`},
		{"an application that is a managed identity", func(t *idp.Tenant) { t.Applications[1].ServicePrincipal.Type = "ManagedIdentity" }, `applications[1].servicePrincipal.servicePrincipalType: "ManagedIdentity" is not known, want one of Application`},
		{"a claim that Azure sets", func(t *idp.Tenant) { t.Applications[1].Claims = map[string]any{"sub": "x"} }, `applications[1].claims.sub: Azure sets this claim itself`},
		{"roles as a claim", func(t *idp.Tenant) { t.Applications[1].Claims = map[string]any{"roles": "x"} }, `Azure sets this claim itself: assign app roles instead`},
		{"a claim without JSON form", func(t *idp.Tenant) { t.Applications[1].Claims = map[string]any{"x": make(chan int)} }, `applications[1].claims.x: has no JSON form`},
		{"an optional claim without a name", func(t *idp.Tenant) {
			t.Applications[0].OptionalClaims.AccessToken = []idp.OptionalClaim{{}}
		}, `applications[0].optionalClaims.accessToken[0].name: is missing`},
		{"a service principal of nothing", func(t *idp.Tenant) { t.ServicePrincipals = []idp.ServicePrincipal{{AppID: clientSP}} }, `servicePrincipals[0].appId: no tenant registers the application "` + clientSP + `"`},
		{"a service principal without appId", func(t *idp.Tenant) { t.ServicePrincipals = []idp.ServicePrincipal{{}} }, `servicePrincipals[0].appId: "" is no GUID`},
		{"a second service principal", func(t *idp.Tenant) { t.ServicePrincipals = []idp.ServicePrincipal{{AppID: client}} }, `has a service principal of "` + client + `" already (that of a registered application stands in the application)`},
		{"a service principal of a single-tenant application", func(t *idp.Tenant) { t.ServicePrincipals = []idp.ServicePrincipal{{AppID: inOther}} }, `application "` + inOther + `" is for tenant "Other" only: set its signInAudience to AzureADMultipleOrgs`},
		{"an absent service principal", func(t *idp.Tenant) {
			t.ServicePrincipals = []idp.ServicePrincipal{{AppID: clientSP, Type: "ManagedIdentity", Absent: true}}
		}, `servicePrincipals[0].absent: a service principal that is absent is left out`},
		{"a managed identity with a registration", func(t *idp.Tenant) {
			t.ServicePrincipals = []idp.ServicePrincipal{{AppID: inOther, Type: "ManagedIdentity"}}
		}, `is an application of tenant "Other", and no managed identity`},
		{"an unknown type of service principal", func(t *idp.Tenant) {
			t.ServicePrincipals = []idp.ServicePrincipal{{AppID: clientSP, Type: "managedIdentity"}}
		}, `servicePrincipals[0].servicePrincipalType: "managedIdentity" is not known, did you mean "ManagedIdentity"?`},
		{"a role granted to a managed identity that does not exist", func(t *idp.Tenant) {
			t.ServicePrincipals = []idp.ServicePrincipal{{AppID: clientSP, Type: "ManagedIdentity", AppRoleAssignments: []idp.AppRoleAssignment{{Resource: api, Roles: []string{"x"}}}}}
		}, `servicePrincipals[0].appRoleAssignments[0].roles[0]: application "` + api + `" defines no role "x"`},
		{"a policy for an appId", func(t *idp.Tenant) { t.ConditionalAccessPolicies = []idp.ConditionalAccessPolicy{blocking(client)} }, `conditionalAccessPolicies[0].conditions.clientApplications.includeServicePrincipals[0]: no service principal of tenant "Acme Examples Inc" has the object id "` + client + `" (an appId will not do here)`},
		{"a policy in an unknown state", func(t *idp.Tenant) {
			t.ConditionalAccessPolicies = []idp.ConditionalAccessPolicy{{ID: "x", State: "on"}}
		}, `conditionalAccessPolicies[0].state: "on" is not known`},
		{"a policy with a control that Azure lacks", func(t *idp.Tenant) {
			t.ConditionalAccessPolicies = []idp.ConditionalAccessPolicy{{GrantControls: idp.PolicyGrantControls{BuiltInControls: []string{"mfa"}}}}
		}, `conditionalAccessPolicies[0].grantControls.builtInControls[0]: "mfa" is not known, want one of block`},
		{"a secret that ends before it starts", func(t *idp.Tenant) {
			t.Applications[1].PasswordCredentials[0].StartDateTime = now
			t.Applications[1].PasswordCredentials[0].EndDateTime = now.Add(-time.Hour)
		}, `applications[1].passwordCredentials[0].endDateTime: is before startDateTime`},
		{"a role that the resource does not define", func(t *idp.Tenant) { t.Applications[1].AppRoleAssignments[0].Roles = []string{"dev.environmentadmin"} },
			`applications[1].appRoleAssignments[0].roles[0]: application "` + api + `" defines no role "dev.environmentadmin", did you mean "dev.environmentAdmin"?`},
		{"a role that is nowhere near", func(t *idp.Tenant) { t.Applications[1].AppRoleAssignments[0].Roles = []string{"reader"} }, `want one of dev.environmentAdmin, prod.environmentAdmin`},
		{"a role of a resource without roles", func(t *idp.Tenant) { t.Applications[1].AppRoleAssignments[0].Resource = client }, `defines no role "dev.environmentAdmin", it defines none`},
		{"an assignment to nobody", func(t *idp.Tenant) { t.Applications[1].AppRoleAssignments[0].Resource = "x" }, `applications[1].appRoleAssignments[0].resource: no application has the appId "x"`},
		{"a permission of no known type", func(t *idp.Tenant) {
			t.Applications[1].RequiredResourceAccess = []idp.RequiredResourceAccess{{ResourceAppID: api, ResourceAccess: []idp.ResourceAccess{{Type: "role"}}}}
		}, `applications[1].requiredResourceAccess[0].resourceAccess[0].type: "role" is no type of permission`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tenant := idp.Acme()
			tc.change(&tenant)
			_, err := idp.New(idp.Config{Tenants: []idp.Tenant{otherTenant(), tenant}})
			if err == nil {
				t.Fatal("accepted")
			}
			if all := mistakes(t, err); !slices.ContainsFunc(all, func(m string) bool { return strings.Contains(m, tc.want) }) {
				t.Errorf("got %q, want one with %q", all, tc.want)
			}
		})
	}
}

func TestEveryMistakeAtOnce(t *testing.T) {
	tenant := idp.Acme()
	tenant.ID, tenant.Domains = "x", []string{"y"}
	tenant.Applications[0].AppRoles[0].Value = ""
	_, err := idp.New(idp.Config{Tenants: []idp.Tenant{tenant, idp.Acme(), idp.Acme()}})
	if err == nil {
		t.Fatal("accepted")
	}
	// id, domain, role value, the role now missing; of the third tenant its id
	// and its domain, which the second has; and of the second and the third
	// their two applications, which the first registers.
	if got := mistakes(t, err); len(got) != 10 {
		t.Errorf("%d mistakes, want 10: %q", len(got), got)
	}
}

func TestNoTenantIsNotAcme(t *testing.T) {
	server := serve(t, idp.Config{Tenants: []idp.Tenant{}})
	if response, _ := get(t, server.URL+"/"+acme+"/v2.0/.well-known/openid-configuration"); response.StatusCode != 400 {
		t.Errorf("%s, want 400: an empty list of tenants has no tenant", response.Status)
	}
}

func TestDerivedIDsStayTheSame(t *testing.T) {
	role := idp.AppRole{Value: "dev.environmentAdmin"}
	const want = "fb9fb0e9-f2d5-5e15-849d-60f59c6775ff"
	for _, appID := range []string{api, strings.ToUpper(api)} {
		if got := role.RoleID(appID); got != want {
			t.Errorf("role of %s: id %s, want %s as ever", appID, got, want)
		}
	}
	if got := (idp.AppRole{ID: clientSP, Value: "x"}).RoleID(api); got != clientSP {
		t.Errorf("a role with the id %s got another: %s", clientSP, got)
	}
	sub := func() string {
		tenant := idp.Acme()
		tenant.Applications[1].ServicePrincipal.ID = ""
		_, payload := decode(t, accessToken(t, tokenRequest(t, serve(t, idp.Config{Tenants: []idp.Tenant{tenant}}), acme, nil)))
		_, after, _ := strings.Cut(payload, `"sub":"`)
		return after[:36]
	}
	if a, b := sub(), sub(); a != b || a == clientSP {
		t.Errorf("sub %s, then %s", a, b)
	}
}

// manyTenants is a directory of many applications, each a client of one API.
func manyTenants(applications int) []idp.Tenant {
	t := idp.Acme()
	for i := range applications {
		t.Applications = append(t.Applications, idp.Application{
			AppID:               fmt.Sprintf("00000000-0000-4000-8000-%012d", i),
			PasswordCredentials: []idp.PasswordCredential{{SecretText: "secret"}},
			AppRoleAssignments:  []idp.AppRoleAssignment{{Resource: api, Roles: []string{"dev.environmentAdmin"}}},
		})
	}
	return []idp.Tenant{t}
}

// Another directory has other tenants and the same keys, also those that are put
// into use later.
func TestWithTenants(t *testing.T) {
	s := newServer(t, idp.Config{PublicURL: "http://idp.test"})
	tenant := idp.Acme()
	tenant.Applications[1].PasswordCredentials[0].SecretText = "changed"
	other, err := s.WithTenants([]idp.Tenant{tenant})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := idp.GenerateKeys(now)
	if err != nil {
		t.Fatal(err)
	}
	s.Rotate(fresh)
	for name, tc := range map[string]struct {
		server *idp.Server
		secret string
		want   string
	}{
		"the old secret, before": {s, secret, ""}, "the new secret, before": {s, "changed", "AADSTS7000215"},
		"the old secret, after": {other, secret, "AADSTS7000215"}, "the new secret, after": {other, "changed", ""},
	} {
		r, err := tc.server.Token(t.Context(), "http://idp.test", idp.TokenRequest{Tenant: acme, ClientID: client, ClientSecret: tc.secret, Scope: "api://" + api + "/.default"})
		if (err == nil) != (tc.want == "") || err != nil && !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if err != nil {
			continue
		}
		if header, _ := decode(t, r.AccessToken); !strings.Contains(header, fresh.Signer().ID) {
			t.Errorf("%s: header %s, want the kid %s", name, header, fresh.Signer().ID)
		}
	}
	var mistake *idp.ConfigError
	if _, err := s.WithTenants([]idp.Tenant{{ID: "acme"}}); !errors.As(err, &mistake) || mistake.Field != "tenants[0].id" {
		t.Errorf("%v, want a mistake at tenants[0].id", err)
	}
	if acme, err := s.WithTenants(nil); err != nil || acme.TenantID(idp.Acme().ID) == "" {
		t.Errorf("nil is not Acme: %v", err)
	}
}
