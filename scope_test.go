package idpool

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool/broker"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// newScope makes a scope that ends with the test.
func newScope(t testing.TB, s *Stack) *Scope {
	t.Helper()
	scope, err := s.NewScope(ScopeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scope.Close() })
	return scope
}

// tokenOf asks the token endpoint for the Acme client's token in a scope.
func tokenOf(t testing.TB, s *Stack, scope *Scope) (int, string) {
	t.Helper()
	return askToken(t, s.Client(), s.HTTP, scope.TenantID(), secret)
}

// askToken asks a tenant's token endpoint with a secret. A token comes back
// bare, anything else as it is.
func askToken(t testing.TB, web *http.Client, base, tenant, with string) (int, string) {
	t.Helper()
	response, err := web.PostForm(base+"/"+tenant+"/oauth2/v2.0/token", url.Values{
		"client_id": {client}, "client_secret": {with}, "scope": {acmeScope}, "grant_type": {"client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var token idp.TokenResponse
	if json.Unmarshal(body, &token) == nil && token.AccessToken != "" {
		return response.StatusCode, token.AccessToken
	}
	return response.StatusCode, string(body)
}

// decideIn says whether a scope takes a token, and at which check it fails.
func decideIn(scope *Scope, token string) (bool, string) {
	d := scope.Decide(context.Background(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: scope.PoolID("pool-dev")})
	return d.Allowed, d.Failed().Name
}

// Tokens, clock, faults, journal, keys, roles and config of one scope are not
// seen in another, nor in the server's own.
func TestScopesAreAlone(t *testing.T) {
	s := start(t, Acme())
	a, b := newScope(t, s), newScope(t, s)
	_, tokenA := tokenOf(t, s, a)
	_, tokenB := tokenOf(t, s, b)
	own := fetchToken(t, s)
	for _, tt := range []struct {
		name  string
		scope *Scope
		token string
		fails string // the check; empty when the token is good
	}{
		{"its own", a, tokenA, ""}, {"the other's own", b, tokenB, ""}, {"the server's own", s.Scope, own, ""},
		{"b in a", a, tokenB, "provider"}, {"a in b", b, tokenA, "provider"},
		{"a in the server's own", s.Scope, tokenA, "provider"}, {"the server's in a", a, own, "provider"},
	} {
		if ok, check := decideIn(tt.scope, tt.token); ok != (tt.fails == "") || check != tt.fails {
			t.Errorf("%s: %t at %q, want %q", tt.name, ok, check, tt.fails)
		}
	}

	a.Clock().Advance(48 * time.Hour)
	if ok, check := decideIn(a, tokenA); ok || check != "expiry" {
		t.Errorf("a, two days later: %t at %q", ok, check)
	}
	if ok, check := decideIn(b, tokenB); !ok {
		t.Errorf("b, when a's clock was moved: %q", check)
	}
	a.Clock().Reset()

	if _, err := a.AddFault(fault.Fault{Endpoint: "token", Status: http.StatusServiceUnavailable}); err != nil {
		t.Fatal(err)
	}
	if status, _ := tokenOf(t, s, a); status != http.StatusServiceUnavailable {
		t.Errorf("a with a fault: %d", status)
	}
	if status, _ := tokenOf(t, s, b); status != http.StatusOK {
		t.Errorf("b beside a fault: %d", status)
	}
	if status, _ := tokenOf(t, s, s.Scope); status != http.StatusOK {
		t.Errorf("the server beside a fault: %d", status)
	}
	if n := a.Journal().Count(journal.Filter{Fault: "token-1"}); n != 1 {
		t.Errorf("a's journal has %d entries of the fault", n)
	}
	for _, scope := range []*Scope{b, s.Scope} {
		if n := scope.Journal().Count(journal.Filter{Endpoint: journal.EndpointToken, Tenant: a.TenantID()}); n != 0 {
			t.Errorf("the journal of %s has %d entries of %s", scope, n, a)
		}
	}
	a.Faults().Clear()

	if _, err := a.RollKeys("", idp.Roll{}); err != nil {
		t.Fatal(err)
	}
	_, tokenB2 := tokenOf(t, s, b)
	if ok, check := decideIn(b, tokenB2); !ok {
		t.Errorf("b, when a's keys were rolled: %q", check)
	}
	if kid := func(token string) string { return strings.Split(token, ".")[0] }; kid(tokenB) != kid(tokenB2) {
		t.Error("b signs with another key, since a's were rolled")
	}

	err := a.Change(t.Context(), func(c *Config) error {
		c.Tenants[0].Applications[1].PasswordCredentials[0].SecretText = "another"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := tokenOf(t, s, a); status != http.StatusUnauthorized {
		t.Errorf("a, with the old secret: %d", status)
	}
	if status, _ := tokenOf(t, s, b); status != http.StatusOK {
		t.Errorf("b, when a's secret was changed: %d", status)
	}
}

// A scope that has ended is as if it had never been.
func TestAScopeEnds(t *testing.T) {
	s := start(t, Acme())
	scope, err := s.NewScope(ScopeConfig{Name: "short"})
	if err != nil {
		t.Fatal(err)
	}
	_, token := tokenOf(t, s, scope)
	tenant := scope.TenantID()
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	if status, body := askToken(t, s.Client(), s.HTTP, tenant, secret); status != http.StatusBadRequest || !strings.Contains(body, "AADSTS90002") {
		t.Errorf("its tenant: %d %s", status, body)
	}
	if ok, check := decideIn(s.Scope, token); ok || check != "provider" {
		t.Errorf("its token: %t at %q", ok, check)
	}
	if err := scope.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if err := scope.Change(t.Context(), func(*Config) error { return nil }); err == nil || !strings.Contains(err.Error(), "scope short is closed") {
		t.Errorf("changed when it has ended: %v", err)
	}
	if n := len(s.scopes.all()); n != 0 {
		t.Errorf("%d scopes after that", n)
	}
}

// What mentions a tenant or a pool in the Config follows into the scope.
func TestAScopeIsConsistent(t *testing.T) {
	c := Acme()
	c.IdentityProviders[0].IdentityPools[0].Filter = "claims.tid == '" + acmeTenant + "'"
	s := start(t, c)
	scope := newScope(t, s)
	_, token := tokenOf(t, s, scope)
	if ok, check := decideIn(scope, token); !ok {
		t.Errorf("a filter on tid: refused at %q", check)
	}
	if got := scope.Config(); got.Tenants[0].ID == acmeTenant || got.Tenants[0].Domains[0] == "acmeexamples.onmicrosoft.com" {
		t.Errorf("its tenant is %s, %s", got.Tenants[0].ID, got.Tenants[0].Domains)
	}
	if status, _ := askToken(t, s.Client(), s.HTTP, scope.Config().Tenants[0].Domains[0], secret); status != http.StatusOK {
		t.Errorf("by its domain: %d", status)
	}
	if _, err := scope.Faults().Add(fault.Fault{Endpoint: "tls", Close: true}); err == nil || !strings.Contains(err.Error(), "endpoint") {
		t.Errorf("a TLS fault of a scope: %v", err)
	}
	if _, err := scope.AddFault(fault.Fault{Endpoint: "token", Tenant: "Common", Close: true}); err == nil || !strings.Contains(err.Error(), "tenant") {
		t.Errorf("a fault of common in a scope: %v", err)
	}
	other := Acme()
	other.Listeners.HTTP.Address = "127.0.0.1:1"
	if _, err := s.NewScope(ScopeConfig{Config: &other}); err == nil || !strings.Contains(err.Error(), "listeners") {
		t.Errorf("a scope with other listeners: %v", err)
	}
}

// Names that belong to one scope cannot be taken by another, which is not told
// whose they are.
func TestScopesDoNotShareNames(t *testing.T) {
	s := start(t, Acme())
	scope := newScope(t, s)
	err := s.Change(t.Context(), func(c *Config) error {
		c.Tenants = append(c.Tenants, idp.Tenant{ID: scope.TenantID()})
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "belongs to another scope already") {
		t.Errorf("a scope's tenant at the server's own: %v", err)
	}
	if status, _ := tokenOf(t, s, scope); status != http.StatusOK {
		t.Errorf("after the change that was refused: %d", status)
	}
}

// Kafka clients of scopes log in at one listener, each into its own scope, with
// the role bindings of its own pools.
func TestKafkaClientsOfScopes(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	a, b := newScope(t, s), newScope(t, s)
	if err := b.SetRoleBindings(t.Context(), b.PoolID("pool-dev"), []pool.RoleBinding{{Role: "DeveloperRead", Cluster: "lkc-acme", Resource: "topic=orders"}}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		scope *Scope
		want  string // what producing says
	}{{"all rights", a, ""}, {"read only", b, "TOPIC_AUTHORIZATION_FAILED"}, {"the server's own", s.Scope, ""}} {
		err := produceIn(t, s, tt.scope)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if n := tt.scope.Journal().Count(journal.Filter{Endpoint: journal.EndpointKafkaLogin, Outcome: journal.OutcomeOK, Tenant: tt.scope.TenantID()}); n == 0 {
			t.Errorf("%s: no login in its journal", tt.name)
		}
	}
}

// produceIn produces one record as a client of a scope.
func produceIn(t *testing.T, s *Stack, scope *Scope) error {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka), kgo.RecordRetries(1), kgo.DisableIdempotentWrite(), kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := scope.Mint(ctx, idp.MintRequest{})
		return oauth.Auth{Token: token.AccessToken, Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": scope.PoolID("pool-dev")}}, err
	})))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return client.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr()
}

// A hundred scopes at once, each of which sees its own requests and no others.
func TestManyScopesAtOnce(t *testing.T) {
	s := start(t, Acme())
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for range 100 {
		wg.Go(func() {
			scope, err := s.NewScope(ScopeConfig{})
			if err != nil {
				errs <- err
				return
			}
			defer scope.Close()
			status, token := tokenOf(t, s, scope)
			if ok, check := decideIn(scope, token); !ok {
				errs <- fmt.Errorf("status %d, refused at %q", status, check)
			}
			if n := scope.Journal().Count(journal.Filter{Endpoint: journal.EndpointToken}); n != 1 {
				errs <- fmt.Errorf("%d token requests in the journal", n)
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	if n := len(s.scopes.all()); n != 0 {
		t.Errorf("%d scopes are left", n)
	}
}

// BenchmarkScope: a scope made and ended, against the first start of a stack.
func BenchmarkScope(b *testing.B) {
	s := start(b, Acme())
	b.ResetTimer()
	for b.Loop() {
		scope, err := s.NewScope(ScopeConfig{})
		if err != nil {
			b.Fatal(err)
		}
		if err := scope.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/scope")
}

// With one issuer for all tokens each scope has one below it, or a token of one
// would be good in another.
func TestScopesOfOneIssuer(t *testing.T) {
	c := Acme()
	c.Issuer = "https://issuer.example/v2.0/"
	s := start(t, c)
	a, b := newScope(t, s), newScope(t, s)
	_, tokenA := tokenOf(t, s, a)
	for scope, want := range map[*Scope]string{a: "", b: "provider", s.Scope: "provider"} {
		if ok, check := decideIn(scope, tokenA); ok != (want == "") || check != want {
			t.Errorf("a's token in %s: %t at %q, want %q", scope, ok, check, want)
		}
	}
}

// Each document of a scope leads to the keys of that scope, also v1.0's, which
// otherwise names the keys of common.
func TestDocumentsOfAScopeNameItsKeys(t *testing.T) {
	s := start(t, Acme())
	scope := newScope(t, s)
	_, token := tokenOf(t, s, scope)
	kid := headerOf(t, token)["kid"].(string)
	for _, path := range []string{"/.well-known/openid-configuration", "/v2.0/.well-known/openid-configuration"} {
		var document struct {
			JWKSURI string `json:"jwks_uri"`
		}
		if err := json.Unmarshal([]byte(fetch(t, s, s.HTTP+"/"+scope.TenantID()+path)), &document); err != nil {
			t.Fatal(err)
		}
		if keys := fetch(t, s, document.JWKSURI); !strings.Contains(keys, kid) {
			t.Errorf("%s names %s, which has no key %s", path, document.JWKSURI, kid)
		}
	}
}

// fetch is the body of a URL of the stack.
func fetch(t *testing.T, s *Stack, from string) string {
	t.Helper()
	r, err := s.Client().Get(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r.Status, err)
	}
	return string(body)
}

// headerOf is the header of a token.
func headerOf(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]any{}
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	return header
}

// Words of the Config that coincide with a name of the scope's stay as they are,
// and so does what is about other servers.
func TestAScopeRenamesOnlyItsNames(t *testing.T) {
	c := Acme()
	c.Tenants[0].Domains = []string{"example.com"}
	c.Listeners.HTTPS.PublicURL = "https://idp.example.com"
	c.IdentityProviders[0].Tenant = strings.ToUpper(acmeTenant)
	dev := &c.IdentityProviders[0].IdentityPools[0]
	dev.ID = "dev.environmentAdmin" // as the role is called
	foreign := "https://other.example/" + acmeTenant
	c.IdentityProviders = append(c.IdentityProviders, IdentityProvider{ID: "op-foreign", Issuer: foreign + "/v2.0", JWKSURI: foreign + "/keys"})
	s := start(t, c)
	scope := newScope(t, s)
	_, token := tokenOf(t, s, scope)
	d := scope.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: scope.PoolID("dev.environmentAdmin")})
	if !d.Allowed {
		t.Errorf("refused at %+v", d.Failed())
	}
	got := scope.Config()
	if got.Listeners.HTTPS.PublicURL != "https://idp.example.com" {
		t.Errorf("the listener's URL became %s", got.Listeners.HTTPS.PublicURL)
	}
	if p := got.IdentityProviders[1]; p.Issuer != foreign+"/v2.0" || p.JWKSURI != foreign+"/keys" {
		t.Errorf("another server's provider became %+v", p)
	}
	if got.Tenants[0].Domains[0] != scope.ID()+".example.com" {
		t.Errorf("the domain became %s", got.Tenants[0].Domains[0])
	}
}

// The pool that a client names says whose it is, also when its token says
// nothing: a broken token of a scope is that scope's to refuse.
func TestABrokenLoginStaysInItsScope(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	scope := newScope(t, s)
	tokens, err := scope.BrokenTokens(t.Context(), idp.MintRequest{})
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, one := range tokens {
		if one.Valid || !strings.Contains("opaque one-part payload-array other-tenant encrypted", one.Name) {
			continue
		}
		sent++
		v := s.login(t.Context(), broker.Attempt{Request: validator.Request{Token: one.Token, Cluster: "lkc-acme", Pools: scope.PoolID("pool-dev")}})
		v.Observe(broker.Login{})
	}
	if sent < 3 {
		t.Fatalf("%d tokens", sent)
	}
	if n := scope.Journal().Count(journal.Filter{Endpoint: journal.EndpointKafkaLogin}); n != sent {
		t.Errorf("%d of %d logins are in the scope's journal", n, sent)
	}
	if n := s.Journal().Count(journal.Filter{Endpoint: journal.EndpointKafkaLogin}); n != 0 {
		t.Errorf("%d logins are in the server's own journal", n)
	}
}
