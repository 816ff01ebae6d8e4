package idpool

import (
	"maps"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"github.com/idpool/idpool/pool"
)

// renaming is what a scope calls what it has of its own. The zero renaming is
// that of the Stack's own scope, where everything keeps its name.
type renaming struct {
	tenants map[string]string // new id by the lower-case old one
	domains map[string]string // likewise
	pools   map[string]string // new id by the old one
	scope   string            // the scope's id
}

// guid is what may be the id of a tenant, wherever it stands, host what may be a
// domain, as a whole, and quoted a text in a condition.
var (
	guid   = regexp.MustCompile(`[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`)
	host   = regexp.MustCompile(`[A-Za-z0-9.-]+`)
	quoted = regexp.MustCompile(`"[^"\\]*"|'[^'\\]*'`)
)

// extended has names for everything in a Config, as the scope is to call it. What
// has one keeps it, and so does what has such a name already.
func (r renaming) extended(c Config) renaming {
	if r.scope == "" {
		return r
	}
	r.tenants, r.domains, r.pools = grown(r.tenants), grown(r.domains), grown(r.pools)
	own := r.reversed()
	for _, t := range c.Tenants {
		if id := strings.ToLower(t.ID); own.tenants[id] == "" {
			name(r.tenants, id, uuid.NewString())
		}
		for _, domain := range t.Domains {
			given, _ := strings.CutPrefix(domain, r.scope+".")
			name(r.domains, strings.ToLower(given), r.scope+"."+given)
		}
	}
	for _, p := range c.IdentityProviders {
		for _, pool := range p.IdentityPools {
			given, _ := strings.CutSuffix(pool.ID, "-"+r.scope)
			name(r.pools, given, given+"-"+r.scope)
		}
	}
	return r
}

// grown is a copy of a map that can be written to.
func grown(names map[string]string) map[string]string {
	out := make(map[string]string, len(names)+1)
	maps.Copy(out, names)
	return out
}

// name gives what was called old a new name, once.
func name(names map[string]string, old, own string) {
	if old != "" && names[old] == "" {
		names[old] = own
	}
}

// reversed makes of the scope's names those of the Config again.
func (r renaming) reversed() renaming {
	back := renaming{tenants: map[string]string{}, domains: map[string]string{}, pools: map[string]string{}}
	for old, own := range r.tenants {
		back.tenants[own] = old
	}
	for old, own := range r.domains {
		back.domains[strings.ToLower(own)] = old
	}
	for old, own := range r.pools {
		back.pools[own] = old
	}
	return back
}

// config is the Config of the scope: the tenants and whatever mentions them. Texts
// of other servers stay, and so does what is not the scope's to change.
func (r renaming) config(c Config, own []string) Config {
	c = r.mentions(c, own)
	if c.Issuer != "" && c.Issuer != "azure" {
		c.Issuer = r.issuer(c.Issuer)
	}
	return c
}

// mentions renames tenants, pools and whatever mentions them.
func (r renaming) mentions(c Config, own []string) Config {
	c.Tenants = rewritten(c.Tenants, r.text)
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
	if strings.HasSuffix(one, "/"+r.scope) {
		return one
	}
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

// poolList is a list of pools, as on the wire.
func (r renaming) poolList(list string) string {
	ids := strings.Split(list, ",")
	for i := range ids {
		ids[i] = r.pool(ids[i])
	}
	return strings.Join(ids, ",")
}

// condition is that of a fault. A text of it that is a pool's id as a whole
// means the pool: nothing else that a condition may ask for looks like one.
func (r renaming) condition(text string) string {
	text = quoted.ReplaceAllStringFunc(text, func(q string) string { return q[:1] + r.pool(q[1:len(q)-1]) + q[len(q)-1:] })
	return r.text(text)
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
