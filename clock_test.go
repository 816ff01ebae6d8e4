package idpool

import (
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/validator"
)

// A clock that is moved, frozen and let go is where arithmetic says.
func TestClock(t *testing.T) {
	base := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	later := base.AddDate(1, 0, 0)
	for _, tt := range []struct {
		name string
		do   func(*Clock)
		want time.Time // when the base has gone on by a minute
	}{
		{"untouched", func(*Clock) {}, base.Add(time.Minute)},
		{"advanced", func(c *Clock) { c.Advance(time.Hour) }, base.Add(time.Hour + time.Minute)},
		{"advanced twice, once back", func(c *Clock) { c.Advance(time.Hour); c.Advance(-2 * time.Hour) }, base.Add(-time.Hour + time.Minute)},
		{"set", func(c *Clock) { c.Set(later) }, later.Add(time.Minute)},
		{"frozen", func(c *Clock) { c.Freeze() }, base},
		{"frozen twice", func(c *Clock) { c.Freeze(); c.Freeze() }, base},
		{"frozen and advanced", func(c *Clock) { c.Freeze(); c.Advance(time.Hour) }, base.Add(time.Hour)},
		{"frozen and set", func(c *Clock) { c.Freeze(); c.Set(later) }, later},
		{"frozen, advanced and let go", func(c *Clock) { c.Freeze(); c.Advance(time.Hour); c.Run() }, base.Add(time.Hour + time.Minute)},
		{"let go while it ran", func(c *Clock) { c.Advance(time.Hour); c.Run() }, base.Add(time.Hour + time.Minute)},
		{"reset", func(c *Clock) { c.Freeze(); c.Set(later); c.Reset() }, base.Add(time.Minute)},
	} {
		now := base
		c := newClock(func() time.Time { return now })
		tt.do(c)
		now = now.Add(time.Minute)
		if got := c.Now(); !got.Equal(tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if got := c.Offset(); got != tt.want.Sub(now) {
			t.Errorf("%s: offset %s, want %s", tt.name, got, tt.want.Sub(now))
		}
	}
}

// Moves of many at once all count.
func TestClockOfMany(t *testing.T) {
	base := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	c := newClock(func() time.Time { return base })
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { c.Advance(time.Minute); c.Now() })
	}
	wg.Wait()
	if want := base.Add(50 * time.Minute); !c.Now().Equal(want) {
		t.Errorf("%s, want %s", c.Now(), want)
	}
}

// Issuer and validator follow the clock together: a token ends when the clock
// has passed its exp, and not before.
func TestTheClockMovesIssuerAndValidator(t *testing.T) {
	s := start(t, Acme())
	old := fetchToken(t, s)
	at := func(token string) (bool, string) {
		d := s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
		return d.Allowed, d.Failed().Name
	}
	if ok, check := at(old); !ok {
		t.Fatalf("a fresh token fails at %s", check)
	}
	s.Clock().Advance(2 * time.Hour)
	if ok, check := at(old); ok || check != "expiry" {
		t.Errorf("two hours later: allowed %t, check %q, want expiry", ok, check)
	}
	if ok, check := at(fetchToken(t, s)); !ok {
		t.Errorf("a token of that time fails at %s", check)
	}
	s.Clock().Advance(-3 * time.Hour)
	if ok, check := at(old); ok || check != "not-before" && check != "expiry" {
		t.Errorf("an hour before: allowed %t, check %q", ok, check)
	}
	s.Clock().Reset()
	if ok, check := at(old); !ok {
		t.Errorf("back again: %s", check)
	}
}

// A clock that is sent very far stops there: times do not overflow.
func TestTheClockGoesNoFurther(t *testing.T) {
	base := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, freeze := range []bool{false, true} {
		c := newClock(func() time.Time { return base })
		if freeze {
			c.Freeze()
		}
		for range 5 {
			c.Advance(1<<63 - 1)
		}
		if got, want := c.Now(), base.Add(farthest); !got.Equal(want) {
			t.Errorf("frozen %t: on to %s, want %s", freeze, got, want)
		}
		c.Set(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
		if got, want := c.Now(), base.Add(-farthest); !got.Equal(want) {
			t.Errorf("frozen %t: back to %s, want %s", freeze, got, want)
		}
	}
}

// The admin API says so before.
func TestTheAdminAPIRefusesTimesTooFar(t *testing.T) {
	s := start(t, Acme())
	askAll(t, s.Admin, []exchange{
		{"POST", "/v1/clock/advance", `{"by":"2562047h"}`, 422, `"field":"by"`},
		{"POST", "/v1/clock/advance", `{}`, 422, `"field":"by"`},
		{"PUT", "/v1/clock", `{"now":"9999-12-31T00:00:00Z"}`, 422, `"field":"now"`},
		{"POST", "/v1/clock/advance", `{"by":"-48h"}`, 200, `"offset":"-48h`},
		{"GET", "/v1/clock?scope=", "", 400, `"field":"scope"`},
		{"POST", "/v1/tokens", `{"tenant":"nobody.example"}`, 422, `"field":"tenant"`},
		{"POST", "/v1/tokens", `{"clientId":"11111111-2222-4333-8444-555555555555"}`, 422, `"field":"clientId"`},
		{"POST", "/v1/journal/take", `{"count":100000}`, 422, `"field":"count"`},
	})
}
