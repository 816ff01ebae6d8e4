package pool

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/idpool/idpool/internal/nearest"
)

// wrongType explains a part whose operator the claim's type does not have, and
// says what to write instead.
func (x *explanation) wrongType(f *finding, p *part, value any, err error) bool {
	why := x.blockedPath(p)
	switch {
	case why != "":
	case len(p.args) == 2 && (p.op == "==" || p.op == "!="):
		why = x.unequalTypes(f, p)
	case len(p.args) == 2 && p.op == "in" && err != nil:
		why = x.inWrongType(f, p)
	case p.isText() && err != nil:
		why = x.textWrongType(f, p)
	case p.path != nil && err == nil:
		if _, ok := value.(bool); !ok {
			f.Want = "true or false"
			why = fmt.Sprintf("%s is %s, and is used as a yes or no", p.short(), described(value))
		}
	}
	if why == "" {
		return false
	}
	f.Kind, f.why = KindWrongType, why
	return true
}

// blockedPath explains claims.a.b where claims.a is no object.
func (x *explanation) blockedPath(p *part) string {
	for _, path := range p.claims() {
		if r := path.read(x.claims); r.blocked != nil {
			return fmt.Sprintf("%s cannot be read: %s is %s", path, r.blocked, described(r.blocker))
		}
	}
	return ""
}

// unequalTypes explains an equality that no value of the claim's type can
// meet.
func (x *explanation) unequalTypes(f *finding, p *part) string {
	claim, other := p.args[0], p.args[1]
	if claim.path == nil {
		claim, other = other, claim
	}
	got, err := x.value(claim)
	want, otherErr := x.value(other)
	if claim.path == nil || err != nil || otherErr != nil || typeName(got) == typeName(want) {
		return ""
	}
	f.Claim, f.Got, f.Want = claim.path.String(), preview(got), preview(want)
	if _, ok := got.([]any); ok && want != nil {
		f.Want = "an array with " + f.Want
		return fmt.Sprintf("%s is an array, %s: use %s in %s", claim.short(), f.Got, other.short(), claim.short())
	}
	if got == nil || want == nil {
		return ""
	}
	return fmt.Sprintf("%s is %s, and never equal to %s", claim.short(), described(got), described(want))
}

// inWrongType explains in on something that is no array.
func (x *explanation) inWrongType(f *finding, p *part) string {
	container, err := x.value(p.args[1])
	if err != nil || p.args[1].path == nil {
		return ""
	}
	f.Claim, f.Got = p.args[1].path.String(), preview(container)
	f.Want = "an array with " + p.args[0].short()
	switch container.(type) {
	case []any, map[string]any:
		return ""
	case string:
		return fmt.Sprintf("%s is a string, %s, and in looks into an array: use %s == %s",
			p.args[1].short(), f.Got, p.args[1].short(), p.args[0].short())
	}
	return fmt.Sprintf("%s is %s, and in looks into an array", p.args[1].short(), described(container))
}

// textWrongType explains startsWith and its like on something that is no
// string.
func (x *explanation) textWrongType(f *finding, p *part) string {
	for i, arg := range p.args {
		value, err := x.value(arg)
		if _, ok := value.(string); ok || err != nil {
			continue
		}
		if arg.path != nil {
			f.Claim, f.Got = arg.path.String(), preview(value)
		}
		f.Want = "a string"
		why := fmt.Sprintf("%s is %s, and %s works on strings", arg.short(), described(value), p.op)
		if _, ok := value.([]any); ok && i == 0 {
			why += fmt.Sprintf(": for a whole element use in, as in \"x\" in %s", arg.short())
		}
		return why
	}
	return ""
}

// outcome explains a part that was evaluated and came out wrong.
func (x *explanation) outcome(f *finding, p *part, negated bool) {
	subject, object := x.operands(p)
	switch {
	case p.literal:
		f.Want = fmt.Sprint(!negated)
		f.why = fmt.Sprintf("%s is written in the filter and matches no token", cut(f.Expr, previewLength))
	case p.op == "has":
		x.presence(f, p, negated)
	case p.path != nil:
		f.Want = fmt.Sprint(!negated)
		f.why = fmt.Sprintf("%s is %s", p.short(), f.Got)
	case subject == nil:
		f.Want = fmt.Sprint(!negated)
		f.why = cut(f.Expr, previewLength) + " is false"
		if f.Claim != "" {
			f.why += fmt.Sprintf(", %s being %s", f.Claim, f.Got)
		}
	default:
		x.comparison(f, p, subject, object, negated)
	}
}

// presence explains has().
func (x *explanation) presence(f *finding, p *part, negated bool) {
	path := p.args[0].path
	f.Want = "a token without " + path.String()
	if negated {
		f.why = fmt.Sprintf("the token has %s, %s", path, f.Got)
		return
	}
	f.why = fmt.Sprintf("%s is false", p.short())
}

// operands tells the operand that is asked about, of which the value is shown,
// from the one it is held against. Both are nil for an operator whose sense is
// not known here.
func (x *explanation) operands(p *part) (subject, object *part) {
	if len(p.args) != 2 {
		return nil, nil
	}
	subject, object = p.args[0], p.args[1]
	switch {
	case p.op == "==" || p.op == "!=":
		if subject.literal {
			subject, object = object, subject
		}
	case p.op == "in":
		if subject.literal {
			subject, object = object, subject
		}
	case !p.isText() && !strings.Contains(" < <= > >= ", " "+p.op+" "):
		return nil, nil
	}
	return subject, object
}

// comparison explains an operator with a subject and what it is held against.
func (x *explanation) comparison(f *finding, p, subject, object *part, negated bool) {
	f.Got = x.show(subject)
	against := x.show(object)
	op := p.op
	if op == "!=" {
		op, negated = "==", !negated
	}
	if op == "in" && subject == p.args[1] {
		op = "has in"
	}
	f.Want = wanted(op, against, negated)
	f.why = fmt.Sprintf("%s is %s, and %s wants %s", subject.short(), f.Got, cut(f.Expr, previewLength), f.Want)
	if p.op == "in" && !negated {
		f.why += x.nearElement(subject, object)
	}
}

// wanted says what would have satisfied an operator. "has in" is an in whose
// subject is the array.
func wanted(op, against string, negated bool) string {
	phrases := map[string][2]string{
		"==":         {"%s", "anything but %s"},
		"startsWith": {"a string that starts with %s", "a string that does not start with %s"},
		"endsWith":   {"a string that ends with %s", "a string that does not end with %s"},
		"contains":   {"a string that contains %s", "a string that does not contain %s"},
		"matches":    {"a string that matches %s", "a string that does not match %s"},
		"<":          {"less than %s", "not less than %s"},
		"<=":         {"at most %s", "more than %s"},
		">":          {"more than %s", "not more than %s"},
		">=":         {"at least %s", "less than %s"},
		"in":         {"one of %s", "none of %s"},
		"has in":     {"an array with %s", "an array without %s"},
	}
	phrase := phrases[op][0]
	if negated {
		phrase = phrases[op][1]
	}
	return fmt.Sprintf(phrase, against)
}

// show is a part's value as JSON, or its text when it has none.
func (x *explanation) show(p *part) string {
	value, err := x.value(p)
	if err != nil {
		return p.short()
	}
	return preview(value)
}

// nearElement points out an element that is nearly the wanted one: another
// spelling is the commonest cause.
func (x *explanation) nearElement(subject, object *part) string {
	wanted, list := x.strings(object), x.strings(subject)
	if len(wanted) != 1 {
		wanted, list = list, wanted
	}
	if len(wanted) != 1 {
		return ""
	}
	if near := nearest.To(wanted[0], list); near != "" && near != wanted[0] {
		return fmt.Sprintf("; the nearest is %s", preview(near))
	}
	return ""
}

// strings returns the strings in a part's value: itself, its elements, or the
// names of an object's members.
func (x *explanation) strings(p *part) []string {
	value, _ := x.value(p)
	var all []string
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, element := range v {
			if s, ok := element.(string); ok {
				all = append(all, s)
			}
		}
	case map[string]any:
		return slices.Sorted(maps.Keys(v))
	}
	return all
}
