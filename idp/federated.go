package idp

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a federated identity credential (azure-ad.md 7.3).
const (
	maxFederated      = 20 // for each application
	maxFederatedName  = 120
	maxFederatedField = 600 // characters
)

// federated checks the federated identity credentials of an application.
func (x *indexer) federated(field string, a Application) {
	if len(a.FederatedIdentityCredentials) == 0 {
		return
	}
	field += ".federatedIdentityCredentials"
	if n := len(a.FederatedIdentityCredentials); n > maxFederated {
		x.fail(field, "%d credentials, an application can have %d", n, maxFederated)
	}
	seen := make(map[[2]string]bool, len(a.FederatedIdentityCredentials))
	for i, c := range a.FederatedIdentityCredentials {
		at := place(field, i)
		x.federatedIssuer(at+".issuer", c.Issuer)
		if c.Subject == "" {
			x.fail(at+".subject", "is missing: it is the sub of the tokens to trust, and there is no wildcard")
		}
		x.federatedAudiences(at+".audiences", c.Audiences)
		x.atMost(at+".name", c.Name, maxFederatedName)
		x.atMost(at+".issuer", c.Issuer, maxFederatedField)
		x.atMost(at+".subject", c.Subject, maxFederatedField)
		x.atMost(at+".description", c.Description, maxFederatedField)
		key := [2]string{c.Issuer, c.Subject}
		if seen[key] {
			x.fail(at, "issuer %q with subject %q occurs twice; an application can have it once, with one audience", shorten(c.Issuer), shorten(c.Subject))
		}
		seen[key] = true
	}
}

// federatedIssuer accepts http besides https, which is all that Azure takes:
// an issuer in a test rarely has a certificate.
func (x *indexer) federatedIssuer(at, issuer string) {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || strings.ContainsAny(issuer, " \t\r\n") {
		x.fail(at, "%q is no absolute URL, want one such as https://token.actions.githubusercontent.com", shorten(issuer))
		return
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		x.fail(at, "%q has more than a scheme, a host and a path", u.Redacted())
	}
}

// federatedAudiences: Graph has a list for an audience that is always one.
func (x *indexer) federatedAudiences(at string, audiences []string) {
	switch {
	case len(audiences) > 1:
		x.fail(at, "%d audiences, Azure takes exactly one", len(audiences))
	case len(audiences) == 1 && audiences[0] == "":
		x.fail(at+"[0]", "is empty, want the aud of the tokens to trust, such as %s", tokenExchangeURI)
	case len(audiences) == 1:
		x.atMost(at+"[0]", audiences[0], maxFederatedField)
	}
}

// atMost counts characters, as Graph does, and not bytes.
func (x *indexer) atMost(at, text string, most int) {
	if n := utf8.RuneCountInString(text); n > most {
		x.fail(at, "%d characters, want %d or fewer", n, most)
	}
}

// checkFederated verifies the token of another issuer by the application's
// federated identity credentials (azure-ad.md 3.9). Nothing is fetched for a
// token that no credential fits.
func (s *Server) checkFederated(ctx context.Context, base string, a *application, j *jws) *Error {
	if refused := a.federates(&j.claims); refused != nil {
		return refused
	}
	if refused := j.claims.current(s.config.Now()); refused != nil {
		return refused
	}
	if tenantID, own := s.isOwnIssuer(base, j.claims.Iss); own {
		own := s.published(tenantID)
		keys := make([]issuerKey, len(own))
		for i, k := range own {
			keys[i] = issuerKey{k.ID, k.public}
		}
		return verifyWith(keys, a, j)
	}
	return s.issuers.verify(ctx, a, j)
}

// federates finds the credential for an assertion: by issuer, then subject,
// then audience, each exactly and with regard to case: a slash at the end of an
// issuer is the mistake most often reported. Azure has ignored the case of
// subjects until August 2024, hence the error of its own.
func (a *application) federates(c *assertionClaims) *Error {
	credentials := a.FederatedIdentityCredentials
	if len(credentials) == 0 {
		return newError(70025, "appId", a.AppID, "name", a.name())
	}
	credentials = slices.DeleteFunc(slices.Clone(credentials), func(f FederatedIdentityCredential) bool { return f.Issuer != c.Iss })
	if len(credentials) == 0 {
		return newError(700211, "iss", shorten(c.Iss))
	}
	i := slices.IndexFunc(credentials, func(f FederatedIdentityCredential) bool { return f.Subject == c.Sub })
	switch {
	case c.Sub == "":
		return newError(90014, "name", "sub")
	case i < 0 && slices.ContainsFunc(credentials, func(f FederatedIdentityCredential) bool { return strings.EqualFold(f.Subject, c.Sub) }):
		return newError(7002138, "sub", shorten(c.Sub))
	case i < 0:
		return newError(700213, "sub", shorten(c.Sub))
	case len(c.Aud) == 0:
		return newError(90014, "name", "aud")
	case !c.Aud.any(credentials[i].isAudience):
		return newError(700212, "aud", shorten(c.Aud.first()))
	}
	return nil
}

// isAudience: a credential with the usual audience trusts Azure's own v2.0
// tokens for it, whose aud is the appId of the resource.
func (f FederatedIdentityCredential) isAudience(aud string) bool {
	want := tokenExchangeURI
	if len(f.Audiences) > 0 {
		want = f.Audiences[0]
	}
	return aud == want || want == tokenExchangeURI && aud == tokenExchangeAppID
}

// isOwnIssuer tells whether an issuer is a tenant of this server, whose keys
// are here: by the v2.0 issuer of the listener in use or of the config, or by
// the v1.0 issuer. An issuer that the config says stands for its first tenant,
// since it is not for more than one; there is one if somebody asks.
func (s *Server) isOwnIssuer(base, issuer string) (tenantID string, own bool) {
	for segment := range strings.SplitSeq(issuer, "/") {
		t := s.dir.tenant(segment)
		if t == nil || segment == "" {
			continue
		}
		if issuer == v1Issuer(t.ID) || issuer == s.Issuer(base, t.ID) || issuer == s.Issuer(s.config.PublicURL, t.ID) {
			return t.ID, true
		}
	}
	return s.config.Tenants[0].ID, issuer == s.config.Issuer
}
