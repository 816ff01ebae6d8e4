package forge

import (
	"fmt"
	"time"
)

// dated makes the token with other times, signed again.
func dated(iat, nbf, exp time.Duration) func(*draft) string {
	return func(d *draft) string {
		c := d.claims.with("iat", d.at(iat)).with("nbf", d.at(nbf)).with("exp", d.at(exp))
		return d.sign(d.header.text(), c.text())
	}
}

// dateAs makes the token with one date so much after now and written in a way,
// signed again. The way has a %d for the seconds.
func dateAs(name string, after time.Duration, way string) func(*draft) string {
	return func(d *draft) string {
		c := d.claims.with(name, fmt.Sprintf(way, d.Now.Add(after).Unix()))
		return d.sign(d.header.text(), c.text())
	}
}

// timeTwins have times that are dates, but the wrong ones.
func timeTwins() []twin {
	const h, m = time.Hour, time.Minute
	return []twin{
		{"expired", "exp was an hour ago", checkExpiry, "RFC 7519 4.1.4", "", dated(-2*h, -2*h, -h)},
		{"expired-long", "exp was ten years ago", checkExpiry, "RFC 7519 4.1.4", "", dated(-87601*h, -87601*h, -87600*h)},
		{"expired-just", "exp was a minute ago", checkExpiry, "RFC 7519 4.1.4", bySkew, dated(-h, -h, -m)},
		{"not-yet-valid", "nbf is in an hour", checkNotBefore, "RFC 7519 4.1.5", "", dated(0, h, 2*h)},
		{"not-yet-valid-just", "nbf is in a minute", checkNotBefore, "RFC 7519 4.1.5", bySkew, dated(0, m, h)},
		{"iat-future", "iat is in an hour, nbf is not", "", "RFC 7519 4.1.6", byIat, dated(h, 0, 2*h)},
		{"exp-far", "exp is in a hundred years", "", "RFC 7519 4.1.4", byNoRule, dated(0, 0, 876000*h)},
		{"exp-before-iat", "exp is before iat and nbf, and has passed", checkExpiry, "RFC 7519 4.1.4", "", dated(0, 0, -h)},
		{"exp-zero", "exp is 0, which some take for none", checkExpiry, "RFC 7519 4.1.4", "", claim("exp", "0")},
		{"exp-negative", "exp is before 1970", checkExpiry, "RFC 7519 4.1.4", "", claim("exp", "-1")},
		{"exp-missing", "no exp, so that it would hold for ever", checkExpiry, "RFC 9068 2.2", "", noClaim("exp")},
		{"iat-missing", "no iat", checkExpiry, "RFC 7519 4.1.6", byIat, noClaim("iat")},
		{"nbf-missing", "no nbf", "", "RFC 7519 4.1.5", byNbf, noClaim("nbf")},
	}
}

// dateTwins have dates in other forms than a whole number.
func dateTwins() []twin {
	const h = time.Hour
	const rule = "RFC 7519 2 (NumericDate)"
	return []twin{
		{"exp-null", "exp is null", checkExpiry, rule, "", claim("exp", "null")},
		{"exp-boolean", "exp is true", checkExpiry, rule, "", claim("exp", "true")},
		{"exp-array", "exp is a list of a date", checkExpiry, rule, "", dateAs("exp", -h, "[%d]")},
		{"exp-object", "exp is an object", checkExpiry, rule, "", claim("exp", `{"$gt":0}`)},
		{"exp-string", "exp is a string of digits, in an hour", checkExpiry, rule, byIssued, dateAs("exp", h, `"%d"`)},
		{"exp-string-expired", "exp is a string of digits, an hour ago", checkExpiry, rule, "", dateAs("exp", -h, `"%d"`)},
		{"exp-word", "exp is the string never", checkExpiry, rule, "", claim("exp", `"never"`)},
		{"exp-rfc3339", "exp is a date of RFC 3339, an hour ago", checkExpiry, rule, "", func(d *draft) string {
			return claim("exp", quoted(d.Now.Add(-h).UTC().Format(time.RFC3339)))(d)
		}},
		{"exp-fraction", "exp has a fraction, in an hour", "", rule, byIssued, dateAs("exp", h, "%d.25")},
		{"exp-exponent", "exp is written with an exponent, in an hour", "", rule, byIssued, dateAs("exp", h, "%de0")},
		{"exp-huge", "exp is 1e300", checkExpiry, rule, byIssued, claim("exp", "1e300")},
		{"exp-int64", "exp is one more than 64 bits hold", checkExpiry, rule, byIssued, claim("exp", "9223372036854775808")},
		{"exp-infinite", "exp is 1e999, which no float64 holds", checkFormat, "RFC 8259 6", byIssued, claim("exp", "1e999")},
		{"exp-nan", "exp is NaN, which is no JSON", checkFormat, "RFC 8259 6", "", claim("exp", "NaN")},
		{"exp-milliseconds", "exp is in milliseconds, in an hour", checkExpiry, rule, byIssued, dateAs("exp", h, "%d000")},
		{"nbf-string", "nbf is a string of digits, in an hour", checkNotBefore, rule, "", dateAs("nbf", h, `"%d"`)},
		{"nbf-fraction", "nbf has a fraction, an hour ago", "", rule, byIssued, dateAs("nbf", -h, "%d.75")},
		{"iat-string", "iat is a string of digits", checkExpiry, rule, byIat, dateAs("iat", 0, `"%d"`)},
	}
}
