package explain

import (
	"fmt"
	"strings"
	"testing"
)

func TestComparisons(t *testing.T) {
	for _, tc := range []struct{ name, filter, want string }{
		{"a role", "'a' in claims.roles", "claims.roles in [a] list"},
		{"either quotes", `"a b" in claims.roles`, "claims.roles in [a b] list"},
		{"a list on the right", "claims.aud in ['a', \"b\"]", "claims.aud in [a b]"},
		{"equality both ways round", "claims.azp == 'a' || 'b' == claims.azp", "claims.azp == [a]; claims.azp == [b]"},
		{"brackets", `claims["https://x/y"] == 'z'`, `claims["https://x/y"] == [z]`},
		{"a nested claim", "'a' in claims.realm_access.roles", "claims.realm_access.roles in [a] list"},
		{"a method", "claims.email.endsWith('@x')", "claims.email endsWith [@x]"},
		{"presence", "has(claims.x)", "claims.x has []"},
		{"not", "!('a' in claims.roles)", "claims.roles in [a] list not"},
		{"not before a call", "!has(claims.x) && claims.y == 'z'", "claims.x has [] not; claims.y == [z]"},
		{"not not", "!(!(claims.x == 'y'))", "claims.x == [y]"},
		{"not in, as Expr writes it", "'a' not in claims.roles", "claims.roles in [a] list not"},
		{"not in on the right", "claims.x not in ['a']", "claims.x in [a] not"},
		{"an escaped quote", `claims.x == 'it\'s'`, "claims.x == [it's]"},
		{"a claim alone", "claims.x", "claims.x  []"},
		{"a claim called size", "claims.size == 'l'", "claims.size == [l]"},
		{"a text that looks like a filter", "claims.x == \"'a' in claims.roles\"", "claims.x == ['a' in claims.roles]"},
		{"no claim", "true", ""},
		{"a literal that never ends", "claims.x == 'y", "claims.x == [y]"},
	} {
		var got []string
		for _, c := range comparisons(tc.filter) {
			text := fmt.Sprintf("%s %s %v", c.name(), c.operator, c.literals)
			if c.listLeft {
				text += " list"
			}
			if c.negated {
				text += " not"
			}
			got = append(got, text)
		}
		if all := strings.Join(got, "; "); all != tc.want {
			t.Errorf("%s: comparisons(%q) = %q, want %q", tc.name, tc.filter, all, tc.want)
		}
	}
}

func FuzzComparisons(f *testing.F) {
	for _, seed := range []string{"'a' in claims.roles", `claims["x"].y != 'z' && !(has(claims.q))`, "claims.", "claims['", "not in claims", ")(", "claims[\"\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, filter string) {
		for _, c := range comparisons(filter) {
			if len(c.path) > len(filter) || len(c.literals) > len(filter) {
				t.Errorf("comparisons(%q) found more than there is: %+v", filter, c)
			}
		}
	})
}
