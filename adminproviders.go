package idpool

import (
	"net/http"
	"slices"

	"github.com/idpool/idpool/internal/openapi"
	"github.com/idpool/idpool/pool"
)

// providerList are the identity providers of the config.
type providerList struct {
	// IdentityProviders are in the order of the config.
	IdentityProviders []IdentityProvider `json:"identityProviders" openapi:"required"`
}

// poolList are the pools of a provider.
type poolList struct {
	// IdentityPools are in the order of the config.
	IdentityPools []pool.Config `json:"identityPools" openapi:"required"`
}

// ownedPool is a pool with the provider that it belongs to.
type ownedPool struct {
	// IdentityProvider is the id of the provider.
	IdentityProvider string `json:"identityProvider" openapi:"required"`
	pool.Config
}

// ownedPoolList are the pools of all providers.
type ownedPoolList struct {
	// IdentityPools are in the order of the config, by provider.
	IdentityPools []ownedPool `json:"identityPools" openapi:"required"`
}

func providerEndpoints() []endpoint {
	return slices.Concat(providers().endpoints(), pools().endpoints(), []endpoint{
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/identity-pools", ID: "listAllIdentityPools", Tag: "pools",
			Summary: "The identity pools of all providers", Responses: answers(http.StatusOK, "The pools.", ownedPoolList{})},
			do: (*call).allPools},
	})
}

func providers() elements[IdentityProvider] {
	return elements[IdentityProvider]{
		tag: "pools", path: "/v1/identity-providers", param: "provider", params: map[string]string{"provider": "The id of the provider."},
		noun: "identity provider", nouns: "identity providers", name: "IdentityProvider", plural: "IdentityProviders",
		within: func(_ *call, c *Config) (*[]IdentityProvider, string, error) {
			return &c.IdentityProviders, "identityProviders", nil
		},
		id: func(p *IdentityProvider) *string { return &p.ID }, idName: "id",
		is:   func(p *IdentityProvider, word string) bool { return p.ID == word },
		list: func(all []IdentityProvider) any { return providerList{all} },
	}
}

func pools() elements[pool.Config] {
	return elements[pool.Config]{
		tag: "pools", path: providers().path + "/{provider}/identity-pools", param: "pool",
		params: map[string]string{"provider": "The id of the provider.", "pool": "The id of the pool."},
		noun:   "identity pool", nouns: "identity pools of a provider", name: "IdentityPool", plural: "IdentityPools",
		within: func(call *call, c *Config) (*[]pool.Config, string, error) {
			p, at, err := providers().found(call, c)
			if err != nil {
				return nil, "", err
			}
			return &p.IdentityPools, at + ".identityPools", nil
		},
		id: func(p *pool.Config) *string { return &p.ID }, idName: "id",
		is:   func(p *pool.Config, word string) bool { return p.ID == word },
		list: func(all []pool.Config) any { return poolList{all} },
	}
}

// allPools are those of every provider: a client names a pool without its
// provider.
func (c *call) allPools() (reply, error) {
	out := ownedPoolList{IdentityPools: []ownedPool{}}
	for _, p := range c.current().config.IdentityProviders {
		for _, one := range p.IdentityPools {
			out.IdentityPools = append(out.IdentityPools, ownedPool{p.ID, one})
		}
	}
	return ok(out)
}
