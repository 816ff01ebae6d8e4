package manifest

import (
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

const (
	tenantID  = "3b7e2a54-91c6-4e0f-8a1d-5f62c9d0e7b3"
	apiID     = "5d1c3f0a-72be-4d19-9c6e-08f4a1b2d3c7"
	clientID  = "81f6b3e9-4c2d-4b7a-a5e8-d90c1f2e3b46"
	apiSP     = "c04f7d21-5e8b-4a63-9d17-3a2b1c0d9e8f"
	clientSP  = "f7a61b9c-3d82-4e5f-96c0-1b2a3c4d5e6f"
	writeRole = "d2b94c85-6e17-43fa-8c0d-9a8b7c6d5e4f"
	unknown   = "11111111-2222-4333-8444-555555555555"
)

// The least that tells each kind, to put cases together of.
func appJSON(id, more string) string {
	return `{"appId": "` + id + `", "identifierUris": []` + more + `}`
}
func spJSON(id, object, owner, more string) string {
	return `{"appId": "` + id + `", "id": "` + object + `", "servicePrincipalType": "Application", "appOwnerOrganizationId": "` + owner + `"` + more + `}`
}
func assignmentJSON(principal, resource, role string) string {
	return `{"principalId": "` + principal + `", "principalType": "ServicePrincipal", "principalDisplayName": "orders-service", "resourceId": "` + resource +
		`", "resourceDisplayName": "Kafka", "appRoleId": "` + role + `"}`
}

const writerRole = `, "appRoles": [{"id": "` + writeRole + `", "value": "Write", "allowedMemberTypes": ["Application"], "isEnabled": true}]`

func applicationOf(t *testing.T, r *Result, appID string) idp.Application {
	t.Helper()
	for _, a := range r.Tenants[0].Applications {
		if a.AppID == appID {
			return a
		}
	}
	t.Fatalf("no application %s in %+v", appID, r.Tenants)
	return idp.Application{}
}

// TestAssignments resolves each, or says what file is missing.
func TestAssignments(t *testing.T) {
	api, client := appJSON(apiID, writerRole), appJSON(clientID, "")
	apiSPJSON, clientSPJSON := spJSON(apiID, apiSP, tenantID, ""), spJSON(clientID, clientSP, tenantID, "")
	for _, tc := range []struct {
		name  string
		files []string
		want  []idp.AppRoleAssignment
		note  string // in the list of what to fill in
	}{
		{"a role", []string{api, client, apiSPJSON, clientSPJSON, assignmentJSON(clientSP, apiSP, writeRole)}, []idp.AppRoleAssignment{{Resource: apiID, Roles: []string{"Write"}}}, ""},
		{"ids in capitals", []string{api, client, apiSPJSON, clientSPJSON, assignmentJSON(strings.ToUpper(clientSP), strings.ToUpper(apiSP), strings.ToUpper(writeRole))}, []idp.AppRoleAssignment{{Resource: apiID, Roles: []string{"Write"}}}, ""},
		{"any order", []string{assignmentJSON(clientSP, apiSP, writeRole), clientSPJSON, client, apiSPJSON, api}, []idp.AppRoleAssignment{{Resource: apiID, Roles: []string{"Write"}}}, ""},
		{"the same twice", []string{api, client, apiSPJSON, clientSPJSON, assignmentJSON(clientSP, apiSP, writeRole), assignmentJSON(clientSP, apiSP, writeRole)}, []idp.AppRoleAssignment{{Resource: apiID, Roles: []string{"Write"}}}, ""},
		{"zeros: assigned without a role", []string{api, client, apiSPJSON, clientSPJSON, assignmentJSON(clientSP, apiSP, zeroID)}, []idp.AppRoleAssignment{{Resource: apiID, Roles: []string{}}}, ""},
		{"the API's service principal is missing", []string{api, client, clientSPJSON, assignmentJSON(clientSP, apiSP, writeRole)}, nil, `the API "Kafka" was not taken over, since its service principal is in no file: az ad sp show --id ` + apiSP},
		{"the client's service principal is missing", []string{api, client, apiSPJSON, assignmentJSON(clientSP, apiSP, writeRole)}, nil, `the assignment of "orders-service" was not taken over, since its service principal is in no file: az ad sp show --id ` + clientSP},
		{"a role that the API does not have (any more)", []string{api, client, apiSPJSON, clientSPJSON, assignmentJSON(clientSP, apiSP, unknown)}, nil, "has no role with the id " + unknown},
		{"of a group, which no app-only token shows", []string{api, client, apiSPJSON, clientSPJSON, strings.Replace(assignmentJSON(clientSP, apiSP, writeRole), `"ServicePrincipal"`, `"Group"`, 1)}, nil, "has no roles yet"},
		{"none, and the list is there", []string{client, clientSPJSON, `{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#servicePrincipals('` + clientSP + `')/appRoleAssignments", "value": []}`}, nil, ""},
		{"none, and no list", []string{client, clientSPJSON}, nil, "https://graph.microsoft.com/v1.0/servicePrincipals/" + clientSP + "/appRoleAssignments"},
	} {
		r, err := importText(Config{}, tc.files...)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		got := applicationOf(t, r, clientID).AppRoleAssignments
		same := slices.EqualFunc(got, tc.want, func(a, b idp.AppRoleAssignment) bool {
			return a.Resource == b.Resource && slices.Equal(a.Roles, b.Roles)
		})
		if !same {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
		about := func(f FillIn) bool {
			return strings.Contains(f.Message, "taken over") || strings.Contains(f.Message, "no roles yet")
		}
		switch i := slices.IndexFunc(r.FillIn, about); {
		case tc.note == "" && i >= 0:
			t.Errorf("%s: to fill in: %s", tc.name, r.FillIn[i].Message)
		case tc.note != "" && (i < 0 || !strings.Contains(list(r.FillIn), tc.note)):
			t.Errorf("%s: to fill in:\n%swant %q", tc.name, list(r.FillIn), tc.note)
		}
	}
}

// TestTheTenant is found in the order that the files can be trusted in.
func TestTheTenant(t *testing.T) {
	const other = "c7d8e9f0-a1b2-4c3d-8e4f-5a6b7c8d9e0f"
	app, home := appJSON(apiID, ""), spJSON(apiID, apiSP, tenantID, "")
	foreign := spJSON(clientID, clientSP, other, "")
	microsoft := spJSON("00000003-0000-0000-c000-000000000000", unknown, microsoftServices, "")
	for _, tc := range []struct {
		name, flag string
		files      []string
		want       string // empty means refused
		words      string // of the error or the list
	}{
		{"the flag", tenantID, []string{app}, tenantID, ""},
		{"the owner of a registration that was exported", "", []string{app, home, foreign}, tenantID, ""},
		{"the only owner", "", []string{foreign}, other, ""},
		{"Microsoft's own do not count", "", []string{home, microsoft}, tenantID, ""},
		{"nothing tells", "", []string{app}, zeroID, "az account show --query tenantId"},
		{"only Microsoft's own", "", []string{microsoft, app}, zeroID, "az account show --query tenantId"},
		{"several owners, and no registration", "", []string{home, foreign}, zeroID, "several tenants, " + tenantID + ", " + other},
		{"the flag settles that", other, []string{home, foreign}, other, ""},
		{"the flag contradicts", other, []string{app, home}, "", "import one tenant at a time"},
		{"registrations of two tenants", "", []string{app, home, appJSON(clientID, ""), foreign}, "", "import one tenant at a time"},
		{"the flag is no GUID", "contoso.onmicrosoft.com", []string{app}, "", `"contoso.onmicrosoft.com" is no tenant id`},
	} {
		r, err := importText(Config{TenantID: tc.flag, TenantName: "Contoso"}, tc.files...)
		if tc.want == "" {
			if err == nil || !strings.Contains(err.Error(), tc.words) {
				t.Errorf("%s: %v, want %q", tc.name, err, tc.words)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if r.Tenants[0].ID != tc.want || r.Tenants[0].DisplayName != "Contoso" {
			t.Errorf("%s: tenant %q %q, want %q", tc.name, r.Tenants[0].ID, r.Tenants[0].DisplayName, tc.want)
		}
		if !strings.Contains(list(r.FillIn), tc.words) {
			t.Errorf("%s: to fill in:\n%swant %q", tc.name, list(r.FillIn), tc.words)
		}
	}
}

// TestTheSameTwice: exports that agree are one, those that do not are refused.
func TestTheSameTwice(t *testing.T) {
	api := example(t, "api.json")
	for _, tc := range []struct {
		name, a, b, refused string
	}{
		{"the very same", api, api, ""},
		{"from the portal and from az", api, strings.Replace(api, `"api":`, `"Api":`, 1), ""},
		{"appId in capitals", api, strings.ReplaceAll(api, apiID, strings.ToUpper(apiID)), "another identifierUris"},
		{"a part of it, as $select gives", api, appJSON(apiID, ""), ""},
		{"another version", api, strings.Replace(api, `"requestedAccessTokenVersion": 2`, `"requestedAccessTokenVersion": 1`, 1), "b.json: the application \"" + apiID + "\" is in a.json too, with another api.requestedAccessTokenVersion"},
		{"another role", api, strings.Replace(api, `"Kafka.Orders.Write"`, `"Kafka.Orders.Put"`, 1), "with another appRoles.value"},
		{"a role less", appJSON(apiID, writerRole), appJSON(apiID, `, "appRoles": [{"id": "`+writeRole+`", "value": "Write"}, {"value": "Read"}]`), "with another appRoles"},
		{"another service principal", spJSON(apiID, apiSP, tenantID, ""), spJSON(apiID, clientSP, tenantID, ""), "the service principal of \"" + apiID + "\" is in a.json too, with another id"},
	} {
		r, err := importText(Config{}, tc.a, tc.b)
		switch {
		case tc.refused == "" && err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.refused == "" && len(r.Tenants[0].Applications) != 1:
			t.Errorf("%s: %d applications, want 1", tc.name, len(r.Tenants[0].Applications))
		case tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused)):
			t.Errorf("%s: %v, want %q", tc.name, err, tc.refused)
		}
	}
}

// TestTheKeyComesLater: Graph gives a certificate only when asked for it, which
// is a second file about the same application.
func TestTheKeyComesLater(t *testing.T) {
	client := example(t, "client.json")
	const keyID = "94c3b2a1-0f1e-4d2c-8b3a-495867768594"
	key := `{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications(appId,keyCredentials)/$entity", "appId": "` + clientID +
		`", "keyCredentials": [{"keyId": "` + keyID + `", "key": "` + testCertificate(t) + `"}]}`
	// The thumbprint of the example is invented; that of the certificate is another.
	client = strings.Replace(client, `"52F1A7C09B3E4D8861F0E2D4C6B8A09182736455"`, "null", 1)
	r, err := importText(Config{}, client, key)
	if err != nil {
		t.Fatal(err)
	}
	keys := applicationOf(t, r, clientID).KeyCredentials
	if len(keys) != 1 || keys[0].Key != testCertificate(t) || keys[0].DisplayName != "CN=orders-service" {
		t.Errorf("%d certificates, with %+v", len(keys), keys)
	}
	if strings.Contains(list(r.FillIn), "keyCredentials") {
		t.Errorf("still to fill in:\n%s", list(r.FillIn))
	}
}

// TestFederated credentials do not name their application.
func TestFederated(t *testing.T) {
	const credential = `{"name": "github", "issuer": "https://token.actions.githubusercontent.com", "subject": "repo:x/y:ref:refs/heads/main", "audiences": ["api://AzureADTokenExchange"]}`
	object := "2e5d8c71-9fa4-4036-8b1c-7e6f5d4c3b2a"
	page := func(path string) string {
		return `{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications(` + path + `)/federatedIdentityCredentials", "value": [` + credential + `]}`
	}
	one, two := appJSON(clientID, `, "id": "`+object+`"`), appJSON(apiID, "")
	for _, tc := range []struct {
		name  string
		files []string
		of    string // the application that gets it; empty: not placed
	}{
		{"one application among the files", []string{one, "[" + credential + "]"}, clientID},
		{"in one file with its application", []string{one + "[" + credential + "]", two}, clientID},
		{"Graph names the object", []string{one, two, page("'" + object + "'")}, clientID},
		{"Graph names the appId", []string{one, two, page("appId='" + apiID + "'")}, apiID},
		{"inside of the application, as $expand gives", []string{appJSON(clientID, `, "federatedIdentityCredentials": [`+credential+`]`), two}, clientID},
		{"given twice", []string{one + credential, credential + one}, clientID},
		{"two applications, and it names none", []string{one, two, credential}, ""},
		{"in one file with two applications", []string{one + two + credential}, ""},
		{"Graph names another", []string{one, page("'" + unknown + "'")}, ""},
	} {
		r, err := importText(Config{}, tc.files...)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		for _, a := range r.Tenants[0].Applications {
			want := 0
			if a.AppID == tc.of {
				want = 1
			}
			if len(a.FederatedIdentityCredentials) != want {
				t.Errorf("%s: %d credentials at %s, want %d", tc.name, len(a.FederatedIdentityCredentials), a.AppID, want)
			}
		}
		said := strings.Contains(list(r.FillIn), `the federated credential "github" (issuer "https://token.actions.githubusercontent.com") does not say its application`)
		if said != (tc.of == "") {
			t.Errorf("%s: to fill in:\n%s", tc.name, list(r.FillIn))
		}
	}
}

// TestSecretsAtTheServicePrincipal: az once put them there, and Azure takes them
// from either place.
func TestSecretsAtTheServicePrincipal(t *testing.T) {
	const secrets = `, "passwordCredentials": [{"keyId": "7b0a9c8d-1e2f-4304-9516-a7b8c9d0e1f2", "hint": "abc"}]`
	for name, files := range map[string][]string{
		"only there":      {appJSON(clientID, ""), spJSON(clientID, clientSP, tenantID, secrets)},
		"repeated":        {appJSON(clientID, secrets), spJSON(clientID, clientSP, tenantID, secrets)},
		"no registration": {spJSON(clientID, clientSP, tenantID, secrets)},
	} {
		r, err := importText(Config{}, files...)
		if err != nil {
			t.Fatal(err)
		}
		if got := applicationOf(t, r, clientID).PasswordCredentials; len(got) != 1 || got[0].Hint != "abc" {
			t.Errorf("%s: %+v, want the one secret", name, got)
		}
		if !strings.Contains(list(r.FillIn), "begins with abc") {
			t.Errorf("%s: to fill in:\n%s", name, list(r.FillIn))
		}
	}
}

func TestVersions(t *testing.T) {
	for _, tc := range []struct {
		field string
		want  int // 0 means none
	}{
		{`, "api": {"requestedAccessTokenVersion": 2}`, 2},
		{`, "Api": {"RequestedAccessTokenVersion": 1}`, 1},
		{`, "api": {"requestedAccessTokenVersion": null}`, 0},
		{`, "api": null`, 0},
		{`, "accessTokenAcceptedVersion": 2`, 2},
		{`, "accessTokenAcceptedVersion": null`, 0},
		{`, "requestedAccessTokenVersion": 2`, 2},
		{`, "api": {"requestedAccessTokenVersion": 3}`, 0}, // left out, and said
	} {
		r, err := importText(Config{}, appJSON(apiID, tc.field))
		if err != nil {
			t.Fatal(tc.field, err)
		}
		got := 0
		if v := applicationOf(t, r, apiID).API.RequestedAccessTokenVersion; v != nil {
			got = *v
		}
		if got != tc.want {
			t.Errorf("%s: %d, want %d", tc.field, got, tc.want)
		}
		if left := strings.Contains(list(r.FillIn), "3 is no token version"); left != strings.Contains(tc.field, "3") {
			t.Errorf("%s: to fill in:\n%s", tc.field, list(r.FillIn))
		}
	}
}
