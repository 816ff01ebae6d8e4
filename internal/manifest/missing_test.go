package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool"
)

const graphID = "00000003-0000-0000-c000-000000000000"

// requestJSON is a requested permission of a type, Role or Scope.
func requestJSON(api, kind string) string {
	return `, "requiredResourceAccess": [{"resourceAppId": "` + api + `", "resourceAccess": [{"id": "` + writeRole + `", "type": "` + kind + `"}]}]`
}

// TestMustAndMay has a row for each place that is asked for: whether it is
// required, or not asked for at all.
func TestMustAndMay(t *testing.T) {
	const valid, expired = `"endDateTime": "2099-01-01T00:00:00Z"`, `"endDateTime": "2021-01-01T00:00:00Z"`
	const pure = writerRole + `, "api": {"requestedAccessTokenVersion": 2}`
	for _, tc := range []struct {
		reason, file string
		field        string // of the first application
		want         string // must, may or never
	}{
		{"a valid secret", appJSON(clientID, `, "passwordCredentials": [{`+valid+`}]`), "passwordCredentials[0].secretText", "must"},
		{"an expired secret", appJSON(clientID, `, "passwordCredentials": [{`+expired+`}]`), "passwordCredentials[0].secretText", "may"},
		{"a valid certificate", appJSON(clientID, `, "keyCredentials": [{`+valid+`}]`), "keyCredentials[0].key", "must"},
		{"an expired certificate", appJSON(clientID, `, "keyCredentials": [{`+expired+`}]`), "keyCredentials[0].key", "may"},
		{"the token version, which decides about the issuer", spJSON(apiID, apiSP, tenantID, writerRole), "api.requestedAccessTokenVersion", "must"},
		{"an object id, which idpool can make up", appJSON(apiID, ""), "servicePrincipal.id", "may"},
		{"assignments of a client that requests roles", appJSON(clientID, requestJSON(apiID, "Role")), "appRoleAssignments", "must"},
		{"assignments of a client that requests none", appJSON(clientID, `, "passwordCredentials": [{}]`), "appRoleAssignments", "may"},
		{"assignments of a pure API", appJSON(apiID, pure), "appRoleAssignments", "never"},
		{"assignments of an API whose portal added User.Read", appJSON(apiID, pure+requestJSON(graphID, "Scope")), "appRoleAssignments", "never"},
		{"assignments of an API that calls another", appJSON(apiID, pure+requestJSON(graphID, "Role")), "appRoleAssignments", "must"},
		{"federated credentials of a client", appJSON(clientID, ""), "federatedIdentityCredentials", "may"},
		{"federated credentials of a pure API", appJSON(apiID, pure), "federatedIdentityCredentials", "never"},
		{"federated credentials of an API whose portal added User.Read", appJSON(apiID, pure+requestJSON(graphID, "Scope")), "federatedIdentityCredentials", "never"},
		{"an API whose roles are requested", appJSON(clientID, requestJSON(apiID, "Role")), "requiredResourceAccess[0].resourceAppId", "may"},
		{"an API of which people delegate: no app-only token has it", appJSON(clientID, requestJSON(graphID, "Scope")), "requiredResourceAccess[0].resourceAppId", "never"},
	} {
		r, err := importText(Config{TenantID: tenantID}, tc.file)
		if err != nil {
			t.Fatal(tc.reason, err)
		}
		got := "never"
		for _, f := range r.FillIn {
			if f.Field == "tenants[0].applications[0]."+tc.field {
				got = map[bool]string{true: "must", false: "may"}[f.Required]
			}
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s in\n%s", tc.reason, got, tc.want, list(r.FillIn))
		}
		checkText(t, r)
	}
}

// TestMustComesFirst, and of it the tenant's id, without which every token has
// the wrong issuer.
func TestMustComesFirst(t *testing.T) {
	r, err := importText(Config{}, appJSON(apiID, ""), appJSON(clientID, `, "passwordCredentials": [{}]`))
	if err != nil {
		t.Fatal(err)
	}
	first := r.FillIn[0]
	if first.Field != "tenants[0].id" || !first.Required || !strings.Contains(first.Message, "az account show --query tenantId") {
		t.Errorf("the first is %+v, want the tenant's id", first)
	}
	if !slices.IsSortedFunc(r.FillIn, FillIn.compare) || r.FillIn[len(r.FillIn)-1].Required || !r.FillIn[1].Required {
		t.Errorf("want what is required first:\n%s", list(r.FillIn))
	}
}

// TestOneHintAboutFederatedCredentials, however many clients there are.
func TestOneHintAboutFederatedCredentials(t *testing.T) {
	var files []string
	for _, digit := range "1234567" {
		files = append(files, appJSON(strings.ReplaceAll("dddddddd-dddd-4ddd-8ddd-dddddddddddd", "d", string(digit)), ""))
	}
	r, err := importText(Config{}, files...)
	if err != nil {
		t.Fatal(err)
	}
	text := list(r.FillIn)
	if n := strings.Count(text, "federated-credential list"); n != 1 {
		t.Errorf("%d hints, want 1:\n%s", n, text)
	}
	for _, want := range []string{"11111111-1111-4111-8111-111111111111 (", "55555555-5555-4555-8555-555555555555 (", ", 2 more"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// TestAnInventedCertificate: who fills in one of their own and keeps the
// thumbprint of the exported one is refused, so that the list has to say it.
func TestAnInventedCertificate(t *testing.T) {
	r, err := importText(Config{}, example(t, "client.json"))
	if err != nil {
		t.Fatal(err)
	}
	const thumbprint = "            customKeyIdentifier: 52F1A7C09B3E4D8861F0E2D4C6B8A09182736455\n"
	text := strings.Replace(string(r.YAML()), `key: "" # FILL IN: the certificate`, `key: `+testCertificate(t)+` #`, 1)
	if _, err := idpool.Parse("import", []byte(text)); err == nil || !strings.Contains(err.Error(), "customKeyIdentifier") {
		t.Errorf("with the old thumbprint: %v, want a refusal of it", err)
	}
	if _, err := idpool.Parse("import", []byte(strings.Replace(text, thumbprint, "", 1))); err != nil {
		t.Errorf("as the list says: %v", err)
	}
	if !strings.Contains(list(r.FillIn), "an invented certificate is fine, but then delete customKeyIdentifier") {
		t.Errorf("the list does not say it:\n%s", list(r.FillIn))
	}
}

// TestAnEmptyListOfNobody does not say that there are no assignments, and is
// not passed over in silence.
func TestAnEmptyListOfNobody(t *testing.T) {
	r, err := importText(Config{}, appJSON(clientID, ""), spJSON(clientID, clientSP, tenantID, ""), `{"value": []}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"c.json: the list value is empty and does not say of whom (no @odata.context)", "has no roles yet"} {
		if !strings.Contains(list(r.FillIn), want) {
			t.Errorf("no %q in\n%s", want, list(r.FillIn))
		}
	}
}
