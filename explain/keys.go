package explain

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/idpool/idpool/validator"
)

const (
	v1Host = "https://sts.windows.net/" // issuer of every v1.0 token
	// providerBlade is where Confluent keeps issuer and keys.
	providerBlade = "Confluent Cloud console → Accounts & access → Workload identities → Identity providers"
)

// opaqueToken is for what is no signed JWT at all: Confluent takes no reference
// tokens, and cannot read encrypted ones.
func opaqueToken(s *situation) finding {
	token := s.in.Request.Token
	parts := strings.Count(token, ".") + 1
	what := "the token has no dots: it is a reference that only its issuer can read, not a JWT"
	switch {
	case s.failed.Name == checkClient && !s.printed("less than 2 delimiters"):
		return finding{}
	case s.failed.Name == checkClient:
	case parts == 5:
		what = "the token has five parts: it is encrypted (JWE), and Confluent Cloud reads only signed ones (JWT)"
	case parts != 1 || token == "":
		return finding{}
	}
	return found([]string{
		"Ask the identity provider for an access token as a JWT, for an API of your own: with Entra scope=api://<appId>/.default, with Auth0 an audience, with Ping a JWT token manager.",
		"Look at what comes back: it must have three parts with two dots between them, and begin with eyJ.",
		"Check too that the client sends access_token and not another field of the answer.",
	}, "%s", what)
}

// algNotAllowed is for a signature that the provider does not use. Entra signs
// with RS256 alone.
func algNotAllowed(s *situation) finding {
	alg, _ := s.header["alg"].(string)
	if alg == "" {
		return finding{}
	}
	want := cmp.Or(s.failed.Want, "RS256")
	second := "Look where the token comes from. Never take none, nor HS256 with a public key: anybody can forge those."
	if len(alg) == 5 && slices.Contains([]string{"RS", "PS", "ES"}, alg[:2]) || alg == "EdDSA" {
		second = "If the provider really signs with " + cut(alg) + ": in idpool list it under the provider's algorithms; Confluent Cloud documents only RS256."
	}
	return found([]string{
		"Sign with RS256 at the identity provider; Entra always does, so the token comes from elsewhere or was made by hand.",
		second,
		"Get a new token.",
	}, "the token is signed with %s, and the provider takes %s", quote(alg), cut(want))
}

// idTokenUsed knows an id token by the claims that only id tokens have
// (OpenID Connect Core 2), where no claim names a client or a right.
func idTokenUsed(s *situation) finding {
	has := func(claim string) bool { return s.claims[claim] != nil }
	if slices.ContainsFunc([]string{"azp", "appid", "scp", "roles"}, has) {
		return finding{}
	}
	signs := []string{"nonce", "at_hash", "c_hash", "preferred_username"}
	i := slices.IndexFunc(signs, has)
	if i < 0 {
		return finding{}
	}
	return found([]string{
		"Send the field access_token of the token endpoint's answer; id_token is for the application that the person signed in to.",
		"If there is no access token for your API, ask for scope=" + defaultScopeOf(s.resource) + " with client credentials.",
		"Connect again.",
	}, "this is an id token, not an access token: it has %s, and neither azp nor roles; aud is %s", signs[i], shown(s.claims["aud"]))
}

// v1Token is the classic of Azure: the API, not the URL of the endpoint,
// chooses the version of the token, and without a word in its manifest it is
// v1.0, of another issuer and with other claims (azure-ad.md 3.7).
func v1Token(s *situation) finding {
	iss := s.text("iss")
	if !strings.HasPrefix(iss, v1Host) && s.text("ver") != "1.0" {
		return finding{}
	}
	if s.failed.Name == validator.CheckFilter && claimV1V2(s).summary == "" && audURIvsGUID(s).summary == "" {
		return finding{} // its version is not what the filter minds
	}
	api := short(s.resource, s.text("aud"), "the API")
	first := "Open Entra admin center → App registrations → " + api + " (the API, not the client) → Manifest."
	if s.resource != nil && s.resource.TokenVersion == 2 {
		return found([]string{
			"Get a new token: the API asks for version 2 by now, and this token is older.",
			"If a new one has ver 1.0 too, look at the manifest again. " + first,
		}, "the token is a v1.0 token (iss %s), though %s asks for version 2 now", quote(iss), named(s.resource, s.text("aud")))
	}
	return found([]string{
		first,
		`Set "requestedAccessTokenVersion": 2 under "api" (in the old format: "accessTokenAcceptedVersion": 2) and save.`,
		"Get a new token; it then has ver 2.0, azp instead of appid, and the API's appId as aud. The URL of the token endpoint has no say in this.",
		"Or, if it must stay at version 1: give the provider the issuer " + cut(iss) + " in " + providerBlade + ".",
	}, "the token is a v1.0 token (ver %s, iss %s): the API %s does not ask for version 2, and the provider expects %s",
		quote(s.text("ver")), quote(iss), named(s.resource, s.text("aud")), s.issuersWanted())
}

// issuers are those of the provider that the token is meant for, or of all.
func (s *situation) issuers() []string {
	var all []string
	for _, p := range s.in.Facts.Providers {
		if s.provider == nil || p.ID == s.provider.ID {
			all = append(all, p.Issuers...)
		}
	}
	return all
}

// issuersWanted writes them for a sentence.
func (s *situation) issuersWanted() string {
	all := s.issuers()
	if len(all) == 0 {
		return cut(cmp.Or(s.failed.Want, "another issuer"))
	}
	return either(all)
}

// issuerTrailingSlash is for issuers that a person takes for the same.
func issuerTrailingSlash(s *situation) finding {
	iss := s.text("iss")
	for _, want := range s.issuers() {
		if want == iss || strings.TrimSuffix(want, "/") != strings.TrimSuffix(iss, "/") {
			continue
		}
		return found([]string{
			"Copy iss from the token, character by character: " + cut(iss),
			"Put it into " + providerBlade + " → the provider → Edit → Issuer URI.",
			"Save and connect again; the comparison is exact, and a slash counts.",
		}, "the token's issuer %s and the provider's %s differ only in the slash at the end", quote(iss), quote(want))
	}
	return finding{}
}

// tenants are the tenants that the providers trust.
func (s *situation) tenants() []string {
	var ids []string
	for _, p := range s.in.Facts.Providers {
		if p.TenantID != "" {
			ids = append(ids, p.TenantID)
		}
		for _, iss := range p.Issuers {
			if id := guidIn(iss); id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// issuerMismatch is for an issuer that no better rule knows; it points to the
// one part in which it differs, often the host in a set-up of containers.
func issuerMismatch(s *situation) finding {
	iss := s.text("iss")
	if iss == "" || s.explained {
		return finding{}
	}
	differs := ""
	for _, want := range s.issuers() {
		if part := issuerPart(iss, want); part != "" {
			differs = "; only the " + part + " differs"
			if len(s.issuers()) > 1 {
				differs += " from " + quote(want)
			}
			break
		}
	}
	if strings.HasPrefix(differs, "; only the port differs") && strings.HasPrefix(iss, "http://localhost:") {
		return found([]string{
			"Ask the idpool that minted the token: POST /v1/decisions on its admin listener, which its serve prints at start.",
			"Or let all have one issuer: start both with a config that says issuer: azure, or with the same --http address.",
			"Get a new token and try again.",
		}, "another idpool minted the token: its issuer is %s, this one expects %s, and only the port differs", quote(iss), s.issuersWanted())
	}
	return found([]string{
		"Decide which is right. If the token is: copy its iss, " + cut(iss) + ", into " + providerBlade + " → the provider → Edit → Issuer URI, and set the JWKS URI that belongs to it.",
		"If the provider is: point the client's token URL at the issuer that it expects.",
		"In containers, use one name everywhere: a token got from localhost does not have the issuer of one got from the service's name.",
	}, "no identity provider has the token's issuer %s; expected %s%s", quote(iss), s.issuersWanted(), differs)
}

// issuerPart names the only part in which two issuers differ, or "".
func issuerPart(a, b string) string {
	x, err := url.Parse(a)
	y, err2 := url.Parse(b)
	if err != nil || err2 != nil || x.Host == "" || y.Host == "" {
		return ""
	}
	var parts []string
	for _, p := range []struct{ name, a, b string }{
		{"scheme", x.Scheme, y.Scheme}, {"host", x.Hostname(), y.Hostname()},
		{"port", x.Port(), y.Port()}, {"path", x.Path, y.Path},
	} {
		if p.a != p.b {
			parts = append(parts, p.name)
		}
	}
	if len(parts) != 1 {
		return ""
	}
	return parts[0]
}

// kid is the key id of the token's header.
func (s *situation) kid() string {
	kid, _ := s.header["kid"].(string)
	return kid
}

// jwksURI is where the provider's keys come from.
func (s *situation) jwksURI() string {
	if uri := s.in.Decision.Keys.URI; uri != "" || s.provider == nil {
		return uri
	}
	return s.provider.JWKSURI
}

// noKid is for a token that does not say which key it was signed with. The keys
// that Confluent keeps are looked up by kid alone.
func noKid(s *situation) finding {
	if s.kid() != "" || s.header == nil {
		return finding{}
	}
	return found([]string{
		"Have the identity provider write kid into the token's header; Entra always does, so this token comes from elsewhere or was made by hand.",
		"Check that the keys at " + cut(cmp.Or(s.jwksURI(), "the JWKS URI")) + " have a kid, too.",
		"Get a new token.",
	}, "the token's header has no kid, so none of the provider's keys can be chosen")
}

// jwksUnreachable is for keys that could not be fetched at the last attempt,
// whether there are older ones or none.
func jwksUnreachable(s *situation) finding {
	keys := s.in.Decision.Keys
	if keys.Error == "" {
		return finding{}
	}
	uri := cut(cmp.Or(s.jwksURI(), "the JWKS URI"))
	old := ""
	if !keys.FetchedAt.IsZero() {
		old = "; those in use were fetched " + s.ago(keys.FetchedAt)
	}
	if fault := s.in.Decision.Fault; fault != "" {
		return found(faultSteps(fault), "the fault %s of the identity provider was injected: its keys could not be fetched: %s%s", quote(fault), cut(keys.Error), old)
	}
	return found([]string{
		"Fetch the keys yourself: curl -i " + uri,
		"They must come with status 200, a Content-Type of application/json, and {\"keys\": [...]} as body.",
		"If that fails, correct the address in " + providerBlade + " → the provider → Edit → JWKS URI, or let Confluent's egress addresses through the firewall of the identity provider.",
		"Then refresh the keys on the same page (Refresh JWKS).",
	}, "the provider's keys could not be fetched: %s%s", cut(keys.Error), old)
}

// faultSteps are the fix for a failure that an idpool has injected.
func faultSteps(id string) []string {
	return []string{
		"If a test is to fail here, it does. If not, end the fault: idpool fault remove " + cut(id) + ", or DELETE /v1/faults/" + cut(id) + ".",
		"Let the keys be fetched again: POST /v1/identity-providers/{provider}/refresh-keys, or wait until an unknown kid or max-age does it.",
	}
}

// jwksWrongURI compares where the keys come from with where the issuer says
// it lives; only what is certainly wrong counts.
func jwksWrongURI(s *situation) finding {
	uri := s.jwksURI()
	why := wrongKeys(uri, s.text("iss"))
	if why == "" {
		return finding{}
	}
	right := "the jwks_uri of " + cut(strings.TrimSuffix(s.text("iss"), "/")) + "/.well-known/openid-configuration"
	return found([]string{
		"Look up " + right + ".",
		"Put it into " + providerBlade + " → the provider → Edit → JWKS URI.",
		"Refresh the keys there (Refresh JWKS) and connect again.",
	}, "the provider's keys come from %s, but the token's issuer is %s: %s", quote(uri), quote(s.text("iss")), why)
}

// wrongKeys says why a JWKS URI cannot be that of an issuer, or "".
func wrongKeys(uri, issuer string) string {
	keys, err := url.Parse(uri)
	home, err2 := url.Parse(issuer)
	if uri == "" || err != nil || err2 != nil {
		return ""
	}
	tenant, other := guidIn(home.Path), guidIn(keys.Path)
	microsoft := func(u *url.URL) bool {
		return u.Host == "login.microsoftonline.com" || u.Host == "sts.windows.net"
	}
	switch {
	case strings.Contains(keys.Path, "/.well-known/openid-configuration"):
		return "that is the discovery document, which only names the address of the keys"
	case tenant != "" && other != "" && !strings.EqualFold(tenant, other):
		return "that is another tenant"
	case microsoft(keys) != microsoft(home):
		return "that is another server"
	}
	return ""
}

// jwksStale is for a kid that the keys at hand do not have. Confluent names it
// KID LOOKUP FAILED.
func jwksStale(s *situation) finding {
	keys, kid := s.in.Decision.Keys, s.kid()
	if fault := s.in.Decision.Fault; fault != "" && keys.Error == "" {
		return found(faultSteps(fault), "the fault %s of the identity provider was injected: the keys that came with it have no %s", quote(fault), quote(kid))
	}
	if kid == "" || len(keys.IDs) == 0 || slices.Contains(keys.IDs, kid) {
		return finding{}
	}
	fetched := ""
	if !keys.FetchedAt.IsZero() {
		fetched = ", fetched " + s.ago(keys.FetchedAt) + ","
	}
	return found([]string{
		"See whether the key is published by now: curl " + cut(cmp.Or(s.jwksURI(), "the JWKS URI")) + " and look for " + cut(kid) + ".",
		"If it is: " + providerBlade + " → the provider → Refresh JWKS (or PATCH /iam/v2/identity-providers/{id}/jwks). Confluent Cloud keeps keys for as long as max-age says, 5 minutes to 7 days, and does not promise to look for an unknown kid before.",
		"If it is not: the token is from another issuer, or the address of the keys is wrong.",
		"For the next rotation: publish the new key a day before signing with it, and lower max-age.",
	}, "the token was signed with the key %s, and the provider's keys%s have only %s: the key was rotated since, or was never one of theirs",
		quote(kid), fetched, both(keys.IDs))
}

// shortestSignature is far below that of any algorithm, in base64url characters.
const shortestSignature = 40

// signatureMissing is for tokens whose signature somebody cut off, so as to
// show them to others.
func signatureMissing(s *situation) finding {
	parts := strings.Split(s.in.Request.Token, ".")
	if len(parts) < 2 || len(parts) > 3 || !strings.HasPrefix(parts[0], "eyJ") || len(parts) == 3 && len(parts[2]) >= shortestSignature {
		return finding{}
	}
	return found([]string{
		"Take the whole token, up to the last character of its third part: a client must send it all.",
		"If it was cut off on purpose, to show the token to somebody: idpool explain --no-signature says what else a broker would make of it.",
	}, "the token has no signature: its third part is missing or was struck out")
}

// tokenTampered is for a signature that does not fit a key of the right kid.
func tokenTampered(s *situation) finding {
	if s.explained {
		return finding{}
	}
	return found([]string{
		"Get a new token and use it unchanged: a claim edited by hand, a character lost in copying, or a line break breaks the signature.",
		"If a fresh, untouched token fails too, compare the provider's key " + quote(s.kid()) + " with the one at the issuer: two servers may use the same kid for different keys.",
		"If neither helps, treat the token as forged and ask who sent it.",
	}, "the token was changed after it was signed, or signed with another key: its signature does not fit the key %s", quote(s.kid()))
}

// tokenExpired says how long ago. Most often a token was pasted somewhere
// instead of being fetched.
func tokenExpired(s *situation) finding {
	exp, ok := s.instant("exp")
	now := s.in.Facts.Now
	if !ok || !now.IsZero() && exp.After(now) {
		return finding{}
	}
	lived := ""
	if iat, ok := s.instant("iat"); ok && exp.After(iat) {
		lived = ", and was issued " + s.ago(iat)
	}
	return found([]string{
		"Get a new token; Entra's live for about an hour.",
		"If the client should have done that itself: let the Kafka client fetch tokens (Java OAuthBearerLoginCallbackHandler, librdkafka sasl.oauthbearer.method=oidc) instead of giving it one.",
		"A client that gets its token in a callback must fetch anew on every call and report the right expiry.",
	}, "the token expired %s%s", s.ago(exp), lived)
}

// clockSkew is for tokens from the future, and for those that expired so
// recently that a clock may be to blame.
func clockSkew(s *situation) finding {
	const most = 5 * time.Minute // Confluent: keep the difference below 300 s
	now := s.in.Facts.Now
	if now.IsZero() {
		return finding{}
	}
	for _, claim := range []string{"nbf", "iat"} {
		if t, ok := s.instant(claim); ok && t.After(now) {
			return skewed(claim, "is "+s.ago(t)+", still to come")
		}
	}
	if t, ok := s.instant("exp"); ok && s.failed.Name == validator.CheckExpiry && now.After(t) && now.Sub(t) < most {
		return skewed("exp", "was "+s.ago(t)+", only just past")
	}
	return finding{}
}

// skewed is a time claim that another clock wrote.
func skewed(claim, when string) finding {
	return found([]string{
		"Compare the clocks: date -u on the machine that issues tokens, on the client, and here.",
		"Switch time synchronisation on where it is off (timedatectl set-ntp true; in a virtual machine: after resuming, too).",
		"Keep the difference well under 300 seconds, and get a new token.",
	}, "the token's %s %s: the clocks of issuer and broker may differ", claim, when)
}
