package idpool

import (
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
)

// tenantList are the tenants of the config.
type tenantList struct {
	// Tenants are in the order of the config.
	Tenants []idp.Tenant `json:"tenants" openapi:"required"`
}

// servicePrincipalList are those of a tenant whose application is registered
// elsewhere.
type servicePrincipalList struct {
	// ServicePrincipals are in the order of the config.
	ServicePrincipals []idp.ServicePrincipal `json:"servicePrincipals" openapi:"required"`
}

func tenantEndpoints() []endpoint {
	return slices.Concat(tenants().endpoints(), applicationEndpoints(), servicePrincipals().endpoints(), providerEndpoints())
}

// tenantParam describes the parameter of paths.
const tenantParam = "The tenant's id or one of its domains."

func tenants() elements[idp.Tenant] {
	return elements[idp.Tenant]{
		tag: "tenants", path: "/v1/tenants", param: "tenant", params: map[string]string{"tenant": tenantParam},
		noun: "tenant", nouns: "tenants", name: "Tenant", plural: "Tenants",
		within: func(_ *call, c *Config) (*[]idp.Tenant, string, error) { return &c.Tenants, "tenants", nil },
		id:     func(t *idp.Tenant) *string { return &t.ID }, idName: "id",
		is: func(t *idp.Tenant, word string) bool {
			same := func(name string) bool { return strings.EqualFold(name, word) }
			return same(t.ID) || slices.ContainsFunc(t.Domains, same)
		},
		list: func(all []idp.Tenant) any { return tenantList{all} },
	}
}

func servicePrincipals() elements[idp.ServicePrincipal] {
	return elements[idp.ServicePrincipal]{
		tag: "applications", path: "/v1/tenants/{tenant}/servicePrincipals", param: "servicePrincipal",
		params: map[string]string{"tenant": tenantParam, "servicePrincipal": "The appId."},
		noun:   "service principal", nouns: "service principals of a tenant whose application is registered elsewhere, and its managed identities",
		name: "ServicePrincipal", plural: "ServicePrincipals",
		within: func(call *call, c *Config) (*[]idp.ServicePrincipal, string, error) {
			t, at, err := tenants().found(call, c)
			if err != nil {
				return nil, "", err
			}
			return &t.ServicePrincipals, at + ".servicePrincipals", nil
		},
		id: func(p *idp.ServicePrincipal) *string { return &p.AppID }, idName: "appId",
		is:   func(p *idp.ServicePrincipal, word string) bool { return strings.EqualFold(p.AppID, word) },
		list: func(all []idp.ServicePrincipal) any { return servicePrincipalList{all} },
	}
}
