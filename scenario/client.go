package scenario

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idpool/idpool/validator"
)

// Client is a model of what a client checks by itself, in the words of that
// client. Only the TLS handshake of it is real: texts of librdkafka and Java are
// quoted from their sources (docs/scenarios.md has the list), where a real
// client of another version may print others. The zero Client checks nothing.
type Client struct {
	// Kind is java, librdkafka, schema-registry (Confluent's client for Go) or
	// terraform (Confluent's provider). Empty means a client that checks
	// nothing.
	Kind string `json:"kind"`
	// Version of Apache Kafka's Java client, such as 4.0. Empty means 3.9.
	Version string `json:"version"`
	// AllowedURLs are those of Java's system property
	// org.apache.kafka.sasl.oauthbearer.allowed.urls, which counts from 4.0 on.
	AllowedURLs []string `json:"allowedUrls"`
	// Handler is Java's sasl.login.callback.handler.class. Empty means the one
	// of its version.
	Handler string `json:"handler"`
	// HTTPS asks for the token over https, and TrustsCA says whether the client
	// has the certificate authority of that server: https.ca.location of
	// librdkafka, the trust store of Java.
	HTTPS    bool `json:"https"`
	TrustsCA bool `json:"trustsCA"`
	// WithOIDC is false for a librdkafka that was built without libcurl. Nil
	// means true.
	WithOIDC *bool `json:"withOIDC"`
	// SubClaimName is sasl.oauthbearer.sub.claim.name. Empty means sub.
	SubClaimName string `json:"subClaimName"`
	// LogicalCluster is bearer.auth.logical.cluster of a schema-registry client.
	LogicalCluster string `json:"logicalCluster"`
}

// The kinds of clients.
const (
	kindJava           = "java"
	kindLibrdkafka     = "librdkafka"
	kindSchemaRegistry = "schema-registry"
	kindTerraform      = "terraform"
)

// subClaim is the claim that must name somebody.
func (c Client) subClaim() string {
	if c.SubClaimName != "" {
		return c.SubClaimName
	}
	return "sub"
}

// version is the client's major and minor version.
func (c Client) version() (major, minor int) {
	if c.Version == "" {
		return 3, 9
	}
	first, rest, _ := strings.Cut(c.Version, ".")
	second, _, _ := strings.Cut(rest, ".")
	major, _ = strconv.Atoi(first) // Request.check has seen that it is one
	minor, _ = strconv.Atoi(second)
	return major, minor
}

// begin is what the client prints before it asks anybody; empty when it asks.
func (c Client) begin(tokenURL string, extensions map[string]string) string {
	switch {
	case c.Kind == kindJava:
		return c.beginJava(tokenURL, extensions)
	case c.Kind == kindLibrdkafka && c.WithOIDC != nil && !*c.WithOIDC:
		return `No such configuration property: "sasl.oauthbearer.method"`
	case c.Kind == kindSchemaRegistry && c.LogicalCluster == "":
		return "bearer.auth.logical.cluster must be specified when bearer.auth.credentials.source is specified with OAUTHBEARER or UAMI"
	}
	return ""
}

const (
	movedHandler = "org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler"
	allowedURLs  = "org.apache.kafka.sasl.oauthbearer.allowed.urls"
)

// beginJava is what Apache Kafka's client checks in the constructor of a
// producer or consumer.
func (c Client) beginJava(tokenURL string, extensions map[string]string) string {
	major, minor := c.version()
	switch {
	case major >= 4 && c.Handler == movedHandler: // the package went with 4.0
		return "org.apache.kafka.common.config.ConfigException: Invalid value " + movedHandler +
			" for configuration sasl.login.callback.handler.class: Class " + movedHandler + " could not be found."
	case major < 4 || slices.Contains(c.AllowedURLs, tokenURL):
	case major > 4 || minor >= 1:
		return "org.apache.kafka.common.config.ConfigException: The URL cannot be accessed due to restrictions. Update the system property '" +
			allowedURLs + "' to allow the URL to be accessed."
	default:
		return "org.apache.kafka.common.config.ConfigException: " + tokenURL + " is not allowed. Update system property '" +
			allowedURLs + "' to allow " + tokenURL
	}
	for _, key := range slices.Sorted(maps.Keys(extensions)) {
		if !validator.ValidExtensionKey(key) {
			return "Extension name " + key + " is invalid"
		}
	}
	return ""
}

// web is the client's way to the token endpoint, given one that trusts it.
func (c Client) web(trusting *http.Client) *http.Client {
	transport, ok := trusting.Transport.(*http.Transport)
	if !c.HTTPS || c.TrustsCA || !ok {
		return trusting
	}
	transport = transport.Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport, Timeout: trusting.Timeout}
}

// unreached is what the client prints when a request failed on its way. ok is
// false when that says nothing about certificates.
func (c Client) unreached(tokenURL string, err error) (text string, ok bool) {
	var failed *tls.CertificateVerificationError
	if !errors.As(err, &failed) {
		return "", false
	}
	if c.Kind == kindJava {
		return "javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target", true
	}
	reason := "unable to get local issuer certificate"
	for _, one := range failed.UnverifiedCertificates {
		if one.CheckSignatureFrom(one) == nil { // the root is in the chain: OpenSSL's error 19, and else 20
			reason = "self-signed certificate in certificate chain"
		}
	}
	return fmt.Sprintf("Failed to retrieve OIDC token from %q: SSL certificate problem: %s (-1)", tokenURL, reason), true
}

// refused is what the client prints of an error of the token endpoint.
func (c Client) refused(tokenURL string, r *refusal) string {
	switch c.Kind {
	case kindJava:
		return fmt.Sprintf(`The response code %d and error response {%q - %q} was encountered reading the token endpoint response; will not attempt further retries`,
			r.status, r.body.Error, r.body.ErrorDescription)
	case kindLibrdkafka:
		return fmt.Sprintf("Failed to retrieve OIDC token from %q: %s (%d)", tokenURL, r.text, r.status)
	}
	return r.body.ErrorDescription
}

// received is what the client prints of a token that it does not like; empty
// for one that it sends.
func (c Client) received(token string, now time.Time) string {
	switch c.Kind {
	case kindLibrdkafka:
		if text := c.receivedLibrdkafka(token, now); text != "" {
			return "Failed to acquire SASL OAUTHBEARER token: " + text
		}
	case kindJava:
		return c.receivedJava(token)
	}
	return ""
}

func (c Client) receivedLibrdkafka(token string, now time.Time) string {
	parts := strings.Split(token, ".")
	if len(parts) < 3 {
		return "Failed to decode JWT payload: The token is invalid with less than 2 delimiters"
	}
	claims := payload(parts[1])
	exp, isNumber := claims["exp"].(float64)
	if !isNumber || exp <= 0 {
		return `Expected JSON JWT response with "exp" field`
	}
	if sub, _ := claims[c.subClaim()].(string); sub == "" {
		return `Expected JSON JWT response with "` + c.subClaim() + `" field`
	}
	if int64(exp)*1000 <= now.UnixMilli() {
		return fmt.Sprintf("Must supply an unexpired token: now=%dms, exp=%dms", now.UnixMilli(), int64(exp)*1000)
	}
	return ""
}

func (c Client) receivedJava(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fmt.Sprintf("Malformed JWT provided (<token>); expected three sections (header, payload, and signature), but %d sections provided", len(parts))
	}
	claims := payload(parts[1])
	if _, there := claims["exp"]; !there {
		return "exp value must be non-null"
	}
	sub, isText := claims[c.subClaim()].(string)
	switch {
	case !isText:
		return c.subClaim() + " value must be non-null"
	case strings.TrimSpace(sub) == "":
		return c.subClaim() + " value must not contain only whitespace"
	}
	return ""
}

// payload are the claims of a token; none when they cannot be read.
func payload(part string) map[string]any {
	var claims map[string]any
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return nil
	}
	return claims
}

// loggedIn is what the client prints when the cluster refused it with a text.
func (c Client) loggedIn(text string) string {
	if c.Kind == kindTerraform { // which exchanges the token at Confluent's STS
		return "STS token exchange request failed: status=400"
	}
	return text
}
