package idpool

import (
	"fmt"
	"strings"
	"testing"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// reached is Acme with a second client that has the prod role, so that lint has
// nothing to say.
func reached() Config {
	c := Acme()
	t := &c.Tenants[0]
	t.Applications = append(t.Applications, idp.Application{
		DisplayName: "Acme prod client", AppID: "11111111-363d-4de2-b299-713920db01a7",
		AppRoleAssignments: []idp.AppRoleAssignment{{Resource: t.Applications[0].AppID, Roles: []string{"prod.environmentAdmin"}}},
	})
	return c
}

func TestLint(t *testing.T) {
	filter := func(text string) func(*Config) {
		return func(c *Config) { c.IdentityProviders[0].IdentityPools[0].Filter = text }
	}
	foreign := func(issuer, text string) func(*Config) {
		return func(c *Config) {
			c.IdentityProviders = append(c.IdentityProviders, IdentityProvider{ID: "op-x", Issuer: issuer, JWKSURI: "https://keys.example/keys",
				IdentityPools: []pool.Config{{ID: "pool-x", Filter: text}}})
		}
	}
	for _, tt := range []struct {
		reason string
		change func(*Config)
		want   string // id subject, or nothing
		says   string
	}{
		{"nothing is wrong", nil, "", ""},
		{"a role that no API defines", filter("'dev.admin' in claims.roles"), `filter-never-matches pool "pool-dev"`, `"dev.admin"`},
		{"a claim that no token has", filter("claims.appid == 'x'"), `filter-never-matches pool "pool-dev"`, "claims.appid"},
		{"== on a list", filter("claims.roles == 'dev.environmentAdmin'"), `filter-never-matches pool "pool-dev"`, "claims.roles"},
		{"a role that nobody has", func(c *Config) { c.Tenants[0].Applications = c.Tenants[0].Applications[:2] }, `pool-unreached pool "pool-prod"`, "'prod.environmentAdmin'"},
		{"true", filter("true"), `filter-too-wide pool "pool-dev"`, "'true'"},
		{"the issuer alone", filter("claims.iss.startsWith('http')"), `filter-too-wide pool "pool-dev"`, "every application"},
		{"the tenant alone", filter("claims.tid == '67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6'"), `filter-too-wide pool "pool-dev"`, "every application"},
		{"only that there is a sub", filter("has(claims.sub)"), `filter-too-wide pool "pool-dev"`, "every application"},
		{"the API alone", filter("claims.aud == 'be587d08-a466-45e9-a02a-dfdda6b4c765'"), `filter-too-wide pool "pool-dev"`, "every application"},
		{"anybody but one", filter("claims.azp != 'x'"), `filter-too-wide pool "pool-dev"`, "every application"},
		{"the API alone, which requires an assignment", func(c *Config) {
			filter("claims.aud == 'be587d08-a466-45e9-a02a-dfdda6b4c765' || 'dev.environmentAdmin' in claims.roles")(c)
			c.Tenants[0].Applications[0].ServicePrincipal.AppRoleAssignmentRequired = true
		}, "", ""},
		{"one client", filter("'dev.environmentAdmin' in claims.roles || claims.azp == '75f2f796-363d-4de2-b299-713920db01a7'"), "", ""},
		{"Google without sub or aud", foreign("https://accounts.google.com", "claims.email.endsWith('@acme.example')"), `shared-issuer pool "pool-x"`, "accounts.google.com"},
		{"Google with a sub that need only be there", foreign("https://accounts.google.com", "has(claims.sub) && claims.hd == 'acme.example'"), `shared-issuer pool "pool-x"`, "sub or aud"},
		{"Google with aud", foreign("https://accounts.google.com", "'confluent' in claims.aud"), "", ""},
		{"== on aud of a provider that may have a list", foreign("https://acme.okta.com/oauth2/default", "claims.aud == 'api' && claims.sub == 'a'"), `eq-on-aud pool "pool-x"`, "list"},
		{"in on aud", foreign("https://acme.okta.com/oauth2/default", "'api' in claims.aud && claims.sub == 'a'"), "", ""},
		{"== on aud of Azure", foreign("https://login.microsoftonline.com/x/v2.0", "claims.aud == 'api' && claims.azp == 'a'"), "", ""},
		{"true for a provider elsewhere", foreign("https://acme.okta.com/oauth2/default", "true"), `filter-too-wide pool "pool-x"`, "every application"},
		{"a role that no pool asks for", func(c *Config) {
			c.Tenants[0].Applications[0].AppRoles = append(c.Tenants[0].Applications[0].AppRoles, idp.AppRole{Value: "audit"})
			a := c.Tenants[0].Applications[1].AppRoleAssignments
			a[0].Roles = append(a[0].Roles, "audit")
		}, `role-unused application "75f2f796-363d-4de2-b299-713920db01a7"`, "'audit'"},
		{"a role that a filter asks for by its beginning", filter("claims.roles[0].startsWith('dev.')"), "", ""},
		{"v1.0 tokens at a tenant's provider", func(c *Config) { c.Tenants[0].Applications[0].API = idp.API{} },
			`v1-provider application "be587d08-a466-45e9-a02a-dfdda6b4c765"`, "https://sts.windows.net/"},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			c := reached()
			if tt.change != nil {
				tt.change(&c)
			}
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range c.Lint(t.Context()) {
				got = append(got, w.ID+" "+w.Subject)
				if tt.want == got[0] && len(got) == 1 && !strings.Contains(w.Summary, tt.says) {
					t.Errorf("%q does not say %q", w.Summary, tt.says)
				}
				if w.Summary == "" || w.Fix == "" || !strings.HasPrefix(w.Docs, "https://") {
					t.Errorf("%+v lacks something", w)
				}
			}
			if want := strings.Fields(tt.want); len(want) == 0 && len(got) > 0 || len(want) > 0 && (len(got) == 0 || got[0] != tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLintFilter(t *testing.T) {
	for _, tt := range []struct {
		filter string
		claims map[string]any
		want   string
	}{
		{"claims.aud == 'x' && claims.sub == 'y'", nil, "[eq-on-aud]"},
		{"claims.aud == 'x' && claims.sub == 'y'", map[string]any{"aud": "x"}, "[]"},
		{"claims.aud == 'x' && claims.sub == 'y'", map[string]any{"aud": []any{"x"}}, "[eq-on-aud]"},
		{"claims.iss == 'x'", nil, "[filter-too-wide]"},
		{"claims.iss == 'x'", map[string]any{"iss": "x", "azp": "a"}, "[filter-too-wide]"},
		{"'a' in claims.roles", map[string]any{"iss": "https://accounts.google.com"}, "[shared-issuer]"},
		{"'a' in claims.roles", map[string]any{"roles": []any{"a"}}, "[]"},
		{"'a' in claims.roles", nil, "[]"},
	} {
		f, err := pool.Compile(pool.Source{Text: tt.filter})
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, w := range explain.LintFilter(f, tt.filter, tt.claims) {
			ids = append(ids, w.ID)
		}
		if got := fmt.Sprint(ids); got != tt.want {
			t.Errorf("%s of %v: got %s, want %s", tt.filter, tt.claims, got, tt.want)
		}
	}
}

// A mistake that was made many times is not told many times.
func TestLintIsBounded(t *testing.T) {
	c := large(50)
	for i := range c.IdentityProviders[0].IdentityPools {
		c.IdentityProviders[0].IdentityPools[i].Filter = "true"
	}
	var wide []explain.Warning
	for _, w := range c.Lint(t.Context()) {
		if w.ID == "filter-too-wide" {
			wide = append(wide, w)
		}
	}
	if len(wide) != 21 || wide[20].Subject != "30 more" || wide[19].Subject != `pool "pool-19"` {
		t.Errorf("%d warnings, the last of them %+v", len(wide), wide[len(wide)-1])
	}
}

func BenchmarkLint(b *testing.B) {
	c := large(1000)
	for b.Loop() {
		if c.Lint(b.Context()) == nil {
			b.Log("nothing to say")
		}
	}
}
