package idpool

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/imports"
	"github.com/idpool/idpool/validator"
)

const (
	acme   = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	api    = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	client = "75f2f796-363d-4de2-b299-713920db01a7"
	secret = "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"
)

// start runs a stack that stops with the test.
func start(t testing.TB, c Config) *Stack {
	t.Helper()
	s, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// fetchToken asks the running stack as the article does.
func fetchToken(t testing.TB, s *Stack) string {
	t.Helper()
	return tokenAt(t, http.DefaultClient, s.HTTP)
}

// answerTo is what a listener answers, and its whole body.
func answerTo(t testing.TB, s *Stack, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// decide asks the admin listener.
func decide(t testing.TB, s *Stack, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Admin+"/v1/decisions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, text := answerTo(t, s, r)
	return response.StatusCode, text
}

func TestTheWholePath(t *testing.T) {
	s := start(t, Acme())
	token := fetchToken(t, s)
	ask := func(pool string) validator.Decision {
		body, err := json.Marshal(decisionRequest{Token: token, Cluster: "lkc-acme", Pool: pool})
		if err != nil {
			t.Fatal(err)
		}
		status, text := decide(t, s, string(body))
		var d validator.Decision
		if err := json.Unmarshal([]byte(text), &d); err != nil || status != http.StatusOK {
			t.Fatal(status, err, text)
		}
		return d
	}
	for _, tc := range []struct {
		name, pool string
		pools      []string
		cause      string // "" means allowed
	}{
		{"the pool whose role the client has", "pool-dev", []string{"pool-dev"}, ""},
		{"auto mapping finds it", "", []string{"pool-dev"}, ""},
		{"a list: the matching members count", "pool-prod,pool-dev", []string{"pool-dev"}, ""},
		{"the pool whose role it has not", "pool-prod", []string{}, "role-not-assigned"},
		{"a pool that does not exist", "pool-dve", []string{}, "pool-unknown"},
	} {
		d := ask(tc.pool)
		if d.Allowed != (tc.cause == "") || !slices.Equal(d.Pools, tc.pools) {
			t.Errorf("%s: allowed %v by %v: %+v", tc.name, d.Allowed, d.Pools, d.Failed())
		}
		if d.Allowed && (d.Principal != "User:pool-dev" || d.Identity != client || len(d.Causes) != 0) {
			t.Errorf("%s: principal %q, identity %q, causes %v", tc.name, d.Principal, d.Identity, d.Causes)
		}
		if !d.Allowed && (len(d.Causes) == 0 || d.Causes[0].ID != tc.cause) {
			t.Errorf("%s: causes %+v, want %s first", tc.name, d.Causes, tc.cause)
		}
	}
}

// TestTheDecisionsShape pins the JSON of DESIGN.md: names, order, no null.
func TestTheDecisionsShape(t *testing.T) {
	c := Acme()
	c.Now = func() time.Time { return time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC) }
	s := start(t, c)
	for name, body := range map[string]string{
		"allowed":  `{"token":"` + fetchToken(t, s) + `","cluster":"lkc-acme","pool":"pool-dev"}`,
		"refused":  `{"token":"` + fetchToken(t, s) + `","cluster":"lkc-acme","pool":"pool-prod"}`,
		"no token": `{"token":"x"}`,
	} {
		_, text := decide(t, s, body)
		at := -1
		for _, member := range []string{"allowed", "provider", "pools", "principal", "identity", "expiresAt", "checks", "causes"} {
			i := strings.Index(text, `"`+member+`":`)
			if i < 0 && member == "expiresAt" && name == "no token" {
				continue // there is none
			}
			if i <= at {
				t.Errorf("%s: member %q is missing or out of order: %s", name, member, text)
			}
			at = i
		}
		if strings.Contains(text, "null") {
			t.Errorf("%s: has a null: %s", name, text)
		}
		if n := strings.Count(text, `"status":`); n != 11 {
			t.Errorf("%s: %d checks, want 11", name, n)
		}
		if name == "allowed" && !strings.Contains(text, `"expiresAt":"2026-11-23T16:00:00Z"`) {
			t.Errorf("%s: %s, want the time of exp", name, text)
		}
	}
}

func TestTheClusterIsRequiredOverHTTP(t *testing.T) {
	s := start(t, Acme())
	_, text := decide(t, s, `{"token":"`+fetchToken(t, s)+`","pool":"pool-dev"}`)
	if !strings.Contains(text, `"allowed":false`) || !strings.Contains(text, `"cluster-missing"`) {
		t.Errorf("%s", text)
	}
}

func TestWhatTheAdminListenerRefuses(t *testing.T) {
	s := start(t, Acme())
	for _, tc := range []struct {
		name, method, path, contentType, body, origin string
		status                                        int
		want                                          string
	}{
		{"health", "GET", "/healthz", "", "", "", 200, `{"status":"ok"}`},
		{"health by HEAD", "HEAD", "/healthz", "", "", "", 200, ""},
		{"an unknown field", "POST", "/v1/decisions", "application/json", `{"tokn":"x"}`, "", 400, `tokn: unknown member: did you mean \"token\"?`},
		{"a field in capitals", "POST", "/v1/decisions", "application/json", `{"TOKEN":"x"}`, "", 400, `TOKEN: unknown member`},
		{"a field twice", "POST", "/v1/decisions", "application/json", `{"token":"x","token":"y"}`, "", 400, `token: duplicate member`},
		{"a wrong type", "POST", "/v1/decisions", "application/json", `{"token":1}`, "", 400, `token: want a text, got a number`},
		{"two objects", "POST", "/v1/decisions", "application/json", `{} {}`, "", 400, "after top-level value"},
		{"null", "POST", "/v1/decisions", "application/json", `null`, "", 400, "want a JSON object"},
		{"no JSON", "POST", "/v1/decisions", "application/json", `token=x`, "", 400, "want a JSON object"},
		{"an empty body", "POST", "/v1/decisions", "application/json", "", "", 400, "want a JSON object"},
		{"an endless pool", "POST", "/v1/decisions", "application/json", `{"token":"x","pool":"` + strings.Repeat("p", 1<<19) + `"}`, "", 200, `"allowed":false`},
		{"a body over 1 MiB", "POST", "/v1/decisions", "application/json", `{"token":"` + strings.Repeat("a", 1<<20) + `"}`, "", 413, "over 1048576 bytes"},
		{"a form", "POST", "/v1/decisions", "application/x-www-form-urlencoded", "token=x", "", 415, "want Content-Type: application/json"},
		{"a web page of another site", "POST", "/v1/decisions", "application/json", `{}`, "https://evil.example", 403, "another origin"},
		{"another method", "GET", "/v1/decisions", "", "", "", 405, "does not take GET"},
		{"an unknown path", "GET", "/v2", "", "", "", 404, `no \"/v2\"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := http.NewRequest(tc.method, s.Admin+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", tc.contentType)
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != tc.status || !strings.Contains(string(text), tc.want) {
				t.Errorf("%s %s, want %d with %q", response.Status, text, tc.status, tc.want)
			}
			if media := response.Header.Get("Content-Type"); tc.status != 200 && media != "application/problem+json" {
				t.Errorf("Content-Type %q", media)
			}
		})
	}
}

// TestDNSRebinding: a page whose name resolves to this machine is same-origin
// to a browser, and still another site; a program may use any name.
func TestDNSRebinding(t *testing.T) {
	s := start(t, Acme())
	for _, tc := range []struct {
		name, host, origin, fetchSite string
		status                        int
	}{
		{"a program, by a container's name", "idpool:8081", "", "", 200},
		{"a page of ours", "localhost:8081", "http://localhost:8081", "same-origin", 200},
		{"a page of ours, IPv6", "[::1]:8081", "http://[::1]:8081", "same-origin", 200},
		{"a rebound page", "evil.example:8081", "http://evil.example:8081", "same-origin", 403},
		{"a rebound page's GET", "evil.example:8081", "", "same-origin", 403},
	} {
		r, err := http.NewRequest(http.MethodGet, s.Admin+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tc.host
		for name, value := range map[string]string{"Origin": tc.origin, "Sec-Fetch-Site": tc.fetchSite} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != tc.status {
			t.Errorf("%s: %s, want %d", tc.name, response.Status, tc.status)
		}
	}
}

func TestThePublicURLIsTheIssuer(t *testing.T) {
	c := Acme()
	c.Listeners.HTTP.PublicURL = "https://idp.example/"
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if token := mint(t, s); !s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme"}).Allowed {
		t.Error("a stack refuses its own token")
	}
	if s.HTTP != "https://idp.example" {
		t.Errorf("HTTP %q", s.HTTP)
	}
}

// mint takes a token without a server.
func mint(t testing.TB, s *Stack) string {
	t.Helper()
	token, err := s.Token(t.Context(), idp.TokenRequest{Tenant: acme, ClientID: client, ClientSecret: secret, Scope: api + "/.default"})
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// TestIssuerAzure: the production issuer works offline.
func TestIssuerAzure(t *testing.T) {
	c := Acme()
	c.Issuer = "azure"
	s := start(t, c)
	d := s.Decide(t.Context(), validator.Request{Token: fetchToken(t, s), Cluster: "lkc-acme", Pools: "pool-dev"})
	if !d.Allowed || d.Claims["iss"] != "https://login.microsoftonline.com/"+acme+"/v2.0" {
		t.Errorf("allowed %v, iss %v: %+v", d.Allowed, d.Claims["iss"], d.Failed())
	}
}

// TestAProviderByURL: keys over the network, as Confluent Cloud has them.
func TestAProviderByURL(t *testing.T) {
	azure := start(t, Acme())
	c := Acme()
	c.Tenants = nil
	c.IdentityProviders[0].Tenant = ""
	c.IdentityProviders[0].Issuer = azure.HTTP + "/" + acme + "/v2.0"
	c.IdentityProviders[0].JWKSURI = azure.HTTP + "/" + acme + "/discovery/v2.0/keys"
	broker := start(t, c)
	if d := broker.Decide(t.Context(), validator.Request{Token: fetchToken(t, azure), Cluster: "lkc-acme", Pools: "pool-dev"}); !d.Allowed {
		t.Errorf("%+v", d.Failed())
	}
}

func TestOneClockMovesIssuerAndValidator(t *testing.T) {
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	c := Acme()
	c.Now = func() time.Time { return now }
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	token := mint(t, s)
	for _, tc := range []struct {
		after  time.Duration
		failed string
	}{
		{0, ""}, {time.Hour + 29*time.Second, ""}, {time.Hour + 31*time.Second, "expiry"}, {-331 * time.Second, "not-before"},
	} {
		now = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC).Add(tc.after)
		d := s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
		if d.Failed().Name != tc.failed {
			t.Errorf("after %v the check %q fails, want %q", tc.after, d.Failed().Name, tc.failed)
		}
	}
}

func TestKeysBySetting(t *testing.T) {
	fixed, err := New(Acme())
	if err != nil {
		t.Fatal(err)
	}
	defer fixed.Close()
	dir := t.TempDir()
	for _, keys := range []string{"generate", dir, dir} {
		c := Acme()
		c.Keys = keys
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		token := mint(t, s)
		if d := s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme"}); !d.Allowed {
			t.Errorf("%s: refuses its own token: %+v", keys, d.Failed())
		}
		if d := fixed.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme"}); d.Failed().Name != "key" {
			t.Errorf("%s: the test keys verify it: %+v", keys, d.Failed())
		}
		s.Close()
	}
}

// TestTheLogHasNoToken: decisions are logged with reason and cause, and
// without the token.
func TestTheLogHasNoToken(t *testing.T) {
	var log strings.Builder
	c := Acme()
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	token := mint(t, s)
	s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
	s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-prod"})
	s.Decide(t.Context(), validator.Request{Token: token[:len(token)-4] + "AAAA", Cluster: "lkc-acme"})
	s.Decide(t.Context(), validator.Request{Token: "secret-opaque-token", Pools: token, Cluster: strings.Repeat("x", 10_000)})
	s.Close()
	for _, want := range []string{"login allowed", "check=filter", "cause=role-not-assigned", "check=signature", "check=format"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
	if log.Len() > 8_000 {
		t.Errorf("the log of five lines has %d bytes", log.Len())
	}
	parts := strings.Split(token, ".")
	for _, hidden := range []string{parts[1], parts[2][:40], secret, "secret-opaque-token"} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the log has %q", hidden)
		}
	}
}

// TestInProcessTransport: a request for the stack itself needs no network, and
// any other goes out.
func TestInProcessTransport(t *testing.T) {
	outside := httptest.NewServer(http.NotFoundHandler())
	defer outside.Close()
	transport := &inProcess{served: []served{{"http://localhost:8080/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "in")
	})}}}
	web := &http.Client{Transport: transport}
	for url, want := range map[string]int{"http://localhost:8080/x": http.StatusTeapot, outside.URL: http.StatusNotFound} {
		response, err := web.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: %s, want %d", url, response.Status, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost:8080/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := web.Do(r); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
}

func TestImports(t *testing.T) {
	imports.Check(t, ".", "broker", "explain", "fault", "forge", "idp", "internal/ca", "internal/denied", "internal/mask", "internal/metrics", "internal/nearest", "internal/openapi", "internal/recorded", "internal/strictyaml", "journal", "pool", "validator")
}
