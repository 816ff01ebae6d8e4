package openapitest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// exchange is a request with its answer.
type exchange struct {
	request *http.Request
	sent    []byte // what the server has read of the request's body
	status  int
	header  http.Header
	body    []byte
}

// check compares an exchange with the document.
func (c *Checker) check(e exchange) {
	route, params := c.route(e.request)
	if route == nil {
		if e.status != http.StatusNotFound && e.status != http.StatusMethodNotAllowed {
			c.errorf(e, nil, "want it in the document, or a 404 or 405")
		}
		return
	}
	input := e.input(route, params)
	if e.status < 400 {
		c.succeeded(route)
		if err := checkRequest(input); err != nil {
			c.errorf(e, route, "the request succeeded and is not as described: %v", err)
		}
	}
	if err := e.checkAnswer(input); err != nil {
		c.errorf(e, route, "the answer is not as described: %v", err)
	}
}

// input is the request with the body that the server has read.
func (e exchange) input(route *routers.Route, params map[string]string) *openapi3filter.RequestValidationInput {
	r := e.request.Clone(e.request.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(e.sent)), int64(len(e.sent))
	return &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc:                openapi3filter.NoopAuthenticationFunc,
			IncludeResponseStatus:             true,
			RejectWhenRequestBodyNotSpecified: true,
			SkipSettingDefaults:               true,
		},
	}
}

func checkRequest(input *openapi3filter.RequestValidationInput) error {
	for name := range input.Request.URL.Query() {
		if input.Route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("there is no query parameter %q", name)
		}
	}
	return openapi3filter.ValidateRequest(input.Request.Context(), input)
}

func (e exchange) checkAnswer(input *openapi3filter.RequestValidationInput) error {
	answer := input.Route.Operation.Responses.Status(e.status)
	if answer == nil {
		return fmt.Errorf("status %d is not listed", e.status)
	}
	content := answer.Value.Content
	if len(content) == 0 {
		if len(e.body) > 0 {
			return fmt.Errorf("it has a body of %d bytes, want none", len(e.body))
		}
		return nil
	}
	kind := e.header.Get("Content-Type")
	described := content.Get(kind)
	if described == nil {
		return fmt.Errorf("the Content-Type is %q, which is not listed", kind)
	}
	if e.request.Method == http.MethodHead {
		return nil
	}
	switch media, _, _ := mime.ParseMediaType(kind); {
	case media == "text/event-stream":
		return checkEvents(e.body, described, input.Route.Spec)
	case media != "application/json" && !strings.HasSuffix(media, "+json"):
		return nil // text: any will do
	case !json.Valid(e.body):
		return fmt.Errorf("the body is no JSON: %.100q", e.body)
	}
	return described.Schema.Value.VisitJSON(decoded(e.body), openapi3.EnableJSONSchema2020(), openapi3.VisitAsResponse())
}

// checkEvents compares the data of each event with x-itemSchema, which is a
// reference to a component when there is one.
func checkEvents(stream []byte, described *openapi3.MediaType, doc *openapi3.T) error {
	item, ok := described.Extensions["x-itemSchema"].(map[string]any)
	if !ok {
		return nil
	}
	name := strings.TrimPrefix(fmt.Sprint(item["$ref"]), "#/components/schemas/")
	schema := doc.Components.Schemas[name]
	if schema == nil {
		return fmt.Errorf("x-itemSchema %v is no reference to a schema", item)
	}
	lines := bufio.NewScanner(bytes.NewReader(stream))
	lines.Buffer(nil, len(stream)+1)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		if !ok {
			continue
		}
		if !json.Valid(data) {
			return fmt.Errorf("the data of an event is no JSON: %.100q", data)
		}
		if err := schema.Value.VisitJSON(decoded(data), openapi3.EnableJSONSchema2020()); err != nil {
			return fmt.Errorf("event: %w", err)
		}
	}
	return nil
}

// decoded is the value of valid JSON.
func decoded(data []byte) (value any) {
	_ = json.Unmarshal(data, &value) // json.Valid has said that it can
	return value
}

// teeBody keeps what is read of a body.
type teeBody struct {
	from io.ReadCloser
	read bytes.Buffer
}

func (b *teeBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.read.Write(p[:n])
	return n, err
}

func (b *teeBody) Close() error { return b.from.Close() }

// recorder keeps what is written.
type recorder struct {
	http.ResponseWriter
	status int
	header http.Header // as it was when the status was written
	body   bytes.Buffer
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Flush is for handlers that ask for an http.Flusher.
func (r *recorder) Flush() {
	r.keep(http.StatusOK)
	_ = http.NewResponseController(r.ResponseWriter).Flush() // one that cannot flush has nothing to say
}

// WriteHeader keeps the status, unless it is one of those before the answer.
func (r *recorder) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		r.keep(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.keep(http.StatusOK)
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

func (r *recorder) keep(status int) {
	if r.status == 0 {
		r.status, r.header = status, r.ResponseWriter.Header().Clone()
	}
}
