package idp_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// masks hide what is another value each time.
var masks = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "http://HOST"},
	{regexp.MustCompile(`(trace_id":"|Trace ID: |X-Ms-Request-Id: )[0-9a-f-]{36}`), "${1}TRACE"},
	{regexp.MustCompile(`(correlation_id":"|Correlation ID: )[0-9a-f-]{36}`), "${1}CORRELATION"},
	{regexp.MustCompile(`(Request Id: |Correlation Id: )[0-9a-f-]{36}`), "${1}GUID"},
	{regexp.MustCompile(`\r?\nDate: [^\n]*`), ""},
	{regexp.MustCompile(`Content-Length: \d+`), "Content-Length: N"},
	{regexp.MustCompile(`"access_token":"[^"]*"`), `"access_token":"TOKEN"`},
	{regexp.MustCompile(`"aio":"k2Jg[\w-]{56}"`), `"aio":"AIO"`},
	{regexp.MustCompile(`"rh":"1\.AR[\w-]{48}AAA\."`), `"rh":"RH"`},
	{regexp.MustCompile(`"uti":"[\w-]{22}"`), `"uti":"UTI"`},
	{regexp.MustCompile(`"xms_ftd":"[\w-]{68}"`), `"xms_ftd":"FTD"`},
}

// golden compares status, headers and body with testdata/NAME.golden. The
// first line of the file names the source of what it holds.
func golden(t *testing.T, name, source string, r *http.Request) {
	t.Helper()
	response, body := do(t, r)
	var header strings.Builder
	if err := response.Header.Write(&header); err != nil {
		t.Fatal(err)
	}
	got := "source: " + source + "\n\n" + response.Status + "\n" + strings.ReplaceAll(header.String(), "\r\n", "\n") + "\n" + body + "\n"
	got += tokenText(t, response, body)
	for _, m := range masks {
		got = m.pattern.ReplaceAllString(got, m.with)
	}
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs\n--- got\n%s\n--- want\n%s", file, got, want)
	}
}

// tokenText is the header and the payload of the token in an answer, if any.
func tokenText(t *testing.T, response *http.Response, body string) string {
	t.Helper()
	if response.StatusCode != http.StatusOK || !strings.Contains(body, `"access_token"`) {
		return ""
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	header, payload := decode(t, answer.AccessToken)
	return "\n" + header + "\n" + payload + "\n"
}

// everything is Acme with a resource of v1.0 tokens, a managed identity, a
// client that a policy refuses, and further claims.
func everything() []idp.Tenant {
	t := idp.Acme()
	t.Applications[1].Claims = map[string]any{"department": "payments", "zone": map[string]any{"b": 1, "a": []int{2}}}
	t.Applications = append(t.Applications,
		idp.Application{AppID: apiV1, DisplayName: "Old API", IdentifierURIs: []string{"https://kafka.example/"},
			OptionalClaims: idp.OptionalClaims{AccessToken: []idp.OptionalClaim{{Name: "idtyp"}}}},
		idp.Application{AppID: refused, PasswordCredentials: []idp.PasswordCredential{{SecretText: "secret"}}, ServicePrincipal: idp.ServicePrincipal{ID: refusedSP}})
	t.ServicePrincipals = []idp.ServicePrincipal{{
		ID: identitySP, AppID: identity, DisplayName: "payments-vm", Type: "ManagedIdentity",
		AlternativeNames:   []string{"isExplicit=False", "/subscriptions/s/resourcegroups/g/providers/Microsoft.Compute/virtualMachines/payments-vm"},
		AppRoleAssignments: []idp.AppRoleAssignment{{Resource: api, Roles: []string{"dev.environmentAdmin"}}},
	}}
	t.ConditionalAccessPolicies = []idp.ConditionalAccessPolicy{blocking(refusedSP)}
	t.ConditionalAccessPolicies[0].ID = "5f6a9f3e-9a0c-4b5f-8f5a-0d9c4f0c7f10"
	return []idp.Tenant{t}
}

const (
	apiV1      = "2b9ac7c6-3a59-4a6e-8f8f-3f1f5a3f2c01"
	refused    = "3b9ac7c6-3a59-4a6e-8f8f-3f1f5a3f2c02"
	refusedSP  = "4b9ac7c6-3a59-4a6e-8f8f-3f1f5a3f2c03"
	identity   = "5b9ac7c6-3a59-4a6e-8f8f-3f1f5a3f2c04"
	identitySP = "6b9ac7c6-3a59-4a6e-8f8f-3f1f5a3f2c05"
)

func TestGoldenAnswers(t *testing.T) {
	server := serve(t, idp.Config{Tenants: everything()})
	request := func(path string, header ...string) *http.Request {
		r, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	v1 := func(resource string) *http.Request {
		return post(t, server.URL+"/"+acme+"/oauth2/token", url.Values{
			"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "resource": {resource}}.Encode())
	}
	telemetry := tokenRequest(t, server, acme, nil)
	telemetry.Header.Set("x-client-current-telemetry", "4|730,0|")
	const oidc = "/.well-known/openid-configuration"
	for _, tc := range []struct {
		name, source string
		r            *http.Request
	}{
		{"discovery", "azure-ad.md 1.1, 1.4", request("/" + acme + "/v2.0" + oidc)},
		{"discovery-domain", "azure-ad.md 1.3: a domain becomes the id", request("/acmeexamples.onmicrosoft.com/v2.0" + oidc)},
		{"discovery-common", "azure-ad.md 1.3", request("/common/v2.0" + oidc)},
		{"discovery-consumers", "azure-ad.md 1.3 (inferred)", request("/consumers/v2.0" + oidc)},
		{"discovery-consumers", "azure-ad.md 1.3 (inferred)", request("/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0" + oidc)},
		{"discovery-appid", "azure-ad.md 1.3: ?appid=", request("/" + acme + "/v2.0" + oidc + "?appid=" + api)},
		{"discovery-unknown-tenant", "azure-ad.md 1.5", request("/contoso.com/v2.0" + oidc)},
		{"discovery-bad-tenant", "azure-ad.md 1.5 (inferred)", request("/undefined/v2.0" + oidc)},
		{"discovery-v1", "azure-ad.md 1.2", request("/" + acme + oidc)},
		{"discovery-v1-common", "azure-ad.md 1.2", request("/common" + oidc)},
		{"discovery-v1-organizations", "azure-ad.md 1.3 (reported, 2019)", request("/organizations" + oidc)},
		{"jwks", "azure-ad.md 2.1", request("/" + acme + "/discovery/v2.0/keys")},
		{"jwks-common", "azure-ad.md 2.1: the issuer is a template", request("/common/discovery/v2.0/keys")},
		{"jwks-v1", "azure-ad.md 2.1: without issuer", request("/common/discovery/keys")},
		{"instance", "azure-ad.md 6.2", request("/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Flogin.microsoftonline.com%2Fcommon%2Foauth2%2Fv2.0%2Fauthorize")},
		{"instance-unknown", "azure-ad.md 5.7, 6.2", request("/common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Fevil.example%2Fcommon%2Foauth2%2Fauthorize")},
		{"token", "azure-ad.md 3.2, 3.5, 3.6", tokenRequest(t, server, acme, nil)},
		{"token-telemetry", "azure-ad.md 3.2: x-ms-clitelem", telemetry},
		{"token-v1-resource", "azure-ad.md 3.5 to 3.7: the resource chooses v1.0", tokenRequest(t, server, acme, form{"scope": {"https://kafka.example//.default"}})},
		{"token-v1-endpoint", "azure-ad.md 3.3, 3.5, 3.6", v1("https://kafka.example/")},
		{"token-v1-endpoint-v2-resource", "azure-ad.md 3.3, 3.7: the resource chooses v2.0", v1("api://" + api)},
		{"imds", "azure-ad.md 4.7", request("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://kafka.example/", "Metadata", "true")},
		{"imds-without-header", "azure-ad.md 4.7", request("/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://kafka.example/")},
		{"app-service", "azure-ad.md 4.7", request("/msi/token?api-version=2019-08-01&resource=api://"+api, "X-IDENTITY-HEADER", "x")},
		{"error-secret", "azure-ad.md 5.1, 5.3", tokenRequest(t, server, acme, form{"client_secret": {"wrong"}})},
		{"error-conditional-access", "azure-ad.md 5.7", tokenRequest(t, server, acme, form{"client_id": {refused}, "client_secret": {"secret"}})},
		{"error-telemetry", "azure-ad.md 3.1, 3.2: MSAL for Node sends telemetry in the body", tokenRequest(t, server, acme, form{"client_secret": {"wrong"}, "x-client-current-telemetry": {"5|1,0|"}})},
		{"error-browser", "azure-ad.md 5.1, 5.5 (status inferred)", request("/"+acme+"/oauth2/v2.0/token", "Accept", "text/html,*/*")},
		{"error-page", "idpool's own: where error_uri points", request("/error?code=7000216")},
		{"not-found", "azure-ad.md 1.3: 404 paths", request(oidc)},
	} {
		golden(t, tc.name, tc.source, tc.r)
	}
}

// TestHTTPSAnswersHaveHSTS: for https only, and never for the machine itself.
func TestHTTPSAnswersHaveHSTS(t *testing.T) {
	for publicURL, want := range map[string]string{
		"https://idp.example": "max-age=31536000; includeSubDomains", "http://idp.example": "",
		"https://localhost:8443": "", "https://127.0.0.1:8443": "", "https://[::1]:8443": "", // it would hold for every port of the machine
	} {
		response, _ := get(t, serve(t, idp.Config{PublicURL: publicURL}).URL+"/"+acme+"/discovery/v2.0/keys")
		if got := response.Header.Get("Strict-Transport-Security"); got != want {
			t.Errorf("%s: %q, want %q", publicURL, got, want)
		}
	}
}

// TestErrorReference keeps the table in docs/azure.md equal to the data.
func TestErrorReference(t *testing.T) {
	printed.Section{File: "../docs/azure.md", Name: "errors", Update: *update}.Is(t, idp.ErrorTable())
	printed.Section{File: "../docs/azure.md", Name: "other errors", Update: *update}.Is(t, idp.OtherErrorTable())
}
