package idpool

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// mintIn is a token that the scope issues now.
func mintIn(t testing.TB, s *Scope) string {
	t.Helper()
	token, err := s.Token(t.Context(), idp.TokenRequest{Tenant: s.TenantID(), ClientID: client, Scope: acmeScope, InsecureSkipCredential: true})
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

// rollNow gives the scope's tenant a new key at once, and returns its kid.
func rollNow(t testing.TB, s *Scope) string {
	t.Helper()
	state, err := s.RollKeys("", idp.Roll{})
	if err != nil {
		t.Fatal(err)
	}
	return state.KID
}

// refresh fetches the keys of the scope's only provider.
func refresh(t testing.TB, s *Scope) {
	t.Helper()
	if err := s.RefreshKeys(t.Context(), "op-acme"); err != nil {
		t.Fatal(err)
	}
}

// publishedIn are the kids of the JWKS of the scope's tenant.
func publishedIn(t *testing.T, s *Stack, scope *Scope) []string {
	t.Helper()
	var set struct{ Keys []struct{ Kid string } }
	if err := json.Unmarshal([]byte(fetch(t, s, s.HTTP+"/"+scope.TenantID()+"/discovery/v2.0/keys")), &set); err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k.Kid)
	}
	return kids
}

// A rolled key was that of the other tenant in the broken tokens: those made
// before the roll were let in after it.
func TestBrokenTokensStayBrokenWhenKeysRoll(t *testing.T) {
	s := start(t, Acme())
	broken, err := s.BrokenTokens(t.Context(), idp.MintRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 { // more than there are fixed keys to roll
		rollNow(t, s.Scope)
		refresh(t, s.Scope)
		for _, one := range broken {
			if one.Check != validator.CheckKey && one.Check != validator.CheckSignature {
				continue
			}
			if ok, _ := decideIn(s.Scope, one.Token); ok {
				t.Errorf("%s is let in", one.Name)
			}
		}
	}
}

// The keys with which broken tokens are signed were among the stale ones, and let
// those tokens in while the right one was refused.
func TestBrokenTokensAreRefusedWithWrongKeys(t *testing.T) {
	s := start(t, Acme())
	broken, err := s.BrokenTokens(t.Context(), idp.MintRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"stale", "other-tenant", "duplicate-kid"} {
		addFault(t, s.Scope, fault.Fault{Endpoint: "jwks", JWKS: kind})
		refresh(t, s.Scope)
		for _, one := range broken {
			if one.Check != validator.CheckKey && one.Check != validator.CheckSignature {
				continue
			}
			if ok, _ := decideIn(s.Scope, one.Token); ok {
				t.Errorf("%s: %s is let in", kind, one.Name)
			}
		}
		s.Faults().Clear()
	}
}

// The stale keys were those that the tenant was to have next, so that who had
// fetched them took its new tokens; and a key that had retired was not among
// them.
func TestStaleKeysAreOfThePast(t *testing.T) {
	for _, kind := range []string{"stale", "other-tenant", "duplicate-kid"} {
		c := Acme()
		c.IdentityProviders[0].UnknownKid = validator.Never
		s := start(t, c)
		addFault(t, s.Scope, fault.Fault{Endpoint: "jwks", JWKS: kind})
		refresh(t, s.Scope)
		for range 8 {
			rollNow(t, s.Scope)
			if ok, _ := decideIn(s.Scope, mintIn(t, s.Scope)); ok {
				t.Errorf("%s: a key of the future was among the keys", kind)
			}
		}
	}
	s := start(t, Acme())
	first := headerOf(t, fetchToken(t, s))["kid"]
	second := rollNow(t, s.Scope)
	rollNow(t, s.Scope)
	addFault(t, s.Scope, fault.Fault{Endpoint: "jwks", JWKS: "stale"})
	if got, want := publishedIn(t, s, s.Scope), []string{second, first.(string)}; !slices.Equal(got, want) {
		t.Errorf("the stale keys are %v, want those that retired, %v", got, want)
	}
}

// A reset left what the validator had fetched while a fault was in force: what
// came after it was refused as before it.
func TestResetForgetsFetchedKeys(t *testing.T) {
	s := start(t, Acme())
	for _, f := range []fault.Fault{{JWKS: "stale"}, {JWKS: "empty"}, {Status: http.StatusServiceUnavailable}} {
		f.Endpoint = "jwks"
		addFault(t, s.Scope, f)
		_ = s.RefreshKeys(t.Context(), "op-acme") // fails, if that is the fault
		if ok, _ := decideIn(s.Scope, mintIn(t, s.Scope)); ok {
			t.Errorf("%+v: let in", f)
		}
		if err := s.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ok, check := decideIn(s.Scope, mintIn(t, s.Scope)); !ok {
			t.Errorf("%+v: refused at %s after a reset", f, check)
		}
		if err := s.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 { // faster than the pause between fetches
		rollNow(t, s.Scope)
		if ok, check := decideIn(s.Scope, mintIn(t, s.Scope)); !ok {
			t.Errorf("roll %d: refused at %s", n+1, check)
		}
		if err := s.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// A fetch that began before a reset does not bring its keys into what comes
// after.
func TestAFetchFromBeforeAResetDoesNotCount(t *testing.T) {
	s := start(t, Acme())
	addFault(t, s.Scope, fault.Fault{Endpoint: "jwks", Stall: true})
	token := mintIn(t, s.Scope)
	var waiting sync.WaitGroup
	waiting.Go(func() { decideIn(s.Scope, token) })
	eventually(t, "the fetch is under way", func() bool { return s.Faults().List()[0].Injected == 1 })
	if err := s.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ok, check := decideIn(s.Scope, token); !ok {
		t.Errorf("refused at %s after a reset", check)
	}
	waiting.Wait()
}

// A change keeps what was fetched, as it always did.
func TestAChangeKeepsFetchedKeys(t *testing.T) {
	s := start(t, Acme())
	if ok, check := decideIn(s.Scope, mintIn(t, s.Scope)); !ok {
		t.Fatal(check)
	}
	addFault(t, s.Scope, fault.Fault{Endpoint: "jwks", Status: http.StatusServiceUnavailable})
	if err := s.Change(t.Context(), func(*Config) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if ok, check := decideIn(s.Scope, mintIn(t, s.Scope)); !ok {
		t.Errorf("refused at %s", check)
	}
}

// A frozen clock ended the pause after a fetch that failed never, and so every
// login.
func TestAFrozenClockDoesNotEndRecovery(t *testing.T) {
	s := start(t, Acme())
	s.Clock().Freeze()
	token := mintIn(t, s.Scope)
	addFault(t, s.Scope, fault.Fault{Endpoint: "jwks", Status: http.StatusServiceUnavailable, Times: 1})
	if ok, check := decideIn(s.Scope, token); ok || check != validator.CheckKey {
		t.Errorf("allowed %t at %q, want a failure of key", ok, check)
	}
	eventually(t, "the keys are fetched again", func() bool { ok, _ := decideIn(s.Scope, token); return ok })
	rollNow(t, s.Scope)
	next := mintIn(t, s.Scope)
	eventually(t, "the new key is known", func() bool { ok, _ := decideIn(s.Scope, next); return ok })
}

// eventually waits for a condition, as long as a slow machine may need.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// A reset of the server moved the clocks of its scopes back, and so took back
// what was rolled in them.
func TestAResetOfTheServerLeavesTheKeysOfScopes(t *testing.T) {
	s := start(t, Acme())
	running, frozen := newScope(t, s), newScope(t, s)
	s.Clock().Advance(10 * time.Hour)
	frozen.Clock().Freeze()
	before := map[*Scope][]string{}
	for _, scope := range []*Scope{running, frozen} {
		if kid := rollNow(t, scope); kid != headerOf(t, mintIn(t, scope))["kid"] {
			t.Fatal("the rolled key does not sign")
		}
		before[scope] = publishedIn(t, s, scope)
	}
	if err := s.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	for scope, want := range before {
		if got := publishedIn(t, s, scope); !slices.Equal(got, want) {
			t.Errorf("%s, frozen %t: the JWKS has %v, before the reset %v", scope, scope == frozen, got, want)
		}
	}
	if err := frozen.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := publishedIn(t, s, frozen); !slices.Equal(got, before[frozen]) {
		t.Errorf("after its own reset: %v, before %v", got, before[frozen])
	}
}
