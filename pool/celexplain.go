package pool

import (
	"errors"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// examine evaluates every part of the filter at once.
func (p *celProgram) examine(c Claims, look func(*explanation, *part)) (*part, error) {
	root := celParts(p.source, p.ast)
	program, err := p.tracking()
	if err != nil {
		return root, err
	}
	_, details, err := program.Eval(celVariables(c))
	x := &explanation{claims: c, absorbs: true}
	// A claim's value comes from the token itself: what CEL made of it would have
	// to be turned back first.
	x.eval = func(part *part) (any, error) {
		if part.path != nil {
			if r := part.path.read(c); r.found {
				return r.value, nil
			}
		}
		return celValue(details, part.node.(int64))
	}
	if _, rootErr := x.eval(root); err != nil && errors.Is(rootErr, errNotReached) {
		return root, err // given up half way, such as over the cost limit
	}
	look(x, root)
	return root, nil
}

// unexplained is the result when the evaluation as a whole failed.
func unexplained(root *part, err error) Result {
	message := evalMessage(err)
	return Result{
		Reason:   root.short() + " could not be evaluated: " + message,
		Deciding: &Deciding{Expr: root.text, Kind: KindError, Operator: root.op, Want: "an evaluation without error"},
	}
}

var errNotReached = errors.New("this part was not evaluated")

// celValue returns what a part of the filter evaluated to.
func celValue(details *cel.EvalDetails, id int64) (any, error) {
	value, ok := details.State().Value(id)
	if !ok {
		return nil, errNotReached
	}
	if err, ok := value.(*types.Err); ok {
		return nil, err
	}
	return native(value, 0), nil
}

// nativeDepth and nativeWidth bound the lists that explanations show.
const nativeDepth, nativeWidth = 2, 100

// native returns a CEL value as a JSON decoder gives it; lists deeper or
// longer than anybody reads are cut short.
func native(value ref.Val, depth int) any {
	switch v := value.(type) {
	case types.Null:
		return nil
	case traits.Lister:
		if list, ok := v.Value().([]any); ok {
			return list
		}
		return nativeList(v, depth)
	case traits.Mapper:
		if object, ok := v.Value().(map[string]any); ok {
			return object
		}
		return map[string]any{}
	}
	return value.Value()
}

func nativeList(list traits.Lister, depth int) any {
	all := []any{}
	if depth == nativeDepth {
		return all
	}
	for it := list.Iterator(); it.HasNext() == types.True && len(all) < nativeWidth; {
		all = append(all, native(it.Next(), depth+1))
	}
	return all
}

// celParts turns an expression into parts.
func celParts(s *source, a *ast.AST) *part {
	b := celPartBuilder{source: s, info: a.SourceInfo()}
	root, _, _ := b.build(a.Expr())
	root.text = oneLine(s.slice(s.tokens[0].start, s.tokens[len(s.tokens)-1].start))
	return root
}

type celPartBuilder struct {
	source *source
	info   *ast.SourceInfo
}

// build returns a part and where its first and last words are.
func (b *celPartBuilder) build(e ast.Expr) (p *part, first, last int) {
	r, _ := b.info.GetOffsetRange(e.ID())
	first, last = int(r.Start), int(r.Start)
	p = &part{node: e.ID()}
	for _, child := range b.describe(p, e) {
		arg, from, to := b.build(child)
		p.args = append(p.args, arg)
		first, last = min(first, from), max(last, to)
	}
	p.text = b.source.slice(first, last)
	p.path = claimOf(p)
	if p.path != nil {
		p.op, p.args = "", nil
	}
	b.finish(p, e)
	return p, first, last
}

// describe sets what a part is and returns its operands.
func (b *celPartBuilder) describe(p *part, e ast.Expr) []ast.Expr {
	if call, ok := b.info.GetMacroCall(e.ID()); ok && e.Kind() == ast.ComprehensionKind {
		p.op, p.opaque = call.AsCall().FunctionName(), true
		return []ast.Expr{call.AsCall().Target()}
	}
	switch e.Kind() {
	case ast.CallKind:
		call := e.AsCall()
		p.op = celOperator(call.FunctionName())
		if call.IsMemberFunction() {
			return append([]ast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case ast.SelectKind:
		p.op, p.value = ".", e.AsSelect().FieldName()
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.ListKind:
		p.op = "[]"
		return e.AsList().Elements()
	case ast.LiteralKind:
		p.literal, p.value = true, native(e.AsLiteral(), 0)
	case ast.IdentKind:
		p.op, p.value = "name", e.AsIdent()
	default:
		p.op, p.opaque = "expression", true
	}
	return nil
}

// finish makes has() of a tested member, and a literal of a list of literals.
func (b *celPartBuilder) finish(p *part, e ast.Expr) {
	if e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly() && p.path != nil {
		p.op, p.args = "has", []*part{{path: p.path, text: p.path.String(), node: e.ID()}}
		p.path = nil
	}
	foldList(p)
}

// celOperator is an operator or function as the filter writes it.
func celOperator(name string) string {
	switch name {
	case operators.Conditional:
		return "?:"
	case operators.Index:
		return "[index]"
	}
	if symbol, ok := operators.FindReverse(name); ok {
		return symbol
	}
	return name
}
