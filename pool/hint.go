package pool

import (
	"fmt"
	"strings"

	"github.com/idpool/idpool/internal/nearest"
)

// commonClaims are the claims of tokens of Azure AD and of OpenID Connect,
// which people write without claims. in front.
const commonClaims = " aio amr app_displayname appid appidacr aud azp azpacr client_id email exp family_name given_name " +
	"group groups iat idp idtyp ipaddr iss jti name nbf oid preferred_username rh roles scope scp sid sub tid " +
	"unique_name upn uti ver wids "

// nameHint says what to write for a name that stands alone: a claim without
// its prefix, or text without quotes.
func nameHint(name, next string) string {
	switch {
	case nearClaims(name) && (next == "." || next == "["):
		return `did you mean "claims"?`
	case strings.Contains(commonClaims, " "+name+" "):
		return "write claims." + name
	case next == "." || next == "[":
		return fmt.Sprintf("write claims.%s", name)
	}
	return fmt.Sprintf(`if it is text, quote it: %q; if it is a claim, write claims.%s`, name, name)
}

// nearClaims says whether a word is a slip for claims.
func nearClaims(word string) bool {
	return nearest.To(word, []string{"claims"}) != "" && word != "claims"
}

// tokenHint says what to write in place of the word at a position, in the
// filter's own words where they are plain.
func tokenHint(l Language, s *source, position int) string {
	i := s.index(position)
	if i < 0 {
		return ""
	}
	var before, after string
	if i > 0 && i+1 < len(s.tokens) {
		before, after = s.pathBefore(i), s.tokens[i+1].text
	}
	switch word := s.tokens[i].text; {
	case before != "" && l == CEL && isTextOperator(word):
		return fmt.Sprintf("write %s.%s(%s)", before, celTextOperator(word), after)
	case word == "=" && isName(after) && after != "claims" && after != "true" && after != "false":
		return "write ==, and quote the text after it"
	default:
		return wordHint(l, word)
	}
}

// hasHint says in Expr what has(…) at a position asks in CEL.
func hasHint(s *source, position int) string {
	from := s.index(position) + 2
	for to := from; from > 1 && to < len(s.tokens); to++ {
		if s.tokens[to].text != ")" {
			continue
		}
		if path, err := parsePath(s.tokens[from:to]); err == nil {
			return fmt.Sprintf("in Expr write %s != nil", path)
		}
		break
	}
	return "in Expr write claims.x != nil"
}

// pathBefore is the claim that ends before a token, or empty.
func (s *source) pathBefore(i int) string {
	for from := i - 1; from >= 0; from-- {
		if s.tokens[from].text == "claims" {
			if path, err := parsePath(s.tokens[from:i]); err == nil {
				return path.String()
			}
			return ""
		}
	}
	return ""
}

// isTextOperator says whether a word looks into strings, however it is
// spelt.
func isTextOperator(word string) bool { return celTextOperator(word) != "" }

// celTextOperator returns the spelling of CEL.
func celTextOperator(word string) string {
	switch strings.ToLower(word) {
	case "contains", "matches":
		return strings.ToLower(word)
	case "startswith":
		return "startsWith"
	case "endswith":
		return "endsWith"
	}
	return ""
}

// wordHint says what to write in place of a word of another language; empty
// for a word that it does not know.
func wordHint(l Language, word string) string {
	if replacement := foreignWord(l, word); replacement != "" {
		return "write " + replacement
	}
	if strings.ContainsAny(word, "“”„‘’‚«»") {
		return `use straight quotes, " or '`
	}
	return ""
}

func foreignWord(l Language, word string) string {
	switch word {
	case "=", "===":
		return `==`
	case "<>", "!==":
		return `!=`
	case "&":
		return `&&`
	case "|":
		return `||`
	case "True", "TRUE":
		return "true"
	case "False", "FALSE":
		return "false"
	}
	if l == Expr {
		return map[string]string{"null": "nil", "None": "nil", "AND": "&&", "OR": "||", "NOT": "!"}[word]
	}
	switch strings.ToLower(word) {
	case "and":
		return "&&"
	case "or":
		return "||"
	case "not":
		return "!, as in !(claims.x in [\"a\"])"
	case "nil", "none":
		return "null, or ask with has(claims.x)"
	case "like", "~":
		return `claims.x.startsWith("y")`
	}
	return ""
}
