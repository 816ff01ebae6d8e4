package idpool

import (
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// A rotated key is unknown to a provider that never asks again, until somebody
// refreshes its keys.
func TestRotate(t *testing.T) {
	c := Acme()
	c.IdentityProviders[0].UnknownKid = validator.Never
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	decide := func() validator.Decision {
		token, err := s.Token(t.Context(), idp.TokenRequest{Tenant: c.Tenants[0].ID, ClientID: "75f2f796-363d-4de2-b299-713920db01a7",
			Scope: "api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default", InsecureSkipCredential: true})
		if err != nil {
			t.Fatal(err)
		}
		return s.Decide(t.Context(), request(token.AccessToken, "lkc-acme", "pool-dev"))
	}
	if d := decide(); !d.Allowed {
		t.Fatalf("before: %+v", d.Failed())
	}
	fresh, err := idp.GenerateKeys(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.Rotate(fresh)
	if d := decide(); d.Allowed || d.Causes[0].ID != "jwks-stale" {
		t.Errorf("rotated: %v, %+v", d.Allowed, d.Causes)
	}
	if err := s.RefreshKeys(t.Context(), "op-acme"); err != nil {
		t.Fatal(err)
	}
	if d := decide(); !d.Allowed {
		t.Errorf("refreshed: %+v", d.Failed())
	}
	if err := s.RefreshKeys(t.Context(), "op-none"); err == nil {
		t.Error("a provider that does not exist is refreshed")
	}
}

// The keys of a Config made in Go come before those that it names.
func TestKeyring(t *testing.T) {
	c := Acme()
	c.Keys, c.Keyring = "./does-not-exist", idp.TestKeys()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
