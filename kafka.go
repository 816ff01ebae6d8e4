package idpool

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/idpool/idpool/broker"
)

// serveKafka logs clients in at the Kafka listeners.
func (s *Stack) serveKafka(all []broker.Listener) error {
	s.Kafka = all[0].Advertised
	if len(all) > 1 {
		s.KafkaInside = all[1].Advertised
	}
	c := broker.Config{
		Decide:     s.login,
		Pool:       s.poolOfAny,
		Observe:    func(l broker.Login) { s.note(s.loginEntry(l, hearsay{})) },
		Denied:     func(d broker.Denial) { s.note(s.denialEntry(d, hearsay{})) },
		Clusters:   s.config.embeddedClusters(),
		Advertised: s.Kafka,
		Verbose:    s.config.Kafka.Errors == "verbose",
		AllowAll:   s.config.Kafka.Authorization == "allow-all",
		MaxReauth:  time.Duration(s.config.Kafka.ConnectionsMaxReauth),
		Data:       s.config.Kafka.Data,
		RequireTLS: s.config.Listeners.Kafka.SecurityProtocol == "SASL_SSL",
		TrustHelp:  s.caSource,
		Now:        s.clock.Now,
		Logger:     s.log,
		Mask:       s.secrets.Text,
	}
	if s.config.Listeners.Kafka.SecurityProtocol != "SASL_PLAINTEXT" {
		g := s.greet("kafka")
		c.TLS, c.Handshaken = g.config(), g.ended
	}
	var err error
	if c.Upstream, err = s.config.upstream(); err != nil {
		return err
	}
	if s.broker, err = broker.New(c); err != nil {
		hint := ""
		if c.Data != "" {
			hint = ": choose another folder with --data DIR or kafka.data"
		}
		return fmt.Errorf("idpool: kafka listener: %w%s", err, hint)
	}
	s.brokerEnds = make(chan error, len(all))
	for _, l := range all {
		go func() { s.brokerEnds <- s.broker.ServeAt(l) }()
	}
	return nil
}

// closeKafka ends the Kafka listeners and every connection.
func (s *Stack) closeKafka() error {
	if s.broker == nil {
		return nil
	}
	err := s.broker.Close()
	for range cap(s.brokerEnds) {
		err = errors.Join(err, <-s.brokerEnds)
	}
	return err
}

// ApplyError says why a change that was right did not reach the embedded
// cluster.
type ApplyError struct{ Err error }

// Error is "idpool: " and the reason.
func (e *ApplyError) Error() string { return "idpool: the embedded cluster: " + e.Err.Error() }

// Unwrap returns Err.
func (e *ApplyError) Unwrap() error { return e.Err }

func (c Config) hasCluster(id string) bool {
	for _, cluster := range c.Clusters {
		if cluster.ID == id {
			return true
		}
	}
	return false
}

func (c Config) embeddedClusters() []broker.Cluster {
	var all []broker.Cluster
	for _, cluster := range c.Clusters {
		topics := map[string]int32{}
		for _, t := range cluster.Topics {
			topics[t.Name] = t.Partitions
		}
		all = append(all, broker.Cluster{ID: cluster.ID, Topics: topics})
	}
	return all
}

// upstream is the real cluster of the Config; nil when it has none.
func (c Config) upstream() (*broker.Upstream, error) {
	u := c.Kafka.Upstream
	if len(u.Bootstrap) == 0 {
		return nil, nil
	}
	up := &broker.Upstream{
		Bootstrap: u.Bootstrap,
		Mechanism: cmp.Or(u.SASLMechanism, "SCRAM-SHA-256"),
		User:      broker.User(u.User),
		Users:     map[string]broker.User{},
	}
	for id, user := range u.Users {
		up.Users[id] = broker.User(user)
	}
	if strings.HasSuffix(u.SecurityProtocol, "SSL") {
		up.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if u.CA == "" || up.TLS == nil {
		return up, nil
	}
	pem, err := os.ReadFile(c.file(u.CA))
	if err != nil {
		return nil, fmt.Errorf("idpool: kafka.upstream.ca: %v", err)
	}
	up.TLS.RootCAs = x509.NewCertPool()
	up.TLS.RootCAs.AppendCertsFromPEM(pem)
	return up, nil
}
