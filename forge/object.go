package forge

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// member is a member of a JSON object. Its name and its value are JSON as it is
// written, which need not be valid: broken JSON is one of the twins.
type member struct{ name, value string }

// object is a JSON object as it is written: unlike a map it keeps the order, so
// that a twin differs from the token in nothing but what is broken, and it may
// have a member twice.
type object []member

// parseObject reads an object.
func parseObject(text []byte) (object, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	if d.PeekKind() != '{' {
		return nil, errors.New("is no JSON object")
	}
	_, _ = d.ReadToken()
	var o object
	for d.PeekKind() == '"' {
		name, _ := d.ReadToken()
		quotedName := quoted(name.String())
		value, err := d.ReadValue()
		if err != nil {
			return nil, errors.New("is not JSON")
		}
		o = append(o, member{quotedName, string(value)})
	}
	_, err := d.ReadToken()
	if _, end := d.ReadToken(); err != nil || end != io.EOF {
		return nil, errors.New("is not JSON")
	}
	return o, nil
}

// with is the object with a member set to a value, which is JSON.
func (o object) with(name, value string) object {
	changed := slices.Clone(o)
	for i, m := range changed {
		if m.name == quoted(name) {
			changed[i].value = value
			return changed
		}
	}
	return changed.and(name, value)
}

// and is the object with a further member, even if there is one of that name.
func (o object) and(name, value string) object {
	return append(slices.Clone(o), member{quoted(name), value})
}

// without is the object without the members of these names.
func (o object) without(names ...string) object {
	return slices.DeleteFunc(slices.Clone(o), func(m member) bool {
		return slices.ContainsFunc(names, func(name string) bool { return m.name == quoted(name) })
	})
}

// value is a member as JSON, or "".
func (o object) value(name string) string {
	for _, m := range o {
		if m.name == quoted(name) {
			return m.value
		}
	}
	return ""
}

// string is a member that is a string, or "".
func (o object) string(name string) string {
	var s string
	_ = json.Unmarshal([]byte(o.value(name)), &s) // anything else is no string
	return s
}

// number is a member that is a number.
func (o object) number(name string) (float64, bool) {
	var f *float64 // null stays nil
	if err := json.Unmarshal([]byte(o.value(name)), &f); err != nil || f == nil {
		return 0, false
	}
	return *f, true
}

// text is the object as JSON.
func (o object) text() string {
	var s strings.Builder
	s.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			s.WriteByte(',')
		}
		s.WriteString(m.name + ":" + m.value)
	}
	s.WriteByte('}')
	return s.String()
}

// quoted is a string as JSON.
func quoted(s string) string {
	text, _ := jsontext.AppendQuote(nil, s) // bytes that are no UTF-8 become U+FFFD
	return string(text)
}

// list is a JSON array of strings.
func list(values ...string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = quoted(v)
	}
	return "[" + strings.Join(texts, ",") + "]"
}

// encode is base64url without padding, as in RFC 7515 2.
func encode[T string | []byte](text T) string {
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// compact are the first two parts of a token, which are what is signed.
func compact(header, payload string) string { return encode(header) + "." + encode(payload) }
