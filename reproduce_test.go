package idpool

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// production are the claims of tokens as Azure AD gives them, with other
// identifiers.
func production() map[string]map[string]any {
	v2 := map[string]any{
		"aud": "5f4f2b6e-0c0a-4a55-9f61-3c8a1d6c4b11", "iss": "https://login.microsoftonline.com/0a1b2c3d-1111-4222-8333-444455556666/v2.0",
		"iat": 1.7e9, "nbf": 1.7e9, "exp": 1.7e9 + 3900, "aio": "k2Jg", "azp": "11111111-2222-4333-8444-555555555555", "azpacr": "1",
		"oid": "99999999-8888-4777-8666-555555555555", "rh": "1.AR", "roles": []any{"prod.read", "prod.write"},
		"sub": "99999999-8888-4777-8666-555555555555", "tid": "0a1b2c3d-1111-4222-8333-444455556666", "uti": "u", "ver": "2.0", "xms_ftd": "f",
	}
	with := func(from map[string]any, change map[string]any) map[string]any {
		c := maps.Clone(from)
		for name, value := range change {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
		return c
	}
	v1 := with(v2, map[string]any{"aud": "api://5f4f2b6e-0c0a-4a55-9f61-3c8a1d6c4b11", "iss": "https://sts.windows.net/0a1b2c3d-1111-4222-8333-444455556666/",
		"idp": "https://sts.windows.net/0a1b2c3d-1111-4222-8333-444455556666/", "azp": nil, "azpacr": nil,
		"appid": "11111111-2222-4333-8444-555555555555", "appidacr": "1", "ver": "1.0"})
	return map[string]map[string]any{
		"v2.0":                         v2,
		"v1.0":                         v1,
		"v1.0 with a GUID for aud":     with(v1, map[string]any{"aud": "5f4f2b6e-0c0a-4a55-9f61-3c8a1d6c4b11"}),
		"v1.0 for another kind of URI": with(v1, map[string]any{"aud": "https://kafka.acme.example"}),
		"no roles":                     with(v2, map[string]any{"roles": nil}),
		"a certificate":                with(v2, map[string]any{"azpacr": "2"}),
		"the government's cloud":       with(v2, map[string]any{"iss": "https://login.microsoftonline.us/0a1b2c3d-1111-4222-8333-444455556666/v2.0"}),
		"claims of its own":            with(v2, map[string]any{"groups": []any{"g1", "g2"}, "extn.department": []any{"42"}, "wids": []any{"w"}, "https://acme/x": map[string]any{"deep": []any{1.0, true, nil}}, "yes": "no", "n": 1e21}),
		"idtyp":                        with(v2, map[string]any{"idtyp": "app"}),
		"a managed identity":           with(v2, map[string]any{"azpacr": "2", "xms_mirid": "/subscriptions/0a1b2c3d-1111-4222-8333-444455556666/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/kafka"}),
	}
}

// A config that was made from a token mints the same token again.
func TestReproduce(t *testing.T) {
	for name, claims := range production() {
		t.Run(name, func(t *testing.T) {
			file, notes, err := Reproduce(ForeignToken{Claims: claims, Filter: "'prod.read' in claims.roles", IdentityClaim: "claims.oid"})
			if err != nil {
				t.Fatal(err)
			}
			for _, note := range notes {
				if name != "v1.0 for another kind of URI" {
					t.Errorf("noted: %s", note)
				}
			}
			c, err := Parse("reproduced.yaml", file)
			if err != nil {
				t.Fatalf("%v\n%s", err, file)
			}
			s, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			samples := s.samples(t.Context())
			if len(samples) != 1 || samples[0].refusal != nil {
				t.Fatalf("%+v\n%s", samples, file)
			}
			if diff := DiffClaims(claims, samples[0].claims); len(diff) > 0 {
				t.Errorf("%+v\n%s", diff, file)
			}
		})
	}
}

// What cannot be reproduced is said, and never with the claim's whole value.
func TestReproduceNotes(t *testing.T) {
	base := production()["v2.0"]
	for _, tt := range []struct {
		name   string
		change map[string]any
		want   string
	}{
		{"a person's token", map[string]any{"sub": "pairwise"}, "sub is not oid"},
		{"a public client", map[string]any{"azpacr": "0"}, `azpacr or appidacr is "0"`},
		{"no tenant", map[string]any{"tid": "", "iss": "https://acme.okta.com"}, "the token has no tid"},
		{"no version", map[string]any{"ver": ""}, `ver is ""`},
		{"an issuer that is no URL", map[string]any{"iss": "acme"}, `iss is "acme", which is no URL`},
	} {
		claims := maps.Clone(base)
		maps.Copy(claims, tt.change)
		_, notes, err := Reproduce(ForeignToken{Claims: claims})
		if err != nil || !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, tt.want) }) {
			t.Errorf("%s: %v, %v", tt.name, notes, err)
		}
	}
	for _, claims := range []map[string]any{nil, {"aud": []any{"a", "b"}, "azp": "x"}, {"aud": "x"}} {
		if file, _, err := Reproduce(ForeignToken{Claims: claims}); err == nil {
			t.Errorf("%v makes a config: %s", claims, file)
		}
	}
}

// The filter is the customer's, and its mistakes are said with their place.
func TestReproduceFilter(t *testing.T) {
	claims := production()["v2.0"]
	file, _, err := Reproduce(ForeignToken{Claims: claims, Filter: "'prod.read' in claims.roles"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("x", file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	token, err := s.Token(t.Context(), idp.TokenRequest{Tenant: claims["tid"].(string), ClientID: claims["azp"].(string),
		Scope: claims["aud"].(string) + "/.default", InsecureSkipCredential: true})
	if err != nil {
		t.Fatal(err)
	}
	if d := s.Decide(t.Context(), request(token.AccessToken, "lkc-reproduced", "pool-reproduced")); !d.Allowed || !d.Verified {
		t.Errorf("got %+v", d.Failed())
	}
	if _, _, err := Reproduce(ForeignToken{Claims: claims, Filter: "claims.azp = 'x'"}); err == nil || !strings.Contains(err.Error(), "write ==") {
		t.Errorf("got %v", err)
	}
}
