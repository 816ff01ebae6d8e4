package probe

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// What Jenkins and those like it read: the elements and attributes of its
// schema junit-10.xsd, and no others. Times are seconds with three digits.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
		Out       string      `xml:"system-out,omitempty"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		Time      string        `xml:"time,attr"`
		Skipped   *junitMessage `xml:"skipped"`
		Error     *junitMessage `xml:"error"`
		Failure   *junitMessage `xml:"failure"`
		Out       string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the report as JUnit XML: a test case for each token, where a
// failure is what the target did wrong and an error what nobody can tell, and
// one more for the run as a whole, so that a probe without a result is never
// taken for one that passed.
func (r Report) WriteJUnit(w io.Writer) error {
	const name = "idpool probe"
	suite := junitSuite{Name: name + ": " + r.Target, Time: seconds(r.Took), Timestamp: r.Started.Format("2006-01-02T15:04:05"), Out: r.Sentence()}
	suite.add(r.whole())
	for _, one := range r.Results {
		suite.add(one.junit())
	}
	suites := junitSuites{Name: name, Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Time: suite.Time, Suites: []junitSuite{suite}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(suites); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// class is the class that the cases belong to.
const class = "idpool.probe"

// add counts a case in.
func (s *junitSuite) add(c junitCase) {
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// whole is the case of the run.
func (r Report) whole() junitCase {
	c := junitCase{Name: "the probe is complete", Classname: class, Time: seconds(r.Took)}
	if r.Problem != "" {
		c.Error = &junitMessage{Message: r.Problem, Type: string(Unproved), Text: strings.Join(r.Check, "\n")}
	}
	return c
}

// junit is the case of a token.
func (r Result) junit() junitCase {
	c := junitCase{Name: r.Name, Classname: class, Time: seconds(r.Took)}
	m := &junitMessage{Message: fmt.Sprintf("%s: %s", r.Verdict, r.words()), Type: string(r.Outcome), Text: strings.Join(r.about(), "\n")}
	switch r.Outcome {
	case Wrong:
		c.Failure = m
	case Undecided, Unanswered:
		c.Error = m
	case Untried:
		c.Skipped = m
	default:
		c.Out = strings.Join(append([]string{m.Message}, r.about()...), "\n")
	}
	if r.Token != "" {
		c.Out = strings.TrimPrefix(c.Out+"\n"+r.Token, "\n")
	}
	return c
}

// seconds is a duration as JUnit has it.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
