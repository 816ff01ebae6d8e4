package forge_test

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

const (
	acmeAPI    = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	acmeClient = "75f2f796-363d-4de2-b299-713920db01a7"

	// strictFilter compares what a broker should, and looseFilter what many do.
	strictFilter = "claims.aud == '" + acmeAPI + "' && 'dev.environmentAdmin' in claims.roles"
	looseFilter  = "'dev.environmentAdmin' in claims.roles"
)

// began is the time of all clocks. It has a fraction, as real times do.
var began = time.Date(2026, 3, 14, 9, 26, 53, 589793238, time.UTC)

// stand is an identity provider that is served, and a token of it.
type stand struct {
	url    string
	issuer string
	source forge.Source
}

func newStand(t testing.TB) *stand {
	t.Helper()
	s, err := idp.New(idp.Config{Now: func() time.Time { return began }})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	token, err := s.Token(t.Context(), server.URL, idp.TokenRequest{Tenant: idp.Acme().ID, ClientID: acmeClient,
		Scope: acmeAPI + "/.default", InsecureSkipCredential: true})
	if err != nil {
		t.Fatal(err)
	}
	return &stand{url: server.URL, issuer: s.Issuer(server.URL, idp.Acme().ID),
		source: forge.Source{Token: token.AccessToken, Key: s.Keys().Signer(), Now: began}}
}

// keys is where the stand publishes its keys.
func (s *stand) keys() string { return s.url + "/" + idp.Acme().ID + "/discovery/v2.0/keys" }

// validator takes the stand's tokens under a filter.
func (s *stand) validator(t testing.TB, filter string) *validator.Validator {
	t.Helper()
	p, err := pool.New(pool.Config{ID: "pool-dev", IdentityClaim: "claims.azp", Filter: filter})
	if err != nil {
		t.Fatal(err)
	}
	v, err := validator.New(validator.Config{
		Providers: []validator.Provider{{ID: "op-acme", Issuers: []string{s.issuer}, JWKSURI: s.keys(), Pools: []*pool.Pool{p}}},
		Clusters:  []string{"lkc-acme"}, Now: func() time.Time { return began },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// all are all tokens of the stand.
func (s *stand) all(t testing.TB) []forge.Token {
	t.Helper()
	tokens, err := forge.All(s.source)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func decide(t testing.TB, v *validator.Validator, token string) validator.Decision {
	t.Helper()
	return v.Validate(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
}

func mustDecode(t testing.TB, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// signatureOf is the third part of a token.
func signatureOf(t testing.TB, token string) []byte {
	t.Helper()
	signature, err := base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:])
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// open is what an RSA signature is of: a block of PKCS #1.
func open(t testing.TB, public *rsa.PublicKey, token string) string {
	t.Helper()
	block := new(big.Int).Exp(new(big.Int).SetBytes(signatureOf(t, token)), big.NewInt(int64(public.E)), public.N)
	return string(block.FillBytes(make([]byte, public.Size())))
}

// hashed is the SHA-256 of what a token's signature covers.
func hashed(token string) []byte {
	sum := sha256.Sum256([]byte(token[:strings.LastIndexByte(token, '.')]))
	return sum[:]
}
