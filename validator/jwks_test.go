package validator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/pool"
)

// jwksStand is a Validator with one provider, whose keys a server has.
type jwksStand struct {
	*Validator
	server *keyServer
	clock  *clock
	// machine is the machine's, which stands still unless it is moved.
	machine *clock
}

// newStand makes a stand whose server has rsa-a; change may alter the config.
func newStand(t testing.TB, change func(*Config)) *jwksStand {
	t.Helper()
	s := &jwksStand{server: newKeyServer(t, jwksText(t, jwkOf(t, "rsa-a", nil))), clock: newClock(), machine: newClock()}
	config := Config{Now: s.clock.Now, Machine: s.machine.Now, Providers: []Provider{{ID: "op-acme", Issuers: []string{"https://idp.test/v2.0"},
		JWKSURI: s.server.URL + "/keys",
		Pools:   []*pool.Pool{mustPool(t, pool.Config{ID: "pool-dev", Filter: "'dev' in claims.roles"})}}}}
	if change != nil {
		change(&config)
	}
	s.Validator = mustNew(t, config)
	return s
}

// token signs the default claims with a key; its kid is the key's name, and id
// makes it another token.
func (s *jwksStand) token(t testing.TB, key string, id int) string {
	t.Helper()
	claims := strings.Replace(defaultClaims, "1700003900", "1800000000", 1)
	return sign(t, key, "RS256", `{"alg":"RS256","kid":"`+key+`"}`, fmt.Sprintf(`{"jti":"%d",%s`, id, claims[1:]))
}

func (s *jwksStand) validate(t testing.TB, token string) Decision {
	t.Helper()
	return s.Validate(t.Context(), Request{Token: token, Pools: "pool-dev"})
}

// settle waits for the fetch that is under way, if there is one.
func (s *jwksStand) settle(t testing.TB) {
	t.Helper()
	j := s.providers[0].jwks
	j.mu.Lock()
	f := j.flight
	j.mu.Unlock()
	if f != nil {
		<-f.done
	}
}

// wantAllowed checks a verdict and how often the keys were fetched for it and
// all before it.
func (s *jwksStand) wantAllowed(t testing.TB, what, token string, fetches int) {
	t.Helper()
	if d := s.validate(t, token); !d.Allowed {
		t.Errorf("%s: refused: %+v", what, d.Failed())
	}
	if got := s.server.asked(); got != fetches {
		t.Errorf("%s: %d fetches, want %d", what, got, fetches)
	}
}

// wantKeyFailure is the same for a refusal by the key check.
func (s *jwksStand) wantKeyFailure(t testing.TB, what, token string, fetches int) Check {
	t.Helper()
	d := s.validate(t, token)
	if d.Failed().Name != CheckKey {
		t.Errorf("%s: got %+v, want a failure of the key check", what, d.Failed())
	}
	s.settle(t)
	if got := s.server.asked(); got != fetches {
		t.Errorf("%s: %d fetches, want %d", what, got, fetches)
	}
	return d.Failed()
}

func TestNewFetchesNothing(t *testing.T) {
	s := newStand(t, nil)
	if n := s.server.asked(); n != 0 {
		t.Errorf("New fetched %d times", n)
	}
}

func TestMaxAge(t *testing.T) {
	for _, tc := range []struct {
		reason, cacheControl string
		want                 time.Duration
	}{
		{"none is a day", "", 24 * time.Hour},
		{"within the limits it counts", "max-age=3600", time.Hour},
		{"raised to five minutes", "max-age=299", 5 * time.Minute},
		{"the lower limit itself", "max-age=300", 5 * time.Minute},
		{"zero is raised too", "max-age=0", 5 * time.Minute},
		{"the upper limit itself", "max-age=604800", 7 * 24 * time.Hour},
		{"capped at seven days", "max-age=604801", 7 * 24 * time.Hour},
		{"more seconds than fit a Duration", "max-age=99999999999999", 7 * 24 * time.Hour},
		{"more than fits an integer", "max-age=99999999999999999999999999", 7 * 24 * time.Hour},
		{"among other directives", "public, Max-Age=600, must-revalidate", 10 * time.Minute},
		{"quoted", `max-age="600"`, 10 * time.Minute},
		{"no number is none", "max-age=soon", 24 * time.Hour},
		{"negative is none", "max-age=-5", 24 * time.Hour},
		{"s-maxage is another directive", "s-maxage=600", 24 * time.Hour},
		{"no-store has no part in it", "no-store", 24 * time.Hour},
	} {
		if got := maxAge(http.Header{"Cache-Control": {tc.cacheControl}}); got != tc.want {
			t.Errorf("%s: %q gives %v, want %v", tc.reason, tc.cacheControl, got, tc.want)
		}
	}
}

func TestKeysAreKeptForMaxAge(t *testing.T) {
	s := newStand(t, nil)
	body := jwksText(t, jwkOf(t, "rsa-a", nil))
	s.server.set(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=10")
		jsonAnswer(body)(w, r)
	})
	s.wantAllowed(t, "first token", s.token(t, "rsa-a", 1), 1)
	s.clock.forward(299 * time.Second)
	s.wantAllowed(t, "a second before max-age, clamped to 300 s", s.token(t, "rsa-a", 2), 1)
	s.clock.forward(time.Second)
	s.wantAllowed(t, "at max-age", s.token(t, "rsa-a", 3), 2)
	s.clock.forward(-48 * time.Hour)
	if d := s.validate(t, s.token(t, "rsa-a", 4)); d.Check(CheckKey).Status != Pass {
		t.Errorf("clock moved back: %+v", d.Failed())
	}
	if n := s.server.asked(); n != 3 {
		t.Errorf("clock moved back by more than max-age: %d fetches, want 3", n)
	}
}

// Confluent keeps the keys while the endpoint is down (confluent-cloud.md 4.2).
func TestStaleKeysAreKept(t *testing.T) {
	s := newStand(t, nil)
	s.wantAllowed(t, "first token", s.token(t, "rsa-a", 1), 1)
	s.server.set(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) })
	s.clock.forward(25 * time.Hour)
	s.wantAllowed(t, "endpoint down", s.token(t, "rsa-a", 2), 2)
	d := s.validate(t, s.token(t, "rsa-a", 3))
	if !d.Allowed || !strings.Contains(d.Keys.Error, "503 Service Unavailable") {
		t.Errorf("the Decision does not tell of the trouble: %+v", d.Keys)
	}
	s.wantAllowed(t, "endpoint not asked again at once", s.token(t, "rsa-a", 4), 2)
	s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-a", nil))))
	s.clock.forward(firstBackoff)
	s.wantAllowed(t, "endpoint up again", s.token(t, "rsa-a", 5), 3)
	if d := s.validate(t, s.token(t, "rsa-a", 6)); d.Keys.Error != "" {
		t.Errorf("the trouble is over, and yet %q", d.Keys.Error)
	}
}

// A dead endpoint must not be asked for each token.
func TestBackoff(t *testing.T) {
	s := newStand(t, nil)
	s.server.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	fetches := 0
	for _, pause := range []time.Duration{100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000, 10000} {
		fetches++
		s.wantKeyFailure(t, "pause over", s.token(t, "rsa-a", 1), fetches)
		s.clock.forward(pause*time.Millisecond - 1)
		c := s.wantKeyFailure(t, "pause not over", s.token(t, "rsa-a", 1), fetches)
		if !strings.HasSuffix(c.Got, "502 Bad Gateway") {
			t.Errorf("got %q, want the reason of the last fetch", c.Got)
		}
		s.clock.forward(1)
	}
}

// A clock that stood still ended no pause, and one that the machine's has passed
// is over by that.
func TestAPauseEndsByEitherClock(t *testing.T) {
	for name, clock := range map[string]func(*jwksStand) *clock{
		"Now":     func(s *jwksStand) *clock { return s.clock },
		"Machine": func(s *jwksStand) *clock { return s.machine },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, func(c *Config) { c.Providers[0].RefetchPause = time.Hour })
			up := s.server.answer
			s.server.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
			s.wantKeyFailure(t, "endpoint down", s.token(t, "rsa-a", 1), 1)
			s.server.set(up)
			clock(s).forward(firstBackoff - 1)
			s.wantKeyFailure(t, "within the pause after a failure", s.token(t, "rsa-a", 1), 1)
			clock(s).forward(1)
			s.wantAllowed(t, "after it", s.token(t, "rsa-a", 1), 2)
			s.wantKeyFailure(t, "unknown kid", s.token(t, "rsa-b", 1), 3)
			clock(s).forward(time.Hour - 1)
			s.wantKeyFailure(t, "within the pause for unknown kids", s.token(t, "rsa-b", 1), 3)
			clock(s).forward(1)
			s.wantKeyFailure(t, "after that", s.token(t, "rsa-b", 1), 4)
		})
	}
}

// An answer that an idpool has spoilt says so, and a token that lacks a key for it
// names the fault; one whose key is there, or is there again, does not.
func TestADecisionNamesTheFaultOfItsKeys(t *testing.T) {
	s := newStand(t, func(c *Config) { c.Providers[0].UnknownKid = FailThenRefetch })
	up := s.server.answer
	spoilt := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(faultHeader, "busy")
			answer(w, r)
		}
	}
	down := spoilt(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	for _, tc := range []struct {
		reason, key, fault, trouble string
		answer                      http.HandlerFunc
	}{
		{"no keys at all", "rsa-a", "busy", `503 Service Unavailable (the fault "busy")`, down},
		{"keys with a fault, and the right one", "rsa-a", "", "", spoilt(up)},
		{"keys with a fault, and an unknown one", "rsa-b", "busy", "", spoilt(up)},
		{"keys without a fault", "rsa-b", "", "", up},
		{"old keys, and an unknown one", "rsa-b", "busy", `503 Service Unavailable (the fault "busy")`, down},
		{"old keys, and the right one", "rsa-a", "", "", down},
	} {
		s.server.set(tc.answer)
		s.clock.forward(time.Minute)
		_ = s.RefreshKeys(t.Context(), "op-acme") // fails with some answers
		d := s.validate(t, s.token(t, tc.key, 1))
		if d.Fault != tc.fault || !strings.HasSuffix(d.Keys.Error, tc.trouble) || tc.trouble == "" && d.Keys.Error != "" {
			t.Errorf("%s: fault %q, trouble %q, want %q and %q", tc.reason, d.Fault, d.Keys.Error, tc.fault, tc.trouble)
		}
		s.settle(t)
	}
}

// While the endpoint hangs after max-age, one login waits for it and the
// others go on; only who needs a new key waits too.
func TestHangingEndpointHoldsUpOneLogin(t *testing.T) {
	s := newStand(t, func(c *Config) { c.Providers[0].UnknownKid = Never })
	s.wantAllowed(t, "first token", s.token(t, "rsa-a", 1), 1)
	both := jsonAnswer(jwksText(t, jwkOf(t, "rsa-a", nil), jwkOf(t, "rsa-b", nil)))
	asked, release := make(chan struct{}), make(chan struct{})
	s.server.set(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-release
		both(w, r)
	})
	s.clock.forward(24 * time.Hour)
	var waiting sync.WaitGroup
	validate := func(what, token string) {
		waiting.Go(func() {
			if d := s.validate(t, token); !d.Allowed {
				t.Errorf("%s: refused: %+v", what, d.Failed())
			}
		})
	}
	validate("the first after max-age", s.token(t, "rsa-a", 2))
	<-asked
	s.wantAllowed(t, "another one, with an old key", s.token(t, "rsa-a", 3), 2)
	validate("another one, with a new key", s.token(t, "rsa-b", 4))
	close(release)
	waiting.Wait()
	if n := s.server.asked(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}

func TestRefetchPause(t *testing.T) {
	s := newStand(t, func(c *Config) { c.Providers[0].RefetchPause = time.Hour })
	s.wantAllowed(t, "old key", s.token(t, "rsa-a", 1), 1)
	s.wantKeyFailure(t, "unknown kid", s.token(t, "rsa-b", 1), 2)
	s.clock.forward(time.Hour - 1)
	s.wantKeyFailure(t, "before the pause is over", s.token(t, "rsa-b", 1), 2)
	s.clock.forward(1)
	s.wantKeyFailure(t, "after it", s.token(t, "rsa-b", 1), 3)
}

func TestUnknownKidRefetch(t *testing.T) {
	s := newStand(t, nil)
	s.wantAllowed(t, "old key", s.token(t, "rsa-a", 1), 1)
	s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", nil))))
	s.wantAllowed(t, "rotated key, fetched again before answering", s.token(t, "rsa-b", 1), 2)
	s.wantKeyFailure(t, "the old key is gone, within the pause", s.token(t, "rsa-a", 2), 2)
	s.clock.forward(time.Second - 1)
	s.wantKeyFailure(t, "still within the pause of 1 s", s.token(t, "rsa-a", 2), 2)
	s.clock.forward(1)
	s.wantKeyFailure(t, "after the pause", s.token(t, "rsa-a", 2), 3)
	s.server.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	s.clock.forward(time.Second)
	c := s.wantKeyFailure(t, "fetching again fails", s.token(t, "rsa-a", 2), 4)
	if !strings.Contains(c.Message, "500 Internal Server Error") {
		t.Errorf("the message does not say why: %q", c.Message)
	}
}

// A first token with an unknown kid has just caused a fetch: another one would
// say the same.
func TestUnknownKidRightAfterFetch(t *testing.T) {
	s := newStand(t, nil)
	s.wantKeyFailure(t, "first token", s.token(t, "rsa-b", 1), 1)
	s.wantKeyFailure(t, "second token", s.token(t, "rsa-b", 2), 2)
}

func TestUnknownKidFailThenRefetch(t *testing.T) {
	s := newStand(t, func(c *Config) { c.Providers[0].UnknownKid = FailThenRefetch })
	s.wantAllowed(t, "old key", s.token(t, "rsa-a", 1), 1)
	s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", nil))))
	s.wantKeyFailure(t, "rotated key: this attempt fails", s.token(t, "rsa-b", 1), 2)
	s.wantAllowed(t, "the next finds the key", s.token(t, "rsa-b", 1), 2)
	s.wantKeyFailure(t, "the old key is unknown now", s.token(t, "rsa-a", 2), 3)
	s.wantKeyFailure(t, "at most once a minute for a kid", s.token(t, "rsa-a", 2), 3)
	s.clock.forward(time.Minute)
	s.wantKeyFailure(t, "a minute later", s.token(t, "rsa-a", 2), 4)
}

// Apache Kafka remembers 16 unknown kids, and none of more than 1000 characters.
func TestUnknownKidsRemembered(t *testing.T) {
	s := newStand(t, func(c *Config) { c.Providers[0].UnknownKid = FailThenRefetch })
	token := func(kid string) string {
		return sign(t, "rsa-b", "RS256", `{"alg":"RS256","kid":"`+kid+`"}`, defaultClaims)
	}
	s.wantAllowed(t, "old key", s.token(t, "rsa-a", 1), 1)
	for i := range rememberedKids {
		s.wantKeyFailure(t, "another kid", token(fmt.Sprint("kid-", i)), 2+i)
	}
	s.wantKeyFailure(t, "the first is still remembered", token("kid-0"), 1+rememberedKids)
	s.wantKeyFailure(t, "the 17th", token("kid-16"), 2+rememberedKids)
	s.wantKeyFailure(t, "the first is forgotten", token("kid-0"), 3+rememberedKids)
	s.server.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	s.wantKeyFailure(t, "the endpoint fails", token("kid-17"), 4+rememberedKids)
	s.wantKeyFailure(t, "a dead endpoint is left alone for a moment", token("kid-18"), 4+rememberedKids)
	s.clock.forward(firstBackoff)
	s.wantKeyFailure(t, "and then asked again", token("kid-18"), 5+rememberedKids)
	s.wantKeyFailure(t, "a kid of 1001 characters", token(strings.Repeat("k", longestKid+1)), 5+rememberedKids)
}

func TestUnknownKidNever(t *testing.T) {
	s := newStand(t, func(c *Config) { c.Providers[0].UnknownKid = Never })
	s.wantAllowed(t, "old key", s.token(t, "rsa-a", 1), 1)
	s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", nil))))
	s.clock.forward(24*time.Hour - 1)
	c := s.wantKeyFailure(t, "rotated key before max-age is over", s.token(t, "rsa-b", 1), 1)
	if !strings.Contains(c.Message, "2023-11-15T22:15:00Z") {
		t.Errorf("the message does not say when the keys are fetched again: %q", c.Message)
	}
	s.clock.forward(1)
	s.wantAllowed(t, "max-age is over", s.token(t, "rsa-b", 1), 2)
}

func TestRefreshKeys(t *testing.T) {
	s := newStand(t, func(c *Config) { c.Providers[0].UnknownKid = Never })
	s.wantAllowed(t, "old key", s.token(t, "rsa-a", 1), 1)
	s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", nil))))
	if err := s.RefreshKeys(t.Context(), "op-acme"); err != nil {
		t.Fatal(err)
	}
	s.wantAllowed(t, "refreshed by hand", s.token(t, "rsa-b", 1), 2)
	s.server.set(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	for _, tc := range []struct{ reason, provider, want string }{
		{"the endpoint is gone", "op-acme", `validator: provider "op-acme": jwksUri: GET ` + s.server.URL + `/keys: 404 Not Found`},
		{"there is no such provider", "op-x", `validator: provider "op-x": there is no such provider`},
	} {
		err := s.RefreshKeys(t.Context(), tc.provider)
		var own *Error
		if !errors.As(err, &own) || err.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", tc.reason, err, tc.want)
		}
	}
	s.wantAllowed(t, "a refresh that failed leaves the keys", s.token(t, "rsa-b", 2), 3)
}

func TestOneFetchForManyWaiters(t *testing.T) {
	s := newStand(t, nil)
	body := jwksText(t, jwkOf(t, "rsa-a", nil))
	release := make(chan struct{})
	s.server.set(func(w http.ResponseWriter, r *http.Request) {
		<-release
		jsonAnswer(body)(w, r)
	})
	var waiting, done sync.WaitGroup
	for i := range 100 {
		token := s.token(t, "rsa-a", i)
		waiting.Add(1)
		done.Go(func() {
			waiting.Done()
			if d := s.validate(t, token); !d.Allowed {
				t.Errorf("refused: %+v", d.Failed())
			}
		})
	}
	waiting.Wait()
	close(release)
	done.Wait()
	if n := s.server.asked(); n != 1 {
		t.Errorf("%d fetches for 100 waiters, want 1", n)
	}
}

// A waiter that gives up leaves the fetch to the others.
func TestWaiterGivesUp(t *testing.T) {
	s := newStand(t, nil)
	body := jwksText(t, jwkOf(t, "rsa-a", nil))
	release, asked := make(chan struct{}), make(chan struct{})
	s.server.set(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-release
		jsonAnswer(body)(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	d := s.Validate(ctx, Request{Token: s.token(t, "rsa-a", 1), Pools: "pool-dev"})
	if c := d.Failed(); c.Name != CheckKey || !strings.Contains(c.Got, "gave up waiting for the keys: context canceled") {
		t.Errorf("got %+v, want the key check to say who gave up", c)
	}
	close(release)
	s.settle(t)
	s.wantAllowed(t, "the fetch went on", s.token(t, "rsa-a", 1), 1)
}

func TestClose(t *testing.T) {
	s := newStand(t, nil)
	asked := make(chan struct{})
	s.server.set(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	refused := make(chan Decision)
	token := s.token(t, "rsa-a", 1)
	go func() { refused <- s.validate(t, token) }()
	<-asked
	s.Close()
	if c := (<-refused).Failed(); c.Name != CheckKey || !strings.HasSuffix(c.Got, "context canceled") {
		t.Errorf("got %+v, want the key check to say that the fetch was ended", c)
	}
	s.clock.forward(time.Minute)
	if c := s.validate(t, token).Failed(); c.Name != CheckKey || c.Got != "the validator is closed" {
		t.Errorf("after Close: got %+v", c)
	}
	s.Close() // twice does no harm
}

func TestFetchFailures(t *testing.T) {
	good := jwksText(t, jwkOf(t, "rsa-a", nil))
	typed := func(contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{contentType}
			_, _ = w.Write([]byte(body))
		}
	}
	for _, tc := range []struct {
		reason string
		answer http.HandlerFunc
		want   string // how got ends; empty when the fetch succeeds
	}{
		{"503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, ": 503 Service Unavailable"},
		{"404", http.NotFound, ": 404 Not Found"},
		{"204 has no keys", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, ": 204 No Content"},
		{"a login page", typed("text/html; charset=utf-8", "<html>"), `the Content-Type is "text/html; charset=utf-8", not application/json or application/jwk-set+json`},
		{"plain text though it has keys", typed("text/plain", good), `the Content-Type is "text/plain", not application/json or application/jwk-set+json`},
		{"no Content-Type", typed("", good), `the Content-Type is "", not application/json or application/jwk-set+json`},
		{"application/jwk+json", typed("application/jwk+json", good), ""},
		{"application/jwk-set+json", typed("application/jwk-set+json", good), ""},
		{"a parameter", typed("Application/JSON; charset=UTF-8", good), ""},
		{"no JSON", typed("application/json", "{"), `the body is no JWKS: a JSON object with a list "keys" is wanted`},
		{"no keys", typed("application/json", `{"error":"x"}`), `the body is no JWKS: a JSON object with a list "keys" is wanted`},
		{"a single key", typed("application/json", `{"kty":"RSA","n":"AQAB","e":"AQAB"}`), `the body is no JWKS: a JSON object with a list "keys" is wanted`},
		{"one mebibyte and one byte", typed("application/json", good+strings.Repeat(" ", maxKeySetBytes+1-len(good))), "the body has more than 1048576 bytes"},
		{"one mebibyte", typed("application/json", good+strings.Repeat(" ", maxKeySetBytes-len(good))), ""},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(good[:100]))
		}, "unexpected EOF"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			s := newStand(t, nil)
			s.server.set(tc.answer)
			d := s.validate(t, s.token(t, "rsa-a", 1))
			if tc.want == "" {
				if !d.Allowed {
					t.Errorf("refused: %+v", d.Failed())
				}
				return
			}
			c := d.Failed()
			if c.Name != CheckKey || !strings.HasPrefix(c.Got, "GET "+s.server.URL) || !strings.HasSuffix(c.Got, tc.want) {
				t.Errorf("got %q (%s), want it to end with %q", c.Got, c.Name, tc.want)
			}
			if d.Keys.Error != c.Got || c.Want != "a JWKS at "+s.server.URL+"/keys" {
				t.Errorf("Keys.Error %q, want %q", d.Keys.Error, c.Want)
			}
		})
	}
}

func TestFetchWithoutAnswer(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewUnstartedServer(jsonAnswer(jwksText(t, jwkOf(t, "rsa-a", nil))))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	silent := newKeyServer(t, "")
	silent.set(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for _, tc := range []struct {
		reason, uri string
		client      *http.Client
		want        string
	}{
		{"nobody listens", closed.URL, nil, "connection refused"},
		{"the certificate is of an unknown authority", secure.URL, nil, "certificate signed by unknown authority"},
		{"no answer in time", silent.URL, &http.Client{Timeout: 50 * time.Millisecond}, "no answer within 50ms"},
		{"a client that knows the authority", secure.URL, secure.Client(), ""},
	} {
		s := newStand(t, func(c *Config) { c.Providers[0].JWKSURI, c.Client = tc.uri, tc.client })
		c := s.validate(t, s.token(t, "rsa-a", 1)).Failed()
		if tc.want == "" && c.Name != "" || tc.want != "" && (c.Name != CheckKey || !strings.HasSuffix(c.Got, tc.want)) {
			t.Errorf("%s: got %+v, want %q", tc.reason, c, tc.want)
		}
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := newKeyServer(t, jwksText(t, jwkOf(t, "rsa-a", nil)))
	good := jsonAnswer(jwksText(t, jwkOf(t, "rsa-a", nil)))
	hops := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if i := strings.Count(r.URL.Path, "/hop"); i < n {
				http.Redirect(w, r, r.URL.Path+"/hop", http.StatusFound)
				return
			}
			good(w, r)
		}
	}
	for _, tc := range []struct {
		reason string
		answer http.HandlerFunc
		want   string
	}{
		{"three within the host", hops(3), ""},
		{"four within the host", hops(4), "more than 3 redirects"},
		{"to another port", http.RedirectHandler(elsewhere.URL+"/keys?code=1", http.StatusFound).ServeHTTP,
			"redirect to " + elsewhere.URL + " not followed: it is another host"},
		{"to another scheme", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://"+r.Host+"/keys", http.StatusMovedPermanently)
		}, "not followed: it is another host"},
	} {
		client := &http.Client{}
		s := newStand(t, func(c *Config) { c.Client = client })
		s.server.set(tc.answer)
		c := s.validate(t, s.token(t, "rsa-a", 1)).Failed()
		if tc.want == "" && c.Name != "" || tc.want != "" && (c.Name != CheckKey || !strings.HasSuffix(c.Got, tc.want)) {
			t.Errorf("%s: got %+v, want %q", tc.reason, c, tc.want)
		}
		if client.CheckRedirect != nil || client.Timeout != 0 {
			t.Errorf("%s: the caller's client was changed", tc.reason)
		}
	}
	if n := elsewhere.asked(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestPasswordOfJWKSURIIsNotShown(t *testing.T) {
	s := newStand(t, func(c *Config) {
		c.Providers[0].JWKSURI = strings.Replace(c.Providers[0].JWKSURI, "http://", "http://user:hunter2@", 1)
	})
	s.server.set(http.NotFound)
	d := s.validate(t, s.token(t, "rsa-a", 1))
	if text := fmt.Sprintf("%+v", d); strings.Contains(text, "hunter2") || !strings.Contains(text, "user:xxxxx@") {
		t.Errorf("the password is shown: %s", text)
	}
}

// BenchmarkKeySet: reading a JWKS as Azure has it, once per max-age.
func BenchmarkKeySet(b *testing.B) {
	body := []byte(jwksText(b, jwkOf(b, "rsa-a", nil), jwkOf(b, "rsa-b", nil), jwkOf(b, "p256", nil)))
	for b.Loop() {
		if _, err := parseKeySet(bytes.Clone(body)); err != nil {
			b.Fatal(err)
		}
	}
}
