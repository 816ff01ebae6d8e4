package fault_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

// What a client sees of each kind of answer, over real HTTP.
func TestAnswers(t *testing.T) {
	const day = time.Hour * 24
	for name, row := range map[string]struct {
		fault       fault.Fault
		status      int
		contentType string
		body        string // is in it
		header      map[string]string
	}{
		"an error of Azure's": {fault.Fault{Endpoint: "token", AADSTS: 7000215}, 401, "application/json; charset=utf-8",
			`{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '` + client + `'. Trace ID: `,
			map[string]string{"Cache-Control": "no-store, no-cache", "Retry-After": ""}},
		"with another status":          {fault.Fault{Endpoint: "token", AADSTS: 7000215, Status: 400}, 400, "application/json; charset=utf-8", `AADSTS7000215`, nil},
		"on discovery":                 {fault.Fault{Endpoint: "discovery", AADSTS: 90002}, 400, "application/json; charset=utf-8", `{"error":"invalid_tenant"`, nil},
		"on the keys":                  {fault.Fault{Endpoint: "jwks", AADSTS: 50049}, 400, "application/json; charset=utf-8", `"error_codes":[50049]`, nil},
		"throttling":                   {fault.Fault{Endpoint: "token", Status: 429, RetryAfter: fault.Duration(30 * time.Second)}, 429, "application/json; charset=utf-8", `{"error":"temporarily_unavailable","error_description":"AADSTS90055: TenantThrottlingError`, map[string]string{"Retry-After": "30"}},
		"throttling by its number":     {fault.Fault{Endpoint: "token", AADSTS: 90055}, 429, "application/json; charset=utf-8", `"error_codes":[90055]`, nil},
		"Retry-After alone is 429":     {fault.Fault{Endpoint: "jwks", RetryAfter: fault.Duration(1500 * time.Millisecond)}, 429, "application/json; charset=utf-8", `90055`, map[string]string{"Retry-After": "2"}},
		"Retry-After with 503":         {fault.Fault{Endpoint: "token", Status: 503, RetryAfter: fault.Duration(day)}, 503, "application/json; charset=utf-8", `AADSTS90033: A transient error has occurred. Please try again.`, map[string]string{"Retry-After": "86400"}},
		"a server error":               {fault.Fault{Endpoint: "discovery", Status: 500}, 500, "application/json; charset=utf-8", `"error_codes":[90033]`, nil},
		"a status that Azure lacks":    {fault.Fault{Endpoint: "token", Status: 418}, 418, "application/json; charset=utf-8", `idpool: fault token-1: status 418`, nil},
		"a status without body":        {fault.Fault{Endpoint: "jwks", Status: 204}, 204, "", "", nil},
		"a page of a proxy":            {fault.Fault{Endpoint: "jwks", HTML: true, Status: 502}, 502, "text/html; charset=utf-8", "<h1>502 Bad Gateway</h1>", nil},
		"a page where JSON should be":  {fault.Fault{Endpoint: "token", HTML: true}, 200, "text/html; charset=utf-8", "fault token-1", nil},
		"a page that claims to be":     {fault.Fault{Endpoint: "token", HTML: true, ContentType: "application/json"}, 200, "application/json", "<!DOCTYPE html>", nil},
		"a page of Azure's":            {fault.Fault{Endpoint: "token", HTML: true, AADSTS: 53003}, 400, "text/html; charset=utf-8", "AADSTS53003: Access has been blocked", nil},
		"a body":                       {fault.Fault{Endpoint: "token", Body: `{"token_type":"Bearer"}`}, 200, "application/json; charset=utf-8", `{"token_type":"Bearer"}`, nil},
		"a body of text":               {fault.Fault{Endpoint: "token", Body: "busy", Status: 503}, 503, "text/plain; charset=utf-8", "busy", nil},
		"the real answer, other type":  {fault.Fault{Endpoint: "jwks", ContentType: "text/plain"}, 200, "text/plain", `{"keys":[{"kty":"RSA"`, nil},
		"a delay, then the real thing": {fault.Fault{Endpoint: "token", Delay: fault.Duration(time.Nanosecond)}, 200, "application/json; charset=utf-8", `"access_token":"ey`, nil},
		"a delay, then an error":       {fault.Fault{Endpoint: "token", Delay: fault.Duration(time.Nanosecond), AADSTS: 700016}, 400, "application/json; charset=utf-8", `not found in the directory 'Acme Examples Inc'`, nil},
		"a slow body":                  {fault.Fault{Endpoint: "discovery", SlowBody: fault.Duration(time.Nanosecond)}, 200, "application/json; charset=utf-8", `"msgraph_host":"graph.microsoft.com"`, nil},
		"a slow error":                 {fault.Fault{Endpoint: "token", SlowBody: fault.Duration(time.Nanosecond), AADSTS: 90033}, 503, "application/json; charset=utf-8", `90033`, nil},
		"a broken token":               {fault.Fault{Endpoint: "token", Token: "tampered"}, 200, "application/json; charset=utf-8", `.tampered"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld(t, row.fault)
			got := x.ask(row.fault.Endpoint)
			if got.err != nil {
				t.Fatal(got.err)
			}
			if got.status != row.status || got.header.Get("Content-Type") != row.contentType || !strings.Contains(got.body, row.body) || row.body == "" && got.body != "" {
				t.Errorf("got %d %s\n%s\nwant %d %s\n%s", got.status, got.header.Get("Content-Type"), got.body, row.status, row.contentType, row.body)
			}
			if want := row.fault.Endpoint + "-1"; got.fault != want {
				t.Errorf("%s is %q, want %q", fault.Header, got.fault, want)
			}
			for name, want := range row.header {
				if value := got.header.Get(name); value != want {
					t.Errorf("%s is %q, want %q", name, value, want)
				}
			}
		})
	}
}

// An injected refusal has all that a real one has: the trace id of the header
// in the body, the client's correlation id, the same headers.
func TestRefusalIsAzures(t *testing.T) {
	x := newWorld(t)
	ask := func(secret string) seen {
		r := x.request(fault.Token)
		r.Header.Set("client-request-id", "c0ffee00-0000-4000-8000-000000000001")
		r.Header.Set("x-client-current-telemetry", "4|1,0|")
		if secret != "" {
			body := "client_id=" + client + "&client_secret=" + secret + "&grant_type=client_credentials&scope=api://" + api + "/.default"
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}
		return x.send(r)
	}
	want := ask("wrong")
	x.add(fault.Fault{Endpoint: "token", AADSTS: 7000215})
	got := ask("")
	for name := range want.header {
		if name != "X-Ms-Request-Id" && name != "Date" && want.header.Get(name) != got.header.Get(name) {
			t.Errorf("%s: got %q, want %q", name, got.header.Get(name), want.header.Get(name))
		}
	}
	var body, real idp.ErrorBody
	if err := errors.Join(json.Unmarshal([]byte(got.body), &body), json.Unmarshal([]byte(want.body), &real)); err != nil {
		t.Fatal(err)
	}
	if id := got.header.Get("X-Ms-Request-Id"); id == "" || body.TraceID != id {
		t.Errorf("trace_id is %q, x-ms-request-id %q", body.TraceID, id)
	}
	body.TraceID, body.ErrorDescription = real.TraceID, strings.ReplaceAll(body.ErrorDescription, body.TraceID, real.TraceID)
	one, _ := json.Marshal(body)
	other, _ := json.Marshal(real)
	if string(one) != string(other) || got.status != want.status {
		t.Errorf("got  %d %s\nwant %d %s", got.status, one, want.status, other)
	}
}

// Broken connections, as a client of net/http sees them.
func TestBroken(t *testing.T) {
	for name, row := range map[string]struct {
		fault fault.Fault
		check func(*testing.T, seen)
	}{
		"closed": {fault.Fault{Endpoint: "token", Close: true}, func(t *testing.T, got seen) {
			if !errors.Is(got.err, io.EOF) || got.status != 0 {
				t.Errorf("got %d, %v, want EOF", got.status, got.err)
			}
		}},
		"cut": {fault.Fault{Endpoint: "token", CutBody: 40}, func(t *testing.T, got seen) {
			if !errors.Is(got.err, io.ErrUnexpectedEOF) || got.status != 200 || len(got.body) != 40 || got.fault != "token-1" {
				t.Errorf("got %+v, want 40 bytes and an unexpected EOF", got)
			}
		}},
		"cut behind its end": {fault.Fault{Endpoint: "jwks", CutBody: 100_000}, func(t *testing.T, got seen) {
			if !errors.Is(got.err, io.ErrUnexpectedEOF) || !strings.HasSuffix(got.body, "}]}") || got.header.Get("Content-Length") != "100001" {
				t.Errorf("got %+v, want the whole body and an unexpected EOF", got)
			}
		}},
		"an error cut": {fault.Fault{Endpoint: "token", AADSTS: 7000222, CutBody: 1}, func(t *testing.T, got seen) {
			if !errors.Is(got.err, io.ErrUnexpectedEOF) || got.status != 401 || got.body != "{" {
				t.Errorf("got %+v, want 401 and one byte", got)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld(t, row.fault)
			row.check(t, x.ask(row.fault.Endpoint))
			if s := x.status(row.fault.Endpoint + "-1"); s.Injected != 1 {
				t.Errorf("injected %d times, want 1", s.Injected)
			}
			if events := x.observed(); len(events) != 1 || events[0].Endpoint != row.fault.Endpoint || events[0].Tenant != acme {
				t.Errorf("the observer was told %+v", events)
			}
		})
	}
}

// A stall ends when the client gives up, when the fault is taken out, and when
// the set is closed; the delay of a removed fault ends too.
func TestStallEnds(t *testing.T) {
	stalled := func(t *testing.T, f fault.Fault) (*world, chan seen, context.CancelFunc) {
		x := newWorld(t, f)
		ctx, cancel := context.WithCancel(t.Context())
		answered := make(chan seen, 1)
		go func() { answered <- x.send(x.request(f.Endpoint).WithContext(ctx)) }()
		for x.status(f.Endpoint+"-1").Injected == 0 {
			select {
			case got := <-answered:
				t.Fatalf("it was answered: %+v", got)
			default:
			}
		}
		return x, answered, cancel
	}
	hour := fault.Duration(time.Hour)
	t.Run("the client leaves", func(t *testing.T) {
		x, answered, cancel := stalled(t, fault.Fault{Endpoint: "token", Stall: true})
		cancel()
		if got := <-answered; !errors.Is(got.err, context.Canceled) {
			t.Errorf("got %+v", got)
		}
		x.Server.Close() // returns when the handler has
	})
	t.Run("the fault is removed", func(t *testing.T) {
		x, answered, cancel := stalled(t, fault.Fault{Endpoint: "jwks", Stall: true})
		defer cancel()
		if !x.set.Remove("jwks-1") {
			t.Error("there was nothing to remove")
		}
		if got := <-answered; !errors.Is(got.err, io.EOF) {
			t.Errorf("got %+v, want the connection closed", got)
		}
	})
	t.Run("the set is closed", func(t *testing.T) {
		x, answered, cancel := stalled(t, fault.Fault{Endpoint: "token", Delay: hour})
		defer cancel()
		x.set.Close()
		if got := <-answered; got.status != 200 || got.fault != "token-1" {
			t.Errorf("got %+v, want the answer", got)
		}
	})
	t.Run("a slow body", func(t *testing.T) {
		x, answered, cancel := stalled(t, fault.Fault{Endpoint: "discovery", SlowBody: hour})
		defer cancel()
		x.set.Clear()
		if got := <-answered; got.err != nil || !strings.HasSuffix(got.body, "}") {
			t.Errorf("got %+v, want the whole body", got)
		}
	})
}

// A fault that finds nothing to break has not happened: it is there for the
// next request, and the refusal is not marked as injected.
func TestNothingToBreak(t *testing.T) {
	x := newWorld(t, fault.Fault{Endpoint: "token", Token: "tampered", Times: 1})
	r := x.request(fault.Token)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("grant_type=client_credentials")), 29
	if got := x.send(r); got.status == 200 || got.fault != "" {
		t.Errorf("got %+v, want the real refusal", got)
	}
	if got := x.injected(fault.Token, 2); got != "token-1 -" {
		t.Errorf("got %s, want the next token broken", got)
	}
	if s := x.status("token-1"); s.Matched != 3 || s.Injected != 1 || !s.Spent || s.Problem != "" {
		t.Errorf("status is %+v", s)
	}
	x.set.Clear()
	x.add(fault.Fault{ID: "t", Endpoint: "token", Token: "impossible"})
	if got := x.ask(fault.Token); got.status != 200 || got.fault != "" {
		t.Errorf("got %+v, want the real token", got)
	}
	if s := x.status("t"); s.Injected != 0 || s.Problem != "token: there is no such twin" {
		t.Errorf("status is %+v", s)
	}
}

// A request that was delayed had its fault, whether or not there was a token to
// break.
func TestDelayedRefusal(t *testing.T) {
	x := newWorld(t, fault.Fault{Endpoint: "token", Token: "tampered", Delay: 1, Times: 1})
	r := x.request(fault.Token)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader("a=b")), 3
	if got := x.send(r); got.status == 200 || got.fault != "token-1" {
		t.Errorf("got %+v, want the real refusal with the header", got)
	}
	if s := x.status("token-1"); s.Injected != 1 || !s.Spent {
		t.Errorf("status is %+v", s)
	}
}

// The form is there for the identity provider after a fault has looked at it.
func TestFormIsPutBack(t *testing.T) {
	x := newWorld(t, fault.Fault{Endpoint: "token", ClientID: "00000000-0000-0000-0000-000000000000", Close: true},
		fault.Fault{Endpoint: "token", When: `scope contains "nothing"`, Close: true})
	if got := x.ask(fault.Token); got.status != 200 || got.fault != "" {
		t.Errorf("got %+v, want the token", got)
	}
	x.observed()
	for _, size := range []int{64 << 10, 64<<10 + 1, 1 << 20} { // idp reads 64 KiB
		r := x.request(fault.Token)
		body := "client_id=" + client + "&client_secret=" + secret + "&grant_type=client_credentials&scope=api://" + api + "/.default&x="
		body += strings.Repeat("x", size-len(body))
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		want := http.StatusOK
		if size > 64<<10 {
			want = http.StatusRequestEntityTooLarge
		}
		x.send(r) // a server that does not read a large body may close first
		if events := x.observed(); len(events) != 1 || (events[0].AADSTS == 0) != (want == http.StatusOK) {
			t.Errorf("%d bytes: the identity provider said %+v, want %d", size, events, want)
		}
	}
}

// Every error of docs/azure.md can be injected: it has the status and the code
// that the table says, and no placeholder is left in its text.
func TestEveryNumber(t *testing.T) {
	page, err := os.ReadFile("../docs/azure.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| ([0-9]+) \\| `([a-z_]+)` \\| ([0-9]+) \\|").FindAllStringSubmatch(string(page), -1)
	if len(rows) < 40 {
		t.Fatalf("docs/azure.md has %d errors", len(rows))
	}
	placeholder := regexp.MustCompile(`\{[a-zA-Z]+\}`)
	x := newWorld(t)
	for _, row := range rows {
		number, _ := strconv.Atoi(row[1])
		f := x.add(fault.Fault{Endpoint: "token", AADSTS: number})
		got := x.ask(fault.Token)
		var body idp.ErrorBody
		if err := json.Unmarshal([]byte(got.body), &body); err != nil {
			t.Fatalf("%d: %v in %s", number, err, got.body)
		}
		if body.Error != row[2] || strconv.Itoa(got.status) != row[3] || !slices.Equal(body.ErrorCodes, []int{number}) || placeholder.MatchString(body.ErrorDescription) {
			t.Errorf("%d: got %d %s", number, got.status, got.body)
		}
		x.set.Remove(f.ID)
	}
	x.add(fault.Fault{Endpoint: "token", AADSTS: 1234567})
	if got := x.ask(fault.Token); got.status != 400 || !strings.Contains(got.body, "AADSTS1234567: idpool has no text for this error of Azure's.") {
		t.Errorf("an unknown number: %d %s", got.status, got.body)
	}
}

// The message of a refused assertion has what the assertion says.
func TestWordsOfAssertion(t *testing.T) {
	x := newWorld(t, fault.Fault{Endpoint: "token", AADSTS: 700213})
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	r := x.request(fault.Token)
	body := "client_id=" + client + "&client_assertion=" + part(`{"alg":"RS256"}`) + "." + part(`{"sub":"system:serviceaccount:a:b","aud":"x"}`) + ".c2ln"
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	if got := x.send(r); got.status != 401 || !strings.Contains(got.body, "presented assertion subject 'system:serviceaccount:a:b'") {
		t.Errorf("got %+v", got)
	}
}
