package idp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/idpool/idpool/idp"
)

// errorBody is the JSON of 5.1, read strictly.
func errorBody(t *testing.T, response *http.Response, body string) idp.ErrorBody {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	var e idp.ErrorBody
	if err := d.Decode(&e); err != nil {
		t.Fatalf("%s: %v: %s", response.Status, err, body)
	}
	return e
}

// expired is Acme with an end to the client's secret.
func expired(from, until time.Time) []idp.Tenant {
	t := idp.Acme()
	t.Applications[1].PasswordCredentials[0].StartDateTime = from
	t.Applications[1].PasswordCredentials[0].EndDateTime = until
	return []idp.Tenant{t}
}

// form is a change to the article's request.
type form = url.Values

// refusal is a request that the token endpoint refuses.
type refusal struct {
	name, tenant string
	tenants      []idp.Tenant
	change       form
	status       int
	code         string
	number       int
	text         string // what the description has between number and trailer
}

// changed is Acme with a change.
func changed(change func(*idp.Tenant)) []idp.Tenant {
	t := idp.Acme()
	change(&t)
	return []idp.Tenant{t}
}

// refusals are the token requests that go wrong for one reason each.
func refusals() []refusal {
	const nobody = "11111111-2222-4333-8444-555555555555"
	off := false
	assertion := func(header string) form {
		payload := `{"aud":"https://login.microsoftonline.com/` + acme + `/v2.0","iss":"` + client + `","sub":"` + client + `","exp":1795447629}`
		token := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
		return form{"client_secret": {"-"}, "client_assertion": {token}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	}
	return []refusal{
		{"wrong secret", acme, nil, form{"client_secret": {"wrong"}}, 401, "invalid_client", 7000215,
			"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '" + client + "'."},
		{"right secret past its end", acme, expired(time.Time{}, now), nil, 401, "invalid_client", 7000222,
			"The provided client secret keys for app '" + client + "' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
		{"wrong secret beside an expired one", acme, expired(time.Time{}, now), form{"client_secret": {"wrong"}}, 401, "invalid_client", 7000215, "Invalid client secret provided."},
		{"right secret before its start", acme, expired(now.Add(time.Second), time.Time{}), nil, 401, "invalid_client", 7000215, "Invalid client secret provided."},
		{"no credential", acme, nil, form{"client_secret": {"-"}}, 401, "invalid_client", 7000216,
			"'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."},
		{"no credential goes before an impossible tenant and a missing client_id", "undefined", nil, form{"client_secret": {"-"}, "client_id": {"-"}}, 401, "invalid_client", 7000216, "'client_assertion', "},
		{"unknown client", acme, nil, form{"client_id": {nobody}}, 400, "unauthorized_client", 700016,
			"Application with identifier '" + nobody + "' was not found in the directory 'Acme Examples Inc'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."},
		{"unknown tenant id", nobody, nil, nil, 400, "invalid_request", 90002, "Tenant '" + nobody + "' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."},
		{"unknown domain", "contoso.com", nil, nil, 400, "invalid_request", 90002, "Tenant 'contoso.com' not found."},
		{"a segment that names no tenant", "undefined", nil, nil, 400, "invalid_request", 900023, "Specified tenant identifier 'undefined' is neither a valid DNS name, nor a valid external domain."},
		{"common", "common", nil, nil, 400, "invalid_request", 50059, "No tenant-identifying information found"},
		{"no grant_type", acme, nil, form{"grant_type": {"-"}}, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."},
		{"no client_id", acme, nil, form{"client_id": {"-"}}, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_id'."},
		{"no scope", acme, nil, form{"scope": {"-"}}, 400, "invalid_request", 90014, "The required field 'scope' is missing from the credential. Ensure that you have all the necessary parameters for the login request."},
		{"blank scope", acme, nil, form{"scope": {"  "}}, 400, "invalid_request", 90014, "The required field 'scope' is missing"},
		{"scope openid alone", acme, nil, form{"scope": {"openid"}}, 400, "invalid_scope", 1002012,
			"The provided value for scope openid is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
		{"a role as scope", acme, nil, form{"scope": {"api://" + api + "/dev.environmentAdmin"}}, 400, "invalid_scope", 1002012, "The provided value for scope api://" + api + "/dev.environmentAdmin is not valid."},
		{"scope all-apis", acme, nil, form{"scope": {"all-apis"}}, 400, "invalid_scope", 1002012, "The provided value for scope all-apis is not valid."},
		{"scope neither URI nor GUID", acme, nil, form{"scope": {"kafka/.default"}}, 400, "invalid_scope", 70011,
			"The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope kafka/.default is not valid. The scope format is invalid. Scope must be in a valid URI form <https://example/scope> or a valid Guid <guid/scope>."},
		{"two resources", acme, nil, form{"scope": {"api://" + api + "/.default api://x/.default"}}, 400, "invalid_request", 28000,
			"Provided value for the input parameter scope is not valid because it contains more than one resource. Scope api://" + api + "/.default api://x/.default"},
		{"unknown resource", acme, nil, form{"scope": {"api://nobody/.default"}}, 400, "invalid_resource", 500011,
			"The resource principal named api://nobody was not found in the tenant named Acme Examples Inc."},
		{"a slash too many is kept", acme, nil, form{"scope": {"api://" + api + "//.default"}}, 400, "invalid_resource", 500011, "The resource principal named api://" + api + "/ was not found"},
		{"unsupported grant", acme, nil, form{"grant_type": {"magic"}}, 400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type 'magic'."},
		{"secret before resource", acme, nil, form{"client_secret": {"wrong"}, "scope": {"api://nobody/.default"}}, 401, "invalid_client", 7000215, "Invalid client secret"},
		{"scope before client", acme, nil, form{"client_id": {nobody}, "scope": {"openid"}}, 400, "invalid_scope", 1002012, "The provided value"},
		{"an assertion of an application without a certificate", acme, nil, assertion(`{"alg":"RS256","x5t":"AQIDBAUGBwgJCgsMDQ4PEBESExQ"}`), 401, "invalid_client", 700027,
			"Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '0102030405060708090A0B0C0D0E0F1011121314'"},
		{"an assertion that is no JWT", acme, nil, form{"client_secret": {"-"}, "client_assertion": {"x"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}, 400, "invalid_request", 50027, "JWT token is invalid or malformed."},
		{"an assertion without its type", acme, nil, form{"client_secret": {"-"}, "client_assertion": {"x"}}, 400, "invalid_request", 900144, "The request body must contain the following parameter: 'client_assertion_type'."},
		{"a parameter twice", acme, nil, form{"scope": {"api://a/.default", "api://b/.default"}}, 400, "invalid_request", 9000411, "The request is not properly formatted. The parameter 'scope' is duplicated."},
		{"organizations", "organizations", nil, nil, 400, "invalid_request", 50059, "No tenant-identifying information found"},
		{"consumers", "consumers", nil, nil, 400, "invalid_request", 9001023, "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
		{"consumers by its id", "9188040d-6c67-4c5b-b112-36a304b66dad", nil, nil, 400, "invalid_request", 9001023, "The grant type is not supported"},
		{"the v1.0 parameter on the v2.0 endpoint", acme, nil, form{"resource": {"api://" + api}}, 400, "invalid_request", 901002, "The 'resource' request parameter isn't supported."},
		{"a disabled client", acme, changed(func(t *idp.Tenant) { t.Applications[1].ServicePrincipal.AccountEnabled = &off }), nil, 400, "unauthorized_client", 7000112,
			"Application '" + client + "'(Acme client) is disabled."},
		{"a disabled client goes before its wrong secret", acme, changed(func(t *idp.Tenant) { t.Applications[1].ServicePrincipal.AccountEnabled = &off }), form{"client_secret": {"wrong"}}, 400, "unauthorized_client", 7000112, "Application"},
		{"a registration without a service principal", acme, changed(func(t *idp.Tenant) { t.Applications[1].ServicePrincipal.Absent = true }), nil, 401, "invalid_client", 7000229,
			"The client application " + client + " is missing service principal in the tenant " + acme + ". See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"},
		{"a resource without a service principal", acme, changed(func(t *idp.Tenant) { t.Applications[0].ServicePrincipal.Absent = true }), nil, 400, "invalid_resource", 500011, "The resource principal named api://" + api + " was not found"},
		{"a disabled resource", acme, changed(func(t *idp.Tenant) { t.Applications[0].ServicePrincipal.AccountEnabled = &off }), nil, 400, "invalid_resource", 500014,
			"The service principal for resource 'api://" + api + "' is disabled."},
		{"a resource that demands an assignment", acme, changed(func(t *idp.Tenant) {
			t.Applications[0].ServicePrincipal.AppRoleAssignmentRequired = true
			t.Applications[1].AppRoleAssignments = nil
		}), nil, 400, "invalid_grant", 501051, "Application '" + client + "'(Acme client) is not assigned to a role for the application 'api://" + api + "'(Confluent Cloud)."},
		{"a policy against the client", acme, changed(func(t *idp.Tenant) { t.ConditionalAccessPolicies = []idp.ConditionalAccessPolicy{blocking(clientSP)} }), nil, 400, "invalid_grant", 53003,
			"Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},
		{"an application of another tenant", acme, []idp.Tenant{idp.Acme(), otherTenant()}, form{"client_id": {inOther}, "client_secret": {"other-secret"}}, 400, "unauthorized_client", 700016,
			"Application with identifier '" + inOther + "' was not found in the directory 'Acme Examples Inc'."},
		{"a managed identity is no client", acme, everything(), form{"client_id": {identity}}, 400, "unauthorized_client", 700016, "Application with identifier '" + identity + "' was not found"},
		{"a disabled secret", acme, changed(func(t *idp.Tenant) { t.Applications[1].PasswordCredentials[0].Disabled = true }), nil, 401, "invalid_client", 7000215, "Invalid client secret"},
		{"a disabled secret past its end", acme, changed(func(t *idp.Tenant) {
			t.Applications[1].PasswordCredentials[0].Disabled = true
			t.Applications[1].PasswordCredentials[0].EndDateTime = now
		}), nil, 401, "invalid_client", 7000215, "Invalid client secret"},
		{"a secret that was imported without its value", acme, changed(func(t *idp.Tenant) { t.Applications[1].PasswordCredentials[0].SecretText = "" }), nil, 401, "invalid_client", 7000215, "Invalid client secret"},
	}
}

func TestEachErrorOfTheTokenEndpoint(t *testing.T) {
	for _, tc := range refusals() {
		t.Run(tc.name, func(t *testing.T) {
			server := serve(t, idp.Config{Tenants: tc.tenants})
			response, body := do(t, tokenRequest(t, server, tc.tenant, tc.change))
			e := errorBody(t, response, body)
			if response.StatusCode != tc.status || e.Error != tc.code || len(e.ErrorCodes) != 1 || e.ErrorCodes[0] != tc.number {
				t.Errorf("%d %s %v, want %d %s %d: %s", response.StatusCode, e.Error, e.ErrorCodes, tc.status, tc.code, tc.number, body)
			}
			if want := fmt.Sprintf("AADSTS%d: %s", tc.number, tc.text); !strings.HasPrefix(e.ErrorDescription, want) {
				t.Errorf("description %s\nwant        %s", e.ErrorDescription, want)
			}
			trailer := " Trace ID: " + e.TraceID + " Correlation ID: " + e.CorrelationID + " Timestamp: 2026-11-23 15:00:00Z"
			if !strings.HasSuffix(e.ErrorDescription, trailer) || e.Timestamp != "2026-11-23 15:00:00Z" {
				t.Errorf("description %q ends not with %q", e.ErrorDescription, trailer)
			}
			if e.TraceID != response.Header.Get("x-ms-request-id") || uuid.Validate(e.TraceID) != nil || uuid.Validate(e.CorrelationID) != nil {
				t.Errorf("trace_id %q, x-ms-request-id %q, correlation_id %q", e.TraceID, response.Header.Get("x-ms-request-id"), e.CorrelationID)
			}
			if want := fmt.Sprintf("%s/error?code=%d", server.URL, tc.number); e.ErrorURI != want {
				t.Errorf("error_uri %q, want %q", e.ErrorURI, want)
			}
			if cache := response.Header.Get("Cache-Control"); cache != "no-store, no-cache" {
				t.Errorf("Cache-Control %q", cache)
			}
		})
	}
}

// elsewhere are the errors that other tests provoke.
var elsewhere = map[int]string{
	900561:  "TestRequestsThatAreNoTokenRequests",
	9002313: "TestRequestsThatAreNoTokenRequests",
	50049:   "TestGoldenAnswers",
	70025:   "TestBadAssertions",
	700021:  "TestBadAssertions",
	700023:  "TestBadAssertions",
	700024:  "TestBadAssertions",
	5002723: "TestBadAssertions",
	5002727: "TestBadAssertions",
	5002738: "TestBadAssertions",
	700211:  "TestWhichCredentialFits",
	700212:  "TestWhichCredentialFits",
	700213:  "TestWhichCredentialFits",
	7002138: "TestWhichCredentialFits",
	7000272: "TestSignaturesOfAnotherIssuer",
	50166:   "TestIssuersThatFail",
}

// TestEveryErrorIsProvoked: an error that no request gives, or that
// docs/azure.md does not say how to get, is none.
func TestEveryErrorIsProvoked(t *testing.T) {
	seen := map[int]bool{}
	for _, r := range refusals() {
		seen[r.number] = true
	}
	for _, number := range idp.ErrorNumbers() {
		if !seen[number] && elsewhere[number] == "" {
			t.Errorf("no request of refusals() gives AADSTS%d", number)
		}
		if idp.Provoke(number) == "" {
			t.Errorf("the table does not say how to provoke AADSTS%d", number)
		}
	}
}

func TestCorrelationIDIsTheClients(t *testing.T) {
	server := serve(t, idp.Config{})
	id := "11111111-2222-4333-8444-555555555555"
	for _, tc := range []struct {
		name   string
		change func(*http.Request)
		echoed bool
	}{
		{"in the header", func(r *http.Request) { r.Header.Set("client-request-id", id) }, true},
		{"in the query, as MSAL Node", func(r *http.Request) { r.URL.RawQuery = "client-request-id=" + id }, true},
		{"no GUID", func(r *http.Request) { r.Header.Set("client-request-id", "x\"y") }, false},
	} {
		r := tokenRequest(t, server, acme, form{"client_secret": {"wrong"}})
		r.Header.Set("return-client-request-id", "true")
		tc.change(r)
		response, body := do(t, r)
		e := errorBody(t, response, body)
		if (e.CorrelationID == id) != tc.echoed || (response.Header.Get("client-request-id") == id) != tc.echoed || len(response.Header.Values("client-request-id")) > 0 != tc.echoed {
			t.Errorf("%s: correlation_id %q, header %q", tc.name, e.CorrelationID, response.Header.Get("client-request-id"))
		}
	}
}

func TestRequestsThatAreNoTokenRequests(t *testing.T) {
	server := serve(t, idp.Config{})
	endpoint := server.URL + "/" + acme + "/oauth2/v2.0/token"
	good := "grant_type=client_credentials&client_id=" + client + "&client_secret=" + secret + "&scope=" + api + "/.default"
	with := func(r *http.Request, name, value string) *http.Request {
		r.Header.Set(name, value)
		return r
	}
	method := func(m, url string) *http.Request {
		r, err := http.NewRequest(m, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tc := range []struct {
		name   string
		r      *http.Request
		status int
		number int // 0: no error of Azure's
	}{
		{"a form over 64 KiB", post(t, endpoint, good+"&x="+strings.Repeat("a", 64<<10)), 413, 9002313},
		{"a form of just under 64 KiB", post(t, endpoint, good+"&x="+strings.Repeat("a", 64<<10-len(good)-3)), 200, 0},
		{"a JSON body", with(post(t, endpoint, `{"grant_type":"client_credentials"}`), "Content-Type", "application/json"), 400, 900144},
		{"a Content-Type that is none", with(post(t, endpoint, good), "Content-Type", "form"), 400, 900144},
		{"a Content-Type with a broken parameter", with(post(t, endpoint, good), "Content-Type", "application/x-www-form-urlencoded; charset"), 200, 0},
		{"the credential of another client", with(post(t, endpoint, good), "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("00000000-0000-4000-8000-000000000000:x"))), 400, 9002313},
		{"an empty body", post(t, endpoint, ""), 400, 900144},
		{"parameters in the query only", post(t, endpoint+"?"+good, ""), 400, 900144},
		{"a secret in the query", post(t, endpoint+"?client_secret="+secret, "grant_type=client_credentials&client_id="+client+"&scope="+api+"/.default"), 401, 7000216},
		{"Basic without base64", with(post(t, endpoint, "grant_type=client_credentials"), "Authorization", "Basic ???"), 400, 9002313},
		{"Basic without a colon", with(post(t, endpoint, "grant_type=client_credentials"), "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("x"))), 400, 9002313},
		{"Basic with an empty secret", with(post(t, endpoint, "grant_type=client_credentials"), "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(client+":"))), 401, 7000216},
		{"Bearer is no credential", with(post(t, endpoint, "grant_type=client_credentials"), "Authorization", "Bearer x"), 401, 7000216},
		{"NUL and bad UTF-8", post(t, endpoint, "grant_type=client_credentials&client_secret=x&scope="+api+"/.default&client_id=%00%ff%fe"), 400, 700016},
		{"only separators", post(t, endpoint, "&&==&=&%&+"), 400, 900144},
		{"GET", method(http.MethodGet, endpoint), 400, 900561},
		{"PUT", method(http.MethodPut, endpoint), 400, 900561},
		{"DELETE", method(http.MethodDelete, endpoint), 400, 900561},
		{"OPTIONS", method(http.MethodOptions, endpoint), 200, 0},
		{"POST on discovery", method(http.MethodPost, server.URL+"/"+acme+"/v2.0/.well-known/openid-configuration"), 405, 0},
		{"an unknown path", method(http.MethodGet, server.URL+"/"+acme+"/oauth2/v3.0/token"), 404, 0},
		{"the root", method(http.MethodGet, server.URL+"/"), 404, 0},
		{"a tenant with an escaped slash", method(http.MethodGet, server.URL+"/a%2Fb/v2.0/.well-known/openid-configuration"), 400, 900023},
		{"an error number that is none", method(http.MethodGet, server.URL+"/error?code=x"), 404, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			response, body := do(t, tc.r)
			if response.StatusCode != tc.status {
				t.Errorf("%s, want %d: %s", response.Status, tc.status, body)
			}
			if tc.number == 0 {
				return
			}
			if e := errorBody(t, response, body); e.ErrorCodes[0] != tc.number {
				t.Errorf("AADSTS%d, want %d", e.ErrorCodes[0], tc.number)
			}
		})
	}
}

// TestPreflight: a page of another origin may read what is public.
func TestPreflight(t *testing.T) {
	server := serve(t, idp.Config{})
	for _, path := range []string{
		"/" + acme + "/v2.0/.well-known/openid-configuration", "/" + acme + "/.well-known/openid-configuration",
		"/" + acme + "/discovery/v2.0/keys", "/" + acme + "/discovery/keys", "/common/discovery/instance",
	} {
		r, err := http.NewRequest(http.MethodOptions, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, _ := do(t, r)
		if h := response.Header; response.StatusCode != http.StatusOK || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Methods") != "GET, OPTIONS" {
			t.Errorf("%s: %s %v", path, response.Status, h)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	server := serve(t, idp.Config{})
	r, err := http.NewRequest(http.MethodHead, server.URL+"/"+acme+"/discovery/v2.0/keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, body := do(t, r); response.StatusCode != http.StatusOK || body != "" || response.ContentLength < 1000 {
		t.Errorf("%s, %d bytes, Content-Length %d", response.Status, len(body), response.ContentLength)
	}
}

// TestNoSecretIsLogged: whatever is sent, the log has neither secret nor token.
func TestNoSecretIsLogged(t *testing.T) {
	var log strings.Builder
	server := serve(t, idp.Config{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	token := accessToken(t, tokenRequest(t, server, acme, nil))
	do(t, tokenRequest(t, server, acme, form{"client_secret": {"wrong-secret"}}))
	do(t, tokenRequest(t, server, acme, form{"client_secret": {"wrong-secret"}, "grant_type": {"password"}}))
	r := tokenRequest(t, server, acme, form{"client_secret": {"-"}, "scope": {"openid"}})
	r.SetBasicAuth(client, "wrong-secret")
	do(t, r)
	do(t, tokenRequest(t, server, acme, form{"client_id": {secret}, "client_secret": {client}})) // swapped
	do(t, tokenRequest(t, server, acme, form{"scope": {strings.Repeat("x", 10_000)}}))
	do(t, tokenRequest(t, server, acme, form{"scope": {"openid;client_secret=" + secret}}))
	do(t, tokenRequest(t, server, acme, form{"grant_type": {"client_credentials;client_secret=" + secret}}))
	do(t, tokenRequest(t, server, secret, nil))
	server.Close() // waits for the handlers, and so for the log
	if lines := strings.Count(log.String(), "\n"); lines != 9 || log.Len() > 9*500 {
		t.Errorf("%d lines of %d bytes for nine requests: %s", lines, log.Len(), log.String())
	}
	for _, hidden := range []string{secret, "wrong-secret", token, token[strings.LastIndexByte(token, '.')+1:], base64.StdEncoding.EncodeToString([]byte(client + ":wrong-secret"))} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the log has %q: %s", hidden, log.String())
		}
	}
	if !strings.Contains(log.String(), `"aadsts":7000215`) || !strings.Contains(log.String(), `"msg":"token issued"`) {
		t.Errorf("the log does not say what happened: %s", log.String())
	}
}
