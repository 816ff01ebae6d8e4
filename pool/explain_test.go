package pool

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// Each reason is written out whole: it is the sentence that a person reads.
// The claims are token23 unless the row has its own.
func TestReason(t *testing.T) {
	for _, tt := range []struct {
		name, filter string
		language     Language // both when empty
		claims       string
		want         string
		deciding     Deciding
	}{
		{
			name: "a role that is not there", filter: `'prod.admin' in claims.roles`,
			want:     `claims.roles is ["admin","w"], and 'prod.admin' in claims.roles wants an array with "prod.admin"`,
			deciding: Deciding{Expr: `'prod.admin' in claims.roles`, Kind: KindFalse, Operator: "in", Claim: "claims.roles", Got: `["admin","w"]`, Want: `an array with "prod.admin"`},
		},
		{
			name: "a role in other letters", filter: `'Admin' in claims.roles`,
			want: `claims.roles is ["admin","w"], and 'Admin' in claims.roles wants an array with "Admin"; the nearest is "admin"`,
		},
		{
			name: "a claim that is missing, with a near one", filter: `'admin' in claims.role`, language: CEL,
			want:     `'admin' in claims.role: the token has no claims.role, the nearest that it has is claims.roles`,
			deciding: Deciding{Expr: `'admin' in claims.role`, Kind: KindMissingClaim, Operator: "in", Claim: "claims.role", Want: "a token with claims.role", Nearest: "claims.roles"},
		},
		{
			name: "a claim that is missing is false in Expr too", filter: `'admin' in claims.role`, language: Expr,
			want: `'admin' in claims.role: the token has no claims.role, the nearest that it has is claims.roles`,
		},
		{
			name: "a namespaced claim misspelt", filter: `claims["https://x/z"] == "z"`,
			want: `claims["https://x/z"] == "z": the token has no claims["https://x/z"], the nearest that it has is claims["https://x/y"]`,
		},
		{
			name: "a claim that is missing, with none near", filter: `claims.department == "x"`,
			want: `claims.department == "x": the token has no claims.department`,
		},
		{
			name: "the side of && that is false", filter: `claims.sub == "s" && claims.aud == "other"`,
			want:     `claims.aud is "confluent", and claims.aud == "other" wants "other"`,
			deciding: Deciding{Expr: `claims.aud == "other"`, Kind: KindFalse, Operator: "==", Claim: "claims.aud", Got: `"confluent"`, Want: `"other"`},
		},
		{
			name: "three levels down", filter: `claims.sub == "s" && (claims.n == 5 && ("admin" in claims.roles && claims.aud == 'é'))`,
			want: `claims.aud is "confluent", and claims.aud == 'é' wants "é"`,
		},
		{
			name: "of a false side and an error, CEL takes the false one", filter: `claims.group == "g" && claims.aud == "other"`, language: CEL,
			want: `claims.aud is "confluent", and claims.aud == "other" wants "other"`,
		},
		{
			name: "Expr goes from left to right", filter: `claims.group == "g" && claims.aud == "other"`, language: Expr,
			want: `claims.group == "g": the token has no claims.group`,
		},
		{
			name: "all sides of ||", filter: `claims.aud == "x" || claims.sub == "y"`,
			want: `claims.aud is "confluent", and claims.aud == "x" wants "x"; nor did the alternative hold: claims.sub is "s", and claims.sub == "y" wants "y"`,
		},
		{
			name: "the likeliest slip of || comes first", filter: `claims.sub == "y" || "x" in claims.rols || claims.roles == "admin"`,
			want: `claims.roles is an array, ["admin","w"]: use "admin" in claims.roles; nor did the alternative hold: claims.sub is "s", and claims.sub == "y" wants "y"; ` +
				`nor did the alternative hold: "x" in claims.rols: the token has no claims.rols, the nearest that it has is claims.roles`,
		},
		{
			name: "many alternatives are counted", filter: `claims.n == 1 || claims.n == 2 || claims.n == 3 || claims.n == 4 || claims.n == 6 || claims.n == 7`,
			want: `claims.n is 5, and claims.n == 1 wants 1; nor did the alternative hold: claims.n is 5, and claims.n == 2 wants 2; ` +
				`nor did the alternative hold: claims.n is 5, and claims.n == 3 wants 3; nor did the alternative hold: claims.n is 5, and claims.n == 4 wants 4; and 2 more alternatives did not hold`,
		},
		{
			name: "a negated in", filter: `!('w' in claims.roles)`,
			want:     `claims.roles is ["admin","w"], and !('w' in claims.roles) wants an array without "w"`,
			deciding: Deciding{Expr: `!('w' in claims.roles)`, Kind: KindFalse, Operator: "!", Claim: "claims.roles", Got: `["admin","w"]`, Want: `an array without "w"`},
		},
		{
			name: "not in", filter: `claims.aud not in ["confluent"]`, language: Expr,
			want: `claims.aud is "confluent", and claims.aud not in ["confluent"] wants none of ["confluent"]`,
		},
		{
			name: "a negated &&", filter: `!(claims.aud == "confluent" && claims.sub == "s")`,
			want: `claims.aud == "confluent" holds, where the filter wants that it does not; nor did the alternative hold: claims.sub == "s" holds, where the filter wants that it does not`,
		},
		{
			name: "a negated ||", filter: `!(claims.aud == "x" || claims.sub == "s")`,
			want: `claims.sub == "s" holds, where the filter wants that it does not`,
		},
		{
			name: "a double negation", filter: `!(!(claims.aud == "x"))`, language: Expr,
			want: `claims.aud is "confluent", and claims.aud == "x" wants "x"`,
		},
		{
			name: "!=", filter: `claims.aud != "confluent"`,
			want: `claims.aud is "confluent", and claims.aud != "confluent" wants anything but "confluent"`,
		},
		{
			name: "== on an array", filter: `claims.aud == "x"`, claims: arrayAud,
			want:     `claims.aud is an array, ["x","y"]: use "x" in claims.aud`,
			deciding: Deciding{Expr: `claims.aud == "x"`, Kind: KindWrongType, Operator: "==", Claim: "claims.aud", Got: `["x","y"]`, Want: `an array with "x"`},
		},
		{
			name: "== on an array, the claim on the right", filter: `"x" == claims.aud`, claims: arrayAud,
			want: `claims.aud is an array, ["x","y"]: use "x" in claims.aud`,
		},
		{
			name: "in on a string", filter: `"confluent" in claims.aud`,
			want: `claims.aud is a string, "confluent", and in looks into an array: use claims.aud == "confluent"`,
		},
		{
			name: "in on a number", filter: `"x" in claims.n`,
			want: `claims.n is a number, 5, and in looks into an array`,
		},
		{
			name: "a method on an array", filter: `claims.roles.startsWith("a")`, language: CEL,
			want: `claims.roles is an array, ["admin","w"], and startsWith works on strings: for a whole element use in, as in "x" in claims.roles`,
		},
		{
			name: "an operator on an array", filter: `claims.roles startsWith "a"`, language: Expr,
			want: `claims.roles is an array, ["admin","w"], and startsWith works on strings: for a whole element use in, as in "x" in claims.roles`,
		},
		{
			name: "a number against text", filter: `claims.n == "5"`,
			want: `claims.n is a number, 5, and never equal to a string, "5"`,
		},
		{
			name: "a member of a string", filter: `claims.sub.name == "x"`,
			want: `claims.sub.name cannot be read: claims.sub is a string, "s"`,
		},
		{
			name: "a member that is missing", filter: `claims.org.nam == "x"`, claims: `{"org": {"name": "x"}}`,
			want: `claims.org.nam == "x": the token has no claims.org.nam, the nearest that it has is claims.org.name`,
		},
		{
			name: "has", filter: `has(claims.rolse)`, language: CEL,
			want: `has(claims.rolse): the token has no claims.rolse, the nearest that it has is claims.roles`,
		},
		{
			name: "!has", filter: `!has(claims.roles)`, language: CEL,
			want: `the token has claims.roles, ["admin","w"]`,
		},
		{
			name: "prefix", filter: `claims.email.startsWith("b")`, language: CEL,
			want: `claims.email is "a@example.com", and claims.email.startsWith("b") wants a string that starts with "b"`,
		},
		{
			name: "suffix", filter: `claims.email endsWith ".org"`, language: Expr,
			want: `claims.email is "a@example.com", and claims.email endsWith ".org" wants a string that ends with ".org"`,
		},
		{
			name: "order", filter: `claims.n > 7`,
			want: `claims.n is 5, and claims.n > 7 wants more than 7`,
		},
		{
			name: "two claims", filter: `claims.sub == claims.aud`,
			want: `claims.sub is "s", and claims.sub == claims.aud wants "confluent"`,
		},
		{
			name: "a claim that is text as a filter", filter: `claims.sub`,
			want:     `claims.sub is a string, "s", and a filter must be true or false`,
			deciding: Deciding{Expr: `claims.sub`, Kind: KindNotBool, Claim: "claims.sub", Got: `"s"`, Want: "true or false"},
		},
		{
			name: "a claim that is text as a side", filter: `claims.aud == "confluent" && claims.sub`,
			want: `claims.sub is a string, "s", and is used as a yes or no`,
		},
		{
			name: "a claim that is false", filter: `claims.ok`, claims: `{"ok": false}`,
			want: `claims.ok is false`,
		},
		{
			name: "the chosen branch", filter: `claims.n == 5 ? claims.sub == "x" : true`,
			want: `claims.sub is "s", and claims.sub == "x" wants "x"`,
		},
		{
			name: "a macro", filter: `claims.roles.exists(r, r == "x")`, language: CEL,
			want: `claims.roles.exists(r, r == "x") is false, claims.roles being ["admin","w"]`,
		},
		{
			name: "a loop", filter: `any(claims.roles, # startsWith "x") and true`, language: Expr,
			want: `any(claims.roles, # startsWith "x") is false, claims.roles being ["admin","w"]`,
		},
		{
			name: "a variable", filter: `let r = claims.roles; "x" in r`, language: Expr,
			want: `let r = claims.roles; "x" in r is false`,
		},
		{
			name: "a function", filter: `size(claims.roles) == 3`, language: CEL,
			want: `size(claims.roles) is 2, and size(claims.roles) == 3 wants 3`,
		},
		{
			name: "a function of Expr", filter: `lower(claims.aud) == "x"`, language: Expr,
			want: `lower(claims.aud) is "confluent", and lower(claims.aud) == "x" wants "x"`,
		},
		{
			name: "false", filter: `false || claims.sub == "x"`,
			want: `false is written in the filter and matches no token; nor did the alternative hold: claims.sub is "s", and claims.sub == "x" wants "x"`,
		},
		{
			name: "an error of another sort", filter: `claims.n / 0 == 1 || timestamp(claims.sub) == timestamp("2026-01-01T00:00:00Z")`, language: CEL,
			want: `timestamp(claims.sub) == timestamp("2026-01-01T00:00:00Z") could not be evaluated: `,
		},
		{
			name: "a filter in lines is told in one", filter: "claims.sub ==\n\t'x'\n&& true",
			want: `claims.sub is "s", and claims.sub ==  'x' wants "x"`,
		},
	} {
		for _, l := range []Language{CEL, Expr} {
			if tt.language != "" && tt.language != l {
				continue
			}
			t.Run(string(l)+" "+tt.name, func(t *testing.T) {
				if tt.claims == "" {
					tt.claims = token23
				}
				r := mustCompile(t, l, tt.filter).Eval(claimsOf(t, tt.claims))
				if r.Match {
					t.Fatal("it matches")
				}
				if r.Reason != tt.want && (!strings.HasSuffix(tt.want, ": ") || !strings.Contains(r.Reason, tt.want)) {
					t.Errorf("reason\n%s, want\n%s", r.Reason, tt.want)
				}
				if tt.deciding != (Deciding{}) && *r.Deciding != tt.deciding {
					t.Errorf("deciding\n%+v, want\n%+v", *r.Deciding, tt.deciding)
				}
			})
		}
	}
}

// The parts of a filter are shown as they were written: brackets, quotes,
// comments and all.
func TestDecidingIsTheSource(t *testing.T) {
	for _, tt := range []struct {
		language     Language
		filter, part string
	}{
		{CEL, `true && (claims.aud == r'x')`, "claims.aud == r'x'"},
		{CEL, `true && claims["aud"] == """x"""`, `claims["aud"] == """x"""`},
		{CEL, `true && claims.aud.startsWith("a)b")`, `claims.aud.startsWith("a)b")`},
		{CEL, `(claims.aud in ["a", ("b")]) && true`, `claims.aud in ["a", ("b")]`},
		{CEL, "true // comment ) (\n && claims.aud == 'x'", `claims.aud == 'x'`},
		{CEL, `true && -1 == claims.n`, `-1 == claims.n`},
		{CEL, `true && (size(claims.aud) == (3 + 4))`, `size(claims.aud) == (3 + 4)`},
		{CEL, `true && has(claims.nope)`, `has(claims.nope)`},
		{Expr, `true and (claims.aud == 'x')`, `claims.aud == 'x'`},
		{Expr, `true and claims["aud"] == "x"`, `claims["aud"] == "x"`},
		{Expr, `true and claims?.aud == "x"`, `claims?.aud == "x"`},
		{Expr, "true /* ) */ and claims.aud == `x`", "claims.aud == `x`"},
		{Expr, `true and (claims.nope ?? "y") == "x"`, `(claims.nope ?? "y") == "x"`},
		{Expr, `true and len(claims.aud) == (3 + 4)`, `len(claims.aud) == (3 + 4)`},
	} {
		t.Run(tt.filter, func(t *testing.T) {
			r := mustCompile(t, tt.language, tt.filter).Eval(claimsOf(t, token23))
			if r.Deciding.Expr != tt.part {
				t.Errorf("deciding part %q, want %q", r.Deciding.Expr, tt.part)
			}
		})
	}
}

func TestGotIsCut(t *testing.T) {
	claims := Claims{"roles": []any{strings.Repeat("é", 500)}}
	r := mustCompile(t, CEL, `"x" in claims.roles`).Eval(claims)
	if n := utf8.RuneCountInString(r.Deciding.Got); n != 120 || !strings.HasSuffix(r.Deciding.Got, "é…") {
		t.Errorf("got has %d characters: %s", n, r.Deciding.Got)
	}
}

// A claim's value is shown as JSON and cannot forge a line of a log.
func TestGotIsOnOneLine(t *testing.T) {
	r := mustCompile(t, CEL, `claims.sub == "x"`).Eval(Claims{"sub": "a\nlevel=info msg=\"all is well\" \x1b[0m"})
	if strings.ContainsAny(r.Reason, "\n\x1b") {
		t.Errorf("reason %q", r.Reason)
	}
}

// The JSON of a result is a contract: the CLI and the admin API print it.
func TestResultJSON(t *testing.T) {
	r := mustCompile(t, CEL, `'a' in claims.role`).Eval(Claims{"roles": []any{"a"}})
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"match":false,"reason":"'a' in claims.role: the token has no claims.role, the nearest that it has is claims.roles",` +
		`"deciding":{"expr":"'a' in claims.role","kind":"missing-claim","operator":"in","claim":"claims.role","want":"a token with claims.role","nearest":"claims.roles"}}`
	if string(got) != want {
		t.Errorf("%s, want\n%s", got, want)
	}
}

func ExampleCompile() {
	f, err := Compile(Source{CEL, "claims.aud == 'be587d08' && 'prod.admin' in claims.roles", false})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := f.Eval(Claims{"aud": "be587d08", "roles": []any{"dev.admin"}})
	fmt.Println(r.Match)
	fmt.Println(r.Reason)
	// Output:
	// false
	// claims.roles is ["dev.admin"], and 'prod.admin' in claims.roles wants an array with "prod.admin"
}

// A reason stays a sentence when the filter does not: what decides is shown
// whole in Deciding.
func TestReasonIsShort(t *testing.T) {
	filter := `claims.sub in ["` + strings.Repeat("x", 200) + `", "` + strings.Repeat("y", 200) + `"]`
	r := mustCompile(t, CEL, filter).Eval(Claims{"sub": "s"})
	if n := utf8.RuneCountInString(r.Reason); n > 300 {
		t.Errorf("the reason has %d characters: %s", n, r.Reason)
	}
	if r.Deciding.Expr != filter {
		t.Errorf("deciding part %s", r.Deciding.Expr)
	}
}
