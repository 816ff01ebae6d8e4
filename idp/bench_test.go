package idp_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
)

// ratio runs a thing and its baseline in turns, so that a noisy machine slows
// both, and reports how many times the baseline the thing takes.
func ratio(b *testing.B, unit string, thing, baseline func()) {
	var ofThing, ofBaseline time.Duration
	for b.Loop() {
		start := time.Now()
		thing()
		middle := time.Now()
		baseline()
		ofThing += middle.Sub(start)
		ofBaseline += time.Since(middle)
	}
	b.ReportMetric(float64(ofThing)/float64(ofBaseline), unit)
}

// signing is the baseline: one RS256 signature with the key that signs tokens.
func signing(b *testing.B) func() {
	key, err := idp.PrivateKey(idp.TestKeys().Signer())
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("idpool"))
	return func() {
		if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func asking(b *testing.B, s *idp.Server, clientID, secret string) func() {
	body := "grant_type=client_credentials&client_id=" + clientID + "&client_secret=" + secret + "&scope=api://" + api + "/.default"
	return func() {
		r := httptest.NewRequest(http.MethodPost, "/"+acme+"/oauth2/v2.0/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

// BenchmarkTokenEndpoint: a token through the handler against one signature.
func BenchmarkTokenEndpoint(b *testing.B) {
	s, err := idp.New(idp.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ratio(b, "×signature", asking(b, s, client, secret), signing(b))
}

// tenants makes a directory of many tenants with as many applications each.
func tenants(count, applications int) []idp.Tenant {
	list := []idp.Tenant{idp.Acme()}
	for i := range count {
		t := idp.Tenant{ID: fmt.Sprintf("00000000-0000-4000-9000-%012d", i)}
		for j := range applications {
			t.Applications = append(t.Applications, idp.Application{
				AppID:               fmt.Sprintf("00000000-0000-4000-8000-%06d%06d", i, j),
				IdentifierURIs:      []string{fmt.Sprintf("api://%d/%d", i, j)},
				AppRoles:            []idp.AppRole{{Value: "reader"}},
				PasswordCredentials: []idp.PasswordCredential{{SecretText: "secret"}},
				AppRoleAssignments:  []idp.AppRoleAssignment{{Resource: fmt.Sprintf("00000000-0000-4000-8000-%06d%06d", i, 0), Roles: []string{"reader"}}},
			})
		}
		list = append(list, t)
	}
	return list
}

// BenchmarkHundredTenants: loading 100 tenants of 1,000 applications, and a
// token from them against one from the Acme tenant alone.
func BenchmarkHundredTenants(b *testing.B) {
	small, err := idp.New(idp.Config{})
	if err != nil {
		b.Fatal(err)
	}
	list := tenants(100, 1_000)
	start := time.Now()
	large, err := idp.New(idp.Config{Tenants: list})
	if err != nil {
		b.Fatal(err)
	}
	loading := time.Since(start)
	ratio(b, "×small", asking(b, large, client, secret), asking(b, small, client, secret))
	b.ReportMetric(loading.Seconds(), "s/load")
}

// BenchmarkLookup: a token from a directory of 10,000 applications against one
// from a directory of two.
func BenchmarkLookup(b *testing.B) {
	small, err := idp.New(idp.Config{})
	if err != nil {
		b.Fatal(err)
	}
	large, err := idp.New(idp.Config{Tenants: manyTenants(10_000)})
	if err != nil {
		b.Fatal(err)
	}
	last := fmt.Sprintf("00000000-0000-4000-8000-%012d", 9_999)
	ratio(b, "×small", asking(b, large, last, "secret"), asking(b, small, client, secret))
}
