package validator

import (
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/pool"
)

// standConfig is the Config of a stand, to be changed and given to With.
func (s *jwksStand) standConfig(t testing.TB) Config {
	t.Helper()
	return Config{Now: s.clock.Now, Providers: []Provider{{ID: "op-acme", Issuers: []string{"https://idp.test/v2.0"},
		JWKSURI: s.server.URL + "/keys",
		Pools:   []*pool.Pool{mustPool(t, pool.Config{ID: "pool-dev", Filter: "'dev' in claims.roles"})}}}}
}

// Each row changes a Config and says how many fetches the next login costs.
func TestWithKeepsKeysOfTheSameProvider(t *testing.T) {
	laxer := mustPool(t, pool.Config{ID: "pool-dev", Filter: "true"})
	for _, tc := range []struct {
		reason  string
		change  func(*Config)
		fetches int
	}{
		{"nothing changed", func(*Config) {}, 0},
		{"the skew", func(c *Config) { c.ClockSkew = time.Minute }, 0},
		{"the clusters", func(c *Config) { c.Clusters = []string{""} }, 0},
		{"the pools", func(c *Config) { c.Providers[0].Pools[0] = laxer }, 0},
		{"the issuers and algorithms", func(c *Config) {
			c.Providers[0].Issuers = append(c.Providers[0].Issuers, "https://other.test")
			c.Providers[0].Algorithms = []string{"RS256", "ES256"}
		}, 0},
		{"another provider before it", func(c *Config) {
			c.Providers = []Provider{{ID: "op-new", Issuers: []string{"https://new.test"}, JWKSURI: c.Providers[0].JWKSURI}, c.Providers[0]}
		}, 0},
		{"the default of unknownKid said aloud", func(c *Config) { c.Providers[0].UnknownKid = Refetch }, 0},
		{"the default pause said aloud", func(c *Config) { c.Providers[0].RefetchPause = time.Second }, 0},
		{"a nil Now", func(c *Config) { c.Now = nil }, 0},
		{"another id", func(c *Config) { c.Providers[0].ID = "op-other" }, 1},
		{"another place", func(c *Config) { c.Providers[0].JWKSURI += "?v=2" }, 1},
		{"another unknownKid", func(c *Config) { c.Providers[0].UnknownKid = Never }, 1},
		{"another pause", func(c *Config) { c.Providers[0].RefetchPause = time.Minute }, 1},
	} {
		s := newStand(t, nil)
		token := s.token(t, "rsa-a", 1)
		s.wantAllowed(t, tc.reason+", before", token, 1)
		c := s.standConfig(t)
		tc.change(&c)
		v, err := s.With(c)
		if err != nil {
			t.Fatal(err)
		}
		if d := v.Validate(t.Context(), Request{Token: token, Pools: "pool-dev"}); !d.Allowed {
			t.Errorf("%s: refused: %+v", tc.reason, d.Failed())
		}
		if got := s.server.asked() - 1; got != tc.fetches {
			t.Errorf("%s: %d fetches, want %d", tc.reason, got, tc.fetches)
		}
		s.wantAllowed(t, tc.reason+", the one before still works", token, 1+tc.fetches)
	}
}

// A verdict of the Config before would let in whom the new one refuses.
func TestWithForgetsVerdicts(t *testing.T) {
	s := newStand(t, nil)
	token := s.token(t, "rsa-a", 1)
	s.wantAllowed(t, "before", token, 1)
	c := s.standConfig(t)
	c.Providers[0].Pools = []*pool.Pool{mustPool(t, pool.Config{ID: "pool-dev", Filter: "'prod' in claims.roles"})}
	v, err := s.With(c)
	if err != nil {
		t.Fatal(err)
	}
	if d := v.Validate(t.Context(), Request{Token: token, Pools: "pool-dev"}); d.Failed().Name != CheckFilter {
		t.Errorf("got %+v, want a failure of filter", d.Failed())
	}
	s.wantAllowed(t, "the one before", token, 1)
}

// What one of them fetches, the other has.
func TestWithSharesLaterFetches(t *testing.T) {
	s := newStand(t, nil)
	v, err := s.With(s.standConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", nil))))
	if err := v.RefreshKeys(t.Context(), "op-acme"); err != nil {
		t.Fatal(err)
	}
	s.wantAllowed(t, "a key that the other fetched", s.token(t, "rsa-b", 1), 1)
}

// Another clock is another Validator's own affair.
func TestWithAnotherClock(t *testing.T) {
	s := newStand(t, nil)
	token := s.token(t, "rsa-a", 1)
	late := newClock()
	late.forward(10 * 365 * 24 * time.Hour)
	c := s.standConfig(t)
	c.Now, c.Providers[0].ID = late.Now, "op-late"
	v, err := s.With(c)
	if err != nil {
		t.Fatal(err)
	}
	if d := v.Validate(t.Context(), Request{Token: token, Pools: "pool-dev"}); d.Failed().Name != CheckExpiry {
		t.Errorf("got %+v, want a failure of expiry", d.Failed())
	}
	if set := v.providers[0].jwks.current.Load(); set == nil || !set.fetchedAt.Equal(late.Now()) {
		t.Errorf("the keys were fetched at %v, want %v", set, late.Now())
	}
	s.wantAllowed(t, "on the first clock", token, 2)
}

func TestWithMistakeChangesNothing(t *testing.T) {
	s := newStand(t, nil)
	c := s.standConfig(t)
	c.Providers[0].JWKSURI = "/keys"
	v, err := s.With(c)
	if v != nil || err == nil || !strings.Contains(err.Error(), `provider "op-acme": jwksUri: "/keys"`) {
		t.Errorf("got %v, %v", v, err)
	}
	s.wantAllowed(t, "the one before", s.token(t, "rsa-a", 1), 1)
}

// Close of one ends the fetches of both; keys that are there stay in use.
func TestWithShareTheirEnd(t *testing.T) {
	s := newStand(t, nil)
	v, err := s.With(s.standConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	s.wantAllowed(t, "before", s.token(t, "rsa-a", 1), 1)
	v.Close()
	if err := s.RefreshKeys(t.Context(), "op-acme"); err == nil || !strings.Contains(err.Error(), errClosed.Error()) {
		t.Errorf("refresh after the other's Close: got %v, want %v", err, errClosed)
	}
	s.wantAllowed(t, "with the keys that are there", s.token(t, "rsa-a", 2), 1)
}

// told keeps what Fetched was told.
type told struct {
	mu      sync.Mutex
	fetches []Fetch
}

func (f *told) note(done Fetch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fetches = append(f.fetches, done)
}

// take returns what was told since the last time, without the durations, which
// must not be negative.
func (f *told) take(t testing.TB) []Fetch {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.fetches
	f.fetches = nil
	for i := range all {
		if all[i].Duration <= 0 {
			t.Errorf("a fetch took %v", all[i].Duration)
		}
		all[i].Duration = 0
	}
	return all
}

// Who waits for a login knows of its fetch when the login is over: there is no
// waiting in this test.
func TestFetchedIsToldOfEachFetch(t *testing.T) {
	var seen told
	s := newStand(t, func(c *Config) {
		c.Fetched = seen.note
		c.Providers[0].JWKSURI = strings.Replace(c.Providers[0].JWKSURI, "http://", "http://user:secret@", 1)
	})
	shown := strings.Replace(s.server.URL, "http://", "http://user:xxxxx@", 1) + "/keys"
	s.wantAllowed(t, "first", s.token(t, "rsa-a", 1), 1)
	if got, want := seen.take(t), []Fetch{{Provider: "op-acme", URI: shown, Keys: 1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.wantAllowed(t, "with keys that are there", s.token(t, "rsa-a", 2), 1)
	if got := seen.take(t); len(got) != 0 {
		t.Errorf("told of %+v, and nothing was fetched", got)
	}
	s.server.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	_ = s.RefreshKeys(t.Context(), "op-acme")
	got := seen.take(t)
	if len(got) != 1 || got[0].Err == nil || got[0].Keys != 0 || got[0].URI != shown {
		t.Fatalf("got %+v, want a fetch that failed", got)
	}
	if text := got[0].Err.Error(); !strings.HasSuffix(text, "502 Bad Gateway") || strings.Contains(text, "secret") {
		t.Errorf("got %q", text)
	}
}

// Keys that are shared have one who is told, whoever asks for them; new ones
// have that of their own Config.
func TestWithHasItsOwnFetched(t *testing.T) {
	var first, second told
	s := newStand(t, func(c *Config) { c.Fetched = first.note })
	c := s.standConfig(t)
	c.Fetched = second.note
	c.Providers = append(c.Providers, Provider{ID: "op-new", Issuers: []string{"https://new.test"}, JWKSURI: s.server.URL + "/new"})
	v, err := s.With(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"op-acme", "op-new"} {
		if err := v.RefreshKeys(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if got := first.take(t); len(got) != 1 || got[0].Provider != "op-acme" {
		t.Errorf("the first was told of %+v, want op-acme", got)
	}
	if got := second.take(t); len(got) != 1 || got[0].Provider != "op-new" {
		t.Errorf("the second was told of %+v, want op-new", got)
	}
}

// Keys, failures and pauses end with the Validator that had them, and a fetch of
// before does not bring its keys along.
func TestWithoutKeysBeginsAnew(t *testing.T) {
	s := newStand(t, nil)
	token := s.token(t, "rsa-a", 1)
	s.wantAllowed(t, "before", token, 1)
	s.server.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	s.wantKeyFailure(t, "an unknown kid", s.token(t, "rsa-b", 1), 2) // from here on it waits
	asked, release := make(chan struct{}), make(chan struct{})
	s.server.set(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-release
		jsonAnswer(`{"keys":[]}`)(w, r)
	})
	var waiting sync.WaitGroup
	waiting.Go(func() { _ = s.RefreshKeys(t.Context(), "op-acme") })
	<-asked
	s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", nil))))
	v, err := s.WithoutKeys(s.standConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	allowed := func(when string) {
		t.Helper()
		d := v.Validate(t.Context(), Request{Token: s.token(t, "rsa-b", 1), Pools: "pool-dev"})
		if n := s.server.asked(); !d.Allowed || n != 4 {
			t.Errorf("%s: allowed %t, %+v, after %d fetches, want 4", when, d.Allowed, d.Failed(), n)
		}
	}
	allowed("at first")
	close(release)
	waiting.Wait()
	allowed("when the fetch of before is over")
}
