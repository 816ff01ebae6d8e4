package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/clientsettings"
	"github.com/idpool/idpool/internal/kafkabroker"
)

// face is what clients connect to: a stack, the address of its brokers, and a
// topic and a group that nobody else has. All tests of this package are for any
// face.
type face struct {
	bootstrap    string
	stack        *idpool.Stack
	topic, group string
}

// opener starts a face of a config.
type opener func(t *testing.T, c idpool.Config) face

// TestEmbedded is the face with a cluster of idpool's own behind it.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	all(t, embedded)
}

// TestGateway is the face with a released Apache Kafka behind it.
func TestGateway(t *testing.T) {
	t.Parallel()
	t.TempDir() // so that its folder is removed after the broker in it has ended
	upstream := kafkabroker.Start(t, kafkabroker.Config{}).Bootstrap("PLAINTEXT")
	coordinate(t, upstream)
	all(t, func(t *testing.T, c idpool.Config) face { return gateway(t, c, upstream) })
}

// all are the tests of a face.
func all(t *testing.T, open opener) {
	for name, list := range map[string]func(*testing.T, opener){
		"orders": orders, "article": article, "refusals": refused, "traffic": traffic,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list(t, open)
		})
	}
}

func embedded(t *testing.T, c idpool.Config) face {
	const topic = "orders"
	c.Clusters[0].Topics = []idpool.Topic{{Name: topic, Partitions: 3}}
	s := start(t, c)
	return face{s.Kafka, s, topic, "readers"}
}

// opened numbers the faces before one cluster.
var opened atomic.Int64

func gateway(t *testing.T, c idpool.Config, upstream []string) face {
	client, err := kgo.NewClient(kgo.SeedBrokers(upstream...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	n, admin := opened.Add(1), kadm.NewClient(client)
	topic := fmt.Sprintf("orders-%d", n)
	if _, err := admin.CreateTopic(t.Context(), 3, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	// It has been taken, and is not there yet: some clients give up early.
	await(t, topic, func() bool {
		topics, err := admin.ListTopics(t.Context(), topic)
		led := 0
		for _, p := range topics[topic].Partitions {
			if p.Err == nil && p.Leader >= 0 {
				led++
			}
		}
		return err == nil && led == 3
	})
	c.Kafka.Upstream.Bootstrap = upstream
	s := start(t, c)
	return face{s.Kafka, s, topic, fmt.Sprintf("readers-%d", n)}
}

// coordinate waits until there is a coordinator of groups, for which a cluster
// makes a topic when the first group comes: some clients give up early.
func coordinate(t *testing.T, upstream []string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(upstream...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	await(t, "a coordinator of groups", func() bool {
		_, err := kadm.NewClient(client).FetchOffsets(t.Context(), "nobody")
		return err == nil
	})
}

// await waits for a condition.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	for over := time.Now().Add(time.Minute); !met(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(over) {
			t.Fatalf("no %s", what)
		}
	}
}

func start(t *testing.T, c idpool.Config) *idpool.Stack {
	t.Helper()
	s, err := idpool.Start(context.Background(), c)
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

// The Acme tenant's client, with a secret that is awkward in every format.
const (
	clientID = "75f2f796-363d-4de2-b299-713920db01a7"
	tenantID = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	scope    = "api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default"
	secret   = `it's~a"te\st$HOME${x},#!=:;{y}`
)

// config is the Acme tenant with that secret.
func config() idpool.Config {
	c := idpool.Acme()
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
		Topic: f.topic, Group: f.group,
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
