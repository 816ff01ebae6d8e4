package scenario

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/nearest"
)

// check finds what a Request has that no client could do. The mistakes have
// fields and no places.
func (r *Request) check() []*Error {
	x := &requestChecker{}
	x.word("endpoint", r.Endpoint, "v2.0", "v1.0")
	x.word("from", r.From, elsewhere)
	x.word("rotateKeys", r.RotateKeys, rotateBefore, rotateAfter)
	x.duration("wait", r.Wait)
	x.duration("back", r.Back)
	x.texts("extensions", r.Extensions, false)
	x.texts("form", r.Form, true)
	x.forge("forge", r.Forge)
	if a := r.Assertion; a != nil {
		x.forge("assertion.forge", a.Forge)
	}
	if r.Token != "" && (r.From != "" || r.RotateKeys != "") {
		x.fail("token", "a token that is given comes from nowhere else")
	}
	if c := r.Client; c != nil {
		x.word("client.kind", c.Kind, kindJava, kindLibrdkafka, kindSchemaRegistry, kindTerraform)
		x.version("client.version", c.Version)
	}
	if o := r.Operation; (o.Name == "") != (o.Resource == "") {
		x.fail("operation", "want name and resource, such as {name: Read, resource: topic=orders}")
	}
	return x.mistakes
}

type requestChecker struct{ mistakes []*Error }

func (x *requestChecker) fail(field, format string, args ...any) {
	x.mistakes = append(x.mistakes, &Error{Field: field, Message: fmt.Sprintf(format, args...)})
}

// word checks a setting that takes some words, or nothing.
func (x *requestChecker) word(field, word string, known ...string) {
	if word == "" || slices.Contains(known, word) {
		return
	}
	hint := "want " + strings.Join(known, " or ")
	if near := nearest.To(word, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	x.fail(field, "unknown %q, %s", word, hint)
}

// duration refuses a negative one: what is earlier is back, what is later wait.
func (x *requestChecker) duration(field string, d idpool.Duration) {
	if d < 0 {
		x.fail(field, "%s is negative, want 0s or more", d)
	}
}

// texts checks that the values of a mapping are text, or perhaps null.
func (x *requestChecker) texts(field string, m map[string]any, null bool) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch value := m[key].(type) {
		case string:
		case nil:
			if !null {
				x.fail(field+"."+key, "want text, got nothing")
			}
		default:
			x.fail(field+"."+key, "want text, got %v: put it in quotes", value)
		}
	}
}

func (x *requestChecker) forge(field string, f *Forge) {
	if f == nil {
		return
	}
	x.word(field+".alg", f.Alg, algRS256, algNone, algHS256)
	if f.Tamper && f.Alg != "" {
		x.fail(field+".tamper", "a token that is signed with %s has not the signature that it had", f.Alg)
	}
}

// version checks that a version is numbers with dots, or nothing.
func (x *requestChecker) version(field, text string) {
	if text == "" {
		return
	}
	for part := range strings.SplitSeq(text, ".") {
		if _, err := strconv.ParseUint(part, 10, 16); err != nil {
			x.fail(field, "%q is no version, want one such as \"4.0\"", text)
			return
		}
	}
}
