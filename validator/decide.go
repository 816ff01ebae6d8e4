package validator

import (
	"context"
	"time"
)

// step is one check, and the checks without which it cannot be made.
type step struct {
	name  string
	needs []string
	run   func(*decider) Check
}

// steps are the checks in order. This table is the only place that says what
// depends on what.
func steps() []step {
	return []step{
		{CheckFormat, nil, (*decider).format},
		{CheckAlgorithm, []string{CheckFormat}, (*decider).algorithm},
		{CheckProvider, []string{CheckFormat}, (*decider).issuer},
		{CheckKey, []string{CheckProvider, CheckAlgorithm}, (*decider).key},
		{CheckSignature, []string{CheckKey}, (*decider).signature},
		{CheckExpiry, []string{CheckFormat}, (*decider).expiry},
		{CheckNotBefore, []string{CheckFormat}, (*decider).notYet},
		{CheckCluster, nil, (*decider).cluster},
		// A pool that is named can be found without knowing the provider; only
		// auto pool mapping cannot do without, and skips itself.
		{CheckPool, nil, (*decider).pool},
		{CheckFilter, []string{CheckFormat, CheckPool}, (*decider).filter},
		{CheckIdentity, []string{CheckFormat, CheckPool}, (*decider).identity},
		{CheckAuthorization, []string{CheckCluster, CheckFilter}, (*decider).authorization},
	}
}

// asked are the steps that a Request asks for.
func (r Request) asked(steps []step) []step {
	if r.Operation.Name == "" {
		return steps[:len(steps)-1]
	}
	return steps
}

// waives says why a Request leaves a check out, or "".
func (r Request) waives(check string) string {
	switch check {
	case CheckFormat, CheckAlgorithm:
		if r.Claims != nil {
			return "not made: there are the claims of a token, and not the token"
		}
	case CheckKey, CheckSignature:
		if r.Claims != nil || r.Unverified {
			return "not made: nothing was asked to be verified"
		}
	}
	return ""
}

// maxSpelt is how large a request's buffer may be to be used again.
const maxSpelt = 64 << 10

// decider makes one Decision. What a check finds out, later ones use.
type decider struct {
	v       *Validator
	ctx     context.Context
	request Request
	now     time.Time
	spelt   []byte // the request, as Request.key has it
	signed  signed // that part of the token

	token      token
	alg        algorithm
	provider   *provider // that iss selects, or nil
	keys       *keySet   // the provider's, or nil
	candidates []key     // those that may have signed

	named   bool        // whether the request names its pools
	asked   []namedPool // the pools that may match
	matched []namedPool

	notBefore, notAfter time.Time // when both time checks pass, skew not used up

	decision Decision
	failed   string // the first check that failed
}

// forget makes a decider ready for the next request, and lets go of this one:
// the pool of deciders is no place for tokens.
func (d *decider) forget() {
	clear(d.spelt)
	spelt := d.spelt[:0]
	if cap(spelt) > maxSpelt {
		spelt = nil
	}
	*d = decider{spelt: spelt}
}

// decide makes the checks. Allowed is computed from all of them at the end, so
// that no path can forget one.
func (d *decider) decide() Decision {
	d.decision.Pools, d.decision.Causes = []string{}, []Cause{}
	steps := d.request.asked(d.v.steps)
	d.decision.Checks = make([]Check, len(steps))
	allowed := true
	for i, s := range steps {
		c := d.take(s)
		c.Name = s.name
		if c.Status == Fail && d.failed == "" {
			d.failed = s.name
		}
		allowed = allowed && (c.Status == Pass || c.Status == Skipped && d.request.waives(s.name) != "")
		d.decision.Checks[i] = c
	}
	d.decision.Allowed = allowed
	d.decision.Verified = d.decision.Check(CheckSignature).Status == Pass
	if !allowed {
		d.decision.Identity = ""
		return d.decision
	}
	d.decision.Principal = d.principal()
	return d.decision
}

// take makes a check, or says why it is not made. As long as nothing has failed
// everything that a check needs has passed.
func (d *decider) take(s step) Check {
	if s.name == CheckFormat && d.request.Claims != nil {
		d.given()
	}
	if why := d.request.waives(s.name); why != "" {
		return skip(why)
	}
	if d.failed == "" {
		return s.run(d)
	}
	if !d.request.All {
		return skip("not made, because the check " + d.failed + " failed")
	}
	for _, need := range s.needs {
		if d.request.waives(need) != "" {
			continue
		}
		switch d.decision.Check(need).Status {
		case Fail:
			return skip("cannot be made, because the check " + need + " failed")
		case Skipped:
			return skip("cannot be made, because the check " + need + " was not made")
		}
	}
	return s.run(d)
}

// lasting reports whether the Decision may be remembered: it is about a token
// whose signature and time are good. Others would let anybody fill the cache,
// and "not yet valid" would stay wrong.
func (d *decider) lasting() bool {
	return d.decision.Check(CheckSignature).Status == Pass && d.now.Before(d.notAfter) &&
		d.decision.Check(CheckExpiry).Status == Pass && d.decision.Check(CheckNotBefore).Status == Pass
}

func pass(message, got string) Check {
	return Check{Status: Pass, Message: message, Got: got}
}

func fail(message, got, want string) Check {
	return Check{Status: Fail, Message: message, Got: got, Want: want}
}

func skip(message string) Check { return Check{Status: Skipped, Message: message} }

// check is a mistake as a failed check.
func (m *mistake) check() Check { return fail(m.message, m.got, m.want) }
