package openapi

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// field is a member of a struct's JSON form.
type field struct {
	reflect.StructField
	owner   reflect.Type // the struct that declares it
	name    string       // in JSON
	omitted bool         // when it is zero
	quoted  bool         // a number or a bool in a string
	depth   int
}

// fields lists the members in their order, with those of embedded structs. Of
// two of one name the shallower counts, as in encoding/json.
func fields(t reflect.Type, depth int) []field {
	var list []field
	for i := range t.NumField() {
		for _, f := range expand(t, t.Field(i), depth) {
			switch at := slices.IndexFunc(list, func(g field) bool { return g.name == f.name }); {
			case at < 0:
				list = append(list, f)
			case f.depth < list[at].depth:
				list[at] = f
			}
		}
	}
	return list
}

// expand is the field itself, the fields of an embedded struct, or nothing.
func expand(t reflect.Type, f reflect.StructField, depth int) []field {
	tag := f.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	inner := f.Type
	if inner.Kind() == reflect.Pointer {
		inner = inner.Elem()
	}
	switch {
	case tag == "-":
		return nil
	case f.Anonymous && name == "" && inner.Kind() == reflect.Struct:
		return fields(inner, depth+1)
	case !f.IsExported():
		return nil
	case name == "":
		name = f.Name
	}
	words := strings.Split(options, ",")
	return []field{{
		StructField: f, owner: t, name: name, depth: depth,
		omitted: slices.Contains(words, "omitempty") || slices.Contains(words, "omitzero"),
		quoted:  slices.Contains(words, "string"),
	}}
}

// structSchema describes a struct by its fields, or a merge patch of it.
func (g *generator) structSchema(c component) object {
	before := g.where
	defer func() { g.where = before }()
	var properties object
	var required []string
	for _, f := range fields(c.of, 0) {
		g.where = f.owner.String() + "." + f.Name
		schema, must := g.property(f, c.patch)
		properties.add(f.name, schema)
		if must && !c.patch {
			required = append(required, f.name)
		}
	}
	o := object{{"type", "object"}}
	o.addSome("properties", properties)
	o.addSome("required", required)
	o.add("additionalProperties", false)
	return o
}

// property describes a field, and says whether it is required.
func (g *generator) property(f field, patch bool) (schema object, required bool) {
	schema = g.schema(f.Type)
	if patch {
		schema = g.patch(f.Type)
	}
	if f.quoted {
		schema = object{{"type", "string"}}
	}
	pkg, typ := packageOf(f.owner), f.owner.Name()
	required = g.Required(pkg, typ, f.Name)
	words := strings.FieldsFunc(f.Tag.Get("openapi"), func(r rune) bool { return r == ',' })
	if values := g.Enum(pkg, typ, f.Name); len(values) > 0 {
		words = append(words, "enum="+strings.Join(values, "|"))
	}
	for _, word := range words {
		if word == "required" {
			required = true
			continue
		}
		schema = g.restrict(schema, word)
	}
	if patch || f.Type.Kind() == reflect.Pointer && !f.omitted {
		schema = nullable(schema)
	}
	return withDescription(schema, g.Docs(pkg, typ, f.Name)), required
}

// patch describes a merge patch of a value: an object is changed member by
// member, anything else replaced.
func (g *generator) patch(t reflect.Type) object {
	if t.Kind() == reflect.Pointer {
		return g.patch(t.Elem())
	}
	_, given := g.given(t)
	switch {
	case given:
	case t.Kind() == reflect.Map:
		return object{{"type", "object"}, {"additionalProperties", nullable(g.patch(t.Elem()))}}
	case isComponent(t):
		return g.ref(component{t, true})
	case t.Kind() == reflect.Struct && t.Name() == "":
		return g.structSchema(component{t, true})
	}
	return g.schema(t)
}

// restrict adds what a word of the struct tag says. A list or a map is
// restricted in its elements.
func (g *generator) restrict(s object, word string) object {
	for _, of := range []string{"items", "additionalProperties"} {
		if elements, ok := s.find(of).(object); ok {
			s = slices.Clone(s)
			s[s.index(of)].value = g.restrict(elements, word)
			return s
		}
	}
	if types, ok := s.find("type").([]string); ok { // that of nullable
		return nullable(g.restrict(s.with("type", types[0]), word))
	}
	key, value, _ := strings.Cut(word, "=")
	switch kind := s.find("type"); {
	case key == "enum" && value != "" && kind == "string":
		return s.with("enum", strings.Split(value, "|"))
	case key == "min" && (kind == "integer" || kind == "number"):
		least, err := strconv.Atoi(value)
		if err != nil {
			return g.fail("openapi tag %q: want a whole number", word)
		}
		return s.with("minimum", least)
	}
	return g.fail("openapi tag %q: want required, enum=A|B on a string, or min=N on a number", word)
}

// with is a copy of the object in which the member has that value.
func (o object) with(name string, value any) object {
	o = slices.Clone(o)
	if i := o.index(name); i >= 0 {
		o[i].value = value
		return o
	}
	o.add(name, value)
	return o
}

// withDescription puts a description in front, also of a reference: in 3.1 it
// may have neighbours.
func withDescription(s object, text string) object {
	if text == "" {
		return s
	}
	if i := s.index("description"); i >= 0 {
		s = slices.Delete(slices.Clone(s), i, i+1)
	}
	return append(object{{"description", text}}, s...)
}
