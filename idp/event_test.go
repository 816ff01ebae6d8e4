package idp_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// observing is a ResponseWriter that remembers what it was told, and whether
// that was before the answer.
type observing struct {
	http.ResponseWriter
	events  *[]idp.Event
	written bool
}

func (o *observing) Observe(e idp.Event) {
	if o.written {
		e.Detail = "told too late"
	}
	*o.events = append(*o.events, e)
}

func (o *observing) WriteHeader(status int) {
	o.written = true
	o.ResponseWriter.WriteHeader(status)
}

// observe runs a server over real HTTP and collects what its answers are about.
func observe(t *testing.T, c idp.Config) (*httptest.Server, *[]idp.Event) {
	t.Helper()
	s, events := newServer(t, c), new([]idp.Event)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeHTTP(&observing{ResponseWriter: w, events: events}, r)
	}))
	t.Cleanup(server.Close)
	return server, events
}

func TestAnObserverIsToldWhatAnAnswerIsAbout(t *testing.T) {
	server, events := observe(t, idp.Config{Tenants: everything()})
	ask := func(method, path string, header ...string) *http.Request {
		r, err := http.NewRequest(method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	const scope, oidc, imds = "api://" + api + "/.default", "/.well-known/openid-configuration", "/metadata/identity/oauth2/token"
	roles := []string{"dev.environmentAdmin"}
	for name, tc := range map[string]struct {
		r    *http.Request
		want idp.Event
	}{
		"token":             {tokenRequest(t, server, "ACMEexamples.onmicrosoft.com", nil), idp.Event{Endpoint: "token", Tenant: acme, ClientID: client, Scope: scope, Audience: api, Version: "2.0", Roles: roles}},
		"token v1":          {post(t, server.URL+"/"+acme+"/oauth2/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "resource": {"https://kafka.example/"}}.Encode()), idp.Event{Endpoint: "token", Tenant: acme, ClientID: client, Scope: "https://kafka.example/", Audience: "https://kafka.example/", Version: "1.0"}},
		"wrong secret":      {tokenRequest(t, server, acme, form{"client_secret": {"wrong-secret"}}), idp.Event{Endpoint: "token", Tenant: acme, ClientID: client, Scope: scope, AADSTS: 7000215, Error: "invalid_client"}},
		"secret as id":      {tokenRequest(t, server, acme, form{"client_id": {secret}, "scope": {secret}}), idp.Event{Endpoint: "token", Tenant: acme, ClientID: "(a secret)", Scope: "(a secret)", AADSTS: 1002012, Error: "invalid_scope"}},
		"tenant as secret":  {tokenRequest(t, server, secret, nil), idp.Event{Endpoint: "token", Tenant: "(a secret)", ClientID: client, Scope: scope, AADSTS: 90002, Error: "invalid_request"}},
		"GET token":         {ask("GET", "/"+acme+"/oauth2/v2.0/token"), idp.Event{Endpoint: "token", Tenant: acme, AADSTS: 900561, Error: "invalid_request"}},
		"discovery":         {ask("GET", "/"+acme+"/v2.0"+oidc), idp.Event{Endpoint: "discovery", Tenant: acme}},
		"discovery v1":      {ask("HEAD", "/common"+oidc), idp.Event{Endpoint: "discovery", Tenant: "common"}},
		"unknown tenant":    {ask("GET", "/contoso.com/v2.0"+oidc), idp.Event{Endpoint: "discovery", Tenant: "contoso.com", AADSTS: 90002, Error: "invalid_tenant"}},
		"jwks":              {ask("GET", "/acmeexamples.onmicrosoft.com/discovery/v2.0/keys"), idp.Event{Endpoint: "jwks", Tenant: acme}},
		"jwks v1":           {ask("OPTIONS", "/common/discovery/keys"), idp.Event{Endpoint: "jwks", Tenant: "common"}},
		"instance":          {ask("GET", "/common/discovery/instance"), idp.Event{Endpoint: "instance", AADSTS: 50049, Error: "invalid_instance"}},
		"imds":              {ask("GET", imds+"?api-version=2018-02-01&resource=api://"+api, "Metadata", "true"), idp.Event{Endpoint: "imds", Tenant: acme, ClientID: identity, Scope: "api://" + api, Audience: api, Version: "2.0", Roles: roles}},
		"imds, no header":   {ask("GET", imds), idp.Event{Endpoint: "imds", Error: "bad_request_102", Detail: "Required metadata header not specified"}},
		"imds, no resource": {ask("GET", imds+"?api-version=2018-02-01&resource=api://nothing", "Metadata", "true"), idp.Event{Endpoint: "imds", Tenant: acme, ClientID: identity, Scope: "api://nothing", AADSTS: 500011, Error: "invalid_resource"}},
		"app service":       {ask("GET", "/msi/token?api-version=2019-08-01&resource=api://"+api, "X-IDENTITY-HEADER", "x"), idp.Event{Endpoint: "app-service", Tenant: acme, ClientID: identity, Scope: "api://" + api, Audience: api, Version: "2.0", Roles: roles}},
		"app service, none": {ask("GET", "/msi/token"), idp.Event{Endpoint: "app-service", Error: "Unauthorized", Detail: "The header X-IDENTITY-HEADER is missing: send the value of IDENTITY_HEADER."}},
		"POST jwks":         {ask("POST", "/"+acme+"/discovery/v2.0/keys"), idp.Event{Endpoint: "jwks", Tenant: acme}},
		"nothing":           {ask("GET", "/favicon.ico"), idp.Event{Endpoint: "other"}},
	} {
		*events = nil
		response, _ := do(t, tc.r)
		tc.want.RequestID = response.Header.Get("x-ms-request-id")
		if len(*events) != 1 || !reflect.DeepEqual((*events)[0], tc.want) {
			t.Errorf("%s: told %+v\nwant %+v", name, *events, tc.want)
		}
		if len(tc.want.RequestID) != 36 {
			t.Errorf("%s: request id %q", name, tc.want.RequestID)
		}
	}
}

// The line in the log, the header and the body have one id.
func TestTheLogHasTheRequestID(t *testing.T) {
	var log bytes.Buffer
	server := serve(t, idp.Config{Tenants: everything(), Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	imds, err := http.NewRequest(http.MethodGet, server.URL+"/metadata/identity/oauth2/token?api-version=1&resource=api://nothing", nil)
	if err != nil {
		t.Fatal(err)
	}
	imds.Header.Set("Metadata", "true")
	for name, r := range map[string]*http.Request{
		"issued": tokenRequest(t, server, acme, nil), "refused": tokenRequest(t, server, acme, form{"scope": {"x"}}), "imds": imds,
	} {
		log.Reset()
		response, body := do(t, r)
		id := response.Header.Get("x-ms-request-id")
		var line struct {
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.RequestID != id || id == "" {
			t.Errorf("%s: log %s (%v), want the id %q", name, &log, err, id)
		}
		if name == "refused" && !strings.Contains(body, `"trace_id":"`+id+`"`) {
			t.Errorf("body %s, want the trace_id %s", body, id)
		}
	}
}

// An error that is written for the server is one of the server's.
func TestWriteError(t *testing.T) {
	s := newServer(t, idp.Config{PublicURL: "http://idp.test"})
	ask := func(path, body string, e *idp.Error) (*http.Response, idp.ErrorBody, idp.Event) {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("x-client-current-telemetry", "5|1|")
		var events []idp.Event
		recorder := httptest.NewRecorder()
		recorder.Header().Set("Retry-After", "7")
		s.WriteError(&observing{ResponseWriter: recorder, events: &events}, r, e)
		var got idp.ErrorBody
		if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil || len(events) != 1 {
			t.Fatal(recorder.Body, err, events)
		}
		return recorder.Result(), got, events[0]
	}
	limited := idp.NewError(7000215)
	limited.Status = http.StatusTooManyRequests
	response, body, event := ask("/"+acme+"/oauth2/v2.0/token", "client_id="+client+"&scope=x", limited)
	if response.StatusCode != 429 || response.Header.Get("Retry-After") != "7" || response.Header.Get("x-ms-clitelem") != "1,7000215,0,," ||
		response.Header.Get("x-ms-request-id") != body.TraceID || body.ErrorURI != "http://idp.test/error?code=7000215" {
		t.Errorf("%s %v %+v", response.Status, response.Header, body)
	}
	if !strings.Contains(body.ErrorDescription, "added to app '"+client+"'. Trace ID: "+body.TraceID) || strings.Contains(limited.Message, client) {
		t.Errorf("description %q of %q", body.ErrorDescription, limited.Message)
	}
	if want := (idp.Event{Endpoint: "token", Tenant: acme, ClientID: client, Scope: "x", AADSTS: 7000215, Error: "invalid_client", RequestID: body.TraceID}); !reflect.DeepEqual(event, want) {
		t.Errorf("told %+v, want %+v", event, want)
	}
	_, body, event = ask("/"+acme+"/discovery/v2.0/keys", "", idp.NewError(90002))
	if !strings.Contains(body.ErrorDescription, "Tenant '"+acme+"' not found") || event.Tenant != acme || event.Endpoint != "jwks" {
		t.Errorf("%+v %+v", body, event)
	}
	_, _, event = ask("/msi/token", "", idp.NewError(90002))
	if event.Tenant != "" || event.Endpoint != "app-service" {
		t.Errorf("%+v", event)
	}
}

// At a listener with https the error points to https.
func TestWriteErrorOverTLS(t *testing.T) {
	s := newServer(t, idp.Config{PublicURL: "http://idp.test"})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.WriteError(w, r, idp.NewError(50059)) }))
	defer server.Close()
	response, err := server.Client().Get(server.URL + "/common/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body idp.ErrorBody
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil || body.ErrorURI != server.URL+"/error?code=50059" {
		t.Errorf("%+v, %v, want an error_uri at %s", body, err, server.URL)
	}
}

func TestNewErrorKnowsEveryNumber(t *testing.T) {
	for _, number := range idp.ErrorNumbers() {
		if e := idp.NewError(number); e.Number != number || e.Status < 400 || e.Code == "" || e.Message == "" {
			t.Errorf("%d: %+v", number, e)
		}
	}
	if e := idp.NewError(90002, "segment", "contoso", "left over"); !strings.HasPrefix(e.Error(), "AADSTS90002: Tenant 'contoso' not found") {
		t.Error(e)
	}
	e := idp.NewError(12345)
	if body := e.Body("http://idp.test", now, "", ""); e.Status != 400 || body.Error != "invalid_request" || body.ErrorURI != "" || body.ErrorCodes[0] != 12345 {
		t.Errorf("%+v %+v", e, body)
	}
}

func TestTenantID(t *testing.T) {
	s := newServer(t, idp.Config{})
	for segment, want := range map[string]string{
		acme: acme, strings.ToUpper(acme): acme, "AcmeExamples.onmicrosoft.com": acme, "common": "", "contoso.com": "", "": "",
	} {
		if got := s.TenantID(segment); got != want {
			t.Errorf("%q: %q, want %q", segment, got, want)
		}
	}
}
