package explain

import (
	"slices"
	"strings"
	"unicode"
)

// comparison is one place where a filter compares a claim with literals, such
// as 'a' in claims.roles. Both filter languages write it alike.
type comparison struct {
	path     []string // of the claim, such as [roles] or [https://x/y]
	operator string   // ==, !=, in, has, startsWith, endsWith, contains; "" for a claim alone
	literals []string
	// listLeft is true when the claim is what is searched: 'a' in claims.roles.
	listLeft bool
	negated  bool // under an odd number of !
}

// name is the claim as a filter writes it.
func (c comparison) name() string { return claimName(c.path) }

// claimName writes a path with dots where it can and with brackets where it
// must.
func claimName(path []string) string {
	var b strings.Builder
	b.WriteString("claims")
	for _, p := range path {
		if isName(p) {
			b.WriteString("." + p)
			continue
		}
		b.WriteString(`["` + p + `"]`)
	}
	return b.String()
}

// isName says whether a name may follow a dot.
func isName(s string) bool {
	for i, r := range s {
		if !nameRune(r) || i == 0 && unicode.IsDigit(r) {
			return false
		}
	}
	return s != ""
}

func nameRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// lexeme is a token of a filter: a claim with its path, a string literal, or
// anything else by its text.
type lexeme struct {
	kind byte // 'c' claim, 's' string literal, 'w' word, 'o' the rest
	text string
	path []string
}

// comparisons finds what a filter compares. It is a reader, not a judge:
// whether the filter is valid and what it is worth is package pool's to say,
// and what this reader does not know it leaves out.
func comparisons(filter string) []comparison {
	lex := lexemes(filter)
	negated := negations(lex)
	var found []comparison
	for i, l := range lex {
		if l.kind != 'c' {
			continue
		}
		c := compared(lex, i)
		c.negated = negated[i] != (c.operator == "not in")
		c.operator = strings.TrimPrefix(c.operator, "not ")
		found = append(found, c)
	}
	return found
}

// compared reads the comparison around the claim lex[i].
func compared(lex []lexeme, i int) comparison {
	c := comparison{path: lex[i].path}
	if op, next := operatorAt(lex, i+1); op != "" {
		c.operator, c.literals = op, literalsAt(lex, next)
		return c
	}
	left, op := i-2, at(lex, i-1).text
	if op == "in" && at(lex, left).text == "not" { // Expr: 'a' not in claims.roles
		left, op = left-1, "not in"
	}
	switch l := at(lex, left); {
	case l.kind == 's' && slices.Contains([]string{"==", "!=", "in", "not in"}, op):
		c.operator, c.literals = op, []string{l.text}
		c.listLeft = strings.HasSuffix(op, "in")
	case op == "(" && l.text == "has":
		c.operator = "has"
	}
	return c
}

// operatorAt reads the operator that follows a claim, and where its right
// side begins.
func operatorAt(lex []lexeme, i int) (op string, next int) {
	switch l := at(lex, i); {
	case l.text == "==" || l.text == "!=" || l.text == "in":
		return l.text, i + 1
	case l.text == "not" && at(lex, i+1).text == "in":
		return "not in", i + 2
	case l.kind == 'w' && (l.text == "startsWith" || l.text == "endsWith" || l.text == "contains"):
		return l.text, i + 1
	}
	return "", i
}

// literalsAt reads a literal, or a list or an argument of literals.
func literalsAt(lex []lexeme, i int) []string {
	if l := at(lex, i); l.kind == 's' {
		return []string{l.text}
	} else if l.text != "[" && l.text != "(" {
		return nil
	}
	var found []string
	for i++; i < len(lex) && (lex[i].kind == 's' || lex[i].text == ","); i++ {
		if lex[i].kind == 's' {
			found = append(found, lex[i].text)
		}
	}
	return found
}

// at is lex[i], or nothing beyond the ends.
func at(lex []lexeme, i int) lexeme {
	if i < 0 || i >= len(lex) {
		return lexeme{}
	}
	return lex[i]
}

// negations says of each lexeme whether it stands under an odd number of !.
func negations(lex []lexeme) []bool {
	under := make([]bool, len(lex))
	var open []bool // what each open parenthesis returns to
	now, pending := false, false
	for i, l := range lex {
		under[i] = now != pending
		switch {
		case l.text == "!" && l.kind == 'o':
			pending = !pending
		case l.text == "(" && l.kind == 'o':
			open = append(open, now)
			now, pending = now != pending, false
		case l.text == ")" && l.kind == 'o':
			if len(open) > 0 {
				now, open = open[len(open)-1], open[:len(open)-1]
			}
			pending = false
		case l.kind != 'w':
			pending = false
		}
	}
	return under
}

// lexemes splits a filter. Bytes that belong to no filter become lexemes of
// their own, so that nothing can make it fail.
func lexemes(filter string) []lexeme {
	var found []lexeme
	rest := []rune(filter)
	for len(rest) > 0 {
		var l lexeme
		switch r := rest[0]; {
		case unicode.IsSpace(r):
			rest = rest[1:]
			continue
		case r == '\'' || r == '"':
			l.kind = 's'
			l.text, rest = quoted(rest)
		case nameRune(r):
			l, rest = word(rest)
		default:
			l.kind = 'o'
			l.text, rest = operator(rest)
		}
		if l.text == "." { // a method: claims.x.startsWith was cut before its name
			continue
		}
		found = append(found, l)
	}
	return found
}

// operator reads an operator or a bracket.
func operator(rest []rune) (string, []rune) {
	for _, two := range []string{"==", "!=", "&&", "||", "<=", ">="} {
		if len(rest) >= 2 && string(rest[:2]) == two {
			return two, rest[2:]
		}
	}
	return string(rest[:1]), rest[1:]
}

// quoted reads a string literal; one that does not end is read to the end.
func quoted(rest []rune) (string, []rune) {
	var text []rune
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == rest[0]:
			return string(text), rest[i+1:]
		case rest[i] == '\\' && i+1 < len(rest):
			i++
		}
		text = append(text, rest[i])
	}
	return string(text), nil
}

// word reads a name, and the whole path when that name is claims.
func word(rest []rune) (lexeme, []rune) {
	name, rest := nameOf(rest)
	if name != "claims" {
		return lexeme{kind: 'w', text: name}, rest
	}
	l := lexeme{kind: 'c', text: name}
	for len(rest) > 1 {
		var step string
		after := rest
		switch {
		case rest[0] == '.' && nameRune(rest[1]):
			step, after = nameOf(rest[1:])
		case rest[0] == '[' && (rest[1] == '\'' || rest[1] == '"'):
			step, after = quoted(rest[1:])
			after = trimBracket(after)
		}
		if step == "" || isMethod(step, after) {
			break
		}
		l.path, rest = append(l.path, step), after
	}
	return l, rest
}

// trimBracket drops the ] that ends an index.
func trimBracket(rest []rune) []rune {
	if len(rest) > 0 && rest[0] == ']' {
		return rest[1:]
	}
	return rest
}

// isMethod tells claims.x.startsWith( from a claim of that name.
func isMethod(step string, rest []rune) bool {
	return len(rest) > 0 && rest[0] == '(' &&
		slices.Contains([]string{"startsWith", "endsWith", "contains", "matches", "size"}, step)
}

// nameOf reads the longest name.
func nameOf(rest []rune) (string, []rune) {
	n := 0
	for n < len(rest) && nameRune(rest[n]) {
		n++
	}
	return string(rest[:n]), rest[n:]
}
