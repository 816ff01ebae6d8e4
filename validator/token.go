package validator

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// defaultMaxTokenBytes is far above any token of Azure (2 KB, 6 KB with 200
// groups) and below what an HTTP header may carry.
const defaultMaxTokenBytes = 16 << 10

// maxDepth is how deep the JSON of a token may nest. Claims are flat; a filter
// that walks them must not be at the mercy of a thousand brackets.
const maxDepth = 32

// token is a parsed JWT in JWS compact serialization (RFC 7515 3.1).
type token struct {
	header, claims map[string]any
	alg, kid       string
	// headerText is the header as received.
	headerText string
	signature  []byte
}

// mistake says what is wrong with a token or a claim, as a failed Check does. It
// is no error, because it never leaves the package as one.
type mistake struct{ message, got, want string }

// parseToken reads a compact JWT of at most limit bytes. It is as strict as
// the RFCs allow, so that every byte of an accepted token counts: no padding,
// no line breaks, no stray bits, no duplicate member (RFC 7519 4).
//
// The typ header is not looked at: neither Apache Kafka nor anything that
// Confluent documents does, and Azure, RFC 9068 and others differ in it.
func parseToken(raw string, limit int, known *knownHeaders) (token, *mistake) {
	if m := wrongShape(raw, limit); m != nil {
		return token{}, m
	}
	first, rest, _ := strings.Cut(raw, ".")
	middle, last, _ := strings.Cut(rest, ".")
	t, m := known.read(first)
	if m != nil {
		return t, m
	}
	if t.claims, m = decodeObject("payload", middle); m != nil {
		return t, m
	}
	if t.signature, m = decodePart("signature", last, nil); m != nil {
		return t, m
	}
	return t, wrongAudience(t.claims)
}

// readHeader reads the first part of a token.
func readHeader(text string) (token, *mistake) {
	t := token{headerText: text}
	var m *mistake
	if t.header, m = decodeObject("header", text); m != nil {
		return t, m
	}
	t.alg, _ = t.header["alg"].(string)
	t.kid, _ = t.header["kid"].(string)
	return t, wrongHeader(t.header)
}

// wrongShape finds what can be said without decoding anything. No message
// repeats any of the token: whatever it is, it may be somebody's secret.
func wrongShape(raw string, limit int) *mistake {
	const want = "header.payload.signature, each part in unpadded base64url"
	switch dots := strings.Count(raw, "."); {
	case raw == "":
		return &mistake{"there is no token", "an empty string", want}
	case len(raw) > limit:
		return &mistake{"the token is too large to be read", strconv.Itoa(len(raw)) + " bytes",
			"at most " + strconv.Itoa(limit) + " bytes"}
	case len(raw) > 7 && strings.EqualFold(raw[:7], "bearer "):
		return &mistake{`the token begins with the word "Bearer": send the token alone`,
			`"Bearer " before the token`, want}
	case whitespaceAt(raw) >= 0:
		return &mistake{"the token has white space in it or around it, which a copy or a file often adds",
			whitespaceIn(raw), want}
	case dots == 0:
		return &mistake{"the token is opaque, no JWT: ask for a token of an API of your own, not for one of Microsoft Graph or of another service",
			"1 part, no dot in " + strconv.Itoa(len(raw)) + " bytes", want}
	case dots == 4:
		return &mistake{"the token is encrypted (JWE); a broker can only read signed ones (JWS)", "5 parts", want}
	case dots != 2:
		return &mistake{"the token is no JWT in compact form", strconv.Itoa(dots+1) + " parts", want}
	}
	return nil
}

// whitespaceAt is the first place of the white space that people paste, or -1.
// Line breaks must be found here: Go's base64 decoder skips them.
func whitespaceAt(raw string) int {
	for _, space := range []byte{'\n', '\r', ' ', '\t'} {
		if at := strings.IndexByte(raw, space); at >= 0 {
			return at
		}
	}
	return -1
}

// whitespaceIn says which white space is where.
func whitespaceIn(raw string) string {
	at := whitespaceAt(raw)
	return strconv.QuoteRune(rune(raw[at])) + " at byte " + strconv.Itoa(at+1) + " of " + strconv.Itoa(len(raw))
}

// wrongHeader refuses the headers that change what the signature means or what
// the payload is. Headers that name a key or a place of keys (jku, jwk, x5u,
// x5c) are not refused: they are never looked at.
func wrongHeader(header map[string]any) *mistake {
	if crit, ok := header["crit"]; ok {
		return &mistake{"the header marks extensions as critical (crit, RFC 7515 4.1.11), and none is supported",
			"crit " + show(crit), "no crit"}
	}
	if b64, ok := header["b64"]; ok {
		return &mistake{"the header changes how the payload is encoded (b64, RFC 7797), which is not supported",
			"b64 " + show(b64), "no b64"}
	}
	cty, _ := header["cty"].(string)
	if strings.EqualFold(cty, "JWT") || strings.EqualFold(cty, "application/jwt") {
		return &mistake{"the token is nested: its payload is another JWT (RFC 7519 5.2)",
			"cty " + show(cty), "a payload of claims"}
	}
	return nil
}

// wrongAudience refuses an aud that RFC 7519 4.1.3 does not know. Whether the
// audience is the right one is for a pool's filter to say.
func wrongAudience(claims map[string]any) *mistake {
	aud, ok := claims["aud"]
	if !ok {
		return nil
	}
	if _, ok := aud.(string); ok {
		return nil
	}
	list, ok := aud.([]any)
	if ok && !slices.ContainsFunc(list, func(v any) bool { _, isString := v.(string); return !isString }) {
		return nil
	}
	return &mistake{"aud is neither a string nor a list of strings (RFC 7519 4.1.3)",
		"aud " + show(aud), "a string or a list of strings"}
}

// decodePart decodes one of a token's parts from unpadded base64url, into buffer
// if it fits.
func decodePart(name, part string, buffer []byte) ([]byte, *mistake) {
	// Strict refuses trailing bits that are not zero: without it the last
	// character of a part could be changed and nobody would notice.
	decoded, err := base64.RawURLEncoding.Strict().AppendDecode(buffer, []byte(part))
	if err == nil {
		return decoded, nil
	}
	m := &mistake{message: "the " + name + " is not base64url", got: "a single character after the last whole group",
		want: "unpadded base64url (RFC 7515 2)"}
	var at base64.CorruptInputError
	if !errors.As(err, &at) || int(at) >= len(part) {
		return nil, m
	}
	place := " at character " + strconv.Itoa(int(at)+1) + " of " + strconv.Itoa(len(part))
	switch c := part[at]; {
	case c == '=':
		m.message += ": it is padded"
		m.got = `"="` + place
	case c == '+' || c == '/':
		m.message += " but standard base64"
		m.got = strconv.Quote(string(c)) + place
	case base64URLAlphabet(c) && len(part)%4 == 1:
	case base64URLAlphabet(c):
		m.got = "bits after the last byte" + place
	default:
		m.got = strconv.QuoteToASCII(string(rune(c))) + place
	}
	return nil, m
}

func base64URLAlphabet(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// decodeObject decodes a part that is a JSON object. A duplicate member is
// refused at any depth: RFC 7519 4 lets a reader take the last, and another
// reader might take the first.
func decodeObject(name, part string) (map[string]any, *mistake) {
	var buffer [1 << 10]byte // on the stack, and enough for most
	decoded, m := decodePart(name, part, buffer[:0])
	if m != nil {
		return nil, m
	}
	plain := string(decoded)
	if object, ok := readPlain(plain); ok {
		return object, nil
	}
	return decodeAnyObject(name, []byte(plain))
}

// decodeAnyObject decodes an object that is not plain, or says why it cannot.
func decodeAnyObject(name string, text []byte) (map[string]any, *mistake) {
	want := "a JSON object"
	if tooDeep(text) {
		return nil, &mistake{"the " + name + " is nested too deeply", "more than " + strconv.Itoa(maxDepth) + " levels",
			"at most " + strconv.Itoa(maxDepth) + " levels"}
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		got, problem := jsonMistake(err)
		return nil, &mistake{"the " + name + " " + problem, got, want}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, &mistake{"the " + name + " is JSON but no object", kindName(jsontext.Value(text).Kind()), want}
	}
	return object, nil
}

// jsonMistake turns a decoder's error into what was seen and what is wrong.
func jsonMistake(err error) (got, message string) {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		pointer := ""
		if errors.As(err, &syntax) {
			pointer = string(syntax.JSONPointer)
		} else if errors.As(err, &semantic) {
			pointer = string(semantic.JSONPointer)
		}
		return quote(jsontext.Pointer(pointer).LastToken()) + " twice, at " + quote(pointer),
			"has a member twice, so that two readers could see two values (RFC 7519 4)"
	case errors.As(err, &syntax):
		return "invalid JSON at byte " + strconv.FormatInt(syntax.ByteOffset+1, 10), "is no JSON: " + clip(reason(syntax.Err))
	case errors.As(err, &semantic):
		return "an unreadable value at " + quote(string(semantic.JSONPointer)), "has a value that cannot be read, such as a number too large"
	}
	return "unreadable JSON", "is no JSON"
}

// reason is the text of a decoder's inner error without its package's prefix.
func reason(err error) string {
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return "it ends too early"
	}
	return strings.TrimPrefix(err.Error(), "jsontext: ")
}

// tooDeep reports whether JSON nests deeper than maxDepth. Counting brackets
// first keeps ordinary tokens from being read twice.
func tooDeep(text []byte) bool {
	if bytes.Count(text, []byte("{"))+bytes.Count(text, []byte("[")) <= maxDepth {
		return false
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := decoder.ReadToken(); err != nil {
			return false // whatever is wrong, the real decoder says it better
		}
		if decoder.StackDepth() > maxDepth {
			return true
		}
	}
}

// kindName says in words what kind of JSON value there is.
func kindName(kind jsontext.Kind) string {
	switch kind {
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '[':
		return "an array"
	case 'n':
		return "null"
	}
	return "a boolean"
}
