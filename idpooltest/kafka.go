package idpooltest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool/internal/clientsettings"
)

// Kafka is HOST:PORT of the Kafka listener: a client's seed broker.
func (s *Server) Kafka() string { return s.stack.Kafka }

// SASL logs a franz-go client in by SASL/OAUTHBEARER, with a token that
// [Server.Token] would give, fetched anew for each login, at the first cluster.
// Pools are named as in the Config, also in a scope, and one that is not there ends
// the test. Without any it is the Config's first; an empty one leaves the choice to
// auto pool mapping.
func (s *Server) SASL(t testing.TB, pools ...string) sasl.Mechanism {
	t.Helper()
	s.known(t, "SASL", pools...)
	if _, _, err := s.tokenRequest(""); err != nil {
		t.Fatalf("idpooltest: SASL: %v", err)
	}
	extensions := s.extensions(pools)
	return oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token, err := s.fetch(ctx, "")
		return oauth.Auth{Token: token, Extensions: extensions}, err
	})
}

// extensions say where a client wants to log in, and as which pools.
func (s *Server) extensions(pools []string) map[string]string {
	c, all := s.Config(), map[string]string{}
	if len(c.Clusters) > 0 {
		all["logicalCluster"] = c.Clusters[0].ID
	}
	var ids []string
	for _, id := range pools {
		ids = append(ids, s.PoolID(id))
	}
	for _, p := range c.IdentityProviders {
		if len(ids) == 0 && len(p.IdentityPools) > 0 {
			ids = []string{p.IdentityPools[0].ID}
		}
	}
	if list := strings.Join(ids, ","); list != "" {
		all["identityPoolId"] = list
	}
	return all
}

// KafkaOpts are what a franz-go client needs to reach the broker and to log in,
// as [Server.SASL] does: over TLS, unless the Config has SASL_PLAINTEXT only.
func (s *Server) KafkaOpts(t testing.TB, pools ...string) []kgo.Opt {
	t.Helper()
	opts := []kgo.Opt{kgo.SeedBrokers(s.Kafka()), kgo.SASL(s.SASL(t, pools...))}
	if s.Config().Listeners.Kafka.SecurityProtocol != "SASL_PLAINTEXT" && s.tls != nil {
		opts = append(opts, kgo.DialTLSConfig(s.tls.Clone()))
	}
	return opts
}

// ClientSettings are the same for another client: the text that "idpool client
// NAME" prints for java, librdkafka, python and so on, for a program under test.
func (s *Server) ClientSettings(t testing.TB, name string, pools ...string) string {
	t.Helper()
	s.known(t, "client settings", pools...)
	form, at, err := s.tokenRequest("")
	if err != nil {
		t.Fatalf("idpooltest: client settings: %v", err)
	}
	extensions := s.extensions(pools)
	settings := clientsettings.Settings{
		TokenEndpoint: at, ClientID: form.Get("client_id"), Secret: form.Get("client_secret"), Scope: form.Get("scope"),
		Cluster: extensions["logicalCluster"], Bootstrap: s.Kafka(), SecurityProtocol: "SASL_PLAINTEXT", Topic: "orders", Group: "idpool",
		Issuer: s.Issuer(), JWKSURI: s.JWKSURL(), Audience: s.Audience(),
	}
	if ids := extensions["identityPoolId"]; ids != "" {
		settings.Pools = strings.Split(ids, ",")
	}
	if s.Config().Listeners.Kafka.SecurityProtocol == "SASL_SSL" {
		settings.SecurityProtocol = "SASL_SSL"
	}
	if settings.TLS() || settings.SecureEndpoint() {
		settings.CA = filepath.Join(t.TempDir(), "idpool-ca.pem")
		if err := os.WriteFile(settings.CA, s.CA(), 0o600); err != nil {
			t.Fatalf("idpooltest: client settings: %v", err)
		}
	}
	var text strings.Builder
	if err := clientsettings.Render(&text, name, settings); err != nil {
		t.Fatalf("idpooltest: %v", err)
	}
	return text.String()
}
