// Package openapi writes an OpenAPI 3.1 document from a table of operations,
// with schemas that it derives from the Go types of the bodies. Begin with
// [Document]; the package openapitest holds a server to what the document says.
//
// The schemas say what encoding/json writes and a strict reader takes: no
// member but those listed. A struct tag adds what a Go type cannot say:
//
//	openapi:"required"            the member is always there
//	openapi:"enum=a|b"            one of these words, also in a list or a map
//	openapi:"required,min=0"      a number of at least 0
//
// A body of application/merge-patch+json has a schema of its own, in which
// nothing is required and null removes a member (RFC 7396).
//
// It reads no documents, knows no other version of OpenAPI, and describes no
// type that writes its own JSON, unless the type has a method OpenAPISchema.
package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// Operation is an endpoint of an API.
type Operation struct {
	// Method and Path say where it is; Path is in chi's form: /v1/tenants/{tenant}.
	Method, Path string
	// ID is unique in the document: client generators name functions by it.
	ID string
	// Tag is the chapter of the document.
	Tag string
	// Summary is one line, Description more, in Markdown.
	Summary, Description string
	// Query are the parameters after the question mark.
	Query []Parameter
	// Headers are those of the request that mean something here.
	Headers []Parameter
	// PathParams describes each parameter of Path, by its name.
	PathParams map[string]string
	// Request is any value of the body's Go type. Nil means no body.
	Request any
	// RequestType is the body's media type. Empty means application/json.
	RequestType string
	// Responses are the answers other than Problems.
	Responses []Response
	// Problems are the statuses that are answered with Info.Problem.
	Problems []int
}

// Parameter is one of a query, or a header.
type Parameter struct {
	Name, Description string
	// Type is string, integer, boolean, duration or date-time. Empty means string.
	Type string
	// Enum are the only values, when there are any.
	Enum []string
	// Required parameters cannot be left out.
	Required bool
}

// Response is one answer of an operation.
type Response struct {
	Status      int
	Description string
	// Body is any value of the body's Go type. Nil with a ContentType means
	// text, nil without one no body. Of text/event-stream it is the type of the
	// data of each event.
	Body any
	// ContentType of the body. Empty means application/json.
	ContentType string
}

// Info is what the document says about the API as a whole.
type Info struct {
	Title, Version, Description string
	// License is an SPDX identifier, such as Apache-2.0.
	License string
	// ServerURL is where the API is by default. Empty means wherever the
	// document came from.
	ServerURL string
	// Tags are the chapters, in their order.
	Tags []Tag
	// Docs returns the doc comment of a field, or of the type when field is
	// empty; pkg is the package's name, not its path. Nil means no comments.
	Docs func(pkg, typ, field string) string
	// Required and Enum say of fields what the struct tag would, for types that
	// have none. Nil means nothing.
	Required func(pkg, typ, field string) bool
	Enum     func(pkg, typ, field string) []string
	// Problem is any value of the type of all errors (RFC 9457).
	Problem any
	// Schema returns the schema of a type in place of the derived one: what
	// json.Marshal makes one of, or a [reflect.Type] that stands in for the
	// type: what its MarshalJSON marshals in its place. Nil means none.
	Schema func(reflect.Type) (any, bool)
	// Security says that the API may ask for a bearer token.
	Security bool
}

// Tag is a chapter of the document.
type Tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// Document returns the document as indented JSON with a newline at its end. The
// same table gives the same bytes. The error names the operation or the field
// that cannot be described.
func Document(info Info, operations []Operation) ([]byte, error) {
	if err := check(info, operations); err != nil {
		return nil, err
	}
	w := &writer{newGenerator(info, nil)}
	w.paths(operations) // finds the types that want one name, and is then thrown away
	w.componentsObject(operations)
	w = &writer{newGenerator(info, w.clashes())}
	paths := w.paths(operations)
	components := w.componentsObject(operations)
	if w.err != nil {
		return nil, w.err
	}
	var doc object
	doc.add("openapi", "3.1.0")
	doc.add("info", infoObject(info))
	doc.addSome("servers", servers(info))
	doc.addSome("security", security(info))
	doc.addSome("tags", info.Tags)
	doc.add("paths", paths)
	doc.add("components", components)
	compact, err := encode(doc)
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return out.Bytes(), nil
}
