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

func TestEachMistakeInTheDirectoryIsRefused(t *testing.T) {
	three := 3
	for _, tc := range []struct {
		name   string
		change func(*idp.Tenant)
		want   string
	}{
		{"a tenant id that is no GUID", func(t *idp.Tenant) { t.ID = "acme" }, `tenants[0].id: "acme" is no GUID`},
		{"a GUID in braces", func(t *idp.Tenant) { t.ID = "{" + acme + "}" }, `is no GUID`},
		{"a domain that is none", func(t *idp.Tenant) { t.Domains = []string{"acme"} }, `tenants[0].domains[0]: "acme" is no domain name`},
		{"a domain twice", func(t *idp.Tenant) { t.Domains = []string{"a.com", "A.com"} }, `tenants[0].domains[1]: domain "A.com" occurs twice`},
		{"two apps with one appId", func(t *idp.Tenant) { t.Applications[1].AppID = strings.ToUpper(api) }, `tenants[0].applications[1].appId: appId "` + strings.ToUpper(api) + `" occurs twice`},
		{"no appId", func(t *idp.Tenant) { t.Applications[1].AppID = "" }, `tenants[0].applications[1].appId: "" is no GUID`},
		{"a service principal id that is no GUID", func(t *idp.Tenant) { t.Applications[1].ServicePrincipal.ID = "x" }, `applications[1].servicePrincipal.id: "x" is no GUID`},
		{"one URI for two apps", func(t *idp.Tenant) { t.Applications[1].IdentifierURIs = t.Applications[0].IdentifierURIs }, `applications[1].identifierUris[0]: identifierUri "api://` + api + `" belongs to application "` + api + `" already`},
		{"a URI that is none", func(t *idp.Tenant) { t.Applications[0].IdentifierURIs = []string{"kafka"} }, `applications[0].identifierUris[0]: "kafka" is no URI`},
		{"a token version that does not exist", func(t *idp.Tenant) { t.Applications[0].API.RequestedAccessTokenVersion = &three }, `applications[0].api.requestedAccessTokenVersion: 3 is no token version`},
		{"the same under the old name", func(t *idp.Tenant) { t.Applications[0].AccessTokenAcceptedVersion = &three }, `applications[0].accessTokenAcceptedVersion: 3 is no token version`},
		{"a role without value", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].Value = "" }, `applications[0].appRoles[1].value: "" is no role value`},
		{"a role twice", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].Value = "dev.environmentAdmin" }, `applications[0].appRoles[1].value: role "dev.environmentAdmin" occurs twice`},
		{"a role id that is no GUID", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].ID = "1" }, `applications[0].appRoles[1].id: "1" is no GUID`},
		{"an unknown member type", func(t *idp.Tenant) { t.Applications[0].AppRoles[1].AllowedMemberTypes = []string{"Group"} }, `applications[0].appRoles[1].allowedMemberTypes[0]: "Group" is no member type`},
		{"a secret as Azure exports it", func(t *idp.Tenant) { t.Applications[1].PasswordCredentials[0].SecretText = "" }, `applications[1].passwordCredentials[0].secretText: is missing: Azure never exports a secret`},
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
			_, err := idp.New(idp.Config{Tenants: []idp.Tenant{tenant}})
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
	tenant.Applications[1].PasswordCredentials[0].SecretText = ""
	_, err := idp.New(idp.Config{Tenants: []idp.Tenant{tenant, idp.Acme(), idp.Acme()}})
	if err == nil {
		t.Fatal("accepted")
	}
	// id, domain, role value, the role now missing, secret; and of the third
	// tenant its id and its domain, which the second has.
	if got := mistakes(t, err); len(got) != 7 {
		t.Errorf("%d mistakes, want 7: %q", len(got), got)
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
