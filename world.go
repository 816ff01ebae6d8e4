package idpool

import (
	"crypto/tls"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// world is what a Config compiles to. It never changes: a scope whose Config
// changes gets another, and requests under way end in the one they began in.
type world struct {
	config      Config
	renames     renaming // of the Config in the scope
	idp         *idp.Server
	validator   *validator.Validator
	compiled    [][]*pool.Pool                 // by provider, in the Config's order
	pools       map[string]*pool.Pool          // the same by id
	facts       func() explain.Facts           // made when something is first refused
	handlers    map[string]func() http.Handler // the identity provider, by public URL, made when first asked
	certificate *tls.Certificate               // the Config's own of the https listener; nil when idpool makes it
	hidden      *hidden                        // its secrets
}

// newWorld compiles a Config for a scope. The keys of the world before it, both
// those that sign and those that the validator has fetched, go on.
func (s *Scope) newWorld(c Config, before *world) (*world, error) {
	p, err := c.compile(surroundings{s.client, s.clock.Now, s.log, s.id != "", s.stack.secrets.Text})
	if mistakes := c.locate(nil, err); len(mistakes) > 0 {
		return nil, ConfigErrors(mistakes)
	}
	w := &world{config: c, compiled: p.pools, pools: byID(p.pools), certificate: p.certificate, hidden: s.stack.hideSecrets(p)}
	if err := s.identityProvider(w, p, before); err != nil {
		return nil, err
	}
	w.handlers = map[string]func() http.Handler{}
	for _, base := range s.stack.publicURLs.list() {
		w.handlers[base] = sync.OnceValue(func() http.Handler { return w.idp.At(base) })
	}
	for inside, public := range s.stack.publicURLs.inside() {
		w.handlers[inside] = sync.OnceValue(func() http.Handler { return w.idp.AtInside(inside, public) })
	}
	if before == nil {
		w.validator, err = validator.New(s.validation(w))
	} else {
		w.validator, err = before.validator.With(s.validation(w))
	}
	if err != nil {
		return nil, err
	}
	s.know(w)
	return w, nil
}

// know lets the explanations of a world know its Config.
func (s *Scope) know(w *world) {
	w.facts = sync.OnceValue(func() explain.Facts { return s.gatherFacts(w) })
}

// identityProvider gives a world the side of Azure.
func (s *Scope) identityProvider(w *world, p parts, before *world) (err error) {
	if before != nil {
		w.idp, err = before.idp.WithTenants(p.tenants)
		return err
	}
	keys, err := w.config.keyring(s.clock.Now())
	if err != nil {
		return err
	}
	w.idp = p.idp.With(keys, s.stack.base())
	return nil
}

// validation is the validator's side of a world.
func (s *Scope) validation(w *world) validator.Config {
	c := validator.Config{
		Organization: w.config.Organization,
		ClockSkew:    w.config.clockSkew(),
		Clusters:     []string{},
		Now:          s.clock.Now,
		Client:       s.client,
		Fetched:      func(f validator.Fetch) { s.stack.metrics.Fetched(f.Provider, f.Err, f.Duration) },
	}
	for _, cluster := range w.config.Clusters {
		c.Clusters = append(c.Clusters, cluster.ID)
	}
	if w.config.anyCluster {
		c.Clusters = nil
	}
	for i, p := range w.config.IdentityProviders {
		issuers, jwksURI := s.stack.origin(w.config, p)
		c.Providers = append(c.Providers, validator.Provider{
			ID: p.ID, Issuers: issuers, JWKSURI: jwksURI, Algorithms: p.Algorithms, UnknownKid: p.UnknownKid,
			RefetchPause: time.Duration(p.RefetchPause), IdentityClaim: p.IdentityClaim, Pools: w.compiled[i],
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
func (s *Stack) origin(c Config, p IdentityProvider) (issuers []string, jwksURI string) {
	own := func(t idp.Tenant) bool { return p.Tenant != "" && strings.EqualFold(t.ID, p.Tenant) }
	if i := slices.IndexFunc(c.Tenants, own); i >= 0 {
		id := c.Tenants[i].ID
		return s.publicURLs.issuers(c.Issuer, id), s.base() + "/" + id + "/discovery/v2.0/keys"
	}
	return []string{p.Issuer}, p.JWKSURI
}

func byID(pools [][]*pool.Pool) map[string]*pool.Pool {
	all := map[string]*pool.Pool{}
	for _, provider := range pools {
		for _, p := range provider {
			all[p.Config().ID] = p
		}
	}
	return all
}
