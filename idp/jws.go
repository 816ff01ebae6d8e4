package idp

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxAssertion is the size above which an assertion is not read. One with a
// chain of four certificates in its header fits.
const maxAssertion = 32 << 10

// jws is a client assertion taken apart: a compact JWS (RFC 7515 7.1) with a
// JWT's claims (RFC 7519).
type jws struct {
	header joseHeader
	claims assertionClaims
	// input is what is signed, header and payload as they were sent: encoding
	// them again need not give the same bytes.
	input     string
	signature []byte
}

// joseHeader is what an assertion's header says of its key.
type joseHeader struct {
	Alg     string         `json:"alg"`
	Typ     string         `json:"typ"`
	Kid     string         `json:"kid"`
	X5t     string         `json:"x5t"`
	X5tS256 string         `json:"x5t#S256"`
	X5c     jsontext.Value `json:"x5c"` // read only when nothing else names the key
	Crit    jsontext.Value `json:"crit"`
}

// jwtTypes are the typ that Azure knows. Tokens of Kubernetes have none, and
// RFC 7519 5.1 has letter case not matter. Access tokens (at+jwt) are refused.
var jwtTypes = []string{"", "jwt", "http://openid.net/specs/jwt/1.0"}

// parseJWS reads an assertion without verifying it. It is strict where
// leniency would let two parties read one assertion in two ways.
func parseJWS(assertion string) (*jws, *Error) {
	header, rest, _ := strings.Cut(assertion, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if !found || len(assertion) > maxAssertion {
		return nil, newError(50027)
	}
	j := &jws{input: assertion[:len(header)+1+len(payload)]}
	if !decodePart(header, &j.header) || !decodePart(payload, &j.claims) {
		return nil, newError(50027)
	}
	// RFC 7515 4.1.11: an extension that is not understood is a reason to
	// refuse, and none is understood here.
	if j.header.Crit != nil {
		return nil, newError(50027)
	}
	// HS256 above all: a certificate is public, and as the secret of an HMAC it
	// would let everybody in. The two that are left take RSA keys only, so that
	// the key cannot be of another kind than the algorithm. Azure printed its list
	// as RS256, RS384 and RS512 in 2023; no library of Microsoft sends the others.
	if j.header.Alg != "RS256" && j.header.Alg != "PS256" {
		return nil, newError(5002738, "alg", shorten(j.header.Alg))
	}
	var ok bool
	if j.signature, ok = decodeBase64URL(signature); !ok { // after alg: "none" has no signature
		return nil, newError(50027)
	}
	if !slices.Contains(jwtTypes, strings.ToLower(j.header.Typ)) {
		return nil, newError(5002727)
	}
	return j, nil
}

// decodePart reads a part that is a JSON object. The JSON package refuses
// members that occur twice and text that is no UTF-8.
func decodePart(part string, to any) bool {
	raw, ok := decodeBase64URL(part)
	return ok && len(raw) > 0 && raw[0] == '{' && json.Unmarshal(raw, to) == nil
}

// decodeBase64URL is strict: no padding, no line breaks, which encoding/base64
// skips, and no bits behind the end, so that no byte can be changed unnoticed.
func decodeBase64URL(s string) ([]byte, bool) {
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return raw, err == nil
}

// verify tells whether a key made the signature (RFC 7518 3.3 and 3.5). The
// salt of PS256 is as long as the hash; a longer one, which some tools take
// when they are not told, is against the RFC and refused.
func (j *jws) verify(key *rsa.PublicKey) bool {
	digest := sha256.Sum256([]byte(j.input))
	if j.header.Alg == "PS256" {
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.VerifyPSS(key, crypto.SHA256, digest[:], j.signature, options) == nil
	}
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], j.signature) == nil
}

// shorten bounds what a stranger sent before it is echoed.
func shorten(s string) string {
	const most = 600 // what Azure allows an issuer, a subject and an audience
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
