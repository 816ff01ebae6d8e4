package pool

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// IdentityClaim is a compiled path such as claims.azp or
// claims["https://x/y"].
type IdentityClaim struct{ path claimPath }

// defaultIdentityClaim is what the console of Confluent Cloud fills in.
const defaultIdentityClaim = "claims.sub"

// CompileIdentityClaim parses a path; an empty one means claims.sub. Its error
// is a *[ConfigError] of the field identityClaim.
func CompileIdentityClaim(path string) (*IdentityClaim, error) {
	if path == "" {
		path = defaultIdentityClaim
	}
	s := newSource(path)
	names, err := parsePath(s.tokens)
	if err != nil {
		return nil, &ConfigError{Field: "identityClaim", Err: fmt.Errorf("%q is no identity claim: %w", path, err)}
	}
	return &IdentityClaim{path: names}, nil
}

// parsePath reads claims.a, claims["a"] and what follows in the same way.
func parsePath(words []token) (claimPath, error) {
	if len(words) == 0 || words[0].text != "claims" {
		return nil, errors.New(pathHint(words))
	}
	var path claimPath
	for rest := words[1:]; len(rest) > 0; {
		name, n := member(rest)
		if n == 0 {
			return nil, fmt.Errorf("%q at column %d is neither .name nor [\"name\"]", rest[0].text, rest[0].start+1)
		}
		path, rest = append(path, name), rest[n:]
	}
	if path == nil {
		return nil, errors.New("it names no claim, write claims.sub or another")
	}
	return path, nil
}

// pathHint says what to write for a path that does not begin with claims.
func pathHint(words []token) string {
	if len(words) == 1 && isName(words[0].text) {
		return fmt.Sprintf("write claims.%s", words[0].text)
	}
	if len(words) > 1 && words[1].text == "." && nearClaims(words[0].text) {
		return fmt.Sprintf("did you mean claims%s?", strings.TrimPrefix(join(words), words[0].text))
	}
	return "it begins with claims, as in claims.azp or claims[\"https://x/y\"]"
}

// member reads one step of a path and says of how many words it is; none when
// it is no step.
func member(words []token) (name string, n int) {
	switch {
	case len(words) >= 2 && words[0].text == "." && isName(words[1].text):
		return words[1].text, 2
	case len(words) >= 3 && words[0].text == "[" && words[2].text == "]":
		if name, ok := unquote(words[1].text); ok {
			return name, 3
		}
	}
	return "", 0
}

// unquote reads a string literal in either kind of quotes.
func unquote(literal string) (string, bool) {
	if strings.HasPrefix(literal, "'") && strings.HasSuffix(literal, "'") && len(literal) > 1 {
		inner := strings.ReplaceAll(literal[1:len(literal)-1], `\'`, `'`)
		literal = `"` + strings.ReplaceAll(inner, `"`, `\"`) + `"`
	}
	if !strings.HasPrefix(literal, `"`) {
		return "", false
	}
	name, err := strconv.Unquote(literal)
	return name, err == nil && name != ""
}

func join(words []token) string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.text)
	}
	return b.String()
}

// Claim is the path as a filter writes it, such as claims.azp.
func (i *IdentityClaim) Claim() string { return i.path.String() }

// Value reads the claim: a non-empty string, or an error that says what was
// there instead and, for a missing claim, which existing one is nearest.
func (i *IdentityClaim) Value(c Claims) (string, error) {
	r := i.path.read(c)
	switch value, ok := r.value.(string); {
	case r.missing != nil:
		return "", i.missing(c, r.missing)
	case r.blocked != nil:
		return "", fmt.Errorf("pool: the identity claim %s cannot be read: %s is %s", i.path, r.blocked, described(r.blocker))
	case !ok:
		return "", fmt.Errorf("pool: the identity claim %s is %s, and must be a string", i.path, described(r.value))
	case value == "":
		return "", fmt.Errorf("pool: the identity claim %s is an empty string", i.path)
	default:
		return value, nil
	}
}

func (i *IdentityClaim) missing(c Claims, missing claimPath) error {
	if near := missing.nearest(c); near != "" {
		return fmt.Errorf("pool: the token has no %s, the identity claim; the nearest that it has is %s", missing, near)
	}
	return fmt.Errorf("pool: the token has no %s, the identity claim", missing)
}
