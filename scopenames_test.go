package idpool

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// newTenant is a tenant that no Config begins with.
const newTenant = "11111111-2222-4333-8444-555555555555"

// putIn sends a body to the admin API for a scope.
func putIn(t *testing.T, s *Stack, scope *Scope, method, path, body string) (int, string) {
	t.Helper()
	return askAdmin(t, s.Admin, exchange{method: method, path: path + "?scope=" + scope.ID(), body: body})
}

// Two scopes could not add a pool, a tenant or a domain of the same name: the
// second was refused, and was told of the first.
func TestScopesAddTheSameNames(t *testing.T) {
	s := start(t, Acme())
	for _, scope := range []*Scope{newScope(t, s), newScope(t, s)} {
		status, body := putIn(t, s, scope, "PUT", "/v1/identity-providers/op-acme/identity-pools/pool-new", `{"filter":"true","identityClaim":"claims.azp"}`)
		if want := "pool-new-" + scope.ID(); status != http.StatusCreated || ofAnswer(t, body, "id") != want || scope.PoolID("pool-new") != want {
			t.Errorf("a pool: %d %s, want %s, which is %s", status, body, want, scope.PoolID("pool-new"))
		}
		status, body = putIn(t, s, scope, "PUT", "/v1/identity-providers/op-acme/identity-pools/pool-new", `{"id":"pool-new","filter":"false","identityClaim":"claims.azp"}`)
		if status != http.StatusOK || ofAnswer(t, body, "filter") != "false" {
			t.Errorf("the pool again: %d %s", status, body)
		}
		tenant := `{"domains":["new.example"],"applications":[{"appId":"99999999-2222-4333-8444-555555555555","passwordCredentials":[{"secretText":"x"}]}]}`
		status, body = putIn(t, s, scope, "PUT", "/v1/tenants/"+newTenant, tenant)
		own := ofAnswer(t, body, "id")
		if status != http.StatusCreated || own == newTenant || !strings.Contains(body, `"`+scope.ID()+`.new.example"`) {
			t.Errorf("a tenant: %d %s", status, body)
		}
		for _, word := range []string{newTenant, strings.ToUpper(own), "new.example", scope.ID() + ".new.example"} {
			if _, body := putIn(t, s, scope, "GET", "/v1/tenants/"+word, ""); ofAnswer(t, body, "id") != own {
				t.Errorf("by the name %s: %s", word, body)
			}
		}
	}
	if status, body := askToken(t, s.Client(), s.HTTP, newTenant, "x"); !strings.Contains(body, "AADSTS90002") {
		t.Errorf("the tenant of the scopes at the server's own: %d %s", status, body)
	}
}

// The same from Go: parallel tests that add the same pool failed.
func TestScopesChangeAlike(t *testing.T) {
	s := start(t, Acme())
	for _, scope := range []*Scope{newScope(t, s), newScope(t, s)} {
		add := func(c *Config) error {
			c.Tenants = append(c.Tenants, idp.Tenant{ID: newTenant})
			p := &c.IdentityProviders[0]
			p.IdentityPools = append(p.IdentityPools, pool.Config{ID: "pool-new", IdentityClaim: "claims.azp",
				Filter: "claims.tid == '" + acmeTenant + "' && claims.tid != '" + newTenant + "'"})
			return nil
		}
		if err := scope.Change(t.Context(), add); err != nil {
			t.Fatal(err)
		}
		_, token := tokenOf(t, s, scope)
		if d := scope.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-new"}); !d.Allowed {
			t.Errorf("refused at %+v", d.Failed())
		}
		before := scope.Config()
		if err := scope.Apply(t.Context(), before); err != nil {
			t.Errorf("its own config: %v", err)
		}
		if after := scope.Config(); !slices.EqualFunc(before.Tenants, after.Tenants, func(a, b idp.Tenant) bool { return a.ID == b.ID }) ||
			after.IdentityProviders[0].IdentityPools[2].ID != "pool-new-"+scope.ID() {
			t.Errorf("its own config became %+v", after)
		}
		if err := scope.Reset(t.Context()); err != nil || len(scope.Config().Tenants) != 1 {
			t.Errorf("reset: %v, then %+v", err, scope.Config().Tenants)
		}
	}
}

// Bodies in a scope were stored with the names of the config, which nothing
// there has: a filter on the tenant's id never matched.
func TestBodiesInAScopeAreRenamed(t *testing.T) {
	s := start(t, Acme())
	scope := newScope(t, s)
	_, token := tokenOf(t, s, scope)
	const dev = "/v1/identity-providers/op-acme/identity-pools/pool-dev"
	status, body := putIn(t, s, scope, "PATCH", dev, `{"id":"pool-dev","filter":"claims.tid == '`+acmeTenant+`' && claims.azp == '`+client+`'"}`)
	if want := "claims.tid == '" + scope.TenantID() + "' && claims.azp == '" + client + "'"; status != http.StatusOK || ofAnswer(t, body, "filter") != want {
		t.Errorf("%d %s, want the filter %s", status, body, want)
	}
	if ok, check := decideIn(scope, token); !ok {
		t.Errorf("refused at %q", check)
	}
	status, body = putIn(t, s, scope, "PUT", "/v1/identity-providers/op-two", `{"tenant":"`+acmeTenant+`"}`)
	if status != http.StatusUnprocessableEntity || !strings.Contains(body, "op-acme") { // one issuer selects one provider
		t.Errorf("a second provider of the tenant: %d %s", status, body)
	}
}

// The server's own config could not be put into a scope: its tenant belongs to
// the server's own.
func TestTheConfigInAScope(t *testing.T) {
	c := Acme()
	c.Issuer = "https://issuer.example/v2.0/"
	s := start(t, c)
	scope := newScope(t, s)
	_, own := askAdmin(t, s.Admin, exchange{method: "GET", path: "/v1/config"})
	if err := scope.Change(t.Context(), func(c *Config) error { c.IdentityProviders = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	status, body := putIn(t, s, scope, "PUT", "/v1/config", own)
	if status != http.StatusOK || strings.Contains(body, acmeTenant) {
		t.Errorf("%d %s", status, body)
	}
	_, token := tokenOf(t, s, scope)
	if ok, check := decideIn(scope, token); !ok {
		t.Errorf("refused at %q", check)
	}
}

// The scope of a scope did not know the names of the config.
func TestAScopeOfAScope(t *testing.T) {
	c := Acme()
	c.Issuer = "https://issuer.example/v2.0/"
	s := start(t, c)
	outer := newScope(t, s)
	err := outer.Change(t.Context(), func(c *Config) error {
		c.IdentityProviders[0].IdentityPools[0].Filter = "claims.tid == '" + outer.TenantID() + "'"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	config := outer.Config()
	inner, err := s.NewScope(ScopeConfig{Config: &config})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	if got, want := inner.PoolID("pool-dev"), "pool-dev-"+inner.ID(); got != want {
		t.Errorf("its pool is %s, want %s", got, want)
	}
	if got, want := inner.Config().Tenants[0].Domains[0], inner.ID()+".acmeexamples.onmicrosoft.com"; got != want {
		t.Errorf("its domain is %s, want %s", got, want)
	}
	_, token := tokenOf(t, s, inner)
	if ok, check := decideIn(inner, token); !ok {
		t.Errorf("refused at %q", check)
	}
	if keys, err := inner.Keys(acmeTenant); err != nil || len(keys) == 0 {
		t.Errorf("by the tenant's id in the config: %v", err)
	}
}

// What the admin API takes by the names of the config, Go took in a scope by the
// scope's alone: faults were refused, and journals and pools empty.
func TestAScopeByTheNamesOfTheConfig(t *testing.T) {
	s := start(t, Acme())
	scope := newScope(t, s)
	for _, names := range [][2]string{{acmeTenant, "pool-dev"}, {"acmeexamples.onmicrosoft.com", "pool-dev"}, {scope.TenantID(), scope.PoolID("pool-dev")}} {
		tenant, poolID := names[0], names[1]
		token, err := scope.Token(t.Context(), idp.TokenRequest{Tenant: tenant, ClientID: client, ClientSecret: secret, Scope: acmeScope})
		if err != nil {
			t.Fatal(err)
		}
		if d := scope.Decide(t.Context(), validator.Request{Token: token.AccessToken, Cluster: "lkc-acme", Pools: poolID}); !d.Allowed {
			t.Errorf("%s: refused at %+v", poolID, d.Failed())
		}
		if p := scope.Pool(poolID); p == nil || p.Config().ID != scope.PoolID("pool-dev") {
			t.Errorf("the pool %s is %v", poolID, p)
		}
		if err := scope.SetRoleBindings(t.Context(), poolID, []pool.RoleBinding{{Role: "CloudClusterAdmin", Cluster: "lkc-acme"}}); err != nil {
			t.Errorf("bindings of %s: %v", poolID, err)
		}
		for _, f := range []fault.Fault{
			{Endpoint: fault.Token, Tenant: tenant, Status: 503, When: `tenant == "` + tenant + `" || tenant == "` + scope.TenantID() + `"`},
			{Endpoint: fault.KafkaLogin, Tenant: tenant, Close: true, When: `"` + poolID + `" in pools`},
		} {
			added, err := scope.AddFault(f)
			if err != nil {
				t.Errorf("a fault at %s: %v", tenant, err)
			} else if added.Tenant != scope.TenantID() || f.Endpoint == fault.KafkaLogin && added.When != `"`+scope.PoolID("pool-dev")+`" in pools` {
				t.Errorf("the fault is %+v", added)
			}
		}
		if _, err := scope.Faults().Add(fault.Fault{Endpoint: fault.Token, Tenant: tenant, Status: 503}); err != nil {
			t.Errorf("a fault of the set at %s: %v", tenant, err)
		}
		if got, _ := tokenOf(t, s, scope); got != http.StatusServiceUnavailable {
			t.Errorf("with a fault at %s: %d", tenant, got)
		}
		scope.Faults().Clear()
		want := journal.Filter{Endpoint: journal.EndpointToken, Tenant: tenant}
		if n, all := scope.Journal().Count(want), scope.Journal().List(want, 0); n == 0 || n != len(all) {
			t.Errorf("%d and %d entries of %s", n, len(all), tenant)
		}
		if _, err := scope.Journal().Take(t.Context(), want, 1); err != nil {
			t.Error(err)
		}
		for e := range scope.Journal().Follow(t.Context(), want) {
			if e.Tenant != scope.TenantID() {
				t.Errorf("followed %s, and got %+v", tenant, e)
			}
			break
		}
	}
}

// The answer of a scope names what is there, by the names of the config.
func TestAScopeShowsWhatIsThere(t *testing.T) {
	s := start(t, Acme())
	scope := newScope(t, s)
	if status, body := putIn(t, s, scope, "PUT", "/v1/identity-providers/op-acme/identity-pools/pool-new", `{"filter":"true","identityClaim":"claims.azp"}`); status != http.StatusCreated {
		t.Fatal(status, body)
	}
	if status, body := putIn(t, s, scope, "DELETE", "/v1/identity-providers/op-acme/identity-pools/pool-prod", ""); status != http.StatusNoContent {
		t.Fatal(status, body)
	}
	_, body := askAdmin(t, s.Admin, exchange{method: "GET", path: "/v1/scopes/" + scope.ID()})
	var view scopeView
	if err := json.Unmarshal([]byte(body), &view); err != nil {
		t.Fatal(err)
	}
	if len(view.Pools) != 2 || view.Pools["pool-dev"] != scope.PoolID("pool-dev") || view.Pools["pool-new"] != scope.PoolID("pool-new") {
		t.Errorf("its pools are %v", view.Pools)
	}
	if len(view.Tenants) != 1 || view.Tenants[acmeTenant] != scope.TenantID() {
		t.Errorf("its tenants are %v", view.Tenants)
	}
}
