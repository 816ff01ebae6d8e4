package validator

import (
	"os"
	"strings"
	"testing"

	"github.com/idpool/idpool/pool"
)

// fuzzStand is a Validator whose pool matches one token only; those of the
// test cases, properly signed as many are, do not match it.
func fuzzStand(t testing.TB) (v *Validator, valid string) {
	s := newStand(t, func(c *Config) {
		c.Providers[0].Pools = []*pool.Pool{mustPool(t, pool.Config{ID: "pool-dev", Filter: "claims.sub == 'the one'"})}
	})
	return s.Validator, sign(t, "rsa-a", "RS256", defaultHeader, strings.Replace(defaultClaims, "client-1", "the one", 1))
}

// FuzzToken: no token makes the validator panic, and none but the valid one is
// ever allowed, whether it stops at the first failure or not.
func FuzzToken(f *testing.F) {
	v, valid := fuzzStand(f)
	f.Add(valid)
	for _, c := range readCases(f) {
		f.Add(c.token(f))
	}
	f.Fuzz(func(t *testing.T, token string) {
		for _, all := range []bool{false, true} {
			d := v.Validate(t.Context(), Request{Token: token, Pools: "pool-dev", All: all})
			wellFormed(t, d)
			if d.Allowed != (token == valid) {
				t.Errorf("allowed is %v for %q", d.Allowed, token)
			}
		}
	})
}

// The seeds are part of the repository: a fuzz run that begins without them
// finds less, and nobody would see.
func TestSeedsAreCheckedIn(t *testing.T) {
	for target, want := range map[string]int{"FuzzToken": 20, "FuzzPlain": 8} {
		files, err := os.ReadDir("testdata/fuzz/" + target)
		if err != nil || len(files) < want {
			t.Errorf("%s has %d seeds (%v), want at least %d", target, len(files), err, want)
		}
		for _, file := range files {
			text, err := os.ReadFile("testdata/fuzz/" + target + "/" + file.Name())
			if err != nil || !strings.HasPrefix(string(text), "go test fuzz v1\nstring(") {
				t.Errorf("%s/%s is no seed (%v)", target, file.Name(), err)
			}
		}
	}
}
