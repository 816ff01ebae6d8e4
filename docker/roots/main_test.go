package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// certificates are those of a file in PEM.
func certificates(t *testing.T, text []byte) [][]byte {
	t.Helper()
	var out [][]byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		out = append(out, block.Bytes)
	}
	return out
}

// TestEveryRoot: what Mozilla trusts without a condition, all of it, and a pool of
// certificates takes it, comments included.
func TestEveryRoot(t *testing.T) {
	var out bytes.Buffer
	if err := write(&out, bundle.Roots()); err != nil {
		t.Fatal(err)
	}
	got := certificates(t, out.Bytes())
	left := 0
	for root := range bundle.Roots() {
		if has := slices.ContainsFunc(got, func(raw []byte) bool { return bytes.Equal(raw, root.Certificate) }); has == (root.Constraint != nil) {
			t.Errorf("a root with constraint: %t, is in the file: %t", root.Constraint != nil, has)
		}
		if root.Constraint == nil {
			left++
		}
	}
	if len(got) != left || left < 100 {
		t.Errorf("%d certificates, want the %d without a constraint, which are over 100", len(got), left)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(out.Bytes()) {
		t.Error("a pool takes none of them")
	}
	if !strings.Contains(out.String(), "\n# CN=DigiCert Global Root G2,OU=www.digicert.com,O=DigiCert Inc,C=US\n-----BEGIN CERTIFICATE-----\n") {
		t.Error("the root of login.microsoftonline.com is not there by its name")
	}
}

// TestOrder: the file does not depend on the order of the package's list.
func TestOrder(t *testing.T) {
	var forward, backward bytes.Buffer
	roots := slices.Collect(bundle.Roots())
	if err := write(&forward, slices.Values(roots)); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(roots)
	if err := write(&backward, slices.Values(roots)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(forward.Bytes(), backward.Bytes()) {
		t.Error("another order in, another file out")
	}
}

// TestNoCertificate: a root that cannot be read is no file with one fewer.
func TestNoCertificate(t *testing.T) {
	err := write(new(bytes.Buffer), slices.Values([]bundle.Root{{Certificate: []byte("no certificate")}}))
	if err == nil || !strings.HasPrefix(err.Error(), "root 1 of Mozilla's") {
		t.Errorf("%v", err)
	}
}
