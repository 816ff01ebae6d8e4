package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"
)

// settings are the environment variables.
type settings struct {
	tokenEndpoint string        // TOKEN_ENDPOINT; none means Azure's, by MSAL
	clientID      string        // CLIENT_ID
	clientSecret  string        // CLIENT_SECRET
	scope         string        // SCOPE
	brokers       []string      // BROKERS, with commas between them
	topic         string        // TOPIC, or orders
	group         string        // GROUP, or the topic's name with -readers
	cluster       string        // LOGICAL_CLUSTER, an extension of the login
	pool          string        // IDENTITY_POOL, another
	tls           *tls.Config   // CA_FILE, or the authorities of the system
	plaintext     bool          // SECURITY_PROTOCOL is SASL_PLAINTEXT and not SASL_SSL
	limit         time.Duration // LIMIT, or 3m
}

// newSettings refuses what is missing or wrong, by its variable.
func newSettings(variable func(string) string) (settings, error) {
	s := settings{
		tokenEndpoint: variable("TOKEN_ENDPOINT"),
		clientID:      variable("CLIENT_ID"),
		clientSecret:  variable("CLIENT_SECRET"),
		scope:         variable("SCOPE"),
		topic:         cmp.Or(variable("TOPIC"), "orders"),
		cluster:       variable("LOGICAL_CLUSTER"),
		pool:          variable("IDENTITY_POOL"),
	}
	for _, name := range []string{"CLIENT_ID", "CLIENT_SECRET", "SCOPE", "BROKERS", "LOGICAL_CLUSTER", "IDENTITY_POOL"} {
		if variable(name) == "" {
			return s, fmt.Errorf("%s is not set", name)
		}
	}
	s.brokers = strings.Split(variable("BROKERS"), ",")
	s.group = cmp.Or(variable("GROUP"), s.topic+"-readers")
	limit := cmp.Or(variable("LIMIT"), "3m")
	var err error
	if s.limit, err = time.ParseDuration(limit); err != nil {
		return s, fmt.Errorf("LIMIT is %q, want a duration such as 90s", limit)
	}
	switch protocol := cmp.Or(variable("SECURITY_PROTOCOL"), "SASL_SSL"); protocol {
	case "SASL_SSL":
	case "SASL_PLAINTEXT":
		s.plaintext = true
	default:
		return s, fmt.Errorf("SECURITY_PROTOCOL is %q, want SASL_SSL or SASL_PLAINTEXT", protocol)
	}
	s.tls, err = trust(variable("CA_FILE"))
	return s, err
}

// trust is TLS that believes the authorities of a file, or without one those of
// the system, among them what SSL_CERT_FILE names.
func trust(file string) (*tls.Config, error) {
	if file == "" {
		return &tls.Config{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("CA_FILE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("CA_FILE: %s has no certificate in it", file)
	}
	return &tls.Config{RootCAs: roots}, nil
}
