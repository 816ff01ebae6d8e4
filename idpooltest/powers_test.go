package idpooltest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/idpooltest"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// login is what the broker would say to a token at the pool for developers.
func login(t testing.TB, s *idpooltest.Server, token string) validator.Decision {
	t.Helper()
	return s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: s.PoolID("pool-dev")})
}

func TestTokenIsTheEndpoints(t *testing.T) {
	srv := idpooltest.Start(t)
	if d := login(t, srv, srv.Token(t)); !d.Allowed {
		t.Errorf("refused: %+v", d.Failed())
	}
	got := srv.Take(t, journal.Filter{Endpoint: journal.EndpointToken})
	if got.Listener != "http" || got.ClientID != srv.ClientID() || got.Scope != srv.OAuthScope() || got.Status != http.StatusOK {
		t.Errorf("the journal has %v", got)
	}
}

// TestTokenThatIsRefused ends the test with what the endpoint says.
func TestTokenThatIsRefused(t *testing.T) {
	srv := idpooltest.Start(t)
	for _, tt := range []struct {
		name, want string
		test       func(testing.TB)
	}{
		{"an error of Azure's", `(the fault "token-1"): invalid_client: AADSTS7000222`, func(t testing.TB) {
			srv.Fault(t, fault.Fault{Endpoint: fault.Token, AADSTS: 7000222})
			srv.Token(t)
		}},
		{"no JSON", `200 OK (the fault "page"): invalid character`, func(t testing.TB) {
			srv.Fault(t, fault.Fault{ID: "page", Endpoint: fault.Token, HTML: true})
			srv.Token(t)
		}},
		{"no answer", "token endpoint: Post ", func(t testing.TB) {
			srv.Fault(t, fault.Fault{Endpoint: fault.Token, Close: true})
			srv.Token(t)
		}},
		{"an unknown application", `no application has the appId "nobody"`, func(t testing.TB) { srv.TokenFor(t, "nobody") }},
		{"one without a secret", "has no secret", func(t testing.TB) { srv.TokenFor(t, srv.Audience()) }},
		{"no client at all", "no application has both a secret and roles", func(t testing.TB) {
			srv.Scope(t, func(c *idpool.Config) { c.Tenants[0].Applications[1].PasswordCredentials = nil }).Token(t)
		}},
		{"roles for nothing", "has roles for no API", func(t testing.TB) {
			s := srv.Scope(t, func(c *idpool.Config) { c.Tenants[0].Applications[1].AppRoleAssignments = nil })
			s.TokenFor(t, srv.ClientID())
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fake(tt.name, tt.test); !strings.Contains(got.fatal, tt.want) {
				t.Errorf("%q, want %q", got.fatal, tt.want)
			}
		})
	}
	if left := srv.Faults().List(); len(left) != 0 {
		t.Errorf("the faults of tests that are over are still there: %v", left)
	}
	if srv.Token(t) == "" {
		t.Error("no token")
	}
}

// TestAudienceOfNobody is empty, as are the other words about the client.
func TestAudienceOfNobody(t *testing.T) {
	srv := idpooltest.Start(t, func(c *idpool.Config) { *c = idpool.Config{} })
	if got := srv.Audience() + srv.ClientID() + srv.ClientSecret() + srv.OAuthScope(); got != "" {
		t.Errorf("%q", got)
	}
	if got := fake("test", func(t testing.TB) { srv.SASL(t) }); !strings.Contains(got.fatal, "SASL: no application") {
		t.Errorf("%q", got.fatal)
	}
}

// TestMisspeltPools end the test, and the nearest one is named first, as the
// Config calls it also in a scope.
func TestMisspeltPools(t *testing.T) {
	srv := idpooltest.Start(t)
	own := srv.Scope(t, func(c *idpool.Config) {
		p := &c.IdentityProviders[0]
		p.IdentityPools = append(p.IdentityPools, pool.Config{ID: "pool-nope-2", Filter: "true", IdentityClaim: "claims.sub"})
	})
	none := idpooltest.Start(t, func(c *idpool.Config) { c.IdentityProviders[0].IdentityPools = nil })
	for _, tt := range []struct {
		name string
		test func(testing.TB)
		want string
	}{
		{"SASL", func(t testing.TB) { srv.SASL(t, "pool-dev", "pool-prd") }, `SASL: there is no pool "pool-prd", there is pool-prod, pool-dev`},
		{"KafkaOpts", func(t testing.TB) { srv.KafkaOpts(t, "pool-nope") }, `SASL: there is no pool "pool-nope", there is pool-`},
		{"ClientSettings", func(t testing.TB) { srv.ClientSettings(t, "java", "pool-devv") }, `client settings: there is no pool "pool-devv", there is pool-dev, pool-prod`},
		{"SetRoleBindings", func(t testing.TB) { srv.SetRoleBindings(t, "pool-devv") }, `role bindings: there is no pool "pool-devv", there is pool-dev, pool-prod`},
		{"of a scope", func(t testing.TB) { srv.Scope(t).SASL(t, "pool-prd") }, `there is pool-prod, pool-dev`},
		{"of a scope's Config", func(t testing.TB) { own.SASL(t, "pool-nope") }, `there is pool-nope-2, pool-`},
		{"without pools", func(t testing.TB) { none.SASL(t, "pool-dev") }, `there is no pool "pool-dev", nor any other`},
	} {
		if got := fake(tt.name, tt.test); !strings.Contains(got.fatal, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got.fatal, tt.want)
		}
	}
	right := func(t testing.TB) {
		own.SASL(t, "", "pool-dev", own.PoolID("pool-prod"), "pool-nope-2")
		none.SASL(t)
	}
	if got := fake("right", right); got.fatal != "" {
		t.Error(got.fatal)
	}
}

func TestMintAnything(t *testing.T) {
	srv := idpooltest.Start(t)
	token := srv.Mint(t, idp.MintRequest{Claims: map[string]any{"roles": []string{"prod.environmentAdmin"}}})
	if d := srv.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-prod"}); !d.Allowed {
		t.Errorf("refused: %+v", d.Failed())
	}
	got := fake("test", func(t testing.TB) { srv.Mint(t, idp.MintRequest{Claims: map[string]any{"x": func() {}}}) })
	if !strings.Contains(got.fatal, `claim "x" is no JSON`) {
		t.Errorf("%q", got.fatal)
	}
}

// strict lets in those whose token is for the broker.
func strict(c *idpool.Config) {
	p := &c.IdentityProviders[0].IdentityPools[0]
	p.Filter = "claims.aud == '" + c.Tenants[0].Applications[0].AppID + "' && " + p.Filter
}

// TestBrokenTokens: each is refused by the check that it says.
func TestBrokenTokens(t *testing.T) {
	srv := idpooltest.Start(t, strict)
	for _, s := range []*idpooltest.Server{srv, srv.Scope(t)} {
		n := 0
		for tok := range s.BrokenTokens(t) {
			n++
			d := login(t, s, tok.Token)
			if tok.Valid != (tok.Name == "valid") || tok.Valid && !d.Allowed {
				t.Errorf("%s: valid %v, allowed %v", tok.Name, tok.Valid, d.Allowed)
			}
			if got := d.Failed().Name; got != tok.Check {
				t.Errorf("%v: %s is refused at %q, want %q", s, tok.Name, got, tok.Check)
			}
		}
		if n < 40 {
			t.Errorf("%d tokens", n)
		}
	}
}

func TestClockMovesTheTest(t *testing.T) {
	srv := idpooltest.Start(t)
	token := srv.Token(t)
	srv.Clock().Advance(2 * time.Hour)
	if got := login(t, srv, token).Failed().Name; got != "expiry" {
		t.Errorf("two hours later the token is refused at %q", got)
	}
	if d := login(t, srv, srv.Token(t)); !d.Allowed {
		t.Errorf("a new one is refused: %+v", d.Failed())
	}
	scope := srv.Scope(t)
	scope.Clock().Set(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC))
	scope.Clock().Freeze()
	if got := scope.Now().Year(); got != 2031 || srv.Now().Year() == 2031 {
		t.Errorf("%d, and at the server %v", got, srv.Now())
	}
}

func TestFaultOfATest(t *testing.T) {
	srv := idpooltest.Start(t)
	added := srv.Fault(t, fault.Fault{Endpoint: fault.JWKS, Status: 503, Times: 1})
	for _, want := range []struct {
		status int
		id     string
	}{{503, added.ID}, {200, ""}} {
		response, err := srv.Client().Get(srv.JWKSURL())
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want.status || response.Header.Get(fault.Header) != want.id {
			t.Errorf("%s with fault %q, want %v", response.Status, response.Header.Get(fault.Header), want)
		}
	}
	if got := srv.Take(t, journal.Filter{Fault: added.ID}); got.Status != 503 || got.Outcome != journal.OutcomeFailed {
		t.Errorf("the journal has %v", got)
	}
	for _, bad := range []fault.Fault{{Endpoint: "tokens"}, {Endpoint: fault.Token, Status: 503, When: "count >"}} {
		if got := fake("test", func(t testing.TB) { srv.Fault(t, bad) }); !strings.Contains(got.fatal, "idpooltest: fault: ") {
			t.Errorf("%+v: %q", bad, got.fatal)
		}
	}
}

// TestTakeInVain says what happened instead, before the test binary is killed.
func TestTakeInVain(t *testing.T) {
	srv := idpooltest.Start(t)
	srv.Token(t)
	test := newFake("test")
	test.deadline = time.Now().Add(1050 * time.Millisecond)
	test.do(func() {
		srv.TakeN(test, journal.Filter{Endpoint: journal.EndpointToken, Outcome: journal.OutcomeRefused}, 2)
	})
	for _, want := range []string{"idpooltest: journal: waited for 2 entries with endpoint=token outcome=refused, none came (waited for ",
		"token 200", "outcome is ok, want refused"} {
		if !strings.Contains(test.fatal, want) {
			t.Errorf("%q has no %q", test.fatal, want)
		}
	}
	test.end()

	late := newFake("late")
	late.deadline = time.Now()
	late.do(func() { srv.Take(late, journal.Filter{Endpoint: journal.EndpointJWKS}) })
	if !strings.Contains(late.fatal, "none came (waited for 0s)") {
		t.Errorf("%q", late.fatal)
	}
	if got := fake("misspelt", func(t testing.TB) { srv.Take(t, journal.Filter{Endpoint: "tokn"}) }); !strings.Contains(got.fatal, `"tokn"`) {
		t.Errorf("%q", got.fatal)
	}
}

func TestChangesWhileItRuns(t *testing.T) {
	srv := idpooltest.Start(t)
	before := srv.Token(t)
	srv.Change(t, func(c *idpool.Config) { c.Tenants[0].Applications[1].AppRoleAssignments[0].Roles = nil })
	if got := login(t, srv, srv.Token(t)).Failed().Name; got != "filter" {
		t.Errorf("without the role it is refused at %q", got)
	}
	if d := login(t, srv, before); !d.Allowed {
		t.Errorf("the older token is refused: %+v", d.Failed())
	}
	old := srv.RollKeys(t, idp.Roll{})
	if states := srv.Keys(t, ""); states[len(states)-1].KID != old.KID {
		t.Errorf("%v", states)
	}
	for name, test := range map[string]func(testing.TB){
		"tenants[0].id": func(t testing.TB) { srv.Change(t, func(c *idpool.Config) { c.Tenants[0].ID = "" }) },
		"pool-none":     func(t testing.TB) { srv.SetRoleBindings(t, "pool-none") },
		"wait":          func(t testing.TB) { srv.RollKeys(t, idp.Roll{Wait: -1}) },
		"Admin": func(t testing.TB) {
			srv.SetRoleBindings(t, "pool-dev", pool.RoleBinding{Role: "Admin", Cluster: "lkc-acme"})
		},
	} {
		if got := fake(name, test); !strings.HasPrefix(got.fatal, "idpooltest: ") || !strings.Contains(got.fatal, name) {
			t.Errorf("%q does not name %s", got.fatal, name)
		}
	}
}
