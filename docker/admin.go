package docker

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

// Admin is where the test reaches the admin API, which wants
// [Container.AdminToken] as a bearer token.
func (c *Container) Admin(ctx context.Context) (string, error) {
	at, err := c.PortEndpoint(ctx, adminPort, "http")
	if err != nil {
		return "", fmt.Errorf("admin URL: %w", err)
	}
	return at, nil
}

// AdminToken is what the admin API asks for. It is another one for each
// container, unless IDPOOL_ADMIN_TOKEN was given by testcontainers.WithEnv.
func (c *Container) AdminToken() string { return c.env["IDPOOL_ADMIN_TOKEN"] }

// CA is the certificate, as PEM, of the authority that clients of https and of
// SASL_SSL have to trust.
func (c *Container) CA(ctx context.Context) ([]byte, error) {
	pem, err := c.ask(ctx, http.MethodGet, "/v1/ca", nil)
	if err != nil {
		return nil, fmt.Errorf("ca: %w", err)
	}
	return pem, nil
}

// Client is one for https that trusts the container, and nothing else.
func (c *Container) Client(ctx context.Context) (*http.Client, error) {
	pem, err := c.CA(ctx)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("client: the certificate authority is no PEM")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	return &http.Client{Transport: transport}, nil
}

// Token is an access token of an application with a secret, by its appId; empty
// means the first that has a good one, and roles. The token endpoint is asked for it, as
// every client does, and its faults are met. The scope is RESOURCE/.default;
// none means the first API that the application has roles for.
//
// With [WithAzureNames], where the host does not see that endpoint, the admin API
// makes it.
func (c *Container) Token(ctx context.Context, clientID string, scope ...string) (string, error) {
	token, err := c.token(ctx, clientID, strings.Join(scope, " "))
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return token, nil
}

func (c *Container) token(ctx context.Context, clientID, scope string) (string, error) {
	if c.azure() {
		return c.minted(ctx, clientID, scope)
	}
	tenant, form, err := c.tokenRequest(ctx, clientID, scope)
	if err != nil {
		return "", err
	}
	base, client, err := c.front(ctx)
	if err != nil {
		return "", err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/"+tenant+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	return accessToken(response)
}

// front is the listener that tokens are asked at, https where there is no http.
func (c *Container) front(ctx context.Context) (base string, client *http.Client, err error) {
	if !off(c.env, plain().variable) {
		base, err = c.URL(ctx)
		return base, http.DefaultClient, err
	}
	if base, err = c.HTTPSURL(ctx); err == nil {
		client, err = c.Client(ctx)
	}
	return base, client, err
}

// accessToken reads the answer of a token endpoint.
func accessToken(response *http.Response) (string, error) {
	injected := ""
	if id := response.Header.Get(fault.Header); id != "" {
		injected = fmt.Sprintf(" (the fault %q)", id)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	switch err := json.NewDecoder(response.Body).Decode(&answer); {
	case err != nil:
		return "", fmt.Errorf("%s%s: %w", response.Status, injected, err)
	case response.StatusCode != http.StatusOK || answer.AccessToken == "":
		return "", fmt.Errorf("%s%s: %s: %s", response.Status, injected, answer.Error, answer.Description)
	}
	return answer.AccessToken, nil
}

// tokenRequest is what an application asks its tenant's token endpoint, by the
// config as it runs.
func (c *Container) tokenRequest(ctx context.Context, clientID, scope string) (tenant string, form url.Values, err error) {
	text, err := c.ask(ctx, http.MethodGet, "/v1/config", nil)
	if err != nil {
		return "", nil, err
	}
	var config struct {
		Tenants []idp.Tenant `json:"tenants"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return "", nil, fmt.Errorf("config: %w", err)
	}
	now, err := c.now(ctx)
	if err != nil {
		return "", nil, err
	}
	keepGood(config.Tenants, now)
	all := idpool.Config{Tenants: config.Tenants}
	tenant, client, known := all.Client("", clientID)
	scopes, _ := all.Scopes(client.AppID)
	switch {
	case !known && clientID == "":
		return "", nil, errors.New("no application has both a secret that is good now and roles, so that nobody can ask for one")
	case !known:
		return "", nil, fmt.Errorf("no application has the appId %q", clientID)
	case len(client.PasswordCredentials) == 0:
		return "", nil, fmt.Errorf("the application %q has no secret that is good now: POST /v1/tokens of the admin API gives tokens without", clientID)
	case scope == "" && len(scopes) == 0:
		return "", nil, fmt.Errorf("the application %q has roles for no API, so that nobody knows which scope to ask for: give one", clientID)
	case scope == "":
		scope = scopes[0]
	}
	return tenant, url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope},
		"client_id": {client.AppID}, "client_secret": {client.PasswordCredentials[0].SecretText},
	}, nil
}

// now is the container's time, which a test may have set.
func (c *Container) now(ctx context.Context) (time.Time, error) {
	text, err := c.ask(ctx, http.MethodGet, "/v1/clock", nil)
	if err != nil {
		return time.Time{}, err
	}
	var clock struct{ Now time.Time }
	if err := json.Unmarshal(text, &clock); err != nil {
		return time.Time{}, fmt.Errorf("clock: %w", err)
	}
	return clock.Now, nil
}

// keepGood takes out the secrets that let nobody in at a time.
func keepGood(tenants []idp.Tenant, now time.Time) {
	for _, t := range tenants {
		for i := range t.Applications {
			a := &t.Applications[i]
			a.PasswordCredentials = slices.DeleteFunc(a.PasswordCredentials, func(p idp.PasswordCredential) bool {
				over := !p.EndDateTime.IsZero() && !now.Before(p.EndDateTime)
				return p.SecretText == "" || p.Disabled || over || now.Before(p.StartDateTime)
			})
		}
	}
}

// minted is a token that the admin API makes.
func (c *Container) minted(ctx context.Context, clientID, scope string) (string, error) {
	body, err := c.ask(ctx, http.MethodPost, "/v1/tokens", map[string]string{"clientId": clientID, "scope": scope})
	if err != nil {
		return "", err
	}
	var answer idp.TokenResponse
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", err
	}
	return answer.AccessToken, nil
}

// ask sends the admin API a request, with JSON unless in is nil, and returns the
// body of a good answer.
func (c *Container) ask(ctx context.Context, method, path string, in any) ([]byte, error) {
	base, err := c.Admin(ctx)
	if err != nil {
		return nil, err
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.AdminToken())
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode/100 != 2 {
		var problem struct{ Detail string }
		_ = json.Unmarshal(answer, &problem) // or it is not idpool that answers
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, problem.Detail)
	}
	return answer, err
}
