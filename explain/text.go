package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/idpool/idpool/pool"
)

// filterError unwraps the error of [pool.Compile]; any other error is put into
// the same form.
func filterError(err error) *pool.FilterError {
	var fe *pool.FilterError
	if errors.As(err, &fe) {
		return fe
	}
	return &pool.FilterError{Message: err.Error()}
}

// steps writes a fix: one step a line, numbered.
func steps(lines ...string) string {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strconv.Itoa(i+1) + ". " + l)
	}
	return b.String()
}

// longest is how many characters of a foreign value a cause shows, as a
// Deciding of package pool does.
const longest = 120

// cut shortens a foreign value and makes its control characters visible, so
// that a claim cannot write its own lines on a terminal.
func cut(value string) string { return cutTo(value, longest) }

// cutTo is cut for a length in characters.
func cutTo(value string, length int) string {
	runes := []rune(value)
	if len(runes) > length {
		runes = append(runes[:length], '…')
	}
	quoted := strconv.Quote(string(runes))
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// quote is cut in single quotes, as filters and Azure write values.
func quote(value string) string { return "'" + cut(value) + "'" }

// shown writes a claim's value as JSON.
func shown(value any) string {
	if text, ok := value.(string); ok {
		return quote(text)
	}
	raw, err := json.Marshal(value)
	if err != nil { // NaN and the like, which no JSON decoder gives
		return cut(fmt.Sprint(value))
	}
	return cut(string(raw))
}

// either lists values: 'a', 'b' or 'c'.
func either(values []string) string { return listed(values, " or ") }

// both lists values: 'a', 'b' and 'c'.
func both(values []string) string { return listed(values, " and ") }

// mostListed is how many of many values a sentence names.
const mostListed = 5

// listed joins values, at most mostListed of them.
func listed(values []string, last string) string {
	var b strings.Builder
	for i, v := range values {
		switch {
		case i == mostListed:
			fmt.Fprintf(&b, " and %d more", len(values)-mostListed)
			return b.String()
		case i > 0 && i == len(values)-1:
			b.WriteString(last)
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(quote(v))
	}
	return b.String()
}

// plain lists the ids of pools: a and b.
func plain(ids []string) string { return strings.ReplaceAll(both(ids), "'", "") }

// bracketed writes roles as a token has them: [a, b].
func bracketed(values []string) string { return cut("[" + strings.Join(values, ", ") + "]") }

// named calls an application by its name and id, or by the id alone when the
// config does not have it.
func named(a *Application, id string) string {
	switch {
	case a != nil && a.DisplayName != "":
		return fmt.Sprintf(`"%s" (%s)`, cut(a.DisplayName), cut(a.AppID))
	case a != nil:
		return cut(a.AppID)
	}
	return cut(id)
}

// short is the name that portal blades list an application under.
func short(a *Application, id, otherwise string) string {
	switch {
	case a != nil && a.DisplayName != "":
		return `"` + cut(a.DisplayName) + `"`
	case id != "":
		return cut(id)
	}
	return otherwise
}

// instant reads a NumericDate (RFC 7519 2): seconds since 1970, perhaps with a
// fraction. Absurd numbers are no time.
func (s *situation) instant(claim string) (time.Time, bool) {
	seconds, ok := s.claims[claim].(float64)
	if !ok || math.IsNaN(seconds) || math.Abs(seconds) > 1e11 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC(), true
}

// ago says when something was or will be, as a person counts: "12 minutes ago
// (2026-11-23 15:59:59 UTC)".
func (s *situation) ago(t time.Time) string {
	clock := t.UTC().Format("2006-01-02 15:04:05 UTC")
	now := s.in.Facts.Now
	switch d := now.Sub(t); {
	case now.IsZero():
		return "at " + clock
	case d >= 0:
		return span(d) + " ago (" + clock + ")"
	default:
		return "in " + span(-d) + " (" + clock + ")"
	}
}

// span is a duration in its largest unit.
func span(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int64(d / u.size); n > 1 || n == 1 && u.size == time.Second {
			return fmt.Sprintf("%d %s%s", n, u.name, plural(n))
		}
		if d >= u.size && u.size > time.Second {
			return "1 " + u.name
		}
	}
	return "less than a second"
}

// plural is the s of days.
func plural(n int64) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// masked takes out what must not be read over a shoulder: the token and its
// signature, anything shaped like a token, and a client id that is no GUID,
// because people swap id and secret.
func (s *situation) masked(text string) string {
	token := s.in.Request.Token
	for _, secret := range []string{token, token[strings.LastIndexByte(token, '.')+1:]} {
		if len(secret) >= 16 {
			text = maskRuns(text, secret[:16], 16)
		}
	}
	if e := s.in.TokenError; e != nil && len(e.ClientID) >= 8 && !isGUID(e.ClientID) {
		text = strings.ReplaceAll(text, e.ClientID, e.ClientID[:4]+"…")
	}
	return maskRuns(text, "eyJ", 20) // {" in base64url, as every JWT begins
}

// maskRuns cuts every run of token characters that begins with start and is at
// least that long.
func maskRuns(text, start string, least int) string {
	for from := 0; ; {
		i := strings.Index(text[from:], start)
		if i < 0 {
			return text
		}
		i += from
		end := i
		for end < len(text) && tokenByte(text[end]) {
			end++
		}
		if end-i >= least {
			text, end = text[:i]+start[:3]+"…"+text[end:], i+3
		}
		from = max(end, i+len(start[:3]))
	}
}

// tokenByte says whether a byte may stand in a compact JWT or a secret of
// Entra.
func tokenByte(c byte) bool {
	return c == '.' || c == '-' || c == '_' || c == '=' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// isGUID tells ids of Azure from names: 8-4-4-4-12 hexadecimal digits.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') {
			return false
		}
		if c != '-' && !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
			return false
		}
	}
	return true
}

// guidIn finds the first GUID of a text, such as the tenant in an issuer.
func guidIn(s string) string {
	for i := 0; i+36 <= len(s); i++ {
		if isGUID(s[i : i+36]) {
			return s[i : i+36]
		}
	}
	return ""
}
