package validator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // registers SHA-384 and SHA-512 with package crypto
	"math/big"
	"strings"
)

// algorithm is a signature algorithm of RFC 7518 3.1 or RFC 8037 3.1.
type algorithm struct {
	name string
	// keyType is the kty of a key that fits, and curve its crv, if it has one.
	keyType, curve string
	hash           crypto.Hash
	pss            bool
}

// algorithms are all that a provider may list. RSA with SHA-1, HMAC and none
// are missing on purpose.
func algorithms() []algorithm {
	return []algorithm{
		{name: "RS256", keyType: "RSA", hash: crypto.SHA256},
		{name: "RS384", keyType: "RSA", hash: crypto.SHA384},
		{name: "RS512", keyType: "RSA", hash: crypto.SHA512},
		{name: "PS256", keyType: "RSA", hash: crypto.SHA256, pss: true},
		{name: "PS384", keyType: "RSA", hash: crypto.SHA384, pss: true},
		{name: "PS512", keyType: "RSA", hash: crypto.SHA512, pss: true},
		{name: "ES256", keyType: "EC", curve: "P-256", hash: crypto.SHA256},
		{name: "ES384", keyType: "EC", curve: "P-384", hash: crypto.SHA384},
		{name: "ES512", keyType: "EC", curve: "P-521", hash: crypto.SHA512},
		{name: "EdDSA", keyType: "OKP", curve: "Ed25519"},
	}
}

// algorithmNames are the names of algorithms.
func algorithmNames() []string {
	var names []string
	for _, a := range algorithms() {
		names = append(names, a.name)
	}
	return names
}

// forbidden says why no provider may list an algorithm, or "". Somebody who
// can read a JWKS can sign with none, and with HMAC keyed by what the JWKS
// says (RFC 8725 2.1).
func forbidden(name string) string {
	upper := strings.ToUpper(name)
	switch {
	case upper == "NONE":
		return "is no signature at all"
	case strings.HasPrefix(upper, "HS"):
		return "signs with a shared secret, and the keys of a JWKS are public"
	}
	return ""
}

// describeKey says what kind of key an algorithm needs.
func (a algorithm) describeKey() string {
	if a.curve == "" {
		return a.keyType
	}
	return a.keyType + " " + a.curve
}

// signed is what a signature covers: header and payload as they were received.
// Their SHA-256 is part of the cache's key already, and nearly every algorithm
// in use wants it, so that it is computed once. That is why signatures are
// verified with package crypto here: jwx hashes for itself.
type signed struct {
	text   []byte
	sha256 [sha256.Size]byte
}

// digest is the hash of the text.
func (s *signed) digest(h crypto.Hash) []byte {
	if h == crypto.SHA256 {
		return s.sha256[:]
	}
	hash := h.New()
	hash.Write(s.text)
	return hash.Sum(nil)
}

// verify reports whether a signature (RFC 7515 5.2) is that of a key. The
// caller has seen to it that key and algorithm fit each other.
func (a algorithm) verify(public crypto.PublicKey, s *signed, signature []byte) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if a.pss { // RFC 7518 3.5: the salt is as long as the hash
			options := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(key, a.hash, s.digest(a.hash), signature, &options) == nil
		}
		return rsa.VerifyPKCS1v15(key, a.hash, s.digest(a.hash), signature) == nil
	case *ecdsa.PublicKey:
		// RFC 7518 3.4: two numbers of the curve's size, and not ASN.1.
		size := (key.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size {
			return false
		}
		r, t := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(key, s.digest(a.hash), r, t)
	case ed25519.PublicKey:
		return ed25519.Verify(key, s.text, signature)
	}
	return false
}
