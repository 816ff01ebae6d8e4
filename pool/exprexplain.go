package pool

import (
	"errors"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/parser"
)

// examine evaluates the parts of the filter that are asked about, each as a
// filter of its own, and all within the budget of one evaluation.
func (p *exprProgram) examine(c Claims, look func(*explanation, *part)) (*part, error) {
	root, err := exprParts(p.source)
	if err != nil {
		return &part{text: oneLine(p.source.text)}, err
	}
	if _, err := p.run(c); errors.Is(err, errBudget) {
		return root, errBudget
	}
	m := p.machines.Get().(*exprMachine)
	defer m.release(p.machines)
	m.env["claims"], m.env[chargeName] = c, new(budget).charge
	look(&explanation{claims: c, eval: m.evaluator()}, root)
	return root, nil
}

// evaluator evaluates parts, each once.
func (m *exprMachine) evaluator() func(*part) (any, error) {
	type outcome struct {
		value any
		err   error
	}
	known := make(map[*part]outcome)
	return func(p *part) (any, error) {
		o, ok := known[p]
		if !ok {
			o.value, o.err = m.eval(p.node.(ast.Node))
			known[p] = o
		}
		return o.value, o.err
	}
}

func (m *exprMachine) eval(node ast.Node) (any, error) {
	program, err := compiler.Compile(&parser.Tree{Node: node}, nil)
	if err != nil {
		return nil, err
	}
	return m.vm.Run(program, m.env)
}

// exprParts turns a filter into parts.
func exprParts(s *source) (*part, error) {
	tree, err := parser.ParseWithConfig(s.text, nil)
	if err != nil {
		return nil, err
	}
	ast.Walk(&tree.Node, &exprMeter{})
	b := exprPartBuilder{source: s}
	root, _, _ := b.build(tree.Node)
	root.text = oneLine(s.slice(s.tokens[0].start, s.tokens[len(s.tokens)-1].start))
	return root, nil
}

type exprPartBuilder struct{ source *source }

// build returns a part and where its first and last words are.
func (b *exprPartBuilder) build(node ast.Node) (p *part, first, last int) {
	p = &part{node: node}
	inner := uncharged(node)
	first, last = inner.Location().From, inner.Location().From
	if _, ok := inner.(*ast.ConditionalNode); ok {
		first, last = len(b.source.runes), 0 // Expr puts it behind its end
	}
	for _, child := range b.describe(p, inner) {
		arg, from, to := b.build(child)
		p.args = append(p.args, arg)
		first, last = min(first, from), max(last, to)
	}
	p.text = b.source.slice(first, last)
	if p.path = claimOf(p); p.path != nil {
		p.op, p.args = "", nil
	}
	foldList(p)
	return p, first, last
}

// describe sets what a part is and returns its operands. The variables and the
// loops of Expr are not divided: their parts mean nothing alone.
func (b *exprPartBuilder) describe(p *part, node ast.Node) []ast.Node {
	switch n := node.(type) {
	case *ast.UnaryNode:
		p.op = exprOperator(n.Operator)
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		p.op = exprOperator(n.Operator)
		return []ast.Node{n.Left, n.Right}
	case *ast.ConditionalNode:
		p.op = "?:"
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.ChainNode:
		return b.describe(p, n.Node)
	case *ast.MemberNode:
		p.op = "[index]"
		return []ast.Node{n.Node, n.Property}
	case *ast.ArrayNode:
		p.op = "[]"
		return n.Nodes
	case *ast.BuiltinNode:
		p.op, p.opaque = n.Name, true
		return n.Arguments[:min(1, len(n.Arguments))]
	case *ast.IdentifierNode:
		p.op, p.value = "name", n.Value
	default:
		b.describeLiteral(p, node)
	}
	return nil
}

func (b *exprPartBuilder) describeLiteral(p *part, node ast.Node) {
	p.literal = true
	switch n := node.(type) {
	case *ast.StringNode:
		p.value = n.Value
	case *ast.IntegerNode:
		p.value = n.Value
	case *ast.FloatNode:
		p.value = n.Value
	case *ast.BoolNode:
		p.value = n.Value
	case *ast.NilNode:
	default:
		p.literal, p.op, p.opaque = false, "expression", true
	}
}

// exprOperator is the operator under the name that both languages share.
func exprOperator(name string) string {
	switch name {
	case "and":
		return "&&"
	case "or":
		return "||"
	case "not":
		return "!"
	}
	return name
}
