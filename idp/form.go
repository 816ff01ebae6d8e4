package idp

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"strings"
)

// maxForm is the size above which a form is not read.
const maxForm = 64 << 10

// form is a decoded application/x-www-form-urlencoded body. Only the body
// counts: Azure ignores parameters in the query (azure-ad.md 3.10).
type form map[string][]string

// parameters are those that may occur once only. What else clients add
// (telemetry, mostly) is ignored, however often it comes.
var parameters = []string{"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "resource"}

// readForm reads the body. A body of another type reads as an empty form, as
// in Azure, where JSON gives "must contain the parameter 'grant_type'".
func readForm(w http.ResponseWriter, r *http.Request) (form, *Error) {
	contentType := r.Header.Get("Content-Type")
	if contentType != "" && contentType != formType && !isForm(contentType) {
		return form{}, nil
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), maxForm)) + bytes.MinRead) // what ReadFrom wants spare
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxForm)); err != nil {
		e := newError(9002313)
		e.Status = http.StatusRequestEntityTooLarge
		return nil, e
	}
	f := decodeForm(body.String())
	for _, name := range parameters {
		if len(f[name]) > 1 {
			return nil, newError(9000411, "name", name)
		}
	}
	return f, nil
}

const formType = "application/x-www-form-urlencoded"

// isForm reads a Content-Type. A parameter that is malformed, such as a charset
// without a value, does not change what the body is.
func isForm(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return media == formType && (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter))
}

// decodeForm is lenient where clients are: librdkafka sends raw colons,
// slashes and spaces, and a stray % stands for itself. net/url would refuse a
// stray % and a semicolon, both of which occur in secrets.
func decodeForm(body string) form {
	f := form{}
	for pair := range strings.SplitSeq(body, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name = decodeComponent(name)
		f[name] = append(f[name], decodeComponent(value))
	}
	return f
}

func decodeComponent(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			b.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b.WriteByte(fromHex(s[i+1])<<4 | fromHex(s[i+2]))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func fromHex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

// one is the parameter's only value, or "".
func (f form) one(name string) string {
	if v := f[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
