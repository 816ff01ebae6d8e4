package scenario

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// minted is a stack that is not served and a token that it takes.
func minted(t *testing.T) (*idpool.Stack, string) {
	t.Helper()
	c := idpool.Acme()
	c.Now = began
	s, err := idpool.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	token, err := s.Token(t.Context(), idp.TokenRequest{Tenant: c.Tenants[0].ID, ClientID: c.Tenants[0].Applications[1].AppID,
		Scope: c.Tenants[0].Applications[0].AppID + "/.default", InsecureSkipCredential: true})
	if err != nil {
		t.Fatal(err)
	}
	return s, token.AccessToken
}

// A forged token fails at what was forged and at nothing before it.
func TestForge(t *testing.T) {
	s, token := minted(t)
	for _, tt := range []struct {
		reason string
		forge  *Forge
		check  string
	}{
		{"nothing changed", nil, ""},
		{"signed again", &Forge{}, ""},
		{"a claim more", &Forge{Claims: map[string]any{"x": "y"}}, ""},
		{"a claim less", &Forge{Claims: map[string]any{"roles": nil}}, validator.CheckFilter},
		{"another issuer", &Forge{Claims: map[string]any{"iss": "https://x"}}, validator.CheckProvider},
		{"no kid", &Forge{Header: map[string]any{"kid": nil}}, validator.CheckKey},
		{"the signature as it was", &Forge{Claims: map[string]any{"x": "y"}, Tamper: true}, validator.CheckSignature},
		{"no signature", &Forge{Alg: algNone}, validator.CheckAlgorithm},
		{"the public key as a secret", &Forge{Alg: algHS256}, validator.CheckAlgorithm},
		{"an algorithm in name only", &Forge{Header: map[string]any{"alg": "ES256"}}, validator.CheckAlgorithm},
	} {
		forged, err := tt.forge.forge(token, idp.TestKeys().Signer())
		if err != nil {
			t.Errorf("%s: %v", tt.reason, err)
			continue
		}
		d := s.Decide(t.Context(), validator.Request{Token: forged, Cluster: "lkc-acme", Pools: "pool-dev"})
		if got := d.Failed().Name; got != tt.check {
			t.Errorf("%s: the check %q failed, want %q: %s", tt.reason, got, tt.check, d.Failed().Message)
		}
	}
}

// What cannot be forged is named by package forge, which says what it is.
func TestForgeRefuses(t *testing.T) {
	for _, tt := range []struct{ reason, token, want string }{
		{"an opaque token", "opaque", "want a signed JWT with 3"},
		{"no base64url", "!.e30.x", "not base64url"},
		{"no JSON", "bm8.e30.eHh4", "header of the token is no JSON object"},
	} {
		if _, err := (&Forge{}).forge(tt.token, idp.TestKeys().Signer()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.reason, err, tt.want)
		}
	}
}

// The key that signs elsewhere is not the stack's, whatever else is.
func TestElsewhereHasOtherKeys(t *testing.T) {
	c := idpool.Acme()
	c.Now = began
	n := network{config: c}
	for _, tt := range []struct {
		url, contentType string
		status           int
	}{
		{"https://" + ElsewhereHost + "/" + c.Tenants[0].ID + "/discovery/v2.0/keys", "application/json; charset=utf-8", 200},
		{"http://" + ElsewhereHost + "/keys.txt", "text/plain", 200},
	} {
		response := get(t, n, tt.url)
		var set struct {
			Keys []struct {
				Kid string `json:"kid"`
			} `json:"keys"`
		}
		if err := json.Unmarshal([]byte(response.body), &set); err != nil || len(set.Keys) == 0 {
			t.Fatalf("%s: %v: %s", tt.url, err, response.body)
		}
		for _, k := range set.Keys {
			if k.Kid == idp.TestKeys().Signer().ID {
				t.Errorf("%s has the stack's key", tt.url)
			}
		}
		if response.status != tt.status || response.contentType != tt.contentType {
			t.Errorf("%s: got %d %q", tt.url, response.status, response.contentType)
		}
	}
}
