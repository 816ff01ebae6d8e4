package idp_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
)

// requesting is a token request by a form through the handler.
func requesting(b *testing.B, s *idp.Server, form url.Values) func() {
	body := form.Encode()
	return func() {
		r := httptest.NewRequest(http.MethodPost, tokenURL, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

// verifying is one raw RSA-2048 verification.
func verifying(b *testing.B, k signer) func() {
	digest := sha256.Sum256([]byte("idpool"))
	signature, err := rsa.SignPKCS1v15(nil, k.key, crypto.SHA256, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := rsa.VerifyPKCS1v15(&k.key.PublicKey, crypto.SHA256, digest[:], signature); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCertificate: a request with a certificate, one with a secret, and a
// verification, in turns. What a certificate costs more is reported in
// verifications: one for the signature, and the reading of the assertion.
func BenchmarkCertificate(b *testing.B) {
	k := clientKey()
	const many = 20 // verifications in a turn, so that the clock does not count
	for _, header := range []object{
		{"alg": "RS256", "typ": "JWT", "x5t": base64.RawURLEncoding.EncodeToString(k.sha1())},
		k.header(),
	} {
		b.Run(fmt.Sprint(header["alg"]), func(b *testing.B) {
			s := newServer(b, idp.Config{Tenants: withCertificates(k.registered()), PublicURL: base})
			common := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "scope": {"api://" + api + "/.default"}}
			bySecret := requesting(b, s, plus(common, "client_secret", secret))
			byCertificate := requesting(b, s, plus(common, "client_assertion", k.sign(b, header.text(b), goodClaims().text(b)),
				"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"))
			verify := verifying(b, k)
			var secrets, certificates, verifications time.Duration
			n := 0
			for b.Loop() {
				n++
				secrets += lasting(1, bySecret)
				certificates += lasting(1, byCertificate)
				verifications += lasting(many, verify)
			}
			one := float64(verifications) / float64(many)
			b.ReportMetric(float64(certificates-secrets)/one, "×verification")
			b.ReportMetric(float64(certificates)/float64(secrets), "×secret")
			b.ReportMetric(one/float64(n), "ns/verification")
		})
	}
}

// lasting is how long n turns take.
func lasting(n int, turn func()) time.Duration {
	start := time.Now()
	for range n {
		turn()
	}
	return time.Since(start)
}

// plus is a form with more parameters: pairs of a name and a value.
func plus(form url.Values, pairs ...string) url.Values {
	more := maps.Clone(form)
	for i := 0; i+1 < len(pairs); i += 2 {
		more[pairs[i]] = []string{pairs[i+1]}
	}
	return more
}
