package probe

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/idpool/idpool/forge"
)

// Outcome compares what a target made of a token with what it should have.
type Outcome string

// The outcomes.
const (
	// Right: a valid token was let in, or a broken one refused.
	Right Outcome = "right"
	// Wrong: a broken token was let in, or a valid one refused, or the target
	// asked a URL that a token named.
	Wrong Outcome = "wrong"
	// Noted: a token was let in that some may let in with reason.
	Noted Outcome = "noted"
	// Undecided: the target's answer says neither.
	Undecided Outcome = "undecided"
	// Unanswered: the target gave no answer, as one that crashes on the token. It
	// was not let in, as far as anybody can tell, and not refused either.
	Unanswered Outcome = "unanswered"
	// Untried: the token was not sent.
	Untried Outcome = "untried"
)

// Conclusion is what a run has shown.
type Conclusion string

// The conclusions.
const (
	// Passed: the valid tokens were let in and all broken ones refused.
	Passed Conclusion = "passed"
	// Failed: the target let in what it must refuse, or not what it must let in.
	Failed Conclusion = "failed"
	// Unproved: the target may be right or not: the valid token was refused, or
	// some of the broken ones got no clear answer, or none.
	Unproved Conclusion = "unproved"
)

// Result is what became of a token.
type Result struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	Valid   bool   `json:"valid,omitempty"`
	Lenient bool   `json:"lenient,omitempty"`
	// Check must refuse the token, by Rule; empty for a valid one.
	Check string `json:"check,omitempty"`
	Rule  string `json:"rule,omitempty"`
	// Excuse is why a lenient one may be let in.
	Excuse string `json:"excuse,omitempty"`
	// Outcome is what the answer means for this token.
	Outcome Outcome `json:"outcome"`
	Answer
	// Asked says that the target asked the Lure, as the token wanted.
	Asked bool `json:"asked,omitempty"`
	// Took is how long the answer took; "1.2ms" in JSON.
	Took time.Duration `json:"-"`
	// Token is the token itself, where the Config shows it.
	Token string `json:"token,omitempty"`
}

// describe is what is known of a token before it is sent.
func describe(t forge.Token) Result {
	return Result{Name: t.Name, Summary: t.Summary, Valid: t.Valid, Lenient: t.Lenient, Check: t.Check, Rule: t.Rule, Excuse: t.Excuse}
}

// MarshalJSON writes the duration as Go does.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result // without this method
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // that is for the encoder around it to say
	err := encoder.Encode(struct {
		plain
		Took string `json:"took,omitempty"`
	}{plain(r), r.Took.Round(time.Microsecond).String()})
	return text.Bytes(), err
}

// Counts are how many tokens had which outcome.
type Counts struct {
	Tokens    int `json:"tokens"`
	Right     int `json:"right"`
	Wrong     int `json:"wrong"`
	Noted     int `json:"noted"`
	Undecided int `json:"undecided"`
	// Unanswered is how many the target gave no answer to.
	Unanswered int `json:"unanswered"`
	Untried    int `json:"untried"`
}

// Report is what a run has found.
type Report struct {
	// Target is what was probed, for people.
	Target  string        `json:"target"`
	Started time.Time     `json:"started"`
	Took    time.Duration `json:"-"`
	// Conclusion is the one word.
	Conclusion Conclusion `json:"conclusion"`
	// Problem is why the run is not whole; empty when it is. What was let in
	// wrongly until then is found all the same.
	Problem string `json:"problem,omitempty"`
	// Check is what to look at when there is a Problem.
	Check   []string `json:"check,omitempty"`
	Counts  Counts   `json:"counts"`
	Results []Result `json:"results"`
}

// conclude counts and draws the conclusion.
func (r *Report) conclude() {
	r.Counts = Counts{Tokens: len(r.Results)}
	counts := map[Outcome]*int{Right: &r.Counts.Right, Wrong: &r.Counts.Wrong, Noted: &r.Counts.Noted,
		Undecided: &r.Counts.Undecided, Unanswered: &r.Counts.Unanswered, Untried: &r.Counts.Untried}
	for _, one := range r.Results {
		*counts[one.Outcome]++
	}
	// The valid token that was refused first is why nothing is proved, and not
	// what the target has done wrong: more likely it does not trust idpool.
	control := len(r.Results) > 0 && r.Results[0].Verdict == Accepted
	switch {
	case control && r.Counts.Wrong > 0:
		r.Conclusion = Failed
	case r.Problem != "" || r.Counts.Undecided > 0 || r.Counts.Unanswered > 0:
		r.Conclusion = Unproved
	default:
		r.Conclusion = Passed
	}
}

// untried adds the tokens that were not sent, all but one.
func (r *Report) untried(tokens []forge.Token, but int) {
	for i, t := range tokens {
		if i != but {
			result := describe(t)
			result.Outcome, result.Answer = Untried, Answer{Verdict: Unclear, Said: "not sent"}
			r.Results = append(r.Results, result)
		}
	}
}

// Of are the results with an outcome.
func (r Report) Of(o Outcome) []Result {
	var found []Result
	for _, one := range r.Results {
		if one.Outcome == o {
			found = append(found, one)
		}
	}
	return found
}

// letIn is how many of those were let in, wrongly or with a note.
func (r Report) letIn() int {
	n := 0
	for _, one := range r.Results {
		if !one.Valid && one.Verdict == Accepted {
			n++
		}
	}
	return n
}

// open says whether the target looks at no token: a server before it may still
// refuse the few that are too long.
func (r Report) open() bool { return r.letIn() >= r.broken()-r.broken()/30 }

// broken is how many tokens the target should have refused and was sent.
func (r Report) broken() int {
	n := 0
	for _, one := range r.Results {
		if !one.Valid && one.Outcome != Untried {
			n++
		}
	}
	return n
}

// WriteJSON writes the report as a JSON object.
func (r Report) WriteJSON(w io.Writer) error {
	type plain Report
	if r.Results == nil {
		r.Results = []Result{}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		plain
		Took string `json:"took"`
	}{plain(r), r.Took.Round(time.Microsecond).String()})
}

// toCheck is what to look at when a valid token is refused: what it says, beside
// where a target says what it trusts.
func toCheck(token string) []string {
	all := []string{"the target trusts the keys that signed the token: those of a running \"idpool serve\" with the same config"}
	var claims struct {
		Issuer   string `json:"iss"`
		Audience any    `json:"aud"`
		Version  string `json:"ver"`
	}
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		raw, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil || json.Unmarshal(raw, &claims) != nil {
			return all
		}
	}
	if claims.Issuer != "" {
		all = append(all, fmt.Sprintf("the issuer that it trusts is that of the token, to the letter: iss %q", claims.Issuer))
	}
	if claims.Audience != nil {
		all = append(all, fmt.Sprintf("the audience that it expects is that of the token: aud %q", fmt.Sprint(claims.Audience)))
	}
	all = append(all, "its clock is this machine's (of an idpool serve, `idpool clock` shows it)")
	return append(all, "the client of the token may do what is asked: roles, scopes, identity pool and cluster")
}
