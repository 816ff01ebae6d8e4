package pool

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// documentedCEL are the operators and functions that Confluent documents
// (https://docs.confluent.io/cloud/current/security/authenticate/workload-identities/identity-providers/mtls/cel-filters.html
// and the release notes of 2025-07-09).
const documentedCEL = " _==_ _!=_ @in _&&_ _||_ !_ startsWith endsWith contains "

// celWalk reads a checked filter for what would surprise later.
type celWalk struct {
	source *source
	ast    *ast.AST
	// undocumented are the constructs outside Confluent's core, in order.
	undocumented []construct
	// deepest is the innermost macro, nesting how deep it is.
	deepest construct
	nesting int
	// costly says that the filter can take longer than its length suggests.
	costly bool
	// inside says that the walk is in a macro.
	inside bool
	// contains says that .contains() is used, which is documented for
	// certificate pools only.
	contains bool
}

// A construct is a thing at a place.
type construct struct {
	name     string
	position int
}

// visit walks an expression; macros is how many macros it stands in or feeds.
func (w *celWalk) visit(e ast.Expr, macros int) {
	w.inside = macros > 0
	if call, ok := w.ast.SourceInfo().GetMacroCall(e.ID()); ok && e.Kind() == ast.ComprehensionKind {
		w.visitMacro(e, call.AsCall().FunctionName(), macros+1)
		return
	}
	switch e.Kind() {
	case ast.CallKind:
		w.visitCall(e, macros)
	case ast.SelectKind:
		w.visit(e.AsSelect().Operand(), macros)
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			w.visit(element, macros)
		}
	case ast.MapKind:
		w.note(e, "map literals")
		for _, entry := range e.AsMap().Entries() {
			w.visit(entry.AsMapEntry().Key(), macros)
			w.visit(entry.AsMapEntry().Value(), macros)
		}
	case ast.StructKind:
		w.note(e, "messages")
	case ast.LiteralKind:
		w.visitLiteral(e)
	case ast.IdentKind:
		if name := e.AsIdent(); name != "claims" {
			w.note(e, "the type "+name)
		}
	}
}

func (w *celWalk) visitMacro(e ast.Expr, name string, macros int) {
	w.inside = false
	w.note(e, "the macro "+name)
	w.costly = true
	if macros > w.nesting {
		w.nesting, w.deepest = macros, construct{name, w.position(e)}
	}
	w.visit(e.AsComprehension().IterRange(), macros)
	w.visit(e.AsComprehension().LoopStep(), macros)
}

func (w *celWalk) visitCall(e ast.Expr, macros int) {
	call := e.AsCall()
	name := call.FunctionName()
	switch {
	case name == operators.Index:
		if call.Args()[1].Kind() != ast.LiteralKind || w.kind(call.Args()[1]) != types.StringKind {
			w.note(e, "an index that is no string")
		}
		w.visit(call.Args()[0], macros)
		return
	case name == "contains":
		w.contains = true
	case name == "matches":
		w.costly = true
		w.note(e, "the function matches")
	case !strings.Contains(documentedCEL, " "+name+" ") && name != operators.NotStrictlyFalse:
		w.note(e, celConstruct(name))
	}
	if call.IsMemberFunction() {
		w.visit(call.Target(), macros)
	}
	for _, arg := range call.Args() {
		w.visit(arg, macros)
	}
}

// celConstruct names an operator or a function for people.
func celConstruct(name string) string {
	if name == operators.Conditional {
		return "the operator ?:"
	}
	if symbol, ok := operators.FindReverse(name); ok {
		return "the operator " + symbol
	}
	return "the function " + name
}

func (w *celWalk) visitLiteral(e ast.Expr) {
	switch kind := w.kind(e); kind {
	case types.StringKind, types.BoolKind:
	case types.NullTypeKind:
		w.note(e, "null")
	case types.BytesKind:
		w.note(e, "bytes literals")
	default:
		w.note(e, "number literals")
	}
}

func (w *celWalk) kind(e ast.Expr) types.Kind { return w.ast.GetType(e.ID()).Kind() }

// note records a construct that Confluent does not document. What a macro
// expands to is not written in the filter and counts for nothing.
func (w *celWalk) note(e ast.Expr, name string) {
	if !w.inside {
		w.undocumented = append(w.undocumented, construct{name, w.position(e)})
	}
}

func (w *celWalk) position(e ast.Expr) int {
	r, _ := w.ast.SourceInfo().GetOffsetRange(e.ID())
	return int(r.Start)
}

// refuse returns the error for what is too deep and, if strict, for the first
// construct that Confluent does not document.
func (w *celWalk) refuse(strict bool) *FilterError {
	if w.nesting > celMacroNesting {
		return newFilterError(CEL, w.source, w.deepest.position,
			fmt.Sprintf("macros nest %d deep, and idpool evaluates %d", w.nesting, celMacroNesting))
	}
	if strict && len(w.undocumented) > 0 {
		first := w.undocumented[0]
		err := newFilterError(CEL, w.source, first.position, first.name+": Confluent does not document this, and the pool is strict")
		err.Hint = "documented are ==, !=, in, &&, ||, !, has(), startsWith, endsWith, strings and lists of strings"
		return err
	}
	return nil
}

// warnCEL turns what a walk found into sentences.
func (f *Filter) warnCEL(w *celWalk) {
	for _, c := range w.undocumented {
		f.warn("Confluent does not document %s in filters", c.name)
	}
	if w.contains {
		f.warn("Confluent documents contains for certificate pools only, not for OAuth pools")
	}
	f.warnSemantics(CEL, celParts(w.source, w.ast))
}
