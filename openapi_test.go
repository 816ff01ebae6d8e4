package idpool

import (
	"bufio"
	"context"
	"encoding/json"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/openapi/openapitest"
)

// TestOpenAPIDocument keeps docs/openapi.json equal to the endpoints.
func TestOpenAPIDocument(t *testing.T) {
	document, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "docs/openapi.json", document)
}

// TestAdminFieldDocs keeps adminfielddocs.json equal to the doc comments of the
// sources.
func TestAdminFieldDocs(t *testing.T) {
	found := map[string]string{}
	for _, file := range []string{
		"adminapi.go", "adminapplications.go", "adminclock.go", "admindecisions.go", "adminfaults.go", "adminjournal.go", "adminkeys.go",
		"adminpools.go", "adminproviders.go", "adminscopes.go", "adminstate.go", "admintenants.go", "admintokens.go", "openapi.go",
		"config.go", "kafkaconfig.go", "idp/application.go", "idp/directory.go", "pool/pool.go", "pool/role.go",
		"fault/fault.go", "forge/forge.go", "idp/tenantkeys.go", "idp/token.go", "journal/entry.go", "journal/filter.go", "validator/decision.go",
	} {
		collectTypeDocs(t, file, found)
	}
	for id := range found {
		if docs()[id] != "" {
			delete(found, id) // of fielddocs.json
		}
	}
	data, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "adminfielddocs.json", append(data, '\n'))
}

// collectTypeDocs takes the comments of types that have a JSON form, and of
// their fields.
func collectTypeDocs(t *testing.T, file string, into map[string]string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range parsed.Decls {
		general, isTypes := decl.(*ast.GenDecl)
		if !isTypes || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			one := spec.(*ast.TypeSpec)
			s, isStruct := one.Type.(*ast.StructType)
			fields := map[string]string{}
			if isStruct {
				fieldsOf(parsed.Name.Name+"."+one.Name.Name, s, fields)
			}
			if len(fields) == 0 || general.Doc == nil {
				continue
			}
			text := paragraph(general.Doc) // the document writes names of types with a capital
			into[parsed.Name.Name+"."+one.Name.Name] = strings.ToUpper(text[:1]) + text[1:]
			for id, text := range fields {
				// A comment that does not name the field is the one above it.
				if name := id[strings.LastIndexByte(id, '.')+1:]; strings.Contains(text, name) {
					into[id] = unlinked(text)
				}
			}
		}
	}
}

// paragraph is a doc comment as one paragraph.
func paragraph(doc *ast.CommentGroup) string {
	return unlinked(strings.Join(strings.Fields(doc.Text()), " "))
}

// unlinked is the text of a comment without the brackets of its links.
func unlinked(text string) string {
	parser := comment.Parser{LookupSym: func(string, string) bool { return true }}
	printer := comment.Printer{TextWidth: -1}
	return strings.TrimSpace(string(printer.Text(parser.Parse(text))))
}

// exchange is a request of the admin API with the answer that it must get.
type exchange struct {
	method, path, body string
	status             int
	want               string // a part of the answer
}

// mediaOf is the Content-Type that a request of the table has.
func mediaOf(method string) string {
	if method == http.MethodPatch {
		return mergePatch
	}
	return "application/json"
}

// askAdmin makes a request at the URL of an admin API.
func askAdmin(t testing.TB, base string, e exchange) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), e.method, base+e.path, strings.NewReader(e.body))
	if err != nil {
		t.Fatal(err)
	}
	if e.body != "" {
		r.Header.Set("Content-Type", mediaOf(e.method))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// askAll makes requests one after the other.
func askAll(t testing.TB, base string, all []exchange) {
	t.Helper()
	for _, e := range all {
		if status, body := askAdmin(t, base, e); status != e.status || !strings.Contains(body, e.want) {
			t.Errorf("%s %s %.200s: %d %s\nwant %d with %s", e.method, e.path, e.body, status, body, e.status, e.want)
		}
	}
}

// ofAnswer is a member of a JSON answer, by the names on the way to it.
func ofAnswer(t testing.TB, body string, names ...string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, name := range names {
		if list, isList := value.([]any); isList && len(list) > 0 {
			value = list[0]
		}
		members, _ := value.(map[string]any)
		value = members[name]
	}
	text, isText := value.(string)
	if !isText {
		t.Fatalf("%v is no text in %s", names, body)
	}
	return text
}

// TestOpenAPI makes every request that the document describes, and holds each
// with its answer against the document.
func TestOpenAPI(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	document, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	checker := openapitest.New(t, document)
	server := httptest.NewServer(checker.Middleware(s.adminHandler()))
	defer server.Close()
	fetchToken(t, s)
	for _, all := range [][]exchange{
		documentedState, documentedTokens, documentedClock, documentedFaults, documentedJournal, documentedTenants,
		documentedApplications, documentedPools, documentedConfig,
	} {
		askAll(t, server.URL, all)
	}
	askKeys(t, server.URL)
	askPasswords(t, server.URL)
	askScopes(t, server.URL)
	askStream(t, server.URL)
	server.Close() // waits for the stream
	for _, one := range checker.Uncovered() {
		t.Errorf("no request of the test has been successful at %s", one)
	}
}

const (
	tenantPath = "/v1/tenants/" + acmeTenant
	clientPath = tenantPath + "/applications/" + acmeClient
	otherGUID  = "11111111-2222-4333-8444-555555555555"
)

var documentedState = []exchange{
	{"GET", "/healthz", "", 200, `"ok"`},
	{"HEAD", "/healthz", "", 200, ""},
	{"GET", "/readyz", "", 200, `"ok"`},
	{"GET", "/v1/ca", "", 200, "BEGIN CERTIFICATE"},
	{"GET", "/metrics", "", 200, "# TYPE idpool_"},
	{"GET", "/openapi.json", "", 200, `"openapi": "3.1.0"`},
	{"GET", "/v1/nothing", "", 404, "GET /openapi.json says what it serves"},
	{"DELETE", "/v1/ca", "", 405, "does not take DELETE"},
}

var documentedTokens = []exchange{
	{"POST", "/v1/decisions", `{"token":"x","cluster":"lkc-acme","pool":"pool-dev"}`, 200, `"allowed":false`},
	{"POST", "/v1/decisions", `{"tokn":"x"}`, 400, `"field":"tokn"`},
	{"POST", "/v1/decisions", `{"token":"x","operation":"Read","resource":"topic=orders"}`, 200, `"name":"authorization"`},
	{"POST", "/v1/decisions", `{"token":"x","operation":"Rad","resource":"topic=orders"}`, 422, `"field":"operation"`},
	{"POST", "/v1/decisions", `{"token":"x","operation":"Read"}`, 422, `"field":"resource"`},
	{"POST", "/v1/decisions", `{"token":"x","unverified":true}`, 400, `"field":"unverified"`},
	{"POST", "/v1/identity-providers/op-acme/refresh-keys", "", 204, ""},
	{"POST", "/v1/identity-providers/op-x/refresh-keys", "", 404, "op-x"},
	{"POST", "/v1/tokens", `{}`, 201, `"access_token":"ey`},
	{"POST", "/v1/tokens", `{"clientId":"` + acmeClient + `","claims":{"sub":null,"x":[1]},"header":{"typ":"y"},"lifetime":"-5m","issuedAt":"2026-01-01T00:00:00Z"}`, 201, `"access_token":"ey`},
	{"POST", "/v1/tokens", `{"lifetime":5}`, 400, `"field":"lifetime"`},
	{"POST", "/v1/tokens", `{"lifetime":"-99999999h"}`, 400, `lifetime: \"-99999999h\" is longer than a duration can be`},
	{"POST", "/v1/tokens", `{"lifetime":"5 minutes"}`, 400, `lifetime: want a duration such as 30s or 5m, got \"5 minutes\"`},
	{"POST", "/v1/tokens", `{"clientId":"x"}`, 422, `"status":422`},
	{"POST", "/v1/tokens/broken", `{"names":["valid","expired"]}`, 201, `"name":"expired"`},
	{"POST", "/v1/tokens/broken", `{}`, 201, `"valid":true`},
	{"POST", "/v1/tokens/broken", `{"names":["expird"]}`, 422, `"field":"names"`},
}

var documentedClock = []exchange{
	{"GET", "/v1/clock", "", 200, `"frozen":false`},
	{"PUT", "/v1/clock", `{"now":"2030-01-01T00:00:00Z","frozen":true}`, 200, `"now":"2030-01-01T00:00:00Z","frozen":true`},
	{"POST", "/v1/clock/advance", `{"by":"1h"}`, 200, `"now":"2030-01-01T01:00:00Z"`},
	{"POST", "/v1/clock/advance", `{"by":"one hour"}`, 400, `"field":"by"`},
	{"POST", "/v1/clock/run", "", 200, `"frozen":false`},
	{"POST", "/v1/clock/freeze", "", 200, `"frozen":true`},
	{"POST", "/v1/clock/reset", "", 200, `"frozen":false,"offset":"0s"`},
}

var documentedFaults = []exchange{
	{"POST", "/v1/faults", `{"id":"f","endpoint":"token","status":503,"delay":"1ms","when":"count > 2","probability":0.5,"until":"2030-01-01T00:00:00Z"}`, 201, `"id":"f"`},
	{"POST", "/v1/faults", `{"endpoint":"token","status":503,"when":"cuont > 2"}`, 422, `"field":"when"`},
	{"POST", "/v1/faults", `{"endpoint":"token","status":"503"}`, 400, `"field":"status"`},
	{"GET", "/v1/faults", "", 200, `"injected":0`},
	{"GET", "/v1/faults/f", "", 200, `"matched":0`},
	{"GET", "/v1/faults/g", "", 404, `there is no fault`},
	{"DELETE", "/v1/faults/f", "", 204, ""},
	{"DELETE", "/v1/faults/f", "", 404, `there is no fault`},
	{"DELETE", "/v1/faults", "", 204, ""},
}

var documentedJournal = []exchange{
	{"GET", "/v1/journal", "", 200, `"endpoint":"token"`},
	{"GET", "/v1/journal?endpoint=token&outcome=ok&limit=1&after=0&tenant=" + acmeTenant + "&client_id=" + acmeClient, "", 200, `"outcome":"ok"`},
	{"GET", "/v1/journal?fault=none", "", 200, `{"entries":[]}`},
	{"GET", "/v1/journal?outcome=fine", "", 400, `"field":"outcome"`},
	{"POST", "/v1/journal/take", `{"outcome":"fine"}`, 400, `"field":"outcome"`},
	{"POST", "/v1/journal/take", `{"count":100000}`, 422, `"field":"count"`},
	{"GET", "/v1/journal?limit=many", "", 400, `"field":"limit"`},
	{"GET", "/v1/journal?clientid=x", "", 400, `did you mean`},
	{"GET", "/v1/journal?scope=none", "", 404, `"field":"scope"`},
	{"GET", "/v1/journal/count?endpoint=token", "", 200, `"count":`},
	{"GET", "/v1/journal/count?endpoint=tls", "", 200, `{"count":0,"total":`},
	{"POST", "/v1/journal/take", `{"endpoint":"token","count":1,"timeout":"5s"}`, 200, `"endpoint":"token"`},
	{"POST", "/v1/journal/take", `{"endpoint":"tls","timeout":"1ms"}`, 408, `"status":408`},
	{"POST", "/v1/journal/take", `{"timeout":"1h"}`, 422, `"field":"timeout"`},
	{"GET", "/v1/journal/stream?endpoint=x", "", 400, `"field":"endpoint"`},
	{"DELETE", "/v1/journal", "", 204, ""},
}

var documentedTenants = []exchange{
	{"GET", "/v1/tenants", "", 200, `{"tenants":[{"id":"` + acmeTenant},
	{"GET", tenantPath, "", 200, `"domains":["acmeexamples.onmicrosoft.com"]`},
	{"GET", "/v1/tenants/ACMEexamples.onmicrosoft.com", "", 200, acmeTenant},
	{"GET", "/v1/tenants/acmeexample.onmicrosoft.com", "", 404, `there is no tenant \"acmeexample.onmicrosoft.com\"`},
	{"GET", "/v1/tenants/" + acmeTenant[:35] + "7", "", 404, `did you mean \"` + acmeTenant},
	{"PUT", "/v1/tenants/" + otherGUID, `{"domains":["other.example"]}`, 201, `"id":"` + otherGUID},
	{"PUT", "/v1/tenants/other.example", `{"displayName":"Other","domains":["other.example"]}`, 200, `"id":"` + otherGUID},
	{"PUT", "/v1/tenants/" + otherGUID, `{"id":"` + acmeTenant + `"}`, 422, `"field":"id"`},
	{"PUT", "/v1/tenants/nobody", `{}`, 422, `"field":"id"`},
	{"PATCH", "/v1/tenants/other.example", `{"domains":["new.example"],"displayName":null}`, 200, `{"id":"` + otherGUID + `","domains":["new.example"]}`},
	{"PATCH", "/v1/tenants/none.example", `{}`, 404, "there is no tenant"},
	{"GET", tenantPath + "/servicePrincipals", "", 200, `{"servicePrincipals":[]}`},
	{"PUT", tenantPath + "/servicePrincipals/" + otherGUID, `{"servicePrincipalType":"ManagedIdentity","displayName":"vm"}`, 201, `"ManagedIdentity"`},
	{"PATCH", tenantPath + "/servicePrincipals/" + otherGUID, `{"accountEnabled":false}`, 200, `"accountEnabled":false`},
	{"PATCH", tenantPath + "/servicePrincipals/" + otherGUID, `{"servicePrincipalType":"Robot"}`, 422, `"field":"servicePrincipalType"`},
	{"GET", tenantPath + "/servicePrincipals/" + otherGUID, "", 200, `"displayName":"vm"`},
	{"DELETE", tenantPath + "/servicePrincipals/" + otherGUID, "", 204, ""},
	{"DELETE", tenantPath + "/servicePrincipals/" + otherGUID, "", 404, "there is no service principal"},
	{"DELETE", "/v1/tenants/new.example", "", 204, ""},
	{"DELETE", tenantPath, "", 422, `"field":"identityProviders[0].tenant"`},
}

var documentedApplications = []exchange{
	{"GET", tenantPath + "/applications", "", 200, `{"applications":[{"appId":"`},
	{"GET", "/v1/tenants/x/applications", "", 404, `"field":"tenant"`},
	{"GET", clientPath, "", 200, `"displayName":"Acme client"`},
	{"PUT", tenantPath + "/applications/" + otherGUID, `{"displayName":"new","appRoles":[{"value":"a"}],"claims":{"x":[1,null]}}`, 201, `"appId":"` + otherGUID},
	{"PUT", tenantPath + "/applications/" + otherGUID, `{"appId":"` + otherGUID + `","appRoles":[{"value":"a"},{"value":"a"}]}`, 422, `"field":"appRoles[1].value"`},
	{"PUT", tenantPath + "/applications/" + otherGUID, `{"appRoles":{"value":"a"}}`, 400, `"field":"appRoles"`},
	{"PATCH", tenantPath + "/applications/" + otherGUID, `{"api":{"requestedAccessTokenVersion":2},"claims":{"y":1}}`, 200, `"claims":{"x":[1,null],"y":1}`},
	{"PATCH", tenantPath + "/applications/" + otherGUID, `{"api":{"version":2}}`, 400, `"field":"api.version"`},
	{"PATCH", tenantPath + "/applications/" + otherGUID, `{"appId":"` + acmeClient + `"}`, 422, `"field":"appId"`},
	{"GET", clientPath + "/appRoleAssignments", "", 200, `"roles":["dev.environmentAdmin"]`},
	{"PUT", clientPath + "/appRoleAssignments/" + otherGUID, `{"roles":["a"]}`, 201, `"roles":["a"]`},
	{"PUT", clientPath + "/appRoleAssignments/" + otherGUID, `{"roles":["b"]}`, 422, `"field":"roles[0]"`},
	{"GET", clientPath + "/appRoleAssignments/" + otherGUID, "", 200, `"resource":"` + otherGUID},
	{"PATCH", clientPath + "/appRoleAssignments/" + otherGUID, `{"roles":[]}`, 200, `"roles":[]`},
	{"DELETE", clientPath + "/appRoleAssignments/" + otherGUID, "", 204, ""},
	{"DELETE", clientPath + "/appRoleAssignments/" + otherGUID, "", 404, "there is no app role assignment"},
	{"DELETE", tenantPath + "/applications/" + otherGUID, "", 204, ""},
	{"DELETE", tenantPath + "/applications/" + api, "", 422, `"field":"tenants[0].applications[0].appRoleAssignments[0].resource"`},
	{"POST", clientPath + "/addPassword", `{"passwordCredential":{"secretText":"x"}}`, 400, `"field":"passwordCredential.secretText"`},
	{"POST", clientPath + "/addPassword", `{"passwordCredential":{"startDateTime":"9998-01-01T00:00:00Z"}}`, 422, `"field":"passwordCredential.startDateTime"`},
	{"POST", clientPath + "/removePassword", `{}`, 422, `"field":"keyId"`},
	{"POST", clientPath + "/removePassword", `{"keyId":"` + otherGUID + `"}`, 404, `"field":"keyId"`},
}

var documentedPools = []exchange{
	{"GET", "/v1/identity-providers", "", 200, `{"identityProviders":[{"id":"op-acme"`},
	{"GET", "/v1/identity-providers/op-acme", "", 200, `"tenant":"` + acmeTenant},
	{"GET", "/v1/identity-providers/op-amce", "", 404, `did you mean \"op-acme\"`},
	{"PUT", "/v1/identity-providers/op-new", `{"issuer":"https://i.example","jwksUri":"https://i.example/keys","refetchPause":"1m","unknownKid":"never"}`, 201, `"id":"op-new"`},
	{"PUT", "/v1/identity-providers/op-new", `{"tenant":"` + acmeTenant + `"}`, 422, `that of provider`},
	{"PATCH", "/v1/identity-providers/op-new", `{"unknownKid":"refetch"}`, 200, `"unknownKid":"refetch"`},
	{"PATCH", "/v1/identity-providers/op-new", `{"unknownKid":"sometimes"}`, 422, `"field":"unknownKid"`},
	{"PUT", "/v1/identity-providers/op-new/identity-pools/pool-new", `{"filter":"claims.sub == 'x'","roleBindings":[{"role":"CloudClusterAdmin","cluster":"lkc-acme"}]}`, 201, `"id":"pool-new"`},
	{"PATCH", "/v1/identity-providers/op-new/identity-pools/pool-new", `{"filter":"claims.sub == "}`, 422, `^`},
	{"PATCH", "/v1/identity-providers/op-new/identity-pools/pool-new", `{"filter":"claims.sub == 'y'"}`, 200, `'y'`},
	{"PUT", "/v1/identity-providers/op-new/identity-pools/pool-dev", `{"filter":"true"}`, 422, `"field":"id"`},
	{"GET", "/v1/identity-providers/op-new/identity-pools", "", 200, `{"identityPools":[{"id":"pool-new"`},
	{"GET", "/v1/identity-providers/op-x/identity-pools", "", 404, `"field":"provider"`},
	{"GET", "/v1/identity-providers/op-new/identity-pools/pool-new", "", 200, `"filter":`},
	{"GET", "/v1/identity-pools", "", 200, `{"identityProvider":"op-new","id":"pool-new"`},
	{"GET", "/v1/identity-pools/pool-new/role-bindings", "", 200, "CloudClusterAdmin"},
	{"PUT", "/v1/identity-pools/pool-new/role-bindings", `{"roleBindings":[]}`, 200, `{"roleBindings":[]}`},
	{"PUT", "/v1/identity-pools/pool-new/role-bindings", `{"roleBindings":[{"role":"King","cluster":"lkc-acme"}]}`, 422, `King`},
	{"DELETE", "/v1/identity-providers/op-new/identity-pools/pool-new", "", 204, ""},
	{"DELETE", "/v1/identity-providers/op-new/identity-pools/pool-new", "", 404, "there is no identity pool"},
	{"DELETE", "/v1/identity-providers/op-new", "", 204, ""},
}

var documentedConfig = []exchange{
	{"GET", "/v1/config", "", 200, `"identityProviders"`},
	{"PUT", "/v1/config", `{"seed":1}`, 422, `"message":"cannot change while idpool runs`},
	{"PUT", "/v1/config", `{"tennants":[]}`, 422, `"line":1,"column":2`},
	{"PUT", "/v1/config", `tenants: []`, 400, "not JSON"},
	{"POST", "/v1/reset", "", 204, ""},
}

// askKeys rolls, revokes and restores, which needs the ids of keys.
func askKeys(t *testing.T, base string) {
	_, config := askAdmin(t, base, exchange{method: "GET", path: "/v1/config"})
	_, body := askAdmin(t, base, exchange{method: "GET", path: tenantPath + "/keys"})
	key := tenantPath + "/keys/" + ofAnswer(t, body, "keys", "kid")
	askAll(t, base, []exchange{
		{"PUT", "/v1/config", config, 200, `"identityProviders"`},
		{"POST", tenantPath + "/keys/roll", `{"wait":"1h","retire":"24h"}`, 200, `"state":"published"`},
		{"POST", tenantPath + "/keys/roll", `{"wait":"-1h"}`, 422, `"field":"wait"`},
		{"POST", key + "/revoke", "", 200, `"state":"revoked"`},
		{"POST", key + "/restore", "", 200, `"keys"`},
		{"POST", tenantPath + "/keys/none/restore", "", 404, "has no key"},
		{"POST", tenantPath + "/keys/reset", "", 200, `"state":"signing"`},
		{"GET", "/v1/tenants/none/keys", "", 404, "there is no tenant"},
	})
}

// askPasswords makes a secret and removes it.
func askPasswords(t *testing.T, base string) {
	status, body := askAdmin(t, base, exchange{method: "POST", path: clientPath + "/addPassword", body: `{"passwordCredential":{"displayName":"new","endDateTime":"2040-01-01T00:00:00Z"}}`})
	if status != 200 || !strings.Contains(ofAnswer(t, body, "secretText"), "8Q~") {
		t.Errorf("%d %s", status, body)
	}
	askAll(t, base, []exchange{{"POST", clientPath + "/removePassword", `{"keyId":"` + ofAnswer(t, body, "keyId") + `"}`, 204, ""}})
}

// askScopes makes a scope and ends it.
func askScopes(t *testing.T, base string) {
	status, body := askAdmin(t, base, exchange{method: "POST", path: "/v1/scopes", body: `{"name":"mine"}`})
	if status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	id := ofAnswer(t, body, "id")
	askAll(t, base, []exchange{
		{"POST", "/v1/scopes", `{"nmae":"mine"}`, 400, `"field":"nmae"`},
		{"POST", "/v1/scopes", `{"config":[]}`, 422, `"field":"config"`},
		{"POST", "/v1/scopes", `{"config":{"tenant":[]}}`, 422, `"field":"config.tenant"`},
		{"POST", "/v1/scopes", `{"config":{"listeners":{"http":{"address":"127.0.0.1:1"}}}}`, 422, `"field":"config.listeners.http.address"`},
		{"GET", "/v1/scope", "", 200, `"identityPools":{"pool-dev":"pool-dev","pool-prod":"pool-prod"}`},
		{"GET", "/v1/scope?scope=" + id, "", 200, `"id":"` + id + `"`},
		{"GET", "/v1/scopes", "", 200, id},
		{"GET", "/v1/scopes/" + id, "", 200, `"name":"mine"`},
		{"GET", "/v1/tenants?scope=" + id, "", 200, `.acmeexamples.onmicrosoft.com`},
		{"DELETE", "/v1/scopes/" + id, "", 204, ""},
		{"GET", "/v1/scopes/" + id, "", 404, "there is no scope"},
	})
}

// askStream reads the first event of the journal's stream.
func askStream(t *testing.T, base string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	askAll(t, base, []exchange{{"POST", "/v1/decisions", `{"token":"x","cluster":"lkc-acme"}`, 200, ""}})
	r, err := http.NewRequestWithContext(ctx, "GET", base+"/v1/journal/stream?endpoint=decision", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "data:") {
			return
		}
	}
	t.Errorf("the stream ends without an event: %v", lines.Err())
}

// adminServer serves the admin API of a stack once more, and returns its URL.
func adminServer(t *testing.T, s *Stack) string {
	server := httptest.NewServer(s.adminHandler())
	t.Cleanup(server.Close)
	return server.URL
}
