package pool

import "strings"

const (
	// arrayClaims are arrays in the tokens of Azure AD and of most providers.
	arrayClaims = " roles groups wids amr "
	// stringClaims are strings in the tokens of Azure AD; aud is an array at
	// some other providers.
	stringClaims = " aud iss sub azp appid oid tid scp ver idtyp "
	// requiredClaims are in each token that gets as far as a filter.
	requiredClaims = " iss sub exp iat "
)

// warnSemantics looks for filters that do something else than they seem to.
func (f *Filter) warnSemantics(l Language, root *part) {
	f.warnConstant(root)
	guarded := guards(root)
	f.warnPart(l, root, guarded)
}

// warnConstant is for filters that do not look at the token.
func (f *Filter) warnConstant(root *part) {
	switch {
	case len(root.claims()) > 0 || root.hasOpaque():
	case f.Matches(nil):
		f.warn("the filter reads no claim and matches every token of the provider: ask for aud and sub at least")
	default:
		f.warn("the filter reads no claim and matches no token")
	}
}

// guards are the claims whose presence the filter asks about.
func guards(p *part) string {
	names := " "
	asks := p.op == "has" || p.op == "??" || (p.op == "==" || p.op == "!=") && len(p.args) == 2 && p.args[1].isNull()
	if asks && p.args[0].path != nil {
		names += p.args[0].path.String() + " "
	}
	for _, arg := range p.args {
		names += guards(arg)
	}
	return names
}

func (f *Filter) warnPart(l Language, p *part, guarded string) {
	if len(p.args) == 2 {
		f.warnEquality(p)
		f.warnIn(p)
	}
	f.warnNegation(l, p, guarded)
	for _, arg := range p.args {
		f.warnPart(l, arg, guarded)
	}
}

// warnEquality is for == on a claim that is an array: it is false for each
// token, without an error.
func (f *Filter) warnEquality(p *part) {
	claim, other := p.args[0], p.args[1]
	if claim.path == nil {
		claim, other = other, claim
	}
	if p.op != "==" && p.op != "!=" || len(claim.path) != 1 {
		return
	}
	if _, ok := other.value.(string); !ok {
		return
	}
	switch name := claim.path[0]; {
	case strings.Contains(arrayClaims, " "+name+" "):
		f.warn("%s is an array and never equal to a string: use %s in %s", claim.text, other.text, claim.text)
	case name == "scp":
		f.warn("%s holds all scopes of a token in one string: %s asks for a token with that scope alone", claim.text, p.text)
	}
}

// warnIn is for in on a claim that is a string: an error with each token.
func (f *Filter) warnIn(p *part) {
	if path := p.args[1].path; p.op == "in" && len(path) == 1 && strings.Contains(stringClaims, " "+path[0]+" ") {
		f.warn("%s is a string in tokens of Azure AD, and in looks into an array: %s would not match", path, p.text)
	}
}

// warnNegation is for a negation on a claim that a token may lack, which the
// two languages decide differently.
func (f *Filter) warnNegation(l Language, p *part, guarded string) {
	if p.op != "!=" && (!p.isNot() || p.args[0].isLogic()) {
		return
	}
	for _, path := range p.claims() {
		if strings.Contains(guarded, " "+path.String()+" ") || strings.Contains(requiredClaims, " "+path[0]+" ") {
			continue
		}
		if l == Expr {
			f.warn("%s is true of a token that has no %s", p.text, path)
			continue
		}
		f.warn("%s is an error, and so no match, with a token that has no %s: write !has(%s) || %s if it should match",
			p.text, path, path, p.text)
	}
}
