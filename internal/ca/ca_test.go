package ca

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/internal/imports"
)

var now = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

func fresh(t *testing.T) *Authority {
	t.Helper()
	a, err := Fresh(now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// roots is a client's trust in one authority and nothing else.
func roots(t *testing.T, a *Authority) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(a.PEM()) {
		t.Fatal("PEM is no certificate")
	}
	return pool
}

func TestTheAuthority(t *testing.T) {
	a := fresh(t)
	c := a.Certificate()
	switch {
	case !c.IsCA || !c.MaxPathLenZero || c.MaxPathLen != 0:
		t.Error("it can sign other authorities, or nothing")
	case c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign:
		t.Errorf("key usage %b", c.KeyUsage)
	case !c.NotBefore.Equal(now.AddDate(-20, 0, 0)) || !c.NotAfter.Equal(now.AddDate(10, 0, 0)):
		t.Errorf("valid from %v to %v", c.NotBefore, c.NotAfter)
	case !strings.HasPrefix(c.Subject.CommonName, "idpool CA "):
		t.Errorf("name %q", c.Subject.CommonName)
	case a.Path() != "":
		t.Errorf("path %q of one in memory", a.Path())
	}
	if other := fresh(t).Certificate(); other.Subject.CommonName == c.Subject.CommonName {
		t.Errorf("two authorities are called %q", c.Subject.CommonName)
	}
	if n := len(a.Fingerprint()); n != 32*3-1 || strings.ToUpper(a.Fingerprint()) != a.Fingerprint() {
		t.Errorf("fingerprint %q", a.Fingerprint())
	}
}

func TestALeaf(t *testing.T) {
	a := fresh(t)
	pair, err := a.Issue([]string{"localhost", "Example.COM.", "*.wild.example", "127.0.0.1", "::1", "localhost", "0:0:0:0:0:0:0:1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	leaf := pair.Leaf
	if !leaf.NotBefore.Equal(now.Add(-time.Hour)) || leaf.NotAfter.After(now.AddDate(1, 0, 0)) {
		t.Errorf("valid from %v to %v", leaf.NotBefore, leaf.NotAfter)
	}
	if leaf.IsCA || len(leaf.ExtKeyUsage) != 1 || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("CA %v, purposes %v, want a server and nothing else", leaf.IsCA, leaf.ExtKeyUsage)
	}
	if len(leaf.DNSNames) != 3 || len(leaf.IPAddresses) != 2 {
		t.Errorf("names %q %v, want each once", leaf.DNSNames, leaf.IPAddresses)
	}
	for name, want := range map[string]bool{
		"localhost": true, "example.com": true, "a.wild.example": true, "127.0.0.1": true, "[::1]": true,
		"wild.example": false, "a.b.wild.example": false, "127.0.0.2": false, "other.example": false,
	} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots(t, a), DNSName: name, CurrentTime: now})
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots(t, fresh(t)), CurrentTime: now}); err == nil {
		t.Error("another authority vouches for it")
	}
	if key, ok := pair.PrivateKey.(*ecdsa.PrivateKey); !ok || key.Equal(a.key) {
		t.Error("the leaf has the authority's key")
	}
}

// TestALeafEndsWithItsAuthority: a leaf that outlives it is one that clients
// refuse without saying why.
func TestALeafEndsWithItsAuthority(t *testing.T) {
	a := fresh(t)
	pair, err := a.Issue([]string{"localhost"}, now.AddDate(9, 6, 0))
	if err != nil {
		t.Fatal(err)
	}
	if !pair.Leaf.NotAfter.Equal(a.Certificate().NotAfter) {
		t.Errorf("it ends %v, want %v", pair.Leaf.NotAfter, a.Certificate().NotAfter)
	}
}

func TestACertificateForNobody(t *testing.T) {
	var of *Error
	if _, err := fresh(t).Issue(nil, now); !errors.As(err, &of) || err.Error() != "ca: a certificate without names is of no use" {
		t.Errorf("%v", err)
	}
}

// TestAHandshake: a real TLS connection of a client that trusts the authority
// alone.
func TestAHandshake(t *testing.T) {
	a := fresh(t)
	pair, err := a.Issue([]string{"login.microsoftonline.com"}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		trust *Authority
		want  string
	}{
		{"the client trusts it", a, ""},
		{"the client trusts another", fresh(t), "unknown authority"},
	} {
		near, far := net.Pipe()
		clock := func() time.Time { return now }
		server := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{pair}, Time: clock})
		done := make(chan error, 1)
		go func() { done <- server.HandshakeContext(t.Context()) }()
		client := tls.Client(near, &tls.Config{RootCAs: roots(t, tc.trust), ServerName: "login.microsoftonline.com", Time: clock})
		err := client.HandshakeContext(t.Context())
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		near.Close()
		if err := <-done; tc.want == "" && err != nil {
			t.Errorf("%s: the server: %v", tc.name, err)
		}
	}
}

func TestImports(t *testing.T) { imports.Check(t, ".") }
