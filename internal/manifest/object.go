package manifest

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// reader turns the values of a file into an export and collects the mistakes.
type reader struct {
	file    string
	objects []*object // all that were looked into
	errs    []error
}

// maxMistakes is how many mistakes of a file are listed.
const maxMistakes = 20

func (x *reader) fail(at, format string, args ...any) {
	if len(x.errs) < maxMistakes {
		x.errs = append(x.errs, &Error{x.file, at, fmt.Sprintf(format, args...)})
	}
}

// object is a JSON object whose known fields are taken out one by one. What
// nobody takes is what idpool ignores.
type object struct {
	reader *reader
	at     string            // its place in the file
	schema string            // the same without positions, such as application.appRoles
	fields map[string]any    // by lower-case name
	names  map[string]string // as written, by lower-case name
}

// object looks into a value that must be one. Names are compared without
// regard to case: Microsoft's own samples write both api and Api.
func (x *reader) object(at, schema string, v any) *object {
	o := &object{reader: x, at: at, schema: schema, fields: map[string]any{}, names: map[string]string{}}
	members, ok := v.(map[string]any)
	if !ok {
		x.fail(at, "want an object, got %s", typeOf(v))
		return o
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		lower := strings.ToLower(name)
		if other, twice := o.names[lower]; twice {
			x.fail(at, "has both %q and %q", other, name)
		}
		o.names[lower], o.fields[lower] = name, members[name]
	}
	x.objects = append(x.objects, o)
	return o
}

// has says whether a field is there, null included.
func (o *object) has(name string) bool {
	_, there := o.fields[strings.ToLower(name)]
	return there
}

// take removes the first of the fields that has a value. at is its place.
func (o *object) take(names []string) (v any, at string) {
	for _, name := range names {
		lower := strings.ToLower(name)
		candidate := o.fields[lower]
		if v == nil && candidate != nil {
			v, at = candidate, o.path(o.names[lower])
		}
		delete(o.fields, lower)
	}
	return v, at
}

func (o *object) path(name string) string {
	if o.at == "" || name == "" {
		return o.at + name
	}
	return o.at + "." + name
}

// text is a string; null and absent are empty. Each getter takes the names that
// the field has had over the years.
func (o *object) text(names ...string) string {
	s, _ := o.textAt(names)
	return s
}

func (o *object) textAt(names []string) (s, at string) {
	v, at := o.take(names)
	s, ok := v.(string)
	if !ok && v != nil {
		o.reader.fail(at, "want text, got %s", typeOf(v))
	}
	return s, at
}

// guid is a string that must be a GUID when it is there.
func (o *object) guid(names ...string) string {
	s, at := o.textAt(names)
	if s != "" && !isGUID(s) {
		o.reader.fail(at, "%s is no GUID, want one such as 67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6", quoted(s))
		return ""
	}
	return s
}

// id is a GUID without which the object means nothing.
func (o *object) id(name, what string) string {
	if v := o.fields[strings.ToLower(name)]; v == nil || v == "" {
		o.reader.fail(o.path(name), "is missing: it is %s", what)
	}
	return o.guid(name)
}

// flag is nil for null and absent.
func (o *object) flag(name string) *bool {
	v, at := o.take([]string{name})
	b, ok := v.(bool)
	if !ok {
		if v != nil {
			o.reader.fail(at, "want true or false, got %s", describe(v))
		}
		return nil
	}
	return &b
}

// integer is nil for null and absent.
func (o *object) integer(name string) *int {
	v, at := o.take([]string{name})
	f, ok := v.(float64)
	if ok && f == math.Trunc(f) && math.Abs(f) < 1<<31 {
		n := int(f)
		return &n
	}
	if v != nil {
		o.reader.fail(at, "want a whole number, got %s", describe(v))
	}
	return nil
}

// moment is a time in ISO 8601, as Graph and both generations of az write it.
func (o *object) moment(names ...string) time.Time {
	s, at := o.textAt(names)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		t, err := time.Parse(layout, s)
		t = t.UTC()
		if err == nil && t.Year() >= 1 && t.Year() <= 9999 { // a time zone may lead out of what ISO 8601 can write
			return t
		}
	}
	o.reader.fail(at, "want a time such as 2026-11-23T15:00:00Z, got %s", quoted(s))
	return time.Time{}
}

// list is empty for null and absent.
func (o *object) list(names ...string) (items []any, at string) {
	v, at := o.take(names)
	items, ok := v.([]any)
	if !ok && v != nil {
		o.reader.fail(at, "want a list, got %s", typeOf(v))
	}
	return items, at
}

func (o *object) texts(names ...string) []string {
	items, at := o.list(names...)
	var out []string
	for i, item := range items {
		s, ok := item.(string)
		if !ok {
			o.reader.fail(at+"["+strconv.Itoa(i)+"]", "want text, got %s", typeOf(item))
		}
		out = append(out, s)
	}
	return out
}

func (o *object) objects(names ...string) []*object {
	items, at := o.list(names...)
	var out []*object
	for i, item := range items {
		out = append(out, o.reader.object(at+"["+strconv.Itoa(i)+"]", o.schema+"."+names[0], item))
	}
	return out
}

// object is an empty one for null and absent.
func (o *object) object(name string) *object {
	v, at := o.take([]string{name})
	if v == nil {
		return &object{reader: o.reader}
	}
	return o.reader.object(at, o.schema+"."+name, v)
}

// ignored are the fields with a value that nobody took.
func (x *reader) ignored() map[string]bool {
	out := map[string]bool{}
	for _, o := range x.objects {
		for lower, v := range o.fields {
			// The annotations of OData describe the answer, not the directory.
			if name := o.schema + "." + plain(o.names[lower]); !isEmpty(v) && !isDefault(name, v) && !strings.Contains(lower, "odata.") {
				out[name] = true
			}
		}
	}
	return out
}

// isEmpty says whether leaving a value out loses nothing that was set.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !isEmpty(item) })
	case map[string]any:
		for _, member := range v {
			if !isEmpty(member) {
				return false
			}
		}
		return true
	}
	return false
}

// isDefault says whether an ignored field has what the portal gives every new
// application, so that nobody has set it.
func isDefault(name string, v any) bool {
	var defaults map[string]any
	switch name {
	case "application.parentalControlSettings":
		defaults = map[string]any{"legalAgeGroupRule": "Allow"}
	case "application.servicePrincipalLockConfiguration":
		defaults = map[string]any{"isEnabled": true, "allProperties": true, "credentialsWithUsageVerify": true, "credentialsWithUsageSign": true, "tokenEncryptionKeyId": true}
	}
	members, ok := v.(map[string]any)
	if !ok || defaults == nil {
		return false
	}
	for key, member := range members {
		if s := defaults[key]; !isEmpty(member) && (s == nil || !reflect.DeepEqual(s, member)) {
			return false
		}
	}
	return true
}

// typeOf describes a value without showing it: where a list or an object should
// be, or any text, there may be a secret.
func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "text"
	case bool:
		return "true or false"
	case float64:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}

// describe shows a value where nobody keeps a secret.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return "the text " + quoted(v)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return "the number " + strconv.FormatFloat(v, 'g', -1, 64)
	}
	return typeOf(v)
}

// quoted shows text from a file, of which there may be any amount.
func quoted(s string) string { return strconv.Quote(clipped(s)) }

// plain shows text without quotes: on one line and without what a terminal or
// YAML would take for a command.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, clipped(s))
}

func clipped(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
