package probe_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/idpool/idpool/probe"
)

// A target that lets in everything is not answered with a line of 150 names.
func TestSentenceNamesAFew(t *testing.T) {
	for n, want := range map[int]string{2: "let in: t0, t1", 20: ", t19", 23: ", t19 and 3 more"} {
		r := probe.Report{Conclusion: probe.Failed, Results: []probe.Result{{Name: "valid", Valid: true, Outcome: probe.Right}, {Name: "other", Outcome: probe.Right}}}
		for i := range n {
			r.Results = append(r.Results, probe.Result{Name: fmt.Sprintf("t%d", i), Outcome: probe.Wrong, Answer: probe.Answer{Verdict: probe.Accepted}})
		}
		if got := r.Sentence(); !strings.HasSuffix(got, want) {
			t.Errorf("%d: got %q, want it to end with %q", n, got, want)
		}
	}
}
