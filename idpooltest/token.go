package idpooltest

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
)

// Client is an http.Client that trusts the server's certificate authority.
func (s *Server) Client() *http.Client { return s.stack.Client() }

// CA is the certificate of that authority in PEM, for programs under test.
func (s *Server) CA() []byte { return s.stack.CA() }

// HTTP is the public URL of the identity provider, such as http://localhost:1234.
func (s *Server) HTTP() string { return s.stack.HTTP }

// HTTPS is its public URL for clients that refuse http, such as Microsoft's.
func (s *Server) HTTPS() string { return s.stack.HTTPS }

// Admin is the URL of the admin API. In a scope its requests have the parameter
// scope with the scope's ID.
func (s *Server) Admin() string { return s.stack.Admin }

// TokenURL is the v2.0 token endpoint of the first tenant.
func (s *Server) TokenURL() string { return s.url("/oauth2/v2.0/token") }

// JWKSURL is where the first tenant's keys are.
func (s *Server) JWKSURL() string { return s.url("/discovery/v2.0/keys") }

// Issuer is the iss of the first tenant's v2.0 tokens, below which the discovery
// document is.
func (s *Server) Issuer() string { return idp.Issuer(s.Config().Issuer, s.base(), s.TenantID()) }

func (s *Server) url(path string) string { return s.base() + "/" + s.TenantID() + path }

func (s *Server) base() string { return cmp.Or(s.stack.HTTP, s.stack.HTTPS) }

// ClientID is the appId of the first application that has a secret and roles:
// the one that asks for tokens in tests. Empty when there is none.
func (s *Server) ClientID() string {
	_, client, _ := s.Config().Client("", "")
	return client.AppID
}

// ClientSecret is the first secret of that application.
func (s *Server) ClientSecret() string {
	_, client, _ := s.Config().Client("", "")
	return secret(client)
}

// OAuthScope is what it asks for a token for: the first API that it has roles
// for, with /.default.
func (s *Server) OAuthScope() string {
	scopes, _ := s.Config().Scopes(s.ClientID())
	return first(scopes)
}

// Audience is the aud of the tokens that it gets; empty when it gets none.
func (s *Server) Audience() string {
	token, err := s.world.Mint(context.Background(), idp.MintRequest{})
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(token.AccessToken, ".")
	payload, _, _ := strings.Cut(rest, ".")
	var claims struct{ Aud string }
	if text, err := base64.RawURLEncoding.DecodeString(payload); err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Aud
}

// Token is an access token that the application [Server.ClientID] gets from the
// token endpoint with its secret, over HTTP as every client does: each call asks
// anew, is in the journal, and meets the faults of the endpoint, which end the test.
func (s *Server) Token(t testing.TB) string {
	t.Helper()
	return s.TokenFor(t, "")
}

// TokenFor is such a token of another application, by its appId, which has a secret
// and a role.
func (s *Server) TokenFor(t testing.TB, clientID string) string {
	t.Helper()
	ctx, cancel := s.within(t, time.Minute)
	defer cancel()
	token, err := s.fetch(ctx, clientID)
	if err != nil {
		t.Fatalf("idpooltest: %v", err)
	}
	return token
}

// Mint makes a token that the token endpoint would not give: for any
// application without its secret, with any claims, header and times. What the
// request leaves out is that of [Server.Token]. It does not go over HTTP: no fault
// meets it, and the journal does not have it.
func (s *Server) Mint(t testing.TB, r idp.MintRequest) string {
	t.Helper()
	token, err := s.world.Mint(s.life, r)
	if err != nil {
		t.Fatalf("idpooltest: mint: %v", err)
	}
	return token.AccessToken
}

// BrokenTokens are a valid token, the first, and all that must be refused
// although they look like it, each with its name and the check that refuses it.
// Only the Valid one must be accepted, and Lenient ones may be; of those an API has
// to refuse the ones with Audience, which are for another API.
func (s *Server) BrokenTokens(t testing.TB) iter.Seq[forge.Token] {
	t.Helper()
	tokens, err := s.world.BrokenTokens(s.life, idp.MintRequest{})
	if err != nil {
		t.Fatalf("idpooltest: broken tokens: %v", err)
	}
	return slices.Values(tokens)
}

// fetch asks the token endpoint for a token of an application; of ClientID when
// that is empty.
func (s *Server) fetch(ctx context.Context, clientID string) (string, error) {
	form, at, err := s.tokenRequest(clientID)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.Client().Do(r)
	if err != nil {
		return "", fmt.Errorf("token endpoint: %v", err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	err = json.NewDecoder(response.Body).Decode(&answer)
	if answer.AccessToken != "" && response.StatusCode == http.StatusOK && err == nil {
		return answer.AccessToken, nil
	}
	injected := ""
	if id := response.Header.Get(fault.Header); id != "" {
		injected = fmt.Sprintf(" (the fault %q)", id)
	}
	if err != nil {
		return "", fmt.Errorf("token endpoint: %s%s: %v", response.Status, injected, err)
	}
	return "", fmt.Errorf("token endpoint: %s%s: %s: %s", response.Status, injected, answer.Error, answer.Description)
}

// tokenRequest is what an application asks the token endpoint, and where that is.
func (s *Server) tokenRequest(clientID string) (url.Values, string, error) {
	c := s.Config()
	tenant, client, known := c.Client("", clientID)
	scopes, _ := c.Scopes(client.AppID)
	switch {
	case !known && clientID == "":
		return nil, "", errors.New("no application has both a secret and roles, so that nobody can ask for a token")
	case !known:
		return nil, "", fmt.Errorf("no application has the appId %q", clientID)
	case secret(client) == "":
		return nil, "", fmt.Errorf("the application %q has no secret: Mint gives tokens without", clientID)
	case len(scopes) == 0:
		return nil, "", fmt.Errorf("the application %q has roles for no API, so that nobody knows which scope to ask for: Mint gives tokens for any", clientID)
	}
	return url.Values{
		"grant_type": {"client_credentials"}, "scope": {scopes[0]},
		"client_id": {client.AppID}, "client_secret": {secret(client)},
	}, s.base() + "/" + tenant + "/oauth2/v2.0/token", nil
}

// secret is the first of an application; empty for none.
func secret(a idp.Application) string {
	if len(a.PasswordCredentials) == 0 {
		return ""
	}
	return a.PasswordCredentials[0].SecretText
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}
