package journal

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// String is one line for people, such as
//
//	12:00:01 token 401 AADSTS7000215 invalid_client tenant=67e9… client_id=75f2… took=1.2ms
//
// The time is in UTC, and the names are those of the log: client_id is who the
// client says it is, and client its address. What a client sent is quoted when it has more than
// letters, so that no line breaks and no terminal obeys it.
func (e Entry) String() string {
	line := e.Time.UTC().Format(time.TimeOnly) + " " + word(e.Endpoint) + " " + e.verdict()
	if rest := e.rest(); rest != "" {
		line += " " + rest
	}
	return line
}

// Print writes one aligned line for each entry, with its ID.
func Print(w io.Writer, entries []Entry) {
	var text bytes.Buffer
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, e := range entries {
		fmt.Fprintf(columns, "#%d\t%s\t%s\t%s\t%s\n", e.ID, e.Time.UTC().Format(time.TimeOnly), word(e.Endpoint), e.verdict(), e.rest())
	}
	columns.Flush()
	for line := range bytes.Lines(text.Bytes()) { // an empty last column leaves blanks
		w.Write(append(bytes.TrimRight(line, " \n"), '\n'))
	}
}

// verdict is the status; the outcome where there is no status, and both where
// the status alone would mislead, as of a body that was cut.
func (e Entry) verdict() string {
	switch {
	case e.Status == 0:
		return word(e.Outcome)
	case e.Outcome == "" || e.Outcome == implied(e.Status):
		return strconv.Itoa(e.Status)
	}
	return strconv.Itoa(e.Status) + " " + word(e.Outcome)
}

// implied is the outcome that a status stands for.
func implied(status int) string {
	switch {
	case status >= 500:
		return OutcomeFailed
	case status >= 400:
		return OutcomeRefused
	}
	return OutcomeOK
}

// rest is all of the line that is not in every entry.
func (e Entry) rest() string {
	var parts []string
	if e.AADSTS != 0 {
		parts = append(parts, "AADSTS"+strconv.Itoa(e.AADSTS))
	}
	if e.Error != "" {
		parts = append(parts, word(e.Error))
	}
	if e.Endpoint == EndpointOther && e.Path != "" { // the others are known by their name
		parts = append(parts, word(e.Method), word(e.Path))
	}
	for _, p := range []struct{ name, value string }{
		{"check", e.Check}, {"cause", e.Cause}, {"principal", e.Principal}, {"identity", e.Identity},
		{"cluster", e.Cluster}, {"pools", strings.Join(e.Pools, ",")}, {"operation", e.Operation}, {"resource", e.Resource}, {"tenant", e.Tenant}, {"client_id", e.ClientID},
		{"scope", e.Scope}, {"fault", e.Fault}, {"request", e.RequestID}, {"client", e.Client}, {"detail", e.Detail},
	} {
		if p.value != "" {
			parts = append(parts, p.name+"="+word(p.value))
		}
	}
	if e.Duration != 0 {
		parts = append(parts, "took="+rounded(e.Duration).String())
	}
	return strings.Join(parts, " ")
}

// rounded is the duration to three digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d.Abs()/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// word is a value as a line may have it: quoted when it is empty, or when it
// has blanks, quotes or what is not printable.
func word(s string) string {
	strange := func(r rune) bool {
		return r == '"' || r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}
	if s == "" || strings.ContainsFunc(s, strange) {
		return strconv.Quote(s)
	}
	return s
}
