package pool

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/expr-lang/expr/builtin"
)

// exprPatterns recognise the messages of Expr.
type exprPatterns struct{ unknown, mismatch, notBool *regexp.Regexp }

var exprMessages = sync.OnceValue(func() exprPatterns {
	return exprPatterns{
		unknown:  regexp.MustCompile(`^unknown name (\S+)`),
		mismatch: regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types (.+) and (.+)\)$`),
		notBool:  regexp.MustCompile(`expected bool, but got (.+)$`),
	}
})

// exprMessage says in plain words what Expr says, and what to write instead.
func exprMessage(s *source, position int, message string) (plain, hint string) {
	message, _, _ = strings.Cut(message, "\n")
	message = oneLine(message)
	word, next := s.at(position)
	patterns := exprMessages()
	if m := patterns.unknown.FindStringSubmatch(message); m != nil {
		return unknownExpr(m[1], next, hasHint(s, position))
	}
	if m := patterns.mismatch.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s cannot be applied to %s and %s", m[1], exprType(m[2]), exprType(m[3])), ""
	}
	switch {
	case strings.Contains(message, "exceeds maximum allowed nodes"):
		return fmt.Sprintf("the filter has more than %d parts", exprNodes), ""
	case message == "unexpected token EOF":
		return "the filter ends where a value should follow", ""
	case message == "literal not terminated":
		return "unterminated string literal", ""
	case strings.HasPrefix(message, "unrecognized character"), strings.HasPrefix(message, "unexpected token") && word != "":
		return fmt.Sprintf("unexpected %q", word), tokenHint(Expr, s, position)
	}
	return message, tokenHint(Expr, s, position)
}

// unknownExpr explains a name that Expr does not know.
func unknownExpr(name, next, has string) (plain, hint string) {
	if name == "has" && next == "(" {
		return `unknown function "has"`, has
	}
	if hint := wordHint(Expr, name); hint != "" {
		return fmt.Sprintf("unknown name %q", name), hint
	}
	if next == "(" {
		return fmt.Sprintf("unknown function %q", name), didYouMean(name, builtin.Names)
	}
	return fmt.Sprintf("unknown name %q", name), nameHint(name, next)
}

// exprType writes a Go type as people who write filters know it.
func exprType(name string) string {
	return strings.NewReplacer("map[string]interface {}", "claims", "map[string]any", "claims", "interface {}", "any",
		"[]any", "array", "float64", "number", "int", "number").Replace(name)
}

// exprTypeOf reads the type out of the error for a filter that is no yes or no.
func exprTypeOf(err error) string {
	message, _, _ := strings.Cut(err.Error(), "\n")
	if m := exprMessages().notBool.FindStringSubmatch(message); m != nil {
		return "a value of type " + exprType(m[1])
	}
	return message
}
