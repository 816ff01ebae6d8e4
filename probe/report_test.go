package probe_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/probe"
)

func text(r probe.Report) (string, error)    { return written(r.WriteText) }
func asJSON(r probe.Report) (string, error)  { return written(r.WriteJSON) }
func asJUnit(r probe.Report) (string, error) { return written(r.WriteJUnit) }

func written(write func(io.Writer) error) (string, error) {
	var b strings.Builder
	err := write(&b)
	return b.String(), err
}

// ticking is a clock that goes on by 1 ms each time it is asked.
func ticking() func() time.Time {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Millisecond)
		return now
	}
}

// mixed is a run with every outcome but untried.
func mixed(t *testing.T) probe.Report {
	t.Helper()
	some := lets("valid", "alg-none", "no-iat")
	try := some.try
	some.try = func(ctx context.Context, token string) (probe.Answer, error) {
		if token == "expired" {
			return probe.Answer{Verdict: probe.Unclear, Said: "500 <oops> & more", Note: "the target failed"}, nil
		}
		return try(ctx, token)
	}
	return probe.Run(t.Context(), some, matrix(), probe.Config{Now: ticking()})
}

func TestText(t *testing.T) {
	got, err := text(mixed(t))
	if err != nil {
		t.Fatal(err)
	}
	const want = `probe of the target, 4 tokens

  ✓ valid     accepted  come in
  ✗ alg-none  ACCEPTED  come in
              an unsigned token
              must be refused by: algorithm, RFC 8725 3.1
  ? expired   unclear   500 <oops> & more (the target failed)
              a token of yesterday
              must be refused by: expiry, RFC 7519 4.1.4
  ! let in, as may be: iat is optional
      no-iat

✗ FAILED: 1 of 3 broken tokens were let in: alg-none; no clear answer to 1 of 3 broken tokens: expired
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What the run counts as wrong is not said to be a thing that may be let in.
func TestTextOfALenientTokenThatIsWrong(t *testing.T) {
	got, err := text(probe.Run(t.Context(), lets("valid", "no-iat"), matrix(), probe.Config{Strict: true}))
	const want = `
  ✗ no-iat  ACCEPTED  come in
            a token without iat
            must be refused here by: RFC 7519 4.1.6
            some let it in: iat is optional
`
	if err != nil || !strings.Contains(got, want) {
		t.Errorf("%v, want%s in\n%s", err, want, got)
	}
}

// TestSentences: the last line says all that a person must know.
func TestSentences(t *testing.T) {
	late := errors.New("gone")
	silent := lets("valid")
	try := silent.try
	silent.try = func(ctx context.Context, token string) (probe.Answer, error) {
		if token == "expired" {
			return probe.Answer{}, late
		}
		return try(ctx, token)
	}
	for _, tc := range []struct {
		target *target
		want   string
	}{
		{lets("valid"), "✓ passed: the valid token was let in and 3 broken ones were refused"},
		{lets("valid", "no-iat"), "✓ passed: the valid token was let in and 2 broken ones were refused, 1 with a note let in"},
		{lets("valid", "alg-none", "expired"), "✗ FAILED: 2 of 3 broken tokens were let in: alg-none, expired"},
		{silent, "✗ NOT PROVED: no answer to 1 of 3 broken tokens: expired"},
	} {
		if got := probe.Run(t.Context(), tc.target, matrix(), probe.Config{}).Sentence(); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
	open := probe.Run(t.Context(), lets("valid", "alg-none", "expired", "no-iat"), matrix(), probe.Config{Strict: true})
	if got := open.Sentence(); !strings.Contains(got, "3 of 3") || !strings.Contains(got, "is the target protected at all?") {
		t.Errorf("of a target that lets in everything: %q", got)
	}
}

func TestJSON(t *testing.T) {
	got, err := asJSON(mixed(t))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Target, Started, Took, Conclusion string
		Counts                            map[string]int
		Results                           []map[string]any
	}
	if err := json.Unmarshal([]byte(got), &report); err != nil {
		t.Fatal(err)
	}
	if report.Target != "the target" || report.Conclusion != "failed" || report.Started != "2026-11-23T12:00:00.001Z" || report.Took != "9ms" {
		t.Errorf("%+v", report)
	}
	for name, want := range map[string]int{"tokens": 4, "right": 1, "wrong": 1, "noted": 1, "undecided": 1, "untried": 0} {
		if n, there := report.Counts[name]; !there || n != want {
			t.Errorf("count %s: %d, want %d", name, n, want)
		}
	}
	want := map[string]any{"name": "alg-none", "summary": "an unsigned token", "check": "algorithm", "rule": "RFC 8725 3.1",
		"outcome": "wrong", "verdict": "accepted", "said": "come in", "took": "1ms"}
	for name, value := range want {
		if report.Results[1][name] != value {
			t.Errorf("%s: %v, want %v", name, report.Results[1][name], value)
		}
	}
	if len(report.Results[1]) != len(want) {
		t.Errorf("%v, want %v", report.Results[1], want)
	}
	if want := `"said": "500 <oops> & more"`; !strings.Contains(got, want) {
		t.Errorf("people cannot read %s in\n%s", want, got)
	}
	if empty, err := asJSON(probe.Run(t.Context(), lets(), nil, probe.Config{})); err != nil || !strings.Contains(empty, `"results": []`) {
		t.Errorf("without a result: %v\n%s", err, empty)
	}
}

// The elements and attributes of Jenkins's junit-10.xsd that a report may have.
var junitSchema = map[string]struct{ required, optional, children []string }{
	"testsuites": {nil, []string{"name", "time", "tests", "failures", "errors"}, []string{"testsuite"}},
	"testsuite": {[]string{"name", "tests", "failures", "errors"}, []string{"time", "skipped", "timestamp", "hostname", "id", "package"},
		[]string{"properties", "testcase", "system-out", "system-err"}},
	"testcase":   {[]string{"name"}, []string{"time", "classname", "group"}, []string{"skipped", "error", "failure", "system-out", "system-err"}},
	"skipped":    {nil, []string{"type", "message"}, nil},
	"error":      {nil, []string{"type", "message"}, nil},
	"failure":    {nil, []string{"type", "message"}, nil},
	"system-out": {},
}

// checkSchema reads XML as a validator would: every element where it may be,
// with the attributes it must have and no others.
func checkSchema(t *testing.T, document string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(document))
	parents := []string{""}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			checkElement(t, parents[len(parents)-1], e)
			parents = append(parents, e.Name.Local)
		case xml.EndElement:
			parents = parents[:len(parents)-1]
		}
	}
}

func checkElement(t *testing.T, parent string, e xml.StartElement) {
	t.Helper()
	rule, known := junitSchema[e.Name.Local]
	inPlace := parent == "" && e.Name.Local == "testsuites" || slices.Contains(junitSchema[parent].children, e.Name.Local)
	if !known || !inPlace {
		t.Errorf("element %s in %q", e.Name.Local, parent)
	}
	var has []string
	for _, a := range e.Attr {
		has = append(has, a.Name.Local)
		if !slices.Contains(rule.required, a.Name.Local) && !slices.Contains(rule.optional, a.Name.Local) {
			t.Errorf("attribute %s of %s", a.Name.Local, e.Name.Local)
		}
	}
	for _, name := range rule.required {
		if !slices.Contains(has, name) {
			t.Errorf("no attribute %s of %s, which has %q", name, e.Name.Local, has)
		}
	}
}

func TestJUnit(t *testing.T) {
	got, err := asJUnit(mixed(t))
	if err != nil {
		t.Fatal(err)
	}
	checkSchema(t, got)
	for _, want := range []string{
		`<?xml version="1.0" encoding="UTF-8"?>`,
		`<testsuites name="idpool probe" tests="5" failures="1" errors="1" time="0.009">`,
		`<testsuite name="idpool probe: the target" tests="5" failures="1" errors="1" skipped="0" time="0.009" timestamp="2026-11-23T12:00:00">`,
		`<testcase name="the probe is complete" classname="idpool.probe" time="0.009"></testcase>`,
		`<failure message="accepted: come in" type="wrong">an unsigned token&#xA;must be refused by: algorithm, RFC 8725 3.1</failure>`,
		`<error message="unclear: 500 &lt;oops&gt; &amp; more (the target failed)" type="undecided">`,
		`<testcase name="no-iat" classname="idpool.probe" time="0.001">`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// TestJUnitOfNothing: a probe that could not be made is an error in every CI,
// also where nobody looks at the exit code.
func TestJUnitOfNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, r := range map[string]probe.Report{
		"refused":     probe.Run(t.Context(), lets(), matrix(), probe.Config{}),
		"interrupted": probe.Run(ctx, lets("valid"), matrix(), probe.Config{}),
		"no tokens":   probe.Run(t.Context(), lets("valid"), nil, probe.Config{}),
	} {
		got, err := asJUnit(r)
		if err != nil {
			t.Fatal(err)
		}
		checkSchema(t, got)
		var suites struct {
			Errors int `xml:"errors,attr"`
			Suite  struct {
				Skipped int `xml:"skipped,attr"`
				Cases   []struct {
					Name  string `xml:"name,attr"`
					Error *struct {
						Message string `xml:"message,attr"`
					} `xml:"error"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal([]byte(got), &suites); err != nil {
			t.Fatal(err)
		}
		whole := suites.Suite.Cases[0]
		if whole.Name != "the probe is complete" || whole.Error == nil || whole.Error.Message != r.Problem || suites.Errors == 0 {
			t.Errorf("%s: %+v", name, suites)
		}
		if name == "interrupted" && suites.Suite.Skipped != 3 {
			t.Errorf("%d skipped of an interrupted probe, want 3\n%s", suites.Suite.Skipped, got)
		}
	}
}
