package idpooltest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/idpooltest"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// In the examples, inTest stands for the test function: its t is the test's.

// An API under test verifies the tokens of the server as it would verify Azure's.
func ExampleStart() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)

		ctx := oidc.ClientContext(t.Context(), srv.Client())
		provider, err := oidc.NewProvider(ctx, srv.Issuer())
		if err != nil {
			t.Fatal(err)
		}
		verifier := provider.Verifier(&oidc.Config{ClientID: srv.Audience()})

		token, err := verifier.Verify(ctx, srv.Token(t))
		if err != nil {
			t.Fatal(err)
		}
		var claims struct{ Roles []string }
		if err := token.Claims(&claims); err != nil {
			t.Fatal(err)
		}
		fmt.Println(claims.Roles)
	})
	// Output: [dev.environmentAdmin]
}

// The Config is changed before the server starts.
func ExampleStart_config() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t, func(c *idpool.Config) {
			c.Tenants[0].Applications[1].PasswordCredentials[0].SecretText = "rosebud"
		})
		fmt.Println(srv.ClientSecret())
	})
	// Output: rosebud
}

// A Kafka client logs in with a token that it fetches, and writes a record.
func ExampleServer_KafkaOpts() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t, func(c *idpool.Config) {
			c.Clusters[0].Topics = []idpool.Topic{{Name: "orders", Partitions: 1}}
		})
		client, err := kgo.NewClient(srv.KafkaOpts(t, "pool-dev")...)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()

		err = client.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("one")}).FirstErr()
		fmt.Println("sent:", err)
		login := srv.Take(t, journal.Filter{Endpoint: journal.EndpointKafkaLogin})
		fmt.Println(login.Outcome, login.Principal)
	})
	// Output:
	// sent: <nil>
	// ok User:pool-dev
}

// A client is given the login alone, beside options of its own.
func ExampleServer_SASL() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		client, err := kgo.NewClient(kgo.SeedBrokers(srv.Kafka()), kgo.SASL(srv.SASL(t, "pool-prod")))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()

		err = client.Ping(t.Context())
		fmt.Println(errors.Is(err, kerr.SaslAuthenticationFailed))
		login := srv.Take(t, journal.Filter{Endpoint: journal.EndpointKafkaLogin})
		fmt.Println(login.Outcome, login.Check, login.Cause)
	})
	// Output:
	// true
	// refused filter role-not-assigned
}

// Two hours pass in no time: for tokens, keys, faults and Kafka sessions alike.
func ExampleServer_clock() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		token := srv.Token(t)
		login := validator.Request{Token: token, Cluster: "lkc-acme", Pools: srv.PoolID("pool-dev")}
		fmt.Println(srv.Decide(t.Context(), login).Allowed)

		srv.Clock().Advance(2 * time.Hour)
		fmt.Println(srv.Decide(t.Context(), login).Failed().Name)
	})
	// Output:
	// true
	// expiry
}

// The token endpoint is throttled twice, and works at the third attempt.
func ExampleServer_Fault() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		srv.Fault(t, fault.Fault{ID: "busy", Endpoint: fault.Token, RetryAfter: fault.Duration(time.Second), Times: 2})

		for range 3 {
			response, err := srv.Client().PostForm(srv.TokenURL(), map[string][]string{
				"grant_type": {"client_credentials"}, "scope": {srv.OAuthScope()},
				"client_id": {srv.ClientID()}, "client_secret": {srv.ClientSecret()},
			})
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			fmt.Printf("%d %q %q\n", response.StatusCode, response.Header.Get("Retry-After"), response.Header.Get("Idpool-Fault"))
		}
	})
	// Output:
	// 429 "1" "busy"
	// 429 "1" "busy"
	// 200 "" ""
}

// Any token, for any application, at any time.
func ExampleServer_Mint() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		token := srv.Mint(t, idp.MintRequest{
			Claims:   map[string]any{"roles": []string{"prod.environmentAdmin"}, "idtyp": nil},
			Lifetime: time.Minute,
		})
		d := srv.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-prod"})
		fmt.Println(d.Allowed, d.Principal)
	})
	// Output: true User:pool-prod
}

// Who asks, for what, is a request as at the token endpoint, without the secret.
func ExampleServer_Mint_application() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		token := srv.Mint(t, idp.MintRequest{TokenRequest: idp.TokenRequest{
			ClientID: srv.ClientID(),
			Scope:    srv.OAuthScope(),
		}})
		d := srv.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: srv.PoolID("pool-dev")})
		fmt.Println(d.Allowed)
	})
	// Output: true
}

// What an API accepts is compared with what it must. This one forgot that
// tokens end.
func ExampleServer_BrokenTokens() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		ctx := oidc.ClientContext(t.Context(), srv.Client())
		api := oidc.NewVerifier(srv.Issuer(), oidc.NewRemoteKeySet(ctx, srv.JWKSURL()), &oidc.Config{ClientID: srv.Audience(), SkipExpiryCheck: true})

		for tok := range srv.BrokenTokens(t) {
			_, err := api.Verify(ctx, tok.Token)
			if accepted := err == nil; accepted != tok.Valid && !tok.Lenient {
				fmt.Println("wrong about", tok.Name) // t.Errorf in a test
				break
			}
		}
	})
	// Output: wrong about expired
}

// A test waits until the client has asked, and is told what happened when it
// has not.
func ExampleServer_Take() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		go func() { // the program under test
			response, err := srv.Client().PostForm(srv.TokenURL(), map[string][]string{
				"grant_type": {"client_credentials"}, "client_id": {srv.ClientID()}, "client_secret": {"wrong"}, "scope": {srv.OAuthScope()},
			})
			if err == nil {
				_ = response.Body.Close()
			}
		}()
		refused := srv.Take(t, journal.Filter{Endpoint: journal.EndpointToken, Outcome: journal.OutcomeRefused})
		fmt.Println(refused.Status, refused.AADSTS, refused.Error)
	})
	// Output: 401 7000215 invalid_client
}

// Tests that run in parallel share a server, and not what it does.
func ExampleServer_Scope() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		a, b := srv.Scope(t), srv.Scope(t)
		a.Clock().Advance(24 * time.Hour)
		a.Fault(t, fault.Fault{Endpoint: fault.JWKS, Status: http.StatusServiceUnavailable})

		token := b.Token(t)
		for _, scope := range []*idpooltest.Server{a, b} {
			d := scope.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: scope.PoolID("pool-dev")})
			fmt.Println(d.Allowed, d.Failed().Name)
		}
	})
	// Output:
	// false provider
	// true
}

// In a real test binary this variable stands beside the tests.
func ExampleShared() {
	var server idpooltest.Shared
	defer server.Close() // in TestMain, or never

	inTest(func(t testing.TB) { // TestOne
		srv := server.Scope(t)
		fmt.Println(srv.Token(t) != "")
	})
	inTest(func(t testing.TB) { // TestTwo
		srv := server.Scope(t)
		fmt.Println(srv.Journal().Total())
	})
	// Output:
	// true
	// 0
}

// The signing key changes at once: a token of the old one is not verified any
// more by who has fetched the keys since, and still by who has them from before.
func ExampleServer_RollKeys() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		ctx := oidc.ClientContext(context.Background(), srv.Client())
		old := srv.Token(t)
		cached := oidc.NewRemoteKeySet(ctx, srv.JWKSURL())
		if _, err := cached.VerifySignature(ctx, old); err != nil {
			t.Fatal(err)
		}
		srv.RollKeys(t, idp.Roll{})

		keys := oidc.NewRemoteKeySet(ctx, srv.JWKSURL())
		_, err := keys.VerifySignature(ctx, old)
		fmt.Println("old:", err == nil)
		_, err = keys.VerifySignature(ctx, srv.Token(t))
		fmt.Println("new:", err == nil)
		_, err = cached.VerifySignature(ctx, old)
		fmt.Println("old, keys from before:", err == nil)
	})
	// Output:
	// old: false
	// new: true
	// old, keys from before: true
}

// The validator has cached the keys, as Confluent does, and takes the old token
// until it fetches them again.
func ExampleServer_RefreshKeys() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		login := validator.Request{Token: srv.Token(t), Cluster: "lkc-acme", Pools: srv.PoolID("pool-dev")}
		fmt.Println(srv.Decide(t.Context(), login).Allowed)

		srv.RollKeys(t, idp.Roll{})
		fmt.Println("before:", srv.Decide(t.Context(), login).Allowed)
		srv.RefreshKeys(t, "op-acme")
		fmt.Println("after:", srv.Decide(t.Context(), login).Failed().Name)
	})
	// Output:
	// true
	// before: true
	// after: key
}

// A role is taken away while clients are connected.
func ExampleServer_Change() {
	inTest(func(t testing.TB) {
		srv := idpooltest.Start(t)
		srv.Change(t, func(c *idpool.Config) {
			c.Tenants[0].Applications[1].AppRoleAssignments[0].Roles = []string{"prod.environmentAdmin"}
		})
		for _, pool := range []string{"pool-dev", "pool-prod"} {
			d := srv.Decide(t.Context(), validator.Request{Token: srv.Token(t), Cluster: "lkc-acme", Pools: pool})
			fmt.Println(pool, d.Allowed)
		}
	})
	// Output:
	// pool-dev false
	// pool-prod true
}
