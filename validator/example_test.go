package validator_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// A Validator needs an issuer, the place of its keys and a pool; who issues
// the tokens does not matter.
func Example() {
	key, keys := newIssuerKey()
	defer keys.Close()

	dev, err := pool.New(pool.Config{ID: "pool-dev", IdentityClaim: "claims.azp", Filter: "'dev' in claims.roles"})
	if err != nil {
		log.Fatal(err)
	}
	v, err := validator.New(validator.Config{Providers: []validator.Provider{{
		ID:         "op-acme",
		Issuers:    []string{"https://idp.example.com/v2.0"},
		JWKSURI:    keys.URL,
		Algorithms: []string{"ES256"},
		Pools:      []*pool.Pool{dev},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	defer v.Close()

	for _, role := range []string{"dev", "guest"} {
		d := v.Validate(context.Background(), validator.Request{Token: newToken(key, role), Pools: "pool-dev"})
		if d.Allowed {
			fmt.Println("allowed:", d.Principal, "as", d.Identity)
			continue
		}
		c := d.Failed()
		fmt.Printf("refused by the %s check: %s\n  got  %s\n  want %s\n", c.Name, c.Message, c.Got, c.Want)
	}
	// Output:
	// allowed: User:pool-dev as my-client
	// refused by the filter check: the filter of pool-dev does not match: claims.roles is ["guest"], and 'dev' in claims.roles wants an array with "dev"
	//   got  claims.roles ["guest"]
	//   want an array with "dev"
}

// newIssuerKey makes a signing key and a server that publishes it.
func newIssuerKey() (jwk.Key, *httptest.Server) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	key, err := jwk.Import(private)
	if err != nil {
		log.Fatal(err)
	}
	if err := key.Set(jwk.KeyIDKey, "key-1"); err != nil {
		log.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		log.Fatal(err)
	}
	return key, httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []jwk.Key{public}})
	}))
}

// newToken signs a token of one role.
func newToken(key jwk.Key, role string) string {
	now := time.Now()
	token, err := jwt.NewBuilder().Issuer("https://idp.example.com/v2.0").Subject("my-client").
		IssuedAt(now).Expiration(now.Add(time.Hour)).
		Claim("azp", "my-client").Claim("roles", []string{role}).Build()
	if err != nil {
		log.Fatal(err)
	}
	signed, err := jwt.Sign(token, jwt.WithKey(jwa.ES256(), key))
	if err != nil {
		log.Fatal(err)
	}
	return string(signed)
}
