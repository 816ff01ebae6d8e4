package forge_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// served is an identity provider of Acme with a setting changed, a token of it, and
// a validator that trusts it.
func served(t *testing.T, change func(*idp.Config, *idp.Tenant), filter, identity string) (forge.Source, *validator.Validator) {
	t.Helper()
	tenant := idp.Acme()
	c := idp.Config{Now: func() time.Time { return began }}
	change(&c, &tenant)
	c.Tenants = []idp.Tenant{tenant}
	s, err := idp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	token, err := s.Token(t.Context(), server.URL, idp.TokenRequest{Tenant: tenant.ID, ClientID: acmeClient,
		Scope: acmeAPI + "/.default", InsecureSkipCredential: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := pool.New(pool.Config{ID: "pool-dev", IdentityClaim: identity, Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	issuer, _ := part(t, token.AccessToken, 1)["iss"].(string)
	v, err := validator.New(validator.Config{Now: c.Now, Providers: []validator.Provider{{ID: "op-acme", Issuers: []string{issuer},
		JWKSURI: server.URL + "/" + tenant.ID + "/discovery/v2.0/keys", Pools: []*pool.Pool{p}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return forge.Source{Token: token.AccessToken, Key: s.Keys().Signer(), Now: began}, v
}

// The matrix holds for other tokens than the one of the table's test.
func TestOtherSources(t *testing.T) {
	one := 1
	for name, tt := range map[string]struct {
		change           func(*idp.Config, *idp.Tenant)
		source           func(*forge.Source)
		filter, identity string
	}{
		"a token of v1.0": {func(_ *idp.Config, t *idp.Tenant) { t.Applications[0].API.RequestedAccessTokenVersion = &one }, nil,
			strictFilter, "claims.appid"},
		"the issuer of Azure": {func(c *idp.Config, _ *idp.Tenant) { c.Issuer = "azure" }, nil, strictFilter, "claims.azp"},
		"an issuer without a tenant or a path": {func(c *idp.Config, _ *idp.Tenant) { c.Issuer = "https://127.0.0.1" }, nil,
			strictFilter, "claims.azp"},
		"an issuer with a port, and another clock": {func(c *idp.Config, _ *idp.Tenant) {
			c.Issuer, c.Now = "https://idp.example:8443/v2.0", func() time.Time { return began.Truncate(time.Second).AddDate(9, 0, 0) }
		}, func(s *forge.Source) { s.Now = s.Now.Truncate(time.Second).AddDate(9, 0, 0) }, strictFilter, "claims.azp"},
		"another tenant and an attacker": {func(*idp.Config, *idp.Tenant) {}, func(s *forge.Source) {
			s.Other, s.OtherIssuer, s.Attacker = idp.StrangerKeys()[1], "https://other.example/v2.0", "https://evil.example:444/keys?x=1"
		}, strictFilter, "claims.azp"},
	} {
		t.Run(name, func(t *testing.T) {
			source, v := served(t, tt.change, tt.filter, tt.identity)
			if tt.source != nil {
				tt.source(&source)
			}
			tokens, err := forge.All(source)
			if err != nil {
				t.Fatal(err)
			}
			for _, tok := range tokens {
				if got := decide(t, v, tok.Token).Failed(); got.Name != tok.Check {
					t.Errorf("%s: refused at %q, want %q: %s; got %s", tok.Name, got.Name, tok.Check, got.Message, got.Got)
				}
			}
		})
	}
}

// What a Source says of the attacker and of the other tenant is in the twins.
func TestSourceIsUsed(t *testing.T) {
	s := newStand(t)
	s.source.Other, s.source.OtherIssuer, s.source.Attacker = idp.StrangerKeys()[2], "https://other.example/v2.0", "https://evil.example/keys"
	for _, tt := range []struct {
		name   string
		part   int
		member string
		want   string
	}{
		{"issuer-other-tenant", 1, "iss", "https://other.example/v2.0"},
		{"other-tenant", 1, "iss", "https://other.example/v2.0"},
		{"other-tenant", 0, "kid", idp.StrangerKeys()[2].ID},
		{"kid-other-tenant", 0, "kid", idp.StrangerKeys()[2].ID},
		{"kid-unknown", 0, "kid", idp.StrangerKeys()[0].ID},
		{"jku", 0, "jku", "https://evil.example/keys"},
		{"x5u", 0, "x5u", "https://evil.example/keys"},
		{"kid-url", 0, "kid", "https://evil.example/keys"},
		{"issuer-wrong", 1, "iss", "https://evil.example/v2.0"},
		{"issuer-slash", 1, "iss", s.issuer + "/"},
		{"issuer-no-version", 1, "iss", strings.TrimSuffix(s.issuer, "/v2.0")},
		{"issuer-suffix", 1, "iss", strings.Replace(s.issuer, strings.TrimPrefix(s.url, "http://"), "127.0.0.1.evil.example", 1)},
		{"issuer-scheme", 1, "iss", strings.Replace(s.issuer, "http:", "https:", 1)},
		{"issuer-template", 1, "iss", strings.Replace(s.issuer, idp.Acme().ID, "{tenantid}", 1)},
		{"v1", 1, "iss", "https://sts.windows.net/" + idp.Acme().ID + "/"},
		{"v1", 1, "aud", "api://" + acmeAPI},
		{"v1", 1, "appid", acmeClient},
		{"audience-client", 1, "aud", acmeClient},
		{"alg-none-wide", 0, "alg", "ｎｏｎｅ"},
	} {
		if got := part(t, made(t, s, tt.name), tt.part)[tt.member]; got != tt.want {
			t.Errorf("%s has the %s %q, want %q", tt.name, tt.member, got, tt.want)
		}
	}
}
