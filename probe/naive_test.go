package probe_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/idpool/idpool/probe"
)

// naive is an API as people write one in a hurry: a handler that panics or not.
func naive(t *testing.T, letsIn func(token string) bool) probe.HTTP {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !letsIn(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	s.Config.ErrorLog = quiet()
	s.Start()
	t.Cleanup(s.Close)
	return probe.HTTP{URL: s.URL}
}

// careless reads the claims and trusts their types.
func careless(issuer string) func(token string) bool {
	return func(token string) bool {
		_, c, ok := read(token)
		return ok && c["exp"].(float64) > float64(time.Now().Unix()) && c["iss"].(string) == issuer && c["aud"].(string) == acmeAPI
	}
}

// by names of tokens, what became of them.
func verdicts(r probe.Report) map[string]probe.Result {
	all := map[string]probe.Result{}
	for _, one := range r.Results {
		all[one.Name] = one
	}
	return all
}

// An API that panics on odd claims was given up after three of them, and so the
// forged signatures and "none" were never sent, which it lets in.
func TestAnAPIThatPanicsIsProbedToTheEnd(t *testing.T) {
	p := newProvider(t)
	r := probe.Run(t.Context(), naive(t, careless(p.issuer)), p.tokens, probe.Config{Audience: true})
	got := verdicts(r)
	if r.Problem != "" || r.Conclusion != probe.Failed || len(r.Results) != len(p.tokens) || r.Counts.Untried > 3 {
		t.Errorf("%s, problem %q, %d of %d tokens, %d not sent", r.Conclusion, r.Problem, len(r.Results), len(p.tokens), r.Counts.Untried)
	}
	for name, want := range map[string]probe.Outcome{
		"alg-none": probe.Wrong, "signature-bit": probe.Wrong, "kid-unknown": probe.Wrong,
		"exp-missing": probe.Unanswered, "exp-string": probe.Unanswered, "audience-missing": probe.Unanswered, "expired": probe.Right,
	} {
		if got[name].Outcome != want {
			t.Errorf("%s: %+v, want %s", name, got[name], want)
		}
	}
	if s := r.Sentence(); !strings.Contains(s, "no answer to ") {
		t.Errorf("the sentence says nothing of the tokens without an answer: %s", s)
	}
}

// TestAnAPIThatPanicsAndVerifies: what got no answer was not let in, and not
// refused either.
func TestAnAPIThatPanicsAndVerifies(t *testing.T) {
	p := newProvider(t)
	verifier, claims := p.verifier(t, oidc.Config{}), careless(p.issuer)
	api := naive(t, func(token string) bool {
		_, err := verifier.Verify(t.Context(), token)
		return claims(token) && err == nil
	})
	r := probe.Run(t.Context(), api, p.tokens, probe.Config{Audience: true})
	if r.Conclusion != probe.Unproved || r.Problem != "" || r.Counts.Wrong > 0 || r.Counts.Unanswered < 3 {
		got, _ := text(r)
		t.Errorf("%s, %+v\n%s", r.Conclusion, r.Counts, got)
	}
}

// TestAnAPIWithoutSignatures lets in what somebody else has signed, and no more.
func TestAnAPIWithoutSignatures(t *testing.T) {
	p := newProvider(t)
	r := probe.Run(t.Context(), naive(t, func(token string) bool {
		_, c, ok := read(token)
		exp, _ := c["exp"].(float64)
		return ok && c["iss"] == p.issuer && c["aud"] == acmeAPI && exp > float64(time.Now().Unix())
	}), p.tokens, probe.Config{Audience: true})
	got := verdicts(r)
	for name, want := range map[string]probe.Verdict{"alg-none": probe.Accepted, "signature-bit": probe.Accepted, "expired": probe.Refused, "audience-wrong": probe.Refused} {
		if got[name].Verdict != want {
			t.Errorf("%s: %+v, want %s", name, got[name], want)
		}
	}
	if s := r.Sentence(); r.Conclusion != probe.Failed || strings.Contains(s, "protected at all") || strings.Contains(s, "no answer") {
		t.Errorf("%s: %s", r.Conclusion, s)
	}
}

// An API that lets everything in was not asked whether it is protected at all,
// since some of the tokens may be let in.
func TestAnAPIThatAsksNobody(t *testing.T) {
	p := newProvider(t)
	for name, longest := range map[string]int{"everything": 1 << 30, "a server that refuses long headers": 8 << 10} {
		r := probe.Run(t.Context(), naive(t, func(token string) bool { return len(token) < longest }), p.tokens, probe.Config{Audience: true})
		if s := r.Sentence(); r.Conclusion != probe.Failed || !strings.HasSuffix(s, ", with a note: is the target protected at all?") {
			t.Errorf("%s: %s: %s", name, r.Conclusion, s)
		}
	}
}

// TestNoAnswerIsAFindingOfItsOwn, in each form of the report.
func TestNoAnswerIsAFindingOfItsOwn(t *testing.T) {
	crashing := naive(t, func(token string) bool {
		if token == "expired" {
			panic("exp is no number")
		}
		return token == "valid"
	})
	r := probe.Run(t.Context(), crashing, matrix(), probe.Config{})
	for format, tc := range map[string]struct {
		write func(probe.Report) (string, error)
		want  []string
	}{
		"text": {text, []string{"  ? expired  no answer  the connection was closed, as by a target that crashes on the token: Get \"" + crashing.URL,
			"✗ NOT PROVED: no answer to 1 of 3 broken tokens: expired\n"}},
		"json":  {asJSON, []string{`"outcome": "unanswered"`, `"verdict": "no answer"`, `"unanswered": 1`, `"undecided": 0`}},
		"junit": {asJUnit, []string{`errors="1"`, `<error message="no answer: the connection was closed`, `type="unanswered"`}},
	} {
		got, err := tc.write(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tc.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %s in\n%s", format, want, got)
			}
		}
	}
}
