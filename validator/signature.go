package validator

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// format reads the token. What could be read of one that fails is still there
// for explaining.
func (d *decider) format() Check {
	raw := d.request.Token
	if d.request.Unverified {
		raw = unsigned(raw)
	}
	t, m := parseToken(raw, d.v.maxTokenBytes, &d.v.headers)
	d.token = t
	d.decision.Header, d.decision.Claims = t.header, t.claims
	if m != nil {
		return m.check()
	}
	if d.request.Unverified {
		return pass("the token's header and claims can be read; whatever it has for a signature was not looked at", "")
	}
	return pass("the token is a JWT of three parts", "")
}

// unsigned is a token with nothing in the place of its signature, whether there
// is one, a word such as REDACTED, or not even the dot.
func unsigned(raw string) string {
	parts := strings.SplitN(raw, ".", 3)
	if len(parts) < 2 {
		return raw
	}
	if len(parts) == 3 && strings.Contains(parts[2], ".") {
		return raw // of five parts, perhaps: encrypted
	}
	return parts[0] + "." + parts[1] + "."
}

// given takes the claims of a Request that has no token.
func (d *decider) given() {
	d.token.claims = d.request.Claims
	d.decision.Claims = d.request.Claims
}

// algorithm looks at alg. Its list is that of the provider which iss selects;
// when there is none, which the next check says, that of all providers.
func (d *decider) algorithm() Check {
	allowed := d.v.algorithms
	issuer, _ := d.token.claims["iss"].(string)
	p, known := d.v.byIssuer[issuer]
	if known {
		allowed = p.algorithms
	}
	if a, ok := allowed[d.token.alg]; ok {
		d.alg = a
		return pass(a.name+" is an allowed algorithm", a.name)
	}
	value, ok := d.token.header["alg"]
	want := strings.Join(slices.Sorted(maps.Keys(allowed)), ", ")
	if !ok {
		return fail("the header names no algorithm", "no alg", want)
	}
	got, message := "alg "+show(value), "no provider allows this algorithm"
	switch why := forbidden(d.token.alg); {
	case why != "":
		message = "this algorithm is never allowed: it " + why
	case !slices.Contains(algorithmNames(), d.token.alg):
		message = "this is no signature algorithm of RFC 7518 that a provider may allow"
	case known:
		message = "the provider " + p.id + " does not allow this algorithm"
	}
	return fail(message, got, want)
}

// issuer finds the provider by iss. Kafka's validator compares exactly, and so
// does Confluent, as far as is known (confluent-cloud.md 4.3): the slash at the
// end of a v1.0 issuer counts.
func (d *decider) issuer() Check {
	value, ok := d.token.claims["iss"]
	issuer, isString := value.(string)
	if p, ok := d.v.byIssuer[issuer]; ok && isString {
		d.provider = p
		d.decision.Provider = p.id
		return pass("iss selects the provider "+p.id, issuer)
	}
	known := slices.Sorted(maps.Keys(d.v.byIssuer))
	switch {
	case !ok:
		return fail("the token has no iss, so that it belongs to no provider", "no iss", list(known))
	case !isString:
		return fail("iss is no string", "iss "+show(value), list(known))
	}
	message := "no identity provider has this issuer"
	if len(known) == 0 {
		message = "there is no identity provider at all"
	} else if near := guess(issuer, known); near != "" {
		message += difference(issuer, near)
	}
	return fail(message, quote(issuer), list(known))
}

// difference says how an issuer differs from the one that was meant.
func difference(issuer, meant string) string {
	switch {
	case strings.TrimSuffix(issuer, "/") == strings.TrimSuffix(meant, "/"):
		return `; "` + meant + `" differs in the "/" at its end only, but issuers are compared exactly`
	case strings.EqualFold(issuer, meant):
		return `; "` + meant + `" differs in upper and lower case only, but issuers are compared exactly`
	}
	return `; the nearest is "` + meant + `"`
}

// key finds the keys that may have signed the token, by kid alone: headers
// that bring a key along or name a place of keys are not looked at (RFC 8725
// 3.10). RFC 7517 4.5 lets two keys share a kid, so that there may be several.
func (d *decider) key() Check {
	value, ok := d.token.header["kid"]
	if d.token.kid == "" {
		got := "no kid"
		if ok {
			got = "kid " + show(value)
		}
		return fail("the header names no key, and Confluent finds keys by kid alone", got, "the kid of a key of "+d.uri())
	}
	set, err := d.provider.jwks.find(d.ctx, d.token.kid)
	d.keys = set
	d.noteKeys(set, err)
	if set == nil {
		return fail("the keys of "+d.provider.id+" cannot be fetched", err.Error(), "a JWKS at "+d.uri())
	}
	same := set.byID[d.token.kid]
	if len(same) == 0 {
		return d.unknownKid(set)
	}
	for _, k := range same {
		if k.unfit(d.alg) == "" {
			d.candidates = append(d.candidates, k)
		}
	}
	if len(d.candidates) == 0 {
		k := same[0]
		why := k.unfit(d.alg)
		return fail("the key "+quote(k.id)+" cannot verify "+d.alg.name+": "+why,
			"a key of type "+k.describe()+": "+why, "a key of type "+d.alg.describeKey()+" for signatures with "+d.alg.name)
	}
	return pass("kid names a key of "+d.provider.id, d.token.kid)
}

// unknownKid says that no key has the token's kid, and what is done about it.
func (d *decider) unknownKid(set *keySet) Check {
	j, until := d.provider.jwks, stamp(set.fetchedAt.Add(set.maxAge))
	message := "no key of " + d.provider.id + " has this kid (KID LOOKUP FAILED)"
	switch {
	case d.decision.Keys.Error != "":
		message += "; fetching the keys again failed: " + d.decision.Keys.Error
	case j.unknown == Never:
		message += "; the keys are fetched again when max-age is over, at " + until
	case j.unknown == FailThenRefetch:
		message += "; the keys are fetched again after this attempt, for the next one to find, at most every " +
			j.pause.String() + " for one kid"
	default:
		message += "; the keys were fetched at " + stamp(set.fetchedAt) + ", and again for an unknown kid at most every " + j.pause.String()
	}
	if near := guess(d.token.kid, set.ids); near != "" && strings.EqualFold(near, d.token.kid) {
		message += "; one differs in upper and lower case only"
	}
	for _, name := range []string{"jwk", "jku", "x5u", "x5c"} {
		if _, ok := d.token.header[name]; ok {
			message += "; the header's " + name + " is not looked at"
		}
	}
	want := "one of " + list(set.ids) + ", from " + d.uri()
	if len(set.ids) == 0 {
		want = "a kid of " + d.uri() + ", which has none"
	}
	return fail(message, "kid "+quote(d.token.kid), want)
}

// noteKeys keeps for the Decision what was known of the keys, and the fault that
// may be why there is none for the token.
func (d *decider) noteKeys(set *keySet, err error) {
	k := &d.decision.Keys
	k.URI = d.uri()
	if set != nil {
		k.IDs, k.FetchedAt, k.Until = set.ids, set.fetchedAt, set.fetchedAt.Add(set.maxAge)
	}
	known := set != nil && len(set.byID[d.token.kid]) > 0
	if err == nil && (!known || !set.fresh(d.now)) {
		err = d.provider.jwks.trouble() // old keys are in use
	}
	fault := faultOf(err)
	if err != nil {
		k.Error = err.Error()
	} else if set != nil {
		fault = set.fault
	}
	if !known {
		d.decision.Fault = fault
	}
}

// uri is where the provider's keys are, without a password.
func (d *decider) uri() string { return d.provider.jwks.shown }

// signature verifies (RFC 7515 5.2). Nothing else may make this check pass.
//
// An RSA or EdDSA signature has one spelling. An ECDSA signature has two by
// nature, s and its negative, and JWS forbids neither.
func (d *decider) signature() Check {
	if len(d.token.signature) == 0 {
		return fail("the token is not signed", "an empty third part", "a signature with "+d.alg.name)
	}
	for _, k := range d.candidates {
		if d.alg.verify(k.public, &d.signed, d.token.signature) {
			d.v.headers.keep(d.token)
			return pass("the signature is that of the key "+k.id, "")
		}
	}
	return fail("the signature does not fit: the token was changed, or another key of the same kid signed it",
		strconv.Itoa(len(d.token.signature))+" bytes that do not verify",
		"a signature with "+d.alg.name+" by the key "+quote(d.token.kid)+" of "+d.uri())
}
