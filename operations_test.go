package idpool

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
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
