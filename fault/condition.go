package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

const (
	// conditionLength bounds a condition, in characters, and conditionNodes its
	// syntax tree. Without loops, which no function here has, that bounds what an
	// evaluation can take.
	conditionLength = 1000
	conditionNodes  = 200
)

// functions are those of Expr that a condition may call. None loops, and none
// makes a text longer than its argument.
func functions() []string {
	return []string{"abs", "ceil", "date", "duration", "floor", "hasPrefix", "hasSuffix", "int", "len", "lower",
		"max", "min", "round", "string", "trim", "trimPrefix", "trimSuffix", "upper"}
}

// Name is a name that a condition may use.
type Name struct {
	// Name is as the condition writes it, and Type what it is.
	Name string `json:"name"`
	Type string `json:"type"`
	// Means says it in words.
	Means string `json:"means"`
	// Endpoints are those whose conditions know it.
	Endpoints []string `json:"endpoints"`

	sample any
}

// Conditions are the names that a condition may use.
func Conditions() []Name {
	tenants := []string{Discovery, JWKS, Token}
	named, kafka, handshake := append(issuing(), KafkaLogin), []string{KafkaLogin}, []string{TLS}
	return []Name{
		{"count", "number", "which request this is at the fault's endpoint, tenant and client: 1 for the first since the fault was added", Endpoints(), 0},
		{"now", "time", "the stack's clock", Endpoints(), time.Time{}},
		{"listener", "text", "http, https or kafka", Endpoints(), ""},
		{"client", "text", "the client's address, such as 127.0.0.1:50123", Endpoints(), ""},
		{"method", "text", "GET, HEAD or POST", overHTTP(), ""},
		{"path", "text", "the path of the URL", overHTTP(), ""},
		{"header", "function", `a header of the request, such as header("User-Agent")`, overHTTP(), func(string) string { return "" }},
		{"version", "number", "2 for the v2.0 endpoints, else 1", tenants, 0},
		{"tenant", "text", "the tenant's id; the URL's segment when it names no tenant", append(tenants, KafkaLogin), ""},
		{"client_id", "text", "the client's appId; of a managed identity the client_id that is asked for", named, ""},
		{"scope", "text", "what is asked for: scope, or resource at the v1.0 endpoint and of managed identities", issuing(), ""},
		{"grant_type", "text", "the form's grant_type", []string{Token}, ""},
		{"cluster", "text", "the Kafka cluster's id", kafka, ""},
		{"pools", "list", `the identity pools asked for, as in "pool-abc" in pools`, kafka, []string{}},
		{"software", "text", "the client's software name and version, where it says so", kafka, ""},
		{"again", "yes or no", "whether the client is logged in and authenticates again", kafka, false},
		{"server_name", "text", "the host name that the client asks for (SNI)", handshake, ""},
	}
}

// facts are the values that conditions of an endpoint see, by name, of a
// request. A value is asked for only when the condition has its name.
type facts interface{ fact(name string) any }

// condition is a compiled When.
type condition struct {
	program *vm.Program
	names   []string // that it has
}

// compile makes a condition. An empty one is nil, and always true.
func compile(endpoint, text string) (*condition, *Error) {
	if strings.TrimSpace(text) == "" {
		if text != "" {
			return nil, &Error{Field: "when", Message: "is blank, leave it out"}
		}
		return nil, nil
	}
	if !utf8.ValidString(text) {
		return nil, &Error{Field: "when", Message: "is not valid UTF-8"}
	}
	if n := utf8.RuneCountInString(text); n > conditionLength {
		return nil, &Error{Field: "when", Message: fmt.Sprintf("is %d characters long, at most %d are read", n, conditionLength)}
	}
	// The environment is typed, so that a misspelt name is refused now and not
	// false for ever.
	env := environment(endpoint)
	options := []expr.Option{expr.Env(env), expr.AsBool(), expr.MaxNodes(conditionNodes), expr.DisableAllBuiltins()}
	for _, name := range functions() {
		options = append(options, expr.EnableBuiltin(name))
	}
	program, err := expr.Compile(text, options...)
	if err != nil {
		return nil, conditionError(endpoint, text, err)
	}
	return &condition{program, used(text, env)}, nil
}

// environment has a sample of each name that an endpoint's conditions know, from
// which Expr learns the types.
func environment(endpoint string) map[string]any {
	env := map[string]any{}
	for _, n := range Conditions() {
		if slices.Contains(n.Endpoints, endpoint) {
			env[n.Name] = n.sample
		}
	}
	return env
}

// identifiers collects the names in a syntax tree.
type identifiers map[string]bool

// Visit is ast.Visitor's.
func (i identifiers) Visit(node *ast.Node) {
	if n, ok := (*node).(*ast.IdentifierNode); ok {
		i[n.Value] = true
	}
}

// used are the names of an environment that a condition has.
func used(text string, env map[string]any) []string {
	tree, err := parser.Parse(text)
	if err != nil { // it has been compiled: only disabled functions parse otherwise
		return slices.Collect(maps.Keys(env))
	}
	found := identifiers{}
	ast.Walk(&tree.Node, found)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(found)), func(name string) bool { _, known := env[name]; return !known })
}

// values are those of a request that the condition asks for, and no others: a
// form is read only for a condition that has to know it. Nil means none.
func (c *condition) values(of facts) map[string]any {
	if c == nil {
		return nil
	}
	env := make(map[string]any, len(c.names))
	for _, name := range c.names {
		if name != "count" && name != "now" {
			env[name] = of.fact(name)
		}
	}
	return env
}

// holds evaluates the condition with values, to which it adds two.
func (c *condition) holds(env map[string]any, count int, now time.Time) (bool, error) {
	if c == nil {
		return true, nil
	}
	env["count"], env["now"] = count, now
	value, err := vm.Run(c.program, env)
	if err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		return false, errors.New(message)
	}
	return value == true, nil
}
