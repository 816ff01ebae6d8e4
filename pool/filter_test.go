package pool

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// claimsOf decodes claims as the validator does.
func claimsOf(t testing.TB, text string) Claims {
	t.Helper()
	var c Claims
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func mustCompile(t testing.TB, l Language, source string) *Filter {
	t.Helper()
	f, err := Compile(Source{l, source, false})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// token is the one that the table of CEL's semantics was measured with, and
// what its rows mention besides.
const token23 = `{"aud": "confluent", "roles": ["admin", "w"], "n": 5, "nul": null, "https://x/y": "z", "sub": "s", "email": "a@example.com"}`

const arrayAud = `{"aud": ["x", "y"]}`

// verdict is what became of a filter: "match", "no match", or the kind of what
// decided against it. An error of evaluation is told from false by its kind.
func verdict(r Result) string {
	if r.Match {
		return "match"
	}
	return string(r.Deciding.Kind)
}

// The table of confluent-cloud.md 2.3, row by row, with what Expr makes of the
// same text.
func TestSemantics(t *testing.T) {
	const refused = "refused"
	for _, tt := range []struct {
		name, filter, claims string
		cel, expr            string
	}{
		{"!= on an absent claim is an error in CEL", `claims.group!="invalid_group"`, token23, "missing-claim", "match"},
		{"Confluent's own example needs group", `claims.aud=="confluent" && claims.group!="invalid_group"`, token23, "missing-claim", "match"},
		{"|| absorbs an error before it", `claims.group=="x" || claims.aud=="confluent"`, token23, "match", "match"},
		{"|| absorbs an error after it", `claims.aud=="confluent" || claims.group=="x"`, token23, "match", "match"},
		{"&& absorbs an error", `claims.group=="x" && claims.aud=="nope"`, token23, "false", "missing-claim"},
		{"has of an absent claim", `has(claims.nope)`, token23, "missing-claim", refused},
		{"!has of an absent claim", `!has(claims.nope)`, token23, "match", refused},
		{"the languages differ on a negated in", `!("admin" in claims.nope)`, token23, "missing-claim", "match"},
		{"an array against a string", `claims.roles == "admin"`, token23, "wrong-type", "wrong-type"},
		{"== on an aud that is an array", `claims.aud == "x"`, arrayAud, "wrong-type", "wrong-type"},
		{"in on an aud that is an array", `"x" in claims.aud`, arrayAud, "match", "match"},
		{"in on a string", `"con" in claims.aud`, token23, "wrong-type", "wrong-type"},
		{"a string method on an array", `claims.roles.startsWith("a")`, token23, "wrong-type", refused},
		{"a number and an integer", `claims.n == 5`, token23, "match", "match"},
		{"a number and a decimal", `claims.n == 5.0`, token23, "match", "match"},
		{"a number and a string", `claims.n == "5"`, token23, "wrong-type", "wrong-type"},
		{"a namespaced claim", `claims["https://x/y"]=="z"`, token23, "match", "match"},
		{"has of null", `has(claims.nul)`, token23, "match", refused},
		{"null equals null", `claims.nul == null`, token23, "match", refused},
		{"nil in Expr", `claims.nul == nil`, token23, refused, "match"},
		{"a string is no yes or no", `claims.sub`, token23, "not-bool", "not-bool"},
		{"an empty filter is false", ``, token23, "false", "false"},
		{"a blank filter is false", " \n\t", token23, "false", "false"},
		{"a single =", `claims.iss="x"`, token23, refused, refused},
		{"an unquoted URL", `claims.iss=https://x`, token23, refused, refused},
		{"and is Expr", `claims.aud=="confluent" and claims.sub=="s"`, token23, refused, "match"},
		{"a bare claim", `sub`, token23, refused, refused},
		{"a bare array claim", `"admin" in groups`, token23, refused, refused},
		{"an unquoted string", `claims.sub.startsWith(user)`, token23, refused, refused},
		{"role in a list", `'admin' in claims.roles`, token23, "match", "match"},
		{"suffix", `claims.email.endsWith("@example.com")`, token23, "match", refused},
		{"suffix in Expr", `claims.email endsWith "@example.com"`, token23, refused, "match"},
		{"true", `true`, token23, "match", "match"},
		{"in a list of strings", `claims.aud in ["id1", "confluent"]`, token23, "match", "match"},
		{"either of two groups", `"engineering" in claims.group || "admin" in claims.roles`, token23, "match", "match"},
		{"a string that says true", `claims.flag`, `{"flag": "true"}`, "not-bool", "not-bool"},
		{"a boolean claim", `claims.flag`, `{"flag": true}`, "match", "match"},
		{"no claims at all", `claims.sub == "s"`, `null`, "missing-claim", "missing-claim"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for l, want := range map[Language]string{CEL: tt.cel, Expr: tt.expr} {
				got := refused
				if f, err := Compile(Source{l, tt.filter, false}); err == nil {
					r := f.Eval(claimsOf(t, tt.claims))
					got = verdict(r)
					if f.Matches(claimsOf(t, tt.claims)) != r.Match {
						t.Errorf("%s: Matches says %t, Eval %t", l, !r.Match, r.Match)
					}
				}
				if got != want {
					t.Errorf("%s: %s, want %s", l, got, want)
				}
			}
		})
	}
}

// An empty language is CEL: the two differ on this filter.
func TestLanguageDefaultsToCEL(t *testing.T) {
	f := mustCompile(t, "", `!("a" in claims.missing)`)
	if f.Matches(Claims{}) {
		t.Error("the filter matched as Expr")
	}
}

func TestStrict(t *testing.T) {
	for _, tt := range []struct {
		name, filter string
		construct    string // refused when strict, warned of when not; empty for documented CEL
		column       int
	}{
		{"equality", `claims.a == "x" && claims.b != "y"`, "", 0},
		{"in both ways", `"x" in claims.a || claims.b in ["x", 'y']`, "", 0},
		{"presence", `!has(claims.a) || claims.a == "x"`, "", 0},
		{"prefix and suffix", `claims.a.startsWith("x") && claims.a.endsWith("y")`, "", 0},
		{"contains is documented for certificate pools", `claims.a.contains("x")`, "", 0},
		{"an index by name", `claims["https://x/y"] == "z"`, "", 0},
		{"true", `true`, "", 0},
		{"exists", `claims.roles.exists(r, r == "x")`, "the macro exists", 20},
		{"all", `claims.aud == "x" && claims.roles.all(r, r == "x")`, "the macro all", 38},
		{"matches", `claims.sub.matches("^x")`, "the function matches", 19},
		{"size", `size(claims.roles) == claims.n`, "the function size", 5},
		{"ordering", `claims.exp > claims.iat`, "the operator >", 12},
		{"arithmetic", `claims.a + claims.b == "xy"`, "the operator +", 10},
		{"ternary", `claims.a == "x" ? true : false`, "the operator ?:", 17},
		{"a number", `claims.n == 5`, "number literals", 13},
		{"null", `claims.n == null`, "null", 13},
		{"an element", `claims.roles[0] == "x"`, "an index that is no string", 13},
		{"a map", `claims.a in {"x": true}`, "map literals", 13},
		{"a type", `type(claims.a) == string`, "the function type", 5},
		{"a timestamp", `timestamp("2026-01-01T00:00:00Z") == claims.a`, "the function timestamp", 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.construct == "" {
				if _, err := Compile(Source{CEL, tt.filter, true}); err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			var refused *FilterError
			if _, err := Compile(Source{CEL, tt.filter, true}); !errors.As(err, &refused) {
				t.Fatalf("strict accepted it: %v", err)
			}
			if !strings.HasPrefix(refused.Message, tt.construct+": ") || refused.Line != 1 {
				t.Errorf("strict: %v, want %s", refused, tt.construct)
			}
			if refused.Column != tt.column {
				t.Errorf("column %d, want %d:\n%v", refused.Column, tt.column, refused)
			}
			warning := "Confluent does not document " + tt.construct + " in filters"
			if got := mustCompile(t, CEL, tt.filter).Warnings(); !slices.Contains(got, warning) {
				t.Errorf("warnings %q, want %q among them", got, warning)
			}
		})
	}
}

// What is written inside a macro is not told one by one: the macro is the
// point.
func TestMacroIsOneWarning(t *testing.T) {
	f := mustCompile(t, CEL, `claims.roles.exists(r, size(r) > 3) && claims.n < 5`)
	want := []string{
		"Confluent does not document the macro exists in filters",
		"Confluent does not document the operator < in filters",
		"Confluent does not document number literals in filters",
	}
	if got := f.Warnings(); !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

func TestWarnings(t *testing.T) {
	long := `claims.sub == "` + strings.Repeat("é", 300) + `"`
	for _, tt := range []struct {
		name, filter string
		language     Language
		want         []string
	}{
		{"an everyday filter", rolesFilter, CEL, nil},
		{"an everyday filter", rolesFilter, Expr, nil},
		{"empty", "", CEL, []string{"the filter is empty and matches no token"}},
		{"characters, not bytes", `claims.sub == "` + strings.Repeat("é", 284) + `"`, CEL, nil},
		{"too long", long, CEL, []string{"the filter is 316 characters long, and Confluent Cloud accepts 300"}},
		{"== on roles", `claims.roles == "x"`, CEL, []string{`claims.roles is an array and never equal to a string: use "x" in claims.roles`}},
		{"== on groups, the other way round", `"x" == claims.groups`, Expr, []string{`claims.groups is an array and never equal to a string: use "x" in claims.groups`}},
		{"== on scp", `claims.scp == "a"`, CEL, []string{`claims.scp holds all scopes of a token in one string: claims.scp == "a" asks for a token with that scope alone`}},
		{"in on a string", `"x" in claims.azp`, CEL, []string{`claims.azp is a string in tokens of Azure AD, and in looks into an array: "x" in claims.azp would not match`}},
		{"everything", `true`, CEL, []string{"the filter reads no claim and matches every token of the provider: ask for aud and sub at least"}},
		{"everything, in disguise", `"a" != "b"`, Expr, []string{"the filter reads no claim and matches every token of the provider: ask for aud and sub at least"}},
		{"nothing", `!true`, CEL, []string{"the filter reads no claim and matches no token"}},
		{"a loop over claims is no constant", `any(keys(claims), # == "x")`, Expr, nil},
		{"contains", `claims.a.contains("x")`, CEL, []string{"Confluent documents contains for certificate pools only, not for OAuth pools"}},
		{"!= is an error in CEL", `claims.group != "x"`, CEL, []string{`claims.group != "x" is an error, and so no match, with a token that has no claims.group: write !has(claims.group) || claims.group != "x" if it should match`}},
		{"!= is true in Expr", `claims.group != "x"`, Expr, []string{`claims.group != "x" is true of a token that has no claims.group`}},
		{"!= behind has", `has(claims.group) && claims.group != "x"`, CEL, nil},
		{"!= behind nil", `claims.group != nil and claims.group != "x"`, Expr, nil},
		{"!= on sub, which each token has", `claims.sub != "x"`, CEL, nil},
		{"negated in", `!("x" in claims.groups)`, Expr, []string{`!("x" in claims.groups) is true of a token that has no claims.groups`}},
		{"a negated && says nothing certain", `!(claims.a == "x" && claims.b == "y")`, CEL, nil},
	} {
		t.Run(string(tt.language)+" "+tt.name, func(t *testing.T) {
			if got := mustCompile(t, tt.language, tt.filter).Warnings(); !slices.Equal(got, tt.want) {
				t.Errorf("warnings\n%q, want\n%q", got, tt.want)
			}
		})
	}
}

// One filter serves all connections.
func TestConcurrentUse(t *testing.T) {
	for _, l := range []Language{CEL, Expr} {
		f := mustCompile(t, l, `'dev.environmentAdmin' in claims.roles && claims.n == 1`)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				c := azureClaims()
				c["n"] = float64(i % 2)
				for range 100 {
					if got, want := f.Eval(c).Match, i%2 == 1; got != want {
						t.Errorf("%s: match %t, want %t", l, got, want)
					}
				}
			})
		}
		wg.Wait()
	}
}

// An idle machine of Expr keeps nothing of the token it has seen.
func TestMachineForgetsClaims(t *testing.T) {
	f := mustCompile(t, Expr, `let r = claims.roles; "x" in r`)
	p := f.program.(*exprProgram)
	m := p.machines.New().(*exprMachine)
	m.env["claims"], m.env[chargeName] = azureClaims(), new(budget).charge
	if _, err := m.vm.Run(p.program, m.env); err != nil {
		t.Fatal(err)
	}
	m.release(p.machines)
	for _, kept := range append(m.vm.Stack[:cap(m.vm.Stack)], m.vm.Variables...) {
		if kept != nil {
			t.Errorf("the machine kept %v", kept)
		}
	}
	if len(m.env) != 0 {
		t.Errorf("the machine kept %v", m.env)
	}
}
