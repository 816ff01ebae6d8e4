package idp

import (
	"encoding/base64"
	"math/big"
	"net/http"
)

// jsonWebKey is a key as Azure publishes it: no alg, no key_ops, no x5t#S256
// (azure-ad.md 2.1).
type jsonWebKey struct {
	Kty               string   `json:"kty"`
	Use               string   `json:"use"`
	Kid               string   `json:"kid"`
	X5t               string   `json:"x5t"`
	N                 string   `json:"n"`
	E                 string   `json:"e"`
	X5c               []string `json:"x5c"`
	CloudInstanceName string   `json:"cloud_instance_name,omitempty"` // v2.0
	Issuer            string   `json:"issuer,omitempty"`              // v2.0
}

type jsonWebKeySet struct {
	Keys []jsonWebKey `json:"keys"`
}

// jwks is GET /{tenant}/discovery/v2.0/keys.
func (l listener) jwks(_ http.ResponseWriter, r *http.Request) answer {
	a, refused := l.resolve(r.PathValue("tenant"))
	if refused != nil {
		return l.refuse(r, refused)
	}
	return l.keySet(a, "microsoftonline.com", l.Issuer(l.issuerBase(r), a.issuerID))
}

// jwksV1 is GET /{tenant}/discovery/keys: the same keys, without what scopes
// them to an issuer.
func (l listener) jwksV1(_ http.ResponseWriter, r *http.Request) answer {
	a, refused := l.resolve(r.PathValue("tenant"))
	if refused != nil {
		return l.refuse(r, refused)
	}
	return l.keySet(a, "", "")
}

func (l listener) keySet(a authority, cloudInstance, issuer string) answer {
	set := jsonWebKeySet{}
	for _, k := range l.published(a.segment) {
		set.Keys = append(set.Keys, k.jsonWebKey(cloudInstance, issuer))
	}
	return answer{status: http.StatusOK, body: set, header: cached}
}

func (k *Key) jsonWebKey(cloudInstance, issuer string) jsonWebKey {
	return jsonWebKey{
		Kty: "RSA", Use: "sig", Kid: k.ID, X5t: k.ID,
		N:                 base64.RawURLEncoding.EncodeToString(k.public.N.Bytes()),
		E:                 base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.public.E)).Bytes()),
		X5c:               []string{base64.StdEncoding.EncodeToString(k.Certificate)},
		CloudInstanceName: cloudInstance,
		Issuer:            issuer,
	}
}
