package idp_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/idpool/idpool/idp"
)

// article is the article's request, as one from Go.
func article() idp.TokenRequest {
	return idp.TokenRequest{Tenant: acme, ClientID: client, ClientSecret: secret, Scope: "api://" + api + "/.default"}
}

// mint gives header and payload of a token whose signature is RS256 of the
// tenant's key, whatever the header says.
func mint(t *testing.T, s *idp.Server, r idp.MintRequest) (_ idp.TokenResponse, header, payload string) {
	t.Helper()
	response, err := s.Mint(t.Context(), "http://idp.test", r)
	if err != nil {
		t.Fatal(err)
	}
	last := strings.LastIndex(response.AccessToken, ".")
	digest := sha256.Sum256([]byte(response.AccessToken[:last]))
	signature, err := base64.RawURLEncoding.DecodeString(response.AccessToken[last+1:])
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(idp.TestKeys().Signer().Public(), crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
	header, payload = decode(t, response.AccessToken)
	return response, header, payload
}

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// A request that changes nothing gives the endpoint's token.
func TestMintWithoutChangesIsToken(t *testing.T) {
	s := newServer(t, idp.Config{})
	response, header, payload := mint(t, s, idp.MintRequest{TokenRequest: article()})
	token, err := s.Token(t.Context(), "http://idp.test", article())
	if err != nil {
		t.Fatal(err)
	}
	wantHeader, wantPayload := decode(t, token.AccessToken)
	if got, want := memberNames(t, payload), memberNames(t, wantPayload); header != wantHeader || !slices.Equal(got, want) {
		t.Errorf("%s %v, want %s %v", header, got, wantHeader, want)
	}
	if response.TokenType != "Bearer" || response.ExpiresIn != 3600 || response.ExtExpiresIn != 3600 {
		t.Errorf("%+v", response)
	}
}

func TestMintChangesClaimsAndHeader(t *testing.T) {
	_, header, payload := mint(t, newServer(t, idp.Config{}), idp.MintRequest{
		TokenRequest: article(),
		Claims: map[string]any{
			"aud": []string{"a", "b"}, "sub": nil, "never": nil, "roles": []any{1, true}, "exp": 1.5,
			"zone": map[string]any{"<b>": 1}, "department": "payments", "nothing": jsontext.Value("null"), "big": int64(math.MaxInt64),
		},
		Header: map[string]any{"alg": "none", "kid": nil, "jwk": map[string]any{"kty": "RSA"}, "typ": "at+jwt"},
	})
	if want := `{"typ":"at+jwt","alg":"none","jwk":{"kty":"RSA"}}`; header != want {
		t.Errorf("header %s, want %s", header, want)
	}
	want := []string{"aud", "iss", "iat", "nbf", "exp", "aio", "azp", "azpacr", "big", "department", "nothing", "oid", "rh", "roles", "tid", "uti", "ver", "xms_ftd", "zone"}
	if got := memberNames(t, payload); !slices.Equal(got, want) {
		t.Errorf("claims %v, want %v", got, want)
	}
	for _, part := range []string{`"aud":["a","b"]`, `"roles":[1,true]`, `"exp":1.5,`, `"zone":{"<b>":1}`, `"department":"payments"`, `"nothing":null`, `"big":9223372036854775807`} {
		if !strings.Contains(payload, part) {
			t.Errorf("payload %s, want %s", payload, part)
		}
	}
}

// The times follow the time of issue as they follow the clock.
func TestMintAtAnyTime(t *testing.T) {
	s := newServer(t, idp.Config{Tenants: everything()})
	vm := idp.TokenRequest{Tenant: acme, ClientID: identity, Scope: "api://" + api + "/.default", InsecureSkipCredential: true}
	for name, tc := range map[string]struct {
		r         idp.MintRequest
		iat, exp  time.Duration // from now
		expiresIn int
	}{
		"now":                {idp.MintRequest{TokenRequest: article()}, -5 * time.Minute, time.Hour, 3600},
		"short":              {idp.MintRequest{TokenRequest: article(), Lifetime: 10 * time.Second}, -5 * time.Minute, 10 * time.Second, 10},
		"long ago":           {idp.MintRequest{TokenRequest: article(), IssuedAt: now.Add(-48 * time.Hour)}, -48*time.Hour - 5*time.Minute, -47 * time.Hour, 0},
		"ends before it is":  {idp.MintRequest{TokenRequest: article(), Lifetime: -time.Hour}, -5 * time.Minute, -time.Hour, 0},
		"in the future":      {idp.MintRequest{TokenRequest: article(), IssuedAt: now.Add(time.Hour)}, 55 * time.Minute, 2 * time.Hour, 7200},
		"a managed identity": {idp.MintRequest{TokenRequest: vm}, -5 * time.Minute, 24 * time.Hour, 86400},
	} {
		response, _, payload := mint(t, s, tc.r)
		claims := parsed(t, payload)
		iat, exp := float64(now.Add(tc.iat).Unix()), float64(now.Add(tc.exp).Unix())
		if claims["iat"] != iat || claims["nbf"] != iat || claims["exp"] != exp || response.ExpiresIn != tc.expiresIn {
			t.Errorf("%s: %s and expires_in %d, want iat %.0f, exp %.0f and %d", name, payload, response.ExpiresIn, iat, exp, tc.expiresIn)
		}
	}
}

func TestMintRefuses(t *testing.T) {
	change := func(edit func(*idp.MintRequest)) idp.MintRequest {
		r := idp.MintRequest{TokenRequest: article()}
		edit(&r)
		return r
	}
	s := newServer(t, idp.Config{})
	for want, r := range map[string]idp.MintRequest{
		"AADSTS7000215: Invalid client secret":  change(func(r *idp.MintRequest) { r.ClientSecret = "wrong" }),
		"AADSTS90002: Tenant 'contoso.com'":     change(func(r *idp.MintRequest) { r.Tenant = "contoso.com" }),
		"AADSTS500011: The resource principal":  change(func(r *idp.MintRequest) { r.Scope = "api://x/.default" }),
		`idpool: claim "f" is no JSON: `:        change(func(r *idp.MintRequest) { r.Claims = map[string]any{"f": func() {}} }),
		`idpool: claim "nan" is no JSON: `:      change(func(r *idp.MintRequest) { r.Claims = map[string]any{"nan": math.NaN()} }),
		`idpool: claim "raw" is no JSON: `:      change(func(r *idp.MintRequest) { r.Claims = map[string]any{"raw": jsontext.Value(`{"a":`)} }),
		`idpool: claim "\xff" is no JSON: its`:  change(func(r *idp.MintRequest) { r.Claims = map[string]any{"\xff": 1} }),
		`idpool: header "x5c" is no JSON: json`: change(func(r *idp.MintRequest) { r.Header = map[string]any{"x5c": make(chan int)} }),
	} {
		_, err := s.Mint(t.Context(), "http://idp.test", r)
		var refused *idp.Error
		if !errors.As(err, &refused) || !strings.HasPrefix(refused.Error(), want) || refused.Status < 400 {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
