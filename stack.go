// Package idpool is the whole OAuth path from a Kafka client over Azure AD to
// Confluent Cloud on one machine: an identity provider that mints the tokens,
// a validator with identity pools that decides about them, and the reason for
// every refusal.
//
// Begin with [Start] and the [Config] of [Acme]. The parts work alone too:
// packages idp, validator, pool and explain. Nothing here protects anything:
// the keys are public and the secrets lie in a file.
package idpool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/idpool/idpool/broker"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/ca"
	"github.com/idpool/idpool/internal/mask"
	"github.com/idpool/idpool/internal/metrics"
)

// Stack is the running whole, with one [Scope] that has the Config. It is safe
// for concurrent use.
type Stack struct {
	// Scope is what the Config says: tenants, pools, clock, faults, journal.
	// [Stack.NewScope] makes others beside it.
	*Scope

	// HTTP is the public URL of the identity provider, such as
	// http://localhost:8080; empty when only the http listener is off.
	HTTP string
	// HTTPS is its public URL for clients that refuse http, such as
	// https://localhost:8443; empty when that listener is off.
	HTTPS string
	// Admin is the URL of the admin listener; empty when that is off.
	Admin string
	// Kafka is HOST:PORT of the Kafka listener, a client's bootstrap.servers;
	// empty when that is off.
	Kafka string
	// KafkaInside is that of the Kafka listener for clients inside a network;
	// empty when there is none.
	KafkaInside string

	config        Config // as it was started: what only a restart changes
	publicURLs    publicURLs
	scopes        scopeIndex
	secrets       *mask.Set        // of all scopes, which no log may have
	certificate   *tls.Certificate // of the https listener, once it is open
	authority     *ca.Authority    // that signed it; nil for an own certificate
	address       string           // where the http listener is; empty when it is off
	secureAddress string           // where the https listener is; empty when it is off
	client        *http.Client
	metrics       *metrics.Metrics
	broker        *broker.Server // nil without a Kafka listener
	brokerEnds    chan error     // one value for each listener of it that ends
	servers       []*http.Server
	serving       chan error      // one value for each server when it ends
	lifetime      context.Context // ends when the stack begins to
	end           func()          // it
	close         func() error
	detach        func() bool   // from the context that ends the stack
	drain         time.Duration // how long requests under way may take to finish
}

// New makes a stack that does not listen: tokens and decisions come from
// method calls. Tokens name the public URL of the http listener that the Config
// says or that the command has by default, and those of the https listener are
// accepted too. Its error is a ConfigErrors, or says which keys cannot be read.
func New(c Config) (*Stack, error) {
	s, err := newStack(c, c.publicURLs(defaultPort, defaultSecurePort))
	if err != nil {
		return nil, err
	}
	s.certificate = nil // of a listener that is not there
	s.client = s.newClient()
	return s, nil
}

// newStack makes the parts for the public URLs of the listeners.
func newStack(c Config, at publicURLs) (*Stack, error) {
	lifetime, end := context.WithCancel(context.Background())
	s := &Stack{HTTP: at.http, HTTPS: at.https, publicURLs: at, config: c, secrets: new(mask.Set),
		lifetime: lifetime, end: end, metrics: metrics.New(metrics.Config{Version: version()}), detach: func() bool { return true }, drain: 5 * time.Second}
	s.secrets.Add(c.secrets()...)
	var err error
	if s.Scope, err = newRootScope(s, c); err != nil {
		return nil, err
	}
	s.certificate = s.current().certificate
	s.close = sync.OnceValue(s.shutdown)
	return s, nil
}

// keyring makes the keys that the Config says.
func (c Config) keyring(now time.Time) (*idp.Keyring, error) {
	switch {
	case c.Keyring != nil:
		return c.Keyring, nil
	case c.Keys == "":
		return idp.TestKeys(), nil
	case c.Keys == "generate":
		return idp.GenerateKeys(now)
	}
	ring, err := idp.LoadKeys(c.Keys, now)
	if err != nil {
		return nil, fmt.Errorf("%w (the setting keys)", err)
	}
	return ring, nil
}

// base is the public URL of tokens that no listener mints.
func (s *Stack) base() string { return s.publicURLs.list()[0] }

// Close stops listening, lets the requests under way finish (5 s at most) and
// waits for everything the stack started. Closing twice is closing once.
func (s *Stack) Close() error { return s.close() }

func (s *Stack) shutdown() error {
	s.detach()
	s.end()
	s.faults.Close() // what waits for nothing need not be waited for
	scopes := s.scopes.end()
	for _, scope := range scopes {
		scope.faults.Close()
	}
	s.client.CloseIdleConnections()
	errs := []error{s.closeKafka(), s.drainServers()}
	for range s.servers {
		errs = append(errs, <-s.serving)
	}
	for _, scope := range scopes {
		scope.close()
		s.scopes.leave(scope)
	}
	s.Scope.close()
	return errors.Join(errs...)
}

// drainServers lets requests under way finish. The admin listener, which was
// opened first, is closed last: it says until then that the stack is not ready.
func (s *Stack) drainServers() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	var errs []error
	for i, server := range slices.Backward(s.servers) {
		if i == 0 { // what is under way has ended, and so may those who follow it
			s.letGo()
		}
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close() // a client that does not finish its request
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// letGo ends the waiting of those who follow a journal or take from it.
func (s *Stack) letGo() {
	for _, scope := range s.scopes.all() {
		scope.end()
	}
	s.Scope.end()
}

// version is that of the program's build of this module.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/idpool/idpool" {
			return m.Version
		}
	}
	return info.Main.Version
}
