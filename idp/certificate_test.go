package idp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
)

// pemText is a PEM block.
func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// privatePEM is what must never be in a message.
func (s signer) privatePEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(s.key)
	if err != nil {
		t.Fatal(err)
	}
	return pemText("PRIVATE KEY", der)
}

// ellipticCertificate is one that Azure takes for nothing.
func ellipticCertificate(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func shortCertificate(t testing.TB) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := idp.SelfSign(key, now)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestCertificatesInEveryForm: what people paste into key.
func TestCertificatesInEveryForm(t *testing.T) {
	k := clientKey()
	std := base64.StdEncoding.EncodeToString(k.certificate)
	assertion := k.sign(t, k.header().text(t), goodClaims().text(t))
	for _, tc := range []struct {
		name       string
		credential idp.KeyCredential
	}{
		{"base64 of the DER, as in Graph", idp.KeyCredential{Key: std}},
		{"base64 in lines", idp.KeyCredential{Key: lines(std)}},
		{"base64url without padding", idp.KeyCredential{Key: base64.RawURLEncoding.EncodeToString(k.certificate)}},
		{"PEM", idp.KeyCredential{Key: pemText("CERTIFICATE", k.certificate)}},
		{"PEM with Windows' line ends", idp.KeyCredential{Key: strings.ReplaceAll(pemText("CERTIFICATE", k.certificate), "\n", "\r\n")}},
		{"PEM with the private key before the certificate", idp.KeyCredential{Key: k.privatePEM(t) + pemText("CERTIFICATE", k.certificate)}},
		{"PEM with the chain behind it", idp.KeyCredential{Key: pemText("CERTIFICATE", k.certificate) + pemText("CERTIFICATE", otherKey().certificate)}},
		{"PEM with what openssl prints before it", idp.KeyCredential{Key: "subject=CN = x\nissuer=CN = x\n" + pemText("CERTIFICATE", k.certificate)}},
		{"with all that an export has", idp.KeyCredential{
			KeyID: "7d2a1f2e-3f0a-4c25-9c1a-0d6d4f6a7b11", DisplayName: "CN=client", Type: "AsymmetricX509Cert", Usage: "Verify",
			CustomKeyIdentifier: base64.StdEncoding.EncodeToString(k.sha1()), Key: std,
			StartDateTime: now.AddDate(0, -1, 0), EndDateTime: now.AddDate(0, 1, 0),
		}},
		{"its identifier in hex", idp.KeyCredential{Key: std, CustomKeyIdentifier: strings.ToUpper(hex.EncodeToString(k.sha1()))}},
		{"a file that was read", idp.KeyCredential{Key: std, File: "client.pem"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, idp.Config{Tenants: withCertificates(tc.credential)})
			if refused := present(t, s, assertion); refused != nil {
				t.Error(refused)
			}
		})
	}
}

// TestMistakesInCertificates: the field, and what was seen there.
func TestMistakesInCertificates(t *testing.T) {
	k := clientKey()
	good := k.registered()
	private := k.privatePEM(t)
	with := func(change func(*idp.KeyCredential)) idp.KeyCredential {
		c := good
		change(&c)
		return c
	}
	key := func(text string) idp.KeyCredential { return idp.KeyCredential{Key: text} }
	for _, tc := range []struct {
		name       string
		credential idp.KeyCredential
		field      string
		message    string
	}{
		{"neither base64 nor PEM", key("my certificate!"), "key", "is no certificate: 15 characters that are neither base64 of its DER nor PEM (no PEM block)"},
		{"a PEM file with a private key only", key(private), "key", `holds no certificate: its PEM blocks are ["PRIVATE KEY"], want CERTIFICATE`},
		{"a certificate request", key(pemText("CERTIFICATE REQUEST", []byte("x"))), "key", `holds no certificate: its PEM blocks are ["CERTIFICATE REQUEST"]`},
		{"PEM on one line", key(strings.ReplaceAll(pemText("CERTIFICATE", k.certificate), "\n", " ")), "key", "has no PEM block that can be read: look at the BEGIN and END lines"},
		{"base64 of a PEM file", key(base64.StdEncoding.EncodeToString([]byte(pemText("CERTIFICATE", k.certificate)))), "key", "is base64 of PEM text"},
		{"base64 of something else", key("aGVsbG8gd29ybGQ="), "key", "holds no certificate that can be read: x509: malformed certificate"},
		{"a certificate that was cut off", key(base64.StdEncoding.EncodeToString(k.certificate[:400])), "key", "holds no certificate that can be read: "},
		{"an elliptic curve", key(pemText("CERTIFICATE", ellipticCertificate(t))), "key", "holds a certificate with a key of type ECDSA, want RSA"},
		{"RSA of 1024 bits", key(pemText("CERTIFICATE", shortCertificate(t))), "key", "holds a certificate with an RSA key of 1024 bits, want 2048 or more"},
		{"a file that nobody read", idp.KeyCredential{File: "client.pem"}, "file", `idp does not read files such as "client.pem", set key`},
		{"another type", with(func(c *idp.KeyCredential) { c.Type = "Symmetric" }), "type", `"Symmetric" is no type of client certificate, want AsymmetricX509Cert`},
		{"another usage", with(func(c *idp.KeyCredential) { c.Usage = "Sign" }), "usage", `"Sign" is no usage of client certificates, want Verify`},
		{"a keyId that is none", with(func(c *idp.KeyCredential) { c.KeyID = "1" }), "keyId", `"1" is no GUID`},
		{"dates in the wrong order", with(func(c *idp.KeyCredential) { c.StartDateTime, c.EndDateTime = now, now.AddDate(0, -1, 0) }), "endDateTime", "2026-10-23T15:00:00Z is not after startDateTime, 2026-11-23T15:00:00Z"},
		{"dates in the wrong order, without a key", idp.KeyCredential{StartDateTime: now, EndDateTime: now}, "endDateTime", "is not after startDateTime"},
		{"an end before the certificate's start", with(func(c *idp.KeyCredential) { c.EndDateTime = now.AddDate(-2, 0, 0) }), "endDateTime", "the credential would end at 2024-11-23T15:00:00Z, before it begins at 2025-11-23T15:00:00Z; the certificate is valid from 2025-11-23T15:00:00Z to 2030-11-23T15:00:00Z"},
		{"another certificate's identifier", with(func(c *idp.KeyCredential) { c.CustomKeyIdentifier = hex.EncodeToString(otherKey().sha1()) }), "customKeyIdentifier", "is not the SHA-1 thumbprint of the certificate in key, " + strings.ToUpper(hex.EncodeToString(k.sha1()))},
		{"an identifier that is no thumbprint", with(func(c *idp.KeyCredential) { c.CustomKeyIdentifier = "mine" }), "customKeyIdentifier", `"mine" is not the SHA-1 thumbprint`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := idp.New(idp.Config{Tenants: withCertificates(good, tc.credential)})
			mistake(t, err, "tenants[0].applications[1].keyCredentials[1]."+tc.field, tc.message)
			if err != nil && strings.Contains(err.Error(), private[40:80]) {
				t.Errorf("the message has a part of the private key: %v", err)
			}
		})
	}
}

// mistake checks that there is one mistake, at a field.
func mistake(t testing.TB, err error, field, message string) {
	t.Helper()
	var c *idp.ConfigError
	if !errors.As(err, &c) {
		t.Fatalf("error %v, want a *ConfigError at %s", err, field)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) != 1 {
		t.Errorf("%d mistakes, want 1: %v", len(joined.Unwrap()), err)
	}
	if c.Field != field || !strings.Contains(c.Message, message) {
		t.Errorf("%v\nwant %s: … %s …", err, field, message)
	}
}

// TestTheTimeOfACertificate: the credential's dates if it has any, else the
// certificate's, at the very moment they begin and end.
func TestTheTimeOfACertificate(t *testing.T) {
	k := clientKey() // valid from 2025-11-23 15:00 to 2030-11-23 15:00
	key := base64.StdEncoding.EncodeToString(k.certificate)
	from, until := now.AddDate(-1, 0, 0), now.AddDate(4, 0, 0)
	const certificates = "Found key 'Start=11/23/2025 15:00:00, End=11/23/2030 15:00:00'"
	for _, tc := range []struct {
		name        string
		credentials []idp.KeyCredential
		at          time.Time
		found       string // empty: accepted
	}{
		{"at the certificate's start", []idp.KeyCredential{{Key: key}}, from, ""},
		{"before the certificate's start", []idp.KeyCredential{{Key: key}}, from.Add(-1), certificates},
		{"before the certificate's end", []idp.KeyCredential{{Key: key}}, until.Add(-1), ""},
		{"at the certificate's end", []idp.KeyCredential{{Key: key}}, until, certificates},
		{"the credential ends before the certificate", []idp.KeyCredential{{Key: key, EndDateTime: now}}, now, "Found key 'Start=11/23/2025 15:00:00, End=11/23/2026 15:00:00'"},
		{"the credential outlives the certificate", []idp.KeyCredential{{Key: key, EndDateTime: until.AddDate(1, 0, 0)}}, until, ""},
		{"the credential begins after the certificate", []idp.KeyCredential{{Key: key, StartDateTime: now.Add(time.Second)}}, now, "Found key 'Start=11/23/2026 15:00:01, End=11/23/2030 15:00:00'"},
		{"a date in another zone", []idp.KeyCredential{{Key: key, EndDateTime: now.In(time.FixedZone("", 7200))}}, now, "Found key 'Start=11/23/2025 15:00:00, End=11/23/2026 15:00:00'"},
		{"registered again before it ended", []idp.KeyCredential{{Key: key, EndDateTime: now.Add(-time.Hour)}, {Key: key}}, now, ""},
		{"registered again, the valid one first", []idp.KeyCredential{{Key: key}, {Key: key, EndDateTime: now.Add(-time.Hour)}}, now, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, idp.Config{Tenants: withCertificates(tc.credentials...), Now: func() time.Time { return tc.at }})
			claims := goodClaims().but(object{"nbf": tc.at.Unix(), "exp": tc.at.Unix() + 600})
			refused := present(t, s, k.sign(t, k.header().text(t), claims.text(t)))
			if tc.found == "" && refused != nil {
				t.Error(refused)
			}
			if tc.found != "" {
				refusedWith(t, refused, 700027, "Client assertion contains an invalid signature. [Reason - The key used is expired., Thumbprint of key used by client: '"+
					strings.ToUpper(hex.EncodeToString(k.sha1()))+"', "+tc.found)
			}
		})
	}
}

// TestACredentialWithoutAKey: Graph exports none, which is no mistake and lets
// nobody in, not even by an empty thumbprint.
func TestACredentialWithoutAKey(t *testing.T) {
	k := clientKey()
	s := newServer(t, idp.Config{Tenants: withCertificates(idp.KeyCredential{
		Type: "AsymmetricX509Cert", Usage: "Verify", CustomKeyIdentifier: base64.StdEncoding.EncodeToString(k.sha1()),
	})})
	for _, thumbprint := range []string{"", base64.RawURLEncoding.EncodeToString(k.sha1()), strings.Repeat("0", 40)} {
		assertion := k.sign(t, object{"alg": "RS256", "x5t": thumbprint, "kid": "x"}.text(t), goodClaims().text(t))
		refusedWith(t, present(t, s, assertion), 700027, "The key was not found.")
	}
}

// TestACertificateIsOneApplicationsOnly: another application of the tenant
// does not get in with it.
func TestACertificateIsOneApplicationsOnly(t *testing.T) {
	k := clientKey()
	tenants := withCertificates()
	tenants[0].Applications[0].KeyCredentials = []idp.KeyCredential{k.registered()}
	s := newServer(t, idp.Config{Tenants: tenants})
	refusedWith(t, present(t, s, k.sign(t, k.header().text(t), goodClaims().text(t))), 700027, "The key was not found.")
}
