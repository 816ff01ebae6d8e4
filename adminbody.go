package idpool

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	strictjson "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/idpool/idpool/internal/nearest"
)

// exactNumbers keeps the integers of claims, which a float64 would round.
var exactNumbers = strictjson.WithUnmarshalers(strictjson.UnmarshalFromFunc(func(d *jsontext.Decoder, into *any) error {
	if d.PeekKind() != '0' {
		return errors.ErrUnsupported
	}
	number, err := d.ReadValue()
	if err != nil {
		return err
	}
	if i, notInteger := strconv.ParseInt(string(number), 10, 64); notInteger == nil {
		*into = i
		return nil
	}
	return strictjson.Unmarshal(number, into)
}))

// bodyMistake is what is wrong with a JSON body, and the member that is to blame,
// where one is.
func bodyMistake(err error) (field, text string) {
	var semantic *strictjson.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic) && errors.Is(err, jsontext.ErrDuplicateName):
		field = fieldOf(string(syntactic.JSONPointer))
		return field, "duplicate member"
	case errors.As(err, &syntactic):
		return fieldOf(string(syntactic.JSONPointer)), fmt.Sprintf("it is no JSON: %v, at byte %d", syntactic.Err, syntactic.ByteOffset)
	case errors.As(err, &semantic) && errors.Is(err, strictjson.ErrUnknownName):
		field = fieldOf(string(semantic.JSONPointer))
		return field, "unknown member" + meant(field, semantic.GoType)
	case errors.As(err, &semantic) && isText(semantic.GoType) && semantic.JSONKind == '"' && semantic.Err != nil:
		return fieldOf(string(semantic.JSONPointer)), semantic.Err.Error() // the type's own words
	case errors.As(err, &semantic):
		return fieldOf(string(semantic.JSONPointer)), "want " + wanted(semantic.GoType) + received(semantic)
	}
	return "", err.Error()
}

// meant suggests the member of a type that was most likely meant.
func meant(field string, t reflect.Type) string {
	name := field[strings.LastIndexByte(field, '.')+1:]
	known := members(t)
	if near := nearest.To(name, known); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	if len(known) == 0 || len(known) > 20 {
		return ""
	}
	return ": known are " + strings.Join(known, ", ")
}

// members are the names of a struct in JSON, of those that it embeds too.
func members(t reflect.Type) []string {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var all []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			all = append(all, name)
		}
	}
	return all
}

// wanted is what a value of a type looks like in JSON.
func wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return "another value"
	case t == reflect.TypeFor[time.Time]():
		return `a time such as "2026-11-25T12:00:00Z"`
	case t.Kind() == reflect.Int64 && isText(t):
		return `a duration such as "30s" or "1h30m"`
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

// isText says whether a type reads itself from a text, in words of its own: not
// so a time, whose words are Go's.
func isText(t reflect.Type) bool {
	return t != nil && t.Kind() != reflect.Struct && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// received is the value that was there instead.
func received(e *strictjson.SemanticError) string {
	if len(e.JSONValue) == 0 {
		return map[jsontext.Kind]string{'n': ", got null", 'f': ", got false", 't': ", got true", '"': ", got a text", '0': ", got a number",
			'{': ", got an object", '[': ", got a list"}[e.JSONKind]
	}
	return ", got " + loggable(string(e.JSONValue))
}
