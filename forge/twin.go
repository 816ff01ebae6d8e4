package forge

import "slices"

// twin is a way to break a token.
type twin struct {
	name, summary string
	check         string
	rule          string
	excuse        string // why a correct verifier may accept it
	make          func(*draft) string
}

// The checks of package validator that refuse a twin. That they are those is for
// the test to see: it asks a validator about every twin.
const (
	checkFormat    = "format"
	checkAlgorithm = "algorithm"
	checkProvider  = "provider"
	checkKey       = "key"
	checkSignature = "signature"
	checkExpiry    = "expiry"
	checkNotBefore = "not-before"
	checkFilter    = "filter"
	checkIdentity  = "identity"
)

// Why a correct verifier may accept a twin.
const (
	byAudience  = "depends on whether aud is compared, which Confluent does only where a filter does"
	byForm      = "names the right API in another form, which some take for it"
	byFilter    = "depends on what the verifier reads rights from"
	byIdentity  = "depends on the claim that the verifier takes the identity from"
	bySkew      = "depends on the clock skew that is allowed; some allow five minutes"
	bySub       = "RFC 7519 4.1.2 makes sub optional, and not everybody reads it"
	byIat       = "RFC 7519 4.1.6 makes iat optional and sets no rule for it"
	byNbf       = "RFC 7519 4.1.5 makes nbf optional"
	byHoldKey   = "the signature holds, and a verifier may try all keys of the issuer"
	byAlgorithm = "the signature holds; depends on the algorithms that the verifier lists"
	byIssued    = "the issuer signed it so; parsers differ, and nobody but the issuer gains"
	byTrim      = "nothing is forged; a client or a server may trim it before it is verified"
	byDecoder   = "nothing is forged; lenient decoders of base64 read the same bytes"
	byNoRule    = "no RFC forbids it"
	byLimit     = "depends on the limits of the verifier"
)

// twins are all tokens in order: one that is valid, then by what is broken.
func twins() []twin {
	return slices.Concat(
		[]twin{{"valid", "the token itself", "", "RFC 7519 7.2", "", func(d *draft) string { return d.Token }}},
		timeTwins(), dateTwins(), issuerTwins(), versionTwins(), audienceTwins(), subjectTwins(), roleTwins(),
		tamperedTwins(), signatureTwins(), noneTwins(), hmacTwins(), algorithmTwins(), kidTwins(), oddKidTwins(),
		keyTwins(), headerTwins(), shapeTwins(), encryptedTwins(), spellingTwins(), jsonTwins(), payloadTwins(), duplicateTwins(),
	)
}

func (t twin) row() Row {
	return Row{Name: t.name, Summary: t.summary, Check: t.check, Rule: t.rule, Lenient: t.excuse != "", Audience: t.excuse == byAudience, Excuse: t.excuse}
}

// make makes a twin of the draft's token. Several may be made at once: each has
// a draft of its own for the error, and shares what is only read.
func (d *draft) make(t twin) (Token, error) {
	own := *d
	text := t.make(&own)
	if own.err != nil {
		return Token{}, own.err
	}
	return Token{Name: t.name, Summary: t.summary, Token: text, Valid: t.name == "valid",
		Check: t.check, Rule: t.rule, Lenient: t.excuse != "", Audience: t.excuse == byAudience, Excuse: t.excuse}, nil
}
