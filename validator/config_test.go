package validator

import (
	"errors"
	"strings"
	"testing"

	"github.com/idpool/idpool/pool"
)

// goodProvider is a provider without a mistake.
func goodProvider() Provider {
	return Provider{ID: "op-acme", Issuers: []string{"https://idp.test/v2.0"}, JWKSURI: "https://idp.test/keys"}
}

func TestConfigMistakes(t *testing.T) {
	named := func(ids ...string) []*pool.Pool {
		var pools []*pool.Pool
		for _, id := range ids {
			pools = append(pools, mustPool(t, pool.Config{ID: id, Filter: "true"}))
		}
		return pools
	}
	for _, tc := range []struct {
		reason string
		change func(*Provider)
		want   string
	}{
		{"no id", func(p *Provider) { p.ID = "" }, `provider "#1": id: missing`},
		{"no issuer", func(p *Provider) { p.Issuers = nil }, `provider "op-acme": issuers: missing: no token could select this provider`},
		{"an empty issuer", func(p *Provider) { p.Issuers = []string{""} }, `provider "op-acme": issuers: an issuer is empty`},
		{"an issuer twice in one provider", func(p *Provider) { p.Issuers = []string{"https://a", "https://a"} },
			`provider "op-acme": issuers: "https://a" occurs twice, first in provider "op-acme"`},
		{"no JWKS", func(p *Provider) { p.JWKSURI = "" }, `provider "op-acme": jwksUri: missing`},
		{"a JWKS in a file", func(p *Provider) { p.JWKSURI = "file:///keys.json" },
			`provider "op-acme": jwksUri: "file:///keys.json" is no absolute http or https URL`},
		{"a relative JWKS", func(p *Provider) { p.JWKSURI = "/keys" }, `provider "op-acme": jwksUri: "/keys" is no absolute http or https URL`},
		{"a JWKS without a host", func(p *Provider) { p.JWKSURI = "https:///keys" },
			`provider "op-acme": jwksUri: "https:///keys" is no absolute http or https URL`},
		{"a JWKS that is no URL, with a password", func(p *Provider) { p.JWKSURI = "https://u:p@[::1/keys" }, `provider "op-acme": jwksUri: no URL`},
		{"none", func(p *Provider) { p.Algorithms = []string{"RS256", "none"} },
			`provider "op-acme": algorithms: "none" is never allowed: it is no signature at all`},
		{"NONE", func(p *Provider) { p.Algorithms = []string{"NONE"} },
			`provider "op-acme": algorithms: "NONE" is never allowed: it is no signature at all`},
		{"HMAC", func(p *Provider) { p.Algorithms = []string{"HS256"} },
			`provider "op-acme": algorithms: "HS256" is never allowed: it signs with a shared secret, and the keys of a JWKS are public`},
		{"a misspelt algorithm", func(p *Provider) { p.Algorithms = []string{"RS265"} },
			`provider "op-acme": algorithms: unknown "RS265": did you mean "RS256"?`},
		{"an algorithm in lower case", func(p *Provider) { p.Algorithms = []string{"eddsa"} },
			`provider "op-acme": algorithms: unknown "eddsa": did you mean "EdDSA"?`},
		{"a misspelt mode", func(p *Provider) { p.UnknownKid = "refetsh" },
			`provider "op-acme": unknownKid: unknown "refetsh": did you mean "refetch"?`},
		{"a mode that is nothing like one", func(p *Provider) { p.UnknownKid = "yes" },
			`provider "op-acme": unknownKid: unknown "yes": known are refetch, fail-then-refetch, never`},
		{"a negative pause", func(p *Provider) { p.RefetchPause = -1 }, `provider "op-acme": refetchPause: -1ns is negative`},
		{"a pool twice", func(p *Provider) { p.Pools = named("pool-a", "pool-b", "pool-a") },
			`provider "op-acme": pools: "pool-a" occurs twice, first in provider "op-acme"`},
		{"a pool that is nil", func(p *Provider) { p.Pools = []*pool.Pool{nil} }, `provider "op-acme": pools: number 1 is nil`},
		{"a pool that pool.New did not make", func(p *Provider) { p.Pools = []*pool.Pool{{}} }, `provider "op-acme": pools: number 1 has no id`},
		{"no mistake", func(*Provider) {}, ""},
	} {
		p := goodProvider()
		tc.change(&p)
		v, err := New(Config{Providers: []Provider{p}})
		if tc.want == "" && err == nil {
			v.Close()
			continue
		}
		if err == nil || err.Error() != "validator: "+tc.want {
			t.Errorf("%s:\ngot  %v\nwant validator: %s", tc.reason, err, tc.want)
		}
	}
}

func TestConfigIdentityClaim(t *testing.T) {
	p := goodProvider()
	p.IdentityClaim = "claims."
	_, err := New(Config{Providers: []Provider{p}})
	if err == nil || !strings.HasPrefix(err.Error(), `validator: provider "op-acme": identityClaim: `) {
		t.Errorf("got %v", err)
	}
}

// Somebody who fixes a config wants to do it once.
func TestEveryMistakeAtOnce(t *testing.T) {
	a, b := goodProvider(), goodProvider()
	a.Pools = []*pool.Pool{mustPool(t, pool.Config{ID: "pool-a", Filter: "true"})}
	b.Pools = a.Pools
	b.Algorithms = []string{"none", "HS512", "RS1"}
	b.JWKSURI = ""
	b.UnknownKid = "Never"
	_, err := New(Config{Providers: []Provider{a, b}, MaxTokenBytes: -1})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("got %v, want joined errors", err)
	}
	var got []string
	for _, e := range joined.Unwrap() {
		var own *Error
		if !errors.As(e, &own) {
			t.Errorf("%v is a %T, want an *Error", e, e)
			continue
		}
		got = append(got, own.Provider+" "+own.Field)
	}
	want := []string{" maxTokenBytes", "op-acme id", "op-acme issuers", "op-acme jwksUri",
		"op-acme algorithms", "op-acme algorithms", "op-acme algorithms", "op-acme unknownKid", "op-acme pools"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestZeroConfigTrustsNobody(t *testing.T) {
	v := mustNew(t, Config{})
	c := v.Validate(t.Context(), Request{Token: azureToken(t, 1)}).Failed()
	if c.Name != CheckProvider || c.Message != "there is no identity provider at all" {
		t.Errorf("got %+v", c)
	}
}
