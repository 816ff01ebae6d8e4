package kafka

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	// Programs that the tests build need these.
	_ "github.com/IBM/sarama"
	_ "github.com/segmentio/kafka-go"
	_ "golang.org/x/oauth2/clientcredentials"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/clientsettings"
)

// orders runs every client with the settings that are printed for it, without
// and with TLS.
func orders(t *testing.T, open opener) {
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			t.Run("plain", func(t *testing.T) {
				f := open(t, config())
				c.orders(t, f, f.plain())
			})
			t.Run("TLS", func(t *testing.T) {
				f := open(t, config())
				c.orders(t, f, f.secure(t))
			})
		})
	}
}

// orders runs the client, and asks the broker what it committed.
func (c client) orders(t *testing.T, f face, s clientsettings.Settings) {
	t.Helper()
	out, err := c.run(t, rendered(t, c.name, s), s)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "sent 100\nread 100\ncommitted 100\n"; out != want {
		t.Errorf("it printed %q, want %q", out, want)
	}
	if n := f.committed(t, s.Group); n != 100 {
		t.Errorf("the group has committed %d records, want 100", n)
	}
}

// committed is the sum of a group's offsets.
func (f face) committed(t *testing.T, group string) int64 {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(f.bootstrap), kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := f.stack.Token(ctx, idp.TokenRequest{Tenant: tenantID, ClientID: clientID, Scope: scope, InsecureSkipCredential: true})
		return oauth.Auth{Token: token.AccessToken, Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": "pool-dev"}}, err
	})))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	offsets.Each(func(o kadm.OffsetResponse) { sum += max(o.At, 0) })
	return sum
}

// article is Java with the JAAS settings of the article, word for word.
func article(t *testing.T, open opener) {
	for _, version := range []string{"3.9", "4"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := config()
			const plainSecret = "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"
			c.Tenants[0].Applications[1].PasswordCredentials[0].SecretText = plainSecret
			f := open(t, c)
			s := f.plain()
			text := strings.NewReplacer("BOOTSTRAP", s.Bootstrap, "ENDPOINT", s.TokenEndpoint, "CLIENT", clientID, "SECRET", plainSecret, "SCOPE", scope).Replace(articleProperties)
			var options []string
			if version == "4" {
				options = []string{"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + s.TokenEndpoint}
			}
			out, err := java(t, version, write(t, "client.properties", text), s, options...)
			if err != nil || f.committed(t, s.Group) != 100 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

const articleProperties = `bootstrap.servers=BOOTSTRAP
security.protocol=SASL_PLAINTEXT
sasl.mechanism=OAUTHBEARER
sasl.oauthbearer.token.endpoint.url=ENDPOINT
sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler
sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId='CLIENT' clientSecret='SECRET' scope='SCOPE' extension_logicalCluster='lkc-acme' extension_identityPoolId='pool-dev';
`
