package idpool

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// refusedRequest is a request of the admin API that must not be obeyed.
type refusedRequest struct {
	reason, method, path, body string
	header                     map[string]string // Host is the request's own
	status                     int
	field, detail              string
}

// refusedBy makes the request and compares the problem.
func refusedBy(t *testing.T, base string, tt refusedRequest) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), tt.method, base+tt.path, strings.NewReader(tt.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaOf(tt.method))
	for name, value := range tt.header {
		r.Header.Set(name, value)
	}
	r.Host = r.Header.Get("Host")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var p problem
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatalf("%s: %v: %d %s", tt.reason, err, answer.StatusCode, text)
	}
	if answer.StatusCode != tt.status || p.Status != tt.status || p.Field != tt.field || !strings.Contains(p.Detail, tt.detail) || p.Detail == "" {
		t.Errorf("%s: %d %s\nwant %d with the field %q and %q", tt.reason, answer.StatusCode, text, tt.status, tt.field, tt.detail)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: Content-Type %q", tt.reason, got)
	}
}

func TestTheAdminAPIRefuses(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	before := s.Config()
	poolPath := "/v1/identity-providers/op-acme/identity-pools/pool-dev"
	for _, tt := range []refusedRequest{
		{"an unknown member", "PUT", clientPath, `{"displayNmae":"x"}`, nil, 400, "displayNmae", "unknown"},
		{"an unknown member far inside", "PUT", clientPath, `{"appRoles":[{"value":"a"},{"valeu":"b"}]}`, nil, 400, "appRoles[1].valeu", "unknown"},
		{"a member in another spelling", "PUT", clientPath, `{"DisplayName":"x"}`, nil, 400, "DisplayName", "unknown"},
		{"a wrong type", "PUT", clientPath, `{"displayName":1}`, nil, 400, "displayName", "number"},
		{"a member twice", "PUT", clientPath, `{"displayName":"x","displayName":"y"}`, nil, 400, "displayName", "duplicate"},
		{"a member twice in a patch", "PATCH", clientPath, `{"displayName":"x","displayName":"y"}`, nil, 400, "displayName", "duplicate"},
		{"an unknown member in a patch", "PATCH", clientPath, `{"api":{"x":1}}`, nil, 400, "api.x", "unknown"},
		{"a patch that is no object", "PATCH", clientPath, `[]`, nil, 400, "", "the body is not as expected"},
		{"a patch that is nothing", "PATCH", clientPath, `null`, nil, 400, "", "want a JSON object"},
		{"a list for an object", "PUT", clientPath, `[]`, nil, 400, "", "want a JSON object"},
		{"two values", "PUT", clientPath, `{}{}`, nil, 400, "", "the body is not as expected"},
		{"no body", "PUT", clientPath, ``, nil, 400, "", "want a JSON object"},
		{"a large body", "PUT", clientPath, `{"displayName":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "", "over 1048576 bytes"},
		{"a large config", "PUT", "/v1/config", `{"organization":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "", "over 1048576 bytes"},
		{"a form, which a web page could send", "PUT", clientPath, `{}`, map[string]string{"Content-Type": "text/plain"}, 415, "", "application/json"},
		{"JSON for a patch", "PATCH", clientPath, `{}`, map[string]string{"Content-Type": "application/json"}, 415, "", mergePatch},
		{"no Content-Type", "POST", "/v1/tokens", `{}`, map[string]string{"Content-Type": ""}, 415, "", "application/json"},
		{"an unknown tenant", "GET", "/v1/tenants/acmeexamples.onmicrosoft.co", "", nil, 404, "tenant", `there is no tenant "acmeexamples.onmicrosoft.co"`},
		{"an unknown application, nearly right", "GET", clientPath[:len(clientPath)-1] + "8", "", nil, 404, "application", "did you mean"},
		{"an unknown pool, nearly right", "DELETE", poolPath + "x", "", nil, 404, "pool", `did you mean "pool-dev"?`},
		{"an unknown parameter", "GET", "/v1/tenants?tenant=x", "", nil, 400, "tenant", "not known"},
		{"a misspelt parameter", "DELETE", poolPath + "?scpoe=x", "", nil, 400, "scpoe", `did you mean "scope"?`},
		{"a parameter twice", "GET", "/v1/tenants?scope=a&scope=b", "", nil, 400, "scope", "twice"},
		{"an unknown scope", "PUT", clientPath + "?scope=x", `{}`, nil, 404, "scope", `there is no scope "x"`},
		{"another origin", "POST", "/v1/tokens", `{}`, map[string]string{"Origin": "https://evil.example"}, 403, "", "another origin"},
		{"another origin says the browser", "POST", "/v1/tokens", `{}`, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, "", "another origin"},
		{"the same site is not the same origin", "POST", "/v1/tokens", `{}`, map[string]string{"Sec-Fetch-Site": "same-site"}, 403, "", "another origin"},
		{"a name that resolves to here", "GET", "/v1/config", "", map[string]string{"Host": "evil.example:80"}, 403, "", "evil.example"},
		{"such a name, and its own origin", "POST", "/v1/tokens", `{}`, map[string]string{"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 403, "", "another origin"},
		{"an address as a name", "GET", "/v1/config", "", map[string]string{"Host": "127.0.0.1.evil.example"}, 403, "", "evil.example"},
		{"a filter that does not compile", "PATCH", poolPath, `{"filter":"'a' in claims.rolse &&"}`, nil, 422, "filter", "\n"},
		{"a role that no API defines", "PUT", clientPath + "/appRoleAssignments/" + api, `{"roles":["dev.environmentAdmni"]}`, nil, 422, "roles[0]", "dev.environmentAdmni"},
		{"a tenant that a provider needs", "DELETE", tenantPath, "", nil, 422, "identityProviders[0].tenant", "no tenant has the id"},
		{"a role that others were granted", "PATCH", tenantPath + "/applications/" + api, `{"appRoles":[]}`, nil, 422, "tenants[0].applications[1].appRoleAssignments[0].roles[0]", "dev.environmentAdmin"},
		{"a config without a body", "PUT", "/v1/config", "", nil, 400, "", "the body is empty"},
		{"what only a restart changes", "PUT", "/v1/config", `{"keys":"generate"}`, nil, 422, "listeners.https.address", "restart"},
	} {
		refusedBy(t, s.Admin, tt)
	}
	if after := s.Config(); !reflect.DeepEqual(before.Tenants, after.Tenants) || !reflect.DeepEqual(before.IdentityProviders, after.IdentityProviders) {
		t.Error("a refused request has changed the config")
	}
}

// TestEveryEndpointRefuses asks each endpoint for what none may do.
func TestEveryEndpointRefuses(t *testing.T) {
	c := Acme()
	c.Listeners.Admin.Token = "open-sesame"
	c.Tenants[0].ServicePrincipals = []idp.ServicePrincipal{{AppID: otherGUID, Type: "ManagedIdentity"}}
	s := start(t, c)
	handler := s.adminHandler()
	path := strings.NewReplacer("{tenant}", acmeTenant, "{application}", acmeClient, "{servicePrincipal}", otherGUID, "{resource}", api,
		"{provider}", "op-acme", "{pool}", "pool-dev", "{kid}", "x", "{fault}", "x", "{scope}", "x")
	for _, e := range s.endpoints() {
		e = e.completed()
		ask := func(reason, query, media, body string, header http.Header, want int) {
			t.Helper()
			r := httptest.NewRequest(e.Method, path.Replace(e.Path)+query, strings.NewReader(body))
			r.Host, r.Header = "127.0.0.1", header.Clone()
			r.Header.Set("Content-Type", media)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if got := w.Result(); got.StatusCode != want || got.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s, %s: %s %s, want %d", e.Method, e.Path, reason, got.Status, w.Body, want)
			}
		}
		token := http.Header{"Authorization": {"Bearer open-sesame"}}
		ask("an unknown parameter", "?unknown=1", "", "", token, 400)
		if !e.open {
			ask("no token", "", "", "", http.Header{}, 401)
		}
		if !e.open && !e.whole {
			ask("an unknown scope", "?scope=none", "", "", token, 404)
		}
		if e.Method != http.MethodGet {
			ask("a web page", "", "", "", http.Header{"Authorization": token["Authorization"], "Sec-Fetch-Site": {"cross-site"}}, 403)
		}
		if e.Request == nil && e.Method != http.MethodGet {
			ask("a body that nobody reads", "", "application/json", `{"x":1}`, token, 400)
			ask("a large body that nobody reads", "", "text/plain", strings.Repeat(" ", maxAdminBody+1), token, 413)
		}
		if e.Request == nil {
			continue
		}
		media, unknown := cmp.Or(e.RequestType, "application/json"), 400
		if e.Path == "/v1/config" {
			unknown = 422 // as any other mistake of a config
		}
		ask("a form", "", "application/x-www-form-urlencoded", "a=b", token, 415)
		ask("a large body", "", media, strings.Repeat(" ", maxAdminBody)+"{}", token, 413)
		ask("an unknown member", "", media, `{"unknown":1}`, token, unknown)
		ask("no object", "", media, `[1]`, token, unknown)
		ask("half a body", "", media, `{"a":`, token, 400)
	}
}

// A condition or a filter keeps the caret that points into it.
func TestAFilterIsRefusedWithACaret(t *testing.T) {
	s := start(t, Acme())
	status, body := askAdmin(t, s.Admin, exchange{method: "PATCH", path: "/v1/identity-providers/op-acme/identity-pools/pool-dev", body: `{"filter":"claims.azp = 'x'"}`})
	var p problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(p.Detail, "\n")
	if status != 422 || len(lines) < 3 || strings.Index(lines[1], "=") != strings.Index(lines[2], "^") {
		t.Errorf("%d %q: want the filter with a caret below", status, lines)
	}
}

func TestTheAdminTokenIsAskedFor(t *testing.T) {
	c := Acme()
	c.Listeners.Admin.Token = "open-sesame"
	s := start(t, c)
	for _, tt := range []refusedRequest{
		{"no token", "GET", "/v1/config", "", nil, 401, "", "Authorization: Bearer"},
		{"another token", "GET", "/v1/config", "", map[string]string{"Authorization": "Bearer open-barley"}, 401, "", "Authorization: Bearer"},
		{"part of the token", "GET", "/v1/config", "", map[string]string{"Authorization": "Bearer open"}, 401, "", "Authorization: Bearer"},
		{"another scheme", "GET", "/v1/config", "", map[string]string{"Authorization": "Basic open-sesame"}, 401, "", "Authorization: Bearer"},
		{"the token as a parameter", "GET", "/v1/config?token=open-sesame", "", nil, 401, "", "Authorization: Bearer"},
		{"a web page that has the token", "POST", "/v1/tokens", `{}`, map[string]string{"Authorization": "Bearer open-sesame", "Origin": "https://evil.example"}, 403, "", "another origin"},
	} {
		refusedBy(t, s.Admin, tt)
	}
	askAll(t, s.Admin, []exchange{{"GET", "/healthz", "", 200, "ok"}, {"GET", "/readyz", "", 200, "ok"}, {"GET", "/v1/ca", "", 200, "CERTIFICATE"}})
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.Admin+"/v1/config", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer open-sesame")
	r.Host = "idpool:8081" // as in a network of containers
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("with the token: %s", answer.Status)
	}
	for _, authorization := range []string{"bearer open-sesame", "BEARER  open-sesame"} { // RFC 9110, section 11.1
		r.Header.Set("Authorization", authorization)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", authorization, answer.Status)
		}
	}
}

// A path that does not take a method did not say which it takes (RFC 9110, section
// 15.5.6), at either listener.
func TestAllowedMethods(t *testing.T) {
	s := start(t, Acme())
	for _, tt := range []struct{ method, url, allow string }{
		{"DELETE", s.Admin + "/v1/clock", "GET, PUT"},
		{"POST", s.Admin + "/healthz", "GET, HEAD"},
		{"PUT", s.Admin + "/v1/scopes/a%2Fb", "GET, DELETE"},
		{"POST", s.HTTP + "/" + acmeTenant + "/discovery/v2.0/keys", "GET, HEAD, OPTIONS"},
		{"POST", s.HTTP + "/error", "GET"},
		{"PUT", s.HTTP + "/" + acmeTenant + "/oauth2/v2.0/token", "POST, OPTIONS"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got := answer.Header.Get("Allow"); got != tt.allow || answer.StatusCode != http.StatusMethodNotAllowed && tt.method != "PUT" {
			t.Errorf("%s %s: %s, Allow %q, want %q", tt.method, tt.url, answer.Status, got, tt.allow)
		}
	}
}

// Whose name the listener has is let in by it, and nobody else is.
func TestTheAdminListenerHasAName(t *testing.T) {
	c := Acme()
	c.Listeners.Admin.PublicURL = "http://idpool.internal:8081"
	s := start(t, c)
	server := adminServer(t, s)
	for host, want := range map[string]int{"idpool.internal:8081": 200, "IDPOOL.internal": 200, "idpool.internal.:8081": 200, "LOCALHOST:8081": 200, "localhost.": 200, "localhost.evil.example": 403, ".": 403, "other.internal:8081": 403, "127.0.0.1": 200, "[::1]:1": 200, "localhost": 200} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server+"/v1/clock", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s, want %d", host, answer.Status, want)
		}
	}
}
