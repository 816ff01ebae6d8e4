package openapi

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the files that tests compare")

// duration is like idpool.Duration.
type Duration time.Duration

func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// Dated is embedded in others.
type Dated struct {
	Created time.Time `json:"created,omitzero"`
	Name    string    `json:"name"` // hidden by Toy's
}

// Toy has a field of each kind.
type Toy struct {
	Dated
	Name     string            `json:"name" openapi:"required"`
	Kind     string            `json:"kind,omitempty" openapi:"enum=car|doll"`
	Colours  []string          `json:"colours,omitempty" openapi:"enum=red|blue"`
	Wheels   int               `json:"wheels" openapi:"required,min=0"`
	Price    float64           `json:"price,omitempty"`
	Sold     uint64            `json:"sold,string,omitempty"`
	Parent   *Toy              `json:"parent"`
	Spare    *Toy              `json:"spare,omitempty"`
	Weight   *int              `json:"weight"`
	Parts    []Toy             `json:"parts,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Box      map[string]Box    `json:"box,omitempty"`
	Lasts    Duration          `json:"lasts,omitempty"`
	Picture  []byte            `json:"picture,omitempty"`
	Anything any               `json:"anything,omitempty"`
	Raw      json.RawMessage   `json:"raw,omitempty"`
	Shape    Shape             `json:"shape,omitzero"`
	Inline   struct {
		Depth int `json:"depth"`
	} `json:"inline"`
	Hidden string `json:"-"`
	secret string
}

// Box is in a map.
type Box struct {
	Size int  `json:"size" openapi:"required"`
	Open bool `json:"open,omitempty"`
}

// Shape writes its own JSON and says so.
type Shape struct{ corners int }

func (s Shape) MarshalJSON() ([]byte, error) { return json.Marshal(s.corners) }

func (Shape) OpenAPISchema() map[string]any {
	return map[string]any{"type": "integer", "description": "corners"}
}

// Page is generic.
type Page[T any] struct {
	Items []T `json:"items" openapi:"required"`
}

// Trouble is the problem of the toy shop.
type Trouble struct {
	Detail string `json:"detail" openapi:"required"`
}

func toyInfo() Info {
	return Info{
		Title: "Toys", Version: "1", Description: "A shop <of> toys & more.", License: "Apache-2.0", ServerURL: "http://127.0.0.1:8081",
		Tags: []Tag{{"toys", "All of them."}}, Problem: Trouble{}, Security: true,
		Docs: func(pkg, typ, field string) string {
			return map[string]string{
				"openapi.Toy.": "Toy has a field of each kind.", "openapi.Toy.Parent": "Parent is the toy that it belongs to.",
				"openapi.Dated.Created": "Created is when it was made.", "openapi.Shape.": "Shape has corners.",
			}[pkg+"."+typ+"."+field]
		},
		Required: func(_, typ, field string) bool { return typ+field == "BoxOpen" },
		Enum: func(_, typ, field string) []string {
			return map[string][]string{"ToyLabels": {"new", "old"}}[typ+field]
		},
	}
}

func toyOperations() []Operation {
	toy := map[string]string{"toy": "Name of the toy."}
	return []Operation{
		{
			Method: "GET", Path: "/toys", ID: "listToys", Tag: "toys", Summary: "Lists the toys.",
			Query: []Parameter{
				{Name: "kind", Description: "Only these.", Enum: []string{"car", "doll"}}, {Name: "limit", Type: "integer"},
				{Name: "used", Type: "boolean"}, {Name: "wait", Type: "duration"}, {Name: "since", Type: "date-time", Required: true},
			},
			Responses: []Response{{Status: 200, Description: "The toys.", Body: Page[Toy]{}}}, Problems: []int{401, 400},
		},
		{
			Method: "POST", Path: "/toys", ID: "makeToy", Tag: "toys", Request: Toy{secret: "in no document"},
			Responses: []Response{{Status: 201, Body: &Toy{}}}, Problems: []int{413},
		},
		{
			Method: "PATCH", Path: "/toys/{toy:[a-z]+}", ID: "changeToy", PathParams: toy, Request: Toy{}, RequestType: mediaPatch,
			Responses: []Response{{Status: 200, Body: Toy{}}}, Problems: []int{404},
		},
		{Method: "DELETE", Path: "/toys/{toy}", ID: "dropToy", PathParams: toy, Responses: []Response{{Status: 204}}},
		{Method: "GET", Path: "/events", ID: "events", Headers: []Parameter{{Name: "Last-Event-ID", Description: "Go on behind it.", Type: "integer"}}, Responses: []Response{{Status: 200, Body: Box{}, ContentType: mediaEvents}}},
		{Method: "GET", Path: "/ca", ID: "ca", Responses: []Response{{Status: 200, ContentType: "application/x-pem-file"}}},
	}
}

// TestGolden compares the document of a toy shop with testdata/toys.json.
func TestGolden(t *testing.T) {
	got, err := Document(toyInfo(), toyOperations())
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/toys.json"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is out of date: run go test . -update and read the difference", file)
	}
	again, err := Document(toyInfo(), toyOperations())
	if err != nil || string(again) != string(got) {
		t.Errorf("the same table gave another document (error %v)", err)
	}
}

// members of an object of the document, by their path in it.
func members(t *testing.T, document []byte, path ...string) map[string]any {
	t.Helper()
	var at map[string]any
	if err := json.Unmarshal(document, &at); err != nil {
		t.Fatal(err)
	}
	for _, name := range path {
		next, ok := at[name].(map[string]any)
		if !ok {
			t.Fatalf("the document has no %s of %v", name, path)
		}
		at = next
	}
	return at
}

// TestAReplacedType has Info.Schema let one type stand in for another.
func TestAReplacedType(t *testing.T) {
	info := toyInfo()
	info.Schema = func(of reflect.Type) (any, bool) {
		switch of {
		case reflect.TypeFor[Shape]():
			return map[string]any{"const": "round"}, true
		case reflect.TypeFor[Page[Toy]]():
			return reflect.TypeFor[Box](), true
		}
		return nil, false
	}
	document, err := Document(info, toyOperations())
	if err != nil {
		t.Fatal(err)
	}
	schemas := members(t, document, "components", "schemas")
	if got := schemas["Shape"].(map[string]any)["const"]; got != "round" {
		t.Errorf("Shape has const %v, want round", got)
	}
	if _, ok := members(t, document, "components", "schemas", "PageToy", "properties")["size"]; !ok {
		t.Errorf("PageToy is %v, want the members of Box", schemas["PageToy"])
	}
}

// Timed writes one field more than it shows.
type Timed struct {
	Name string        `json:"name" openapi:"required"`
	Took time.Duration `json:"-"`
}

type timedFields Timed

type timedWire struct {
	timedFields
	Took string `json:"took,omitempty"`
}

func (t Timed) MarshalJSON() ([]byte, error) {
	return json.Marshal(timedWire{timedFields(t), t.Took.String()})
}

// TestAWireType describes a type by what its MarshalJSON marshals.
func TestAWireType(t *testing.T) {
	info := toyInfo()
	info.Schema = func(of reflect.Type) (any, bool) { return reflect.TypeFor[timedWire](), of == reflect.TypeFor[Timed]() }
	info.Docs = func(_, typ, field string) string { return typ + "." + field }
	document, err := Document(info, []Operation{{Method: "GET", Path: "/a", ID: "a", Responses: []Response{{Status: 200, Body: Timed{}}}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(members(t, document, "components", "schemas"))
	want := `{"Timed":{"additionalProperties":false,"description":"Timed.","properties":{` +
		`"name":{"description":"timedFields.Name","type":"string"},"took":{"description":"timedWire.Took","type":"string"}},"required":["name"],"type":"object"}}`
	if err != nil || string(got) != want {
		t.Errorf("schemas are %s, want %s (error %v)", got, want, err)
	}
}

// Reader wants the name of strings.Reader.
type Reader struct {
	Other strings.Reader `json:"other"`
}

// TestTypesOfOneName has the package in front of both, whichever comes first.
func TestTypesOfOneName(t *testing.T) {
	for _, body := range []any{Reader{}, strings.Reader{}} {
		document, err := Document(Info{Title: "x", Version: "1"}, []Operation{
			{Method: "GET", Path: "/a", ID: "a", Responses: []Response{{Status: 200, Body: body}}},
			{Method: "GET", Path: "/b", ID: "b", Responses: []Response{{Status: 200, Body: Reader{}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		schemas := members(t, document, "components", "schemas")
		if len(schemas) != 2 || schemas["OpenapiReader"] == nil || schemas["StringsReader"] == nil {
			t.Errorf("schemas are %v, want OpenapiReader and StringsReader", schemas)
		}
	}
}

// list holds itself without a struct between.
type list []list

func TestRefused(t *testing.T) {
	type body = struct {
		Of any `json:"of"`
	}
	good := Operation{Method: "GET", Path: "/a/{b}", ID: "a", PathParams: map[string]string{"b": "B."}, Responses: []Response{{Status: 200}}}
	with := func(change func(*Operation)) []Operation {
		op := good
		change(&op)
		return []Operation{op}
	}
	answers := func(body any) []Operation {
		return with(func(op *Operation) { op.Responses = []Response{{Status: 200, Body: body}} })
	}
	for _, tc := range []struct {
		want string
		ops  []Operation
	}{
		{"has no ID", with(func(op *Operation) { op.ID = "" })},
		{`unknown method "get"`, with(func(op *Operation) { op.Method = "get" })},
		{`path "a"`, with(func(op *Operation) { op.Path = "a" })},
		{`path "/a/*"`, with(func(op *Operation) { op.Path = "/a/*" })},
		{"a body of GET", with(func(op *Operation) { op.Request = body{} })},
		{`unknown tag "dolls"`, with(func(op *Operation) { op.Tag = "dolls" })},
		{`path parameter "b" is not described`, with(func(op *Operation) { op.PathParams = nil })},
		{`path parameter "b" is described and not in the path`, with(func(op *Operation) { op.Path = "/a" })},
		{`query parameter "q" has the unknown type "number"`, with(func(op *Operation) { op.Query = []Parameter{{Name: "q", Type: "number"}} })},
		{`query parameter "q" is there twice`, with(func(op *Operation) { op.Query = []Parameter{{Name: "q"}, {Name: "q"}} })},
		{"no responses", with(func(op *Operation) { op.Responses = nil })},
		{"status 200 is no status or there twice", with(func(op *Operation) { op.Problems = []int{200} })},
		{"GET /a/{b}: it stands twice", append(with(func(op *Operation) { op.ID = "b" }), good)},
		{`the ID "a" is taken`, append(with(func(op *Operation) { op.Method = "PUT" }), good)},
		{"GET /a/{b}: chan int has no JSON form", answers(make(chan int))},
		{"openapi.list holds itself", answers(list{})},
		{"openapi.silent writes its own JSON", answers(silent{})},
		{`openapi tag "enum=a"`, answers(struct {
			N int `json:"n" openapi:"enum=a"`
		}{})},
		{`openapi tag "requird"`, answers(struct {
			N int `json:"n" openapi:"requird"`
		}{})},
		{`openapi tag "min=x": want a whole number`, answers(struct {
			N int `json:"n" openapi:"min=x"`
		}{})},
		{"openapi.wrong is no JSON object", answers(wrong(0))},
	} {
		_, err := Document(toyInfo(), tc.ops)
		if err == nil || !strings.HasPrefix(err.Error(), "openapi: ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("the error is %v, want %q", err, tc.want)
		}
	}
	if _, err := Document(Info{Title: "x"}, nil); err == nil || !strings.Contains(err.Error(), `the version ""`) {
		t.Errorf("without a version the error is %v", err)
	}
	ops := with(func(op *Operation) { op.Problems = []int{404} })
	if _, err := Document(Info{Title: "x", Version: "1"}, ops); err == nil || !strings.Contains(err.Error(), "no Problem") {
		t.Errorf("without a Problem the error is %v", err)
	}
}

// silent writes its own JSON and does not say what.
type silent struct{}

func (silent) MarshalJSON() ([]byte, error) { return []byte(`1`), nil }

// wrong has a schema that is no JSON.
type wrong int

func (wrong) OpenAPISchema() map[string]any { return map[string]any{"type": make(chan int)} }
