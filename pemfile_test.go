package idpool

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
)

// clientCertificate is a certificate as a client registers it, and its key, in
// PEM.
func clientCertificate(t testing.TB) (certificate, key string) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := idp.SelfSign(private, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

// withKeyCredential is a config whose client has one credential.
func withKeyCredential(text string) string {
	return "tenants:\n- id: " + acme + "\n  applications:\n  - appId: " + client + "\n    keyCredentials:\n    - " + text + "\n"
}

func TestCertificatesByFile(t *testing.T) {
	certificate, key := clientCertificate(t)
	dir := t.TempDir()
	write := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write("bundle.pem", key+"a comment\n"+certificate)
	write("key.pem", key)
	write("rubbish.pem", "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n")
	write("large.pem", certificate+strings.Repeat("#", maxPEMFile))
	for _, tc := range []struct{ name, credential, want string }{
		{"a bundle with its key", "file: bundle.pem", ""},
		{"an absolute path", "file: " + filepath.Join(dir, "bundle.pem"), ""},
		{"no such file", "file: none.pem", `:6:13: tenants[0].applications[0].keyCredentials[0].file: there is no file "` + filepath.Join(dir, "none.pem") + `"`},
		{"a key alone", "file: key.pem", "has no CERTIFICATE block"},
		{"a certificate that is none", "file: rubbish.pem", ":6:13: tenants[0].applications[0].keyCredentials[0].file: "},
		{"over 1 MB", "file: large.pem", "has more than 1 MB"},
		{"a folder", "file: .", "is no file but a folder"},
		{"both", "{file: bundle.pem, key: AAAA}", ":6:14: tenants[0].applications[0].keyCredentials[0].file: give either key or file, not both"},
	} {
		file := filepath.Join(dir, "idpool.yaml")
		if err := os.WriteFile(file, []byte(withKeyCredential(tc.credential)), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(file)
		if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) || tc.want == "" && err != nil {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		if err != nil {
			if strings.Contains(err.Error(), key[100:140]) {
				t.Errorf("%s: the message has the key: %v", tc.name, err)
			}
			continue
		}
		s, err := New(c)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		s.Close()
		if !reflect.DeepEqual(s.Config(), c) || c.Tenants[0].Applications[0].KeyCredentials[0].Key != "" {
			t.Errorf("%s: the config is no longer what was given", tc.name)
		}
		if w := c.credentialWarnings(); len(w) != 0 {
			t.Errorf("%s: warnings %q", tc.name, w)
		}
	}
}

// TestOnlyCertificatesAreTaken: the private key in the same file goes no
// further.
func TestOnlyCertificatesAreTaken(t *testing.T) {
	certificate, key := clientCertificate(t)
	if got := certificatesOnly([]byte(key + certificate + key + "text\n" + certificate)); got != certificate+certificate {
		t.Errorf("%q", got)
	}
}

// TestAFileIsReadOnce, however many credentials name it: a small config with
// aliases must not read gigabytes.
func TestAFileIsReadOnce(t *testing.T) {
	certificate, _ := clientCertificate(t)
	name := filepath.Join(t.TempDir(), "client.pem")
	if err := os.WriteFile(name, []byte(certificate), 0o600); err != nil {
		t.Fatal(err)
	}
	files := &keyFiles{read: map[string]keyFile{}}
	first := files.certificates(name)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if second := files.certificates(name); first.err != nil || second != first {
		t.Errorf("%v, then %v", first.err, second.err)
	}
}

// TestTenantsAreSharedWhereNothingChanges: a large config is not copied for the
// sake of one certificate.
func TestTenantsAreSharedWhereNothingChanges(t *testing.T) {
	c := Acme()
	x := &checker{config: c}
	got := x.tenants(&keyFiles{config: c})
	if len(x.errs) != 0 || &got[0].Applications[0] != &c.Tenants[0].Applications[0] {
		t.Errorf("copied, %v", x.errs)
	}
	if got := (&checker{}).tenants(&keyFiles{}); got == nil {
		t.Error("nil, which means the tenant of Acme to package idp")
	}
}

func TestCredentialsThatLetNobodyIn(t *testing.T) {
	c := Acme()
	app := &c.Tenants[0].Applications[1]
	app.PasswordCredentials = append(app.PasswordCredentials, idp.PasswordCredential{Hint: "Nsn"}, idp.PasswordCredential{})
	app.KeyCredentials = []idp.KeyCredential{{KeyID: acme}}
	want := []string{
		fmt.Sprintf(`application %q: passwordCredentials[1] (hint "Nsn") has no secretText: it lets nobody in, fill in its value`, client),
		fmt.Sprintf(`application %q: passwordCredentials[2] has no secretText: it lets nobody in, fill in its value`, client),
		fmt.Sprintf(`application %q: keyCredentials[0] has no key and no file: it lets nobody in, give the certificate`, client),
	}
	if got := c.Warnings(); !reflect.DeepEqual(got, want) {
		t.Errorf("warnings %q (%v), want %q", got, c.Check(), want)
	}
}
