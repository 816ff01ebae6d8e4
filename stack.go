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
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/idpool/idpool/broker"
	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/ca"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// Stack is the running whole. It is safe for concurrent use.
type Stack struct {
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

	config        Config
	publicURLs    publicURLs
	idp           *idp.Server
	certificate   *tls.Certificate // of the https listener, once it is open
	authority     *ca.Authority    // that signed it; nil for an own certificate
	address       string           // where the http listener is; empty when it is off
	secureAddress string           // where the https listener is; empty when it is off
	client        *http.Client
	validator     *validator.Validator
	pools         map[string]*pool.Pool
	broker        *broker.Server       // nil without a Kafka listener
	brokerEnd     chan error           // one value when it ends
	facts         func() explain.Facts // made when something is first refused
	now           func() time.Time
	log           *slog.Logger
	servers       []*http.Server
	serving       chan error // one value for each server when it ends
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
	p, err := c.parts()
	if mistakes := c.locate(nil, err); len(mistakes) > 0 {
		return nil, ConfigErrors(mistakes)
	}
	s := &Stack{HTTP: at.http, HTTPS: at.https, publicURLs: at, config: c, certificate: p.certificate,
		now: c.Now, log: c.Logger, detach: func() bool { return true }, drain: 5 * time.Second}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	keys := c.Keyring
	if keys == nil {
		if keys, err = keyring(c.Keys, s.now()); err != nil {
			return nil, err
		}
	}
	s.idp = p.idp.With(keys, s.base())
	for _, base := range at.list() {
		p.local.served = append(p.local.served, served{base + "/", s.idp.At(base)})
	}
	s.validator, err = validator.New(s.validation(p))
	if err != nil {
		return nil, err
	}
	s.pools = byID(p.pools)
	s.facts = sync.OnceValue(func() explain.Facts { return s.gatherFacts(p.pools) })
	s.close = sync.OnceValue(s.shutdown)
	return s, nil
}

// keyring makes the keys that the setting names.
func keyring(setting string, now time.Time) (*idp.Keyring, error) {
	switch setting {
	case "":
		return idp.TestKeys(), nil
	case "generate":
		return idp.GenerateKeys(now)
	}
	return idp.LoadKeys(setting, now)
}

// validation is the validator's side of the Config.
func (s *Stack) validation(built parts) validator.Config {
	c := validator.Config{
		Organization: s.config.Organization,
		ClockSkew:    s.config.clockSkew(),
		Clusters:     []string{},
		Now:          s.now,
		Client:       built.client,
	}
	for _, cluster := range s.config.Clusters {
		c.Clusters = append(c.Clusters, cluster.ID)
	}
	if s.config.anyCluster {
		c.Clusters = nil
	}
	for i, p := range s.config.IdentityProviders {
		issuers, jwksURI := s.origin(p)
		c.Providers = append(c.Providers, validator.Provider{
			ID: p.ID, Issuers: issuers, JWKSURI: jwksURI, Algorithms: p.Algorithms, UnknownKid: p.UnknownKid,
			RefetchPause: time.Duration(p.RefetchPause), IdentityClaim: p.IdentityClaim, Pools: built.pools[i],
		})
	}
	return c
}

// clockSkew is the setting as the validator has it, where 0 is the default and
// a negative value none.
func (c Config) clockSkew() time.Duration {
	switch {
	case c.ClockSkew == nil:
		return 0
	case *c.ClockSkew == 0:
		return -1
	}
	return time.Duration(*c.ClockSkew)
}

// origin is where a provider's tokens and keys come from.
func (s *Stack) origin(p IdentityProvider) (issuers []string, jwksURI string) {
	for _, t := range s.config.Tenants {
		if p.Tenant != "" && strings.EqualFold(t.ID, p.Tenant) {
			return s.publicURLs.issuers(s.config.Issuer, t.ID), s.base() + "/" + t.ID + "/discovery/v2.0/keys"
		}
	}
	return []string{p.Issuer}, p.JWKSURI
}

// base is the public URL of tokens that no listener mints.
func (s *Stack) base() string { return s.publicURLs.list()[0] }

// Token issues an access token as the token endpoint would, without a server.
// Its error is an *idp.Error.
func (s *Stack) Token(ctx context.Context, r idp.TokenRequest) (idp.TokenResponse, error) {
	return s.idp.Token(ctx, s.base(), r)
}

// Decide says whether a token may log in, and if not, why and how to fix it.
func (s *Stack) Decide(ctx context.Context, r validator.Request) validator.Decision {
	d := s.decideLogin(ctx, r)
	s.logDecision(r, d)
	return d
}

// logDecision writes a line without the token.
func (s *Stack) logDecision(r validator.Request, d validator.Decision) {
	if d.Allowed {
		s.log.Info("login allowed", "principal", d.Principal, "identity", d.Identity, "pools", d.Pools, "cluster", loggable(r.Cluster))
		return
	}
	failed, cause := d.Failed(), ""
	if len(d.Causes) > 0 {
		cause = d.Causes[0].ID
	}
	s.log.Warn("login refused", "check", failed.Name, "reason", failed.Message, "got", failed.Got, "want", failed.Want,
		"cause", cause, "pool", loggable(r.Pools), "cluster", loggable(r.Cluster))
}

// loggable is what a client sent as far as a log may have it: people paste
// tokens and secrets into the wrong place.
func loggable(s string) string {
	if len(s) > 200 || strings.Contains(s, "eyJ") {
		return fmt.Sprintf("%.8s… (%d bytes)", s, len(s))
	}
	return s
}

// Rotate puts other signing keys into use, from the next token on. Those who
// have fetched the keys before do not know: the stack's own validator asks again
// as its providers' unknownKid says, or at [Stack.RefreshKeys]. Nil means the
// fixed test keys.
func (s *Stack) Rotate(keys *idp.Keyring) { s.idp.Rotate(keys) }

// RefreshKeys makes the validator fetch a provider's keys now, as the button
// Refresh JWKS in Confluent Cloud does.
func (s *Stack) RefreshKeys(ctx context.Context, providerID string) error {
	return s.validator.RefreshKeys(ctx, providerID)
}

// Config returns what the stack was made from.
func (s *Stack) Config() Config { return s.config }

// Close stops listening, lets the requests under way finish (5 s at most) and
// waits for everything the stack started. Closing twice is closing once.
func (s *Stack) Close() error { return s.close() }

func (s *Stack) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	s.detach()
	s.client.CloseIdleConnections()
	errs := []error{s.closeKafka()}
	for _, server := range s.servers {
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close() // a client that does not finish its request
		}
		errs = append(errs, err)
	}
	for range s.servers {
		errs = append(errs, <-s.serving)
	}
	s.validator.Close()
	return errors.Join(errs...)
}

// Now is the stack's time.
func (s *Stack) Now() time.Time { return s.now() }
