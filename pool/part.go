package pool

// A part is a node of a filter in a form that both languages share, made only
// when somebody asks why a filter did not match.
type part struct {
	text string // as written, on one line
	op   string // as in Deciding.Operator; empty for literals and claims
	args []*part
	// path is the claim that the part reads; nil when it is no plain claim.
	path claimPath
	// literal says that value is written in the filter itself.
	literal bool
	value   any
	// opaque says that there is more in the part than its operands.
	opaque bool
	// node is what the language's own evaluation knows the part by.
	node any
}

// short is the part's text, cut for a sentence.
func (p *part) short() string { return cut(p.text, previewLength) }

// isNot says whether a part negates its only operand.
func (p *part) isNot() bool { return p.op == "!" }

// isNull says whether a part is the literal null or nil.
func (p *part) isNull() bool { return p.literal && p.value == nil }

// hasOpaque says whether a part hides some of what it reads.
func (p *part) hasOpaque() bool {
	if p.opaque {
		return true
	}
	for _, arg := range p.args {
		if arg.hasOpaque() {
			return true
		}
	}
	return false
}

// isLogic says whether a part combines several yes-or-no parts.
func (p *part) isLogic() bool { return p.op == "&&" || p.op == "||" }

// isText says whether a part looks into a string.
func (p *part) isText() bool {
	switch p.op {
	case "startsWith", "endsWith", "contains", "matches":
		return len(p.args) == 2
	}
	return false
}

// claims returns the claims that a part reads, from left to right.
func (p *part) claims() []claimPath {
	if p.path != nil {
		return []claimPath{p.path}
	}
	var all []claimPath
	for _, arg := range p.args {
		all = append(all, arg.claims()...)
	}
	return all
}

// claimOf returns the claim that a member or an index with a literal name
// reads, or nil. A member has the operator "." and its name as value, an index
// "[index]" and two operands, the variable "name" and its name as value.
func claimOf(p *part) claimPath {
	if (p.op != "." || len(p.args) != 1) && (p.op != "[index]" || len(p.args) != 2) {
		return nil
	}
	name := p.value
	if p.op == "[index]" {
		name = p.args[1].value
	}
	field, ok := name.(string)
	base := p.args[0]
	switch {
	case !ok || p.op == "[index]" && !p.args[1].literal:
		return nil
	case base.op == "name" && base.value == "claims":
		return claimPath{field}
	case base.path != nil:
		return append(base.path[:len(base.path):len(base.path)], field)
	}
	return nil
}

// foldList makes a literal of a list of literals.
func foldList(p *part) {
	if p.op != "[]" {
		return
	}
	values := []any{}
	for _, element := range p.args {
		if !element.literal {
			return
		}
		values = append(values, element.value)
	}
	p.literal, p.value, p.op, p.args = true, values, "", nil
}
