package forge_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwe"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// made is the text of a token by name.
func made(t *testing.T, s *stand, name string) string {
	t.Helper()
	tok, err := forge.Make(s.source, name)
	if err != nil {
		t.Fatal(err)
	}
	return tok.Token
}

// verifies asks another library whether a key made a token's signature.
func verifies(token string, alg jwa.SignatureAlgorithm, key any) bool {
	_, err := jws.Verify([]byte(token), jws.WithKey(alg, key))
	return err == nil
}

// The attacks are real: who makes the mistake accepts the token. A twin that
// nobody can verify would be refused by the most careless verifier.
func TestAttacksAreReal(t *testing.T) {
	s := newStand(t)
	public := s.source.Key.Public()
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	spare := idp.StrangerKeys()
	for _, tt := range []struct {
		name string
		alg  jwa.SignatureAlgorithm
		key  any
	}{
		{"hs256-pem", jwa.HS256(), text},
		{"hs384-pem", jwa.HS384(), text},
		{"hs512-pem", jwa.HS512(), text},
		{"hs256-pem-trimmed", jwa.HS256(), text[:len(text)-1]},
		{"hs256-der", jwa.HS256(), pkix},
		{"hs256-pkcs1", jwa.HS256(), pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(public)})},
		{"hs256-certificate", jwa.HS256(), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.source.Key.Certificate})},
		{"hs256-modulus", jwa.HS256(), public.N.Bytes()},
		{"hs256-kid", jwa.HS256(), []byte(s.source.Key.ID)},
		{"kid-sql-union", jwa.HS256(), []byte("forged")},
		{"jwk-symmetric", jwa.HS256(), []byte("forged")},
		{"rs384", jwa.RS384(), public},
		{"rs512", jwa.RS512(), public},
		{"ps256", jwa.PS256(), public},
		{"ps384", jwa.PS384(), public},
		{"ps512", jwa.PS512(), public},
		{"kid-other-tenant", jwa.RS256(), spare[0].Public()},
		{"other-tenant", jwa.RS256(), spare[0].Public()},
		{"wrong-key", jwa.RS256(), spare[1].Public()},
		{"kid-unknown", jwa.RS256(), spare[1].Public()},
		{"kid-path", jwa.RS256(), spare[1].Public()},
		{"kid-missing", jwa.RS256(), spare[1].Public()},
		{"kid-missing-right-key", jwa.RS256(), public},
		{"nested", jwa.RS256(), public},
		{"payload-empty", jwa.RS256(), public},
		{"signature-other-hash", jwa.RS256(), nil},
		{"eddsa", jwa.EdDSA(), nil},
	} {
		if got := verifies(made(t, s, tt.name), tt.alg, tt.key); got != (tt.key != nil) {
			t.Errorf("%s verified by its key: %t", tt.name, got)
		}
	}
}

// A key that a header brings along is the one that signed.
func TestKeysInHeaders(t *testing.T) {
	s := newStand(t)
	for _, name := range []string{"jwk", "jwk-same-kid", "jwk-no-kid", "es256-jwk", "x5c", "x5c-same-kid", "x5c-no-kid"} {
		token := made(t, s, name)
		message, err := jws.Parse([]byte(token))
		if err != nil {
			t.Fatal(err)
		}
		header := message.Signatures()[0].ProtectedHeaders()
		var key any
		if brought, ok := header.JWK(); ok {
			if err := jwk.Export(brought, &key); err != nil {
				t.Fatal(err)
			}
		} else if chain, ok := header.X509CertChain(); ok {
			der, _ := chain.Get(0)
			certificate, err := x509.ParseCertificate(mustDecode(t, string(der)))
			if err != nil {
				t.Fatal(err)
			}
			key = certificate.PublicKey
		}
		alg, _ := header.Algorithm()
		if _, curve := key.(*ecdsa.PublicKey); key == nil || curve != (name == "es256-jwk") || !verifies(token, alg, key) {
			t.Errorf("%s is not signed by the key %T that it brings", name, key)
		}
	}
}

// The holder of the private key can decrypt what is encrypted.
func TestEncrypted(t *testing.T) {
	s := newStand(t)
	private, err := s.source.Key.Signer()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"encrypted": s.source.Token, "encrypted-claims": `{"aud":`, "encrypted-none": "ey"} {
		text, err := jwe.Decrypt([]byte(made(t, s, name)), jwe.WithKey(jwa.RSA_OAEP_256(), private))
		if err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s has %.60q in it, %v, want %.60q", name, text, err, want)
		}
	}
}

// Twins whose claims are wrong are signed by the right key: nothing but the
// claims is in the way.
func TestClaimsAreSigned(t *testing.T) {
	s := newStand(t)
	public, some := s.source.Key.Public(), 0
	late := []string{validator.CheckProvider, validator.CheckExpiry, validator.CheckNotBefore, validator.CheckFilter, validator.CheckIdentity, ""}
	for _, tok := range s.all(t) {
		if !slices.Contains(late, tok.Check) || tok.Name == "other-tenant" {
			continue
		}
		some++
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, hashed(tok.Token), signatureOf(t, tok.Token)); err != nil {
			t.Errorf("%s is not signed by the right key", tok.Name)
		}
	}
	if some < 60 {
		t.Errorf("%d twins are about claims", some)
	}
}

// The padding of PKCS #1 that a careless verifier does not count holds the hash.
func TestSignatureBlocks(t *testing.T) {
	s := newStand(t)
	public := s.source.Key.Public()
	for name, want := range map[string]string{"signature-garbage": "\x04\x20", "signature-bare": "\xff\x00"} {
		token := made(t, s, name)
		block := open(t, public, token)
		if !strings.HasPrefix(block, "\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff") || !strings.Contains(block, want+string(hashed(token))) {
			t.Errorf("%s has the block %x", name, block)
		}
	}
}
