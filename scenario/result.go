package scenario

import (
	"fmt"
	"slices"
	"strings"
)

// Result is what came out of a scenario, and whether it was as written.
type Result struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	// Seen is what happened when it was broken, SeenHealed when it was healed.
	Seen       Outcome `json:"seen"`
	SeenHealed Outcome `json:"seenHealed"`
	// Broken compares what the customer saw with what is written, Explained the
	// causes; Healed says whether the client got in in the end.
	Broken    Verdict `json:"broken"`
	Explained Verdict `json:"explained"`
	Healed    Verdict `json:"healed"`
}

// AsWritten says whether all three were.
func (r Result) AsWritten() bool {
	return r.Broken.AsWritten && r.Explained.AsWritten && r.Healed.AsWritten
}

// Verdict is a comparison with what is written.
type Verdict struct {
	AsWritten bool `json:"asWritten"`
	// Differences are sentences with what came and what was wanted; empty when
	// it is as written.
	Differences []string `json:"differences,omitempty"`
}

// verdict collects differences.
func (v *Verdict) differ(format string, args ...any) {
	v.Differences = append(v.Differences, fmt.Sprintf(format, args...))
}

func (v *Verdict) done() Verdict {
	v.AsWritten = len(v.Differences) == 0
	return *v
}

// compare compares what was seen with what must be.
func (e Expectation) compare(o Outcome) Verdict {
	var v Verdict
	if e.Allowed != o.Allowed {
		v.differ("the client was %s, want it %s%s", letIn(o.Allowed), letIn(e.Allowed), o.because())
	}
	if e.AADSTS != o.AADSTS && (e.AADSTS != 0 || e.Check != "") {
		v.differ("the token endpoint answered %s, want %s", aadsts(o.AADSTS), aadsts(e.AADSTS))
	}
	if got := o.Check(); e.Check != "" && got != e.Check {
		v.differ("the first failed check is %s, want %q%s", orNone(got), e.Check, o.because())
	}
	if e.Client != "" && !strings.Contains(o.Said, e.Client) {
		v.differ("the client's log has %q, want %q in it", o.Said, e.Client)
	}
	if e.Config != "" && (o.By != ByConfig || !strings.Contains(o.Said, e.Config)) {
		v.differ("the config is refused with %q, want %q in it", o.Said, e.Config)
	}
	for _, id := range e.Lint {
		if !slices.Contains(o.lint(), id) {
			v.differ("config check warns of %s, want %s among them", quoted(o.lint()), id)
		}
	}
	return v.done()
}

// compareCauses compares what idpool explains with what it must.
func (s *Scenario) compareCauses(o Outcome) Verdict {
	var v Verdict
	got := o.explained()
	for _, id := range s.Causes {
		if !slices.Contains(got, id) {
			v.differ("explained are %s, want %s among them", quoted(got), id)
		}
	}
	// Warnings have no order of likelihood.
	if len(s.Causes) > 0 && len(o.Causes) > 0 && len(v.Differences) == 0 && o.Causes[0].ID != s.Causes[0] {
		v.differ("the first cause explained is %s, want %s", o.Causes[0].ID, s.Causes[0])
	}
	return v.done()
}

// compareHealed wants the client in, without the warnings that there were.
func (e Expectation) compareHealed(o Outcome) Verdict {
	var v Verdict
	if !o.Allowed {
		v.differ("the client was still refused%s", o.because())
	}
	for _, id := range e.Lint {
		if slices.Contains(o.lint(), id) {
			v.differ("config check still warns of %s", id)
		}
	}
	return v.done()
}

// lint are the ids of the warnings.
func (o Outcome) lint() []string {
	var ids []string
	for _, w := range o.Lint {
		ids = append(ids, w.ID)
	}
	return slices.Compact(ids)
}

// because is the reason of a refusal for the end of a sentence; empty when there
// was none.
func (o Outcome) because() string {
	switch {
	case o.Allowed:
		return ""
	case o.Decision != nil && o.Check() != "":
		failed := o.Decision.Failed()
		return fmt.Sprintf(": %s: %s (got %s, want %s)", failed.Name, failed.Message, orNone(failed.Got), orNone(failed.Want))
	}
	return ": " + o.Said
}

func letIn(allowed bool) string {
	if allowed {
		return "let in"
	}
	return "refused"
}

func aadsts(number int) string {
	if number == 0 {
		return "with a token"
	}
	return fmt.Sprintf("AADSTS%d", number)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return fmt.Sprintf("%q", s)
}
