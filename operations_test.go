package idpool

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// get is the body of a path of the admin listener.
func get(t *testing.T, s *Stack, path string) (int, string) {
	t.Helper()
	r, err := http.Get(s.Admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// What happens is counted, by words that no client can invent.
func TestMetricsOfAStack(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	scope := newScope(t, s)
	token := fetchToken(t, s)
	askToken(t, s.Client(), s.HTTP, acme, "wrong")
	askToken(t, s.Client(), s.HTTP, scope.TenantID(), "wrong")
	s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
	s.Decide(t.Context(), validator.Request{Token: token + "x", Cluster: "lkc-acme", Pools: "pool-dev"})
	if err := kafkaClient(t, s, "pool-dev").Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	addFault(t, s.Scope, fault.Fault{Endpoint: "token", Status: http.StatusServiceUnavailable, Times: 1})
	tokenOf(t, s, s.Scope)
	_, text := get(t, s, "/metrics")
	for _, want := range []string{
		`idpool_requests_total{endpoint="token",status="200"} 1`,
		`idpool_requests_total{endpoint="token",status="401"} 2`,
		`idpool_requests_total{endpoint="token",status="503"} 1`,
		`idpool_requests_total{endpoint="jwks",status="200"} 1`,
		`idpool_aadsts_errors_total{code="AADSTS7000215"} 2`,
		`idpool_decisions_total{cause="",check="",endpoint="decision",outcome="ok"} 1`,
		`idpool_jwks_fetches_total{provider="op-acme",result="ok"} 1`,
		`idpool_kafka_logins_total{outcome="ok"}`,
		`idpool_faults_injected_total{endpoint="token"} 1`,
		`idpool_request_duration_seconds_count{endpoint="token"} 4`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %s in\n%s", want, grep(text, want[:strings.IndexAny(want, "{")]))
		}
	}
}

// grep are the lines of a text that have a word.
func grep(text, word string) string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}

// The line of the log about a token has the request id of the response.
func TestTheLogHasTheRequestID(t *testing.T) {
	log := newLogBuffer()
	c := Acme()
	c.Logger = slog.New(slog.NewJSONHandler(log, nil))
	s := start(t, c)
	r, err := s.Client().PostForm(s.HTTP+"/"+acme+"/oauth2/v2.0/token", map[string][]string{
		"client_id": {client}, "client_secret": {secret}, "scope": {acmeScope}, "grant_type": {"client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	var line struct {
		Msg       string `json:"msg"`
		RequestID string `json:"request_id"`
	}
	if err := json.NewDecoder(strings.NewReader(log.String())).Decode(&line); err != nil || line.RequestID != r.Header.Get("X-Ms-Request-Id") || line.RequestID == "" {
		t.Errorf("%v: %+v, want the id %s", err, line, r.Header.Get("X-Ms-Request-Id"))
	}
}

// While the stack ends it says that it is not ready, a request under way is
// answered, and whoever follows the journal is let go.
func TestTheEndIsDrained(t *testing.T) {
	s := start(t, Acme())
	s.drain = time.Minute // what is under way goes on for as long as it takes here
	follower, err := http.Get(s.Admin + "/v1/journal/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Body.Close()
	// A request whose body is not sent yet is under way for as long as we like,
	// once the server has asked for the body.
	body, writer := io.Pipe()
	web := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Hour}}
	defer web.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.HTTP+"/"+acme+"/oauth2/v2.0/token", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Expect", "100-continue")
	answered := make(chan int, 1)
	go func() {
		r, err := web.Do(request)
		if err != nil {
			t.Error(err)
			answered <- 0
			return
		}
		r.Body.Close()
		answered <- r.StatusCode
	}()
	if _, err := writer.Write([]byte("grant_type=client_credentials&client_id=" + client + "&scope=")); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Close() }()
	<-s.lifetime.Done()
	if status, text := get(t, s, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "draining") {
		t.Errorf("/readyz while it ends: %d %s", status, text)
	}
	if status, _ := get(t, s, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz while it ends: %d", status)
	}
	if _, err := writer.Write([]byte(acmeScope + "&client_secret=" + secret)); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request under way: %d", status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, bufio.NewReader(follower.Body)); err != nil {
		t.Errorf("the follower's connection was not closed in order: %v", err)
	}
}

// Whoever waits for what never happens is told what did.
func TestTakeOverHTTP(t *testing.T) {
	s := start(t, Acme())
	take := func(body string) (int, string) {
		r, err := http.Post(s.Admin+"/v1/journal/take", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(text)
	}
	fetchToken(t, s)
	if status, text := take(`{"endpoint":"token","outcome":"refused","timeout":"1ms"}`); status != http.StatusRequestTimeout || !strings.Contains(text, "outcome") {
		t.Errorf("in vain: %d %s", status, text)
	}
	var got struct{ Entries []journal.Entry }
	status, text := take(`{"endpoint":"token"}`)
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != http.StatusOK || len(got.Entries) != 1 {
		t.Fatalf("%d %v %s", status, err, text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Journal().Take(ctx, journal.Filter{Endpoint: "token"}, 1); err == nil {
		t.Error("one entry was taken twice")
	}
}

// A line of the log that a fault touched has its id, and one of a scope the
// scope's; a connection that is broken off is no refusal of Azure's.
func TestTheLogTellsFaultsAndScopes(t *testing.T) {
	log := newLogBuffer()
	c := Acme()
	c.Logger = slog.New(slog.NewJSONHandler(log, nil))
	s := start(t, c)
	scope := newScope(t, s)
	addFault(t, scope, fault.Fault{ID: "inj", Endpoint: "token", AADSTS: 7000215, Times: 1})
	addFault(t, scope, fault.Fault{ID: "broken", Endpoint: "token", Token: "expired", Times: 1})
	addFault(t, scope, fault.Fault{ID: "gone", Endpoint: "token", Close: true, Times: 1})
	tokenOf(t, s, scope)
	tokenOf(t, s, scope)
	if r, err := s.Client().PostForm(s.HTTP+"/"+scope.TenantID()+"/oauth2/v2.0/token", nil); err == nil {
		r.Body.Close()
		t.Error("the connection was not closed")
	}
	askToken(t, s.Client(), s.HTTP, scope.Config().Tenants[0].Domains[0], "wrong")
	type line struct {
		Msg, Fault, Tenant, Scope string
		IdpoolScope               string `json:"idpool_scope"`
	}
	var lines []line
	for text := range strings.Lines(log.String()) {
		var one line
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatal(err, text)
		}
		lines = append(lines, one)
	}
	want := []line{
		{"token refused", "inj", scope.TenantID(), acmeScope, scope.ID()},
		{"token issued", "broken", scope.TenantID(), "", scope.ID()},
		{"token refused", "", scope.TenantID(), acmeScope, scope.ID()},
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got  %v\nwant %v\n%s", lines, want, log)
	}
}

// The journal says of a refusal what was asked for, seen and wanted.
func TestTheJournalHasTheReason(t *testing.T) {
	s := start(t, Acme())
	s.Decide(t.Context(), validator.Request{Token: fetchToken(t, s), Cluster: "lkc-acme", Pools: "pool-prod"})
	e := s.Journal().List(journal.Filter{Endpoint: journal.EndpointDecision}, 1)[0]
	if e.Check != "filter" || e.Cause == "" || !slices.Equal(e.Pools, []string{"pool-prod"}) || strings.Contains(e.Detail, "bytes)") ||
		!strings.Contains(e.Detail+e.Got+e.Want, "prod.environmentAdmin") {
		t.Errorf("%+v", e)
	}
}

// Over HTTP a scope is used by the names of the config, and its client's
// credentials come with it.
func TestAScopeOverHTTP(t *testing.T) {
	s := start(t, Acme())
	var made scopeView
	_, text := askAdmin(t, s.Admin, exchange{method: "POST", path: "/v1/scopes", body: `{"name":"over http"}`})
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatal(err)
	}
	r, err := s.Client().PostForm(made.TokenURL, map[string][]string{
		"client_id": {made.ClientID}, "client_secret": {made.ClientSecret}, "scope": {acmeScope}, "grant_type": {"client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&token); err != nil || token.AccessToken == "" {
		t.Fatal(r.Status, err)
	}
	of := "?scope=" + made.ID
	askAll(t, s.Admin, []exchange{
		{"POST", "/v1/decisions" + of, `{"token":"` + token.AccessToken + `","cluster":"lkc-acme","pool":"pool-dev"}`, 200, `"allowed":true`},
		{"POST", "/v1/decisions", `{"token":"` + token.AccessToken + `","cluster":"lkc-acme","pool":"pool-dev"}`, 200, `"allowed":false`},
		{"GET", "/v1/identity-pools/pool-dev/role-bindings" + of, "", 200, "CloudClusterAdmin"},
		{"GET", "/v1/tenants/acmeexamples.onmicrosoft.com/keys" + of, "", 200, `"state":"signing"`},
		{"POST", "/v1/tokens" + of, `{"tenant":"` + acme + `"}`, 201, "access_token"},
		{"POST", "/v1/faults" + of, `{"endpoint":"token","tenant":"` + acme + `","status":503}`, 201, made.Tenants[acme]},
		{"GET", "/v1/journal/count" + of + "&endpoint=token&tenant=acmeexamples.onmicrosoft.com", "", 200, `{"count":1,`},
	})
}
