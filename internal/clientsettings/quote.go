package clientsettings

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// quote writes a string literal that Go, Python, JavaScript, C# and YAML read
// alike, which JSON's is.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// property writes a value of a Java properties file: Properties.load takes
// ISO 8859-1, so that everything above ASCII is escaped.
func property(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\' || r == ' ' && i == 0: // the space would be skipped
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x7f:
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
	}
	return b.String()
}

// jaas writes a value of a JAAS option, as java.io.StreamTokenizer reads it.
func jaas(s string) string {
	return `'` + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + `'`
}

// spring keeps Spring from taking a value for a placeholder.
func spring(s string) string { return strings.ReplaceAll(s, "${", `\${`) }

// list writes the SASL extensions as librdkafka takes them: a comma within a
// value, as in a list of pools, is escaped.
func list(all []Extension) string {
	var pairs []string
	for _, e := range all {
		pairs = append(pairs, e.Key+"="+strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(e.Value))
	}
	return strings.Join(pairs, ",")
}

// shell writes a word for a POSIX shell. A variable that stands for the secret
// is one there too.
func shell(s string) string {
	if strings.HasSuffix(s, "=$CLIENT_SECRET") {
		return `"` + s + `"`
	}
	return `'` + strings.ReplaceAll(s, `'`, `'\''`) + `'`
}

// jaasLine is the value of Java's sasl.jaas.config. The token endpoint's
// authority is among its options, since the client's own ssl settings are for
// the brokers.
func jaasLine(s Settings) string {
	var b strings.Builder
	b.WriteString("org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required")
	options := []Property{{"clientId", s.ClientID}, {"clientSecret", s.Secret}, {"scope", s.Scope}}
	for _, e := range s.Extensions() {
		options = append(options, Property{"extension_" + e.Key, e.Value})
	}
	if s.CA != "" && s.SecureEndpoint() {
		options = append(options, Property{"ssl.truststore.type", "PEM"}, Property{"ssl.truststore.location", s.CA})
	}
	for _, o := range options {
		b.WriteString(" " + o.Key + "=" + jaas(o.Value))
	}
	b.WriteByte(';')
	return b.String()
}
