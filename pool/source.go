package pool

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A token is a word of a filter's source: a name, a number, a string, an
// operator or a bracket. Both languages are cut alike; only positions and
// spellings are wanted here, the meaning is the parsers' business.
type token struct {
	start, end int // in characters; end is exclusive
	text       string
}

// source is a filter's text with its tokens, in which the parts of the filter
// are found again: the parsers keep the position of an operator, not where its
// operands begin and end.
type source struct {
	text   string
	runes  []rune
	tokens []token
}

func newSource(text string) *source {
	s := &source{text: text, runes: []rune(text)}
	for at := 0; at < len(s.runes); {
		end := s.tokenEnd(at)
		if word := string(s.runes[at:end]); !isBlank(word) {
			s.tokens = append(s.tokens, token{start: at, end: end, text: word})
		}
		at = end
	}
	return s
}

// isBlank says whether a token is white space or a comment.
func isBlank(word string) bool {
	return strings.TrimSpace(word) == "" || strings.HasPrefix(word, "//") || strings.HasPrefix(word, "/*")
}

// longOperators are the operators of more than one character, in both
// languages, longest first where one begins another.
const longOperators = "=== !== && || == != <= >= ?. ?? .. **"

// tokenEnd returns where the token that starts at a position ends.
func (s *source) tokenEnd(at int) int {
	switch r := s.runes[at]; {
	case unicode.IsSpace(r):
		return s.while(at, unicode.IsSpace)
	case s.has(at, "//"):
		return s.while(at, func(r rune) bool { return r != '\n' })
	case s.has(at, "/*"):
		return s.after(at+2, "*/")
	case strings.ContainsRune("'\"`", r):
		return s.stringEnd(at, false)
	case isNameStart(r):
		return s.nameEnd(at)
	case unicode.IsDigit(r):
		return s.while(at, func(r rune) bool { return isNamePart(r) })
	}
	for op := range strings.FieldsSeq(longOperators) {
		if s.has(at, op) {
			return at + len(op)
		}
	}
	return at + 1
}

// nameEnd also takes CEL's r"…", b"…" and rb"…", whose prefix looks like a
// name.
func (s *source) nameEnd(at int) int {
	end := s.while(at, isNamePart)
	if end == len(s.runes) || (s.runes[end] != '"' && s.runes[end] != '\'') {
		return end
	}
	switch strings.ToLower(string(s.runes[at:end])) {
	case "b":
		return s.stringEnd(end, false)
	case "r", "rb", "br":
		return s.stringEnd(end, true)
	}
	return end
}

// stringEnd returns where a string literal ends that opens at a position, or
// the end of the source when it never does.
func (s *source) stringEnd(at int, raw bool) int {
	quote := s.runes[at]
	raw = raw || quote == '`'
	closing := strings.Repeat(string(quote), 3)
	if !s.has(at, closing) {
		closing = string(quote)
	}
	for i := at + len(closing); i < len(s.runes); i++ {
		if s.runes[i] == '\\' && !raw {
			i++
			continue
		}
		if s.has(i, closing) {
			return i + len(closing)
		}
	}
	return len(s.runes)
}

func (s *source) while(at int, keep func(rune) bool) int {
	for at < len(s.runes) && keep(s.runes[at]) {
		at++
	}
	return at
}

// after returns the position behind the next occurrence of an ASCII word.
func (s *source) after(at int, word string) int {
	for ; at < len(s.runes); at++ {
		if s.has(at, word) {
			return at + len(word)
		}
	}
	return len(s.runes)
}

// has says whether an ASCII word stands at a position.
func (s *source) has(at int, word string) bool {
	if at+len(word) > len(s.runes) {
		return false
	}
	for i := range len(word) {
		if s.runes[at+i] != rune(word[i]) {
			return false
		}
	}
	return true
}

// index returns which token covers a position, or -1.
func (s *source) index(at int) int {
	for i, t := range s.tokens {
		if t.start <= at && at < t.end {
			return i
		}
	}
	return -1
}

// at returns the text of the token that covers a position, and that of the one
// after it.
func (s *source) at(position int) (word, next string) {
	i := s.index(position)
	if i < 0 {
		return "", ""
	}
	if i+1 < len(s.tokens) {
		next = s.tokens[i+1].text
	}
	return s.tokens[i].text, next
}

// slice returns the part of the source from the token at one position to the
// token at another, grown until its brackets are balanced and no operator
// hangs at its end. It returns the whole source when a position is unknown.
func (s *source) slice(first, last int) string {
	from, to := s.index(first), s.index(last)
	if from < 0 || to < from {
		return oneLine(s.text)
	}
	// A call is positioned at its bracket, behind its name.
	if s.tokens[from].text == "(" && from > 0 && isName(s.tokens[from-1].text) {
		from--
	}
	for to+1 < len(s.tokens) && strings.Contains(" . ?. - ! not ", " "+s.tokens[to].text+" ") {
		to++
	}
	from, to = s.balance(from, to)
	return oneLine(string(s.runes[s.tokens[from].start:s.tokens[to].end]))
}

// balance widens a range of tokens until each bracket in it has its partner.
func (s *source) balance(from, to int) (int, int) {
	open, unopened := 0, 0
	for _, t := range s.tokens[from : to+1] {
		switch depth := bracket(t.text); {
		case depth > 0:
			open++
		case depth < 0 && open > 0:
			open--
		case depth < 0:
			unopened++
		}
	}
	for to+1 < len(s.tokens) && open > 0 {
		to++
		open += bracket(s.tokens[to].text)
	}
	for from > 0 && unopened > 0 {
		from--
		unopened -= bracket(s.tokens[from].text)
	}
	return from, to
}

// bracket is 1 for an opening bracket, -1 for a closing one, else 0.
func bracket(word string) int {
	switch word {
	case "(", "[", "{":
		return 1
	case ")", "]", "}":
		return -1
	}
	return 0
}

// oneLine puts text that is meant for a sentence on one line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return printable(r)
	}, text)
}

// printable replaces what would disturb a terminal.
func printable(r rune) rune {
	if unicode.IsPrint(r) || r == '\t' {
		return r
	}
	return utf8.RuneError
}

func isNameStart(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) }

func isNamePart(r rune) bool { return isNameStart(r) || unicode.IsDigit(r) }

// isName says whether text is a name that can follow a dot.
func isName(text string) bool {
	for i, r := range text {
		if !isNamePart(r) || i == 0 && !isNameStart(r) {
			return false
		}
	}
	return text != ""
}
