package openapi

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// generator derives schemas from types. The first type that it cannot describe
// is its err; what it returns afterwards is of no use.
type generator struct {
	Info
	qualified map[string]bool // names that several types want
	schemas   map[component]object
	names     map[string]component
	wanted    map[string]map[reflect.Type]bool
	open      map[reflect.Type]bool // lists and maps being described
	where     string                // the operation or the field at hand, for the error
	err       error
}

// component is a schema under components/schemas.
type component struct {
	of    reflect.Type
	patch bool // of a merge patch of the type
}

func newGenerator(info Info, qualified map[string]bool) *generator {
	g := &generator{
		Info: info, qualified: qualified, open: map[reflect.Type]bool{},
		schemas: map[component]object{}, names: map[string]component{}, wanted: map[string]map[reflect.Type]bool{},
	}
	if g.Docs == nil {
		g.Docs = func(_, _, _ string) string { return "" }
	}
	if g.Schema == nil {
		g.Schema = func(reflect.Type) (any, bool) { return nil, false }
	}
	if g.Required == nil {
		g.Required = func(_, _, _ string) bool { return false }
	}
	if g.Enum == nil {
		g.Enum = func(_, _, _ string) []string { return nil }
	}
	return g
}

func (g *generator) fail(format string, args ...any) object {
	if g.err == nil {
		g.err = fmt.Errorf("openapi: %s: %s", g.where, fmt.Sprintf(format, args...))
	}
	return object{}
}

// described is a type that knows its own schema.
type described interface{ OpenAPISchema() map[string]any }

// schema describes the values of a type. A pointer is described as what it
// points to: only the field that holds it knows whether nil is written.
func (g *generator) schema(t reflect.Type) object {
	switch {
	case t.Kind() == reflect.Pointer:
		return g.schema(t.Elem())
	case isComponent(t):
		return g.ref(component{of: t})
	}
	return g.inline(t)
}

// isComponent says whether all places share the schema of the type.
func isComponent(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.Name() != "" && t != reflect.TypeFor[time.Time]() && !isText(t)
}

// inline is the schema itself, also of a type that has a component.
func (g *generator) inline(t reflect.Type) object {
	if given, ok := g.given(t); ok {
		return given
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{{"type", "string"}, {"format", "date-time"}}
	case t == reflect.TypeFor[json.Number]():
		return object{{"type", "number"}}
	case writesItself(t) && isBytes(t): // json.RawMessage, jsontext.Value
		return object{}
	case writesItself(t):
		return g.fail("%s writes its own JSON: it needs a method OpenAPISchema, or Info.Schema must know it", t)
	case isText(t) && t.Kind() == reflect.Int64 && t.Name() == "Duration":
		return durationSchema()
	case isText(t):
		return object{{"type", "string"}}
	}
	if g.open[t] {
		return g.fail("%s holds itself and is no struct", t)
	}
	g.open[t] = t.Kind() == reflect.Slice || t.Kind() == reflect.Map
	defer func() { g.open[t] = false }()
	return g.byKind(t)
}

func (g *generator) byKind(t reflect.Type) object {
	switch t.Kind() {
	case reflect.Struct:
		return g.structSchema(component{of: t})
	case reflect.Slice, reflect.Array:
		if t.Kind() == reflect.Slice && isBytes(t) {
			return object{{"type", "string"}, {"contentEncoding", "base64"}}
		}
		return object{{"type", "array"}, {"items", g.schema(t.Elem())}}
	case reflect.Map:
		return object{{"type", "object"}, {"additionalProperties", g.schema(t.Elem())}}
	case reflect.Interface:
		return object{}
	case reflect.Bool:
		return object{{"type", "boolean"}}
	case reflect.String:
		return object{{"type", "string"}}
	case reflect.Float32, reflect.Float64:
		return object{{"type", "number"}}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{{"type", "integer"}}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{{"type", "integer"}, {"minimum", 0}}
	}
	return g.fail("%s has no JSON form", t)
}

// durationSchema is Go's form of a duration, which is not that of the format
// "duration" of JSON Schema (ISO 8601).
func durationSchema() object {
	return object{
		{"type", "string"},
		{"pattern", `^[-+]?(0|([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`},
		{"examples", []string{"30s", "1h30m"}},
	}
}

// given is the schema that somebody wrote: Info.Schema or the type itself.
func (g *generator) given(t reflect.Type) (object, bool) {
	schema, ok := g.Schema(t)
	if d, is := reflect.New(t).Interface().(described); !ok && is {
		schema, ok = d.OpenAPISchema(), true
	}
	if !ok {
		return nil, false
	}
	if other, is := schema.(reflect.Type); is {
		if other == t {
			return g.fail("Info.Schema lets %s stand in for itself", t), true
		}
		return g.inline(other), true
	}
	data, err := encode(schema)
	members := map[string]json.RawMessage{}
	if err == nil {
		err = json.Unmarshal(data, &members)
	}
	if err != nil {
		return g.fail("the schema given for %s is no JSON object: %v", t, err), true
	}
	var o object
	for _, name := range slices.Sorted(maps.Keys(members)) {
		o.add(name, members[name])
	}
	return o, true
}

// isText says whether the type is a JSON string because it reads or writes
// text. Such a type that also has a schema of its own keeps that.
func isText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return (p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())) &&
		!writesItself(t) && t != reflect.TypeFor[time.Time]()
}

// writesItself says whether the type has a JSON form that its fields do not show.
func writesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return t != reflect.TypeFor[time.Time]()
	}
	_, writes := p.MethodByName("MarshalJSONTo") // of encoding/json/v2 and of its forerunner
	_, reads := p.MethodByName("UnmarshalJSONFrom")
	return writes || reads
}

func isBytes(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) && t.Elem().Kind() == reflect.Uint8
}

// nullable is the schema that takes null as well.
func nullable(s object) object {
	null := object{{"type", "null"}}
	if len(s) == 0 {
		return s
	}
	if i := s.index("type"); i >= 0 && s.index("enum") < 0 {
		if name, ok := s[i].value.(string); ok {
			s = slices.Clone(s)
			s[i].value = []string{name, "null"}
			return s
		}
	}
	return object{{"anyOf", []object{s, null}}}
}
