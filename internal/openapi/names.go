package openapi

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// ref refers to a component, which it makes at the first time. A type is known
// before its fields are looked at, so that it may hold itself.
func (g *generator) ref(c component) object {
	name := g.name(c)
	if _, done := g.schemas[c]; !done {
		if other, taken := g.names[name]; taken {
			g.fail("%s and %s would both be called %s", c.of, other.of, name)
		}
		g.names[name], g.schemas[c] = c, object{}
		s := g.outside(c)
		text := g.Docs(packageOf(c.of), c.of.Name(), "")
		if c.patch {
			text = "A merge patch (RFC 7396): what is left out stays, null removes."
		}
		g.schemas[c] = withDescription(s, text)
	}
	return object{{"$ref", "#/components/schemas/" + name}}
}

// outside describes a component from the start: a list of the type in which it
// is met does not count as one that holds itself.
func (g *generator) outside(c component) object {
	before := g.open
	defer func() { g.open = before }()
	g.open = map[reflect.Type]bool{}
	if c.patch {
		return g.structSchema(c)
	}
	return g.inline(c.of)
}

// name is that of the type, with its package in front when there are several of
// that name.
func (g *generator) name(c component) string {
	name := plainName(c.of)
	if g.wanted[name] == nil {
		g.wanted[name] = map[reflect.Type]bool{}
	}
	g.wanted[name][c.of] = true
	if g.qualified[name] {
		name = upperFirst(packageOf(c.of)) + name
	}
	if c.patch {
		name += "Patch"
	}
	return name
}

// clashes are the names that more than one type wants.
func (g *generator) clashes() map[string]bool {
	several := map[string]bool{}
	for name, types := range g.wanted {
		several[name] = len(types) > 1
	}
	return several
}

// plainName is the type's name as a component's: PageTenant for Page[idp.Tenant].
func plainName(t reflect.Type) string {
	parts := strings.FieldsFunc(t.Name(), func(r rune) bool { return strings.ContainsRune("[],*", r) })
	var name strings.Builder
	for _, part := range parts {
		name.WriteString(upperFirst(part[strings.LastIndexByte(part, '.')+1:]))
	}
	return name.String()
}

// packageOf is the name of the type's package, as in idp.Tenant.
func packageOf(t reflect.Type) string {
	name, _, _ := strings.Cut(t.String(), ".")
	return name
}

func upperFirst(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

// sortedSchemas are the components by name.
func (g *generator) sortedSchemas() object {
	var o object
	for _, name := range slices.Sorted(maps.Keys(g.names)) {
		o.add(name, g.schemas[g.names[name]])
	}
	return o
}
