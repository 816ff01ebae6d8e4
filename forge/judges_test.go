package forge_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// judge is somebody else's verifier, told what the stand's tokens are.
type judge func(token string) error

func goOIDC(t *testing.T, s *stand) judge {
	ctx := oidc.ClientContext(t.Context(), http.DefaultClient)
	v := oidc.NewVerifier(s.issuer, oidc.NewRemoteKeySet(ctx, s.keys()),
		&oidc.Config{ClientID: acmeAPI, Now: func() time.Time { return began }})
	return func(token string) error {
		_, err := v.Verify(ctx, token)
		return err
	}
}

func lestrrat(t *testing.T, s *stand) judge {
	set, err := jwk.Fetch(t.Context(), s.keys())
	if err != nil {
		t.Fatal(err)
	}
	// Azure's keys have no alg, so that it must be inferred.
	keys := jws.WithInferAlgorithmFromKey(true)
	return func(token string) error {
		// jwt.Parse cannot be told to look at crit, jws.Verify can.
		if _, err := jws.Verify([]byte(token), jws.WithKeySet(set, keys), jws.WithCritValidation(true)); err != nil {
			return err
		}
		_, err := jwt.Parse([]byte(token), jwt.WithKeySet(set, keys), jwt.WithIssuer(s.issuer), jwt.WithAudience(acmeAPI),
			jwt.WithClock(jwt.ClockFunc(func() time.Time { return began })), jwt.WithAcceptableSkew(30*time.Second),
			jwt.WithRequiredClaim(jwt.ExpirationKey))
		return err
	}
}

// Other people's verifiers take the valid token, and no twin that must be
// refused.
func TestJudges(t *testing.T) {
	s := newStand(t)
	for name, judge := range map[string]judge{"go-oidc": goOIDC(t, s), "jwx": lestrrat(t, s)} {
		lenient := 0
		for _, tok := range s.all(t) {
			err := judge(tok.Token)
			switch {
			case tok.Valid && err != nil:
				t.Errorf("%s refuses the valid token: %v", name, err)
			case tok.Lenient && err == nil:
				lenient++
			case !tok.Valid && !tok.Lenient && err == nil:
				t.Errorf("%s takes %s: %s", name, tok.Name, tok.Summary)
			}
		}
		if lenient == 0 {
			t.Errorf("%s takes no lenient twin: it may refuse everything for some other reason", name)
		}
	}
}
