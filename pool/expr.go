package pool

import (
	"errors"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

const (
	// exprNodes bounds the syntax tree of an Expr filter.
	exprNodes = 1500
	// exprMemory is the memory that an evaluation may allot, in values.
	exprMemory = 100_000
)

// exprProgram is a compiled Expr filter.
type exprProgram struct {
	source  *source
	program *vm.Program
	// costly says that the filter loops or builds values, so that an
	// evaluation needs a budget.
	costly   bool
	machines *sync.Pool // of *exprMachine
}

// An exprMachine is what one evaluation needs; used again by the next.
type exprMachine struct {
	vm  vm.VM
	env map[string]any
}

// compileExpr fills in the filter's program and warnings.
func (f *Filter) compileExpr() *FilterError {
	program, err := checkExpr(f.source)
	if err != nil {
		return otherLanguage(err, f.source)
	}
	f.program = program
	root, _ := exprParts(f.source)
	f.warnSemantics(Expr, root)
	return nil
}

// checkExpr compiles a filter. One that loops or builds values is compiled
// again without optimisation, which would build the values at once, and with
// the counting of what it does.
func checkExpr(s *source) (*exprProgram, *FilterError) {
	tree, err := parser.ParseWithConfig(s.text, nil)
	if err != nil {
		return nil, exprError(s, err)
	}
	var limits exprLimits
	ast.Walk(&tree.Node, &limits)
	if limits.refused != nil {
		e := newFilterError(Expr, s, limits.refused.Location().From, limits.why)
		e.Hint = limits.hint
		return nil, e
	}
	// The walk above is on a tree of its own: Compile takes text only.
	env := map[string]any{"claims": map[string]any{}}
	options := []expr.Option{expr.AsBool(), expr.MaxNodes(exprNodes), expr.Optimize(!limits.costly)}
	program, err := expr.Compile(s.text, append(options, expr.Env(env))...)
	if err == nil && limits.costly {
		env[chargeName] = new(budget).charge
		program, err = expr.Compile(s.text, append(options, expr.MaxNodes(2*exprNodes), expr.Env(env), expr.Patch(&exprMeter{}))...)
	}
	if err != nil {
		return nil, exprError(s, err)
	}
	return &exprProgram{source: s, program: program, costly: limits.costly, machines: newExprMachines()}, nil
}

func newExprMachines() *sync.Pool {
	return &sync.Pool{New: func() any {
		return &exprMachine{vm: vm.VM{MemoryBudget: exprMemory}, env: make(map[string]any, 2)}
	}}
}

func (p *exprProgram) run(c Claims) (any, error) {
	m := p.machines.Get().(*exprMachine)
	defer m.release(p.machines)
	m.env["claims"] = c
	if p.costly {
		m.env[chargeName] = new(budget).charge
	}
	return m.vm.Run(p.program, m.env)
}

// release lets go of the claims, so that an idle machine keeps no token's.
func (m *exprMachine) release(machines *sync.Pool) {
	clear(m.env)
	clear(m.vm.Stack[:cap(m.vm.Stack)])
	clear(m.vm.Variables)
	machines.Put(m)
}

// exprError makes an error of the one that Expr returned. The error for a
// filter that is no yes or no has no place.
func exprError(s *source, err error) *FilterError {
	var located *file.Error
	if !errors.As(err, &located) {
		return notBoolError(Expr, s, exprTypeOf(err))
	}
	position := min(located.From, len(s.runes))
	e := newFilterError(Expr, s, position, "")
	e.Message, e.Hint = exprMessage(s, position, located.Message)
	return e
}
