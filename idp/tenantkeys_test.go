package idp_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/idpool/idpool/idp"
)

const (
	neighbour       = "0a3c9f51-30c9-4a3e-8d0f-2f1f4f1a9b01"
	neighbourClient = "0a3c9f51-30c9-4a3e-8d0f-2f1f4f1a9b02"
)

// rolling is a server of two tenants on a clock that goes where it is told, and
// names for keys: A, B and C of the keyring with A signing, 1 to 8 of the spare
// ones, + for a fresh one.
type rolling struct {
	*idp.Server
	http   *httptest.Server
	offset atomic.Int64
}

func newRolling(t testing.TB) *rolling {
	t.Helper()
	r := &rolling{}
	r.Server = newServer(t, idp.Config{
		Now: func() time.Time { return now.Add(time.Duration(r.offset.Load())) },
		Tenants: []idp.Tenant{idp.Acme(), {ID: neighbour, Applications: []idp.Application{{
			AppID: neighbourClient, PasswordCredentials: []idp.PasswordCredential{{SecretText: "secret"}}}}}},
	})
	r.http = httptest.NewServer(r.Server)
	t.Cleanup(r.http.Close)
	return r
}

func (r *rolling) at(offset time.Duration) { r.offset.Store(int64(offset)) }

func (r *rolling) roll(t testing.TB, how idp.Roll) idp.KeyState {
	t.Helper()
	state, err := r.Roll(acme, how)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func (r *rolling) token(t testing.TB, tenant string) string {
	t.Helper()
	request := article()
	if tenant == neighbour {
		request = idp.TokenRequest{Tenant: neighbour, ClientID: neighbourClient, ClientSecret: "secret", Scope: neighbourClient + "/.default"}
	}
	response, err := r.Token(t.Context(), r.http.URL, request)
	if err != nil {
		t.Fatal(err)
	}
	return response.AccessToken
}

// names are those of keys.
func names() map[string]string {
	all := map[string]string{}
	for i, k := range idp.TestKeys().Keys() {
		all[k.ID] = string(rune('A' + i))
	}
	for i, k := range idp.SpareKeys() {
		all[k.ID] = string(rune('1' + i))
	}
	return all
}

func nameOf(kid string) string {
	if name := names()[kid]; name != "" {
		return name
	}
	return "+"
}

// kid is the id of the key of a name.
func kid(t testing.TB, name string) string {
	t.Helper()
	for id, n := range names() {
		if n == name {
			return id
		}
	}
	t.Fatalf("no key is called %s", name)
	return ""
}

// published are the names of the keys in a JWKS over HTTP, sorted.
func (r *rolling) published(t testing.TB, path string) string {
	t.Helper()
	set, err := jwk.Fetch(t.Context(), r.http.URL+path)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for i := range set.Len() {
		key, _ := set.Key(i)
		id, _ := key.KeyID()
		list = append(list, nameOf(id))
	}
	slices.Sort(list)
	return strings.Join(list, "")
}

// accepts says whether a client that fetches the tenant's JWKS now takes a token.
func (r *rolling) accepts(t testing.TB, tenant, token string) bool {
	t.Helper()
	set, err := jwk.Fetch(t.Context(), r.http.URL+"/"+tenant+"/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	_, err = jws.Verify([]byte(token), jws.WithKeySet(set, jws.WithInferAlgorithmFromKey(true)))
	return err == nil
}

// states are the keys by name with their states.
func (r *rolling) states(t testing.TB) string {
	t.Helper()
	states, err := r.KeyStates("acmeexamples.onmicrosoft.com")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range states {
		list = append(list, nameOf(s.KID)+" "+s.State)
	}
	return strings.Join(list, ", ")
}

const acmeKeys, acmeKeysV1 = "/" + acme + "/discovery/v2.0/keys", "/" + acme + "/discovery/keys"

// A key is published, waits, signs, and the one before retires, all by the clock
// and as often as somebody looks, forth and back.
func TestRollFollowsTheClock(t *testing.T) {
	r := newRolling(t)
	old := r.token(t, acme)
	state := r.roll(t, idp.Roll{Wait: time.Hour, Retire: 2 * time.Hour})
	if want := (idp.KeyState{KID: kid(t, "1"), State: "published", PublishedAt: now, SignsAt: now.Add(time.Hour)}); state != want {
		t.Errorf("%+v, want %+v", state, want)
	}
	timeline := []struct {
		at                      time.Duration
		signs, published, state string
		oldIsGood               bool
	}{
		{-time.Second, "A", "ABC", "A signing, B published, C published", true},
		{0, "A", "1ABC", "A signing, B published, C published, 1 published", true},
		{time.Hour - 1, "A", "1ABC", "A signing, B published, C published, 1 published", true},
		{time.Hour, "1", "1ABC", "A published, B published, C published, 1 signing", true},
		{3*time.Hour - 1, "1", "1ABC", "A published, B published, C published, 1 signing", true},
		{3 * time.Hour, "1", "1BC", "A retired, B published, C published, 1 signing", false},
		{1e6 * time.Hour, "1", "1BC", "A retired, B published, C published, 1 signing", false},
	}
	there := slices.Clone(timeline)
	slices.Reverse(timeline)
	for _, tc := range append(there, timeline...) {
		r.at(tc.at)
		token := r.token(t, acme)
		header, _ := decode(t, token)
		key, err := r.SigningKey(acme)
		if err != nil {
			t.Fatal(err)
		}
		if got := nameOf(key.ID); got != tc.signs || !strings.Contains(header, key.ID) {
			t.Errorf("at %s %s signs, the header is %s, want %s", tc.at, got, header, tc.signs)
		}
		if got, v1 := r.published(t, acmeKeys), r.published(t, acmeKeysV1); got != tc.published || v1 != got {
			t.Errorf("at %s %s are published, by v1.0 %s, want %s", tc.at, got, v1, tc.published)
		}
		if got := r.states(t); got != tc.state {
			t.Errorf("at %s: %s, want %s", tc.at, got, tc.state)
		}
		if r.accepts(t, acme, old) != tc.oldIsGood || !r.accepts(t, acme, token) {
			t.Errorf("at %s: is the old token good? %v; the new one is", tc.at, !tc.oldIsGood)
		}
	}
	states, err := r.KeyStates(acme)
	if err != nil || states[0].RetiresAt != now.Add(3*time.Hour) || !states[0].SignsAt.IsZero() {
		t.Errorf("%+v, %v", states, err)
	}
}

// Each row is what somebody does, in turn, and what there is afterwards.
func TestKeysOfATenant(t *testing.T) {
	roll := func(how idp.Roll) func(*testing.T, *rolling) {
		return func(t *testing.T, r *rolling) { r.roll(t, how) }
	}
	change := func(what func(*rolling, string) error, names ...string) func(*testing.T, *rolling) {
		return func(t *testing.T, r *rolling) {
			for _, name := range names {
				if err := what(r, kid(t, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	revoke := func(names ...string) func(*testing.T, *rolling) {
		return change(func(r *rolling, id string) error { return r.Revoke(acme, id) }, names...)
	}
	restore := func(names ...string) func(*testing.T, *rolling) {
		return change(func(r *rolling, id string) error { return r.Restore(acme, id) }, names...)
	}
	at := func(offset time.Duration) func(*testing.T, *rolling) {
		return func(_ *testing.T, r *rolling) { r.at(offset) }
	}
	type steps []func(*testing.T, *rolling)
	for name, tc := range map[string]struct {
		steps            steps
		signs, published string
	}{
		"nothing":                             {nil, "A", "ABC"},
		"roll at once":                        {steps{roll(idp.Roll{})}, "1", "1BC"},
		"roll twice at one time":              {steps{roll(idp.Roll{}), roll(idp.Roll{})}, "2", "2BC"},
		"roll at once while another waits":    {steps{roll(idp.Roll{Wait: time.Hour}), roll(idp.Roll{})}, "2", "12BC"},
		"… and the other's time has come":     {steps{roll(idp.Roll{Wait: time.Hour}), roll(idp.Roll{}), at(time.Hour)}, "1", "1BC"},
		"revoke the signer":                   {steps{revoke("A")}, "B", "BC"},
		"… and restore it":                    {steps{revoke("A"), restore("A")}, "B", "ABC"},
		"… and it signs when its turn is":     {steps{revoke("A"), restore("A"), revoke("B", "C")}, "A", "A"},
		"… and then retires":                  {steps{revoke("A"), restore("A"), revoke("B", "C"), roll(idp.Roll{})}, "1", "1"},
		"revoke one that stands by":           {steps{revoke("B")}, "A", "AC"},
		"roll, revoke the new at once":        {steps{roll(idp.Roll{}), revoke("1")}, "B", "BC"},
		"revoke one that waits":               {steps{roll(idp.Roll{Wait: time.Hour}), revoke("1"), at(5 * time.Hour)}, "A", "ABC"},
		"… and restore what waited":           {steps{roll(idp.Roll{Wait: time.Hour}), revoke("1"), restore("1"), at(5 * time.Hour)}, "A", "1ABC"},
		"restore one that has retired":        {steps{roll(idp.Roll{}), restore("A")}, "1", "1ABC"},
		"the old one comes back last":         {steps{revoke("B", "C"), roll(idp.Roll{Retire: time.Hour}), revoke("1"), at(5 * time.Hour)}, "A", "A"},
		"the clock goes back behind a roll":   {steps{at(time.Hour), roll(idp.Roll{}), at(0)}, "A", "ABC"},
		"… and one rolls there":               {steps{at(time.Hour), roll(idp.Roll{}), at(0), roll(idp.Roll{}), at(time.Hour)}, "1", "1BC"},
		"the clock goes back behind a revoke": {steps{at(time.Hour), revoke("A", "B"), at(0)}, "A", "ABC"},
		"… and one revokes the successors":    {steps{at(time.Hour), revoke("A"), at(0), revoke("B"), at(time.Hour)}, "C", "C"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRolling(t)
			for _, step := range tc.steps {
				step(t, r)
			}
			token := r.token(t, acme)
			header, _ := decode(t, token)
			if key, err := r.SigningKey(acme); err != nil || nameOf(key.ID) != tc.signs || !strings.Contains(header, key.ID) {
				t.Errorf("header %s, %v, want %s to sign; %s", header, err, tc.signs, r.states(t))
			}
			if got := r.published(t, acmeKeys); got != tc.published {
				t.Errorf("%s are published, want %s; %s", got, tc.published, r.states(t))
			}
			if !r.accepts(t, acme, token) {
				t.Error("a token is refused at once")
			}
		})
	}
}

// One tenant's keys are nobody else's business.
func TestOtherTenantsKeepTheirKeys(t *testing.T) {
	r := newRolling(t)
	set := func(path string) string {
		_, body := get(t, r.http.URL+path)
		return body
	}
	paths := []string{"/" + neighbour + "/discovery/v2.0/keys", "/common/discovery/v2.0/keys", "/common/discovery/keys", acmeKeys}
	var before []string
	for _, path := range paths {
		before = append(before, set(path))
	}
	fromAcme, fromNeighbour := r.token(t, acme), r.token(t, neighbour)
	r.roll(t, idp.Roll{})
	for i, path := range paths {
		if changed := set(path) != before[i]; changed != (path == acmeKeys) {
			t.Errorf("did %s change? %v", path, changed)
		}
	}
	if r.accepts(t, acme, fromAcme) || !r.accepts(t, neighbour, fromNeighbour) || r.accepts(t, neighbour, r.token(t, acme)) {
		t.Error("a token is taken by the wrong tenant's JWKS, or refused by the right one's")
	}
	oidc := "/" + acme + "/.well-known/openid-configuration"
	if got, want := set(oidc), `"jwks_uri":"`+r.http.URL+acmeKeysV1+`"`; !strings.Contains(got, want) {
		t.Errorf("v1.0 document %s, want %s: common has no such key", got, want)
	}
	r.ResetKeys("acmeexamples.onmicrosoft.com")
	if got := set(acmeKeys); got != before[3] || !r.accepts(t, acme, fromAcme) || !strings.Contains(set(oidc), r.http.URL+"/common/discovery/keys") {
		t.Errorf("after the reset %s, want %s", got, before[3])
	}
}

// Servers made from one another have the tenants' keys in common, and Rotate
// leaves them alone.
func TestServersShareTheTenantsKeys(t *testing.T) {
	r := newRolling(t)
	other := r.With(nil, "http://other.test")
	third, err := r.WithTenants([]idp.Tenant{idp.Acme()})
	if err != nil {
		t.Fatal(err)
	}
	want := r.roll(t, idp.Roll{}).KID
	fresh, err := idp.GenerateKeys(now)
	if err != nil {
		t.Fatal(err)
	}
	r.Rotate(fresh)
	for i, s := range []*idp.Server{r.Server, other, third} {
		if key, err := s.SigningKey(acme); err != nil || key.ID != want {
			t.Errorf("server %d: %v, %v, want %s", i, key, err, want)
		}
	}
	if key, err := r.SigningKey(neighbour); err != nil || key.ID != fresh.Signer().ID {
		t.Errorf("the neighbour's key is %v, %v, want the rotated one", key, err)
	}
}

// A tenant's token is good as an assertion for another as long as its key is
// published.
func TestFederationFollowsTheTenantsKeys(t *testing.T) {
	tenant := idp.Acme()
	issuer := "http://idp.test/" + acme + "/v2.0"
	tenant.Applications[1].FederatedIdentityCredentials = []idp.FederatedIdentityCredential{{Name: "self", Issuer: issuer, Subject: clientSP}}
	s := newServer(t, idp.Config{PublicURL: "http://idp.test", Tenants: []idp.Tenant{tenant}})
	request := article()
	request.Scope = "api://AzureADTokenExchange/.default"
	exchange := func() error {
		token, err := s.Token(t.Context(), "http://idp.test", request)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Roll(acme, idp.Roll{Retire: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if e := present(t, s, token.AccessToken); e != nil {
			t.Errorf("refused though its key is published: %v", e)
		}
		if _, err := s.Roll(acme, idp.Roll{}); err != nil {
			t.Fatal(err)
		}
		states, err := s.KeyStates(acme)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Revoke(acme, states[0].KID); err != nil {
			t.Fatal(err)
		}
		if e := present(t, s, token.AccessToken); e != nil {
			return e
		}
		return nil
	}
	if err := exchange(); err == nil || !strings.HasPrefix(err.Error(), "AADSTS7000272") {
		t.Errorf("%v, want AADSTS7000272: the key is gone", err)
	}
}

// When the spare keys are used up, fresh ones come; none comes twice.
func TestRollNeverRepeatsAKey(t *testing.T) {
	r := newRolling(t)
	var got string
	seen := map[string]bool{}
	for range 10 {
		id := r.roll(t, idp.Roll{}).KID
		got += nameOf(id)
		if seen[id] {
			t.Errorf("key %s came twice", id)
		}
		seen[id] = true
	}
	if got != "12345678++" {
		t.Errorf("the keys are %s", got)
	}
	if token := r.token(t, acme); !r.accepts(t, acme, token) {
		t.Error("a token of a fresh key is refused")
	}
}

func TestKeysAreRefusedByField(t *testing.T) {
	r := newRolling(t)
	a := kid(t, "A")
	near := a[:len(a)-1]
	if err := r.Revoke(acme, kid(t, "B")); err != nil {
		t.Fatal(err)
	}
	if err := r.Revoke(acme, kid(t, "C")); err != nil {
		t.Fatal(err)
	}
	_, unknown := r.KeyStates("contoso.com")
	_, unknownToo := r.SigningKey("contoso.com")
	_, unknownAsWell := r.Roll("contoso.com", idp.Roll{})
	_, negative := r.Roll(acme, idp.Roll{Wait: -1})
	_, negativeToo := r.Roll(acme, idp.Roll{Retire: -time.Second})
	for _, tc := range []struct {
		err  error
		want string
	}{
		{unknown, `idp: tenant: there is no tenant "contoso.com"`},
		{unknownToo, `idp: tenant: there is no tenant "contoso.com"`},
		{unknownAsWell, `idp: tenant: there is no tenant "contoso.com"`},
		{r.Revoke("contoso.com", a), `idp: tenant: there is no tenant "contoso.com"`},
		{negative, `idp: wait: -1ns is negative, want 0s or more`},
		{negativeToo, `idp: retire: -1s is negative, want 0s or more`},
		{r.Revoke(acme, near), fmt.Sprintf(`idp: kid: the tenant has no key %q, did you mean %q?`, near, a)},
		{r.Restore(acme, "nothing"), fmt.Sprintf(`idp: kid: the tenant has no key "nothing", want one of %s`, a)},
		{r.Revoke(acme, kid(t, "B")), fmt.Sprintf(`idp: kid: key %q is revoked already`, kid(t, "B"))},
		{r.Revoke(acme, a), fmt.Sprintf(`idp: kid: key %q is the last one that is published, and without it nothing could be signed: roll first`, a)},
		{r.Restore(acme, a), fmt.Sprintf(`idp: kid: key %q is published, want one that is revoked or retired`, a)},
	} {
		var mistake *idp.ConfigError
		if !errors.As(tc.err, &mistake) || !strings.HasPrefix(tc.err.Error(), tc.want) {
			t.Errorf("%v, want %s", tc.err, tc.want)
		}
	}
	if got := r.states(t); got != "A signing, B revoked, C revoked" {
		t.Errorf("what was refused changed something: %s", got)
	}
}

// Rolls, tokens and JWKS at one time: a token is good for whoever fetches the
// JWKS after it.
func TestRollUnderLoad(t *testing.T) {
	r := newRolling(t)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 20 {
				if token := r.token(t, acme); !r.accepts(t, acme, token) {
					t.Error("a token is refused by a JWKS that was fetched after it")
				}
			}
		})
	}
	for range 7 {
		r.roll(t, idp.Roll{Retire: time.Hour})
		if err := r.Revoke(acme, kid(t, "B")); err == nil {
			err = r.Restore(acme, kid(t, "B"))
			if err != nil {
				t.Error(err)
			}
		}
	}
	work.Wait()
	if got := r.published(t, acmeKeys); got != "1234567ABC" {
		t.Errorf("%s are published", got)
	}
}

// Keys that have left the JWKS are known, the last to come first, and only for
// the time at which they are out.
func TestRetiredKeys(t *testing.T) {
	r := newRolling(t)
	gone := func(tenant string) (list string) {
		for _, k := range r.RetiredKeys(tenant) {
			list += nameOf(k.ID)
		}
		return list
	}
	if got := gone(acme) + gone("contoso.com"); got != "" {
		t.Errorf("before any roll %s are gone", got)
	}
	r.roll(t, idp.Roll{Retire: time.Hour})
	r.at(time.Minute)
	r.roll(t, idp.Roll{})
	if err := r.Revoke(acme, kid(t, "B")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		at   time.Duration
		want string
	}{{0, ""}, {time.Minute, "1B"}, {time.Hour, "1BA"}} {
		r.at(tt.at)
		if got := gone("acmeexamples.onmicrosoft.com"); got != tt.want {
			t.Errorf("after %s %q are gone, want %q", tt.at, got, tt.want)
		}
	}
	if got := gone(neighbour); got != "" {
		t.Errorf("of another tenant %s are gone", got)
	}
	if err := r.Restore(acme, kid(t, "1")); err != nil {
		t.Fatal(err)
	}
	if got := gone(acme); got != "BA" {
		t.Errorf("%s are gone, when 1 is back", got)
	}
}
