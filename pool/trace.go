package pool

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Trace is a part of a filter with what it evaluated to, and the parts that it
// is made of. Each part is evaluated, also those that a && or || need not look
// at: a person wants to see them all.
type Trace struct {
	// Expr is the part's text as written, on one line.
	Expr string `json:"expr"`
	// Value is what the part evaluated to, as JSON, cut to 120 characters; empty
	// when it could not be evaluated.
	Value string `json:"value,omitempty"`
	// Error says why it could not, such as: the token has no claims.groups.
	Error string `json:"error,omitempty"`
	// Deciding marks the part that decided against a match.
	Deciding bool `json:"deciding,omitempty"`
	// Children are the part's operands, but for those written out in the filter.
	Children []Trace `json:"children,omitempty"`
}

// maxTraced is how many parts of a filter a Trace has: a filter of 300
// characters has fewer, and nobody reads more.
const maxTraced = 200

// Trace evaluates the filter part by part. The Value of the whole is true just
// when [Filter.Matches] is.
func (f *Filter) Trace(c Claims) Trace {
	if f.program == nil {
		return Trace{Expr: "", Error: "the filter is empty and matches no token", Deciding: true}
	}
	var t Trace
	root, err := f.program.examine(c, func(x *explanation, root *part) {
		left := maxTraced
		t = x.trace(root, &left)
		f.settle(&t, c)
		if t.Value != "true" {
			t.mark(x.result(root).Deciding)
		}
	})
	if err != nil {
		return Trace{Expr: visible(root.text), Error: evalMessage(err), Deciding: true}
	}
	return t
}

// settle gives the whole filter the value that it has as a whole, where that is
// another than its parts have by themselves: Expr finds some operators' operands
// wanting only there.
func (f *Filter) settle(t *Trace, c Claims) {
	if (t.Value == "true") == f.Matches(c) {
		return
	}
	value, err := f.program.run(c)
	if t.Value, t.Error = "", ""; err != nil {
		t.Error = visible(evalMessage(err))
		return
	}
	t.Value = visible(preview(value))
}

// trace is a part with its operands, as long as there are parts left to show.
func (x *explanation) trace(p *part, left *int) Trace {
	*left--
	t := Trace{Expr: visible(p.text)}
	value, err := x.value(p)
	switch {
	case err != nil || value == nil && p.path != nil:
		t.Error = visible(x.why(p, err))
	default:
		t.Value = visible(preview(value))
	}
	if t.Error == "" && t.Value == "" {
		t.Value = "null"
	}
	for _, arg := range p.operands() {
		if arg.literal || *left <= 0 {
			continue
		}
		t.Children = append(t.Children, x.trace(arg, left))
	}
	return t
}

// operands are the parts that a && or || joins, however many, and the plain
// operands of anything else.
func (p *part) operands() []*part {
	if !p.isLogic() {
		return p.args
	}
	var all []*part
	for _, arg := range p.args {
		if arg.op == p.op {
			all = append(all, arg.operands()...)
			continue
		}
		all = append(all, arg)
	}
	return all
}

// why says in the filter's own words why a part has no value. An empty answer
// means that it has one after all: null.
func (x *explanation) why(p *part, err error) string {
	for _, path := range p.claims() {
		r := path.read(x.claims)
		switch {
		case r.missing == nil:
			continue
		case r.missing.nearest(x.claims) != "":
			return fmt.Sprintf("the token has no %s, the nearest that it has is %s", r.missing, r.missing.nearest(x.claims))
		}
		return fmt.Sprintf("the token has no %s", r.missing)
	}
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errNotReached):
		return "not evaluated"
	}
	return evalMessage(err)
}

// mark finds the part that decided and says so there. It is the first of its
// text that did not hold.
func (t *Trace) mark(d *Deciding) bool {
	if d == nil {
		return false
	}
	for i := range t.Children {
		if t.Children[i].mark(d) {
			return true
		}
	}
	if t.Expr != visible(d.Expr) {
		return false
	}
	t.Deciding = true
	return true
}

// String writes the filter with the value of each part under it, for a person.
func (t Trace) String() string {
	var b strings.Builder
	t.write(&b, "")
	return b.String()
}

func (t Trace) write(b *strings.Builder, indent string) {
	expr := t.Expr
	if indent != "" { // the filter itself is shown whole
		expr = cut(expr, previewLength)
	}
	outcome := "= " + t.Value
	if t.Value == "" {
		outcome = "! " + t.Error
	}
	if t.Deciding {
		outcome += "   ← this decides"
	}
	fmt.Fprintf(b, "%s%s\n%s%s\n", indent, expr, indent, outcome)
	for _, child := range t.Children {
		child.write(b, indent+"  ")
	}
}

// visible spells out what a terminal would not show, or would obey.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }
