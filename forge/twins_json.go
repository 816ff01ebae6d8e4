package forge

import (
	"strings"
	"unicode/utf16"
)

// header makes a token with a header of any text, signed.
func headerText(by func(header string) string) func(*draft) string {
	return func(d *draft) string { return d.sign(by(d.header.text()), d.claims.text()) }
}

// always is a text that depends on nothing.
func always(text string) func(string) string { return func(string) string { return text } }

// jsonTwins have JSON that is none, or not the JSON of RFC 8259.
func jsonTwins() []twin {
	const rule = "RFC 8259 2"
	cut := func(s string) string { return strings.TrimSuffix(s, "}") }
	return []twin{
		{"json-trailing", "words after the claims", checkFormat, rule, byIssued, payload(func(c string) string { return c + " and more" })},
		{"json-second-object", "a second object after the claims, which has expired", checkFormat, rule, byIssued,
			payload(func(c string) string { return c + `{"exp":0}` })},
		{"json-comment", "a comment in the claims", checkFormat, rule, byIssued, payload(func(c string) string { return cut(c) + "/**/}" })},
		{"json-comma", "a comma after the last claim", checkFormat, rule, byIssued, payload(func(c string) string { return cut(c) + ",}" })},
		{"json-unended", "claims without the bracket at the end", checkFormat, rule, byIssued, payload(cut)},
		{"json-single-quotes", "claims in single quotes", checkFormat, rule, byIssued,
			payload(func(c string) string { return strings.ReplaceAll(c, `"`, `'`) })},
		{"json-byte-order-mark", "a byte order mark before the claims", checkFormat, "RFC 8259 8.1", byIssued,
			payload(func(c string) string { return "\ufeff" + c })},
		{"json-utf16", "the claims in UTF-16", checkFormat, "RFC 8725 3.7", byIssued, payload(utf16Text)},
		{"json-invalid-utf8", "a claim with a byte that is no UTF-8", checkFormat, "RFC 8259 8.1", byIssued, claim("forged", "\"\xff\"")},
		{"json-surrogate", "a claim with half a surrogate pair", checkFormat, "RFC 8259 8.2", byIssued, claim("forged", `"\ud800"`)},
		{"json-control", "a claim with a line break that is not escaped", checkFormat, "RFC 8259 7", byIssued, claim("forged", "\"\n\"")},
		{"json-zero", "a number with a zero before it", checkFormat, "RFC 8259 6", byIssued, claim("forged", "01")},
		{"json-escaped", "names of claims with escapes, which mean the same", "", "RFC 8259 7", "it is valid",
			payload(func(c string) string {
				return strings.NewReplacer(`"exp":`, `"\u0065xp":`, `"iss":`, `"i\u0073s":`).Replace(c)
			})},
		{"json-space", "white space between the claims", "", rule, "it is valid",
			payload(func(c string) string { return " \n" + strings.ReplaceAll(c, `,"`, ",\r\n\t\"") + " " })},
		{"json-deep", "a claim of 3000 lists in each other", checkFormat, "RFC 8259 9, CVE-2025-53864", byLimit,
			claim("forged", strings.Repeat("[", 3000)+strings.Repeat("]", 3000))},
		{"json-deep-open", "3000 brackets that are never closed", checkFormat, "RFC 8259 9", "", payload(always(strings.Repeat(`[`, 3000)))},
		{"json-members", "a thousand claims more", "", "RFC 8259 9", byLimit, payload(func(c string) string {
			return cut(c) + thousand() + "}"
		})},
	}
}

func thousand() string {
	var s strings.Builder
	for i := range 1000 {
		s.WriteString(`,"` + encode([]byte{byte(i >> 8), byte(i)}) + `":0`)
	}
	return s.String()
}

func utf16Text(text string) string {
	var s []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		s = append(s, byte(u>>8), byte(u))
	}
	return string(s)
}

// payloadTwins have a payload that is not an object of claims, signed by the
// right key, or a header that is none.
func payloadTwins() []twin {
	const rule = "RFC 7519 7.2"
	wrapped := func(c string) string { return "[" + c + "]" }
	return []twin{
		{"payload-word", "the payload is no JSON", checkFormat, rule, "", payload(always("claims"))},
		{"payload-array", "the payload is a list of the claims", checkFormat, rule, "", payload(wrapped)},
		{"payload-string", "the payload is a string", checkFormat, rule, "", payload(quoted)},
		{"payload-null", "the payload is null", checkFormat, rule, "", payload(always("null"))},
		{"payload-number", "the payload is a number", checkFormat, rule, "", payload(always("42"))},
		{"payload-no-claims", "the payload is an empty object", checkProvider, rule, "", payload(always("{}"))},
		{"payload-not-base64", "the payload is not encoded", checkFormat, "RFC 7515 7.1", "", func(d *draft) string {
			return d.signAs(d.Key, "RS256", d.parts[0]+"."+strings.ReplaceAll(d.claims.text(), ".", " "))
		}},
		{"header-word", "the header is no JSON", checkFormat, rule, "", headerText(always("header"))},
		{"header-array", "the header is a list of the header", checkFormat, rule, "", headerText(wrapped)},
		{"header-null", "the header is null", checkFormat, rule, "", headerText(always("null"))},
		{"header-no-members", "the header is an empty object", checkAlgorithm, "RFC 7515 4.1.1", byAlgorithm, headerText(always("{}"))},
		{"header-byte-order-mark", "a byte order mark before the header", checkFormat, "RFC 8259 8.1", byIssued,
			headerText(func(h string) string { return "\ufeff" + h })},
	}
}

// duplicateTwins have a member twice, so that two readers see two tokens. RFC
// 7519 4 has a reader refuse them or take the last: those whose last one is wrong
// must be refused in any case.
func duplicateTwins() []twin {
	const rule = "RFC 7519 4"
	const members = "RFC 7515 4"
	lastGood := "RFC 7519 4 lets a reader take the last, which is good"
	again := func(name, value string) func(*draft) string {
		return func(d *draft) string { return d.sign(d.header.text(), d.claims.and(name, value).text()) }
	}
	before := func(name, value string) func(*draft) string {
		return func(d *draft) string {
			return d.sign(d.header.text(), append(object{}.and(name, value), d.claims...).text())
		}
	}
	return []twin{
		{"duplicate-iss", "iss twice, the last an attacker's", checkFormat, rule, "",
			func(d *draft) string { return again("iss", quoted("https://"+d.attackerHost()+"/v2.0"))(d) }},
		{"duplicate-iss-first", "iss twice, the first an attacker's", checkFormat, rule, lastGood,
			func(d *draft) string { return before("iss", quoted("https://"+d.attackerHost()+"/v2.0"))(d) }},
		{"duplicate-exp", "exp twice, the last an hour ago", checkFormat, rule, "",
			func(d *draft) string { return again("exp", d.at(-3600e9))(d) }},
		{"duplicate-exp-first", "exp twice, the first an hour ago", checkFormat, rule, lastGood,
			func(d *draft) string { return before("exp", d.at(-3600e9))(d) }},
		{"duplicate-exp-escaped", "exp twice, the last an hour ago and its name with an escape", checkFormat, rule, "",
			func(d *draft) string {
				return d.sign(d.header.text(), append(d.claims[:len(d.claims):len(d.claims)], member{`"\u0065xp"`, d.at(-3600e9)}).text())
			}},
		{"duplicate-roles", "roles twice, the last another", checkFormat, rule, byFilter, again("roles", `["forged.other"]`)},
		{"duplicate-nested", "a member of a member twice", checkFormat, rule, byIssued, claim("forged", `{"a":1,"a":2}`)},
		{"duplicate-alg", "alg twice, the last none, and no signature", checkFormat, members, "",
			func(d *draft) string { return d.unsigned(d.header.and("alg", `"none"`)) + "." }},
		{"duplicate-alg-first", "alg twice, the first none, and no signature", checkFormat, members, "",
			func(d *draft) string { return d.unsigned(append(object{}.and("alg", `"none"`), d.header...)) + "." }},
		{"duplicate-kid", "kid twice, the last an attacker's, whose key signed it", checkFormat, members, "",
			func(d *draft) string { return d.strange(d.header.and("kid", quoted(d.stranger.ID))) }},
		{"exp-case", "exp was an hour ago, and EXP is in an hour", checkExpiry, "RFC 7519 4", byIssued, func(d *draft) string {
			return d.sign(d.header.text(), d.claims.with("exp", d.at(-3600e9)).and("EXP", d.at(3600e9)).text())
		}},
		{"iss-case", "iss is an attacker's, and Iss the right one", checkProvider, "RFC 7519 4", byIssued, func(d *draft) string {
			c := d.claims.with("iss", quoted("https://"+d.attackerHost()+"/v2.0"))
			return d.sign(d.header.text(), c.and("Iss", d.claims.value("iss")).text())
		}},
	}
}
