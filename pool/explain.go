package pool

import (
	"fmt"
	"strings"
)

// explanation finds out why a filter did not match. It works on parts, so that
// both languages are explained in the same words.
type explanation struct {
	claims Claims
	// eval evaluates one part; a claim that is missing may be an error (CEL)
	// or nil (Expr).
	eval func(*part) (any, error)
	// absorbs says that a false side of && outweighs an error on the other,
	// and a true side of || likewise, as CEL has it.
	absorbs bool
}

// A finding is a part that decided, and why, in words.
type finding struct {
	Deciding
	why string
}

// shownAlternatives is how many sides of a || the reason spells out.
const shownAlternatives = 3

// result explains a filter that did not match.
func (x *explanation) result(root *part) Result {
	// Expr's && and || return a side's value as it is; which side is told below.
	// A nil is a claim that Expr did not find, and told as missing.
	if value, err := x.value(root); err == nil && value != nil && !root.isLogic() {
		if _, ok := value.(bool); !ok {
			return x.notBool(root, value)
		}
	}
	found := x.decide(root, true)
	best := 0
	for i := range found {
		if found[i].weight() > found[best].weight() {
			best = i
		}
	}
	reason := found[best].why
	others := append(found[:best:best], found[best+1:]...)
	for i, f := range others {
		if i == shownAlternatives {
			reason += fmt.Sprintf("; and %d more alternatives did not hold", len(others)-i)
			break
		}
		reason += "; nor did the alternative hold: " + f.why
	}
	return Result{Reason: reason, Deciding: &found[best].Deciding}
}

// notBool explains a filter that is no yes or no as a whole.
func (x *explanation) notBool(root *part, value any) Result {
	d := &Deciding{Expr: root.text, Kind: KindNotBool, Operator: root.op, Want: "true or false"}
	if paths := root.claims(); len(paths) > 0 {
		d.Claim = paths[0].String()
		d.Got = preview(paths[0].read(x.claims).value)
	}
	reason := fmt.Sprintf("%s is %s, and a filter must be true or false", root.short(), described(value))
	return Result{Reason: reason, Deciding: d}
}

// weight ranks findings by how likely they are to be the mistake that a person
// looks for: a slip of the filter's author before a token that differs.
func (f *finding) weight() int {
	switch {
	case f.Kind == KindWrongType:
		return 4
	case f.Kind == KindMissingClaim && f.Nearest != "":
		return 3
	case f.Kind == KindMissingClaim:
		return 1
	}
	return 2
}

// truth evaluates a part to yes (+1), no (-1) or neither (0: an error, or a
// value of another type).
func (x *explanation) truth(p *part) int {
	value, err := x.value(p)
	truth, ok := value.(bool)
	switch {
	case err != nil || !ok:
		return 0
	case truth:
		return 1
	}
	return -1
}

func (x *explanation) value(p *part) (any, error) {
	if p.literal {
		return p.value, nil
	}
	return x.eval(p)
}

// decide returns the parts that kept p from being what was wanted of it. There
// is always one; there are several where each alone would have been enough.
func (x *explanation) decide(p *part, want bool) []finding {
	switch {
	case p.isNot() && (p.args[0].isLogic() || p.args[0].isNot() || !want):
		return x.decide(p.args[0], !want)
	case p.op == "?:":
		return x.decideBranch(p, want)
	case !p.isLogic():
		return []finding{x.leaf(p, want)}
	case (p.op == "&&") == want:
		return x.decideFirst(p, want)
	}
	return x.decideAll(p, want)
}

func (x *explanation) decideBranch(p *part, want bool) []finding {
	switch x.truth(p.args[0]) {
	case 1:
		return x.decide(p.args[1], want)
	case -1:
		return x.decide(p.args[2], want)
	}
	return x.decide(p.args[0], true)
}

// decideFirst is for a && that should be true, and a || that should be false:
// one side alone spoils it.
func (x *explanation) decideFirst(p *part, want bool) []finding {
	opposite := 1
	if want {
		opposite = -1
	}
	var undecided *part
	for _, side := range p.args {
		truth := x.truth(side)
		if truth == opposite || truth == 0 && !x.absorbs {
			return x.decide(side, want)
		}
		if truth == 0 && undecided == nil {
			undecided = side
		}
	}
	if undecided != nil {
		return x.decide(undecided, want)
	}
	return []finding{x.leaf(p, want)}
}

// decideAll is for a || that should be true, and a && that should be false:
// every side failed, or without absorption the first error ended it.
func (x *explanation) decideAll(p *part, want bool) []finding {
	var found []finding
	for _, side := range p.args {
		if x.truth(side) == 0 && !x.absorbs {
			return x.decide(side, want)
		}
		found = append(found, x.decide(side, want)...)
	}
	return found
}

// leaf explains a part that no further && or || divides.
func (x *explanation) leaf(p *part, want bool) finding {
	inner, negated := p, !want
	for inner.isNot() {
		inner, negated = inner.args[0], !negated
	}
	f := finding{Deciding: Deciding{Expr: p.text, Kind: KindFalse, Operator: p.op}}
	if paths := inner.claims(); len(paths) > 0 {
		f.Claim = paths[0].String()
		if r := paths[0].read(x.claims); r.found {
			f.Got = preview(r.value)
		}
	}
	value, err := x.value(inner)
	if x.missing(&f, inner, negated, err) || x.wrongType(&f, inner, value, err) {
		return f
	}
	if err != nil {
		f.Kind = KindError
		f.why = fmt.Sprintf("%s could not be evaluated: %s", p.short(), evalMessage(err))
		return f
	}
	x.outcome(&f, inner, negated)
	if !want && !p.isNot() {
		f.why = fmt.Sprintf("%s holds, where the filter wants that it does not", p.short())
	}
	return f
}

// missing explains a part that reads a claim which is not there.
func (x *explanation) missing(f *finding, p *part, negated bool, err error) bool {
	if err == nil && negated {
		return false // in Expr an absent claim is not what made it true
	}
	for _, path := range p.claims() {
		r := path.read(x.claims)
		if r.missing == nil {
			continue
		}
		f.Kind, f.Claim, f.Got = KindMissingClaim, r.missing.String(), ""
		f.Nearest = r.missing.nearest(x.claims)
		f.Want = "a token with " + f.Claim
		f.why = fmt.Sprintf("%s: the token has no %s", cut(f.Expr, previewLength), f.Claim)
		if f.Nearest != "" {
			f.why += fmt.Sprintf(", the nearest that it has is %s", f.Nearest)
		}
		return true
	}
	return false
}

// evalMessage makes an evaluation error of either language fit for a sentence.
func evalMessage(err error) string {
	message, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(message, "ERROR: ")
}
