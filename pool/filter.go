package pool

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/idpool/idpool/internal/nearest"
)

const (
	// documentedLength is Confluent's limit for a filter, in characters (IAM
	// API v2, IdentityPool.filter).
	documentedLength = 300
	// maxLength is where idpool stops reading: with it, and the limits on
	// nesting and evaluation, no filter can hang the process.
	maxLength = 3000
)

// Language names a filter language.
type Language string

// The filter languages.
const (
	CEL  Language = "cel"  // Confluent Cloud's own
	Expr Language = "expr" // github.com/expr-lang/expr
)

// Filter is a compiled filter. It is safe for concurrent use.
type Filter struct {
	source   *source
	program  program // nil for the empty filter
	warnings []string
}

// A program is a filter compiled in one of the languages.
type program interface {
	// run evaluates the filter.
	run(Claims) (any, error)
	// examine evaluates every part of the filter and hands out what is needed
	// to ask about them. Its error says why that cannot be done; the part is the
	// whole filter then.
	examine(Claims, func(*explanation, *part)) (*part, error)
}

// Source is a filter before it is compiled.
type Source struct {
	// Language of the text. Empty means [CEL].
	Language Language
	// Text is the filter as in a pool's configuration.
	Text string
	// Strict refuses CEL that Confluent does not document, which otherwise is
	// a warning.
	Strict bool
}

// Compile compiles a filter; its error is a *[FilterError]. An empty filter
// compiles, with a warning, and matches nothing, as Confluent documents it.
func Compile(c Source) (*Filter, error) {
	l, source, strict := c.Language, c.Text, c.Strict
	f, err := compile(l, source, strict)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func compile(l Language, text string, strict bool) (*Filter, *FilterError) {
	if err := checkText(l, text); err != nil {
		return nil, err
	}
	f := &Filter{source: newSource(text)}
	if len(f.source.tokens) == 0 {
		f.warnings = []string{"the filter is empty and matches no token"}
		return f, nil
	}
	if n := len(f.source.runes); n > documentedLength {
		f.warn("the filter is %d characters long, and Confluent Cloud accepts %d", n, documentedLength)
	}
	var err *FilterError
	switch l {
	case CEL, "":
		err = f.compileCEL(strict)
	case Expr:
		err = f.compileExpr()
	default:
		err = newFilterError(l, f.source, 0, fmt.Sprintf("unknown filter language %q, want %q or %q", l, CEL, Expr))
		err.Hint = didYouMean(string(l), []string{string(CEL), string(Expr)})
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// checkText refuses what no parser should be given.
func checkText(l Language, text string) *FilterError {
	if !utf8.ValidString(text) {
		bad := strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError })
		return newFilterError(l, &source{text: text, runes: []rune(text)}, utf8.RuneCountInString(text[:bad]), "the filter is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(text); n > maxLength {
		return newFilterError(l, &source{text: text, runes: []rune(text)}, maxLength,
			fmt.Sprintf("the filter is %d characters long, and idpool reads %d (Confluent Cloud %d)", n, maxLength, documentedLength))
	}
	return nil
}

// Matches says whether the filter is true of the claims. An error of
// evaluation, and a value that is no yes or no, do not match. It is the fast
// half of [Filter.Eval].
func (f *Filter) Matches(c Claims) bool {
	if f.program == nil {
		return false
	}
	value, err := f.program.run(c)
	match, ok := value.(bool)
	return err == nil && ok && match
}

// Eval evaluates the filter and, when it does not match, says which part of it
// decided. Match is always what [Filter.Matches] returns.
func (f *Filter) Eval(c Claims) Result {
	if f.program == nil {
		return Result{
			Reason:   "the filter is empty and matches no token",
			Deciding: &Deciding{Kind: KindFalse, Want: "a filter"},
		}
	}
	if f.Matches(c) {
		return Result{Match: true}
	}
	var r Result
	root, err := f.program.examine(c, func(x *explanation, root *part) { r = x.result(root) })
	if err != nil {
		return unexplained(root, err)
	}
	return r
}

// Warnings are as those of [Pool.Warnings].
func (f *Filter) Warnings() []string { return slices.Clone(f.warnings) }

func (f *Filter) warn(format string, args ...any) {
	if w := fmt.Sprintf(format, args...); !slices.Contains(f.warnings, w) {
		f.warnings = append(f.warnings, w)
	}
}

// didYouMean is a hint naming the known word nearest to another, or empty.
func didYouMean(word string, known []string) string {
	if near := nearest.To(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}
