package pool

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/idpool/idpool/internal/nearest"
)

// previewLength is how many characters of a claim's value a message shows.
const previewLength = 120

// A claimPath names a claim: ["azp"] is claims.azp, ["https://x/y"] is
// claims["https://x/y"], ["a", "b"] is claims.a.b.
type claimPath []string

// String writes the path as a filter does.
func (p claimPath) String() string {
	var b strings.Builder
	b.WriteString("claims")
	for _, name := range p {
		if isName(name) {
			b.WriteString("." + name)
		} else {
			b.WriteString("[" + preview(name) + "]")
		}
	}
	return b.String()
}

// A reading is what was found on the way along a path.
type reading struct {
	value any
	found bool
	// missing is the part of the path up to the first name that is not there.
	missing claimPath
	// blocked is the part of the path up to a value that has no members, such
	// as a string; blocker is that value.
	blocked claimPath
	blocker any
}

// read follows a path through the claims.
func (p claimPath) read(c Claims) reading {
	var at any = c
	for i, name := range p {
		object, ok := at.(map[string]any)
		if !ok {
			return reading{blocked: p[:i], blocker: at}
		}
		if at, ok = object[name]; !ok {
			return reading{missing: p[:i+1]}
		}
	}
	return reading{value: at, found: true}
}

// nearest returns the existing claim whose name is nearest to that of a path
// that leads nowhere, written as a filter does; empty when none is near.
func (p claimPath) nearest(c Claims) string {
	parent := p[:len(p)-1].read(c)
	object, _ := parent.value.(map[string]any)
	best := nearest.To(p[len(p)-1], slices.Sorted(maps.Keys(object)))
	if best == "" {
		return ""
	}
	return append(slices.Clone(p[:len(p)-1]), best).String()
}

// typeName names a JSON type as people say it, with its article.
func typeName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	if _, ok := number(value); ok {
		return "a number"
	}
	return fmt.Sprintf("a value of type %T", value)
}

// described is a value with its type, for a sentence: a string, "x".
func described(value any) string {
	if value == nil {
		return "null"
	}
	return typeName(value) + ", " + preview(value)
}

// number returns a JSON number or a number computed by a filter.
func number(value any) (float64, bool) {
	switch n := value.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	}
	return 0, false
}

// preview writes a value as JSON, cut to previewLength characters.
func preview(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(value) != nil {
		return cut(fmt.Sprint(value), previewLength)
	}
	return cut(oneLine(strings.TrimSpace(b.String())), previewLength)
}

// cut shortens text to n characters, the last of which is then "…".
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
