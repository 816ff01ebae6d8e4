package pool

import (
	"slices"
	"testing"
)

func TestTokens(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", " \t\n", nil},
		{"an everyday filter", `'a' in claims.roles`, []string{"'a'", "in", "claims", ".", "roles"}},
		{"operators of two characters", `a==b&&c!=d||e<=f`, []string{"a", "==", "b", "&&", "c", "!=", "d", "||", "e", "<=", "f"}},
		{"operators that are none", `a=b===c!==d`, []string{"a", "=", "b", "===", "c", "!==", "d"}},
		{"optional members", `a?.b??c`, []string{"a", "?.", "b", "??", "c"}},
		{"a quote escaped", `"a\"b" 'c\'d'`, []string{`"a\"b"`, `'c\'d'`}},
		{"a backslash before the closing quote", `"a\\" b`, []string{`"a\\"`, "b"}},
		{"raw strings end at the first quote", `r'a\' b`, []string{`r'a\'`, "b"}},
		{"raw bytes", `rb"a\" b"c"`, []string{`rb"a\"`, `b"c"`}},
		{"a name that ends in r is no prefix", `for"a"`, []string{"for", `"a"`}},
		{"three quotes", `"""a"b""" c`, []string{`"""a"b"""`, "c"}},
		{"an empty string is not three quotes", `"" + ""`, []string{`""`, "+", `""`}},
		{"backquotes", "`a\\` b", []string{"`a\\`", "b"}},
		{"an open string takes the rest", `a == 'b c`, []string{"a", "==", "'b c"}},
		{"an escape at the end", `'a\`, []string{`'a\`}},
		{"comments", "a // b ' c\n/* ' */ d", []string{"a", "d"}},
		{"an open comment", "a /* b", []string{"a"}},
		{"characters beyond ASCII", `claims.größe == “ü”`, []string{"claims", ".", "größe", "==", "“", "ü", "”"}},
		{"numbers", `1.5 + 0x1f`, []string{"1", ".", "5", "+", "0x1f"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSource(tt.text)
			var got []string
			for _, word := range s.tokens {
				got = append(got, word.text)
				if string(s.runes[word.start:word.end]) != word.text {
					t.Errorf("%q is not at %d to %d", word.text, word.start, word.end)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("tokens %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSlice(t *testing.T) {
	for _, tt := range []struct {
		name, text  string
		first, last int // positions in text
		want        string
	}{
		{"a word", `a && bcd`, 5, 5, "bcd"},
		{"the middle of a word", `a && bcd`, 6, 7, "bcd"},
		{"to the end of a call", `f(a, b) && c`, 0, 2, "f(a, b)"},
		{"a call from its bracket", `x && f(a)`, 6, 7, "f(a)"},
		{"a call from its bracket, at the start", `(a)`, 0, 1, "(a)"},
		{"to the member behind a dot", `claims.sub == 1`, 0, 6, "claims.sub"},
		{"to the index behind a bracket", `claims["a"] == 1`, 0, 6, `claims["a"]`},
		{"from an opening bracket before", `x && (a || b) == c`, 6, 17, "(a || b) == c"},
		{"a bracket in a string counts for nothing", `f(")") && c`, 0, 1, `f(")")`},
		{"brackets that are never closed", `f((a`, 0, 2, "f((a"},
		{"a bracket that was never opened", `a)) b`, 0, 2, "a))"},
		{"a negative number", `a == -1`, 0, 5, "a == -1"},
		{"an unknown position is all of it", `a == b`, 99, 100, "a == b"},
		{"the wrong way round is all of it", `a == b`, 5, 0, "a == b"},
		{"lines become one", "a ==\n\tb", 0, 6, "a ==  b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := newSource(tt.text).slice(tt.first, tt.last); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestClaimPath(t *testing.T) {
	claims := Claims{"sub": "s", "nul": nil, "org": map[string]any{"name": "x", "https://x": "y"}}
	for _, tt := range []struct {
		path             claimPath
		text, value      string // the value as JSON; empty when it is not there
		missing, blocked string
		nearestOfMissing string
	}{
		{claimPath{"sub"}, "claims.sub", `"s"`, "", "", ""},
		{claimPath{"nul"}, "claims.nul", "null", "", "", ""},
		{claimPath{"org", "name"}, "claims.org.name", `"x"`, "", "", ""},
		{claimPath{"org", "https://x"}, `claims.org["https://x"]`, `"y"`, "", "", ""},
		{claimPath{"org", "nmae"}, "claims.org.nmae", "", "claims.org.nmae", "", "claims.org.name"},
		{claimPath{"ogr", "name"}, "claims.ogr.name", "", "claims.ogr", "", "claims.org"},
		{claimPath{"sub", "name", "first"}, "claims.sub.name.first", "", "", "claims.sub", ""},
		{claimPath{"nul", "name"}, "claims.nul.name", "", "", "claims.nul", ""},
		{claimPath{`a"b`, "1x"}, `claims["a\"b"]["1x"]`, "", `claims["a\"b"]`, "", ""},
	} {
		t.Run(tt.text, func(t *testing.T) {
			if tt.path.String() != tt.text {
				t.Errorf("written as %s", tt.path)
			}
			r := tt.path.read(claims)
			if r.found != (tt.value != "") || r.found && preview(r.value) != tt.value {
				t.Errorf("value %v, %t, want %s", r.value, r.found, tt.value)
			}
			if r.missing != nil && (r.missing.String() != tt.missing || r.missing.nearest(claims) != tt.nearestOfMissing) ||
				r.missing == nil && tt.missing != "" {
				t.Errorf("missing %s, want %s", r.missing, tt.missing)
			}
			if r.blocked != nil && r.blocked.String() != tt.blocked || r.blocked == nil && tt.blocked != "" {
				t.Errorf("blocked %s, want %s", r.blocked, tt.blocked)
			}
		})
	}
}
