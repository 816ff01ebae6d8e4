package kafkabroker

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/clientsettings"
)

// The names of idpool.Acme.
const (
	tenant          = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	api             = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	client          = "75f2f796-363d-4de2-b299-713920db01a7"
	clientPrincipal = "b1841e28-d943-4d11-822a-253ef2835b4c"
)

// startStack runs a stack that stops with the test.
func startStack(t *testing.T, c idpool.Config) *idpool.Stack {
	t.Helper()
	s, err := idpool.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// acquire gives a token of the client for the API.
func acquire(t *testing.T, s *idpool.Stack) string {
	t.Helper()
	response, err := s.Token(t.Context(), idp.TokenRequest{
		Tenant: tenant, ClientID: client, Scope: "api://" + api + "/.default", InsecureSkipCredential: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return response.AccessToken
}

// printed is what `idpool client kafka-broker` prints for a stack.
func printed(t *testing.T, s *idpool.Stack, c clientsettings.Settings) string {
	t.Helper()
	base := s.HTTP
	if c.TLS() {
		base = s.HTTPS
	}
	c.JWKSURI = base + "/" + tenant + "/discovery/v2.0/keys"
	c.Issuer = s.HTTP + "/" + tenant + "/v2.0"
	c.Audience = api
	var text strings.Builder
	if err := clientsettings.Render(&text, "kafka-broker", c); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// follow does what the settings say: their lines are properties, and the option
// in their comment is the JVM's.
func follow(t *testing.T, text string) Config {
	t.Helper()
	option := regexp.MustCompile(`(?m)^# .*KAFKA_OPTS=(-D\S+)$`).FindStringSubmatch(text)
	if option == nil {
		t.Fatalf("no option for the JVM in:\n%s", text)
	}
	properties := map[string]string{"authorizer.class.name": authorizer}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found {
			t.Fatalf("%q is no property", line)
		}
		properties[name] = strings.ReplaceAll(value, `\\`, `\`)
	}
	return Config{Properties: properties, JVM: option[1:]}
}

// bearer logs in with a token.
func bearer(token string) kgo.Opt {
	return kgo.SASL(oauth.Auth{Token: token}.AsMechanism())
}

// login is what the broker says to a token: what franz-go, which does not read
// the reason, makes of {"status":"invalid_token"} is err.
func login(t *testing.T, c *Cluster, token string) error {
	t.Helper()
	return refusal(t, c.Bootstrap("SASL_PLAINTEXT"), bearer(token))
}

// TestKafkasOwnValidator: a real broker fetches the keys of idpool and lets in
// whom idpool gave a token, and nobody else, by the settings that are printed.
func TestKafkasOwnValidator(t *testing.T) {
	s := startStack(t, idpool.Acme())
	c := Start(t, follow(t, printed(t, s, clientsettings.Settings{SecurityProtocol: "SASL_PLAINTEXT"})))
	create(t, c)
	allow(t, c, clientPrincipal)
	token := acquire(t, s)

	exchange(t, connect(t, c.Bootstrap("SASL_PLAINTEXT"), bearer(token)), "by a token")

	foreign := idpool.Acme()
	var err error
	if foreign.Keyring, err = idp.GenerateKeys(time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ reason, token, log string }{
		{"another audience", signed(t, token, map[string]any{"aud": "00000003-0000-0000-c000-000000000000"}), "Audience (aud) claim"},
		{"another issuer", signed(t, token, map[string]any{"iss": "https://login.microsoftonline.com/" + tenant + "/v2.0"}), "Issuer (iss) claim value"},
		{"the issuer of another stack", acquire(t, startStack(t, idpool.Acme())), "Issuer (iss) claim value"},
		{"keys that are not the stack's", acquire(t, startStack(t, foreign)), "Unable to find a suitable verification key"},
		{"an expired one", signed(t, token, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), "Expiration Time (exp="},
		{"a changed claim", changed(t, token, map[string]any{"sub": "root"}), "Invalid JWS Signature"},
		{"no signature", unsigned(t, token, ""), "Malformed JWT provided"},
		{"an unsigned one with a signature", unsigned(t, token, "c2ln"), "none"},
		{"no subject", signed(t, token, map[string]any{"sub": ""}), "sub value must be non-empty"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			before := len(c.Logs(1))
			err := login(t, c, tc.token)
			if err == nil || !strings.Contains(err.Error(), "unexpected data in oauth response") {
				t.Errorf("the client says %v, want what it makes of invalid_token", err)
			}
			if log := c.Logs(1)[before:]; !strings.Contains(log, tc.log) {
				t.Errorf("the broker says\n%s\nwant %q in it", log, tc.log)
			}
		})
	}
	if err := login(t, c, acquire(t, s)); err != nil {
		t.Errorf("a good token after the bad ones: %v", err)
	}
}

// TestWithoutTheOptionOfTheJVM: what the settings say in a comment is needed.
func TestWithoutTheOptionOfTheJVM(t *testing.T) {
	config := follow(t, printed(t, startStack(t, idpool.Acme()), clientsettings.Settings{SecurityProtocol: "SASL_PLAINTEXT"}))
	config.JVM, config.Lib = nil, Lib(t)
	r := &recorder{T: t}
	const want = "Update the system property 'org.apache.kafka.sasl.oauthbearer.allowed.urls'"
	if got := r.ended(func() { Start(r, config) }); !strings.Contains(got, want) {
		t.Errorf("%q, want %q in it", got, want)
	}
}

// TestKafkasOwnValidatorOverTLS: the broker fetches the keys from the https
// listener, whose authority it is told of, and has the client's appId for a
// principal by the line that is printed as a comment.
func TestKafkasOwnValidatorOverTLS(t *testing.T) {
	s := startStack(t, idpool.Acme())
	authority := filepath.Join(t.TempDir(), "an authority's.pem")
	write(t, authority, string(s.CA()))
	text := printed(t, s, clientsettings.Settings{SecurityProtocol: "SASL_SSL", CA: authority})
	const principal = "sasl.oauthbearer.sub.claim.name=azp"
	if !strings.Contains(text, "\n#"+principal+"\n") {
		t.Fatalf("no comment says %s:\n%s", principal, text)
	}
	config := follow(t, strings.Replace(text, "#"+principal, principal, 1))
	config.TLS = true
	c := Start(t, config)
	create(t, c)
	allow(t, c, client)
	secure := kgo.DialTLSConfig(&tls.Config{RootCAs: trust(t, c)})
	exchange(t, connect(t, c.Bootstrap("SASL_SSL"), secure, bearer(acquire(t, s))), "by a token")
	for name, value := range map[string]string{"aud": "api://other", "iss": "https://sts.windows.net/" + tenant + "/"} {
		token := signed(t, acquire(t, s), map[string]any{name: value})
		if err := refusal(t, c.Bootstrap("SASL_SSL"), secure, bearer(token)); err == nil {
			t.Errorf("%s %s: let in", name, value)
		}
	}
}

// claimsOf are the claims of a token, with some of them changed.
func claimsOf(t *testing.T, token string, changed map[string]any) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	maps.Copy(claims, changed)
	return claims
}

// signed is a token of other claims that the stack's own key has signed.
func signed(t *testing.T, token string, claims map[string]any) string {
	t.Helper()
	key := idp.TestKeys().Signer()
	text, err := key.SignJWT(map[string]any{"alg": "RS256", "typ": "JWT", "kid": key.ID}, claimsOf(t, token, claims))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// changed is a token of other claims with the signature of the token before.
func changed(t *testing.T, token string, claims map[string]any) string {
	t.Helper()
	parts := strings.Split(token, ".")
	return parts[0] + "." + encoded(t, claimsOf(t, token, claims)) + "." + parts[2]
}

// unsigned is the token as RFC 7519 section 6 lets anybody write it, with no
// signature or with one that nobody checks.
func unsigned(t *testing.T, token, signature string) string {
	t.Helper()
	header := map[string]any{"alg": "none", "kid": idp.TestKeys().Signer().ID}
	return encoded(t, header) + "." + strings.Split(token, ".")[1] + "." + signature
}

func encoded(t *testing.T, members map[string]any) string {
	t.Helper()
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
