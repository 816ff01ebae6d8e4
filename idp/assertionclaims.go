package idp

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// clockSkew is how far a client's clock may be from the server's. Azure's
// value is not published; five minutes is what its libraries allow.
const clockSkew = 5 * time.Minute

// assertionClaims are those of a client assertion (RFC 7523 3). A jti is not
// among them: Azure accepts an assertion again until it expires.
type assertionClaims struct {
	Iss string      `json:"iss"`
	Sub string      `json:"sub"`
	Aud audience    `json:"aud"`
	Exp numericDate `json:"exp"`
	Nbf numericDate `json:"nbf"`
	Iat numericDate `json:"iat"` // decides nothing, but has to be a date
}

// audience is aud: a string or an array of strings (RFC 7519 4.1.3). Azure
// sends a string, Kubernetes an array even of one.
type audience []string

// UnmarshalJSONFrom reads either form.
func (a *audience) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '[' {
		return json.UnmarshalDecode(d, (*[]string)(a))
	}
	var one string
	if err := json.UnmarshalDecode(d, &one); err != nil {
		return err
	}
	if one != "" {
		*a = audience{one}
	}
	return nil
}

// first is the audience that an error names.
func (a audience) first() string {
	if len(a) == 0 {
		return ""
	}
	return a[0]
}

// any tells whether one of the audiences will do.
func (a audience) any(accepted func(string) bool) bool { return slices.ContainsFunc(a, accepted) }

// numericDate is a NumericDate (RFC 7519 2): seconds since 1970. MSAL for
// Python sends fractions, some clients a number in quotes. Absent means 0.
type numericDate float64

// latest is the last second of 9999, after which Azure's clock has no time.
const latest = 253402300799

// UnmarshalJSONFrom reads a number, in quotes or not. What lies outside of the
// years that Azure can print is moved to their edge: it is no less expired.
func (n *numericDate) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch value.Kind() {
	case 'n':
		return nil
	case '0', '"':
	default:
		return strconv.ErrSyntax
	}
	text := value.String()
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || strings.Trim(text, "+-.0123456789eE") != "" { // no Infinity, no 0x
		return strconv.ErrSyntax
	}
	*n = numericDate(min(max(seconds, 0), latest))
	return nil
}

// time is the date to the nanosecond, as far as a float64 holds it.
func (n numericDate) time() time.Time {
	seconds, fraction := math.Modf(float64(n))
	return time.Unix(int64(seconds), int64(fraction*1e9)).UTC()
}

// String is the date as Azure prints it, with seven digits behind the point.
func (n numericDate) String() string { return azureTime(n.time()) }

// azureTime is .NET's round-trip format, which AADSTS700024 prints.
func azureTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// current refuses an assertion outside of its time. One without exp ended in
// 1970, as Azure has it; one without nbf began then.
func (c *assertionClaims) current(now time.Time) *Error {
	if now.Before(c.Exp.time().Add(clockSkew)) && !now.Before(c.Nbf.time().Add(-clockSkew)) {
		return nil
	}
	return newError(700024, "now", azureTime(now), "nbf", c.Nbf.String(), "exp", c.Exp.String())
}
