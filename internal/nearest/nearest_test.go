package nearest

import (
	"strings"
	"testing"
)

func TestTo(t *testing.T) {
	known := []string{"filter", "identityClaim", "roleBindings", "azp", "aud"}
	for _, tc := range []struct{ name, word, want string }{
		{"equal", "filter", "filter"},
		{"one letter short", "fiter", "filter"},
		{"two letters swapped", "fitler", "filter"},
		{"another case", "identityclaim", "identityClaim"},
		{"singular", "roleBinding", "roleBindings"},
		{"three letters, one differs", "azq", "azp"},
		{"nothing is near", "kubernetes", ""},
		{"empty", "", ""},
		{"too long to be a misspelling", strings.Repeat("azp", 50), ""},
		{"much longer", "filterfilterfilter", ""},
	} {
		if got := To(tc.word, known); got != tc.want {
			t.Errorf("%s: To(%q) = %q, want %q", tc.name, tc.word, got, tc.want)
		}
	}
}

func TestDistanceIsSymmetric(t *testing.T) {
	words := []string{"", "a", "ab", "ba", "roles", "role", "dev.environmentAdmin", "Ärger", "Arger"}
	for _, a := range words {
		for _, b := range words {
			if d, e := Distance(a, b), Distance(b, a); d != e {
				t.Errorf("Distance(%q, %q) = %d, the other way %d", a, b, d, e)
			}
			if (Distance(a, b) == 0) != (a == b) {
				t.Errorf("Distance(%q, %q) = %d", a, b, Distance(a, b))
			}
		}
	}
}
