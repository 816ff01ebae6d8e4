package idpool

import (
	"encoding/json"
	"slices"
	"testing"

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
