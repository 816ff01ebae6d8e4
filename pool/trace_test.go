package pool

import (
	"encoding/json"
	"strings"
	"testing"
)

func traced(t testing.TB, l Language, filter string, c Claims) (Trace, *Filter) {
	t.Helper()
	f, err := Compile(Source{Language: l, Text: filter})
	if err != nil {
		t.Fatal(err)
	}
	return f.Trace(c), f
}

func TestTrace(t *testing.T) {
	claims := Claims{"roles": []any{"dev", "ops"}, "tid": "t1", "azp": "a\u202eb\x1b[31m", "aud": "x", "n": nil,
		"long": strings.Repeat("é", 300), "https://x/y": map[string]any{"z": 1.0}}
	for _, tt := range []struct {
		reason, filter string
		language       Language
		want           string
	}{
		{"which of three && was false", `'dev' in claims.roles && claims.tid == 't2' && claims.aud == 'x'`, CEL, `
'dev' in claims.roles && claims.tid == 't2' && claims.aud == 'x'
= false
  'dev' in claims.roles
  = true
    claims.roles
    = ["dev","ops"]
  claims.tid == 't2'
  = false   ← this decides
    claims.tid
    = "t1"
  claims.aud == 'x'
  = true
    claims.aud
    = "x"
`},
		{"an absent claim, absorbed", `claims.group == 'g' || claims.aud == 'y'`, CEL, `
claims.group == 'g' || claims.aud == 'y'
! the token has no claims.group
  claims.group == 'g'
  ! the token has no claims.group
    claims.group
    ! the token has no claims.group
  claims.aud == 'y'
  = false   ← this decides
    claims.aud
    = "x"
`},
		{"has, negated", `!has(claims.tid)`, CEL, `
!has(claims.tid)
= false   ← this decides
  has(claims.tid)
  = true
    claims.tid
    = "t1"
`},
		{"in on a string", `'x' in claims.aud`, CEL, `
'x' in claims.aud
! no such overload   ← this decides
  claims.aud
  = "x"
`},
		{"a claim near to one that is there", `claims.role == 'dev'`, CEL, `
claims.role == 'dev'
! the token has no claims.role, the nearest that it has is claims.roles   ← this decides
  claims.role
  ! the token has no claims.role, the nearest that it has is claims.roles
`},
		{"characters that a terminal would obey", `claims.azp == 'a'`, CEL, `
claims.azp == 'a'
= false   ← this decides
  claims.azp
  = "a�b\u001b[31m"
`},
		{"null is a value", `claims.n == 'a'`, CEL, `
claims.n == 'a'
= false   ← this decides
  claims.n
  = null
`},
		{"a claim with a namespace", `claims["https://x/y"].z == 2`, CEL, `
claims["https://x/y"].z == 2
= false   ← this decides
  claims["https://x/y"].z
  = 1
`},
		{"a macro is one part", `claims.roles.exists(r, r == 'x')`, CEL, `
claims.roles.exists(r, r == 'x')
= false   ← this decides
  claims.roles
  = ["dev","ops"]
`},
		{"a match decides nothing", `claims.aud == 'x'`, CEL, `
claims.aud == 'x'
= true
  claims.aud
  = "x"
`},
		{"a filter that is no yes or no", `claims.aud`, CEL, `
claims.aud
= "x"   ← this decides
`},
		{"Expr has nil for what is not there", `claims.group == 'g' && not (claims.aud == 'x')`, Expr, `
claims.group == 'g' && not (claims.aud == 'x')
= false
  claims.group == 'g'
  = false   ← this decides
    claims.group
    ! the token has no claims.group
  not (claims.aud == 'x')
  = false
    claims.aud == 'x'
    = true
      claims.aud
      = "x"
`},
	} {
		got, f := traced(t, tt.language, tt.filter, claims)
		if "\n"+got.String() != tt.want {
			t.Errorf("%s: got\n%s", tt.reason, got)
		}
		if (got.Value == "true") != f.Matches(claims) {
			t.Errorf("%s: the trace says %q, the filter %v", tt.reason, got.Value, f.Matches(claims))
		}
	}
	if got, _ := traced(t, CEL, "claims.long == 'a'", claims); len([]rune(got.Children[0].Value)) != previewLength {
		t.Errorf("a long value has %d characters", len([]rune(got.Children[0].Value)))
	}
	if got, _ := traced(t, CEL, "", claims); got.Error == "" || got.Value != "" {
		t.Errorf("the empty filter: %+v", got)
	}
}

// The JSON form is a tree, without what is not there.
func TestTraceJSON(t *testing.T) {
	got, _ := traced(t, CEL, `claims.tid == 't2'`, Claims{"tid": "t1"})
	text, err := json.Marshal(got)
	if want := `{"expr":"claims.tid == 't2'","value":"false","deciding":true,"children":[{"expr":"claims.tid","value":"\"t1\""}]}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
}

// A filter of many parts has a trace of bounded size.
func TestTraceIsBounded(t *testing.T) {
	for _, l := range []Language{CEL, Expr} {
		got, _ := traced(t, l, "claims.a == 'x'"+strings.Repeat(" || claims.a == 'x'", 140), Claims{"a": "y"})
		count := 0
		var walk func(Trace)
		walk = func(t Trace) {
			count++
			for _, c := range t.Children {
				walk(c)
			}
		}
		if walk(got); count > maxTraced || count < maxTraced/2 {
			t.Errorf("%s: %d parts", l, count)
		}
	}
}

func BenchmarkTrace(b *testing.B) {
	f, err := Compile(Source{Text: "'dev' in claims.roles && claims.tid == 't2' && claims.aud == 'x'"})
	if err != nil {
		b.Fatal(err)
	}
	claims := Claims{"roles": []any{"ops"}, "tid": "t1", "aud": "x"}
	b.Run("eval", func(b *testing.B) {
		for b.Loop() {
			f.Eval(claims)
		}
	})
	b.Run("trace", func(b *testing.B) {
		for b.Loop() {
			f.Trace(claims)
		}
	})
}
