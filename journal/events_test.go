package journal_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/idpool/idpool/journal"
)

// serve serves what happens in a journal, over real HTTP. The channel is
// closed when a handler has returned.
func serve(t *testing.T, j *journal.Journal) (url string, returned chan struct{}) {
	t.Helper()
	returned = make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		filter, err := journal.ParseFilter(r.URL.Query())
		if err != nil {
			t.Error(err)
		}
		journal.WriteEvents(w, r, j.Follow(r.Context(), filter))
	}))
	t.Cleanup(server.Close)
	return server.URL, returned
}

// open asks for a stream that ends with the test.
func open(t *testing.T, ctx context.Context, url string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestEventsOverHTTP(t *testing.T) {
	j := fixed(0)
	j.Add(refusedToken())
	j.Add(login())
	url, returned := serve(t, j)
	ctx, cancel := context.WithCancel(t.Context())
	response := open(t, ctx, url+"?after=1")
	if got := response.Header.Get("Content-Type"); response.StatusCode != 200 || got != "text/event-stream" {
		t.Errorf("%s, Content-Type %s", response.Status, got)
	}
	next, stop := iter.Pull2(journal.ReadEvents(response.Body))
	defer stop()
	want := j.List(journal.Filter{After: 1}, 0)
	for live := range 3 {
		got, err, ok := next()
		if !ok || err != nil || !reflect.DeepEqual(got, want[live]) {
			t.Fatalf("%+v, %v, want %+v", got, err, want[live])
		}
		want = append(want, j.Add(journal.Entry{Endpoint: "other", Path: "/\r\ndata: {}\n\n", Outcome: "ok"}))
	}
	cancel()
	<-returned // nothing holds the handler when its client has gone
	for {
		_, err, ok := next()
		if !ok {
			break
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	}
}

// The headers are there before anything happens: a client knows that it follows.
func TestEventsBeginAtOnce(t *testing.T) {
	url, returned := serve(t, journal.New(journal.Config{}))
	ctx, cancel := context.WithCancel(t.Context())
	if response := open(t, ctx, url); response.StatusCode != 200 { // returns with the headers
		t.Error(response.Status)
	}
	cancel()
	<-returned
}

func TestEventText(t *testing.T) {
	w := httptest.NewRecorder()
	entries := []journal.Entry{
		{ID: 7, Time: start, Endpoint: "tls", Outcome: "ok"},
		{ID: 8, Time: start.AddDate(9000, 0, 0), Endpoint: "tls", Outcome: "ok"}, // RFC 3339 ends with the year 9999
		{ID: 9, Time: start, Endpoint: "jwks", Outcome: "ok"},
	}
	journal.WriteEvents(w, httptest.NewRequest("GET", "/", nil), slices.Values(entries))
	want := `id: 7
event: entry
data: {"id":7,"time":"2026-11-25T12:00:01Z","endpoint":"tls","outcome":"ok"}

: entry 8 cannot be written

id: 9
event: entry
data: {"id":9,"time":"2026-11-25T12:00:01Z","endpoint":"jwks","outcome":"ok"}

`
	if got := w.Body.String(); got != want || w.Result().Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v\n%s", w.Result().Header, got)
	}
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		journal.WriteEvents(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx), j.Follow(ctx, journal.Filter{}))
		if got := w.Body.String(); got != strings.Repeat(": heartbeat\n\n", 4) {
			t.Errorf("in a minute came %q", got)
		}
	})
}

// deaf is a client that takes so many writes, and then none.
type deaf struct {
	http.ResponseWriter
	writes, deadlines int
}

func (d *deaf) Write(p []byte) (int, error) {
	if d.writes--; d.writes < 0 {
		return 0, io.ErrClosedPipe
	}
	return d.ResponseWriter.Write(p)
}

func (d *deaf) Flush() {}

func (d *deaf) SetWriteDeadline(time.Time) error { d.deadlines++; return nil }

func TestWriteEventsEndsWhenNobodyReads(t *testing.T) {
	w := &deaf{ResponseWriter: httptest.NewRecorder(), writes: 2}
	j := fixed(0)
	add(j, "token", "token", "token", "token")
	journal.WriteEvents(w, httptest.NewRequest("GET", "/", nil), j.Follow(t.Context(), journal.Filter{}))
	if w.writes != -1 || w.deadlines != 3 {
		t.Errorf("%d writes after the failed one, %d deadlines, want one for each of 3 writes", -1-w.writes, w.deadlines)
	}
}

// mute is a writer that cannot stream.
type mute struct{ w http.ResponseWriter }

func (m mute) Header() http.Header         { return m.w.Header() }
func (m mute) Write(p []byte) (int, error) { return m.w.Write(p) }
func (m mute) WriteHeader(status int)      { m.w.WriteHeader(status) }

func TestWriteEventsNeedsFlush(t *testing.T) {
	w := httptest.NewRecorder()
	journal.WriteEvents(mute{w}, httptest.NewRequest("GET", "/", nil), func(func(journal.Entry) bool) { t.Error("the entries were asked for") })
	if w.Code != 500 || !strings.Contains(w.Body.String(), "this connection cannot stream") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// read reads a whole stream.
func read(r io.Reader) (got []journal.Entry, err error) {
	for e, broken := range journal.ReadEvents(r) {
		if broken != nil {
			return got, broken
		}
		got = append(got, e)
	}
	return got, nil
}

func TestReadEvents(t *testing.T) {
	const one, two = "event: entry\ndata: {\"id\":1}\n\n", "event:entry\ndata:{\"id\":2}\n\n"
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", "[]"},
		{"two", one + two, "[1 2]"},
		{"a byte order mark", "\ufeff" + one, "[1]"},
		{"lines end in CR LF", strings.ReplaceAll(one+two, "\n", "\r\n"), "[1 2]"},
		{"lines end in CR", strings.ReplaceAll(one+two, "\n", "\r"), "[1 2]"},
		{"comments and unknown fields", ": hello\n\n" + "retry: 5\nid: 3\n: x\nnonsense\n" + one, "[1]"},
		{"other events", "event: ping\ndata: x\n\ndata: {\"id\":9}\n\n" + one, "[1]"},
		{"no data", "event: entry\n\n" + one, "[1]"},
		{"data in two lines", "event: entry\ndata: {\"id\":\ndata: 4}\n\n", "[4]"},
		{"the type comes last", "data: {\"id\":4}\nevent: entry\n\n", "[4]"},
		{"fields that newer versions have", "event: entry\ndata: {\"id\":4,\"new\":{}}\n\n", "[4]"},
	} {
		for how, reader := range map[string]io.Reader{"whole": strings.NewReader(tc.text), "bytewise": iotest.OneByteReader(strings.NewReader(tc.text))} {
			if got, err := read(reader); err != nil || ids(got) != tc.want {
				t.Errorf("%s, %s: %v, %v, want %v", tc.name, how, ids(got), err, tc.want)
			}
		}
	}
}

func TestReadEventsSaysWhatBroke(t *testing.T) {
	const one = "event: entry\ndata: {\"id\":1}\n\n"
	for _, tc := range []struct {
		name   string
		reader io.Reader
		want   string
		is     error
	}{
		{"no JSON", strings.NewReader(one + "event: entry\ndata: {\n\n" + one), "an event of the stream is no entry: unexpected end of JSON input", nil},
		{"a wrong duration", strings.NewReader(one + "event: entry\ndata: {\"duration\":\"1\"}\n\n"), `duration is "1", want one such as 1.2ms`, nil},
		{"cut within an event", strings.NewReader(one + "event: entry\ndata: {\"id\":2}\n"), "the stream broke: unexpected EOF", io.ErrUnexpectedEOF},
		{"the connection broke", io.MultiReader(strings.NewReader(one), iotest.ErrReader(io.ErrClosedPipe)), "the stream broke: io: read/write on closed pipe", io.ErrClosedPipe},
		{"a line without end", io.MultiReader(strings.NewReader(one), endless("data: x")), "the stream broke: bufio.Scanner: token too long", bufio.ErrTooLong},
		{"an event without end", io.MultiReader(strings.NewReader(one), endless("data: "+strings.Repeat("x", 1000)+"\n")), "an event of the stream has over 1048576 bytes", bufio.ErrTooLong},
	} {
		got, err := read(tc.reader)
		broken, ok := errors.AsType[*journal.Error](err)
		if !ok || ids(got) != "[1]" || !strings.HasSuffix(broken.Error(), tc.want) || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: %v, %v, want %s", tc.name, ids(got), err, tc.want)
		}
	}
}

// endless is a text again and again.
type endless string

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e) <= len(p) {
		n += copy(p[n:], e)
	}
	if n == 0 { // the rest of the buffer is smaller than the text
		return copy(p, e), nil
	}
	return n, nil
}

// A caller that leaves the loop is asked nothing more: the iterator would panic.
func TestReadEventsLeft(t *testing.T) {
	seen := 0
	for range journal.ReadEvents(strings.NewReader(strings.Repeat("event: entry\ndata: {\"id\":1}\n\n", 3))) {
		if seen++; seen == 2 {
			break
		}
	}
	if seen != 2 {
		t.Errorf("%d were read", seen)
	}
}

// FuzzReadEvents reads anything without a panic, and what it took for an entry
// is written and read again as the same.
func FuzzReadEvents(f *testing.F) {
	for _, seed := range []string{
		"event: entry\ndata: {\"id\":1}\n\n", "event: entry\r\ndata: {\"id\":1,\r\ndata: \"duration\":\"1h\"}\r\n\r\n", "\ufeffid\rdata:\r\r", ":\n",
		"event: entry\ndata: {\"time\":\"2026-11-25T13:00:00+01:00\",\"pools\":[],\"path\":\"\\ud800\"}\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := read(strings.NewReader(string(text)))
		if err != nil && !strings.HasPrefix(err.Error(), "journal: ") {
			t.Errorf("an error of another package: %v", err)
		}
		w := httptest.NewRecorder()
		journal.WriteEvents(w, httptest.NewRequest("GET", "/", nil), slices.Values(first))
		if strings.Contains(w.Body.String(), "cannot be written") {
			return // a year that JSON can read and not write in UTC
		}
		second, err := read(w.Body)
		if err != nil || len(second) != len(first) {
			t.Fatalf("%d entries came back as %d, %v", len(first), len(second), err)
		}
		for i := range first {
			if a, b := first[i].String(), second[i].String(); a != b || !first[i].Time.Equal(second[i].Time) {
				t.Errorf("%s came back as %s", a, b)
			}
		}
	})
}
