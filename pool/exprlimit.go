package pool

import (
	"errors"
	"fmt"
	"regexp/syntax"

	"github.com/expr-lang/expr/ast"
)

const (
	// exprBudget is what one evaluation of an Expr filter may do: a unit is a
	// turn of a loop, an element, or a character of a string that is looked at.
	exprBudget = 200_000
	// exprRegexSize bounds the compiled size of a regular expression.
	exprRegexSize = 1000
	// chargeName is the function that counts. No filter can call it: the dot is
	// no letter.
	chargeName = "·charge"
)

// refusedBuiltin says why a function of Expr is refused, or nothing. The first
// three could fill the memory in one call, their result being as large as the
// product of their arguments.
func refusedBuiltin(name string) string {
	switch name {
	case "repeat", "replace", "join":
		return name + " could fill the memory and is not for filters"
	case "timezone":
		return "timezone reads files and is not for filters"
	case "now":
		return "now is the machine's clock, not the one that tokens are checked by; expiry has its own check"
	}
	return ""
}

// exprLimits looks for what cannot work or could take long in a filter.
type exprLimits struct {
	// costly says that the filter loops, calls functions or builds values.
	costly bool
	// refused is the first node that cannot be accepted, and why.
	refused ast.Node
	why     string
	hint    string
}

// Visit is ast.Visitor's.
func (l *exprLimits) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BuiltinNode:
		l.costly = true
		if why := refusedBuiltin(n.Name); why != "" {
			l.refuse(n, why, "")
		}
	case *ast.VariableDeclaratorNode, *ast.SequenceNode, *ast.SliceNode, *ast.MapNode:
		l.costly = true
	case *ast.CallNode:
		l.costly = true
		if member, ok := n.Callee.(*ast.MemberNode); ok {
			l.refuseMethod(n, member)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "+", "..", "**", "^":
			l.costly = true
		case "matches":
			l.checkPattern(n)
		case "in":
			if text, ok := n.Right.(*ast.StringNode); ok {
				l.refuse(n, fmt.Sprintf("in looks into an array, and %q is a string", text.Value), "")
			}
		}
	}
}

// refuseMethod refuses x.f(): values of claims have no methods, so that it
// would compile and fail with each token.
func (l *exprLimits) refuseMethod(call *ast.CallNode, member *ast.MemberNode) {
	name, _ := member.Property.(*ast.StringNode)
	if name == nil {
		l.refuse(call, "a claim is no function", "")
		return
	}
	hint := ""
	if isTextOperator(name.Value) && len(call.Arguments) == 1 {
		hint = fmt.Sprintf("in Expr it is an operator: write %s %s %s", member.Node, celTextOperator(name.Value), call.Arguments[0])
	}
	l.refuse(call, fmt.Sprintf("claims have no function %q", name.Value), hint)
}

// checkPattern bounds a regular expression, whose time is that of its size
// times the text's.
func (l *exprLimits) checkPattern(n *ast.BinaryNode) {
	pattern, ok := n.Right.(*ast.StringNode)
	if !ok {
		l.refuse(n, "the pattern of matches must be written in the filter", "")
		return
	}
	parsed, err := syntax.Parse(pattern.Value, syntax.Perl)
	if err != nil {
		return // Expr's own compiler has the message
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err == nil && len(program.Inst) > exprRegexSize {
		l.refuse(n, fmt.Sprintf("the regular expression is too large, %d steps where idpool runs %d", len(program.Inst), exprRegexSize), "")
	}
}

func (l *exprLimits) refuse(node ast.Node, why, hint string) {
	if l.refused == nil {
		l.refused, l.why, l.hint = node, why, hint
	}
}

// exprMeter wraps what a costly filter looks at, and each turn of its loops,
// in calls of the charge function.
type exprMeter struct{}

// Visit is ast.Visitor's; it is called for a node's operands first.
func (m *exprMeter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		if !isExprLogic(n.Operator) {
			m.charge(&n.Left)
			m.charge(&n.Right)
		}
	case *ast.BuiltinNode:
		for i := range n.Arguments {
			m.charge(&n.Arguments[i])
		}
	case *ast.ArrayNode:
		for i := range n.Nodes {
			m.charge(&n.Nodes[i])
		}
	case *ast.PairNode:
		m.charge(&n.Value)
	case *ast.PredicateNode:
		m.charge(&n.Node)
	case *ast.VariableDeclaratorNode:
		m.charge(&n.Value)
	}
}

// charge wraps a node, unless it is a literal, whose size the filter's length
// bounds, or a loop, which wraps its own turns.
func (m *exprMeter) charge(node *ast.Node) {
	switch (*node).(type) {
	case *ast.PredicateNode, *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode, *ast.ConstantNode:
		return
	}
	if uncharged(*node) == *node {
		ast.Patch(node, &ast.CallNode{
			Callee:    &ast.IdentifierNode{Value: chargeName},
			Arguments: []ast.Node{*node},
		})
	}
}

// uncharged returns the node in a call of the charge function, or the node
// itself.
func uncharged(node ast.Node) ast.Node {
	if call, ok := node.(*ast.CallNode); ok {
		if callee, ok := call.Callee.(*ast.IdentifierNode); ok && callee.Value == chargeName {
			return call.Arguments[0]
		}
	}
	return node
}

func isExprLogic(operator string) bool {
	switch operator {
	case "&&", "||", "and", "or", "??":
		return true
	}
	return false
}

// A budget counts what one evaluation has done.
type budget struct{ spent int }

var errBudget = errors.New("the evaluation takes too long")

// charge counts a value and returns it. It panics when the budget is spent,
// which the machine makes an error of the evaluation.
func (b *budget) charge(args ...any) any {
	b.spent++
	b.count(args[0])
	return args[0]
}

// count goes through all of a value, so that one which refers to the same part
// many times is charged for each: comparing it would take as long.
func (b *budget) count(value any) {
	if b.spent > exprBudget {
		panic(errBudget)
	}
	switch v := value.(type) {
	case string:
		b.spent += len(v)/16 + 1
	case []any:
		for _, element := range v {
			b.spent++
			b.count(element)
		}
	case map[string]any:
		for _, element := range v {
			b.spent++
			b.count(element)
		}
	case []int:
		b.spent += len(v)
	}
}
