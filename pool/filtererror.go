package pool

import (
	"fmt"
	"strings"
)

// FilterError says why a filter does not compile. Error() has the message, the
// line of the filter, a caret under the column and the hint, over several
// lines.
type FilterError struct {
	Language Language
	Filter   string
	Line     int    // of the filter, from 1
	Column   int    // in characters, from 1
	Message  string // what is wrong, in one line
	Hint     string // what to write instead; empty when unknown
	// CompilesAs is the other language when the filter compiles in that one,
	// else empty. The hint says so too.
	CompilesAs Language
}

// excerptWidth is how many characters of a long line are shown on each side of
// the caret.
const excerptWidth = 60

// Error is "pool: <language> filter, line l, column c: <message>", the line
// with its caret, and "hint: …" when there is one.
func (e *FilterError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pool: %s filter, line %d, column %d: %s", oneLine(string(e.Language)), e.Line, e.Column, e.Message)
	if strings.TrimSpace(e.Filter) != "" {
		line, caret := e.excerpt()
		fmt.Fprintf(&b, "\n  | %s\n  | %s", line, caret)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, "\n  hint: %s", e.Hint)
	}
	return b.String()
}

// excerpt returns the line of the error, cut around the column when it is
// long, and the line with the caret. Tabs are kept in both, so that the caret
// stands right whatever a tab's width is.
func (e *FilterError) excerpt() (line, caret string) {
	lines := strings.Split(e.Filter, "\n")
	runes := []rune(strings.Map(printable, strings.TrimSuffix(lines[min(e.Line, len(lines))-1], "\r")))
	at := min(e.Column-1, len(runes))
	from, to := max(0, at-excerptWidth), min(len(runes), at+excerptWidth)
	before, after := "", ""
	if from > 0 {
		before = "…"
	}
	if to < len(runes) {
		after = "…"
	}
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before+string(runes[from:at]))
	return before + string(runes[from:to]) + after, indent + "^"
}

// newFilterError places an error at a position in characters from 0.
func newFilterError(l Language, s *source, position int, message string) *FilterError {
	position = max(0, min(position, len(s.runes)))
	e := &FilterError{Language: l, Filter: s.text, Line: 1, Column: 1, Message: message}
	for _, r := range s.runes[:position] {
		e.Column++
		if r == '\n' {
			e.Line, e.Column = e.Line+1, 1
		}
	}
	return e
}

func (e *FilterError) addHint(hint string) {
	if e.Hint != "" && hint != "" {
		e.Hint += "; "
	}
	e.Hint += hint
}
