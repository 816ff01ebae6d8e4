package idpool

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Nobody could say who had reset a server.
func TestTheLogHasWhatTheAdminAPIChanged(t *testing.T) {
	log := &logBuffer{line: make(chan struct{}, 10_000)}
	c := Acme()
	c.Logger = slog.New(slog.NewJSONHandler(log, nil))
	s := start(t, c)
	scope := newScope(t, s)
	type line struct {
		Msg, Method, Path string
		Status            int
		Client            string
		RequestID         string `json:"request_id"`
		Scope             string `json:"idpool_scope"`
	}
	var want []line
	for _, tc := range []struct {
		method, path, scope, body string
		status                    int
		logged                    bool
	}{
		{"POST", "/v1/reset", "", "", 204, true},
		{"POST", "/v1/reset", scope.ID(), "", 204, true},
		{"POST", "/v1/faults", "", `{"endpoint":"of-nobody-` + secret + `"}`, 422, true},
		{"DELETE", "/v1/journal", "", "", 204, true},
		{"POST", "/v1/unknown", "", "", 404, true},
		{"POST", "/v1/tokens", "", `{}`, 201, false},
		{"GET", "/v1/config", "", "", 200, false},
	} {
		target := s.Admin + tc.path
		if tc.scope != "" {
			target += "?scope=" + tc.scope
		}
		r, err := http.NewRequestWithContext(t.Context(), tc.method, target, strings.NewReader(tc.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		id := answer.Header.Get(requestIDHeader)
		if answer.StatusCode != tc.status || (id != "") != tc.logged {
			t.Errorf("%s %s: %s, request id %q", tc.method, tc.path, answer.Status, id)
		}
		if tc.logged {
			want = append(want, line{"admin request", tc.method, tc.path, tc.status, "", id, tc.scope})
		}
	}
	if err := s.Close(); err != nil { // a line is written after the answer
		t.Error(err)
	}
	var got []line
	for text := range strings.Lines(log.String()) {
		var one line
		if err := json.Unmarshal([]byte(text), &one); err != nil {
			t.Fatal(err, text)
		}
		if one.Msg != "admin request" {
			continue
		}
		if !strings.HasPrefix(one.Client, "127.0.0.1:") {
			t.Errorf("no client in %s", text)
		}
		one.Client = ""
		got = append(got, one)
	}
	for _, lines := range [][]line{got, want} { // each is written on its own
		slices.SortFunc(lines, func(a, b line) int { return strings.Compare(a.RequestID, b.RequestID) })
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if strings.Contains(log.String(), "of-nobody-") {
		t.Error("a body is in the log")
	}
}

// What is called a question is an operation of the API.
func TestQuestionsAreOperations(t *testing.T) {
	posts := map[string]bool{}
	for _, e := range new(Stack).endpoints() {
		if e.Method == http.MethodPost {
			posts[e.Path] = true
		}
	}
	for path := range questions {
		if !posts[path] {
			t.Errorf("there is no POST %s", path)
		}
	}
}
