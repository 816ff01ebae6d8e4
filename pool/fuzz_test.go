package pool

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
)

// fuzzSeeds is how many seeds are checked in under testdata/fuzz/FuzzFilter.
const fuzzSeeds = 60

func TestFuzzSeedsAreThere(t *testing.T) {
	seeds, err := os.ReadDir("testdata/fuzz/FuzzFilter")
	if err != nil || len(seeds) < fuzzSeeds {
		t.Errorf("%d seeds, %v, want %d or more", len(seeds), err, fuzzSeeds)
	}
}

// fuzzClaims are tokens of every shape that a filter may meet.
func fuzzClaims() []Claims {
	list := make([]any, 300)
	for i := range list {
		list[i] = "role"
	}
	odd := Claims{
		"sub": nil, "aud": []any{"a", 1.0, nil, true, map[string]any{"x": []any{}}}, "roles": "admin", "n": "5",
		"l": list, "big": strings.Repeat("a", 4000), "https://x/y": map[string]any{"z": "w"}, "flag": false,
	}
	return []Claims{nil, {}, azureClaims(), odd}
}

// evaluationLimit is far above what the limits on a filter allow, and far
// below what a hostile filter would take without them. It is as large as it
// is for the race detector, the fuzzer's instrumentation and busy machines.
const evaluationLimit = time.Minute

// Whatever the text: no panic, an error has its place in the filter, strict
// accepts no more than lenient does, a warning or a reason is one line, and
// the fast answer is the explained one.
func FuzzFilter(f *testing.F) {
	tokens := fuzzClaims()
	f.Fuzz(func(t *testing.T, text string) {
		started := time.Now()
		for _, l := range []Language{CEL, Expr} {
			filter, err := Compile(Source{l, text, false})
			strict, strictErr := Compile(Source{l, text, true})
			if err != nil && strictErr == nil {
				t.Fatalf("%s: strict accepts what lenient refuses: %v", l, err)
			}
			checkFilterError(t, text, err)
			checkFilterError(t, text, strictErr)
			for _, c := range tokens {
				checkVerdict(t, filter, c)
				if strict != nil && strict.Matches(c) != filter.Matches(c) {
					t.Fatalf("%s: strict and lenient differ", l)
				}
			}
		}
		if took := time.Since(started); took > evaluationLimit {
			t.Errorf("it took %v", took)
		}
	})
}

func checkFilterError(t *testing.T, text string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var refused *FilterError
	if !errors.As(err, &refused) {
		t.Fatalf("error %v is no *FilterError", err)
	}
	lines := strings.Split(text, "\n")
	if refused.Line < 1 || refused.Line > len(lines) {
		t.Fatalf("line %d of %d: %v", refused.Line, len(lines), err)
	}
	if n := utf8.RuneCountInString(lines[refused.Line-1]); refused.Column < 1 || refused.Column > n+1 {
		t.Fatalf("column %d of %d: %v", refused.Column, n, err)
	}
	if refused.Message == "" || strings.Contains(refused.Message, "\n") {
		t.Fatalf("message %q", refused.Message)
	}
	if strings.ContainsAny(err.Error(), "\x1b\x00\r") {
		t.Fatalf("control characters in %q", err.Error())
	}
}

func checkVerdict(t *testing.T, f *Filter, c Claims) {
	t.Helper()
	if f == nil {
		return
	}
	r := f.Eval(c)
	if trace := f.Trace(c); (trace.Value == "true") != r.Match || strings.ContainsFunc(trace.Expr+trace.Value+trace.Error, hidden) {
		t.Fatalf("match %v, and the trace is %+v", r.Match, trace)
	}
	if r.Match != f.Matches(c) {
		t.Fatalf("Eval says %t, Matches %t", r.Match, !r.Match)
	}
	if f.program != nil {
		if value, err := f.program.run(c); r.Match && (err != nil || value != true) {
			t.Fatalf("matched on %v, %v", value, err)
		}
	}
	if r.Match != (r.Deciding == nil) || r.Match != (r.Reason == "") {
		t.Fatalf("result %+v", r)
	}
	if strings.ContainsAny(r.Reason, "\n\x1b") || !utf8.ValidString(r.Reason) {
		t.Fatalf("reason %q", r.Reason)
	}
}

// The parser that idpool uses, cel-go's new one, takes and refuses what the
// one does that every other user of cel-go has, and means the same by it.
func TestParsersAgree(t *testing.T) {
	env, err := cel.NewEnv(cel.Variable("claims", cel.MapType(cel.StringType, cel.DynType)))
	if err != nil {
		t.Fatal(err)
	}
	agreed := 0
	for _, text := range celCorpus(t) {
		agreed += checkParsersAgree(t, env, text)
	}
	if agreed < 45 {
		t.Errorf("only %d filters were evaluated by both", agreed)
	}
}

// celCorpus is the text of the seeds, and everyday filters.
func celCorpus(t *testing.T) []string {
	corpus := []string{
		`claims.group!="x"`, `claims.aud=="a" && claims.group!="x"`, `claims.a=="x" || claims.aud=="a"`, `!has(claims.nope)`,
		`claims.roles.exists(r, r == "admin")`, `claims["https://x/y"].z == "w"`, `size(claims.l) == 300`, `claims.n == "5" ? true : false`,
		`claims.roles in ["admin"]`, `!!!(claims.flag)`, `-1 < 2`, `"\u00e9" == 'é'`, `r"\d" == "\\d"`, `"""a"b""" != ''`, `claims.big.contains("aaa")`,
	}
	files, err := os.ReadDir("testdata/fuzz/FuzzFilter")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		corpus = append(corpus, seedText(t, "testdata/fuzz/FuzzFilter/"+file.Name()))
	}
	return corpus
}

func checkParsersAgree(t *testing.T, env *cel.Env, text string) (evaluated int) {
	t.Helper()
	ours, refused := checkCEL(newSource(text))
	theirs, issues := env.Compile(text)
	if issues.Err() != nil || refused != nil {
		if notBool := issues.Err() == nil && refused != nil && !boolish(theirs); (issues.Err() == nil) != (refused == nil) && !notBool && !tooDeep(refused) {
			t.Errorf("%q: ours says %v, the other %v", text, refused, issues.Err())
		}
		return 0
	}
	program, err := env.PlanProgram(ours, cel.CostLimit(celCost))
	if err != nil {
		t.Fatal(err)
	}
	other, err := env.Program(theirs, cel.CostLimit(celCost))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range fuzzClaims() {
		got, _, gotErr := program.Eval(celVariables(c))
		want, _, wantErr := other.Eval(map[string]any{"claims": map[string]any(c)})
		if (gotErr == nil) != (wantErr == nil) || gotErr == nil && got.Equal(want).Value() != true {
			t.Errorf("%q: ours is %v, %v; the other %v, %v", text, got, gotErr, want, wantErr)
		}
	}
	return 1
}

func boolish(a *cel.Ast) bool {
	return a.OutputType().IsExactType(cel.BoolType) || a.OutputType().IsExactType(cel.DynType)
}

func tooDeep(err *FilterError) bool { return err != nil && strings.Contains(err.Message, "deep") }

// seedText reads a seed in the format of go test.
func seedText(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, literal, ok := strings.Cut(string(b), "string(")
	if !ok {
		t.Fatalf("%s is no seed", path)
	}
	text, err := strconv.Unquote(strings.TrimSuffix(strings.TrimSpace(literal), ")"))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return text
}
