package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/idpool/idpool/journal"
)

// answering runs a command against an admin listener that answers so.
func answering(t *testing.T, h http.HandlerFunc, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	var out, errs bytes.Buffer
	code = run(t.Context(), append(args, "--admin", server.URL), strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// TestAdminClientDoubtsTheServer: what answers at the address may be any other
// program, and what it sends must not rule the terminal.
func TestAdminClientDoubtsTheServer(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"a web page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>\x1b[31m") }, "answers with what is not its JSON"},
		{"an error page", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no\x1b[31m", http.StatusBadGateway) }, "answers with 502 Bad Gateway"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://attacker.invalid/", http.StatusTemporaryRedirect)
		}, "answers with 307 Temporary Redirect"},
		{"a problem that a terminal would obey", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"detail": "red \u001b[31m\u009b31m", "errors": [{"field": "a", "message": "b\u0007"}, {"message": "c"}]}`)
		}, "journal: red \\u001b[31m\\u009b31m\n  a: b\\u0007\n  c\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := answering(t, test.answer, "journal")
			if code != exitUsage || stdout != "" || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, %q, %q, want %d and %q", code, stdout, stderr, exitUsage, test.want)
			}
			if strings.ContainsFunc(stderr, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
				t.Errorf("a terminal would obey %q", stderr)
			}
		})
	}
}

func TestFollowWantsAnEventStream(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>")
	}
	if code, _, stderr := answering(t, page, "journal", "--follow"); code != exitUsage || !strings.Contains(stderr, "answers with text/html") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

func TestAdminClientSendsTokenScopeAndFilter(t *testing.T) {
	var got *http.Request
	_, _, stderr := answering(t, func(w http.ResponseWriter, r *http.Request) { got = r; fmt.Fprint(w, `{"entries": []}`) },
		"journal", "--admin-token", "secret", "--scope", "s 1", "--client-id", "c", "--endpoint", "token", "--limit", "3")
	if got == nil {
		t.Fatal("no request: " + stderr)
	}
	if auth := got.Header.Get("Authorization"); auth != "Bearer secret" {
		t.Errorf("Authorization: %s", auth)
	}
	if want := "/v1/journal?client_id=c&endpoint=token&limit=3&scope=s+1"; got.URL.String() != want {
		t.Errorf("asked for %s, want %s", got.URL, want)
	}
}

// Whoever waits with take waits for as long as the server does.
func TestTakeAsksForAsLongAsTheFlagSays(t *testing.T) {
	var body string
	code, stdout, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body = string(data)
		fmt.Fprint(w, `{"entries": [{"id": 7, "endpoint": "token", "outcome": "ok"}]}`)
	}, "journal", "--take", "2", "--timeout", "90s", "--fault", "f")
	if want := `{"fault":"f","count":2,"timeout":"1m30s"}`; body != want {
		t.Errorf("sent %s, want %s", body, want)
	}
	if code != 0 || !strings.HasPrefix(stdout, "#7 ") {
		t.Errorf("exit code %d, %q", code, stdout)
	}
}

func TestTakeIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client goes
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"journal", "--take", "1", "--admin", server.URL}, strings.NewReader(""), &out, &errs)
	if want := "idpool: journal: interrupted while waiting\n"; code != exitRefused || errs.String() != want || out.Len() > 0 {
		t.Errorf("exit code %d, %q, %q, want %q", code, out.String(), errs.String(), want)
	}
}

// connections serves one list of events for each connection, and then nothing.
type connections struct {
	t      *testing.T
	events [][]journal.Entry
	resume []string // the Last-Event-ID of each connection
}

func (c *connections) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := len(c.resume)
	c.resume = append(c.resume, r.Header.Get("Last-Event-ID"))
	if n >= len(c.events) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"detail": "want a token"}`)
		return
	}
	journal.WriteEvents(w, r, slices.Values(c.events[n]))
	if n == 0 { // in the midst of an event
		fmt.Fprint(w, "id: 99\nevent: entry\ndata: {")
	}
}

// TestFollowConnectsAgain: nothing twice and nothing left out, and an answer
// that will not change is the end.
func TestFollowConnectsAgain(t *testing.T) {
	c := &connections{t: t, events: [][]journal.Entry{{{ID: 1}, {ID: 2}}, {}, {{ID: 3}}}}
	server := httptest.NewServer(c)
	defer server.Close()
	var shown []uint64
	var said bytes.Buffer
	f := follower{&adminClient{command: "journal", base: server.URL, http: server.Client()}, journalFlags{},
		func(e journal.Entry) error { shown = append(shown, e.ID); return nil }, &said, func(context.Context, time.Duration) {}}
	err := f.follow(t.Context())
	if err == nil || err.Error() != "journal: want a token" {
		t.Errorf("ended with %v", err)
	}
	if want := []uint64{1, 2, 3}; !slices.Equal(shown, want) {
		t.Errorf("shown are %v, want %v", shown, want)
	}
	if want := []string{"", "2", "2", "3"}; !slices.Equal(c.resume, want) {
		t.Errorf("came again with %q, want %q", c.resume, want)
	}
	if n := strings.Count(said.String(), "broke"); n != 3 || !strings.Contains(said.String(), "broke (unexpected EOF): connecting again") {
		t.Errorf("said %d times: %s", n, said.String())
	}
}

// While the server is away it is asked again and again, ever less often.
func TestFollowWaitsForTheServer(t *testing.T) {
	c := &connections{t: t, events: [][]journal.Entry{{{ID: 1}}}}
	server := httptest.NewServer(c)
	ctx, cancel := context.WithCancel(t.Context())
	var pauses []time.Duration
	wait := func(_ context.Context, d time.Duration) {
		if pauses = append(pauses, d); len(pauses) == 1 {
			server.Close()
		}
		if len(pauses) == 8 {
			cancel()
		}
	}
	f := follower{&adminClient{command: "journal", base: server.URL, http: server.Client()}, journalFlags{},
		func(journal.Entry) error { return nil }, io.Discard, wait}
	if err := f.follow(ctx); err != nil {
		t.Error(err)
	}
	want := []time.Duration{shortestPause, 2 * shortestPause, 4 * shortestPause, 8 * shortestPause, 16 * shortestPause, longestPause, longestPause, longestPause}
	if !slices.Equal(pauses, want) {
		t.Errorf("waited %v, want %v", pauses, want)
	}
}

// A reader that is gone, as after head -1, ends it.
func TestFollowEndsWithItsOutput(t *testing.T) {
	c := &connections{t: t, events: [][]journal.Entry{{{ID: 1}, {ID: 2}}}}
	server := httptest.NewServer(c)
	defer server.Close()
	f := follower{&adminClient{base: server.URL, http: server.Client()}, journalFlags{},
		func(journal.Entry) error { return io.ErrClosedPipe }, io.Discard, func(context.Context, time.Duration) { t.Error("it goes on") }}
	if err := f.follow(t.Context()); err == nil || !strings.Contains(err.Error(), io.ErrClosedPipe.Error()) {
		t.Errorf("ended with %v", err)
	}
}

// FuzzWriteJSON: whatever a client sent, the JSON means the same and has nothing
// that a terminal obeys.
func FuzzWriteJSON(f *testing.F) {
	for _, seed := range []string{"", "plain", "\x1b[31m", "\u009b31m", "\u202e", "\U000e0001", "a\"b\\c\n", "\xff", "𝄞"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		if err := writeJSON(&out, map[string]string{"a": text}, "  "); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Errorf("a terminal would obey %q", out.String())
		}
		var back map[string]string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["a"] != strings.ToValidUTF8(text, "\ufffd") && back["a"] != string([]rune(text)) {
			t.Errorf("%q came back as %q: %v", text, back["a"], err)
		}
	})
}
