package scenario

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// laid lays one text over another.
func laid(t *testing.T, base, over string) (string, []*Error) {
	t.Helper()
	m := &merger{}
	merged := m.merge(root([]byte(base)), root([]byte(over)), "")
	text, err := encode(merged)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text)), m.mistakes
}

func TestMerge(t *testing.T) {
	for _, tt := range []struct{ reason, base, over, want string }{
		{"a key is set", "a: 1", "b: 2", "a: 1\nb: 2"},
		{"a scalar replaces", "a: 1", "a: 2", "a: 2"},
		{"mappings merge deeply", "a: {b: {c: 1, d: 2}}", "a: {b: {c: 3}}", "a: {b: {c: 3, d: 2}}"},
		{"null takes away", "a: 1\nb: 2", "a: null", "b: 2"},
		{"null deep down", "a: {b: 1, c: 2}", "a: {c: null}", "a: {b: 1}"},
		{"a mapping replaces a scalar", "a: 1", "a: {b: 2}", "a: {b: 2}"},
		{"a scalar replaces a mapping", "a: {b: 2}", "a: x", "a: x"},
		{"a list of scalars replaces", "roles: [a, b]", "roles: [c]", "roles: [c]"},
		{"a list without an identity replaces", "roleBindings: [{role: A}]", "roleBindings: [{role: B}]", "roleBindings: [{role: B}]"},
		{"an empty list replaces", "clusters: [{id: a}]", "clusters: []", "clusters: []"},
		{"an element merges by id", "clusters: [{id: a, displayName: x}, {id: b}]", "clusters: [{id: a, displayName: y}]",
			"clusters: [{id: a, displayName: y}, {id: b}]"},
		{"a new element is appended", "clusters: [{id: a}]", "clusters: [{id: b}]", "clusters: [{id: a}, {id: b}]"},
		{"an element is taken away", "clusters: [{id: a}, {id: b}]", "clusters: [{id: a, $remove: true}]", "clusters: [{id: b}]"},
		{"lists within lists", "tenants: [{id: t, applications: [{appId: x, appRoles: [{value: r}]}]}]",
			"tenants: [{id: t, applications: [{appId: x, appRoles: [{value: s}]}]}]",
			"tenants: [{id: t, applications: [{appId: x, appRoles: [{value: r}, {value: s}]}]}]"},
		{"secrets without keyId replace", "passwordCredentials: [{secretText: a}]", "passwordCredentials: [{secretText: b}]",
			"passwordCredentials: [{secretText: b}]"},
		{"assignments merge by resource", "appRoleAssignments: [{resource: x, roles: [a]}]", "appRoleAssignments: [{resource: x, roles: [b]}]",
			"appRoleAssignments: [{resource: x, roles: [b]}]"},
		{"aliases are what they stand for", "a: 1", "b: &x {c: 2}\nd: *x", "a: 1\nb: {c: 2}\nd: {c: 2}"},
		{"null is a value in a form", "form: {a: b}", "form: {a: null, c: null}", "form: {a: null, c: null}"},
		{"null is a value in a forged token", "forge: {claims: {sub: x}}", "forge: {claims: {exp: null}}", "forge: {claims: {sub: x, exp: null}}"},
		{"and the whole can be taken away", "forge: {claims: {sub: x}}\na: 1", "forge: null", "a: 1"},
	} {
		got, mistakes := laid(t, tt.base, tt.over)
		if got != tt.want || len(mistakes) != 0 {
			t.Errorf("%s: got\n%s\n%v, want\n%s", tt.reason, got, mistakes, tt.want)
		}
	}
}

func TestMergeRefusesWhatDoesNothing(t *testing.T) {
	for _, tt := range []struct{ reason, base, over, want string }{
		{"null for a key that is not there", "a: 1", "a: 2\nb: null", `:2:1: b: null takes a key away, and there is no "b" here`},
		{"removing an element that is not there", "clusters: [{id: a}]", "clusters: [{id: b, $remove: true}]",
			`:1:12: clusters: $remove takes an element away, and there is none with the id "b" here`},
	} {
		if _, mistakes := laid(t, tt.base, tt.over); len(mistakes) != 1 || mistakes[0].Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.reason, mistakes, tt.want)
		}
	}
}

// Laying one tree over another changes neither: the broken half is the base of
// the healed one.
func TestMergeChangesNothing(t *testing.T) {
	base, over := root([]byte("a: {b: 1}\nclusters: [{id: x}]\n")), root([]byte("a: {b: null}\nclusters: [{id: x, $remove: true}, {id: y}]\n"))
	(&merger{}).merge(base, over, "")
	for n, want := range map[string]string{
		mustEncode(t, base): "a: {b: 1}\nclusters: [{id: x}]\n",
		mustEncode(t, over): "a: {b: null}\nclusters: [{id: x, $remove: true}, {id: y}]\n",
	} {
		if n != want {
			t.Errorf("got\n%s, want\n%s", n, want)
		}
	}
}

func mustEncode(t *testing.T, n *yaml.Node) string {
	t.Helper()
	text, err := encode(n)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A mistake is where the overlay has it; what the Acme tenant says has no place.
func TestPlace(t *testing.T) {
	base := unplaced(root([]byte("tenants: [{id: t, displayName: x}]\nclusters: [{id: a}]\n")))
	merged := (&merger{}).merge(base, root([]byte("tenants:\n  - id: t\n    displayName: y\n    domains:\n      - d\n")), "")
	for _, tt := range []struct {
		field        string
		line, column int
	}{
		{"tenants[0].displayName", 3, 5},
		{"tenants[0].domains[0]", 5, 9},
		{"tenants[0].nothing", 2, 5},
		{"clusters[0].id", 1, 1},
	} {
		line, column, ok := place(merged, tt.field)
		if line != tt.line || column != tt.column || !ok {
			t.Errorf("%s: got %d:%d %v, want %d:%d", tt.field, line, column, ok, tt.line, tt.column)
		}
	}
	if _, _, ok := place(base, "clusters[0].id"); ok {
		t.Error("the Acme tenant has a place")
	}
}
