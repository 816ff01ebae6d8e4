package strictyaml

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestAnyValue(t *testing.T) {
	var o outer
	_, mistakes := Decode("f", []byte(`
free:
  text: plain
  quoted: "7"
  whole: 7
  hex: 0x10
  large: 9223372036854775807
  fraction: 1.5
  grouped: 1_000.5
  yes: true
  no: null
  empty:
  time: 2026-11-23T15:00:00Z
  day: 2026-11-23
  list: [a, 1, [null], {deep: {deeper: false}}]
  anchor: &a {x: 1}
  alias: *a
whatever: [1, two]
`), &o)
	if len(mistakes) != 0 {
		t.Fatal(mistakes[0])
	}
	want := map[string]any{
		"text": "plain", "quoted": "7", "whole": int64(7), "hex": int64(16), "large": int64(math.MaxInt64), "fraction": 1.5, "grouped": 1000.5,
		"yes": true, "no": nil, "empty": nil,
		"time": "2026-11-23T15:00:00Z", "day": "2026-11-23",
		"list":   []any{"a", int64(1), []any{nil}, map[string]any{"deep": map[string]any{"deeper": false}}},
		"anchor": map[string]any{"x": int64(1)}, "alias": map[string]any{"x": int64(1)},
	}
	if !reflect.DeepEqual(o.Free, want) {
		t.Errorf("got\n%#v, want\n%#v", o.Free, want)
	}
	if !reflect.DeepEqual(o.Whatever, []any{int64(1), "two"}) {
		t.Errorf("whatever: %#v", o.Whatever)
	}
	if _, err := json.Marshal(o.Free); err != nil {
		t.Errorf("JSON has no such value: %v", err)
	}
}

func TestMistakesInAnyValue(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a list for a map", "free: [a]", "f:1:7: free: want keys and values, got a list"},
		{"text for a map", "free: a", `f:1:7: free: want keys and values, got "a"`},
		{"a key twice", "free: {a: 1, a: 2}", "f:1:14: free.a: given twice"},
		{"a key twice, further in", "free: {x: [{a: 1, a: 2}]}", "f:1:19: free.x[0].a: given twice"},
		{"a number as a key", "free: {1: a}", "f:1:8: free: want text as a key, got the number 1"},
		{"a truth value as a key", "free: {true: a}", "want text as a key, got true"},
		{"nothing as a key", "free: {~: a}", "want text as a key"},
		{"a list as a key", "free: {[a]: b}", "want text as a key, got a list"},
		{"a merge key", "free: {<<: {a: b}}", "want text as a key"},
		{"a number that JSON has not", "free: {a: .inf}", "f:1:11: free.a: want a number that JSON has, got the number .inf"},
		{"no number at all", "free: {a: .nan}", "want a number that JSON has"},
		{"over 64 bits", "free: {a: 18446744073709551615}", "want a whole number of at most 64 bits, got the number 18446744073709551615"},
		{"bytes", "free: {a: !!binary aGk=}", "got one of YAML's type !!binary"},
		{"a cycle", "free: &a {b: *a}", "nested too deeply"},
		{"too deep", "free: {a: " + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}", "nested too deeply"},
		{"too large by aliases", bomb(), "too large once its aliases"},
	} {
		var o outer
		_, mistakes := Decode("f", []byte(tc.text), &o)
		var all []string
		for _, m := range mistakes {
			all = append(all, m.Error())
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %.300q, want %q", tc.name, got, tc.want)
		}
	}
}

// bomb is six levels of nine aliases: half a million values.
func bomb() string {
	var b strings.Builder
	b.WriteString("free:\n  a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range 6 {
		n, m := string(rune('0'+i)), string(rune('1'+i))
		b.WriteString("  a" + m + ": &a" + m + " [" + strings.TrimSuffix(strings.Repeat("*a"+n+", ", 9), ", ") + "]\n")
	}
	return b.String()
}
