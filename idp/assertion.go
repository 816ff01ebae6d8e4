package idp

import (
	"context"
	"slices"
	"strings"
)

// checkAssertion verifies a client assertion (RFC 7523 3) that an application
// of a tenant presents at the token endpoint under base. An assertion that the
// application issued itself is signed with one of its certificates; one of
// another issuer needs a federated identity credential.
//
// What is cheap is checked first, keys and signature last, so that a person
// sees what is wrong with the assertion before what is wrong with its key.
//
// bases are the URLs under which the client knows the server: the listener's
// public URL, and the one that the request came to.
func (s *Server) checkAssertion(ctx context.Context, bases []string, a *application, assertion string) *Error {
	j, refused := parseJWS(assertion)
	if refused != nil {
		return refused
	}
	// The iss alone decides which of the two it is. In Azure, too, an application
	// can have both, and neither stands in for the other.
	switch {
	case j.claims.Iss == "":
		return newError(90014, "name", "iss")
	case strings.EqualFold(j.claims.Iss, a.AppID):
		return s.checkCertificate(bases, a, j)
	case isGUID(j.claims.Iss):
		return newError(700021) // another application's id: no issuer is a GUID
	}
	return s.checkFederated(ctx, bases[0], a, j)
}

// checkCertificate verifies an assertion that an application issued itself
// (private_key_jwt, azure-ad.md 3.8).
func (s *Server) checkCertificate(bases []string, a *application, j *jws) *Error {
	if !strings.EqualFold(j.claims.Sub, a.AppID) {
		return newError(700021)
	}
	if len(j.claims.Aud) == 0 {
		return newError(90014, "name", "aud")
	}
	if !j.claims.Aud.any(func(aud string) bool { return s.isAudience(bases, a.in, aud) }) {
		return newError(700023).because("the aud is %q, want %s/%s/oauth2/v2.0/token", shorten(j.claims.Aud.first()), bases[0], a.in.ID)
	}
	now := s.config.Now()
	if refused := j.claims.current(now); refused != nil {
		return refused
	}
	return a.verify(j, now)
}

// audienceForms are what may follow the tenant in the aud of an assertion: the
// token endpoints, the v2.0 issuer, and nothing, as in the v1.0 issuer. Either
// endpoint takes either form: ADAL and MSAL sign for the endpoint that they call,
// and older tools for the v1.0 one wherever they call.
var audienceForms = []string{"/oauth2/v2.0/token", "/oauth2/token", "/v2.0", ""}

// isAudience tells whether an aud names a tenant here: by a token endpoint or
// an issuer, with the tenant's id or a domain, at a URL of the server or at
// Azure's. Libraries that read no discovery document (MSAL for .NET and Java)
// sign for the host that they were given, such as 127.0.0.1. Neither letter case nor a slash at the end matter. /common and its like name
// no tenant, so that an assertion for them would do for every tenant.
func (s *Server) isAudience(bases []string, t *tenant, aud string) bool {
	aud = strings.TrimSuffix(strings.ToLower(aud), "/")
	if aud == strings.TrimSuffix(strings.ToLower(s.Issuer(bases[0], t.ID)), "/") {
		return true
	}
	names := func(at string) bool {
		rest, found := strings.CutPrefix(aud, strings.ToLower(at)+"/")
		return at != "" && found && t.named(rest)
	}
	// A client that was configured for Azure and is led here by DNS signs for one
	// of Azure's hosts.
	return slices.ContainsFunc(bases, names) ||
		slices.ContainsFunc(worldwide.Aliases, func(host string) bool { return names("https://" + host) })
}

// named tells whether the path of an aud, in lower case, is the tenant's.
func (t *tenant) named(path string) bool {
	segment, _, _ := strings.Cut(path, "/")
	if !slices.Contains(audienceForms, path[len(segment):]) {
		return false
	}
	return strings.EqualFold(segment, t.ID) ||
		slices.ContainsFunc(t.Domains, func(domain string) bool { return strings.EqualFold(segment, domain) })
}
