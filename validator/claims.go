package validator

import (
	"math"
	"strings"
	"time"
)

// latest is the last second that RFC 3339 can write, 9999-12-31T23:59:59Z.
const latest = 253402300799

// numericDate reads a claim that is a NumericDate (RFC 7519 2): seconds since
// 1970, fractions allowed. present is false when the claim is not there.
func numericDate(claims map[string]any, name string) (t time.Time, present bool, m *mistake) {
	const want = "a number of seconds since 1970-01-01, such as 1700000000"
	value, ok := claims[name]
	if !ok {
		return time.Time{}, false, nil
	}
	number, ok := value.(float64)
	switch {
	case !ok:
		return time.Time{}, true, &mistake{name + " is no number (RFC 7519 2)", name + " " + show(value), want}
	case number < 0:
		return time.Time{}, true, &mistake{name + " is negative", name + " " + show(value), want}
	case number > latest*1000:
		return time.Time{}, true, &mistake{name + " is after the year 9999", name + " " + show(value), want}
	case number > latest:
		return time.Time{}, true, &mistake{name + " is after the year 9999; it looks like milliseconds", name + " " + show(value), want}
	}
	// time.Duration would overflow after 292 years, so the parts go separately.
	seconds, fraction := math.Modf(number)
	return time.Unix(int64(seconds), int64(fraction*1e9)).UTC(), true, nil
}

// subject reads sub, without which Confluent's clients fail as well and which Apache Kafka wants to be a string with something
// but white space in it.
func subject(claims map[string]any) (string, *mistake) {
	const want = "a string that is not blank"
	value, ok := claims["sub"]
	if !ok {
		return "", &mistake{"the token has no sub", "no sub", want}
	}
	sub, ok := value.(string)
	if !ok {
		return "", &mistake{"sub is no string", "sub " + show(value), want}
	}
	if strings.TrimSpace(sub) == "" {
		return "", &mistake{"sub is blank", "sub " + show(sub), want}
	}
	return sub, nil
}

// expiry looks at exp and iat, both of which Apache Kafka requires. An iat in
// the future is no mistake there, and thus none here.
func (d *decider) expiry() Check {
	exp, present, m := numericDate(d.token.claims, "exp")
	if m != nil {
		return m.check()
	}
	if !present {
		return fail("the token has no exp", "no exp", d.wantExp())
	}
	d.decision.ExpiresAt, d.notAfter = exp, exp
	_, present, m = numericDate(d.token.claims, "iat")
	if m != nil {
		return m.check()
	}
	if !present {
		return fail("the token has no iat", "no iat", "a number of seconds since 1970-01-01")
	}
	shown := stamp(exp)
	// At exp plus skew it is over, as jose4j has it: RFC 7519 4.1.4 says "on or
	// after".
	if late := d.now.Sub(exp); late >= d.v.skew {
		return fail("the token expired "+late.Round(time.Second).String()+" ago, clock skew of "+d.v.skew.String()+" allowed",
			"exp "+shown+", and now it is "+stamp(d.now), d.wantExp())
	}
	return pass("the token holds until "+shown, shown)
}

// wantExp is what would not have expired yet.
func (d *decider) wantExp() string { return "an exp after " + stamp(d.now.Add(-d.v.skew)) }

// notYet looks at nbf, which a token need not have.
func (d *decider) notYet() Check {
	nbf, present, m := numericDate(d.token.claims, "nbf")
	if m != nil {
		return m.check()
	}
	if !present {
		return pass("the token has no nbf, so that it holds from the start", "")
	}
	d.notBefore = nbf.Add(-d.v.skew)
	shown := stamp(nbf)
	if early := nbf.Sub(d.now); early > d.v.skew {
		return fail("the token holds only in "+early.Round(time.Second).String()+", clock skew of "+d.v.skew.String()+" allowed",
			"nbf "+shown+", and now it is "+stamp(d.now), "an nbf not after "+stamp(d.now.Add(d.v.skew)))
	}
	return pass("the token holds since "+shown, shown)
}
