package pool

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/operators"
)

// celError makes an error of the first that the parser or the checker found.
func celError(s *source, found []*common.Error) *FilterError {
	first := slices.MinFunc(found, func(a, b *common.Error) int {
		return celPosition(s, a) - celPosition(s, b)
	})
	position := celPosition(s, first)
	if i := s.index(position); i > 0 && s.tokens[i].text == "(" && strings.HasPrefix(first.Message, "undeclared") {
		position = s.tokens[i-1].start // cel-go places a call at its bracket
	}
	e := newFilterError(CEL, s, position, "")
	e.Message, e.Hint = celMessage(s, position, oneLine(first.Message))
	return e
}

// celPosition is an error's place in characters; one without a place, such as
// that of an expression too deep, is at the start.
func celPosition(s *source, e *common.Error) int {
	line, column := e.Location.Line(), max(0, e.Location.Column())
	for i, r := range s.runes {
		if line <= 1 {
			return i + column
		}
		if r == '\n' {
			line--
		}
	}
	return len(s.runes)
}

// celPatterns recognise the messages of cel-go's checker.
type celPatterns struct{ unknown, overload, selection *regexp.Regexp }

var celMessages = sync.OnceValue(func() celPatterns {
	return celPatterns{
		unknown:   regexp.MustCompile(`^undeclared reference to '([^']*)'`),
		overload:  regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`),
		selection: regexp.MustCompile(`^type '(.*)' does not support field selection`),
	}
})

// celMessage says in plain words what cel-go says, and what to write instead.
func celMessage(s *source, position int, message string) (plain, hint string) {
	message = strings.TrimPrefix(message, "Syntax error: ")
	word, next := s.at(position)
	patterns := celMessages()
	if m := patterns.unknown.FindStringSubmatch(message); m != nil {
		return unknownCEL(m[1], next)
	}
	if m := patterns.overload.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s cannot be applied to %s", celOperator(m[1]), celTypes(m[2])), overloadHint(m[1])
	}
	if m := patterns.selection.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s has no members", celTypes(m[1])), ""
	}
	switch {
	case strings.Contains(message, "recursion limit"):
		return fmt.Sprintf("the filter nests more than %d deep", celNesting), ""
	case position >= len(s.runes) && strings.Contains(message, "EOF"):
		return "the filter ends where a value should follow", ""
	case message == "invalid argument to has() macro":
		return "has() takes a member of claims, with a dot", "write has(claims.x); for a name with other characters, \"https://x/y\" in claims"
	case strings.HasPrefix(message, "unexpected") && word != "":
		return fmt.Sprintf("unexpected %q", word), tokenHint(CEL, s, position)
	}
	return message, tokenHint(CEL, s, position)
}

// overloadHint knows the operands that people mix up.
func overloadHint(name string) string {
	switch name {
	case operators.Equals, operators.NotEquals:
		return "both sides must be of one type: quote text, and do not quote numbers"
	case operators.In:
		return `in looks into a list: "x" in claims.roles, or claims.aud in ["x", "y"]`
	}
	return ""
}

// celTypes writes CEL's type names with a word between.
func celTypes(types string) string {
	types = strings.NewReplacer("map(string, dyn)", "claims", "dyn", "a claim").Replace(types)
	types = strings.TrimSuffix(strings.TrimPrefix(types, "("), ")")
	return strings.ReplaceAll(strings.ReplaceAll(types, ").(", " and "), ", ", " and ")
}

// unknownCEL explains a name that CEL does not know.
func unknownCEL(name, next string) (plain, hint string) {
	if next == "(" {
		if hint := wordHint(CEL, name); hint != "" {
			return fmt.Sprintf("unexpected %q", name), hint
		}
		return fmt.Sprintf("unknown function %q", name), didYouMean(name, celFunctions())
	}
	if hint := wordHint(CEL, name); hint != "" {
		return fmt.Sprintf("unknown name %q", name), hint
	}
	return fmt.Sprintf("unknown name %q", name), nameHint(name, next)
}

// celFunctions are the functions and macros a filter may call.
func celFunctions() []string {
	names := []string{"has", "all", "exists", "exists_one", "map", "filter"}
	for name := range celCompiler().env.Functions() {
		if isName(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// otherLanguage adds to an error that the filter is good in the other
// language, if it is.
func otherLanguage(err *FilterError, s *source) *FilterError {
	var wrong *FilterError
	other := CEL
	if err.Language == CEL {
		other = Expr
		_, wrong = checkExpr(s)
	} else {
		_, wrong = checkCEL(s)
	}
	if wrong == nil {
		err.CompilesAs = other
		err.addHint(fmt.Sprintf("this compiles as language: %s", other))
	}
	return err
}
