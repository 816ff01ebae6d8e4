package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/idpool/idpool/validator"
)

// The rules of this file read what a Kafka client printed. The texts are those
// of confluent-cloud.md 5.3 and 8.4; a client of another version may print
// others, and then nothing is found and nothing said.

// checkClient is the check that stands for what a client printed.
const checkClient = "client"

// maxClientText is how much of a client's text is read, in bytes.
const maxClientText = 64 << 10

// printed says whether the client's text has one of the phrases, in any case.
func (s *situation) printed(phrases ...string) bool {
	text := strings.ToLower(s.in.ClientError)
	return slices.ContainsFunc(phrases, func(p string) bool { return strings.Contains(text, strings.ToLower(p)) })
}

// line is the line of the client's text that has a phrase, cut for a sentence.
func (s *situation) line(phrase string) string {
	for line := range strings.Lines(s.in.ClientError) {
		if strings.Contains(strings.ToLower(line), strings.ToLower(phrase)) {
			return cut(strings.TrimSpace(line))
		}
	}
	return cut(s.in.ClientError)
}

// urlIn matches the first URL of a text.
var urlIn = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`https?://[^\s"',)]+`) })

// tokenURL is the URL that the client's text names, or a stand-in.
func (s *situation) tokenURL() string {
	if found := urlIn().FindString(s.in.ClientError); found != "" {
		return cut(strings.TrimRight(found, ".:;"))
	}
	return "<the token endpoint's URL>"
}

// allowedURLs is for Java clients from 4.0 on, which ask no URL that a system
// property does not list.
func allowedURLs(s *situation) finding {
	const property = "org.apache.kafka.sasl.oauthbearer.allowed.urls"
	if !s.printed(property) {
		return finding{}
	}
	return found([]string{
		"Start the JVM with -D" + property + "=" + s.tokenURL() + " (a comma list, compared exactly; a broker needs its JWKS URL in it too).",
		"Where the command line is not yours, set it through KAFKA_OPTS or JAVA_TOOL_OPTIONS, or call System.setProperty before the first client is made.",
		"Start the client anew.",
	}, "the Java client (4.0 or newer) did not ask %s for a token: the system property %s does not list it", s.tokenURL(), property)
}

// tlsCA is for clients that do not trust the certificate of the token endpoint.
// The CA of the brokers is another setting.
func tlsCA(s *situation) finding {
	signs := []string{"certificate verify failed", "unable to get local issuer certificate", "ssl certificate problem",
		"peer certificate", "pkix path building failed", "self-signed certificate", "self signed certificate", "unknown authority"}
	if !s.printed(signs...) {
		return finding{}
	}
	return found([]string{
		"librdkafka: set https.ca.location (a file) or https.ca.pem (the text) to the CA of the token endpoint. ssl.ca.location is for the brokers only.",
		"Java: add the CA to the JVM's trust store (keytool -importcert -cacerts), or name a store in ssl.truststore.location with the prefix of the login, as your version documents.",
		"In a container without any, install the package ca-certificates. With idpool: idpool ca > idpool-ca.pem is the CA, and idpool ca trust-help has a line for each language.",
	}, "the client does not trust the certificate of the token endpoint %s", s.tokenURL())
}

// callbackHandlerClass is for the class that moved with Apache Kafka 4.0.
func callbackHandlerClass(s *situation) finding {
	if !s.printed("OAuthBearerLoginCallbackHandler") || !s.printed("could not be found", "ClassNotFound", "NoClassDefFound", "not found") {
		return finding{}
	}
	const home = "org.apache.kafka.common.security.oauthbearer."
	right, since := home+"OAuthBearerLoginCallbackHandler", "4.0 and newer"
	if !s.printed("oauthbearer.secured.") {
		right, since = home+"secured.OAuthBearerLoginCallbackHandler", "older than 4.0 (3.1 to 3.9)"
	}
	return found([]string{
		"Look which kafka-clients the application really has (mvn dependency:tree, or the name of the jar).",
		"For clients " + since + " set sasl.login.callback.handler.class=" + right + ".",
		"Start the client anew.",
	}, "the login callback handler's class is not where the configuration says: it moved out of the package secured with Apache Kafka 4.0")
}

// librdkafkaWithoutOIDC is for builds without libcurl, or before 1.9.
func librdkafkaWithoutOIDC(s *situation) finding {
	if !s.printed(`No such configuration property: "sasl.oauthbearer`) {
		return finding{}
	}
	return found([]string{
		"Look at the version and the features: rd_kafka_version_str(), and builtin.features, which must have sasl_oauthbearer and oidc.",
		"Use librdkafka 1.9.2 or newer, built with libcurl and OpenSSL. confluent-kafka for Python, .NET and Go has both from 2.0.0 on.",
		"In a distribution's package that lacks it, take Confluent's package or build it yourself.",
	}, "this librdkafka has no OIDC: %s", s.line("No such configuration property"))
}

// clientClaimMissing is librdkafka's own look at the token.
func clientClaimMissing(s *situation) finding {
	if !s.printed("Expected JSON JWT response with") {
		return finding{}
	}
	claim := "sub"
	if s.printed(`"exp" field`) {
		claim = "exp"
	}
	return found([]string{
		"Look at the token: idpool explain shows which of its claims a broker would miss as well.",
		"Have the identity provider write " + claim + "; Entra always does, so the token may be an answer of another server.",
		"If the name of the client is in another claim: sasl.oauthbearer.sub.claim.name (librdkafka). There is no such setting for exp.",
	}, "the client refused the token before it sent it to a broker: it has no %s", claim)
}

// schemaRegistryCluster is for the clients of Schema Registry, which have their
// own settings.
func schemaRegistryCluster(s *situation) finding {
	if !s.printed("bearer.auth.logical.cluster must be specified") {
		return finding{}
	}
	return found([]string{
		"Set bearer.auth.logical.cluster to the id of the Schema Registry cluster (lsrc-…): Confluent Cloud console → the environment → Stream Governance API.",
		"Set bearer.auth.identity.pool.id too, or leave it out for auto pool mapping.",
		"The extension logicalCluster of the Kafka client (lkc-…) is another one; both are needed.",
	}, "the Schema Registry client has no bearer.auth.logical.cluster")
}

// staticTokenExpired is for Terraform with a token that somebody fetched
// beforehand.
func staticTokenExpired(s *situation) finding {
	if !s.printed("STS token exchange request failed") {
		return finding{}
	}
	return found([]string{
		"In the provider's oauth block, let Terraform fetch tokens itself: oauth_external_token_url, oauth_external_client_id, oauth_external_client_secret, oauth_external_token_scope.",
		"If a token must be given (oauth_external_access_token), fetch it right before terraform apply, with a longer life than the apply takes; Entra's live for about an hour.",
		"If a fresh token fails too, explain that token: idpool explain.",
	}, "Terraform could not exchange its token for one of Confluent Cloud, most often because the token expired: %s", s.line("STS token exchange"))
}

// clusterRefused is for Confluent's text about a cluster that it does not know.
func clusterRefused(s *situation) finding {
	if !s.printed("logicalCluster: Authentication failed") {
		return finding{}
	}
	return found([]string{
		"Look up the id of the cluster that the bootstrap server belongs to: Confluent Cloud console → the cluster → Cluster settings → Cluster ID.",
		"Set it in the client. " + clientSettings("logicalCluster", s.cluster()),
		"If the id is right, the cluster may not be ready yet: wait until the console says that it runs.",
	}, "Confluent Cloud refused the cluster that the client names%s", cmp.Or(strings.TrimSuffix(" "+quote(s.in.Request.Cluster), " ''"), ""))
}

// poolRefused is for the text about a pool that the broker does not know, of a
// client whose pool nobody has told us.
func poolRefused() finding {
	return found([]string{
		"Look up the id of the pool, which begins with pool- and is not its name: Confluent Cloud console → Accounts & access → Workload identities → the provider → Identity pools.",
		"Set it in the client. " + clientSettings("identityPoolId", "pool-…"),
		"Or leave identityPoolId out: all pools whose filters match are then used.",
	}, "the broker does not know the identity pool that the client names")
}

// bareText is a client's text that no rule knows. The masked one is the most
// common, and says nothing by design.
func bareText(text string) validator.Cause {
	summary := "the client printed a text that no rule knows: " + cut(strings.TrimSpace(text))
	switch {
	case IsChallenge(text):
		summary = "the broker found the token itself not valid: its form, algorithm, issuer, key, signature or time, which it keeps to itself. It had not yet looked at the cluster, the pool or its filter"
	case strings.Contains(text, "invalid credentials with SASL mechanism OAUTHBEARER"):
		summary = "the client printed the text that a broker gives for nearly every refusal; it hides the reason on purpose"
	}
	return validator.Cause{
		ID:      "check-" + checkClient,
		Summary: summary,
		Fix: steps("Get the token that the client sends: ask the token endpoint with curl, with the client's own id, secret and scope.",
			"Explain that token: idpool explain --cluster lkc-… --pool pool-… TOKEN, with the extensions that the client is configured with.",
			"If the token endpoint gives none, explain its answer: idpool explain takes that too."),
		Docs: docsTroubleshooting,
	}
}

// IsChallenge says whether a text has in it what a broker sends for a token that
// is not valid (RFC 7628 3.2.2), or what franz-go prints of that.
func IsChallenge(text string) bool {
	text = strings.NewReplacer(" ", "", "\\", "").Replace(text)
	return strings.Contains(text, `"status":"invalid_token"`) || strings.Contains(text, "unexpecteddatainoauthresponse")
}

// withoutEmptyText leaves out the text that no rule knows when something else
// is known.
func withoutEmptyText(causes []validator.Cause) []validator.Cause {
	if len(causes) < 2 {
		return causes
	}
	return slices.DeleteFunc(causes, func(c validator.Cause) bool { return c.ID == "check-"+checkClient })
}

// errorParts match what an error of Azure's token endpoint has in any wrapping.
var errorParts = sync.OnceValue(func() (p struct{ number, code, client, scope *regexp.Regexp }) {
	p.number = regexp.MustCompile(`AADSTS(\d{4,9})(?::\s*([^\r\n"]*))?`)
	p.code = regexp.MustCompile(`\\?"error\\?"\s*:\s*\\?"([a-z_]{3,40})`)
	p.client = regexp.MustCompile(`(?i)\b(?:app|identifier|application|client)\s+(?:id\s+)?'([0-9a-f]{8}-[0-9a-f-]{27})'`)
	p.scope = regexp.MustCompile(`(?i)\bscope '?([^\s']+)'? is not valid`)
	return p
})

// ReadTokenError reads an error of the token endpoint from whatever people have
// of it: the answer's JSON, its error_description, or a line of a log that has
// either in it. false says that there is none.
func ReadTokenError(text string) (TokenError, bool) {
	var answer struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal([]byte(text), &answer) == nil && answer.Error != "" {
		e, _ := ReadTokenError(answer.Description)
		e.Code, e.Description = answer.Error, cmp.Or(e.Description, answer.Description)
		return e, true
	}
	p := errorParts()
	number := p.number.FindStringSubmatch(text)
	if number == nil {
		return TokenError{}, false
	}
	e := TokenError{Description: fmt.Sprintf("AADSTS%s: %s", number[1], strings.TrimSpace(number[2]))}
	e.Number, _ = strconv.Atoi(number[1]) // nine digits at most
	first := func(r *regexp.Regexp) string {
		if m := r.FindStringSubmatch(text); m != nil {
			return m[1]
		}
		return ""
	}
	e.Code, e.ClientID, e.Scope = first(p.code), first(p.client), first(p.scope)
	return e, true
}
