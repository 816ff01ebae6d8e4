package strictyaml

import (
	"strings"
	"testing"
	"time"
)

type inner struct {
	Text  string    `json:"text"`
	Flag  *bool     `json:"flag"`
	Until time.Time `json:"until"`
	Small int8      `json:"small"`
}

type first struct {
	Deep string `json:"deep"`
}

type second struct {
	Deep string `json:"deep"`
}

type outer struct {
	Count  uint64  `json:"count"`
	Inner  inner   `json:"inner"`
	List   []inner `json:"list"`
	Hidden string  `json:"-"`
	Self   []outer `json:"self"`

	Free     map[string]any `json:"free"`
	Whatever any            `json:"whatever"`
	One      first          `json:"a"`
	Two      second         `json:"b"`
}

func TestDecode(t *testing.T) {
	var o outer
	d, mistakes := Decode("f", []byte(`
count: 0x10
inner: {text: "a", flag: true, until: 2026-11-23T15:00:00Z}
list:
  - text: ''
  - {until: 2026-11-23, small: -128}
`), &o)
	if d == nil || len(mistakes) != 0 {
		t.Fatal(mistakes)
	}
	if o.Count != 16 || o.Inner.Text != "a" || o.Inner.Flag == nil || !*o.Inner.Flag || o.Inner.Until.Hour() != 15 ||
		len(o.List) != 2 || o.List[1].Small != -128 || o.List[1].Until.Day() != 23 {
		t.Errorf("%+v", o)
	}
}

func TestEachMistakeHasItsPlace(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"an unknown key", "cuont: 1", `f:1:1: cuont: unknown key, did you mean "count"?`},
		{"a key that belongs elsewhere", "until: x", `f:1:1: until: unknown key, "until" belongs in inner`},
		{"a field that is not of the file", "hidden: x", "f:1:1: hidden: unknown key, want one of"},
		{"an empty key", `"": x`, "unknown key"},
		{"a key twice", "count: 1\ncount: 2", "f:2:1: count: given twice"},
		{"out of range", "inner: {small: 128}", "f:1:16: inner.small: want a whole number, got the number 128"},
		{"a key that belongs in several places", "deep: x", "f:1:1: deep: unknown key, want one of count, inner, list, self, free, whatever, a, b"},
		{"negative where none can be", "count: -1", "f:1:8: count: want a whole number, got the number -1"},
		{"a fraction", "count: 1.5", "want a whole number, got the number 1.5"},
		{"yes is text in YAML 1.2", "inner: {flag: yes}", `inner.flag: want true or false, got "yes"`},
		{"a list for keys", "inner: [a]", "f:1:8: inner: want keys and values, got a list"},
		{"keys for a list", "list: {a: b}", "f:1:7: list: want a list, got keys and values"},
		{"a time that is none", "inner: {until: noon}", "inner.until: want a time such as"},
		{"long values are cut", "inner: {flag: " + strings.Repeat("x", 100) + "}", `"` + strings.Repeat("x", 40) + `…"`},
		{"too deep", "self: &a [{self: *a}, {self: *a}]", "nested too deeply"},
		{"no YAML", "a: [", "f:1:1: not YAML: "},
		{"a tab", "a:\n\t- b", "f:2:1: not YAML: "},
	} {
		var o outer
		_, mistakes := Decode("f", []byte(tc.text), &o)
		var all []string
		for _, m := range mistakes {
			all = append(all, m.Error())
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestAt(t *testing.T) {
	var o outer
	d, mistakes := Decode("f", []byte("inner:\n  text: \"abc\"\nlist:\n  - text: |\n      abc\n"), &o)
	if len(mistakes) != 0 {
		t.Fatal(mistakes)
	}
	for field, want := range map[string]string{
		"inner.text":   "f:2:9: inner.text: m",
		"inner.flag":   "f:2:3: inner.flag: m", // missing: what is around it
		"list[0].text": "f:4:11: list[0].text: m",
		"list[7].text": "f:4:3: list[7].text: m",
		"":             "f:1:1: m",
	} {
		if got := d.At(field, "m").Error(); got != want {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
	if line, column, ok := d.Scalar("inner.text"); !ok || line != 2 || column != 10 {
		t.Errorf("inside the quotes: %d:%d %v, want 2:10", line, column, ok)
	}
	if _, _, ok := d.Scalar("list[0].text"); ok {
		t.Error("a block scalar has no one column")
	}
	if got := (*Document)(nil).At("a", "m").Error(); got != ": a: m" {
		t.Errorf("without a document: %q", got)
	}
}
