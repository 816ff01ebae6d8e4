package manifest

import (
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// TestLeftOut has a row for what Azure allows and idp refuses: the smallest part
// of it goes, the rest stays, and the list says what went.
func TestLeftOut(t *testing.T) {
	role := func(value string) string {
		return `{"id": "` + writeRole + `", "displayName": "Writer", "value": ` + value + `}`
	}
	const other = `{"id": "6f0e1d2c-3b4a-4958-8776-655443322110", "displayName": "Reader", "value": "Read"}`
	for _, tc := range []struct {
		reason, field string
		field2        string // where the list says it
		message       string
		kept          func(idp.Application) bool
	}{
		{"a role without a value", `, "appRoles": [` + role("null") + `,` + other + `]`, "appRoles", `"Writer" left out`,
			func(a idp.Application) bool { return len(a.AppRoles) == 1 && a.AppRoles[0].Value == "Read" }},
		{"a role with spaces", `, "appRoles": [` + other + `,` + role(`"a b"`) + `]`, "appRoles", `"Writer" left out`,
			func(a idp.Application) bool { return len(a.AppRoles) == 1 && a.AppRoles[0].Value == "Read" }},
		{"two in one list", `, "appRoles": [` + role("null") + `,` + other + `,` + role(`""`) + `]`, "appRoles", `"Writer" left out`,
			func(a idp.Application) bool { return len(a.AppRoles) == 1 && a.AppRoles[0].Value == "Read" }},
		{"a member type of a later Azure: the role goes, not the word", `, "appRoles": [{"displayName": "Agent", "value": "x", "allowedMemberTypes": ["Agent"]}]`, "appRoles", `"Agent" left out`,
			func(a idp.Application) bool { return a.AppRoles == nil }},
		{"an App ID URI that is none", `, "identifierUris": ["api://x", "x"]`, "identifierUris", `"x" left out`,
			func(a idp.Application) bool { return len(a.IdentifierURIs) == 1 && a.IdentifierURIs[0] == "api://x" }},
		{"an unknown audience", `, "signInAudience": "Everybody"`, "signInAudience", "left out",
			func(a idp.Application) bool { return a.SignInAudience == "" }},
		{"a secret whose end is before its beginning", `, "passwordCredentials": [{"displayName": "back", "startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2025-01-01T00:00:00Z"}]`, "passwordCredentials", `"back" left out`,
			func(a idp.Application) bool { return len(a.PasswordCredentials) == 0 }},
		{"a permission of another type", `, "requiredResourceAccess": [{"resourceAppId": "` + unknown + `", "resourceAccess": [{"id": "` + writeRole + `", "type": "Odd"}]}]`, "requiredResourceAccess[0].resourceAccess", "left out",
			func(a idp.Application) bool { return len(a.RequiredResourceAccess) == 1 }},
		{"a flexible federated credential, which has no subject", `, "federatedIdentityCredentials": [{"name": "flexible", "issuer": "https://a.example", "audiences": ["x"], "subject": null}]`, "federatedIdentityCredentials", `"flexible" left out`,
			func(a idp.Application) bool { return len(a.FederatedIdentityCredentials) == 0 }},
	} {
		text := strings.Replace(appJSON(apiID, tc.field), `"identifierUris": [], "identifierUris"`, `"identifierUris"`, 1)
		r, err := importText(Config{TenantID: tenantID}, text)
		if err != nil {
			t.Errorf("%s: %v", tc.reason, err)
			continue
		}
		if a := applicationOf(t, r, apiID); !tc.kept(a) {
			t.Errorf("%s: %+v", tc.reason, a)
		}
		said := false
		for _, f := range r.FillIn {
			said = said || f.Field == "tenants[0].applications[0]."+tc.field2 && strings.Contains(f.Message, tc.message) && f.Line > 0
		}
		if !said {
			t.Errorf("%s: to fill in:\n%swant %s: %s", tc.reason, list(r.FillIn), tc.field2, tc.message)
		}
		checkText(t, r)
	}
}

// TestAnAssignmentOfARoleThatIsLeftOut stays as an assignment, with the roles
// that idpool can have.
func TestAnAssignmentOfARoleThatIsLeftOut(t *testing.T) {
	const read = "6f0e1d2c-3b4a-4958-8776-655443322110"
	api := appJSON(apiID, `, "appRoles": [{"id": "`+writeRole+`", "value": "a b"}, {"id": "`+read+`", "value": "Read"}]`)
	r, err := importText(Config{}, api, appJSON(clientID, ""), spJSON(apiID, apiSP, tenantID, ""), spJSON(clientID, clientSP, tenantID, ""),
		assignmentJSON(clientSP, apiSP, writeRole), assignmentJSON(clientSP, apiSP, read))
	if err != nil {
		t.Fatal(err)
	}
	got := applicationOf(t, r, clientID).AppRoleAssignments
	if len(got) != 1 || len(got[0].Roles) != 1 || got[0].Roles[0] != "Read" {
		t.Errorf("%+v, want the role Read", got)
	}
	checkText(t, r)
}

// TestAForeignNameThatIsTaken: the App ID URI goes when it alone is wrong. When
// it belongs to an application of the tenant, the foreign one has to go.
func TestAForeignNameThatIsTaken(t *testing.T) {
	const foreign = "c7d8e9f0-a1b2-4c3d-8e4f-5a6b7c8d9e0f"
	home := []string{strings.Replace(appJSON(apiID, ""), "[]", `["api://orders"]`, 1), spJSON(apiID, apiSP, tenantID, "")}
	for _, tc := range []struct {
		name, uri  string
		principals int
	}{
		{"no URI", `"a:b c"`, 1},
		{"one of the tenant's", `"api://orders"`, 0},
		{"its own", `"api://theirs"`, 1},
	} {
		r, err := importText(Config{}, append(home, spJSON(clientID, clientSP, foreign, `, "servicePrincipalNames": [`+tc.uri+`]`))...)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if n := len(r.Tenants[0].ServicePrincipals); n != tc.principals {
			t.Errorf("%s: %d foreign service principals, want %d\n%s", tc.name, n, tc.principals, list(r.FillIn))
		}
		if said := strings.Contains(list(r.FillIn), "left out"); said != (tc.name != "its own") {
			t.Errorf("%s: to fill in:\n%s", tc.name, list(r.FillIn))
		}
		checkText(t, r)
	}
}

// TestNothingToImport: lists without an application are a refusal that says what
// is needed besides.
func TestNothingToImport(t *testing.T) {
	for _, files := range [][]string{nil, {"[]"}, {`{"value": []}`, "[] []"}, {assignmentJSON(clientSP, apiSP, writeRole)}} {
		r, err := importText(Config{}, files...)
		if r != nil || err == nil || !strings.Contains(err.Error(), "manifest: ") {
			t.Errorf("%q: %v", files, err)
		}
		if len(files) > 0 && !strings.Contains(err.Error(), `az ad app show --id`) {
			t.Errorf("%q: %v, want what to give", files, err)
		}
	}
}

// TestIgnored names what had a value and is not taken over, and nothing else.
func TestIgnored(t *testing.T) {
	r, err := importText(Config{}, appJSON(apiID, `, "tags": ["x"], "web": {"redirectUris": [], "logoutUrl": null}, "spa": {"redirectUris": ["https://x"]},
		"parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
		"servicePrincipalLockConfiguration": {"isEnabled": true, "allProperties": true, "credentialsWithUsageVerify": true, "credentialsWithUsageSign": true,
			"identifierUris": false, "tokenEncryptionKeyId": true},
		"notes": "", "isFallbackPublicClient": false, "odd\u001b": 1, "api": {"acceptMappedClaims": true}, "@odata.id": "x", "logo@odata.mediaEditLink": "y"`))
	if err != nil {
		t.Fatal(err)
	}
	const want = "application.api.acceptMappedClaims application.odd? application.spa application.tags"
	if got := strings.Join(r.Ignored, " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestIgnoredDefaults: what the portal gives every application is named only
// when somebody has set it to something else.
func TestIgnoredDefaults(t *testing.T) {
	for field, named := range map[string]bool{
		`"parentalControlSettings": {"legalAgeGroupRule": "Allow"}`:                                               false,
		`"parentalControlSettings": {"legalAgeGroupRule": "BlockMinors"}`:                                         true,
		`"parentalControlSettings": {"legalAgeGroupRule": "Allow", "countriesBlockedForMinors": ["DE"]}`:          true,
		`"servicePrincipalLockConfiguration": {"isEnabled": false, "allProperties": true}`:                        false,
		`"servicePrincipalLockConfiguration": {"isEnabled": true, "allProperties": true, "identifierUris": true}`: true,
		`"servicePrincipalLockConfiguration": {"isEnabled": true, "ofALaterAzure": "x"}`:                          true,
		`"servicePrincipalLockConfiguration": true`:                                                               true,
	} {
		r, err := importText(Config{}, appJSON(apiID, ", "+field))
		if err != nil {
			t.Fatal(field, err)
		}
		if got := len(r.Ignored) > 0; got != named {
			t.Errorf("%s: ignored is %q", field, r.Ignored)
		}
	}
}

// TestDisabled: accountEnabled as Graph has it and as az printed it.
func TestDisabled(t *testing.T) {
	for text, disabled := range map[string]bool{`false`: true, `"False"`: true, `true`: false, `"True"`: false, `null`: false} {
		r, err := importText(Config{}, appJSON(apiID, ""), spJSON(apiID, apiSP, tenantID, `, "accountEnabled": `+text))
		if err != nil {
			t.Fatal(text, err)
		}
		enabled := applicationOf(t, r, apiID).ServicePrincipal.AccountEnabled
		if got := enabled != nil && !*enabled; got != disabled {
			t.Errorf("accountEnabled %s: disabled is %v", text, got)
		}
	}
}
