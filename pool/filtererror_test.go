package pool

import (
	"errors"
	"strings"
	"testing"
)

// Each message is written out: it is what a person sees when idpool does not
// start.
func TestFilterError(t *testing.T) {
	for _, tt := range []struct {
		name, filter string
		language     Language
		want         string
	}{
		{"a single =", `claims.iss="x"`, CEL, `
pool: cel filter, line 1, column 11: unexpected "="
  | claims.iss="x"
  |           ^
  hint: write ==`},
		{"a single = and no quotes", `claims.iss=https://x`, Expr, `
pool: expr filter, line 1, column 11: unexpected "="
  | claims.iss=https://x
  |           ^
  hint: write ==, and quote the text after it`},
		{"and, in several lines with tabs", "claims.aud == 'é'\n\t&& claims.n == 1\tand claims.b\n|| true", CEL, `
pool: cel filter, line 2, column 19: unexpected "and"
  | 	&& claims.n == 1	and claims.b
  | 	                	^
  hint: write &&; this compiles as language: expr`},
		{"characters, not bytes", `claims.ä == "éé" or true`, Expr, ``},
		{"characters before the column", `"éüñ" in claims.ä or true`, CEL, `
pool: cel filter, line 1, column 17: unexpected "ä"
  | "éüñ" in claims.ä or true
  |                 ^
  hint: this compiles as language: expr`},
		{"a claim without its prefix", `sub == "x"`, CEL, `
pool: cel filter, line 1, column 1: unknown name "sub"
  | sub == "x"
  | ^
  hint: write claims.sub`},
		{"a claim without its prefix, in Expr", `"a" in groups`, Expr, `
pool: expr filter, line 1, column 8: unknown name "groups"
  | "a" in groups
  |        ^
  hint: write claims.groups`},
		{"claims misspelt", `claim.sub == "x"`, CEL, `
pool: cel filter, line 1, column 1: unknown name "claim"
  | claim.sub == "x"
  | ^
  hint: did you mean "claims"?`},
		{"text without quotes", `claims.principal.startsWith(user)`, CEL, `
pool: cel filter, line 1, column 29: unknown name "user"
  | claims.principal.startsWith(user)
  |                             ^
  hint: if it is text, quote it: "user"; if it is a claim, write claims.user`},
		{"an operator of Expr", `claims.email endsWith "@x.com"`, CEL, `
pool: cel filter, line 1, column 14: unexpected "endsWith"
  | claims.email endsWith "@x.com"
  |              ^
  hint: write claims.email.endsWith("@x.com"); this compiles as language: expr`},
		{"a method of CEL", `claims.email.endsWith("@x.com")`, Expr, `
pool: expr filter, line 1, column 14: claims have no function "endsWith"
  | claims.email.endsWith("@x.com")
  |              ^
  hint: in Expr it is an operator: write claims.email endsWith "@x.com"; this compiles as language: cel`},
		{"has in Expr", `claims.a == "x" && has(claims.b)`, Expr, `
pool: expr filter, line 1, column 20: unknown function "has"
  | claims.a == "x" && has(claims.b)
  |                    ^
  hint: in Expr write claims.b != nil; this compiles as language: cel`},
		{"null in Expr", `claims.a == null`, Expr, `
pool: expr filter, line 1, column 13: unknown name "null"
  | claims.a == null
  |             ^
  hint: write nil; this compiles as language: cel`},
		{"not in CEL", `not ("a" in claims.b)`, CEL, `
pool: cel filter, line 1, column 1: unexpected "not"
  | not ("a" in claims.b)
  | ^
  hint: write !, as in !(claims.x in ["a"]); this compiles as language: expr`},
		{"a misspelt function", `claims.a.startWith("x")`, CEL, `
pool: cel filter, line 1, column 10: unknown function "startWith"
  | claims.a.startWith("x")
  |          ^
  hint: did you mean "startsWith"?`},
		{"a misspelt function of Expr", `lenn(claims.a) > 1`, Expr, `
pool: expr filter, line 1, column 1: unknown function "lenn"
  | lenn(claims.a) > 1
  | ^
  hint: did you mean "len"?`},
		{"curly quotes", `claims.a == “x”`, CEL, `
pool: cel filter, line 1, column 13: unexpected "“"
  | claims.a == “x”
  |             ^
  hint: use straight quotes, " or '`},
		{"an open string", `claims.a == 'x`, CEL, `
pool: cel filter, line 1, column 13: unterminated string literal
  | claims.a == 'x
  |             ^`},
		{"an open bracket", `(claims.a == "x"`, CEL, `
pool: cel filter, line 1, column 17: expected ')'
  | (claims.a == "x"
  |                 ^`},
		{"an end too early", `claims.a == "x" &&`, CEL, `
pool: cel filter, line 1, column 19: the filter ends where a value should follow
  | claims.a == "x" &&
  |                   ^`},
		{"types that never compare", `"a" == 1`, CEL, `
pool: cel filter, line 1, column 5: == cannot be applied to string and int
  | "a" == 1
  |     ^
  hint: both sides must be of one type: quote text, and do not quote numbers`},
		{"types that never compare, in Expr", `claims == "x"`, Expr, `
pool: expr filter, line 1, column 8: == cannot be applied to claims and string
  | claims == "x"
  |        ^`},
		{"in on a string literal", `claims.a in "x"`, CEL, `
pool: cel filter, line 1, column 10: in cannot be applied to a claim and string
  | claims.a in "x"
  |          ^
  hint: in looks into a list: "x" in claims.roles, or claims.aud in ["x", "y"]`},
		{"has of an index", `has(claims["x"])`, CEL, `
pool: cel filter, line 1, column 11: has() takes a member of claims, with a dot
  | has(claims["x"])
  |           ^
  hint: write has(claims.x); for a name with other characters, "https://x/y" in claims`},
		{"a number is no filter", `1 + 1`, CEL, `
pool: cel filter, line 1, column 1: the filter is a value of type int, and must be true or false
  | 1 + 1
  | ^`},
		{"text is no filter", ` "x"`, Expr, `
pool: expr filter, line 1, column 2: the filter is a value of type string, and must be true or false
  |  "x"
  |  ^`},
		{"an unknown language", `true`, "rego", `
pool: rego filter, line 1, column 1: unknown filter language "rego", want "cel" or "expr"
  | true
  | ^`},
		{"a language in capitals", `true`, "CEL", `
pool: CEL filter, line 1, column 1: unknown filter language "CEL", want "cel" or "expr"
  | true
  | ^
  hint: did you mean "cel"?`},
		{"bytes that are no text", "claims.a == '\xff'", CEL, "\n" +
			"pool: cel filter, line 1, column 14: the filter is not valid UTF-8\n" +
			"  | claims.a == '\ufffd'\n" +
			"  |              ^"},
		{"an escape sequence never reaches the terminal", "claims.a == '\x1b[2J", CEL, "\n" +
			"pool: cel filter, line 1, column 13: unterminated string literal\n" +
			"  | claims.a == '\ufffd[2J\n" +
			"  |             ^"},
		{"the clock of the machine", `claims.exp > now().Unix()`, Expr, `
pool: expr filter, line 1, column 14: now is the machine's clock, not the one that tokens are checked by; expiry has its own check
  | claims.exp > now().Unix()
  |              ^`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile(Source{tt.language, tt.filter, false})
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var refused *FilterError
			if !errors.As(err, &refused) {
				t.Fatalf("error %v, want a *FilterError", err)
			}
			if got := "\n" + err.Error(); got != tt.want {
				t.Errorf("got%s\nwant%s", got, tt.want)
			}
			if says := strings.Contains(refused.Hint, "this compiles as"); says != (refused.CompilesAs != "") {
				t.Errorf("CompilesAs %q, hint %q", refused.CompilesAs, refused.Hint)
			}
		})
	}
}

// A long line is cut around its caret, or a terminal would wrap it and the
// caret would point at nothing.
func TestFilterErrorCutsLongLines(t *testing.T) {
	filter := `claims.a in ["` + strings.Repeat("x", 100) + `"] = claims.b || "` + strings.Repeat("y", 100) + `" in claims.c`
	_, err := Compile(Source{CEL, filter, false})
	lines := strings.Split(err.Error(), "\n")
	caret := strings.IndexByte(lines[2], '^')
	if got := []rune(lines[1])[caret]; got != '=' {
		t.Errorf("the caret stands under %q in\n%v", got, err)
	}
	if n := len([]rune(lines[1])); n > 2*excerptWidth+6 {
		t.Errorf("the line has %d characters", n)
	}
}

// Nothing that a config can hold may take the process down or keep it busy.
func TestHostileFilters(t *testing.T) {
	repeat := strings.Repeat
	for _, tt := range []struct {
		name, filter string
		language     Language
		want         string // in the message; empty when it compiles
	}{
		{"10,000 brackets", repeat("(", 10_000) + "true" + repeat(")", 10_000), CEL, "20004 characters long"},
		{"10,000 brackets", repeat("(", 10_000) + "true" + repeat(")", 10_000), Expr, "20004 characters long"},
		{"10,000 negations", repeat("!", 10_000) + "true", CEL, "10004 characters long"},
		{"10,000 negations", repeat("!", 10_000) + "true", Expr, "10004 characters long"},
		{"brackets below the cap", repeat("(", 1400) + "true" + repeat(")", 1400), CEL, "nests more than 100 deep"},
		{"brackets below the cap", repeat("(", 1400) + "true" + repeat(")", 1400), Expr, ""},
		{"negations below the cap", repeat("!", 2900) + "true", CEL, ""},
		{"negations below the cap", repeat("!", 2900) + "true", Expr, "more than 1500 parts"},
		{"open lists", repeat("[", 2900), CEL, "nests more than 100 deep"},
		{"members", "claims" + repeat(".a", 1400) + " == 1", CEL, "nests more than 100 deep"},
		{"loops in loops", "claims.l.all(a, claims.l.all(b, claims.l.all(c, claims.l.all(d, true))))", CEL, "macros nest 4 deep"},
		{"loops after loops", "claims.l.map(a, [a, a]).map(a, [a, a]).map(a, [a, a]).exists(a, a == a)", CEL, "macros nest 4 deep"},
		{"a file read at each evaluation", `timezone("Europe/Zurich") != nil`, Expr, "timezone reads files"},
		{"a gigabyte at once", `repeat(claims.big, 1000000) == "x"`, Expr, "repeat could fill the memory"},
		{"the square of a claim", `replace(claims.big, "a", claims.big) == "x"`, Expr, "replace could fill the memory"},
		{"a large expression in matches", `claims.sub matches "(a?b?c?d?){900}"`, Expr, "the regular expression is too large"},
		{"an expression out of the token", `claims.sub matches claims.pattern`, Expr, "must be written in the filter"},
	} {
		t.Run(string(tt.language)+" "+tt.name, func(t *testing.T) {
			_, err := Compile(Source{tt.language, tt.filter, false})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// What compiles and would take for ever is given up, does not match, and says
// so. Each filter would run for hours, or fill the memory, without limits.
func TestEvaluationIsBounded(t *testing.T) {
	list := make([]any, 2000)
	for i := range list {
		list[i] = "role"
	}
	claims := Claims{"l": list, "big": strings.Repeat("a", 16_000)}
	for _, tt := range []struct {
		name, filter string
		language     Language
	}{
		{"three loops", `claims.l.all(a, claims.l.all(b, claims.l.all(c, a == c)))`, CEL},
		{"regular expressions in loops", `claims.l.all(a, claims.l.all(b, claims.big.matches("(a|aa)+$")))`, CEL},
		{"three loops", `all(claims.l, all(claims.l, all(claims.l, # == "role")))`, Expr},
		{"a large range", `let r = 1..90000; all(r, all(r, true))`, Expr},
		{"a string that doubles", `let a = claims.big + claims.big; ` + doubling("+", 40) + ` == "x"`, Expr},
		{"a list that doubles", `let a = [1, 1]; ` + doubling(",", 40) + ` == [1]`, Expr},
		{"a string that doubles in a loop", `len(reduce(1..60, #acc + #acc, "x")) > 1`, Expr},
		{"comparing long lists in a loop", `all(claims.l, claims.l == claims.l)`, Expr},
		{"looking through a long string in a loop", `all(claims.l, claims.big contains "b" or true)`, Expr},
	} {
		t.Run(string(tt.language)+" "+tt.name, func(t *testing.T) {
			f := mustCompile(t, tt.language, tt.filter)
			if f.Matches(claims) {
				t.Error("it matched")
			}
			if r := f.Eval(claims); r.Deciding.Kind != KindError || r.Reason == "" {
				t.Errorf("result %+v, want an error", r)
			}
		})
	}
}

// doubling is let b = a+a; let c = b+b; … and the last name.
func doubling(op string, n int) string {
	var b strings.Builder
	last := "a"
	for i := range n {
		name := "v" + strings.Repeat("x", i)
		expr := last + " + " + last
		if op == "," {
			expr = "[" + last + ", " + last + "]"
		}
		b.WriteString("let " + name + " = " + expr + "; ")
		last = name
	}
	return b.String() + last
}
