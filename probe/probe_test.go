package probe_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/probe"
)

// target is a function as a target that keeps what it was sent.
type target struct {
	try  func(ctx context.Context, token string) (probe.Answer, error)
	sent []string
}

func (t *target) String() string { return "the target" }

func (t *target) Try(ctx context.Context, token string) (probe.Answer, error) {
	t.sent = append(t.sent, token)
	return t.try(ctx, token)
}

// lets is a target that lets in these tokens and refuses all others.
func lets(tokens ...string) *target {
	return &target{try: func(_ context.Context, token string) (probe.Answer, error) {
		if slices.Contains(tokens, token) {
			return probe.Answer{Verdict: probe.Accepted, Said: "come in"}, nil
		}
		return probe.Answer{Verdict: probe.Refused, Said: "go away"}, nil
	}}
}

// matrix is a small one: the token of each is its name.
func matrix() []forge.Token {
	return []forge.Token{
		{Name: "valid", Token: "valid", Summary: "the token itself", Valid: true},
		{Name: "alg-none", Token: "alg-none", Summary: "an unsigned token", Check: "algorithm", Rule: "RFC 8725 3.1"},
		{Name: "expired", Token: "expired", Summary: "a token of yesterday", Check: "expiry", Rule: "RFC 7519 4.1.4"},
		{Name: "no-iat", Token: "no-iat", Summary: "a token without iat", Check: "", Rule: "RFC 7519 4.1.6", Lenient: true, Excuse: "iat is optional"},
	}
}

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name       string
		target     *target
		config     probe.Config
		conclusion probe.Conclusion
		outcomes   string
	}{
		{"refuses all", lets("valid"), probe.Config{}, probe.Passed, "right right right right"},
		{"lets in a lenient one", lets("valid", "no-iat"), probe.Config{}, probe.Passed, "right right right noted"},
		{"lets in a lenient one, strictly", lets("valid", "no-iat"), probe.Config{Strict: true}, probe.Failed, "right right right wrong"},
		{"lets in an expired one", lets("valid", "expired"), probe.Config{}, probe.Failed, "right right wrong right"},
		{"lets in everything", lets("valid", "alg-none", "expired", "no-iat"), probe.Config{}, probe.Failed, "right wrong wrong noted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var seen []string
			tc.config.Seen = func(r probe.Result) { seen = append(seen, r.Name) }
			r := probe.Run(t.Context(), tc.target, matrix(), tc.config)
			if r.Conclusion != tc.conclusion || outcomes(r) != tc.outcomes || r.Problem != "" {
				t.Errorf("%s, %s, problem %q, want %s, %s and none", r.Conclusion, outcomes(r), r.Problem, tc.conclusion, tc.outcomes)
			}
			// The valid one is sent before the others and after them.
			if want := "valid alg-none expired no-iat valid"; strings.Join(tc.target.sent, " ") != want {
				t.Errorf("sent %q, want %q", tc.target.sent, want)
			}
			if strings.Join(seen, " ") != "valid alg-none expired no-iat" || r.Target != "the target" {
				t.Errorf("seen %q of %q", seen, r.Target)
			}
		})
	}
}

func outcomes(r probe.Report) string {
	var all []string
	for _, one := range r.Results {
		all = append(all, string(one.Outcome))
	}
	return strings.Join(all, " ")
}

// TestNothingIsProved: a target that refuses everybody is no success, and is
// sent no broken tokens.
func TestNothingIsProved(t *testing.T) {
	answers := map[string]func() (probe.Answer, error){
		"go away": func() (probe.Answer, error) { return probe.Answer{Verdict: probe.Refused, Said: "go away"}, nil },
		"503 (failing)": func() (probe.Answer, error) {
			return probe.Answer{Verdict: probe.Unclear, Said: "503", Note: "failing"}, nil
		},
		"nobody there": func() (probe.Answer, error) { return probe.Answer{}, errors.New("nobody there") },
	}
	for said, answer := range answers {
		closed := &target{try: func(context.Context, string) (probe.Answer, error) { return answer() }}
		r := probe.Run(t.Context(), closed, matrix(), probe.Config{})
		if r.Conclusion != probe.Unproved || r.Problem != "the valid token was not let in: "+said {
			t.Errorf("%s: %q", r.Conclusion, r.Problem)
		}
		if len(closed.sent) != 1 || len(r.Results) != 1 {
			t.Errorf("%s: sent %q after the valid token was refused", said, closed.sent[1:])
		}
		if !strings.HasPrefix(r.Sentence(), "✗ NOTHING IS PROVED: ") {
			t.Errorf("the sentence is %q", r.Sentence())
		}
	}
}

// TestWhatToCheck: of the token that is refused, what a target compares. One
// that is not there compares nothing.
func TestWhatToCheck(t *testing.T) {
	// {"iss":"https://issuer.example/v2.0","aud":"api","exp":1}
	const token = "e30.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlL3YyLjAiLCJhdWQiOiJhcGkiLCJleHAiOjF9.c2ln"
	r := probe.Run(t.Context(), lets(), []forge.Token{{Name: "valid", Token: token, Valid: true}}, probe.Config{})
	text := strings.Join(r.Check, "\n")
	for _, want := range []string{`iss "https://issuer.example/v2.0"`, `aud "api"`, "idpool serve"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	gone := &target{try: func(context.Context, string) (probe.Answer, error) { return probe.Answer{}, errors.New("gone") }}
	if r := probe.Run(t.Context(), gone, matrix(), probe.Config{}); len(r.Check) > 0 {
		t.Errorf("of a target that is gone: %q", r.Check)
	}
}

func TestNoValidToken(t *testing.T) {
	all := lets("alg-none")
	r := probe.Run(t.Context(), all, matrix()[1:], probe.Config{})
	if r.Conclusion != probe.Unproved || !strings.Contains(r.Problem, "no valid token") || len(all.sent) > 0 {
		t.Errorf("%s, %q, sent %q", r.Conclusion, r.Problem, all.sent)
	}
}

// TestLockedOut: a target that refuses everybody after so many failures has
// refused the later tokens for that.
func TestLockedOut(t *testing.T) {
	forgiving := lets("valid")
	try := forgiving.try
	forgiving.try = func(ctx context.Context, token string) (probe.Answer, error) {
		if len(forgiving.sent) > 3 {
			return probe.Answer{Verdict: probe.Refused, Said: "locked out"}, nil
		}
		return try(ctx, token)
	}
	r := probe.Run(t.Context(), forgiving, matrix(), probe.Config{})
	if r.Conclusion != probe.Unproved || r.Problem != "the valid token, sent again after the others: not let in: locked out" {
		t.Errorf("%s: %q", r.Conclusion, r.Problem)
	}
	if len(r.Check) != 1 || !strings.Contains(r.Check[0], "more slowly") {
		t.Errorf("check %q", r.Check)
	}
}

// TestGivesUp: a target that has gone is not asked a token at a time.
func TestGivesUp(t *testing.T) {
	tokens := matrix()
	for _, name := range []string{"a", "b", "c"} {
		tokens = append(tokens, forge.Token{Name: name, Token: name, Check: "format"})
	}
	for _, tc := range []struct {
		name              string
		answers           int // of the valid token
		problem, outcomes string
		sent              string
	}{
		{"gone", 1, "the target did not answer 3 times in a row and then did not let in the valid token (connection refused): given up after 4 of 7 tokens",
			"right unanswered unanswered unanswered untried untried untried", "valid alg-none expired no-iat valid"},
		{"there, but not for these tokens", 3, "",
			"right unanswered unanswered unanswered unanswered unanswered unanswered", "valid alg-none expired no-iat valid a b c valid"},
	} {
		left := tc.answers
		silent := &target{try: func(_ context.Context, token string) (probe.Answer, error) {
			if token == "valid" {
				left--
			}
			if token != "valid" || left < 0 {
				return probe.Answer{}, errors.New("connection refused")
			}
			return probe.Answer{Verdict: probe.Accepted}, nil
		}}
		r := probe.Run(t.Context(), silent, tokens, probe.Config{})
		if r.Conclusion != probe.Unproved || r.Problem != tc.problem || outcomes(r) != tc.outcomes {
			t.Errorf("%s: %s, %s, problem %q, want %s and %q", tc.name, r.Conclusion, outcomes(r), r.Problem, tc.outcomes, tc.problem)
		}
		if got := strings.Join(silent.sent, " "); got != tc.sent {
			t.Errorf("%s: sent %s, want %s", tc.name, got, tc.sent)
		}
	}
}

// A target that answers the valid token and hangs on the others cost the time of a
// token each, three quarters of an hour in all.
func TestMaxTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hanging := &target{try: func(ctx context.Context, token string) (probe.Answer, error) {
			if token == "valid" {
				return probe.Answer{Verdict: probe.Accepted}, nil
			}
			<-ctx.Done()
			return probe.Answer{}, ctx.Err()
		}}
		var many []forge.Token
		many = append(many, matrix()...)
		for range 300 {
			many = append(many, matrix()[1])
		}
		for limit, want := range map[time.Duration]string{
			0:                "more than 10m0s in all after 87 of 304 tokens", // the last is cut short
			10 * time.Second: "more than 10s in all after 3 of 304 tokens",
		} {
			r := probe.Run(t.Context(), hanging, many, probe.Config{Timeout: 7 * time.Second, MaxTime: limit})
			if r.Conclusion != probe.Unproved || r.Problem != want || len(r.Check) != 1 || !strings.Contains(r.Check[0], "--max-time") {
				t.Errorf("%v: %s, %q, check %q, want %q", limit, r.Conclusion, r.Problem, r.Check, want)
			}
		}
	})
}

// TestFoundBeforeTheEnd: what was let in is found, whatever happens then.
func TestFoundBeforeTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	weak := lets("valid", "alg-none")
	try := weak.try
	weak.try = func(ctx context.Context, token string) (probe.Answer, error) {
		if token == "alg-none" {
			cancel()
		}
		return try(ctx, token)
	}
	r := probe.Run(ctx, weak, matrix(), probe.Config{})
	if r.Conclusion != probe.Failed || r.Problem != "interrupted after 2 of 4 tokens" {
		t.Errorf("%s: %q", r.Conclusion, r.Problem)
	}
	if want := "right wrong untried untried"; outcomes(r) != want {
		t.Errorf("%s, want %s", outcomes(r), want)
	}
}

// TestTime: a token has so much of it, and the next is sent after a pause.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &target{try: func(ctx context.Context, token string) (probe.Answer, error) {
			if token == "expired" {
				<-ctx.Done()
				return probe.Answer{}, ctx.Err()
			}
			return lets("valid").try(ctx, token)
		}}
		r := probe.Run(t.Context(), slow, matrix(), probe.Config{Pause: time.Second, Timeout: 5 * time.Second})
		if r.Conclusion != probe.Unproved || outcomes(r) != "right right unanswered right" {
			t.Errorf("%s, %s", r.Conclusion, outcomes(r))
		}
		if late := r.Results[2]; late.Said != "no answer within 5s" || late.Took != 5*time.Second {
			t.Errorf("%q after %v", late.Said, late.Took)
		}
		if want := 5*time.Second + 4*time.Second; r.Took != want {
			t.Errorf("took %v, want %v", r.Took, want)
		}
	})
}

// TestTokensStaySecret: whoever reads a report could use a token that was let
// in, and a target may repeat what it was sent.
func TestTokensStaySecret(t *testing.T) {
	tokens := []forge.Token{
		{Name: "valid", Token: "eyJ2YWxpZA.e30.c2ln", Valid: true},
		{Name: "broken", Token: "eyJicm9rZW4.e30.c2ln", Check: "format"},
	}
	echo := &target{try: func(_ context.Context, token string) (probe.Answer, error) {
		return probe.Answer{Verdict: probe.Accepted, Said: "I got\x1b[31m " + token + "\n" + strings.Repeat("é", 400)}, nil
	}}
	for _, show := range []bool{false, true} {
		r := probe.Run(t.Context(), echo, tokens, probe.Config{ShowTokens: show})
		for format, write := range map[string]func(probe.Report) (string, error){"text": text, "json": asJSON, "junit": asJUnit} {
			report, err := write(r)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(report, tokens[1].Token); got != show {
				t.Errorf("%s: has the token: %v, want %v\n%s", format, got, show, report)
			}
			if strings.ContainsRune(report, '\x1b') || !strings.Contains(report, "(the token)") || !strings.Contains(report, "é…") {
				t.Errorf("%s: what the target said was not made fit to print:\n%s", format, report)
			}
		}
	}
}

// TestUnsendable: what the protocol cannot carry was not let in, nor refused.
func TestUnsendable(t *testing.T) {
	narrow := lets("valid")
	try := narrow.try
	narrow.try = func(ctx context.Context, token string) (probe.Answer, error) {
		if token == "expired" {
			return probe.Answer{Verdict: probe.Unsendable, Said: "too odd"}, nil
		}
		return try(ctx, token)
	}
	r := probe.Run(t.Context(), narrow, matrix(), probe.Config{})
	if r.Conclusion != probe.Passed || outcomes(r) != "right right untried right" {
		t.Errorf("%s, %s", r.Conclusion, outcomes(r))
	}
	if want := "✓ passed: the valid token was let in and 2 broken ones were refused; not sent: expired"; r.Sentence() != want {
		t.Errorf("%q, want %q", r.Sentence(), want)
	}
}
