package idp

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"
)

// assertionType is the client_assertion_type of RFC 7523 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// credential is what a client proves itself with.
type credential struct {
	// secrets are the forms that the secret may have been meant in: HTTP Basic
	// gives two, since clients disagree on percent-encoding (azure-ad.md 3.11).
	secrets   []string
	assertion string
}

func (c credential) none() bool { return len(c.secrets) == 0 && c.assertion == "" }

// acr is azpacr and appidacr of the token that the credential gets an
// application. Without a credential it is that of the only kind that the
// application has.
func (c credential) acr(a *application) string {
	asserts := a.principal.Type == managedIdentity ||
		len(a.PasswordCredentials) == 0 && len(a.KeyCredentials)+len(a.FederatedIdentityCredentials) > 0
	if len(c.secrets) == 0 && (c.assertion != "" || asserts) {
		return byAssertion
	}
	return bySecret
}

// check verifies the credential that an application presents at a token
// endpoint; bases are as for checkAssertion.
func (s *Server) check(ctx context.Context, bases []string, a *application, c credential) *Error {
	if len(c.secrets) > 0 {
		return c.checkSecret(a, s.config.Now())
	}
	return s.checkAssertion(ctx, bases, a, c.assertion)
}

// checkSecret compares with every secret in constant time. A secret that is
// right but past its end has an error of its own.
func (c credential) checkSecret(a *application, now time.Time) *Error {
	expired := false
	for _, p := range a.PasswordCredentials {
		if p.Disabled || p.SecretText == "" || !slices.ContainsFunc(c.secrets, func(s string) bool { return equal(s, p.SecretText) }) {
			continue
		}
		if !p.EndDateTime.IsZero() && !now.Before(p.EndDateTime) {
			expired = true
			continue
		}
		if !now.Before(p.StartDateTime) {
			return nil
		}
	}
	if expired {
		return newError(7000222, "appId", a.AppID)
	}
	return newError(7000215, "appId", a.AppID)
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// basic reads an Authorization header of HTTP Basic (RFC 7617). The client id
// is percent-decoded (RFC 6749 2.3.1); the secret is given in both readings.
// ok is false when the header is Basic and cannot be read.
func basic(header string) (clientID string, secrets []string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", nil, true
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return "", nil, false
	}
	id, secret, found := strings.Cut(string(raw), ":")
	if !found || id == "" {
		return "", nil, false
	}
	if decoded, err := url.QueryUnescape(id); err == nil {
		id = decoded
	}
	if secret == "" {
		return id, nil, true
	}
	secrets = []string{secret}
	if decoded, err := url.QueryUnescape(secret); err == nil && decoded != secret {
		secrets = append(secrets, decoded)
	}
	return id, secrets, true
}
