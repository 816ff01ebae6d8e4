package forge_test

import (
	"testing"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// In both languages of filters the operator in looks at the keys of an object, so
// that a token whose roles are one matches. A filter that wants a list must say so.
func TestRolesObject(t *testing.T) {
	s := newStand(t)
	claims := part(t, made(t, s, "roles-object"), 1)
	for _, tt := range []struct {
		language pool.Language
		filter   string
		want     bool
	}{
		{pool.Expr, looseFilter, true},
		{pool.CEL, looseFilter, true},
		{pool.CEL, looseFilter + " && type(claims.roles) == list", false},
	} {
		p, err := pool.New(pool.Config{ID: "pool-dev", IdentityClaim: "claims.azp", Filter: tt.filter, Language: tt.language})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Matches(claims); got != tt.want {
			t.Errorf("%s as %s matches: %t", tt.filter, tt.language, got)
		}
	}
	if d := decide(t, s.validator(t, strictFilter), made(t, s, "roles-object")); !d.Allowed || d.Check(validator.CheckFilter).Status != validator.Pass {
		t.Errorf("refused by %s", d.Failed().Message)
	}
}
