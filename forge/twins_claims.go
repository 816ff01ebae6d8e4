package forge

import "strings"

// otherAPI is the application id of an API that does not exist, and graphAPI that
// of Microsoft Graph.
const (
	otherAPI = "3f2b9c64-18d7-4a05-b6e1-90c7d4a8f523"
	graphAPI = "00000003-0000-0000-c000-000000000000"
)

// audience is the token's aud, or the first of them.
func (d *draft) audience() string {
	if one := d.claims.string("aud"); one != "" {
		return one
	}
	_, after, _ := strings.Cut(d.claims.value("aud"), `"`)
	first, _, _ := strings.Cut(after, `"`)
	return first
}

// heard makes the token with an aud that is made of the right one, signed again.
func heard(by func(aud string) string) func(*draft) string {
	return func(d *draft) string { return claim("aud", by(d.audience()))(d) }
}

// audienceTwins have an aud that is not that of the token. Those of a wrong kind
// fail the check format, the others only a filter can refuse.
func audienceTwins() []twin {
	const rule = "RFC 7519 4.1.3, RFC 8725 3.9"
	return []twin{
		{"audience-wrong", "aud is another API", checkFilter, rule, byAudience, claim("aud", quoted(otherAPI))},
		{"audience-graph", "aud is Microsoft Graph", checkFilter, rule, byAudience, claim("aud", quoted(graphAPI))},
		{"audience-client", "aud is the client itself, as in an ID token", checkFilter, "RFC 8725 3.12", byAudience,
			func(d *draft) string { return claim("aud", quoted(d.client()))(d) }},
		{"audience-uri", "aud is the API's identifier URI, or without it the id", checkFilter, rule, byForm, heard(otherForm)},
		{"audience-case", "aud in upper case", checkFilter, "RFC 7519 2 (StringOrURI)", byForm,
			heard(func(aud string) string { return quoted(swapCase(aud)) })},
		{"audience-prefix", "aud begins with the right one and goes on", checkFilter, rule, byAudience,
			heard(func(aud string) string { return quoted(aud + "-other") })},
		{"audience-array", "aud is a list of the right one", checkFilter, rule, byForm,
			heard(func(aud string) string { return list(aud) })},
		{"audience-array-first", "aud is a list, the right one first", checkFilter, rule, byForm,
			heard(func(aud string) string { return list(aud, otherAPI) })},
		{"audience-array-last", "aud is a list, the right one last", checkFilter, rule, byForm,
			heard(func(aud string) string { return list(otherAPI, aud) })},
		{"audience-array-wrong", "aud is a list without the right one", checkFilter, "RFC 7519 4.1.3, CVE-2020-26160", byAudience,
			claim("aud", list(otherAPI, graphAPI))},
		{"audience-array-empty", "aud is an empty list", checkFilter, "RFC 7519 4.1.3, CVE-2020-26160", byAudience, claim("aud", "[]")},
		{"audience-missing", "no aud", checkFilter, rule, byAudience, noClaim("aud")},
		{"audience-empty", "aud is empty", checkFilter, rule, byAudience, claim("aud", `""`)},
		{"audience-null", "aud is null", checkFormat, rule, byAudience, claim("aud", "null")},
		{"audience-number", "aud is a number", checkFormat, rule, byAudience, claim("aud", "42")},
		{"audience-object", "aud is an object whose key is the right one", checkFormat, rule, byForm,
			heard(func(aud string) string { return "{" + quoted(aud) + ":true}" })},
		{"audience-array-mixed", "aud is a list of the right one and a number", checkFormat, rule, byForm,
			heard(func(aud string) string { return "[" + quoted(aud) + ",42]" })},
	}
}

// client is the application that got the token.
func (d *draft) client() string {
	if azp := d.claims.string("azp"); azp != "" {
		return azp
	}
	if appID := d.claims.string("appid"); appID != "" {
		return appID
	}
	return d.claims.string("sub")
}

func otherForm(aud string) string {
	if id, ok := strings.CutPrefix(aud, "api://"); ok {
		return quoted(id)
	}
	return quoted("api://" + aud)
}

// swapCase is the text in upper case, or in lower case if it is that already.
func swapCase(s string) string {
	if upper := strings.ToUpper(s); upper != s {
		return upper
	}
	return strings.ToLower(s)
}

// subjectTwins do not say whose they are.
func subjectTwins() []twin {
	const rule = "RFC 7519 4.1.2, RFC 9068 2.2"
	return []twin{
		{"sub-missing", "no sub", checkIdentity, rule, bySub, noClaim("sub")},
		{"sub-blank", "sub is white space", checkIdentity, rule, bySub, claim("sub", `" "`)},
		{"sub-null", "sub is null", checkIdentity, rule, bySub, claim("sub", "null")},
		{"sub-number", "sub is a number", checkIdentity, rule, bySub, claim("sub", "42")},
		{"sub-array", "sub is a list", checkIdentity, rule, bySub, claim("sub", `["admin"]`)},
		{"client-missing", "no azp, nor appid", checkIdentity, "RFC 9068 2.2", byIdentity, noClaim("azp", "appid")},
		{"client-empty", "azp and appid are empty", checkIdentity, "RFC 9068 2.2", byIdentity, clients(`""`)},
		{"client-array", "azp and appid are lists", checkIdentity, "RFC 9068 2.2", byIdentity, clients(`["a","b"]`)},
		{"oid-missing", "no oid", "", "RFC 7519 4.3", byIdentity, noClaim("oid")},
	}
}

// clients makes the token with both names of the client set, signed again.
func clients(value string) func(*draft) string {
	return func(d *draft) string {
		return d.sign(d.header.text(), d.claims.with("azp", value).with("appid", value).text())
	}
}

// roleTwins do not have the role that a filter asks for.
func roleTwins() []twin {
	const rule = "RFC 9068 2.2.3.1"
	return []twin{
		{"roles-missing", "no roles: nobody assigned one to the client", checkFilter, rule, byFilter, noClaim("roles")},
		{"roles-wrong", "roles has another role", checkFilter, rule, byFilter, claim("roles", `["forged.other"]`)},
		{"roles-empty", "roles is an empty list", checkFilter, rule, byFilter, claim("roles", "[]")},
		{"roles-null", "roles is null", checkFilter, rule, byFilter, claim("roles", "null")},
		{"roles-string", "roles is a string that has the role in it", checkFilter, rule, byFilter,
			ranked(func(role string) string { return quoted("x" + role + "x") })},
		{"roles-substring", "roles has a role that begins with the right one", checkFilter, rule, byFilter,
			ranked(func(role string) string { return list(role + "x") })},
		{"roles-case", "roles has the role in other letters", checkFilter, rule, byFilter,
			ranked(func(role string) string { return list(swapCase(role)) })},
		{"roles-nested", "roles is a list of a list of the role", checkFilter, rule, byFilter,
			ranked(func(role string) string { return "[" + list(role) + "]" })},
		{"roles-object", "roles is an object whose key is the role", "", rule,
			"the operator in of CEL and of Expr looks at the keys of an object",
			ranked(func(role string) string { return "{" + quoted(role) + ":false}" })},
		{"roles-number", "roles is a list of a number", checkFilter, rule, byFilter, claim("roles", "[1]")},
		{"roles-comma", "roles is a list of one string with commas", checkFilter, rule, byFilter,
			ranked(func(role string) string { return list("x," + role) })},
		{"delegated", "a user's token: scp instead of roles", checkFilter, "RFC 9068 2.2.3", byFilter, func(d *draft) string {
			return d.sign(d.header.text(), d.claims.without("roles").and("scp", `"user_impersonation"`).text())
		}},
	}
}

// ranked makes the token with roles made of the first of its own, signed again.
func ranked(by func(role string) string) func(*draft) string {
	return func(d *draft) string {
		_, after, _ := strings.Cut(d.claims.value("roles"), `"`)
		role, _, _ := strings.Cut(after, `"`)
		if role == "" {
			role = "Reader" // the token has none
		}
		return claim("roles", by(role))(d)
	}
}
