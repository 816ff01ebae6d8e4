package idpool

import (
	"cmp"

	"github.com/idpool/idpool/pool"
)

// ForeignToken says how to look at a token that no Config of ours minted: the
// settings of one identity provider and one pool, each of which may be left out.
type ForeignToken struct {
	// Claims are the token's, which stand in for what is left out below.
	Claims map[string]any
	// Filter of the pool. Empty means true, as Confluent's own command line has
	// it.
	Filter string
	// Language of the filter. Empty means CEL.
	Language pool.Language
	// IdentityClaim of the pool. Empty means claims.sub.
	IdentityClaim string
	// Issuer of the provider. Empty means the token's iss, if that is a URL.
	Issuer string
	// JWKSURI is where the provider's keys are. Empty means that nobody knows:
	// the request to decide about must be Unverified then.
	JWKSURI string
}

// The ids of what a ForeignToken describes.
const (
	ForeignProvider = "op-flags"
	ForeignPool     = "pool-flags"
)

// nowhere is a URL that no request reaches (RFC 2606), where a setting wants one
// that is never used.
const nowhere = "https://nowhere.invalid/"

// Foreign is a Config to decide about a token from elsewhere with. It accepts
// any cluster, since a token says nothing of one.
func Foreign(f ForeignToken) Config {
	issuer, _ := f.Claims["iss"].(string)
	if !isAbsolute(issuer) { // no provider can have it: the check provider says so
		issuer = ""
	}
	return Config{
		anyCluster: true,
		source:     "flags",
		IdentityProviders: []IdentityProvider{{
			ID:      ForeignProvider,
			Issuer:  cmp.Or(f.Issuer, issuer, nowhere),
			JWKSURI: cmp.Or(f.JWKSURI, nowhere),
			IdentityPools: []pool.Config{{
				ID: ForeignPool, Filter: cmp.Or(f.Filter, "true"), Language: f.Language, IdentityClaim: f.IdentityClaim,
			}},
		}},
	}
}
