package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode"

	strictjson "github.com/go-json-experiment/json"

	"github.com/idpool/idpool/explain"
)

// maxInput is the size above which standard input or a claims file is not read.
const maxInput = 1 << 20

// maxNesting is how deep the JSON of claims may nest. Claims are flat.
const maxNesting = 64

// paste is what somebody gave us, read as what it most likely is: just one of
// token, claims and text is there.
type paste struct {
	token  string
	claims map[string]any
	// text is what a client printed, or an error of the token endpoint.
	text string
	// cleaned is what was taken off or out, in words.
	cleaned []string
}

// readPaste reads a token with whatever people copy along with it, the claims of
// one as JSON, or the text of an error. Its error says what is wrong with JSON
// that is meant to be claims.
func readPaste(input string) (paste, error) {
	var p paste
	s := p.visible(input)
	if strings.HasPrefix(s, "{") {
		done, err := p.object(s)
		if done || err != nil {
			return p, err
		}
	}
	inner := p.bare(s)
	switch compact := p.joined(inner); {
	case compact != "":
		p.token = compact
	case p.tokenWithin(s):
	case isErrorText(s):
		p.cleaned, p.text = nil, s
	default:
		p.token = inner
	}
	return p, nil
}

func (p *paste) note(n int, one, many string) {
	switch {
	case n == 1:
		p.cleaned = append(p.cleaned, one)
	case n > 1:
		p.cleaned = append(p.cleaned, fmt.Sprintf("%d %s", n, many))
	}
}

// visible takes out what nobody sees: a byte order mark, zero-width spaces, the
// marks of writing directions. A no-break space becomes a space.
func (p *paste) visible(s string) string {
	invisible := 0
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\u00a0' || r == '\u202f' || r == '\u3000':
			invisible++
			return ' '
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r) || r != '\n' && r != '\r' && r != '\t' && unicode.IsControl(r):
			invisible++
			return -1
		}
		return r
	}, s)
	p.note(invisible, "an invisible character", "invisible characters")
	return strings.TrimSpace(s)
}

// object reads a JSON object: an answer that has a token, an error of the token
// endpoint, or claims. done is false for what only looks like an object and has
// a token in it.
func (p *paste) object(s string) (done bool, err error) {
	var o map[string]any
	if json.Unmarshal([]byte(s), &o) == nil {
		for _, name := range []string{"access_token", "accessToken", "token", "id_token"} {
			if token, ok := o[name].(string); ok {
				p.cleaned = append(p.cleaned, "the JSON around "+name)
				p.token = strings.TrimSpace(token)
				return true, nil
			}
		}
		if _, ok := explain.ReadTokenError(s); ok || explain.IsChallenge(s) {
			p.text = s
			return true, nil
		}
	}
	if p.claims, err = decodeClaims([]byte(s)); err == nil {
		return true, nil
	}
	return false, errWithout(err, jwtWithin().MatchString(s))
}

// errWithout is err unless there is something better to try.
func errWithout(err error, better bool) error {
	if better {
		return nil
	}
	return err
}

// around is what stands before a token in headers, commands and answers.
var around = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:-H\s+|authorization\s*[:=]\s*|bearer\s+|["']?(?:access_token|id_token|token)["']?\s*[:=]\s*|[\s"'` + "`" + `“”‘’«»„(<\[]+)`)
})

// bare takes off what stands around a token.
func (p *paste) bare(s string) string {
	before := s
	for {
		next := around().ReplaceAllString(s, "")
		next = strings.TrimRight(next, " \t\r\n\"'`“”‘’«»,;)>]}")
		if next == s {
			break
		}
		s = next
	}
	if s != before {
		p.cleaned = append(p.cleaned, "what stood around the token: quotes, the header's Bearer, or the like")
	}
	return s
}

// wrapping is the white space that terminals, mail and files put into a token;
// mail also ends a line with =.
var wrapping = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:=\r?\n|\s)+`) })

// joined is a token whose lines were broken, put together; "" when the text is
// something else than one token.
func (p *paste) joined(s string) string {
	breaks := wrapping().FindAllString(s, -1)
	whole := wrapping().ReplaceAllString(s, "")
	switch odd := strings.ContainsFunc(whole, notOfToken); {
	case len(breaks) == 0 && odd && jwtWithin().MatchString(s):
		return ""
	case len(breaks) == 0:
		return s
	case odd || !strings.HasPrefix(whole, "eyJ") || strings.Count(whole, ".") > 2:
		return ""
	}
	p.note(len(breaks), "a line break or space inside", "line breaks and spaces inside")
	return whole
}

// notOfToken reports the characters that no compact JWT has, nor what people put
// in the place of a signature.
func notOfToken(r rune) bool {
	return (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r) && (r < '0' || '9' < r) && !strings.ContainsRune("-_.=*…", r)
}

// jwtWithin matches a JWT, with or without its signature, in a text.
var jwtWithin = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?`)
})

// tokenWithin takes the only token out of a longer text, such as a curl command.
func (p *paste) tokenWithin(s string) bool {
	all := jwtWithin().FindAllString(s, 2)
	if len(all) != 1 {
		return false
	}
	p.token = all[0]
	p.cleaned = append(p.cleaned, "the text around the token")
	return true
}

// isErrorText says whether a text is what a client prints, and no token: words,
// with spaces between them.
func isErrorText(s string) bool {
	_, refused := explain.ReadTokenError(s)
	return refused || explain.IsChallenge(s) || len(strings.Fields(s)) > 2
}

// say tells what was cleaned, never what the token is.
func (p paste) say(w io.Writer) {
	if len(p.cleaned) > 0 {
		fmt.Fprintln(w, "note: took off "+strings.Join(p.cleaned, ", "))
	}
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("the input is over %d bytes, and a token or its claims are a few thousand", maxInput)
	}
	return data, err
}

// decodeClaims reads a JSON object as the validator does: no member twice.
func decodeClaims(raw []byte) (map[string]any, error) {
	if tooDeep(raw) {
		return nil, fmt.Errorf("the claims nest more than %d levels deep, and claims are flat", maxNesting)
	}
	var claims map[string]any
	if err := strictjson.Unmarshal(raw, &claims); err != nil {
		return nil, fmt.Errorf("the claims are no JSON object: %v", err)
	}
	if claims == nil {
		return nil, errors.New("the claims are null, want a JSON object")
	}
	return claims, nil
}

// tooDeep counts brackets outside of strings.
func tooDeep(raw []byte) bool {
	if bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) <= maxNesting {
		return false
	}
	depth, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\\' && inString:
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			if depth++; depth > maxNesting {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}
