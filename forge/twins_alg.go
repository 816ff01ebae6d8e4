package forge

import (
	"crypto"
	"crypto/ed25519"
	_ "crypto/sha1" // registers SHA-1 with package crypto, which nothing is protected by
	"encoding/base64"
	"strings"
)

// bare makes the token with another alg and a third part that is no signature.
func bare(alg, third string) func(*draft) string {
	return func(d *draft) string { return d.unsigned(d.header.with("alg", alg)) + "." + third }
}

// noneTwins are not signed, and say so.
func noneTwins() []twin {
	const rule = "RFC 8725 3.2, CVE-2021-22160"
	return []twin{
		{"alg-none", "alg none, no signature", checkAlgorithm, rule, "", bare(`"none"`, "")},
		{"alg-none-title", "alg None, no signature", checkAlgorithm, rule, "", bare(`"None"`, "")},
		{"alg-none-upper", "alg NONE, no signature", checkAlgorithm, rule, "", bare(`"NONE"`, "")},
		{"alg-none-mixed", "alg nOnE, no signature", checkAlgorithm, rule, "", bare(`"nOnE"`, "")},
		{"alg-none-space", "alg none with a space after it", checkAlgorithm, rule, "", bare(`"none "`, "")},
		{"alg-none-wide", "alg none in letters of full width, which normalize to it", checkAlgorithm, rule, "", bare(`"ｎｏｎｅ"`, "")},
		{"alg-none-signed", "alg none, and the old signature", checkAlgorithm, rule, "",
			func(d *draft) string { return bare(`"none"`, d.parts[2])(d) }},
		{"alg-none-filled", "alg none, and four letters for a signature", checkAlgorithm, rule, "", bare(`"none"`, "AAAA")},
		{"alg-none-alone", "a header of alg none and nothing else", checkAlgorithm, rule, "",
			func(d *draft) string { return compact(`{"alg":"none"}`, d.claims.text()) + "." }},
		{"alg-none-two-parts", "alg none, without the dot after the claims", checkFormat, "RFC 7519 6", "",
			func(d *draft) string { return d.unsigned(d.header.with("alg", `"none"`)) }},
		{"alg-list", "alg is RS256,none", checkAlgorithm, rule, "", bare(`"RS256,none"`, "")},
		{"alg-array", "alg is a list of RS256 and none", checkAlgorithm, "RFC 7515 4.1.1", "", bare(`["none","RS256"]`, "")},
		{"alg-empty", "alg is empty, no signature", checkAlgorithm, "RFC 7515 4.1.1", "", bare(`""`, "")},
		{"alg-null", "alg is null, no signature", checkAlgorithm, "RFC 7515 4.1.1", "", bare("null", "")},
		{"alg-number", "alg is a number, no signature", checkAlgorithm, "RFC 7515 4.1.1", "", bare("0", "")},
		{"alg-missing", "no alg, no signature", checkAlgorithm, "RFC 7515 4.1.1", "",
			func(d *draft) string { return d.unsigned(d.header.without("alg")) + "." }},
		{"alg-missing-signed", "no alg, signed by the right key", checkAlgorithm, "RFC 7515 4.1.1", byAlgorithm,
			func(d *draft) string { return d.sign(d.header.without("alg").text(), d.claims.text()) }},
	}
}

// secret makes the token with HMAC under a secret that everybody knows.
func secret(alg string, from func(*draft) []byte) func(*draft) string {
	return func(d *draft) string {
		input := d.unsigned(d.header.with("alg", quoted(alg)))
		return input + "." + encode(mac(hashOf(alg), from(d), input))
	}
}

// hmacTwins take the public key, in the forms that a verifier may keep it in, for
// a shared secret.
func hmacTwins() []twin {
	const rule = "RFC 8725 2.1, CVE-2015-9235"
	pkixText := func(d *draft) []byte { return pkixPEM(d.public) }
	text := func(by func(d *draft) string) func(*draft) []byte {
		return func(d *draft) []byte { return []byte(by(d)) }
	}
	return []twin{
		{"hs256-pem", "HS256 under the public key in PEM", checkAlgorithm, rule, "", secret("HS256", pkixText)},
		{"hs384-pem", "HS384 under the public key in PEM", checkAlgorithm, rule, "", secret("HS384", pkixText)},
		{"hs512-pem", "HS512 under the public key in PEM", checkAlgorithm, rule, "", secret("HS512", pkixText)},
		{"hs256-pem-trimmed", "HS256 under the public key in PEM, no line break at its end", checkAlgorithm, rule, "",
			secret("HS256", text(func(d *draft) string { return strings.TrimSpace(string(pkixPEM(d.public))) }))},
		{"hs256-pem-space", "HS256 under a line break and the public key in PEM", checkAlgorithm, "RFC 8725 2.1, CVE-2026-34950", "",
			secret("HS256", text(func(d *draft) string { return "\n" + string(pkixPEM(d.public)) }))},
		{"hs256-pem-crlf", "HS256 under the public key in PEM with the line breaks of Windows", checkAlgorithm, rule, "",
			secret("HS256", text(func(d *draft) string { return strings.ReplaceAll(string(pkixPEM(d.public)), "\n", "\r\n") }))},
		{"hs256-pkcs1", "HS256 under the public key in PEM of PKCS #1", checkAlgorithm, "RFC 8725 2.1, CVE-2023-48223", "",
			secret("HS256", func(d *draft) []byte { return armored("RSA PUBLIC KEY", pkcs1(d.public)) })},
		{"hs256-certificate", "HS256 under the certificate in PEM", checkAlgorithm, rule, "",
			secret("HS256", func(d *draft) []byte { return armored("CERTIFICATE", d.Key.Certificate) })},
		{"hs256-ssh", "HS256 under the public key as OpenSSH writes it", checkAlgorithm, "RFC 8725 2.1, CVE-2022-29217", "",
			secret("HS256", func(d *draft) []byte { return sshKey(d.public) })},
		{"hs256-der", "HS256 under the public key in DER", checkAlgorithm, rule, "",
			secret("HS256", func(d *draft) []byte { return pkix(d.public) })},
		{"hs256-der-pkcs1", "HS256 under the public key in DER of PKCS #1", checkAlgorithm, rule, "",
			secret("HS256", func(d *draft) []byte { return pkcs1(d.public) })},
		{"hs256-jwk", "HS256 under the public key as a JWK, members as in its thumbprint", checkAlgorithm, rule, "",
			secret("HS256", text(func(d *draft) string { return thumbprintJWK(d.public).text() }))},
		{"hs256-jwk-published", "HS256 under the public key as a JWK, as it is published", checkAlgorithm, rule, "",
			secret("HS256", text(func(d *draft) string { return publishedJWK(d.Key).text() }))},
		{"hs256-modulus", "HS256 under the modulus", checkAlgorithm, rule, "",
			secret("HS256", func(d *draft) []byte { return d.public.N.Bytes() })},
		{"hs256-n", "HS256 under the text of n in the JWK", checkAlgorithm, rule, "",
			secret("HS256", text(func(d *draft) string { return encode(d.public.N.Bytes()) }))},
		{"hs256-x5c", "HS256 under the text of x5c in the JWK", checkAlgorithm, rule, "",
			secret("HS256", text(func(d *draft) string { return base64.StdEncoding.EncodeToString(d.Key.Certificate) }))},
		{"hs256-kid", "HS256 under the text of the kid", checkAlgorithm, "RFC 8725 3.10", "",
			secret("HS256", text(func(d *draft) string { return d.Key.ID }))},
		{"hs256-empty", "HS256 under an empty secret", checkAlgorithm, "RFC 7518 3.2", "",
			secret("HS256", func(*draft) []byte { return nil })},
	}
}

// signedAs makes the token with another alg, signed with it by the right key.
func signedAs(alg string) func(*draft) string {
	return func(d *draft) string { return d.signAs(d.Key, alg, d.unsigned(d.header.with("alg", quoted(alg)))) }
}

// curved makes the token with another alg and a signature of two numbers.
func curved(alg string, numbers []byte) func(*draft) string {
	return func(d *draft) string {
		return d.unsigned(d.header.with("alg", quoted(alg))) + "." + encode(numbers)
	}
}

// algorithmTwins are signed, but not with RS256.
func algorithmTwins() []twin {
	const rule = "RFC 8725 3.1"
	const psychic = "RFC 8725 3.4, CVE-2022-21449"
	return []twin{
		{"rs384", "signed with RS384 by the right key", checkAlgorithm, rule, byAlgorithm, signedAs("RS384")},
		{"rs512", "signed with RS512 by the right key", checkAlgorithm, rule, byAlgorithm, signedAs("RS512")},
		{"ps256", "signed with PS256 by the right key", checkAlgorithm, rule, byAlgorithm, signedAs("PS256")},
		{"ps384", "signed with PS384 by the right key", checkAlgorithm, rule, byAlgorithm, signedAs("PS384")},
		{"ps512", "signed with PS512 by the right key", checkAlgorithm, rule, byAlgorithm, signedAs("PS512")},
		{"rs1", "signed with RSA and SHA-1 by the right key", checkAlgorithm, "RFC 8725 3.2", "", signedSHA1},
		{"alg-lower", "alg rs256, signed by the right key", checkAlgorithm, "RFC 7515 4.1.1", byAlgorithm, headed("alg", `"rs256"`)},
		{"alg-encryption", "alg is RSA-OAEP, which encrypts and does not sign", checkAlgorithm, "RFC 7515 4.1.1", "",
			headed("alg", `"RSA-OAEP"`)},
		{"es256", "signed with ES256 by an attacker's key under the kid of the right one", checkAlgorithm, rule, "",
			func(d *draft) string { return d.onCurve(d.header.with("alg", `"ES256"`)) }},
		{"es256-jwk", "signed with ES256 by a key that the header brings along", checkAlgorithm, "RFC 7515 4.1.3, CVE-2018-0114", "",
			func(d *draft) string {
				jwk, err := curveJWK(d.Key.ID)
				d.note(err)
				return d.onCurve(d.header.with("alg", `"ES256"`).with("jwk", jwk.text()))
			}},
		{"es256-psychic", "ES256 with a signature of two zeros", checkAlgorithm, psychic, "", curved("ES256", make([]byte, 64))},
		{"es384-psychic", "ES384 with a signature of two zeros", checkAlgorithm, psychic, "", curved("ES384", make([]byte, 96))},
		{"es512-psychic", "ES512 with a signature of two zeros", checkAlgorithm, psychic, "", curved("ES512", make([]byte, 132))},
		{"es256-psychic-der", "ES256 with a signature of two zeros in ASN.1", checkAlgorithm, psychic, "",
			curved("ES256", []byte{0x30, 6, 2, 1, 0, 2, 1, 0})},
		{"eddsa", "signed with EdDSA by an attacker's key under the kid of the right one", checkAlgorithm, rule, "",
			func(d *draft) string {
				input := d.unsigned(d.header.with("alg", `"EdDSA"`))
				return input + "." + encode(ed25519.Sign(edwardsKey(), []byte(input)))
			}},
	}
}

// onCurve is the token with this header, signed by the attacker's key of P-256.
func (d *draft) onCurve(header object) string {
	input := d.unsigned(header)
	signature, err := curveSignature(input)
	d.note(err)
	return input + "." + encode(signature)
}

// signedSHA1 uses the algorithm that RFC 8812 2 has registered as prohibited.
func signedSHA1(d *draft) string {
	input := d.unsigned(d.header.with("alg", `"RS1"`))
	// The DigestInfo of SHA-1 (RFC 8017 9.2, note 1).
	prefix := []byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}
	signature, err := d.block(append(prefix, digest(crypto.SHA1, input)...))
	d.note(err)
	return input + "." + encode(signature)
}
