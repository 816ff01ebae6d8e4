package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// authority is what an application has in its code that was written for Azure
// and knows of nothing else.
const authority = "https://login.microsoftonline.com/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"

// tokenSource gives an access token that is valid now.
type tokenSource func(context.Context) (string, error)

// tokens is where the settings say that tokens come from.
func (s settings) tokens() (tokenSource, error) {
	if s.tokenEndpoint != "" {
		return s.fromEndpoint, nil
	}
	secret, err := confidential.NewCredFromSecret(s.clientSecret)
	if err != nil {
		return nil, fmt.Errorf("CLIENT_SECRET: %w", err)
	}
	// No option, neither of the host nor of the certificate: what makes this work
	// is outside of the program.
	client, err := confidential.New(authority, s.clientID, secret)
	if err != nil {
		return nil, fmt.Errorf("CLIENT_ID: %w", err)
	}
	return func(ctx context.Context) (string, error) {
		result, err := client.AcquireTokenByCredential(ctx, []string{s.scope})
		return result.AccessToken, err
	}, nil
}

// fromEndpoint asks with the client's secret (RFC 6749 4.4), each time.
func (s settings) fromEndpoint(ctx context.Context) (string, error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {s.scope},
		"client_id": {s.clientID}, "client_secret": {s.clientSecret},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.tokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return "", fmt.Errorf("TOKEN_ENDPOINT: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.tls, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return "", fmt.Errorf("%s answers %s: %s", s.tokenEndpoint, response.Status, body)
	}
	return answer.AccessToken, nil
}

// issuer is the claim of a token, to be printed. An application has no business
// to look into its access token otherwise.
func issuer(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	claims, _, _ := strings.Cut(rest, ".")
	var c struct {
		Issuer string `json:"iss"`
	}
	text, err := base64.RawURLEncoding.DecodeString(claims)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return fmt.Sprintf("nobody, since it is no JWT (%v)", err)
	}
	return c.Issuer
}
