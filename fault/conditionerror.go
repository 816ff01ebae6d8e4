package fault

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/file"

	"github.com/idpool/idpool/internal/nearest"
)

// patterns recognise the messages of Expr.
type patterns struct{ unknown, mismatch, notBool *regexp.Regexp }

var messages = sync.OnceValue(func() patterns {
	return patterns{
		unknown:  regexp.MustCompile(`^unknown name (\S+)`),
		mismatch: regexp.MustCompile(`^invalid operation: (.+) \(mismatched types (.+) and (.+)\)$`),
		notBool:  regexp.MustCompile(`expected bool, but got (.+)$`),
	}
})

// conditionError says in plain words what Expr says, and where.
func conditionError(endpoint, text string, err error) *Error {
	runes := []rune(text)
	e := &Error{Field: "when", Line: 1, Column: 1, source: text}
	var located *file.Error
	if !errors.As(err, &located) {
		e.Message, _, _ = strings.Cut(err.Error(), "\n")
		if m := messages().notBool.FindStringSubmatch(e.Message); m != nil {
			e.Message = fmt.Sprintf("it gives %s, want yes or no", typeName(m[1]))
			e.Hint = `compare it, as in count > 2`
		}
		e.Excerpt = excerpt(runes, 0)
		return e
	}
	at := min(located.From, len(runes))
	if strings.HasPrefix(located.Message, "unexpected token EOF") {
		at = len(runes)
	}
	for _, r := range runes[:at] {
		e.Column++
		if r == '\n' {
			e.Line, e.Column = e.Line+1, 1
		}
	}
	e.Excerpt = excerpt(runes, at)
	message, _, _ := strings.Cut(located.Message, "\n")
	e.Message, e.Hint = explained(endpoint, message, string(runes[at:]))
	return e
}

// explained turns a message of Expr's, at what stands there, into a message and
// a hint.
func explained(endpoint, message, rest string) (plain, hint string) {
	word := strings.Map(printable, firstWord(rest))
	if m := messages().unknown.FindStringSubmatch(message); m != nil {
		return unknown(endpoint, m[1], strings.HasPrefix(strings.TrimSpace(rest[min(len(m[1]), len(rest)):]), "("))
	}
	if m := messages().mismatch.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s cannot be applied to %s and %s", m[1], typeName(m[2]), typeName(m[3])), ""
	}
	switch {
	case strings.Contains(message, "exceeds maximum allowed nodes"):
		return fmt.Sprintf("it has more than %d parts", conditionNodes), ""
	case message == "unexpected token EOF":
		return "it ends where a value should follow", ""
	case message == "literal not terminated":
		return "a text without its closing quote", ""
	case strings.Contains(message, "time.Time is not callable"):
		return "now is no function", "write now without parentheses"
	case word != "" && (strings.HasPrefix(message, "unexpected token") || strings.HasPrefix(message, "unrecognized character")):
		return fmt.Sprintf("unexpected %q", word), instead(word)
	}
	return strings.Map(printable, message), instead(word)
}

// unknown explains a name that the endpoint's conditions do not know.
func unknown(endpoint, name string, called bool) (plain, hint string) {
	if called {
		known := append(functions(), "header")
		hint = "the functions are " + strings.Join(known, ", ")
		if near := nearest.To(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		} else if slices.Contains(builtin.Names, name) {
			hint = "it loops or fills the memory, and is not for conditions"
		}
		return fmt.Sprintf("unknown function %q", name), hint
	}
	known := slices.Sorted(maps.Keys(environment(endpoint)))
	plain = fmt.Sprintf("unknown name %q", name)
	for _, n := range Conditions() {
		if n.Name == name {
			return fmt.Sprintf("%q is not known at %s", name, endpoint), "there is " + strings.Join(known, ", ")
		}
	}
	if hint := instead(name); hint != "" {
		return plain, hint
	}
	if near := nearest.To(name, known); near != "" {
		return plain, fmt.Sprintf("did you mean %q?", near)
	}
	return plain, fmt.Sprintf("if it is text, quote it: %q; the names are %s", name, strings.Join(known, ", "))
}

// instead says what to write for a word of another language.
func instead(word string) string {
	switch word {
	case "=", "===":
		return "write =="
	case "<>", "!==":
		return "write !="
	case "&":
		return "write &&"
	case "|":
		return "write ||"
	case "AND", "And":
		return "write and, or &&"
	case "OR", "Or":
		return "write or, or ||"
	case "NOT", "Not":
		return "write not, or !"
	case "True", "TRUE":
		return "write true"
	case "False", "FALSE":
		return "write false"
	}
	if strings.ContainsAny(word, "“”„‘’‚«»") {
		return `use straight quotes, " or '`
	}
	return ""
}

// firstWord is the name, or the run of signs, that a text begins with: what the
// message quotes, since Expr names kinds of tokens that only its parser knows.
func firstWord(text string) string {
	isName := func(r rune) bool {
		return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	end := strings.IndexFunc(text[size:], func(r rune) bool {
		return isName(r) != isName(first) || !isName(r) && !strings.ContainsRune("=&|<>!", r)
	})
	if end < 0 {
		return text
	}
	return text[:size+end]
}

// typeName writes a Go type as people who write conditions know it.
func typeName(name string) string {
	return strings.NewReplacer("func(string) string", "a function", "[]string", "a list", "string", "text",
		"float64", "a number", "int", "a number", "bool", "yes or no", "time.Time", "a time", "time.Duration", "a duration").Replace(name)
}

// excerptWidth is how many characters of a long line are shown on each side of
// the caret.
const excerptWidth = 60

// excerpt is the line around a position in characters, and a caret under it.
// Tabs are kept in both, so that the caret stands right however wide they are.
func excerpt(runes []rune, at int) string {
	from, to := at, at
	for from > 0 && runes[from-1] != '\n' {
		from--
	}
	for to < len(runes) && runes[to] != '\n' {
		to++
	}
	before, after := "", ""
	if at-from > excerptWidth {
		from, before = at-excerptWidth, "…"
	}
	if to-at > excerptWidth {
		to, after = at+excerptWidth, "…"
	}
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before+string(runes[from:at]))
	line := strings.Map(printable, before+string(runes[from:to])+after)
	return "  | " + strings.TrimRight(line, " ") + "\n  | " + indent + "^"
}

// printable replaces what would move a terminal's cursor.
func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return '·'
	}
	return r
}
