package idp_test

import (
	"os"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// FuzzAssertion sends whatever assertion: no panic, one of Azure's errors, and
// a token only for the one that the client signed.
func FuzzAssertion(f *testing.F) {
	k := clientKey()
	s := newServer(f, idp.Config{Tenants: withCertificates(k.registered())})
	good := k.sign(f, k.header().text(f), goodClaims().text(f))
	if refused := present(f, s, good); refused != nil {
		f.Fatal(refused)
	}
	f.Add(good)
	f.Add("e30.e30.e30")
	f.Add(k.sign(f, `{"alg":"RS256","x5c":["AA=="],"kid":"x"}`, goodClaims().text(f)))
	f.Fuzz(func(t *testing.T, assertion string) {
		if assertion == "" {
			return // that is no credential
		}
		refused := present(t, s, assertion)
		if refused == nil && assertion != good && !strings.HasPrefix(assertion, cutSignature(good)) {
			t.Fatalf("accepted, and nobody signed it: %q", assertion)
		}
		if refused != nil && (refused.Status < 400 || refused.Status > 499) {
			t.Errorf("status %d for %q", refused.Status, assertion)
		}
	})
}

// FuzzChangedAssertion changes one byte of an assertion that is good.
func FuzzChangedAssertion(f *testing.F) {
	k := clientKey()
	s := newServer(f, idp.Config{Tenants: withCertificates(k.registered())})
	good := k.sign(f, k.header().text(f), goodClaims().text(f))
	f.Add(len(good)-1, byte('A'))
	f.Add(len(good)/2, byte('\n'))
	f.Add(0, byte('='))
	f.Fuzz(func(t *testing.T, at int, c byte) {
		if at < 0 || at >= len(good) || good[at] == c {
			return
		}
		if refused := present(t, s, good[:at]+string([]byte{c})+good[at+1:]); refused == nil {
			t.Fatalf("byte %d of %d changed to %q, and it was accepted", at, len(good), c)
		}
	})
}

// FuzzCertificate reads whatever key and thumbprint: a mistake or a
// certificate, and no panic.
func FuzzCertificate(f *testing.F) {
	k := clientKey()
	f.Add(k.registered().Key, "")
	f.Add(pemText("CERTIFICATE", k.certificate), strings.Repeat("0", 40))
	f.Add("-----BEGIN CERTIFICATE-----", "x")
	f.Fuzz(func(t *testing.T, key, identifier string) {
		_, err := idp.New(idp.Config{Tenants: withCertificates(idp.KeyCredential{Key: key, CustomKeyIdentifier: identifier})})
		if err != nil && len(key) > 64 && strings.Contains(err.Error(), key) {
			t.Errorf("the message has the key: %v", err)
		}
	})
}

// TestNoByteOfAnAssertionCanBeChanged tries each byte of a good one, header,
// payload, dots and signature, with all that base64 may take for the same.
func TestNoByteOfAnAssertionCanBeChanged(t *testing.T) {
	k := clientKey()
	s := newServer(t, idp.Config{Tenants: withCertificates(k.registered())})
	good := k.sign(t, k.header().text(t), goodClaims().text(t))
	for at := range good {
		for _, c := range []byte{good[at] ^ 1, good[at] ^ 0x20, '=', '.', '\n', 'A', '_'} {
			if c == good[at] {
				continue
			}
			if refused := present(t, s, good[:at]+string([]byte{c})+good[at+1:]); refused == nil {
				t.Errorf("byte %d of %d changed from %q to %q, and it was accepted", at, len(good), good[at], c)
			}
		}
	}
}

func TestSeedsOfAssertionsAreThere(t *testing.T) {
	for _, target := range []string{"FuzzAssertion", "FuzzChangedAssertion", "FuzzCertificate"} {
		seeds, err := os.ReadDir("testdata/fuzz/" + target)
		if err != nil || len(seeds) < 4 {
			t.Errorf("%s has %d seeds (%v), want 4 or more", target, len(seeds), err)
		}
	}
}
