package forge

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"time"
)

// spelt makes the token written in another way.
func spelt(by func(token string) string) func(*draft) string {
	return func(d *draft) string { return by(d.Token) }
}

// shapeTwins are no JWT of three parts.
func shapeTwins() []twin {
	const rule = "RFC 7515 7.1"
	return []twin{
		{"empty", "an empty string", checkFormat, rule, "", spelt(func(string) string { return "" })},
		{"opaque", "no JWT, but a word", checkFormat, rule, "", spelt(func(string) string { return "0.AXcActTpZ75_9Eit5gPj88Db5g"[2:] })},
		{"one-part", "the header alone", checkFormat, rule, "", func(d *draft) string { return d.parts[0] }},
		{"dots-alone", "two dots and nothing else", checkFormat, rule, "", spelt(func(string) string { return ".." })},
		{"header-empty", "nothing before the first dot", checkFormat, rule, "", func(d *draft) string { return "." + d.parts[1] + "." + d.parts[2] }},
		{"payload-empty", "nothing between the dots, signed", checkFormat, "RFC 7519 7.2", "", payload(func(string) string { return "" })},
		{"four-parts", "a fourth part after the signature", checkFormat, rule, "", spelt(func(t string) string { return t + ".e30" })},
		{"dot-after", "a dot after the signature", checkFormat, rule, "", spelt(func(t string) string { return t + "." })},
		{"dot-before", "a dot before the header", checkFormat, rule, "", spelt(func(t string) string { return "." + t })},
		{"dots-many", "4000 dots after the header", checkFormat, "RFC 7515 7.1, CVE-2025-30204", "",
			func(d *draft) string { return d.parts[0] + strings.Repeat(".", 4000) }},
		{"nested", "the payload is the token, signed again", checkFormat, "RFC 7519 5.2", "RFC 7519 7.2 has a verifier verify the inner one too",
			func(d *draft) string { return d.sign(d.header.with("cty", `"JWT"`).text(), d.Token) }},
		{"nested-none", "the payload is an unsigned token, and the outer one is an attacker's", checkFormat, "RFC 7519 5.2", "",
			func(d *draft) string {
				inner := d.unsigned(d.header.with("alg", `"none"`)) + "."
				return d.signAs(d.stranger, "RS256", compact(d.header.with("cty", `"JWT"`).text(), inner))
			}},
		{"json", "the token in the JSON serialization", checkFormat, "RFC 7519 3", "nothing is forged; RFC 7519 wants the compact form",
			func(d *draft) string {
				return `{"payload":"` + d.parts[1] + `","protected":"` + d.parts[0] + `","signature":"` + d.parts[2] + `"}`
			}},
		{"json-polyglot", "JSON of a token that has expired, other claims for who splits at dots", checkFormat, "RFC 7515 7, CVE-2022-39227", "", polyglot},
		{"oversized", "a claim of 17 KiB", checkFormat, "RFC 7519 7.2", byLimit, claim("forged", quoted(strings.Repeat("x", 17<<10)))},
		{"oversized-header", "a member of the header of 17 KiB", checkFormat, "RFC 7519 7.2", byLimit, headed("forged", quoted(strings.Repeat("x", 17<<10)))},
	}
}

// polyglot is JSON to who verifies it, and three parts to who reads the claims:
// what is signed has expired, and what stands between the dots has not.
func polyglot(d *draft) string {
	signed := strings.Split(claim("exp", d.at(-time.Hour))(d), ".")
	return `{"  ` + d.parts[0] + "." + d.parts[1] + `.":"","protected":"` + signed[0] + `","payload":"` + signed[1] +
		`","signature":"` + signed[2] + `"}`
}

// encryptedTwins have five parts (RFC 7516 3.1): encrypted with the public key,
// which proves nothing of who did it.
func encryptedTwins() []twin {
	const rule = "RFC 7519 7.2, CVE-2026-29000"
	return []twin{
		{"encrypted", "the token, encrypted with the public key", checkFormat, "RFC 7519 5.2", "RFC 7519 7.2 has a verifier that can decrypt it verify the inner one",
			func(d *draft) string { return d.encrypt(`"JWT"`, d.Token) }},
		{"encrypted-claims", "claims that nobody signed, encrypted with the public key", checkFormat, rule, "",
			func(d *draft) string { return d.encrypt("", d.claims.text()) }},
		{"encrypted-none", "a token with alg none, encrypted with the public key", checkFormat, rule, "",
			func(d *draft) string {
				return d.encrypt(`"JWT"`, d.unsigned(d.header.with("alg", `"none"`))+".")
			}},
		{"encrypted-password", "encrypted with a password and two billion rounds", checkFormat, "RFC 7518 4.8, CVE-2022-36083", "",
			func(d *draft) string {
				header := `{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2147483647,"p2s":"` + encode("forged salt 1234") + `"}`
				return strings.Join([]string{encode(header), encode(make([]byte, 40)), encode(make([]byte, 12)),
					encode(d.claims.text()), encode(make([]byte, 16))}, ".")
			}},
		{"encrypted-shape", "five parts that are the signed ones and two more", checkFormat, "RFC 7516 9", "",
			spelt(func(t string) string { return t + ".e30.e30" })},
	}
}

// encrypt makes a JWE of RSA-OAEP-256 and A256GCM (RFC 7518 4.3, 5.3) for the
// holder of the right key.
func (d *draft) encrypt(cty, text string) string {
	header := object{}.and("alg", `"RSA-OAEP-256"`).and("enc", `"A256GCM"`).and("kid", quoted(d.Key.ID))
	if cty != "" {
		header = header.and("cty", cty)
	}
	var secret [32]byte
	var nonce [12]byte
	random := stream(header.text() + text)
	_, _ = random.Read(secret[:])
	_, _ = random.Read(nonce[:])
	wrapped, err := rsa.EncryptOAEP(sha256.New(), random, d.public, secret[:], nil)
	d.note(err)
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		panic(err) // the key has the size of AES-256
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size of GCM
	}
	protected := encode(header.text())
	sealed := gcm.Seal(nil, nonce[:], []byte(text), []byte(protected))
	split := len(sealed) - gcm.Overhead()
	return strings.Join([]string{protected, encode(wrapped), encode(nonce[:]), encode(sealed[:split]), encode(sealed[split:])}, ".")
}

// spellingTwins are the token itself, written a little differently.
func spellingTwins() []twin {
	const rule = "RFC 7515 2"
	before := func(s string) func(*draft) string { return spelt(func(t string) string { return s + t }) }
	after := func(s string) func(*draft) string { return spelt(func(t string) string { return t + s }) }
	return []twin{
		{"padded", "the signature with the padding of base64", checkFormat, rule, byDecoder, after("==")},
		{"padded-inside", "header and payload with padding, signed so", checkFormat, rule, byDecoder, func(d *draft) string {
			return d.signAs(d.Key, "RS256", padded(d.header.text())+"."+padded(d.claims.text()))
		}},
		{"standard-alphabet", "the signature with + and / for - and _", checkFormat, rule, byDecoder, standardAlphabet},
		{"loose-bits", "the last letter of the signature is another for the same bytes", checkFormat, "RFC 4648 3.5", byDecoder, looseBits},
		{"foreign-letter", "a letter in the signature that base64 does not have", checkFormat, rule, byDecoder,
			func(d *draft) string {
				return d.parts[0] + "." + d.parts[1] + "." + d.parts[2][:9] + "!" + d.parts[2][9:]
			}},
		{"space-before", "a space before the token", checkFormat, rule, byTrim, before(" ")},
		{"line-after", "a line break after the token", checkFormat, rule, byTrim, after("\n")},
		{"line-inside", "a line break in the signature", checkFormat, rule, byDecoder,
			func(d *draft) string {
				return d.parts[0] + "." + d.parts[1] + "." + d.parts[2][:64] + "\n" + d.parts[2][64:]
			}},
		{"tab-inside", "a tab before the second dot", checkFormat, rule, byDecoder,
			func(d *draft) string { return d.parts[0] + "." + d.parts[1] + "\t." + d.parts[2] }},
		{"nul-after", "a zero byte after the token", checkFormat, rule, byTrim, after("\x00")},
		{"byte-order-mark", "a byte order mark before the token", checkFormat, rule, byTrim, before("\ufeff")},
		{"zero-width", "a space of no width before the token", checkFormat, rule, byTrim, before("\u200b")},
		{"bearer", "the word Bearer before the token", checkFormat, "RFC 6750 2.1", byTrim, before("Bearer ")},
		{"quoted", "the token in quotes", checkFormat, rule, byTrim, spelt(quoted)},
		{"percent", "the dots of the token as %2E", checkFormat, rule, byTrim,
			spelt(func(t string) string { return strings.ReplaceAll(t, ".", "%2E") })},
		{"twice", "the token twice, with a comma between", checkFormat, "RFC 9110 5.3", byTrim,
			spelt(func(t string) string { return t + "," + t })},
	}
}

// padded is base64url with padding, of which there is some in any case.
func padded(text string) string {
	for len(text)%3 == 0 {
		text += " " // JSON does not mind
	}
	return encode(text) + strings.Repeat("=", 3-len(text)%3)
}

// standardAlphabet has the letters of RFC 4648 4 in its signature. One signature
// in 50 000 has neither of the two, so that it may take a second one.
func standardAlphabet(d *draft) string {
	token := d.Token
	for range 8 {
		at := strings.LastIndexByte(token, '.')
		if strings.ContainsAny(token[at:], "-_") {
			return token[:at] + strings.NewReplacer("-", "+", "_", "/").Replace(token[at:])
		}
		token = claim("forged", quoted(token[at:]))(d)
	}
	return d.Token + "+"
}

// looseBits changes bits of the last letter that are not those of any byte. A
// signature without such bits gets a letter that is too few for a byte.
func looseBits(d *draft) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(d.Token) - 1
	if len(d.parts[2])%4 == 0 {
		return d.Token + "A"
	}
	return d.Token[:last] + letters[strings.IndexByte(letters, d.Token[last])|1:][:1]
}
