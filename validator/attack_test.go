package validator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// hs256 signs a token with HMAC under a secret.
func hs256(header string, secret []byte) string {
	signed := base64url([]byte(header)) + "." + base64url([]byte(defaultClaims))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(signed))
	return signed + "." + base64url(mac.Sum(nil))
}

// publicEncodings are the bytes that somebody who knows the public key of
// rsa-a might take for a shared secret.
func publicEncodings(t *testing.T) map[string][]byte {
	t.Helper()
	public := testKey(t, "rsa-a").Public().(*rsa.PublicKey)
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := json.Marshal(jwkOf(t, "rsa-a", nil))
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"PEM":        pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix}),
		"DER":        pkix,
		"PKCS #1":    x509.MarshalPKCS1PublicKey(public),
		"JWK":        jwk,
		"modulus":    public.N.Bytes(),
		"empty":      {},
		"kid":        []byte("rsa-a"),
		"single nul": {0},
	}
}

// RFC 8725 2.1: HMAC keyed by what everybody knows.
func TestHMACWithPublicKeyIsRefused(t *testing.T) {
	for name, secret := range publicEncodings(t) {
		for _, tc := range []struct{ alg, check string }{
			{"HS256", CheckAlgorithm}, {"hs256", CheckAlgorithm}, {"RS256", CheckSignature},
		} {
			s := newStand(t, nil)
			c := s.validate(t, hs256(`{"alg":"`+tc.alg+`","kid":"rsa-a"}`, secret)).Failed()
			if c.Name != tc.check || c.Got == "" || c.Want == "" {
				t.Errorf("HMAC under the %s as %s: got %+v, want a failure of %s", name, tc.alg, c, tc.check)
			}
		}
	}
}

// A JWKS that has a shared secret does not make HMAC possible.
func TestSharedSecretInJWKSIsRefused(t *testing.T) {
	s := newStand(t, nil)
	s.server.set(jsonAnswer(`{"keys":[{"kty":"oct","kid":"rsa-a","alg":"HS256","k":"c2VjcmV0"}]}`))
	for alg, check := range map[string]string{"HS256": CheckAlgorithm, "RS256": CheckKey} {
		if c := s.validate(t, hs256(`{"alg":"`+alg+`","kid":"rsa-a"}`, []byte("secret"))).Failed(); c.Name != check {
			t.Errorf("%s: got %+v, want a failure of %s", alg, c, check)
		}
	}
}

func TestUnsignedIsRefused(t *testing.T) {
	s := newStand(t, nil)
	signed := strings.Split(s.token(t, "rsa-a", 1), ".")
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "none ", "", "null", "ＮＯＮＥ", "RS256,none"} {
		header, err := json.Marshal(map[string]string{"alg": alg, "kid": "rsa-a"})
		if err != nil {
			t.Fatal(err)
		}
		for _, signature := range []string{"", signed[2], "AAAA"} {
			c := s.validate(t, base64url(header)+"."+signed[1]+"."+signature).Failed()
			if c.Name != CheckAlgorithm || !strings.Contains(c.Got, "alg ") {
				t.Errorf("alg %q with %d characters of signature: got %+v", alg, len(signature), c)
			}
		}
	}
}

// A token that brings its key, or says where it is, is not believed, and
// nothing is fetched from there.
func TestKeysOfTheTokenAreNotUsed(t *testing.T) {
	evil := newKeyServer(t, jwksText(t, jwkOf(t, "rsa-b", nil), jwkOf(t, "rsa-b", map[string]any{"kid": "rsa-a"})))
	jwk, err := json.Marshal(jwkOf(t, "rsa-b", map[string]any{"kid": "rsa-a"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]string{
		"jwk":          `"jwk":` + string(jwk),
		"jku":          `"jku":"` + evil.URL + `"`,
		"x5u":          `"x5u":"` + evil.URL + `"`,
		"x5c":          `"x5c":["` + base64url(publicEncodings(t)["DER"]) + `"]`,
		"url and iss":  `"url":"` + evil.URL + `","iss":"` + evil.URL + `"`,
		"kid is a URL": `"x":1`,
	} {
		for _, kid := range []string{"rsa-a", "rsa-b", evil.URL, "../../../../dev/null", "' OR 1=1"} {
			s := newStand(t, nil)
			want := CheckKey
			if kid == "rsa-a" {
				want = CheckSignature
			}
			token := sign(t, "rsa-b", "RS256", `{"alg":"RS256","kid":"`+kid+`",`+header+`}`, defaultClaims)
			if c := s.validate(t, token).Failed(); c.Name != want {
				t.Errorf("%s with kid %q: got %+v, want a failure of %s", name, kid, c, want)
			}
		}
	}
	if n := evil.asked(); n != 0 {
		t.Errorf("the token's URL was asked %d times", n)
	}
}

// The signature of one token under the payload of another.
func TestSignatureOfAnotherToken(t *testing.T) {
	s := newStand(t, nil)
	mine, other := strings.Split(s.token(t, "rsa-a", 1), "."), strings.Split(s.token(t, "rsa-a", 2), ".")
	if c := s.validate(t, mine[0]+"."+mine[1]+"."+other[2]).Failed(); c.Name != CheckSignature {
		t.Errorf("got %+v, want a failure of %s", c, CheckSignature)
	}
}

// Spellings of one RSA signature that a lenient verifier takes for the same:
// bytes before it or after it, and the number plus the modulus.
func TestSignatureHasOneSpelling(t *testing.T) {
	s := newStand(t, nil)
	signed, last, _ := strings.Cut(s.token(t, "rsa-a", 1), ".")
	payload, last, _ := strings.Cut(last, ".")
	signature, m := decodePart("signature", last, nil)
	if m != nil {
		t.Fatal(m)
	}
	public := testKey(t, "rsa-a").Public().(*rsa.PublicKey)
	number := new(big.Int).SetBytes(signature)
	for name, forged := range map[string][]byte{
		"a zero before":    append([]byte{0}, signature...),
		"a zero after":     append(append([]byte{}, signature...), 0),
		"one byte less":    signature[:255],
		"one byte first":   signature[1:],
		"plus the modulus": new(big.Int).Add(number, public.N).Bytes(),
		"its negative":     new(big.Int).Sub(public.N, number).Bytes(),
		"zeros":            make([]byte, 256),
		"one":              append(make([]byte, 255), 1),
		"twice":            append(append([]byte{}, signature...), signature...),
	} {
		if c := s.validate(t, signed+"."+payload+"."+base64url(forged)).Failed(); c.Name != CheckSignature {
			t.Errorf("%s: got %+v, want a failure of %s", name, c, CheckSignature)
		}
	}
	s.wantAllowed(t, "the signature itself", signed+"."+payload+"."+last, 1)
}

// What RFC 7518 says of a signature's form holds: other forms of a good one, as
// other software makes them, are refused.
func TestOtherFormsOfASignature(t *testing.T) {
	rsaKey, ecKey := testKey(t, "rsa-a").(*rsa.PrivateKey), testKey(t, "p256").(*ecdsa.PrivateKey)
	pss := func(salt int) func([]byte) ([]byte, error) {
		return func(digest []byte) ([]byte, error) {
			return rsa.SignPSS(rand.Reader, rsaKey, crypto.SHA256, digest, &rsa.PSSOptions{SaltLength: salt})
		}
	}
	fixed := func(digest []byte, size int) ([]byte, error) {
		r, s, err := ecdsa.Sign(rand.Reader, ecKey, digest)
		if err != nil {
			return nil, err
		}
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), nil
	}
	for _, tc := range []struct {
		reason, alg, kid string
		sign             func(digest []byte) ([]byte, error)
		want             string
	}{
		{"PSS with a salt as long as the hash", "PS256", "rsa-a", pss(32), ""},
		{"PSS with a longer salt", "PS256", "rsa-a", pss(64), CheckSignature},
		{"PSS without a salt", "PS256", "rsa-a", pss(0), CheckSignature},
		{"ECDSA as two numbers of 32 bytes", "ES256", "p256", func(d []byte) ([]byte, error) { return fixed(d, 32) }, ""},
		{"ECDSA as two numbers of 33 bytes", "ES256", "p256", func(d []byte) ([]byte, error) { return fixed(d, 33) }, CheckSignature},
		{"ECDSA as ASN.1", "ES256", "p256", func(d []byte) ([]byte, error) { return ecdsa.SignASN1(rand.Reader, ecKey, d) }, CheckSignature},
		{"ECDSA of two zeros", "ES256", "p256", func([]byte) ([]byte, error) { return make([]byte, 64), nil }, CheckSignature},
	} {
		s := newStand(t, func(c *Config) { c.Providers[0].Algorithms = []string{"PS256", "ES256"} })
		s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-a", nil), jwkOf(t, "p256", nil))))
		signed := base64url([]byte(`{"alg":"`+tc.alg+`","kid":"`+tc.kid+`"}`)) + "." + base64url([]byte(defaultClaims))
		digest := sha256.Sum256([]byte(signed))
		signature, err := tc.sign(digest[:])
		if err != nil {
			t.Fatal(err)
		}
		if c := s.validate(t, signed+"."+base64url(signature)).Failed(); c.Name != tc.want {
			t.Errorf("%s: got %+v, want %q", tc.reason, c, tc.want)
		}
	}
}

// A forged PKCS #1 block with the digest under small exponents is no
// signature either: the whole block is compared.
func TestDigestAloneIsNoSignature(t *testing.T) {
	s := newStand(t, nil)
	parts := strings.Split(s.token(t, "rsa-a", 1), ".")
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	block := append(make([]byte, 256-len(digest)), digest[:]...)
	private := testKey(t, "rsa-a").(*rsa.PrivateKey)
	raw := new(big.Int).Exp(new(big.Int).SetBytes(block), private.D, private.N).FillBytes(make([]byte, 256))
	if c := s.validate(t, parts[0]+"."+parts[1]+"."+base64url(raw)).Failed(); c.Name != CheckSignature {
		t.Errorf("got %+v, want a failure of %s", c, CheckSignature)
	}
	if err := rsa.VerifyPKCS1v15(&private.PublicKey, crypto.SHA256, digest[:], raw); err == nil {
		t.Error("the forgery verifies by itself: the test tests nothing")
	}
}

// Every byte of a token counts: changed, left out or doubled, none is
// accepted.
func TestEveryByteCounts(t *testing.T) {
	v := benchValidator(t, 1, -1)
	valid := azureToken(t, 1)
	allowed := func(token string) bool {
		return v.Validate(t.Context(), Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"}).Allowed
	}
	if !allowed(valid) {
		t.Fatal("the token itself is refused")
	}
	for i := range len(valid) {
		before, c, after := valid[:i], valid[i], valid[i+1:]
		for _, changed := range []string{string(rune(c ^ 1)), string(rune(c ^ 32)), "A", "", string([]byte{c, c}), "\n", "="} {
			if token := before + changed + after; token != valid && allowed(token) {
				t.Errorf("byte %d of %d: %q instead of %q is accepted", i+1, len(valid), changed, c)
			}
		}
		if i > 0 && allowed(valid[:i]) {
			t.Errorf("the first %d of %d bytes are accepted", i, len(valid))
		}
	}
}
