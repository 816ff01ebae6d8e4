package forge

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"slices"
)

// kafka410 accepted any JWT whatever its signature.
const kafka410 = "RFC 7515 5.2, CVE-2026-33557"

// resigned makes the token with its signature changed, and nothing else.
func resigned(by func(signature []byte) []byte) func(*draft) string {
	return func(d *draft) string {
		return d.parts[0] + "." + d.parts[1] + "." + encode(by(slices.Clone(d.signature)))
	}
}

// kept makes the token with other claims under the old signature.
func kept(name string, value func(*draft) string) func(*draft) string {
	return func(d *draft) string {
		return compact(d.header.text(), d.claims.with(name, value(d)).text()) + "." + d.parts[2]
	}
}

// tamperedTwins are changed and not signed again.
func tamperedTwins() []twin {
	return []twin{
		{"payload-tampered", "a claim was added after signing", checkSignature, kafka410, "",
			kept("forged", func(*draft) string { return "true" })},
		{"payload-tampered-roles", "roles was changed after signing", checkSignature, kafka410, "",
			kept("roles", func(d *draft) string { return list("forged.other") })},
		{"payload-tampered-exp", "exp was moved after signing", checkSignature, kafka410, "",
			kept("exp", func(d *draft) string { return d.at(24 * 365 * 3600e9) })},
		{"header-tampered", "a member was added to the header after signing", checkSignature, "RFC 7515 5.2", "",
			func(d *draft) string {
				return d.unsigned(d.header.and("forged", "true")) + "." + d.parts[2]
			}},
		{"wrong-key", "signed by an attacker's key under the kid of the right one", checkSignature, kafka410, "",
			func(d *draft) string { return d.strange(d.header) }},
		{"other-signature", "the signature of another token of the same key", checkSignature, kafka410, "",
			func(d *draft) string {
				other := claim("forged", "true")(d)
				return d.parts[0] + "." + d.parts[1] + other[bytes.LastIndexByte([]byte(other), '.'):]
			}},
		{"graph-nonce", "a nonce in the header that was hashed before signing, as Microsoft Graph's tokens", checkSignature,
			"RFC 7515 5.2", "", hashedNonce},
	}
}

// hashedNonce is how Azure keeps others from verifying tokens for Microsoft
// Graph: what is signed has the hash of the nonce.
func hashedNonce(d *draft) string {
	const nonce = "1kq0bVJxN2oZ9sT4uWc7yA5eLhGdRf3mXpBvKiQwE8U"
	hashed := d.header.with("nonce", quoted(encode(digest(crypto.SHA256, nonce)))).text()
	signed := d.sign(hashed, d.claims.text())
	return d.unsigned(d.header.with("nonce", quoted(nonce))) + signed[bytes.LastIndexByte([]byte(signed), '.'):]
}

// signatureTwins have the right first two parts, and a wrong third one.
func signatureTwins() []twin {
	const rule = "RFC 7518 3.3"
	return []twin{
		{"signature-first-byte", "the first byte of the signature is another", checkSignature, rule, "",
			resigned(func(s []byte) []byte { s[0] ^= 0x55; return s })},
		{"signature-last-byte", "the last byte of the signature is another", checkSignature, rule, "",
			resigned(func(s []byte) []byte { s[len(s)-1] ^= 0x55; return s })},
		{"signature-bit", "one bit of the signature is another", checkSignature, rule, "",
			resigned(func(s []byte) []byte { s[len(s)/2] ^= 1; return s })},
		{"signature-truncated", "the second half of the signature is missing", checkSignature, rule, "",
			resigned(func(s []byte) []byte { return s[:len(s)/2] })},
		{"signature-short", "the last byte of the signature is missing", checkSignature, rule, "",
			resigned(func(s []byte) []byte { return s[:len(s)-1] })},
		{"signature-long", "a zero after the signature", checkSignature, rule, "",
			resigned(func(s []byte) []byte { return append(s, 0) })},
		{"signature-zeros", "the signature is all zeros", checkSignature, rule, "",
			resigned(func(s []byte) []byte { return make([]byte, len(s)) })},
		{"signature-one", "the signature is the number 1, which any exponent leaves alone", checkSignature, rule, "",
			resigned(func(s []byte) []byte { return append(make([]byte, len(s)-1), 1) })},
		{"signature-empty", "nothing after the second dot", checkSignature, "RFC 8725 3.2, CVE-2020-28042", "",
			resigned(func([]byte) []byte { return nil })},
		{"signature-missing", "the signature and its dot are missing", checkFormat, "RFC 7515 7.1", "",
			func(d *draft) string { return d.parts[0] + "." + d.parts[1] }},
		{"signature-digest", "the hash of the token instead of a signature", checkSignature, rule, "",
			resignedInput(func(_ *draft, input string) ([]byte, error) { return digest(crypto.SHA256, input), nil })},
		{"signature-hmac", "HMAC under the public key, alg says RS256", checkSignature, "RFC 8725 2.1", "",
			resignedInput(func(d *draft, input string) ([]byte, error) { return mac(crypto.SHA256, pkixPEM(d.public), input), nil })},
		{"signature-other-hash", "signed with RS512, alg says RS256", checkSignature, "RFC 8725 3.1", "",
			resignedInput(func(d *draft, input string) ([]byte, error) { return signature(d.Key, "RS512", input) })},
		{"signature-pss", "signed with PS256, alg says RS256", checkSignature, "RFC 8725 3.1", "",
			resignedInput(func(d *draft, input string) ([]byte, error) { return signature(d.Key, "PS256", input) })},
		{"signature-bare", "a block of PKCS #1 that does not name the hash", checkSignature, "RFC 8017 9.2", "",
			resignedInput(func(d *draft, input string) ([]byte, error) { return d.block(digest(crypto.SHA256, input)) })},
		{"signature-garbage", "a block of PKCS #1 with garbage after the hash", checkSignature, "RFC 8017 8.2.2, CVE-2006-4339", "",
			resignedInput((*draft).garbage)},
	}
}

// resignedInput makes the token with a signature of what was signed.
func resignedInput(by func(d *draft, input string) ([]byte, error)) func(*draft) string {
	return func(d *draft) string {
		input := d.parts[0] + "." + d.parts[1]
		signature, err := by(d, input)
		d.note(err)
		return input + "." + encode(signature)
	}
}

// block signs a block of PKCS #1 with any content.
func (d *draft) block(content []byte) ([]byte, error) {
	signer, err := d.Key.Signer()
	if err != nil {
		return nil, err
	}
	private, _ := signer.(*rsa.PrivateKey) // signature has seen that it is one
	return rsa.SignPKCS1v15(nil, private, crypto.Hash(0), content)
}

// garbage has the hash where a verifier looks that does not count the padding.
// With an exponent of 3 such blocks can be made without the key (Bleichenbacher,
// 2006).
func (d *draft) garbage(input string) ([]byte, error) {
	// The DigestInfo of SHA-256 (RFC 8017 9.2, note 1).
	prefix := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	content := append(prefix, digest(crypto.SHA256, input)...)
	const leastPadding = 11
	return d.block(append(content, make([]byte, d.public.Size()-leastPadding-len(content))...))
}
