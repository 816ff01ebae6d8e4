package idpool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

func (x *checker) providers() {
	ids, issuers := map[string]bool{}, map[string]string{}
	for i, p := range x.config.IdentityProviders {
		field := fmt.Sprintf("identityProviders[%d]", i)
		if strings.TrimSpace(p.ID) == "" {
			x.fail(field+".id", "is missing, want one such as op-acme")
		} else if ids[p.ID] {
			x.fail(field+".id", "provider %q occurs twice", p.ID)
		}
		ids[p.ID] = true
		x.origin(field, p)
		key, own := "issuer", []string{p.Issuer}
		if p.Tenant != "" {
			key, own = "tenant", x.config.issuers(p.Tenant)
		}
		x.oneProvider(field+"."+key, p.ID, own, issuers)
		x.validation(field, p)
	}
}

// oneProvider refuses issuers that select another provider already: one mistake
// says it for all of them.
func (x *checker) oneProvider(field, id string, own []string, taken map[string]string) {
	said := false
	for _, issuer := range own {
		if other, twice := taken[issuer]; twice && issuer != "" && !said {
			x.fail(field, "the issuer %q is that of provider %q already: one issuer must select one provider", issuer, other)
			said = true
		}
		taken[issuer] = id
	}
}

// issuers are those of a tenant's tokens, as far as the file knows them: a flag
// or a free port may give other public URLs, for all tenants alike.
func (c Config) issuers(tenantID string) []string {
	for _, t := range c.Tenants {
		if strings.EqualFold(t.ID, tenantID) {
			tenantID = t.ID
		}
	}
	return c.publicURLs(defaultPort, defaultSecurePort).issuers(c.Issuer, tenantID)
}

// validation asks the validator about the settings that are its own.
func (x *checker) validation(field string, p IdentityProvider) {
	_, err := validator.New(validator.Config{Providers: []validator.Provider{{
		ID: "x", Issuers: []string{"x"}, JWKSURI: "http://x", // what is checked elsewhere
		Algorithms: p.Algorithms, UnknownKid: p.UnknownKid, RefetchPause: time.Duration(p.RefetchPause), IdentityClaim: p.IdentityClaim,
	}}})
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			var of *validator.Error
			if errors.As(one, &of) {
				x.fail(field+"."+of.Field, "%s", of.Problem)
			}
		}
	}
}

// origin checks where a provider's tokens come from.
func (x *checker) origin(field string, p IdentityProvider) {
	switch {
	case p.Tenant != "" && (p.Issuer != "" || p.JWKSURI != ""):
		x.fail(field+".tenant", "give either tenant, or issuer and jwksUri, not both")
	case p.Tenant != "":
		x.tenant(field+".tenant", p.Tenant)
	case p.Issuer == "" && p.JWKSURI == "":
		x.fail(field, "has no tenant: give tenant, or issuer and jwksUri")
	case p.Issuer == "":
		x.fail(field+".issuer", "is missing beside jwksUri")
	case p.JWKSURI == "":
		x.fail(field+".jwksUri", "is missing beside issuer")
	case !isAbsolute(p.Issuer):
		x.fail(field+".issuer", "%q is no issuer, want a URL such as https://login.microsoftonline.com/TENANT-ID/v2.0", p.Issuer)
	case !isAbsolute(p.JWKSURI):
		x.fail(field+".jwksUri", "%q is no URL, want one such as https://login.microsoftonline.com/TENANT-ID/discovery/v2.0/keys", p.JWKSURI)
	}
}

func (x *checker) tenant(field, id string) {
	known := make([]string, len(x.config.Tenants))
	for i, t := range x.config.Tenants {
		if strings.EqualFold(t.ID, id) {
			return
		}
		known[i] = t.ID
	}
	if near := nearest.To(id, known); near != "" {
		x.fail(field, "no tenant has the id %q, did you mean %q?", id, near)
		return
	}
	x.fail(field, "no tenant has the id %q (a domain will not do here)", id)
}

// pools compiles the pools of a provider; one that does not compile is left out.
func (x *checker) pools(field string, p IdentityProvider) []*pool.Pool {
	var out []*pool.Pool
	for i, c := range p.IdentityPools {
		at := fmt.Sprintf("%s.identityPools[%d]", field, i)
		x.bindings(at, c)
		compiled, err := pool.New(c)
		if err == nil {
			out = append(out, compiled)
			continue
		}
		x.errs = append(x.errs, inPool(at, err)...)
	}
	return out
}

// inPool puts the place of a pool before the fields of its errors.
func inPool(at string, err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, one := range joined.Unwrap() {
			out = append(out, inPool(at, one)...)
		}
		return out
	}
	var of *pool.ConfigError
	if errors.As(err, &of) {
		return []error{&fieldError{at + "." + of.Field, of.Err}}
	}
	return []error{&fieldError{at, err}}
}

// bindings checks that role bindings name clusters of the Config.
func (x *checker) bindings(at string, c pool.Config) {
	for i, b := range c.RoleBindings {
		known := func(k Cluster) bool { return k.ID == b.Cluster }
		if b.Cluster != "" && !slices.ContainsFunc(x.config.Clusters, known) {
			x.fail(fmt.Sprintf("%s.roleBindings[%d].cluster", at, i), "clusters has no %q", b.Cluster)
		}
	}
}

func (x *checker) poolIDs() {
	seen := map[string]string{}
	for i, p := range x.config.IdentityProviders {
		for j, c := range p.IdentityPools {
			if other, twice := seen[c.ID]; twice && c.ID != "" {
				x.fail(fmt.Sprintf("identityProviders[%d].identityPools[%d].id", i, j), "pool %q occurs twice, first in provider %q", c.ID, other)
			}
			seen[c.ID] = p.ID
		}
	}
}
