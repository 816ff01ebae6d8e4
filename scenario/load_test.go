package scenario

import (
	"strings"
	"testing"
)

// A file with a mistake is refused with its place.
func TestLoadRefuses(t *testing.T) {
	const good = `id: x
title: A title
story: |
  One.
  Two.
  Three.
broken:
  config:
    clusters: [{id: lkc-other}]
  request: {scope: null}
  expect: {check: cluster}
  causes: [cluster-wrong]
healed:
  request: {extensions: {logicalCluster: lkc-other}}
`
	for _, tt := range []struct{ reason, old, new, want string }{
		{"a key misspelt", "title:", "titel:", `x.yaml:2:1: titel: unknown key, did you mean "title"?`},
		{"a key of the config misspelt", "clusters:", "cluster:", `x.yaml:9:14: broken.config.cluster: unknown key, did you mean "clusters"?`},
		{"a key of the request misspelt", "{scope: null}", "{scpe: x}", `x.yaml:10:13: broken.request.scpe: unknown key, did you mean "scope"?`},
		{"a mistake in the config", "lkc-other}]", "other}]", `x.yaml:9:`},
		{"an unknown cause", "[cluster-wrong]", "[cluster-wrogn]", `x.yaml:12:12: broken.causes[0]: there is no cause "cluster-wrogn", did you mean "cluster-wrong"?`},
		{"an unknown check", "check: cluster", "check: clutser", `x.yaml:11:19: broken.expect.check: there is no check "clutser", did you mean "cluster"?`},
		{"no cause", "causes: [cluster-wrong]", "causes: []", `broken.causes: is missing`},
		{"no healing", "  request: {extensions: {logicalCluster: lkc-other}}\n", "  request: {}\n", `x.yaml:14:3: healed: heals nothing`},
		{"no healing at all", "healed:\n  request: {extensions: {logicalCluster: lkc-other}}\n", "", `x.yaml:1:1: healed: heals nothing`},
		{"two lines of story", "  Three.\n", "", `story: has 2 lines`},
		{"another name", "id: x", "id: y", `x.yaml:1:5: id: "y" is not the name of the file, want "x"`},
		{"an expectation of nothing", "{check: cluster}", "{}", `broken.expect: expects nothing`},
		{"null for what is not there", "scope: null", "resource: null", `there is no "resource" here`},
		{"no YAML", "id: x", "id: [", `x.yaml:`},
	} {
		text := strings.Replace(good, tt.old, tt.new, 1)
		if text == good {
			t.Fatalf("%s: nothing is replaced", tt.reason)
		}
		_, err := Load("x.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.reason, err, tt.want)
		}
	}
	if _, err := Load("x.yaml", []byte(good)); err != nil {
		t.Errorf("without a mistake: %v", err)
	}
}

func TestFind(t *testing.T) {
	if _, err := Find("no-app-rol"); err == nil || !strings.Contains(err.Error(), `did you mean "no-app-role"?`) {
		t.Errorf("got %v", err)
	}
	if _, err := Find("../catalogue/no-app-role"); err == nil {
		t.Error("a path is found")
	}
}

// Whatever a file says, it is loaded or refused, and a refusal has a place.
func FuzzLoad(f *testing.F) {
	for _, id := range []string{"no-app-role", "extension-key", "filter-syntax", "assertion-audience"} {
		data, err := files.ReadFile("catalogue/" + id + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Load("x.yaml", []byte(text))
		if (s == nil) == (err == nil) {
			t.Fatalf("got %v, %v", s, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "x.yaml") {
			t.Errorf("no place: %v", err)
		}
	})
}
