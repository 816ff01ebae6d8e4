package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// wrongSecret changes when it is escaped, in each way that a server may.
const wrongSecret = `hush "secret" & more/`

// counting counts the requests that reach a handler.
func counting(n *atomic.Int64, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h.ServeHTTP(w, r)
	})
}

func driveJSON(t *testing.T, args ...string) (int, report) {
	t.Helper()
	code, stdout, stderr := drive(t, append([]string{"-json"}, args...)...)
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("no JSON: %v\n%s%s", err, stdout, stderr)
	}
	return code, r
}

func TestCount(t *testing.T) {
	var n atomic.Int64
	target := serve(t, counting(&n, azure(t)))
	code, r := driveJSON(t, quick(40, "-connections", "3", target)...)
	if code != 0 || r.Tokens != 40 || n.Load() != 40 || r.Errors.Count != 0 {
		t.Errorf("exit code %d, %d tokens, %d requests, %d errors, want 0, 40, 40, 0", code, r.Tokens, n.Load(), r.Errors.Count)
	}
	if r.Connections != 3 || r.Target != target || r.Latency == nil || r.TokensPerSecond <= 0 {
		t.Errorf("report %+v", r)
	}
	if r.Signing != nil || r.Ratio != 0 || r.Memory != nil {
		t.Errorf("the report has what was not measured: %+v", r)
	}
}

// Fewer requests than connections, and the load ends all the same.
func TestFewerThanConnections(t *testing.T) {
	var n atomic.Int64
	if code, r := driveJSON(t, quick(2, serve(t, counting(&n, azure(t))))...); code != 0 || r.Tokens != 2 || n.Load() != 2 {
		t.Errorf("exit code %d, %d tokens, %d requests, want 0, 2, 2", code, r.Tokens, n.Load())
	}
}

func TestWarmUpDoesNotCount(t *testing.T) {
	var n atomic.Int64
	target := serve(t, counting(&n, azure(t)))
	code, r := driveJSON(t, "-warmup", "500ms", "-signing", "0", "-count", "10", target)
	if code != 0 || r.Tokens != 10 || n.Load() <= 10 {
		t.Errorf("exit code %d, %d tokens, %d requests, want 0, 10, more than 10", code, r.Tokens, n.Load())
	}
}

func TestDurationEndsTheLoad(t *testing.T) {
	var n atomic.Int64
	code, r := driveJSON(t, "-warmup", "0", "-signing", "0", "-duration", "500ms", serve(t, counting(&n, azure(t))))
	if code != 0 || r.Tokens == 0 || int64(r.Tokens) != n.Load() {
		t.Errorf("exit code %d, %d tokens of %d requests, want them equal and more than none", code, r.Tokens, n.Load())
	}
}

// One TCP connection for each of -connections, however many tokens, and no more.
func TestKeepAlive(t *testing.T) {
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(azure(t))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	code, r := driveJSON(t, quick(30, "-connections", "2", server.URL+tokenPath)...)
	if code != 0 || r.Tokens != 30 || opened.Load() > 3 { // the third looks whether anybody is there
		t.Errorf("exit code %d, %d tokens, %d connections, want 0, 30, at most 3", code, r.Tokens, opened.Load())
	}
}

func TestOverTLS(t *testing.T) {
	server := httptest.NewTLSServer(azure(t))
	defer server.Close()
	s, err := parse(quick(5, server.URL+tokenPath))
	if err != nil {
		t.Fatal(err)
	}
	s.target.roots = x509.NewCertPool()
	s.target.roots.AddCert(server.Certificate())
	var out strings.Builder
	if err := s.measure(t.Context(), &out); err != nil || !strings.Contains(out.String(), "tokens   5, ") {
		t.Errorf("error %v:\n%s", err, &out)
	}
}

func answers(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// raw takes the connection from the server.
func raw(t *testing.T, do func(net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		do(conn)
		_ = conn.Close()
	}
}

func says(t *testing.T, text string) http.HandlerFunc {
	return raw(t, func(conn net.Conn) { _, _ = conn.Write([]byte(text)) })
}

// echo answers with all that the client sent, as a careless server does.
func echo(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	secret := r.PostForm.Get("client_secret")
	w.WriteHeader(http.StatusInternalServerError)
	quoted, _ := json.Marshal(secret)
	fmt.Fprintf(w, "got %s, as JSON %s or %q, as HTML %s, as a form %s", secret, quoted, secret, html.EscapeString(secret), r.PostForm.Encode())
}

func TestFailures(t *testing.T) {
	for _, row := range []struct {
		reason string
		server http.HandlerFunc
		kind   string
		sample string
	}{
		{"a wrong secret", azure(t).ServeHTTP, "401 AADSTS7000215", "invalid_client: AADSTS7000215: Invalid client secret provided."},
		{"an error without Azure's number", answers(400, "application/json", `{"error":"invalid_scope","error_description":"no such\n scope"}`),
			"400 invalid_scope", "invalid_scope: no such scope"},
		{"an error with a text for a code", answers(400, "application/json", `{"error":"`+strings.Repeat("x", 64)+`"}`), "400", `{"error":"xxx`},
		{"a server that is broken", answers(500, "text/plain", "out of keys\n"), "500", "out of keys"},
		{"a server that echoes the secret", echo, "500", `got (secret), as JSON "(secret)" or "(secret)", as HTML (secret), as a form `},
		{"a token in an error", answers(500, "text/plain", "made eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln but"), "500", "made (token) but"},
		{"a redirect is not followed", http.RedirectHandler("http://192.0.2.1/token", http.StatusFound).ServeHTTP, "302", ""},
		{"garbage", answers(200, "text/html", "<html>welcome"), "200 without a token", `13 bytes of Content-Type "text/html"`},
		{"a token of another type", answers(200, "application/json", `{"token_type":"mac","access_token":"opaque"}`), "200 without a token", "44 bytes"},
		{"Azure's beginning and no token", answers(200, "application/json", `{"token_type":"Bearer","expires_in":3599}`), "200 without a token", "41 bytes"},
		{"an empty token", answers(200, "application/json", `{"token_type":"Bearer","access_token":""}`), "200 without a token", "41 bytes"},
		{"an answer without end", answers(200, "application/json", strings.Repeat(" ", maxBody+1)), "no HTTP answer", "longer than 1048576 bytes"},
		{"a connection that closes", says(t, ""), "connection closed before the end of the answer", "EOF"},
		{"an answer that is cut", says(t, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "connection closed before the end of the answer", "unexpected EOF"},
		{"no HTTP", says(t, "220 mail.example ESMTP\r\n\r\n"), "no HTTP answer", "malformed HTTP"},
		{"a connection that is reset", raw(t, func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }), "connection reset", "reset"},
	} {
		t.Run(row.reason, func(t *testing.T) {
			code, r := driveJSON(t, quick(9, "-connections", "2", "-client-secret", wrongSecret, serve(t, row.server))...)
			if code != 1 || r.Tokens != 0 || r.Latency != nil || r.Errors.Count != 9 {
				t.Fatalf("exit code %d, %d tokens, %d errors, want 1, 0, 9: %+v", code, r.Tokens, r.Errors.Count, r)
			}
			f := r.Errors.Kinds[0]
			if len(r.Errors.Kinds) != 1 || f.Kind != row.kind || f.Count != 9 {
				t.Errorf("%d kinds, first %d × %q, want 9 × %q", len(r.Errors.Kinds), f.Count, f.Kind, row.kind)
			}
			if len(f.Samples) == 0 || len(f.Samples) > maxSamples || !strings.Contains(f.Samples[0], row.sample) {
				t.Errorf("samples %q, want %q in the first, and at most %d", f.Samples, row.sample, maxSamples)
			}
		})
	}
}

func TestOtherServersTokens(t *testing.T) {
	chunked := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"token_type":"bearer",`))
		w.(http.Flusher).Flush()
		_, _ = w.Write([]byte(`"access_token":"opaque"}`))
	}
	closing := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		azure(t).ServeHTTP(w, r)
	}
	for _, row := range []struct {
		reason string
		server http.HandlerFunc
	}{
		{"members in another order, with spaces", answers(200, "application/json", "{\n \"access_token\": \"opaque\", \"token_type\": \"Bearer\"\n}")},
		{"chunks, and bearer in lower case (RFC 6749 5.1)", chunked},
		{"a server that closes after each answer is no error", closing},
	} {
		t.Run(row.reason, func(t *testing.T) {
			if code, r := driveJSON(t, quick(6, serve(t, row.server))...); code != 0 || r.Tokens != 6 {
				t.Errorf("exit code %d, %d tokens, want 0, 6: %+v", code, r.Tokens, r.Errors)
			}
		})
	}
}

// Errors and tokens are counted apart, the kinds with the most frequent first.
func TestSomeFail(t *testing.T) {
	var n atomic.Int64
	good := azure(t)
	target := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch i := n.Add(1); {
		case i%4 == 1:
			http.Error(w, fmt.Sprint("overloaded ", i), http.StatusServiceUnavailable)
		case i%8 == 2:
			says(t, "")(w, r)
		default:
			good.ServeHTTP(w, r)
		}
	}))
	code, r := driveJSON(t, quick(32, "-connections", "1", target)...)
	if code != 1 || r.Tokens != 20 || r.Errors.Count != 12 || len(r.Errors.Kinds) != 2 {
		t.Fatalf("exit code %d, %d tokens, errors %+v, want 1, 20, 12 of 2 kinds", code, r.Tokens, r.Errors)
	}
	first, second := r.Errors.Kinds[0], r.Errors.Kinds[1]
	if first.Kind != "503" || first.Count != 8 || second.Count != 4 || len(first.Samples) != maxSamples {
		t.Errorf("first %+v, second %+v, want 8 × 503 with 3 samples, then 4", first, second)
	}
	code, stdout, _ := drive(t, quick(8, "-connections", "1", target)...)
	if code != 1 || !strings.Contains(stdout, "errors   3\n         2 × 503\n             overloaded 33\n") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
}

// An interrupt does not wait for a server that does not answer.
func TestInterrupt(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	target := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // the server sees a client go only when the body is read
		interrupt()
		<-r.Context().Done()
	}))
	code, stdout, stderr := driveUntil(ctx, t, quick(1, target)...)
	if code != 1 || stdout != "" || stderr != "load: interrupted, nothing was measured\n" {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
}

// What ends a request that waits is its connection, closed by the interrupt.
func TestInterruptClosesTheConnection(t *testing.T) {
	s, err := parse([]string{serve(t, azure(t))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	c := &connection{target: s.target}
	if err := c.open(ctx); err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	interrupt()
	if _, err := c.in.ReadByte(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
}

// percentile wants a sorted sample, and each connection has its own.
func TestLatenciesAreSorted(t *testing.T) {
	s, err := parse(quick(60, "-connections", "3", serve(t, azure(t))))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.load(t.Context()).latencies; len(got) != 60 || !slices.IsSorted(got) {
		t.Errorf("%d latencies, want 60, sorted: %v", len(got), got)
	}
}

func TestDriverCores(t *testing.T) {
	for cores, want := range map[int]int{1: 1, 2: 1, 8: 1, 9: 2, 64: 8} {
		if got := driverCores(cores); got != want {
			t.Errorf("of %d cores: %d, want %d", cores, got, want)
		}
	}
}

// The second baseline has all the cores again.
func TestCoresAreGivenBack(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	drive(t, quick(2, serve(t, azure(t)))...)
	if after := runtime.GOMAXPROCS(0); after != before {
		t.Errorf("GOMAXPROCS is %d after a load, %d before", after, before)
	}
}

func TestOnlyLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.8.7:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true,
		"192.0.2.1:80": false, "[2001:db8::1]:80": false, "[::ffff:192.0.2.1]:80": false, "localhost:80": false, "127.0.0.1": false,
	} {
		if err := onlyLoopback("tcp", address, nil); (err == nil) != want {
			t.Errorf("%q: %v, want allowed %v", address, err, want)
		}
	}
}

// The hosts file may say that localhost is elsewhere; the dialled address counts.
func TestDialRefusesNamesThatLeadElsewhere(t *testing.T) {
	s, err := parse([]string{"http://localhost/token"})
	if err != nil {
		t.Fatal(err)
	}
	s.target.address = "192.0.2.1:80"
	if err := s.measure(t.Context(), new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "192.0.2.1:80 is not this machine") {
		t.Errorf("got %v, want a refusal", err)
	}
}

func TestSigningRate(t *testing.T) {
	rate, err := signingRate(t.Context(), 500*time.Millisecond)
	if err != nil || rate <= 0 {
		t.Errorf("got %v, %v, want more than 0", rate, err)
	}
	if rate, err := signingRate(t.Context(), 0); err != nil || rate != 0 {
		t.Errorf("for no time: %v, %v, want 0", rate, err)
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	if _, err := signingRate(interrupted, time.Minute); err != errInterrupted {
		t.Errorf("interrupted: %v, want %v", err, errInterrupted)
	}
}

func TestRatio(t *testing.T) {
	code, r := driveJSON(t, "-warmup", "0", "-signing", "500ms", "-count", "5", serve(t, azure(t)))
	if code != 0 || r.Signing == nil {
		t.Fatalf("exit code %d, report %+v", code, r)
	}
	if got, want := r.Signing.Mean, (r.Signing.Before+r.Signing.After)/2; got != want {
		t.Errorf("mean %v, want %v", got, want)
	}
	if got, want := r.Ratio, r.TokensPerSecond/r.Signing.Mean; got != want || got <= 0 {
		t.Errorf("ratio %v, want %v", got, want)
	}
}
