package forge

import (
	"net/url"
	"strings"
)

// issued makes the token with another issuer, signed again by the right key.
func issued(by func(d *draft, issuer string) string) func(*draft) string {
	return func(d *draft) string { return claim("iss", quoted(by(d, d.claims.string("iss"))))(d) }
}

// issuerTwins have an iss that is not quite, or not at all, that of the token.
func issuerTwins() []twin {
	const rule = "RFC 7519 4.1.1, RFC 8725 3.8"
	return []twin{
		{"issuer-wrong", "iss is an attacker's", checkProvider, rule, "",
			issued(func(d *draft, _ string) string { return "https://" + d.attackerHost() + "/v2.0" })},
		{"issuer-other-tenant", "iss is another tenant's, the key is not", checkProvider, rule, "",
			issued(func(d *draft, _ string) string { return d.OtherIssuer })},
		{"other-tenant", "another tenant's token: its iss, its tid, its key", checkProvider, rule, "", otherTenantToken},
		{"issuer-slash", "iss with a slash more at its end, or one less", checkProvider, rule, "", issued(slashed)},
		{"issuer-no-version", "iss without /v2.0, or with it if it has none", checkProvider, rule, "", issued(versioned)},
		{"issuer-case", "iss in upper case", checkProvider, "RFC 7519 2 (StringOrURI)", "", issued(shouted)},
		{"issuer-scheme", "iss with http for https, or the reverse", checkProvider, rule, "", issued(otherScheme)},
		{"issuer-suffix", "iss whose host goes on: right.example.attacker.invalid", checkProvider, rule, "", issued(suffixed)},
		{"issuer-userinfo", "iss whose host is a user name before the attacker's", checkProvider, rule, "", issued(userinfo)},
		{"issuer-contained", "iss is an attacker's that has the right one in it", checkProvider, rule, "",
			issued(func(d *draft, issuer string) string { return "https://" + d.attackerHost() + "/?" + issuer })},
		{"issuer-space", "iss with a space after it", checkProvider, rule, "",
			issued(func(_ *draft, issuer string) string { return issuer + " " })},
		{"issuer-template", "iss has {tenantid} in it, as Azure's common metadata", checkProvider, rule, "",
			issued(func(d *draft, _ string) string { return d.inTenant("{tenantid}") })},
		{"issuer-common", "iss is Azure's tenant common", checkProvider, rule, "",
			issued(func(d *draft, _ string) string { return d.inTenant("common") })},
		{"issuer-array", "iss is a list of the right one and an attacker's", checkProvider, "RFC 7519 4.1.1, CVE-2025-30144", "",
			func(d *draft) string {
				return claim("iss", list("https://"+d.attackerHost()+"/v2.0", d.claims.string("iss")))(d)
			}},
		{"issuer-missing", "no iss", checkProvider, "RFC 8725 3.8", "", noClaim("iss")},
		{"issuer-empty", "iss is empty", checkProvider, rule, "", claim("iss", `""`)},
		{"issuer-null", "iss is null", checkProvider, rule, "", claim("iss", "null")},
	}
}

// versionTwins are tokens of Azure's other version.
func versionTwins() []twin {
	const (
		rule   = "RFC 8725 3.8"
		excuse = "a verifier may trust both issuers that Azure has for a tenant"
	)
	return []twin{
		{"v1", "a token of v1.0 for an API of v2.0, or the reverse", checkProvider, rule, excuse, otherVersion},
		{"v1-issuer", "iss of v1.0 before claims of v2.0, or the reverse", checkProvider, rule, excuse,
			issued(func(d *draft, _ string) string { return d.otherVersionIssuer() })},
		{"ver-missing", "no ver", "", "RFC 7519 4.3", byNoRule, noClaim("ver")},
		{"ver-wrong", "ver is another than that of iss", "", "RFC 7519 4.3", byNoRule, claim("ver", `"3.0"`)},
		{"tid-missing", "no tid", "", "RFC 7519 4.3", "iss names the tenant already", noClaim("tid")},
		{"tid-wrong", "tid is another tenant's, iss is not", "", "RFC 7519 4.3", "iss names the tenant already",
			claim("tid", quoted(otherTenant))},
	}
}

// otherTenantToken is what the other tenant would issue.
func otherTenantToken(d *draft) string {
	header := d.header.with("kid", quoted(d.Other.ID))
	claims := d.claims.with("iss", quoted(d.OtherIssuer)).with("tid", quoted(otherTenant))
	return d.signAs(d.Other, "RS256", compact(header.text(), claims.text()))
}

func slashed(_ *draft, issuer string) string {
	if cut, ok := strings.CutSuffix(issuer, "/"); ok {
		return cut
	}
	return issuer + "/"
}

func versioned(_ *draft, issuer string) string {
	if cut, ok := strings.CutSuffix(issuer, "/v2.0"); ok {
		return cut
	}
	return strings.TrimSuffix(issuer, "/") + "/v2.0"
}

// shouted leaves the scheme alone, which some parsers put into lower case, if
// there is anything else.
func shouted(_ *draft, issuer string) string {
	scheme, rest, _ := strings.Cut(issuer, "://")
	if upper := scheme + "://" + strings.ToUpper(rest); upper != issuer {
		return upper
	}
	return strings.ToUpper(issuer)
}

func otherScheme(_ *draft, issuer string) string {
	if rest, ok := strings.CutPrefix(issuer, "https://"); ok {
		return "http://" + rest
	}
	return "https://" + strings.TrimPrefix(issuer, "http://")
}

func suffixed(d *draft, issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return issuer + "." + d.attackerHost()
	}
	u.Host = u.Hostname() + "." + d.attackerHost()
	return u.String()
}

func userinfo(d *draft, issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return issuer + "@" + d.attackerHost()
	}
	u.User, u.Host = url.User(u.Host), d.attackerHost()
	return u.String()
}

// v1Issuer is how Azure names a tenant in tokens of v1.0.
const v1Issuer = "https://sts.windows.net/"

// ofV1 reports whether the token is one of v1.0.
func (d *draft) ofV1() bool { return strings.HasPrefix(d.claims.string("iss"), v1Issuer) }

func (d *draft) otherVersionIssuer() string {
	tenant := d.claims.string("tid")
	if tenant == "" {
		tenant = otherTenant
	}
	if d.ofV1() {
		return "https://login.microsoftonline.com/" + tenant + "/v2.0"
	}
	return v1Issuer + tenant + "/"
}

// otherVersion is what Azure issues when accessTokenAcceptedVersion is the other
// one: other names for the client, and aud as the identifier URI in v1.0.
func otherVersion(d *draft) string {
	c := d.claims.with("iss", quoted(d.otherVersionIssuer()))
	if d.ofV1() {
		c = c.with("ver", `"2.0"`).without("appid", "appidacr", "idp").
			with("azp", quoted(d.claims.string("appid"))).with("azpacr", `"1"`)
		return d.sign(d.header.text(), c.text())
	}
	c = c.with("ver", `"1.0"`).without("azp", "azpacr").with("appid", quoted(d.claims.string("azp"))).
		with("appidacr", `"1"`).with("idp", quoted(d.otherVersionIssuer())).with("aud", quoted("api://"+d.claims.string("aud")))
	return d.sign(d.header.with("x5t", quoted(d.Key.ID)).text(), c.text())
}
