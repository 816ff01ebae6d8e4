// Package strictyaml reads a YAML (or JSON) file into Go structs and refuses
// whatever it does not understand: unknown keys with the nearest known one,
// wrong types, keys given twice. A field of type map[string]any or any takes
// whatever JSON has. It reports every mistake, each with its line
// and column, and can say later where a field stood, so that checks made on
// the structs can point into the file too.
package strictyaml

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/idpool/idpool/internal/nearest"
)

// Error is a mistake in a file.
type Error struct {
	File   string
	Line   int    // from 1; 0 when unknown
	Column int    // in characters, from 1
	Field  string // such as tenants[0].id; empty for the whole file
	// Message says what is wrong and what would be right.
	Message string
}

// Error is FILE:LINE:COLUMN: FIELD: MESSAGE, as far as these are known.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// Document is a file that has been read.
type Document struct {
	name string
	root *yaml.Node
}

// Bounds on what a file can cost. Aliases may blow it up to ten times its
// size, which real files do not come near.
const (
	maxBlowUp   = 10
	maxDepth    = 64
	maxMistakes = 100
)

// Decode reads data into the struct that into points to, by the names of its
// json tags. It returns every mistake; into then holds what could be read.
// The Document is nil when the text is no YAML at all.
func Decode(name string, data []byte, into any) (*Document, []*Error) {
	root, mistake := parse(name, data)
	if mistake != nil {
		return nil, []*Error{mistake}
	}
	d := &Document{name: name, root: root}
	if root.Kind == 0 { // an empty file
		return d, nil
	}
	x := &decoder{document: d, known: map[reflect.Type][]string{}, top: reflect.TypeOf(into).Elem()}
	x.budget = maxBlowUp*count(root) + 1000
	x.value("", d.root, reflect.ValueOf(into).Elem(), 0)
	return d, x.errs
}

// parse reads the one document of a file.
func parse(name string, data []byte) (*yaml.Node, *Error) {
	var node, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&node); err != nil && !errors.Is(err, io.EOF) {
		return nil, syntaxError(name, err)
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		return nil, &Error{File: name, Line: more.Line, Column: more.Column, Message: "a second YAML document begins here: a config is one"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxError(name, err)
	}
	if node.Kind == yaml.DocumentNode {
		return node.Content[0], nil
	}
	return &node, nil
}

// count is how many nodes there are without following aliases.
func count(node *yaml.Node) int {
	n := 1
	for _, c := range node.Content {
		n += count(c)
	}
	return n
}

// syntaxError takes the line out of the YAML library's text.
func syntaxError(name string, err error) *Error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	e := &Error{File: name, Message: "not YAML: " + message}
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		number, what, _ := strings.Cut(rest, ": ")
		if line, err := strconv.Atoi(number); err == nil {
			e.Line, e.Column, e.Message = line, 1, "not YAML: "+what
		}
	}
	return e
}

// At makes an Error that points at a field, such as
// identityProviders[0].identityPools[1].filter. Where the field is missing it
// points at the nearest thing around it.
func (d *Document) At(field, message string) *Error {
	e := &Error{Field: field, Message: message}
	if d == nil {
		return e
	}
	e.File = d.name
	node := d.root
	for _, step := range steps(field) {
		next := child(node, step)
		if next == nil {
			break
		}
		node = next
	}
	e.Line, e.Column = node.Line, node.Column
	return e
}

// Scalar returns the position of the text of a one-line scalar and that text
// as written, so that a column inside it can be given. ok is false for
// anything else.
func (d *Document) Scalar(field string) (line, column int, ok bool) {
	if d == nil {
		return 0, 0, false
	}
	node := d.root
	for _, step := range steps(field) {
		if node = child(node, step); node == nil {
			return 0, 0, false
		}
	}
	column = node.Column
	switch node.Style {
	case yaml.DoubleQuotedStyle, yaml.SingleQuotedStyle:
		column++
	case 0:
	default:
		return 0, 0, false
	}
	return node.Line, column, node.Kind == yaml.ScalarNode
}

// steps splits a.b[2].c into a, b, 2, c.
func steps(field string) []string {
	return strings.FieldsFunc(field, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
}

func child(node *yaml.Node, step string) *yaml.Node {
	node = resolved(node)
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if resolved(node.Content[i]).Value == step {
				return node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i < len(node.Content) {
			return node.Content[i]
		}
	}
	return nil
}

func resolved(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// decoder walks the nodes and the value side by side.
type decoder struct {
	document *Document
	errs     []*Error
	known    map[reflect.Type][]string
	top      reflect.Type
	budget   int // of nodes still to visit; below zero when it is used up
}

func (x *decoder) fail(node *yaml.Node, field, format string, args ...any) {
	switch len(x.errs) {
	case maxMistakes:
		x.errs = append(x.errs, &Error{x.document.name, node.Line, node.Column, "", "and more mistakes; these come first"})
	case maxMistakes + 1:
	default:
		x.errs = append(x.errs, &Error{x.document.name, node.Line, node.Column, field, fmt.Sprintf(format, args...)})
	}
}

// spend takes nodes from the budget and says, once, when there is none left.
func (x *decoder) spend(node *yaml.Node, field string, nodes, depth int) bool {
	if x.budget < 0 {
		return false
	}
	if x.budget -= nodes; x.budget < 0 || depth > maxDepth {
		x.budget = -1
		x.fail(node, field, "nested too deeply, or too large once its aliases are resolved")
		return false
	}
	return true
}

func (x *decoder) value(field string, node *yaml.Node, v reflect.Value, depth int) {
	node = resolved(node)
	if !x.spend(node, field, 1, depth) {
		return
	}
	if node.ShortTag() == "!!null" {
		return // as if left out
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		x.time(field, node, v)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		x.value(field, node, v.Elem(), depth)
	case v.CanAddr() && v.Addr().Type().Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		x.text(field, node, v)
	case v.Kind() == reflect.Struct:
		x.mapping(field, node, v, depth)
	case v.Kind() == reflect.Slice:
		x.sequence(field, node, v, depth)
	case v.Kind() == reflect.Map:
		x.freeMap(field, node, v, depth)
	case isAny(v.Type()):
		if read := x.free(field, node, depth); read != nil {
			v.Set(reflect.ValueOf(read))
		}
	default:
		x.scalar(field, node, v)
	}
}

// freeMap reads a map with keys of the writer's own: with any values, or with
// values of one type.
func (x *decoder) freeMap(field string, node *yaml.Node, v reflect.Value, depth int) {
	if node.Kind != yaml.MappingNode {
		x.fail(node, field, "want %s, got %s", describeType(v.Type()), describeNode(node))
		return
	}
	if isAny(v.Type().Elem()) {
		v.Set(reflect.ValueOf(x.freeMapping(field, node, depth)))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := resolved(node.Content[i]), reflect.New(v.Type().Elem()).Elem()
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			x.fail(key, field, "want text as a key, got %s", describeNode(key))
			continue
		}
		if v.MapIndex(reflect.ValueOf(key.Value)).IsValid() {
			x.fail(key, join(field, key.Value), "given twice")
			continue
		}
		x.value(join(field, key.Value), node.Content[i+1], value, depth+1)
		v.SetMapIndex(reflect.ValueOf(key.Value), value)
	}
}

func (x *decoder) mapping(field string, node *yaml.Node, v reflect.Value, depth int) {
	if node.Kind != yaml.MappingNode {
		x.fail(node, field, "want %s, got %s", describeType(v.Type()), describeNode(node))
		return
	}
	var seen uint64 // a bit for each field of the struct
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := resolved(node.Content[i])
		index := slices.Index(x.names(v.Type()), key.Value)
		if index < 0 || key.Value == "" {
			x.unknownKey(field, key, v.Type())
			continue
		}
		if seen&(1<<index) != 0 {
			x.fail(key, join(field, key.Value), "given twice")
			continue
		}
		seen |= 1 << index
		x.value(join(field, key.Value), node.Content[i+1], v.Field(index), depth+1)
	}
}

func join(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

// unknownKey says which key was meant, or where the key belongs.
func (x *decoder) unknownKey(field string, key *yaml.Node, t reflect.Type) {
	known := slices.DeleteFunc(slices.Clone(x.names(t)), func(s string) bool { return s == "" })
	hint := "want one of " + strings.Join(known, ", ")
	if near := nearest.To(key.Value, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if places := x.find(x.top, key.Value, "", map[reflect.Type]bool{}); len(places) == 1 {
		hint = fmt.Sprintf("%q belongs in %s", key.Value, places[0]) // of several, one would be a guess
	}
	x.fail(key, join(field, key.Value), "unknown key, %s", hint)
}

// find looks for the places where a key would be known, one for each type.
// seen keeps it from going round in a type that contains itself.
func (x *decoder) find(t reflect.Type, key, at string, seen map[reflect.Type]bool) []string {
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || seen[t] {
		return nil
	}
	seen[t] = true
	var places []string
	names := x.names(t)
	if slices.Contains(names, key) && at != "" {
		places = append(places, at)
	}
	for i, name := range names {
		if name == "" {
			continue
		}
		below := join(at, name)
		if t.Field(i).Type.Kind() == reflect.Slice {
			below += "[]"
		}
		places = append(places, x.find(t.Field(i).Type, key, below, seen)...)
	}
	return places
}

// names are the keys of a struct's fields by index, "" for a field that is not
// of the file.
func (x *decoder) names(t reflect.Type) []string {
	if names, ok := x.known[t]; ok {
		return names
	}
	names := make([]string, t.NumField())
	for i := range names {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "-" && t.Field(i).IsExported() {
			names[i] = name
		}
	}
	x.known[t] = names
	return names
}

func (x *decoder) sequence(field string, node *yaml.Node, v reflect.Value, depth int) {
	if node.Kind != yaml.SequenceNode {
		x.fail(node, field, "want %s, got %s", describeType(v.Type()), describeNode(node))
		return
	}
	if !x.spend(node, field, len(node.Content), depth) {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(node.Content), len(node.Content)))
	for i, item := range node.Content {
		x.value(field+"["+strconv.Itoa(i)+"]", item, v.Index(i), depth+1)
	}
}

func (x *decoder) scalar(field string, node *yaml.Node, v reflect.Value) {
	ok := node.Kind == yaml.ScalarNode
	tag := node.ShortTag()
	switch {
	case !ok:
	case v.Kind() == reflect.String && tag == "!!str":
		v.SetString(node.Value)
	case v.Kind() == reflect.Bool && tag == "!!bool":
		v.SetBool(strings.EqualFold(node.Value, "true"))
	case v.CanInt() && tag == "!!int":
		n, err := strconv.ParseInt(node.Value, 0, v.Type().Bits())
		v.SetInt(n)
		ok = err == nil
	case v.CanUint() && tag == "!!int":
		n, err := strconv.ParseUint(node.Value, 0, v.Type().Bits())
		v.SetUint(n)
		ok = err == nil
	default:
		ok = false
	}
	if !ok {
		x.fail(node, field, "want %s, got %s", describeType(v.Type()), masked(field, node))
	}
}

// masked describes a node without its value where that is a secret.
func masked(field string, node *yaml.Node) string {
	if strings.HasSuffix(field, "ecret") || strings.HasSuffix(field, "ecretText") {
		return "something that YAML takes for no text (put the secret in quotes)"
	}
	return describeNode(node)
}

func (x *decoder) text(field string, node *yaml.Node, v reflect.Value) {
	if node.Kind != yaml.ScalarNode {
		x.fail(node, field, "want a word, got %s", describeNode(node))
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(node.Value)); err != nil {
		x.fail(node, field, "%v", err)
	}
}

func (x *decoder) time(field string, node *yaml.Node, v reflect.Value) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, node.Value); err == nil && node.Kind == yaml.ScalarNode {
			v.Set(reflect.ValueOf(t))
			return
		}
	}
	x.fail(node, field, "want a time such as 2026-11-23T15:00:00Z, got %s", describeNode(node))
}

func describeType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "keys and values"
	case reflect.Slice:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	}
	return "a whole number"
}

func describeNode(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	}
	value := node.Value
	if r := []rune(value); len(r) > 40 {
		value = string(r[:40]) + "…"
	}
	switch node.ShortTag() {
	case "!!int", "!!float":
		return "the number " + value + " (put text in quotes)"
	case "!!bool":
		return value + " (put text in quotes)"
	case "!!timestamp":
		return "the time " + value + " (put text in quotes)"
	}
	return strconv.Quote(value)
}
