package idpool

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/idpool/idpool/validator"
)

// The admin API made scopes of the server's own config alone, and what was changed
// in one afterwards was lost by its reset.
func TestAScopeOfAConfigByHTTP(t *testing.T) {
	s := start(t, Acme())
	const config = `{"tenants":[{"id":"` + newTenant + `","domains":["new.example"],"applications":[
		{"appId":"` + api + `","identifierUris":["api://x"],"api":{"requestedAccessTokenVersion":2},"appRoles":[{"value":"r"}]},
		{"appId":"` + client + `","passwordCredentials":[{"secretText":"\u0073ecret"}],"appRoleAssignments":[{"resource":"` + api + `","roles":["r"]}]}]}],
		"identityProviders":[{"id":"op-x","tenant":"` + newTenant + `","identityPools":[
		{"id":"pool-x","identityClaim":"claims.azp","filter":"claims.tid == '` + newTenant + `'","roleBindings":[{"role":"CloudClusterAdmin","cluster":"lkc-acme"}]}]}]}`
	for range 2 {
		status, body := askAdmin(t, s.Admin, exchange{method: "POST", path: "/v1/scopes", body: `{"config":` + config + `}`})
		var v scopeView
		if err := json.Unmarshal([]byte(body), &v); err != nil || status != http.StatusCreated {
			t.Fatal(status, err, body)
		}
		scope := s.scopes.scope(v.ID)
		if v.Tenants[newTenant] != scope.TenantID() || v.Pools["pool-x"] != "pool-x-"+v.ID || v.OAuthScope != "api://x/.default" || v.Cluster != "lkc-acme" ||
			v.HTTP != s.HTTP || v.Kafka != s.Kafka || v.JWKSURI != s.HTTP+"/"+scope.TenantID()+"/discovery/v2.0/keys" || v.Audience != api {
			t.Errorf("the scope is %+v", v)
		}
		for _, path := range []string{"/v1/scope?scope=" + v.ID, "/v1/scopes/" + v.ID} {
			if _, again := askAdmin(t, s.Admin, exchange{method: "GET", path: path}); again != body {
				t.Errorf("%s: %s, want %s", path, again, body)
			}
		}
		askAll(t, s.Admin, []exchange{
			{"PATCH", "/v1/identity-providers/op-x/identity-pools/pool-x?scope=" + v.ID, `{"filter":"false"}`, 200, ""},
			{"POST", "/v1/reset?scope=" + v.ID, "", 204, ""},
			{"GET", "/v1/identity-providers/op-x/identity-pools/pool-x?scope=" + v.ID, "", 200, `"filter":"claims.tid == '` + scope.TenantID() + `'"`},
		})
		minted, err := scope.Mint(t.Context(), mintRequest{}.request())
		if err != nil {
			t.Fatal(err)
		}
		if d := scope.Decide(t.Context(), validator.Request{Token: minted.AccessToken, Cluster: "lkc-acme", Pools: "pool-x"}); !d.Allowed {
			t.Errorf("refused at %+v", d.Failed())
		}
	}
}

// What is wrong in such a config is named from the body's top.
func TestMistakesInTheConfigOfAScope(t *testing.T) {
	s := start(t, Acme())
	for _, tt := range []struct{ config, field string }{
		{`{"tenants":[{"id":"x"}]}`, "config.tenants[0].id"},
		{`{"tenants":[{"id":5}]}`, "config.tenants[0].id"},
		{`{"clusters":[{"id":"lkc-other"}]}`, "config.clusters"},
		{`{"tenants":[{"id":"` + newTenant + `"}],"identityProviders":[{"id":"a","tenant":"` + newTenant + `","identityPools":[{"id":"p","filter":"true","identityClaim":"claims.azp","roleBindings":[{"role":"CloudClusterAdmin","cluster":"lkc-x"}]}]}]}`,
			"config.identityProviders[0].identityPools[0].roleBindings[0].cluster"},
	} {
		status, body := askAdmin(t, s.Admin, exchange{method: "POST", path: "/v1/scopes", body: `{"config":` + tt.config + `}`})
		if status != http.StatusUnprocessableEntity || ofAnswer(t, body, "field") != tt.field || strings.Contains(body, `"line"`) {
			t.Errorf("%s: %d %s, want the field %s", tt.config, status, body, tt.field)
		}
	}
	if status, body := askAdmin(t, s.Admin, exchange{method: "POST", path: "/v1/scopes", body: `{"config":null}`}); status != http.StatusCreated || !strings.Contains(body, "pool-dev") {
		t.Errorf("null: %d %s", status, body)
	}
}

// The admin API could not ask what a client may do once it is logged in.
func TestDecisionsOfAnOperation(t *testing.T) {
	s := start(t, Acme())
	scope := newScope(t, s)
	err := scope.SetRoleBindings(t.Context(), "pool-dev", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		scope   *Scope
		allowed bool
	}{{s.Scope, true}, {scope, false}} {
		_, token := tokenOf(t, s, tt.scope)
		_, body := askAdmin(t, s.Admin, exchange{method: "POST", path: "/v1/decisions" + map[bool]string{false: "?scope=" + scope.ID()}[tt.allowed],
			body: `{"token":"` + token + `","cluster":"lkc-acme","pool":"pool-dev","operation":"READ","resource":"topic=orders"}`})
		var d validator.Decision
		if err := json.Unmarshal([]byte(body), &d); err != nil {
			t.Fatal(err, body)
		}
		if d.Allowed != tt.allowed || !d.Allowed && d.Failed().Name != "authorization" {
			t.Errorf("%s: %s", tt.scope, body)
		}
	}
}
