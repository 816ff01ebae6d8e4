package openapitest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/internal/openapi"
	"github.com/idpool/idpool/internal/openapi/openapitest"
)

// complaints collects what a Checker says.
type complaints struct{ said []string }

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}
func (c *complaints) Fatalf(format string, args ...any) { c.Errorf(format, args...) }

// Cat may have kittens.
type Cat struct {
	Name    string    `json:"name" openapi:"required"`
	Colour  string    `json:"colour,omitempty" openapi:"enum=red|black"`
	Age     int       `json:"age" openapi:"required,min=0"`
	Born    time.Time `json:"born,omitzero"`
	Mother  *Cat      `json:"mother"`
	Kittens []Cat     `json:"kittens,omitempty"`
}

// Problem is the error of the cattery.
type Problem struct {
	Detail string `json:"detail" openapi:"required"`
}

func cattery(t *testing.T) []byte {
	t.Helper()
	cat := map[string]string{"cat": "Name of the cat."}
	document, err := openapi.Document(openapi.Info{
		Title: "Cats", Version: "1", License: "MIT", ServerURL: "http://127.0.0.1:1", Problem: Problem{}, Security: true,
	}, []openapi.Operation{
		{
			Method: "GET", Path: "/cats", ID: "listCats",
			Query: []openapi.Parameter{
				{Name: "limit", Type: "integer"}, {Name: "colour", Enum: []string{"red", "black"}}, {Name: "wait", Type: "duration"},
				{Name: "after", Type: "date-time"}, {Name: "old", Type: "boolean"},
			},
			Responses: []openapi.Response{{Status: 200, Body: []Cat{}}}, Problems: []int{400},
		},
		{Method: "POST", Path: "/cats", ID: "makeCat", Request: Cat{}, Responses: []openapi.Response{{Status: 201, Body: Cat{}}}, Problems: []int{400, 415}},
		{
			Method: "PATCH", Path: "/cats/{cat}", ID: "changeCat", PathParams: cat, Request: Cat{}, RequestType: "application/merge-patch+json",
			Responses: []openapi.Response{{Status: 200, Body: Cat{}}}, Problems: []int{400},
		},
		{Method: "DELETE", Path: "/cats/{cat}", ID: "dropCat", PathParams: cat, Responses: []openapi.Response{{Status: 204}}, Problems: []int{404}},
		{Method: "GET", Path: "/events", ID: "events", Responses: []openapi.Response{{Status: 200, Body: Cat{}, ContentType: "text/event-stream"}}},
		{Method: "GET", Path: "/slash/", ID: "slash", Responses: []openapi.Response{{Status: 200}}},
		{Method: "GET", Path: "/metrics", ID: "metrics", Responses: []openapi.Response{{Status: 200, ContentType: "text/plain"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// exchange is a request and what a server answers, whatever it was asked.
type exchange struct {
	name         string
	method, path string
	kind, sent   string // of the request; kind empty means application/json
	status       int
	media, body  string // of the answer
	want         string // part of the complaint, empty for none
}

// run sends the request over a real connection.
func (e exchange) run(t *testing.T, c *openapitest.Checker) {
	t.Helper()
	server := httptest.NewServer(c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		if e.media != "" {
			w.Header().Set("Content-Type", e.media)
		}
		w.WriteHeader(e.status)
		if _, err := io.WriteString(w, e.body); err != nil && e.body != "" && r.Method != http.MethodHead && e.status != http.StatusNoContent {
			t.Error(err)
		}
	})))
	defer server.Close() // waits for the handler
	r, err := http.NewRequestWithContext(t.Context(), e.method, server.URL+e.path, strings.NewReader(e.sent))
	if err != nil {
		t.Fatal(err)
	}
	if e.sent != "" {
		r.Header.Set("Content-Type", e.kind)
		if e.kind == "" {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	answer, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Fatal(err)
	}
}

const (
	tom    = `{"name":"Tom","age":1,"mother":null}`
	family = `{"name":"Tom","age":1,"born":"2026-11-25T10:00:00Z","colour":"red","mother":{"name":"Eve","age":5,"mother":null},"kittens":[{"name":"Kit","age":0}]}`
	ok     = "application/json"
	merge  = "application/merge-patch+json"
	wrong  = "application/problem+json"
)

// TestMiddleware has a lie of each kind, and the truths next to them.
func TestMiddleware(t *testing.T) {
	document := cattery(t)
	for _, e := range []exchange{
		{name: "list", method: "GET", path: "/cats?limit=2&colour=red&wait=1m30s&after=2026-11-25T10:00:00Z&old=true", status: 200, media: ok, body: "[" + tom + "," + family + "]"},
		{name: "charset", method: "GET", path: "/cats", status: 200, media: ok + "; charset=utf-8", body: "[]"},
		{name: "head", method: "HEAD", path: "/cats", status: 200, media: ok},
		{name: "make", method: "POST", path: "/cats", sent: family, status: 201, media: ok, body: family},
		{name: "patch", method: "PATCH", path: "/cats/tom", kind: merge, sent: `{"colour":null,"mother":{"age":6}}`, status: 200, media: ok, body: tom},
		{name: "drop", method: "DELETE", path: "/cats/t%2Fm", status: 204},
		{name: "bad request refused", method: "POST", path: "/cats", sent: `{"nme":1}`, status: 400, media: wrong, body: `{"detail":"no"}`},
		{name: "unknown query refused", method: "GET", path: "/cats?x=1", status: 400, media: wrong, body: `{"detail":"no"}`},
		{name: "unknown path refused", method: "GET", path: "/dogs", status: 404},
		{name: "unknown method refused", method: "PUT", path: "/cats", status: 405},
		{name: "events", method: "GET", path: "/events", status: 200, media: "text/event-stream", body: "id: 1\ndata: " + tom + "\n\n: ping\n\n"},
		{name: "slash at the end", method: "GET", path: "/slash/", status: 200},
		{name: "text", method: "GET", path: "/metrics", status: 200, media: "text/plain; version=0.0.4; charset=utf-8", body: "up 1\n"},

		{name: "status", method: "GET", path: "/cats", status: 202, media: ok, body: "[]", want: "(listCats): the answer is not as described: status 202"},
		{name: "status of an error", method: "DELETE", path: "/cats/tom", status: 409, media: wrong, body: `{"detail":"no"}`, want: "(dropCat): the answer is not as described: status 409"},
		{name: "extra member", method: "POST", path: "/cats", sent: tom, status: 201, media: ok, body: `{"name":"Tom","age":1,"tail":1}`, want: "tail"},
		{name: "extra member inside", method: "POST", path: "/cats", sent: tom, status: 201, media: ok, body: `{"name":"Tom","age":1,"kittens":[{"name":"Kit","age":0,"tail":1}]}`, want: "tail"},
		{name: "missing member", method: "POST", path: "/cats", sent: tom, status: 201, media: ok, body: `{"name":"Tom"}`, want: "age"},
		{name: "wrong type", method: "POST", path: "/cats", sent: tom, status: 201, media: ok, body: `{"name":"Tom","age":"1"}`, want: "age"},
		{name: "below the minimum", method: "POST", path: "/cats", sent: tom, status: 201, media: ok, body: `{"name":"Tom","age":-1}`, want: "age"},
		{name: "no word of the list", method: "POST", path: "/cats", sent: tom, status: 201, media: ok, body: `{"name":"Tom","age":1,"colour":"blue"}`, want: "colour"},
		{name: "no time", method: "POST", path: "/cats", sent: tom, status: 201, media: ok, body: `{"name":"Tom","age":1,"born":"today"}`, want: "born"},
		{name: "null for a list", method: "GET", path: "/cats", status: 200, media: ok, body: "null", want: "array"},
		{name: "no JSON", method: "GET", path: "/cats", status: 200, media: ok, body: "[", want: "no JSON"},
		{name: "problem", method: "GET", path: "/cats", status: 400, media: wrong, body: `{"title":"no"}`, want: "(listCats)"},
		{name: "type of a problem", method: "GET", path: "/cats", status: 400, media: ok, body: `{"detail":"no"}`, want: `Content-Type is "application/json"`},
		{name: "type", method: "GET", path: "/cats", status: 200, media: "text/html", body: "[]", want: `Content-Type is "text/html"`},
		{name: "no type", method: "GET", path: "/cats", status: 200, body: "[]", want: `Content-Type is ""`},
		{name: "type of a head", method: "HEAD", path: "/cats", status: 200, media: "text/html", want: `Content-Type is "text/html"`},
		{name: "a body where none is", method: "DELETE", path: "/cats/tom", status: 204, media: ok, body: "{}", want: "body of 2 bytes, want none"},
		{name: "unknown path", method: "GET", path: "/dogs", status: 200, media: ok, body: "[]", want: "GET /dogs answered 200 (an operation that is not in the document)"},
		{name: "unknown path, trailing slash", method: "GET", path: "/cats/", status: 200, media: ok, body: "[]", want: "not in the document"},
		{name: "unknown method", method: "PUT", path: "/cats", status: 200, media: ok, body: "[]", want: "not in the document"},
		{name: "unknown method, server error", method: "PUT", path: "/cats", status: 500, want: "not in the document"},
		{name: "extra member taken", method: "POST", path: "/cats", sent: `{"name":"Tom","age":1,"tail":1}`, status: 201, media: ok, body: tom, want: "the request succeeded and is not as described"},
		{name: "missing member taken", method: "POST", path: "/cats", sent: `{"name":"Tom"}`, status: 201, media: ok, body: tom, want: "the request succeeded and is not as described"},
		{name: "missing body taken", method: "POST", path: "/cats", status: 201, media: ok, body: tom, want: "the request succeeded and is not as described"},
		{name: "other type taken", method: "POST", path: "/cats", kind: "text/plain", sent: tom, status: 201, media: ok, body: tom, want: "the request succeeded and is not as described"},
		{name: "patch of an unknown member taken", method: "PATCH", path: "/cats/tom", kind: merge, sent: `{"tail":null}`, status: 200, media: ok, body: tom, want: "tail"},
		{name: "body taken", method: "DELETE", path: "/cats/tom", sent: "{}", status: 204, want: "request body not allowed"},
		{name: "unknown parameter taken", method: "GET", path: "/cats?x=1", status: 200, media: ok, body: "[]", want: `no query parameter "x"`},
		{name: "no number taken", method: "GET", path: "/cats?limit=two", status: 200, media: ok, body: "[]", want: `"limit"`},
		{name: "no duration taken", method: "GET", path: "/cats?wait=30", status: 200, media: ok, body: "[]", want: `"wait"`},
		{name: "no time taken", method: "GET", path: "/cats?after=today", status: 200, media: ok, body: "[]", want: `"after"`},
		{name: "no bool taken", method: "GET", path: "/cats?old=maybe", status: 200, media: ok, body: "[]", want: `"old"`},
		{name: "no word taken", method: "GET", path: "/cats?colour=blue", status: 200, media: ok, body: "[]", want: `"colour"`},
		{name: "event", method: "GET", path: "/events", status: 200, media: "text/event-stream", body: "data: {\"name\":\"Tom\"}\n\n", want: "event: "},
		{name: "event that is no JSON", method: "GET", path: "/events", status: 200, media: "text/event-stream", body: "data: x\n\n", want: "event is no JSON"},
	} {
		var said complaints
		e.run(t, openapitest.New(&said, document))
		got := strings.Join(said.said, "\n")
		if (got == "") != (e.want == "") || !strings.Contains(got, e.want) {
			t.Errorf("%s: said %q, want %q", e.name, got, e.want)
		}
	}
}

// TestUncovered names what has not succeeded: a refusal does not count.
func TestUncovered(t *testing.T) {
	c := openapitest.New(t, cattery(t))
	exchange{method: "GET", path: "/cats", status: 200, media: ok, body: "[]"}.run(t, c)
	exchange{method: "DELETE", path: "/cats/tom", status: 204}.run(t, c)
	exchange{method: "POST", path: "/cats", status: 400, media: wrong, body: `{"detail":"no"}`}.run(t, c)
	want := []string{"GET /events", "GET /metrics", "GET /slash/", "PATCH /cats/{cat}", "POST /cats"}
	if got := c.Uncovered(); !slices.Equal(got, want) {
		t.Errorf("uncovered are %q, want %q", got, want)
	}
}

// TestStream has the middleware pass on what is flushed while the handler runs.
func TestStream(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(openapitest.New(t, cattery(t)).Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "data: "+tom+"\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-release
	})))
	defer server.Close()
	defer close(release)
	answer, err := server.Client().Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	line := make([]byte, len("data: "+tom))
	if _, err := io.ReadFull(answer.Body, line); err != nil || string(line) != "data: "+tom {
		t.Errorf("read %q, error %v", line, err)
	}
}

// TestAbort has a handler break off the connection: there is no answer to check.
func TestAbort(t *testing.T) {
	c := openapitest.New(t, cattery(t))
	server := httptest.NewServer(c.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })))
	defer server.Close()
	if answer, err := server.Client().Get(server.URL + "/cats"); err == nil {
		_ = answer.Body.Close()
		t.Errorf("answered %s, want a broken connection", answer.Status)
	}
	if got := c.Uncovered(); !slices.Contains(got, "GET /cats") {
		t.Errorf("uncovered are %q, want GET /cats among them", got)
	}
}

// TestToys reads the document that the tests of package openapi compare.
func TestToys(t *testing.T) {
	document, err := os.ReadFile("../testdata/toys.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := openapitest.New(t, document).Uncovered(); len(got) != 6 {
		t.Errorf("it has the operations %q, want 6", got)
	}
}

// TestNoDocument has a mistake of each kind in the document itself.
func TestNoDocument(t *testing.T) {
	for _, tc := range []struct {
		name, old, new, want string
	}{
		{"version", `"3.1.0"`, `"3.0.3"`, "openapi"},
		{"title", `"title"`, `"name"`, "title"},
		{"unknown word", `"summary": "Lists`, `"sumary": "Lists`, "sumary"},
		{"operation id", `"makeToy"`, `"listToys"`, "listToys"},
		{"path parameter", `"name": "toy",`, `"name": "tyo",`, "toy"},
		{"reference", `"#/components/schemas/PageToy"`, `"#/components/schemas/PageTo"`, "PageTo"},
		{"type", `"type": "integer"`, `"type": "int"`, "int"},
		{"pattern", `"pattern": "^`, `"pattern": "(`, "regexp"},
		{"required", `"required": [`, `"required": [{},`, "required"},
		{"JSON", `{`, ``, "invalid"},
	} {
		document, err := os.ReadFile("../testdata/toys.json")
		if err != nil {
			t.Fatal(err)
		}
		broken := strings.ReplaceAll(string(document), tc.old, tc.new)
		if broken == string(document) {
			t.Fatalf("%s: the document has no %q", tc.name, tc.old)
		}
		var said complaints
		openapitest.New(&said, []byte(broken))
		if got := strings.Join(said.said, "\n"); !strings.Contains(got, tc.want) || !strings.HasPrefix(got, "openapitest: the document: ") {
			t.Errorf("%s: said %q, want %q", tc.name, got, tc.want)
		}
	}
	if !json.Valid([]byte(tom)) || !json.Valid([]byte(family)) {
		t.Error("the cats are no JSON")
	}
}
