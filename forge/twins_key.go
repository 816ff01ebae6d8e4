package forge

import (
	"strings"
)

// named makes a token under another kid, signed by an attacker's key.
func named(kid string) func(*draft) string {
	return func(d *draft) string { return d.strange(d.header.with("kid", kid)) }
}

// kidTwins name another key than the one that signs, or none.
func kidTwins() []twin {
	const rule = "RFC 7515 4.1.4"
	return []twin{
		{"kid-unknown", "the kid of an attacker's key, which signed it", checkKey, rule, "",
			func(d *draft) string { return named(quoted(d.stranger.ID))(d) }},
		{"kid-other-tenant", "the kid of another tenant's key, which signed it", checkKey, "RFC 8725 3.8", "",
			func(d *draft) string {
				return d.signAs(d.Other, "RS256", compact(d.header.with("kid", quoted(d.Other.ID)).text(), d.claims.text()))
			}},
		{"kid-unknown-right-key", "a kid that nobody has, signed by the right key", checkKey, rule, byHoldKey,
			headed("kid", `"nobody-has-this-kid"`)},
		{"kid-missing", "no kid, signed by an attacker's key", checkKey, rule, "",
			func(d *draft) string { return d.strange(d.header.without("kid")) }},
		{"kid-missing-right-key", "no kid, signed by the right key", checkKey, rule, byHoldKey,
			func(d *draft) string { return d.sign(d.header.without("kid").text(), d.claims.text()) }},
		{"kid-empty", "kid is empty, signed by an attacker's key", checkKey, rule, "", named(`""`)},
		{"kid-empty-right-key", "kid is empty, signed by the right key", checkKey, rule, byHoldKey, headed("kid", `""`)},
		{"kid-null", "kid is null, signed by an attacker's key", checkKey, rule, "", named("null")},
		{"kid-case", "kid in other letters, signed by the right key", checkKey, rule, byHoldKey,
			func(d *draft) string { return headed("kid", quoted(swapCase(d.Key.ID)))(d) }},
		{"kid-number", "kid is a number, signed by the right key", checkKey, rule, byHoldKey, headed("kid", "0")},
		{"kid-array", "kid is a list of the right one, signed by an attacker's key", checkKey, rule, "",
			func(d *draft) string { return named(list(d.Key.ID))(d) }},
		{"kid-x5t", "x5t of the right key instead of kid, signed by the right key", checkKey, "RFC 7515 4.1.7", byHoldKey,
			func(d *draft) string {
				return d.sign(d.header.without("kid").with("x5t", quoted(d.Key.ID)).text(), d.claims.text())
			}},
	}
}

// oddKidTwins have a kid that does harm where it is used as a path, a query, a
// URL or a property, signed by an attacker's key.
func oddKidTwins() []twin {
	const rule = "RFC 8725 3.10"
	return []twin{
		{"kid-path", "kid is a path out of the folder of keys", checkKey, rule, "", named(`"../../../../../../etc/passwd"`)},
		{"kid-path-null", "kid is a path to an empty file, HMAC under nothing", checkAlgorithm, rule, "", func(d *draft) string {
			input := d.unsigned(d.header.with("alg", `"HS256"`).with("kid", `"../../../../../../dev/null"`))
			return input + "." + encode(mac(hashOf("HS256"), nil, input))
		}},
		{"kid-sql", "kid is a piece of SQL that is true", checkKey, rule, "", named(`"' OR '1'='1"`)},
		{"kid-sql-union", "kid is a piece of SQL that answers with the secret, HMAC under it", checkAlgorithm, rule, "",
			func(d *draft) string {
				input := d.unsigned(d.header.with("alg", `"HS256"`).with("kid", `"x' UNION SELECT 'forged' -- "`))
				return input + "." + encode(mac(hashOf("HS256"), []byte("forged"), input))
			}},
		{"kid-ldap", "kid is a piece of LDAP", checkKey, rule, "", named(`"*)(uid=*))(|(uid=*"`)},
		{"kid-command", "kid is a command of the shell", checkKey, rule, "", named(`"keys.pem; true #"`)},
		{"kid-url", "kid is an attacker's URL", checkKey, rule, "",
			func(d *draft) string { return named(quoted(d.Attacker))(d) }},
		{"kid-property", "kid is __proto__, which every object of JavaScript has", checkKey, rule, "", named(`"__proto__"`)},
		{"kid-line", "kid has a line break and a line of log in it", checkKey, rule, "", named(`"x\r\n2026-01-01 accepted"`)},
		{"kid-nul", "kid is the right one, a zero byte and more", checkKey, rule, "",
			func(d *draft) string { return named(strings.TrimSuffix(quoted(d.Key.ID), `"`) + `\u0000.pem"`)(d) }},
		{"kid-long", "kid has 8000 letters", checkKey, rule, "", named(quoted(strings.Repeat("k", 8000)))},
	}
}

// brings makes a token whose header brings the attacker's key along, or says
// where it is, under three kids: the attacker's, the right one, none.
func brings(name string, value func(*draft) string) []func(*draft) string {
	header := func(d *draft) object { return d.header.with(name, value(d)) }
	return []func(*draft) string{
		func(d *draft) string { return d.strange(header(d).with("kid", quoted(d.stranger.ID))) },
		func(d *draft) string { return d.strange(header(d)) },
		func(d *draft) string { return d.strange(header(d).without("kid")) },
	}
}

// keyTwins want to be verified with a key of the attacker's.
func keyTwins() []twin {
	var twins []twin
	for _, h := range []struct {
		name, what, rule string
		value            func(*draft) string
	}{
		{"jwk", "brings an attacker's key", "RFC 7515 4.1.3, CVE-2018-0114", func(d *draft) string { return publishedJWK(d.stranger).text() }},
		{"jku", "says where an attacker's keys are", "RFC 8725 3.10", func(d *draft) string { return quoted(d.Attacker) }},
		{"x5u", "says where an attacker's certificate is", "RFC 8725 3.10", func(d *draft) string { return quoted(d.Attacker) }},
		{"x5c", "brings an attacker's certificate", "RFC 7515 4.1.6", func(d *draft) string { return chain(d.stranger) }},
	} {
		forms := brings(h.name, h.value)
		twins = append(twins,
			twin{h.name, h.name + " " + h.what + ", under its kid", checkKey, h.rule, "", forms[0]},
			twin{h.name + "-same-kid", h.name + " " + h.what + ", under the kid of the right one", checkSignature, h.rule, "", forms[1]},
			twin{h.name + "-no-kid", h.name + " " + h.what + ", without kid", checkKey, h.rule, "", forms[2]})
	}
	return append(twins,
		twin{"jku-userinfo", "jku whose host is a user name before the attacker's", checkKey, "RFC 8725 3.10", "", func(d *draft) string {
			return brings("jku", func(d *draft) string { return quoted(userinfo(d, d.claims.string("iss"))) })[0](d)
		}},
		twin{"jwk-symmetric", "jwk brings a shared secret, HMAC under it", checkAlgorithm, "RFC 8725 2.1", "", func(d *draft) string {
			jwk := `{"kty":"oct","alg":"HS256","kid":` + quoted(d.Key.ID) + `,"k":` + quoted(encode("forged")) + `}`
			input := d.unsigned(d.header.with("alg", `"HS256"`).with("jwk", jwk))
			return input + "." + encode(mac(hashOf("HS256"), []byte("forged"), input))
		}},
		twin{"x5t-attacker", "x5t of an attacker's certificate, under the kid of the right one", checkSignature, "RFC 7515 4.1.7", "",
			func(d *draft) string { return d.strange(d.header.with("x5t", quoted(d.stranger.ID))) }},
	)
}

// headerTwins have headers that a verifier must know, or need not.
func headerTwins() []twin {
	const (
		crit  = "RFC 7515 4.1.11, CVE-2025-59420"
		lives = "RFC 7515 4.1.11 forbids it to issuers, and lets a verifier refuse it"
	)
	return []twin{
		{"crit", "crit names an extension that nobody knows", checkFormat, crit, "", func(d *draft) string {
			return d.sign(d.header.with("crit", `["forged"]`).with("forged", "true").text(), d.claims.text())
		}},
		{"crit-absent", "crit names a member that is not there", checkFormat, crit, "", headed("crit", `["forged"]`)},
		{"crit-empty", "crit is an empty list", checkFormat, "RFC 7515 4.1.11", lives, headed("crit", "[]")},
		{"crit-known", "crit names a member of RFC 7515 itself", checkFormat, "RFC 7515 4.1.11", lives, headed("crit", `["kid"]`)},
		{"crit-string", "crit is a string", checkFormat, "RFC 7515 4.1.11", lives, headed("crit", `"exp"`)},
		{"b64", "b64 false and critical, the payload signed as it is", checkFormat, "RFC 7797 7", "", unencoded},
		{"b64-ignored", "b64 false and not critical, the payload encoded all the same", checkFormat, "RFC 7797 6",
			"RFC 7515 4 has a verifier ignore what it does not know", headed("b64", "false")},
		{"zip", "zip says that the payload is compressed, and it is not", "", "RFC 7516 4.1.3",
			"zip is for encrypted tokens, and ignored in signed ones", headed("zip", `"DEF"`)},
		{"typ-missing", "no typ", "", "RFC 7519 5.1", "RFC 7519 5.1 makes typ optional",
			func(d *draft) string { return d.sign(d.header.without("typ").text(), d.claims.text()) }},
		{"typ-at-jwt", "typ is that of RFC 9068, which Azure does not use", "", "RFC 9068 2.1", byNoRule, headed("typ", `"at+jwt"`)},
		{"typ-logout", "typ is that of a logout token", "", "RFC 8725 3.11", "depends on whether typ is read", headed("typ", `"logout+jwt"`)},
		{"typ-number", "typ is a number", "", "RFC 7515 4.1.9", "depends on whether typ is read", headed("typ", "1")},
	}
}

// unencoded is a token with the option of RFC 7797: the payload is signed without
// encoding. Its dots make it unreadable in compact form, which is the point.
func unencoded(d *draft) string {
	header := d.header.with("b64", "false").with("crit", `["b64"]`).text()
	return d.signAs(d.Key, "RS256", encode(header)+"."+d.claims.text())
}
