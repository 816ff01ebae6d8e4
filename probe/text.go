package probe

import (
	"fmt"
	"io"
	"strings"
)

// The marks of a line, by outcome.
var marks = map[Outcome]string{Right: "✓", Wrong: "✗", Noted: "!", Undecided: "?", Unanswered: "?"}

// WriteText writes the report for a person: a line for the valid token and for
// each that went wrong or nobody can tell, those that may be let in by the
// reason, and the conclusion last.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "probe of %s, %d tokens\n\n", r.Target, len(r.Results))
	var shown []Result
	width, verdict := 0, 0
	for _, one := range r.Results {
		if one.Valid || one.Outcome == Wrong || one.Outcome == Undecided || one.Outcome == Unanswered {
			shown = append(shown, one)
			width, verdict = max(width, len(one.Name)), max(verdict, len(one.Verdict))
		}
	}
	for _, one := range shown {
		one.text(&b, width, verdict)
	}
	r.notes(&b)
	if len(shown) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintln(&b, r.Sentence())
	for _, check := range r.Check {
		fmt.Fprintf(&b, "  check that %s\n", check)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text writes a line, and more where something is to be done.
func (r Result) text(b *strings.Builder, width, verdictWidth int) {
	verdict := string(r.Verdict)
	if r.Outcome == Wrong && r.Valid == (r.Verdict == Refused) {
		verdict = strings.ToUpper(verdict)
	}
	fmt.Fprintf(b, "  %s %-*s  %-*s  %s\n", marks[r.Outcome], width, r.Name, verdictWidth, verdict, r.words())
	var more []string
	if r.Outcome != Right && !r.Valid {
		more = r.about()
	}
	if r.Token != "" {
		more = append(more, r.Token)
	}
	for _, line := range more {
		fmt.Fprintf(b, "    %*s  %s\n", width, "", line)
	}
}

// notes writes what was let in with reason, by the reason.
func (r Report) notes(b *strings.Builder) {
	var excuses []string
	names := map[string][]string{}
	for _, one := range r.Of(Noted) {
		if names[one.Excuse] == nil {
			excuses = append(excuses, one.Excuse)
		}
		names[one.Excuse] = append(names[one.Excuse], one.Name)
	}
	for _, excuse := range excuses {
		fmt.Fprintf(b, "  %s let in, as may be: %s\n      %s\n", marks[Noted], excuse, strings.Join(names[excuse], ", "))
	}
}

// about says what a token is, and who must refuse it.
func (r Result) about() []string {
	summary := []string{r.Summary}
	if r.Asked {
		summary = append(summary, "the target asked the URL that the token names for keys")
	}
	check := strings.Trim(strings.TrimSpace(r.Check+", "+r.Rule), ", ")
	switch {
	case r.Valid:
		return append(summary, "must be let in")
	case r.Lenient && r.Outcome == Wrong: // by Config.Strict or Config.Audience
		return append(summary, "must be refused here by: "+check, "some let it in: "+r.Excuse)
	case r.Lenient:
		return append(summary, "may be let in: "+r.Excuse, "refused elsewhere by: "+check)
	}
	return append(summary, "must be refused by: "+check)
}

// Sentence is the conclusion with its numbers. What is not proved is marked like
// what is wrong: who takes it for a success is the worse off.
func (r Report) Sentence() string {
	switch r.Conclusion {
	case Failed:
		return "✗ FAILED: " + r.failures()
	case Unproved:
		return "✗ " + r.unproved()
	}
	said := fmt.Sprintf("✓ passed: the valid token was let in and %d broken ones were refused", r.broken()-r.Counts.Noted)
	if r.Counts.Noted > 0 {
		said += fmt.Sprintf(", %d with a note let in", r.Counts.Noted)
	}
	if r.Counts.Untried > 0 {
		said += fmt.Sprintf("; not sent: %s", names(r.Of(Untried)))
	}
	return said
}

// failures names what was let in, or not.
func (r Report) failures() string {
	var in, out, asked []Result
	for _, one := range r.Of(Wrong) {
		switch {
		case one.Asked && one.Verdict != Accepted:
			asked = append(asked, one)
		case one.Valid:
			out = append(out, one)
		default:
			in = append(in, one)
		}
	}
	var said []string
	if len(in) > 0 {
		said = append(said, fmt.Sprintf("%d of %d broken tokens were let in: %s", len(in), r.broken(), names(in)))
	}
	if len(in) > 1 && r.open() {
		said = append(said, r.all(len(in))+": is the target protected at all?")
	}
	if len(asked) > 0 {
		said = append(said, "the target asked a URL that a token named: "+names(asked))
	}
	if len(out) > 0 {
		said = append(said, fmt.Sprintf("valid tokens were refused: %s", names(out)))
	}
	return strings.Join(append(said, r.unknown()...), "; ")
}

// all says that everything was let in, or nearly, of which so many were wrong.
func (r Report) all(wrong int) string {
	rest := r.broken() - wrong
	switch {
	case rest == 0:
		return "that is all of them"
	case rest == r.Counts.Noted:
		return fmt.Sprintf("and so were the other %d, with a note", rest)
	}
	return fmt.Sprintf("and %d of the other %d, with a note", r.Counts.Noted, rest)
}

// unknown says what nobody can tell, and why the run is not whole.
func (r Report) unknown() []string {
	var said []string
	for _, one := range []struct {
		outcome Outcome
		what    string
	}{{Undecided, "no clear answer"}, {Unanswered, "no answer"}} {
		if results := r.Of(one.outcome); len(results) > 0 {
			said = append(said, fmt.Sprintf("%s to %d of %d broken tokens: %s", one.what, len(results), r.broken(), names(results)))
		}
	}
	if r.Problem != "" {
		said = append(said, r.Problem)
	}
	return said
}

// unproved says why there is no conclusion.
func (r Report) unproved() string {
	if len(r.Results) < 2 || r.Results[0].Verdict != Accepted {
		return "NOTHING IS PROVED: " + r.Problem
	}
	return "NOT PROVED: " + strings.Join(r.unknown(), "; ")
}

// maxNames is how many names a sentence has; the lines above it have the rest.
const maxNames = 20

func names(results []Result) string {
	var all []string
	for _, one := range results[:min(len(results), maxNames)] {
		all = append(all, one.Name)
	}
	said := strings.Join(all, ", ")
	if more := len(results) - maxNames; more > 0 {
		said += fmt.Sprintf(" and %d more", more)
	}
	return said
}
