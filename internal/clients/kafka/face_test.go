package kafka

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/clientsettings"
)

// face is what clients connect to: a stack, and the address of its brokers. All
// tests of this package are for any face.
type face struct {
	name      string
	bootstrap string
	stack     *idpool.Stack
}

// opener starts a face of a config.
type opener struct {
	name string
	open func(t *testing.T, c idpool.Config) face
}

// faces are the kinds there are.
var faces = []opener{{"embedded", embedded}}

// embedded is the face with a cluster of idpool's own behind it.
func embedded(t *testing.T, c idpool.Config) face {
	s, err := idpool.Start(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return face{"embedded", s.Kafka, s}
}

// The Acme tenant's client, with a secret that is awkward in every format.
const (
	clientID = "75f2f796-363d-4de2-b299-713920db01a7"
	tenantID = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	scope    = "api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default"
	secret   = `it's~a"te\st$HOME${x},#!=:;{y}`
	topic    = "orders"
)

// config is the Acme tenant with a topic.
func config() idpool.Config {
	c := idpool.Acme()
	c.Clusters[0].Topics = []idpool.Topic{{Name: topic, Partitions: 3}}
	applications := c.Tenants[0].Applications
	for i := range applications {
		if applications[i].AppID == clientID {
			applications[i].PasswordCredentials[0].SecretText = secret
		}
	}
	return c
}

// plain are settings without TLS.
func (f face) plain() clientsettings.Settings {
	return clientsettings.Settings{
		TokenEndpoint: f.stack.HTTP + "/" + tenantID + "/oauth2/v2.0/token",
		ClientID:      clientID, Secret: secret, Scope: scope,
		Cluster: "lkc-acme", Pools: []string{"pool-dev"},
		Bootstrap: f.bootstrap, SecurityProtocol: "SASL_PLAINTEXT",
		Topic: topic, Group: "readers",
	}
}

// secure are settings with TLS to brokers and token endpoint, and a list of
// pools, whose comma some formats escape.
func (f face) secure(t *testing.T) clientsettings.Settings {
	s := f.plain()
	s.TokenEndpoint = f.stack.HTTPS + "/" + tenantID + "/oauth2/v2.0/token"
	s.SecurityProtocol = "SASL_SSL"
	s.Pools = []string{"pool-dev", "pool-prod"}
	s.CA = write(t, "ca.pem", string(f.stack.CA()))
	return s
}

// rendered is what Render writes.
func rendered(t *testing.T, client string, s clientsettings.Settings) string {
	t.Helper()
	var text strings.Builder
	if err := clientsettings.Render(&text, client, s); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// write writes into a folder of the test's own.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
