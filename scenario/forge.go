package scenario

import (
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
)

// The algorithms that a token can be forged with.
const (
	algRS256 = "RS256"
	algNone  = "none"
	algHS256 = "HS256"
)

// forge changes a token and signs it again with a key.
func (f *Forge) forge(token string, key *idp.Key) (string, error) {
	if f == nil {
		return token, nil
	}
	return forge.Sign(key, token, forge.Changes{Claims: f.Claims, Header: f.Header, Alg: f.Alg, Tamper: f.Tamper})
}
