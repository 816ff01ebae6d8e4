package pool

import (
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/containers"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/stdlib"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"
)

const (
	// celNesting is how deep a CEL expression may nest: brackets, and chains
	// of operators and members.
	celNesting = 100
	// celMacroNesting is how deep exists, map and so on may nest or follow one
	// upon another. A list built in a macro out of a list built in a macro grows
	// as a power of this.
	celMacroNesting = 3
	// celCost is the cost at which an evaluation with macros is given up, in
	// CEL's units: about a millisecond's worth each 50,000.
	celCost = 200_000
	// celRegexSize bounds the compiled size of a regular expression.
	celRegexSize = 1000
)

// celTools are what CEL filters are compiled with; immutable and shared.
type celTools struct {
	parser  *parser.Parser
	checker *checker.Env
	env     *cel.Env // plans programs
}

// celCompiler is made once for all filters: it costs as much as ten of them.
// The parser is the Pratt parser that cel-go ships beside the ANTLR one, which
// says plainly what is wrong and where, and spares the first filter of a process
// the millisecond of unpacking ANTLR's tables; a test holds one against the other.
var celCompiler = sync.OnceValue(func() *celTools {
	t, err := newCELTools()
	if err != nil {
		panic(fmt.Sprintf("pool: the CEL environment: %v", err)) // constant input
	}
	return t
})

func newCELTools() (*celTools, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	t := &celTools{}
	if t.checker, err = checker.NewEnv(containers.DefaultContainer, registry); err != nil {
		return nil, err
	}
	claims := decls.NewVariable("claims", types.NewMapType(types.StringType, types.DynType))
	if err := t.checker.AddIdents(append(stdlib.Types(), claims)...); err != nil {
		return nil, err
	}
	if err := t.checker.AddFunctions(stdlib.Functions()...); err != nil {
		return nil, err
	}
	if t.env, err = cel.NewEnv(cel.VariableDecls(claims), cel.RegexProgramSizeLimit(celRegexSize)); err != nil {
		return nil, err
	}
	t.parser, err = parser.NewParser(parser.EnablePrattParser(true), parser.Macros(parser.AllMacros...),
		parser.PopulateMacroCalls(true), parser.MaxRecursionDepth(celNesting))
	return t, err
}

// celProgram is a compiled CEL filter.
type celProgram struct {
	source  *source
	ast     *ast.AST
	program cel.Program
	// tracking evaluates every part, for explanations; made when first asked.
	tracking func() (cel.Program, error)
}

// compileCEL fills in the filter's program and warnings.
func (f *Filter) compileCEL(strict bool) *FilterError {
	checked, err := checkCEL(f.source)
	if err != nil {
		return otherLanguage(err, f.source)
	}
	walk := celWalk{source: f.source, ast: checked}
	walk.visit(checked.Expr(), 0)
	if err := walk.refuse(strict); err != nil {
		return err
	}
	if f.program, err = planCEL(f.source, checked, walk.costly); err != nil {
		return err
	}
	f.warnCEL(&walk)
	return nil
}

// checkCEL parses a filter and checks its types.
func checkCEL(s *source) (*ast.AST, *FilterError) {
	tools := celCompiler()
	text := common.NewTextSource(s.text)
	parsed, errs := tools.parser.Parse(text)
	if found := errs.GetErrors(); len(found) > 0 {
		return nil, celError(s, found)
	}
	checked, errs := checker.Check(parsed, text, tools.checker)
	if found := errs.GetErrors(); len(found) > 0 {
		return nil, celError(s, found)
	}
	if t := checked.GetType(checked.Expr().ID()); t.Kind() != types.BoolKind && t.Kind() != types.DynKind {
		return nil, notBoolError(CEL, s, "a value of type "+strings.TrimPrefix(cel.FormatCELType(t), "google.protobuf."))
	}
	return checked, nil
}

// notBoolError refuses a filter that can be no yes or no.
func notBoolError(l Language, s *source, what string) *FilterError {
	return newFilterError(l, s, s.tokens[0].start, fmt.Sprintf("the filter is %s, and must be true or false", what))
}

// planCEL makes the program. Only a filter with macros or regular expressions
// needs the counting of costs: all else is linear in the filter's length.
func planCEL(s *source, checked *ast.AST, costly bool) (*celProgram, *FilterError) {
	env := celCompiler().env
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if costly {
		options = append(options, cel.CostLimit(celCost))
	}
	program, err := env.PlanProgram(checked, options...)
	if err != nil {
		return nil, newFilterError(CEL, s, 0, evalMessage(err))
	}
	tracking := func() (cel.Program, error) {
		return env.PlanProgram(checked, append(options[1:len(options):len(options)], cel.EvalOptions(cel.OptExhaustiveEval))...)
	}
	return &celProgram{source: s, ast: checked, program: program, tracking: sync.OnceValues(tracking)}, nil
}

// celVariables are claims as CEL's variables, without a map around them.
type celVariables map[string]any

// ResolveName is cel.Activation's.
func (v celVariables) ResolveName(name string) (any, bool) {
	if name == "claims" {
		return map[string]any(v), true
	}
	return nil, false
}

// Parent is cel.Activation's.
func (v celVariables) Parent() cel.Activation { return nil }

func (p *celProgram) run(c Claims) (any, error) {
	value, _, err := p.program.Eval(celVariables(c))
	if err != nil {
		return nil, err
	}
	return value.Value(), nil
}
