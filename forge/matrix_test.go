package forge_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/validator"
)

// Each twin is refused at the check that it names, and at no other one.
func TestEachTwinFailsAtItsCheck(t *testing.T) {
	s := newStand(t)
	v := s.validator(t, strictFilter)
	for _, tok := range s.all(t) {
		d := decide(t, v, tok.Token)
		if got := d.Failed(); got.Name != tok.Check || d.Allowed != (tok.Check == "") {
			t.Errorf("%s: refused at %q, want %q: %s; got %s, want %s", tok.Name, got.Name, tok.Check, got.Message, got.Got, got.Want)
		}
	}
}

// A twin that has been refused stays refused when the valid token has been seen,
// whose header and verdict the validator remembers.
func TestTwinsAfterTheValidOne(t *testing.T) {
	s := newStand(t)
	v := s.validator(t, strictFilter)
	for _, tok := range s.all(t) {
		for range 2 {
			if d := decide(t, v, s.source.Token); !d.Allowed {
				t.Fatalf("the valid token is refused after %s: %s", tok.Name, d.Failed().Message)
			}
			if got := decide(t, v, tok.Token).Failed().Name; got != tok.Check {
				t.Errorf("%s: refused at %q, want %q", tok.Name, got, tok.Check)
			}
		}
	}
}

// Without a comparison of aud a broker takes the tokens of other APIs, which is
// why those twins are lenient; nothing else gets in by it.
func TestWithoutAudience(t *testing.T) {
	s := newStand(t)
	v := s.validator(t, looseFilter)
	want := []string{"audience-wrong", "audience-graph", "audience-client", "audience-uri", "audience-case", "audience-prefix",
		"audience-array", "audience-array-first", "audience-array-last", "audience-array-wrong", "audience-array-empty",
		"audience-missing", "audience-empty"}
	var got []string
	for _, tok := range s.all(t) {
		if d := decide(t, v, tok.Token); d.Allowed && tok.Check != "" {
			got = append(got, tok.Name)
			if !tok.Lenient {
				t.Errorf("%s is accepted without an aud, and is not lenient", tok.Name)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("without an aud these get in:\n%q\nwant\n%q", got, want)
	}
}

// What the table says of itself holds: names are unique and of one form, only
// lenient twins have an excuse or no check, and no text is missing.
func TestTable(t *testing.T) {
	rows, seen := forge.Table(), map[string]bool{}
	checks := []string{validator.CheckFormat, validator.CheckAlgorithm, validator.CheckProvider, validator.CheckKey,
		validator.CheckSignature, validator.CheckExpiry, validator.CheckNotBefore, validator.CheckFilter, validator.CheckIdentity}
	for i, r := range rows {
		if seen[r.Name] || r.Name == "" || strings.Trim(r.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("name %q is not a name of its own", r.Name)
		}
		seen[r.Name] = true
		if r.Summary == "" || !strings.HasPrefix(r.Rule, "RFC ") {
			t.Errorf("%s: summary %q, rule %q", r.Name, r.Summary, r.Rule)
		}
		if r.Lenient != (r.Excuse != "") || (r.Check == "" && !r.Lenient) != (i == 0) {
			t.Errorf("%s: check %q, lenient %t, excuse %q", r.Name, r.Check, r.Lenient, r.Excuse)
		}
		if r.Check != "" && !slices.Contains(checks, r.Check) {
			t.Errorf("%s: there is no check %q before the pool", r.Name, r.Check)
		}
	}
	if names := forge.Names(); len(names) != len(rows) || names[0] != "valid" || len(names) < 60 {
		t.Errorf("%d names for %d rows, the first is %q", len(names), len(rows), names[0])
	}
	for _, check := range checks {
		if !slices.ContainsFunc(rows, func(r forge.Row) bool { return r.Check == check && !r.Lenient }) && check != validator.CheckFilter && check != validator.CheckIdentity {
			t.Errorf("no strict twin is for the check %s", check)
		}
	}
}

// All twins differ, from the valid token and from each other, and can be sent as
// JSON.
func TestTwinsDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, tok := range newStand(t).all(t) {
		if other, ok := seen[tok.Token]; ok {
			t.Errorf("%s is the same token as %s", tok.Name, other)
		}
		seen[tok.Token] = tok.Name
		if !utf8.ValidString(tok.Token) {
			t.Errorf("%s is no UTF-8", tok.Name)
		}
	}
}

// The same Source gives the same tokens, one by one or all together.
func TestDeterministic(t *testing.T) {
	s := newStand(t)
	for _, tok := range s.all(t) {
		again, err := forge.Make(s.source, tok.Name)
		if err != nil || again != tok {
			t.Errorf("%s made again is another: %v", tok.Name, err)
		}
	}
	made := 0
	for range forge.Seq(s.source) {
		if made++; made == 3 {
			break
		}
	}
	if made != 3 {
		t.Errorf("%d tokens were made before the end, want 3", made)
	}
}

func BenchmarkAll(b *testing.B) {
	s := newStand(b)
	for b.Loop() {
		if _, err := forge.All(s.source); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(forge.Names())), "tokens")
}
