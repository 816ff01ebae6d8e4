package idpool

import (
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/idpool/idpool/pool"
)

// renaming is what a scope calls what it has of its own.
type renaming struct {
	tenants map[string]string // new id by the lower-case old one
	domains map[string]string // likewise
	pools   map[string]string // new id by the old one
	scope   string            // the scope's id
}

// guid is what may be the id of a tenant, wherever it stands, and host what may
// be a domain, as a whole.
var (
	guid = regexp.MustCompile(`[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`)
	host = regexp.MustCompile(`[A-Za-z0-9.-]+`)
)

func renames(c Config, id string) renaming {
	r := renaming{tenants: map[string]string{}, domains: map[string]string{}, pools: map[string]string{}, scope: id}
	for _, t := range c.Tenants {
		r.tenants[strings.ToLower(t.ID)] = uuid.NewString()
		for _, domain := range t.Domains {
			r.domains[strings.ToLower(domain)] = id + "." + domain
		}
	}
	for _, p := range c.IdentityProviders {
		for _, pool := range p.IdentityPools {
			r.pools[pool.ID] = pool.ID + "-" + id
		}
	}
	return r
}

// config is the Config of the scope: the tenants and whatever mentions them. Texts
// of other servers stay, and so does what is not the scope's to change.
func (r renaming) config(c Config, own []string) Config {
	c.Tenants = rewritten(c.Tenants, r.text)
	if c.Issuer != "" && c.Issuer != "azure" {
		c.Issuer = r.issuer(c.Issuer)
	}
	c.IdentityProviders = clone(c.IdentityProviders)
	for i := range c.IdentityProviders {
		r.provider(&c.IdentityProviders[i], own)
	}
	users := map[string]KafkaUser{}
	for id, user := range c.Kafka.Upstream.Users {
		users[r.pool(id)] = user
	}
	if c.Kafka.Upstream.Users != nil {
		c.Kafka.Upstream.Users = users
	}
	return c
}

// issuer is one for all tokens, below which each scope has its own.
func (r renaming) issuer(one string) string {
	return r.text(strings.TrimSuffix(one, "/") + "/" + r.scope)
}

// provider renames what a provider says of the scope. One whose keys another
// server has is about that server's tenants, whatever they are called.
func (r renaming) provider(p *IdentityProvider, own []string) {
	p.Tenant = r.text(p.Tenant)
	for _, base := range own {
		if strings.HasPrefix(p.JWKSURI, base+"/") {
			p.Issuer, p.JWKSURI = r.text(p.Issuer), r.text(p.JWKSURI)
			break
		}
	}
	for i := range p.IdentityPools {
		r.identityPool(&p.IdentityPools[i])
	}
}

func (r renaming) identityPool(p *pool.Config) {
	p.ID, p.Filter = r.pool(p.ID), r.text(p.Filter)
}

// pool is what the scope calls a pool.
func (r renaming) pool(id string) string {
	if own, renamed := r.pools[id]; renamed {
		return own
	}
	return id
}

// text is a text with the tenants in it by their new names. A domain counts as a
// whole word only: login.example.com is not example.com.
func (r renaming) text(text string) string {
	text = guid.ReplaceAllStringFunc(text, func(id string) string { return orSame(r.tenants, id) })
	return host.ReplaceAllStringFunc(text, func(name string) string { return orSame(r.domains, name) })
}

// orSame is the new name of a word, by its lower-case form, or the word.
func orSame(names map[string]string, word string) string {
	if own, renamed := names[strings.ToLower(word)]; renamed {
		return own
	}
	return word
}
