// Package openapitest holds a server to its OpenAPI document: a test sends its
// requests through [Checker.Middleware], which compares each of them, and the
// answer, with what the document says. [Checker.Uncovered] then names the
// operations that no test has tried.
//
// It is for tests only. Documents and bodies are read by kin-openapi, which
// knows nothing of how package openapi writes them; the document is also
// compared with the OpenAPI Initiative's schema of 3.1 (oas31.json, Apache-2.0, in
// the copy of libopenapi v0.41.8).
package openapitest

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TB is what is needed of *testing.T.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Checker compares requests and answers with a document. It may be used by
// several goroutines, until the test has ended.
type Checker struct {
	t   TB
	doc *openapi3.T
	mux *chi.Mux // finds operations as the server itself does

	mu   sync.Mutex
	seen map[string]bool // "GET /v1/tenants": an operation that succeeded
}

// New reads the document, and fails the test when it is no good OpenAPI 3.1.
func New(t TB, document []byte) *Checker {
	t.Helper()
	c := &Checker{t: t, mux: chi.NewMux(), seen: map[string]bool{}}
	if err := c.read(document); err != nil {
		t.Fatalf("openapitest: the document: %v", err)
		return nil
	}
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for path, item := range c.doc.Paths.Map() {
		for method := range item.Operations() {
			c.mux.Method(method, path, nothing)
		}
	}
	return c
}

// officialSchema is https://spec.openapis.org/oas/3.1/schema/2022-10-07.
//
//go:embed oas31.json
var officialSchema []byte

// read takes the document after it has passed the official schema, the rules
// that no schema can state, and the compiler of each schema in it.
func (c *Checker) read(document []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return err
	}
	official, err := jsonschema.UnmarshalJSON(bytes.NewReader(officialSchema))
	if err != nil {
		return err
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for id, resource := range map[string]any{"official:3.1": official, "this:document": value} {
		if err := compiler.AddResource(id, resource); err != nil {
			return err
		}
	}
	schema, err := compiler.Compile("official:3.1")
	if err != nil {
		return err
	}
	if err := schema.Validate(value); err != nil {
		return err
	}
	if c.doc, err = openapi3.NewLoader().LoadFromData(document); err != nil {
		return err
	}
	if err := c.doc.Validate(context.Background()); err != nil {
		return err
	}
	for name := range c.doc.Components.Schemas {
		if _, err := compiler.Compile("this:document#/components/schemas/" + url.PathEscape(name)); err != nil {
			return err
		}
	}
	return nil
}

// Middleware passes requests to next, and fails the test when a request or its
// answer is not as the document says:
//
//   - a request that is not in it is answered 404 or 405, nothing else is;
//   - the status is listed, and the body has the type and the schema of it;
//   - a request that succeeded was as described: its body, its parameters, and
//     no others.
//
// A HEAD request is checked as the GET whose body is missing. What next does not
// read of a body is not looked at, and an aborted answer is not either.
func (c *Checker) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := &teeBody{from: r.Body}
		shown := r.WithContext(r.Context())
		shown.Body = sent
		answer := &recorder{ResponseWriter: w}
		next.ServeHTTP(answer, shown)
		e := exchange{request: r, sent: sent.read.Bytes(), status: cmp.Or(answer.status, http.StatusOK), header: answer.header, body: answer.body.Bytes()}
		if e.header == nil {
			e.header = w.Header()
		}
		c.check(e)
	})
}

// Uncovered names the operations, such as "GET /v1/tenants", that no request
// has been successful at.
func (c *Checker) Uncovered() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for path, item := range c.doc.Paths.Map() {
		for method := range item.Operations() {
			if name := method + " " + path; !c.seen[name] {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// route is the operation of a request, or nil.
func (c *Checker) route(r *http.Request) (*routers.Route, map[string]string) {
	found, method, path := chi.NewRouteContext(), r.Method, cmp.Or(r.URL.RawPath, r.URL.Path)
	template := c.mux.Find(found, method, path)
	if template == "" && method == http.MethodHead {
		found, method = chi.NewRouteContext(), http.MethodGet
		template = c.mux.Find(found, method, path)
	}
	if template == "" {
		return nil, nil
	}
	item := c.doc.Paths.Value(template)
	params := map[string]string{}
	for i, key := range found.URLParams.Keys {
		params[key] = found.URLParams.Values[i]
	}
	return &routers.Route{Spec: c.doc, Path: template, PathItem: item, Method: method, Operation: item.GetOperation(method)}, params
}

func (c *Checker) succeeded(route *routers.Route) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[route.Method+" "+route.Path] = true
}

func (c *Checker) errorf(e exchange, route *routers.Route, format string, args ...any) {
	name := "an operation that is not in the document"
	if route != nil {
		name = route.Operation.OperationID
	}
	c.t.Errorf("openapitest: %s %s answered %d (%s): %s", e.request.Method, e.request.URL.Path, e.status, name, fmt.Sprintf(format, args...))
}
