package validator

import (
	"maps"
	"strings"
	"testing"

	"github.com/idpool/idpool/pool"
)

// A token whose signature has been cut off, in the ways in which people do it,
// is decided about as far as that goes, and nothing is fetched for it.
func TestUnverified(t *testing.T) {
	s := newStand(t, nil)
	whole := s.token(t, "rsa-a", 1)
	parts := strings.Split(whole, ".")
	fetched := s.server.asked()
	for name, token := range map[string]string{
		"whole": whole, "cut off": parts[0] + "." + parts[1], "empty": parts[0] + "." + parts[1] + ".",
		"a word": parts[0] + "." + parts[1] + ".REDACTED", "stars": parts[0] + "." + parts[1] + ".***", "dots": parts[0] + "." + parts[1] + ".…",
	} {
		d := s.Validate(t.Context(), Request{Token: token, Pools: "pool-dev", Unverified: true})
		if !d.Allowed || d.Verified || d.Principal != "User:pool-dev" {
			t.Errorf("%s: allowed %v, verified %v: %+v", name, d.Allowed, d.Verified, d.Failed())
		}
		for _, c := range []string{CheckKey, CheckSignature} {
			if got := d.Check(c); got.Status != Skipped || got.Message == "" {
				t.Errorf("%s: %s is %+v", name, c, got)
			}
		}
	}
	if n := s.server.asked() - fetched; n != 0 {
		t.Errorf("%d fetches of keys", n)
	}
	if d := s.Validate(t.Context(), Request{Token: parts[0] + "." + parts[1] + ".", Pools: "pool-dev"}); d.Allowed || d.Verified {
		t.Error("a broker's request lets a token without a signature in")
	}
}

// What an unverified request leaves out is no reason to leave out what comes
// after it, and a failure among the rest still refuses.
func TestUnverifiedStillRefuses(t *testing.T) {
	s := newStand(t, nil)
	token := s.token(t, "rsa-a", 1)
	d := s.Validate(t.Context(), Request{Token: token, Pools: "pool-none", Unverified: true})
	if d.Allowed || d.Failed().Name != CheckPool {
		t.Errorf("got %v, %+v", d.Allowed, d.Failed())
	}
	d = s.Validate(t.Context(), Request{Token: "a.b.c.d.e", Unverified: true})
	if d.Allowed || d.Failed().Got != "5 parts" {
		t.Errorf("an encrypted token: %+v", d.Failed())
	}
}

func TestClaimsInPlaceOfAToken(t *testing.T) {
	s := newStand(t, nil)
	known := s.Validate(t.Context(), Request{Token: s.token(t, "rsa-a", 1), Pools: "pool-dev"}).Claims
	d := s.Validate(t.Context(), Request{Claims: known, Pools: "pool-dev"})
	if !d.Allowed || d.Verified || d.Claims["iss"] != known["iss"] {
		t.Errorf("allowed %v, verified %v: %+v", d.Allowed, d.Verified, d.Failed())
	}
	for _, c := range []string{CheckFormat, CheckAlgorithm, CheckKey, CheckSignature} {
		if got := d.Check(c); got.Status != Skipped {
			t.Errorf("%s is %+v", c, got)
		}
	}
	foreign := maps.Clone(known)
	foreign["iss"], foreign["roles"] = "https://elsewhere.test/", []any{}
	d = s.Validate(t.Context(), Request{Claims: foreign, Pools: "pool-dev", All: true})
	if d.Allowed || d.Check(CheckProvider).Status != Fail || d.Check(CheckFilter).Status != Fail || d.Check(CheckExpiry).Status != Pass {
		t.Errorf("got %+v", d.Checks)
	}
	if d := s.Validate(t.Context(), Request{Claims: map[string]any{}, All: true}); d.Allowed || d.Check(CheckExpiry).Status != Fail {
		t.Errorf("no claims at all: %+v", d.Checks)
	}
}

// The twelfth check is there only when it is asked for, and asks the bindings of
// all pools that matched.
func TestAuthorization(t *testing.T) {
	bound := func(id string, b ...pool.RoleBinding) *pool.Pool {
		p, err := pool.New(pool.Config{ID: id, Filter: "true", RoleBindings: b})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	s := newStand(t, func(c *Config) {
		c.Clusters = []string{"lkc-a", "lkc-b"}
		c.Providers[0].Pools = []*pool.Pool{
			bound("pool-reader", pool.RoleBinding{Role: "DeveloperRead", Cluster: "lkc-a", Resource: "topic=orders*"}),
			bound("pool-writer", pool.RoleBinding{Role: "DeveloperWrite", Cluster: "lkc-a", Resource: "topic=orders"}),
			bound("pool-none"),
		}
	})
	token := s.token(t, "rsa-a", 1)
	read, write := pool.Operation{Name: "Read", Resource: "topic=orders"}, pool.Operation{Name: "Write", Resource: "topic=orders"}
	for _, tt := range []struct {
		name, cluster, pools string
		operation            pool.Operation
		want                 Status
	}{
		{"a role that allows it", "lkc-a", "pool-reader", read, Pass},
		{"a role that does not", "lkc-a", "pool-reader", write, Fail},
		{"another cluster", "lkc-b", "pool-reader", read, Fail},
		{"no binding at all", "lkc-a", "pool-none", read, Fail},
		{"the union of two", "lkc-a", "pool-reader,pool-writer", write, Pass},
		{"auto pool mapping", "lkc-a", "", write, Pass},
	} {
		d := s.Validate(t.Context(), Request{Token: token, Cluster: tt.cluster, Pools: tt.pools, Operation: tt.operation})
		if c := d.Check(CheckAuthorization); c.Status != tt.want || d.Allowed != (tt.want == Pass) || len(d.Checks) != 12 {
			t.Errorf("%s: %+v", tt.name, c)
		}
	}
	if d := s.Validate(t.Context(), Request{Token: token, Cluster: "lkc-a", Pools: "pool-none"}); !d.Allowed || len(d.Checks) != 11 {
		t.Errorf("without an operation: %d checks, %+v", len(d.Checks), d.Failed())
	}
	d := s.Validate(t.Context(), Request{Token: token, Cluster: "lkc-x", Pools: "pool-none", Operation: read, All: true})
	if c := d.Check(CheckAuthorization); c.Status != Skipped {
		t.Errorf("after a failure that it needs: %+v", c)
	}
}
