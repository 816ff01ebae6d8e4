package clients

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
)

// TestOIDC verifies tokens with go-oidc, which trusts nothing but the issuer's
// discovery document: each listener is an issuer of its own.
func TestOIDC(t *testing.T) {
	s := start(t, "")
	for name, base := range map[string]string{"http": s.HTTP, "https": s.HTTPS} {
		t.Run(name, func(t *testing.T) {
			ctx := oidc.ClientContext(t.Context(), s.Client())
			issuer := base + "/" + acme + "/v2.0"
			provider, err := oidc.NewProvider(ctx, issuer)
			if err != nil {
				t.Fatal(err)
			}
			token := postToken(t, s, base, scope)
			verified, err := provider.Verifier(&oidc.Config{ClientID: confluent}).Verify(ctx, token)
			if err != nil {
				t.Fatal(err)
			}
			if verified.Subject != servicePrin || verified.Issuer != issuer {
				t.Errorf("verified subject %q of issuer %q", verified.Subject, verified.Issuer)
			}
			check(t, s, token, want{servicePrin, "1", ""})
			_, err = provider.Verifier(&oidc.Config{ClientID: service}).Verify(ctx, token)
			wantMessage(t, err, "expected audience")
			_, err = provider.Verifier(&oidc.Config{ClientID: confluent}).Verify(ctx, flipped(token))
			wantMessage(t, err, "failed to verify signature")
		})
	}
}

// TestOIDCVersion1 is the classic surprise: the v2.0 endpoint gives a v1.0
// token when the resource asks for no version, and a verifier made from the
// v2.0 document refuses it, as it would Azure's.
func TestOIDCVersion1(t *testing.T) {
	s := start(t, "")
	ctx := oidc.ClientContext(t.Context(), s.Client())
	token := postToken(t, s, s.HTTPS, scopeV1)
	issuer := "https://sts.windows.net/" + acme + "/"

	two, err := oidc.NewProvider(ctx, s.HTTPS+"/"+acme+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = two.Verifier(&oidc.Config{ClientID: "api://confluent-v1"}).Verify(ctx, token)
	wantMessage(t, err, "issued by a different provider", issuer)

	// The v1.0 document is another issuer's than its address says, which go-oidc
	// takes only when told.
	_, err = oidc.NewProvider(ctx, s.HTTPS+"/"+acme)
	var mismatch *oidc.IssuerMismatchError
	if !errors.As(err, &mismatch) {
		t.Errorf("the v1.0 document without a word: %v, want a mismatch of issuers", err)
	}
	one, err := oidc.NewProvider(oidc.InsecureIssuerURLContext(ctx, issuer), s.HTTPS+"/"+acme)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := one.Verifier(&oidc.Config{ClientID: "api://confluent-v1"}).Verify(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	if verified.Subject != servicePrin {
		t.Errorf("verified subject %q, want %q", verified.Subject, servicePrin)
	}
	check(t, s, token, want{servicePrin, "1", "pool-v1"})
}

// TestOIDCCommon: the document of common names no issuer at all, only the
// template {tenantid}, and go-oidc refuses it, as it does Azure's.
func TestOIDCCommon(t *testing.T) {
	s := start(t, "")
	ctx := oidc.ClientContext(context.Background(), s.Client())
	_, err := oidc.NewProvider(ctx, s.HTTPS+"/common/v2.0")
	wantMessage(t, err, "{tenantid}")
}

// postToken gets a token as curl would, from either listener.
func postToken(t *testing.T, s *idpool.Stack, base, scope string) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {service}, "client_secret": {secret}, "scope": {scope}}
	answer, err := s.Client().PostForm(base+"/"+acme+"/oauth2/v2.0/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var body idp.TokenResponse
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil || body.AccessToken == "" {
		t.Fatalf("status %d, no token: %v", answer.StatusCode, err)
	}
	return body.AccessToken
}

// flipped is the token with a changed first character of the signature.
func flipped(token string) string {
	i := strings.LastIndexByte(token, '.') + 1
	other := "A"
	if token[i] == 'A' {
		other = "B"
	}
	return token[:i] + other + token[i+1:]
}

func wantMessage(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("the error is %v, want %q in it", err, w)
		}
	}
}
