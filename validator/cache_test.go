package validator

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Each row is a case in which a remembered verdict must not be used.
func TestVerdictIsForgotten(t *testing.T) {
	for _, tc := range []struct {
		reason string
		change func(*testing.T, *jwksStand)
		want   string // the check that fails afterwards
	}{
		{"the key was withdrawn and the keys refreshed", func(t *testing.T, s *jwksStand) {
			s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", nil))))
			if err := s.RefreshKeys(t.Context(), "op-acme"); err != nil {
				t.Fatal(err)
			}
		}, CheckKey},
		{"the key was withdrawn and max-age is over", func(t *testing.T, s *jwksStand) {
			s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", nil))))
			s.clock.forward(24 * time.Hour)
		}, CheckKey},
		{"the kid has another key now", func(t *testing.T, s *jwksStand) {
			s.server.set(jsonAnswer(jwksText(t, jwkOf(t, "rsa-b", map[string]any{"kid": "rsa-a"}))))
			if err := s.RefreshKeys(t.Context(), "op-acme"); err != nil {
				t.Fatal(err)
			}
		}, CheckSignature},
		{"the token expired", func(_ *testing.T, s *jwksStand) { s.clock.forward(time.Unix(1800000030, 0).Sub(s.clock.Now())) }, CheckExpiry},
		{"the clock went back before nbf", func(_ *testing.T, s *jwksStand) { s.clock.forward(-131 * time.Second) }, CheckNotBefore},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			s := newStand(t, nil)
			token := s.token(t, "rsa-a", 1)
			s.wantAllowed(t, "first", token, 1)
			s.wantAllowed(t, "again", token, 1)
			if n := len(s.cache.verdicts); n != 1 {
				t.Fatalf("%d verdicts remembered, want 1", n)
			}
			tc.change(t, s)
			if c := s.validate(t, token).Failed(); c.Name != tc.want {
				t.Errorf("got %+v, want a failure of %s", c, tc.want)
			}
		})
	}
}

// Each row is a refusal that time or a fetch may heal, or that anybody could
// fill the cache with.
func TestRefusalIsNotRemembered(t *testing.T) {
	for _, tc := range []struct {
		reason string
		token  func(*testing.T, *jwksStand) string
		check  string
	}{
		{"a signature that does not fit", func(t *testing.T, _ *jwksStand) string {
			return sign(t, "rsa-b", "RS256", `{"alg":"RS256","kid":"rsa-a"}`, defaultClaims)
		}, CheckSignature},
		{"an unknown kid", func(t *testing.T, s *jwksStand) string { return s.token(t, "rsa-b", 1) }, CheckKey},
		{"not yet valid", func(t *testing.T, s *jwksStand) string {
			s.clock.forward(-time.Hour)
			return s.token(t, "rsa-a", 1)
		}, CheckNotBefore},
		{"expired", func(t *testing.T, _ *jwksStand) string {
			return sign(t, "rsa-a", "RS256", `{"alg":"RS256","kid":"rsa-a"}`, `{"iss":"https://idp.test/v2.0","iat":1,"exp":2}`)
		}, CheckExpiry},
		{"no token at all", func(*testing.T, *jwksStand) string { return "" }, CheckFormat},
	} {
		s := newStand(t, nil)
		if c := s.validate(t, tc.token(t, s)).Failed(); c.Name != tc.check {
			t.Errorf("%s: got %+v", tc.reason, c)
		}
		if n := len(s.cache.verdicts); n != 0 {
			t.Errorf("%s: remembered", tc.reason)
		}
	}
}

// A pool's refusal of a good token is remembered, apart from its acceptance by
// another pool: the key is the whole request.
func TestVerdictIsOfTheWholeRequest(t *testing.T) {
	v := benchValidator(t, 2, 0)
	token := azureToken(t, 1)
	good := Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"}
	requests := []struct {
		Request
		want string
	}{
		{good, ""},
		{Request{Token: token, Cluster: "lkc-acme", Pools: "pool-1"}, CheckFilter},
		{Request{Token: token, Cluster: "lkc-acme", Pools: ""}, ""},
		{Request{Token: token, Cluster: "lkc-x", Pools: "pool-dev"}, CheckCluster},
		{Request{Token: token, Cluster: "lkc-acmepool-dev", Pools: ""}, CheckCluster},
		{Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev", All: true}, ""},
	}
	for range 2 {
		for _, r := range requests {
			if c := v.Validate(t.Context(), r.Request).Failed(); c.Name != r.want {
				t.Errorf("%q %q %v: got %+v, want %q", r.Cluster, r.Pools, r.All, c, r.want)
			}
		}
	}
	if n := len(v.cache.verdicts); n != len(requests) {
		t.Errorf("%d verdicts, want %d", n, len(requests))
	}
}

func TestCacheIsBounded(t *testing.T) {
	s := newStand(t, func(c *Config) { c.CacheSize = 2 })
	remembered := func(i int) bool {
		_, ok := s.cache.verdicts[keyOf(Request{Token: s.token(t, "rsa-a", i), Pools: "pool-dev"})]
		return ok
	}
	for _, i := range []int{1, 2, 1, 3} {
		s.validate(t, s.token(t, "rsa-a", i))
	}
	if len(s.cache.verdicts) != 2 || !remembered(1) || remembered(2) || !remembered(3) {
		t.Errorf("1 %v, 2 %v, 3 %v: the one used longest ago, 2, should be forgotten", remembered(1), remembered(2), remembered(3))
	}
}

func TestNoCache(t *testing.T) {
	s := newStand(t, func(c *Config) { c.CacheSize = -1 })
	token := s.token(t, "rsa-a", 1)
	s.wantAllowed(t, "first", token, 1)
	s.wantAllowed(t, "again", token, 1)
	if s.cache != nil {
		t.Error("there is a cache")
	}
}

// Who changes a Decision changes his own only: explain fills in the causes.
func TestDecisionIsTheCallersOwn(t *testing.T) {
	s := newStand(t, nil)
	token := s.token(t, "rsa-a", 1)
	first := s.validate(t, token)
	for range 2 {
		d := s.validate(t, token)
		if !reflect.DeepEqual(d, first.copy()) {
			t.Fatalf("got %+v\nwant %+v", d, first)
		}
		d.Checks[0].Message, d.Pools[0] = "changed", "changed"
		d.Causes = append(d.Causes, Cause{ID: "changed"})
	}
}

// The bound on a token seen before.
func TestSeenTokenAllocates(t *testing.T) {
	v := benchValidator(t, 1, 0)
	r := Request{Token: azureToken(t, 1), Cluster: "lkc-acme", Pools: "pool-dev"}
	v.Validate(t.Context(), r)
	if n := testing.AllocsPerRun(1000, func() { v.Validate(t.Context(), r) }); n > 3 {
		t.Errorf("%v allocations, want at most 3", n)
	}
}

func keyOf(r Request) cacheKey {
	_, _, k := r.key(nil)
	return k
}

// Requests that differ have other keys, however their parts are cut.
func TestKeysDiffer(t *testing.T) {
	seen := map[cacheKey]Request{}
	parts := []string{"", "a", "ab", "b", ".", "a.b", "a.", ".b", "\x00", "\x01", "a\x00"}
	for _, token := range parts {
		for _, cluster := range parts {
			for _, pools := range parts {
				for _, all := range []bool{false, true} {
					r := Request{Token: token, Cluster: cluster, Pools: pools, All: all}
					k := keyOf(r)
					if other, twice := seen[k]; twice {
						t.Errorf("%+v and %+v have one key", r, other)
					}
					seen[k] = r
				}
			}
		}
	}
}

// A decider that is used again has nothing left of the request before.
func TestDeciderForgets(t *testing.T) {
	s := newStand(t, nil)
	d := &decider{v: s.Validator, now: s.clock.Now(), ctx: t.Context()}
	d.request = Request{Token: s.token(t, "rsa-a", 1), Pools: strings.Repeat("pool-dev,", 3)}
	d.spelt, d.signed, _ = d.request.key(nil)
	d.decide()
	memory := d.spelt[:cap(d.spelt)]
	d.forget()
	if strings.Trim(string(memory), "\x00") != "" {
		t.Errorf("the token is still in memory: %q", memory)
	}
	if d.spelt == nil || !reflect.DeepEqual(*d, decider{spelt: d.spelt[:0]}) {
		t.Errorf("left over: %+v", d)
	}
	d.spelt = make([]byte, maxSpelt+1)
	if d.forget(); d.spelt != nil {
		t.Error("a huge buffer is kept")
	}
}

// Headers are remembered of verified tokens only, and not without end.
func TestHeadersAreBounded(t *testing.T) {
	s := newStand(t, nil)
	for i := range maxHeaders + 5 {
		header := fmt.Sprintf(`{"alg":"RS256","kid":"rsa-a","n":%d}`, i)
		for signer, allowed := range map[string]bool{"rsa-a": true, "rsa-b": false} {
			claims := fmt.Sprintf(`{"by":%q,%s`, signer, defaultClaims[1:])
			d := s.validate(t, sign(t, signer, "RS256", header, claims))
			if d.Allowed != allowed || d.Header["n"] != float64(i) {
				t.Errorf("header %d signed by %s: allowed %v, header %v, %+v", i, signer, d.Allowed, d.Header, d.Failed())
			}
		}
	}
	if n := len(*s.headers.byText.Load()); n != 5 {
		t.Errorf("%d headers are remembered, want the 5 since there were %d", n, maxHeaders)
	}
	s = newStand(t, nil)
	s.validate(t, sign(t, "rsa-b", "RS256", defaultHeader, defaultClaims))
	if s.headers.byText.Load() != nil {
		t.Error("the header of a forged token is remembered")
	}
}
