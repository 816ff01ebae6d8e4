package kafka

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/confluentinc/confluent-kafka-go/v2/kafka"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/clientsettings"
	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/ that tests print")

// shown is what a client makes of a refusal, TEXT being what the other side
// says.
type shown struct {
	login     string // by the broker
	token     string // by the token endpoint
	challenge string // of a token that is not valid (RFC 7628 3.2.2), which not all understand
}

// The families that show the same.
var (
	byLibrdkafka = shown{"SASL authentication error: TEXT", `Failed to acquire SASL OAUTHBEARER token: {"error":"invalid_client","error_description":"TEXT`,
		`SASL authentication error: {"status":"invalid_token"}`}
	byJava = shown{"org.apache.kafka.common.errors.SaslAuthenticationException: TEXT", `{"invalid_client" - "TEXT`,
		`org.apache.kafka.common.errors.SaslAuthenticationException: {"status":"invalid_token"}`}
	byOAuth2 = `oauth2: "invalid_client" "TEXT`
)

// shows is, by client, what is measured.
var shows = map[string]shown{
	"franz-go": {"SASL_AUTHENTICATION_FAILED: SASL Authentication failed.: TEXT", byOAuth2, "unexpected data in oauth response"},
	"sarama": {"kafka: client has run out of available brokers to talk to: kafka server: SASL Authentication failed: TEXT", byOAuth2,
		"SASL Authentication failed: Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"},
	"kafka-go":      {"[58] SASL Authentication Failed: SASL Authentication failed: TEXT", byOAuth2, `SASL Authentication failed: {"status":"invalid_token"}`},
	"go-librdkafka": byLibrdkafka,
	"librdkafka":    byLibrdkafka,
	"dotnet":        byLibrdkafka,
	"kcat":          byLibrdkafka,
	"python":        byLibrdkafka,
	"kafkajs":       {"SASL OAUTHBEARER authentication failed: TEXT", "TEXT", "Closed connection"},
	"java-3.9":      byJava,
	"java":          byJava,
	"spring-boot":   byJava,
}

// refusals are ways not to get in, with the beginning of what the other side
// says.
var refusals = []struct {
	name, errors string
	change       func(*clientsettings.Settings)
	text         string
	byEndpoint   bool
	config       func(*idpool.Config) // nil for none
}{
	{name: "filter", errors: "confluent", change: func(s *clientsettings.Settings) { s.Pools = []string{"pool-prod"} },
		text: "Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"},
	{name: "filter verbose", errors: "verbose", change: func(s *clientsettings.Settings) { s.Pools = []string{"pool-prod"} },
		text: "idpool refused the login at the check filter: the filter of pool-prod does not match"},
	{name: "no cluster", errors: "confluent", change: func(s *clientsettings.Settings) { s.Cluster = "" },
		text: "Authentication failed: 1 extensions are invalid! They are: logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY"},
	{name: "wrong secret", errors: "confluent", change: func(s *clientsettings.Settings) { s.Secret = "wrong" },
		text: "AADSTS7000215: Invalid client secret provided.", byEndpoint: true},
	{name: "token not valid", errors: "confluent", change: func(*clientsettings.Settings) {}, config: func(c *idpool.Config) {
		c.IdentityProviders[0].Algorithms = []string{"PS256"} // tokens have RS256
	}},
}

// reset is what kafkajs says in place of "Closed connection" where the broker had
// not read all that it sent, which the speed of the machine decides.
var reset = regexp.MustCompile(`Connection error: (read|write) (ECONNRESET|EPIPE)`)

// refused has every client say what the other side says.
func refused(t *testing.T, open opener) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range refusals {
				t.Run(r.name, func(t *testing.T) {
					x := config()
					x.Kafka.Errors = r.errors
					if r.config != nil {
						r.config(&x)
					}
					f := open(t, x)
					s := f.plain()
					r.change(&s)
					want := shows[c.name].login
					switch {
					case r.byEndpoint:
						want = shows[c.name].token
					case r.config != nil:
						want = shows[c.name].challenge
					}
					want = strings.Replace(want, "TEXT", r.text, 1)
					out, err := c.run(t, rendered(t, c.name, s), s)
					if c.name == "kafkajs" && err != nil {
						err = errors.New(reset.ReplaceAllString(err.Error(), "Closed connection"))
					}
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("it says %v, want %q in it\n%s", err, want, out)
					}
					if r.errors == "verbose" && err != nil && !strings.Contains(err.Error(), "ause role-not-assigned") {
						t.Errorf("it does not say the cause: %v", err)
					}
				})
			}
		})
	}
}

// TestTwoAuthorities: librdkafka verifies the broker with one setting and the
// token endpoint with another, and complains differently where one is missing.
// Of a broker it says "SSL handshake failed: " only where the handshake takes
// more than one round of its loop, which the speed of the machine decides.
func TestTwoAuthorities(t *testing.T) {
	t.Parallel()
	f := embedded(t, config())
	for key, want := range map[string]string{
		"ssl.ca.location":   "certificate verify failed",
		"https.ca.location": "Failed to acquire SASL OAUTHBEARER token: ",
	} {
		t.Run(key, func(t *testing.T) {
			settings := kafka.ConfigMap{}
			for _, p := range f.secure(t).Librdkafka() {
				settings[p.Key] = p.Value
			}
			delete(settings, key)
			err := send(settings, f.topic, 1)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("without it, it says %v, want %q in it", err, want)
			}
		})
	}
}

// TestDocumentation prints what is measured into the page about clients.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| client | a refused login | a token that is not valid | no token |\n| --- | --- | --- | --- |\n")
	for _, c := range clientsettings.Clients() {
		if s, ok := shows[c.Name]; ok {
			fmt.Fprintf(&b, "| %s | `%s` | `%s` | `%s` |\n", c.Name, s.login, s.challenge, s.token)
		}
	}
	printed.Section{File: "../../../docs/clients.md", Name: "refusals", Update: *update}.Is(t, b.String())
	for _, c := range clients {
		if _, ok := shows[c.name]; !ok {
			t.Errorf("nothing is measured of %s", c.name)
		}
	}
}
