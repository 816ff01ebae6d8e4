package validator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// minRSABits is the least that RFC 7518 3.3 allows.
const minRSABits = 2048

// key is a key of a JWKS (RFC 7517).
type key struct {
	id string
	// keyType is kty, and curve crv or "". algorithm is alg or "": Azure's
	// keys have none.
	keyType, curve, algorithm string
	public                    crypto.PublicKey
	// problem says why the key verifies nothing at all; "" when it does.
	problem string
}

// keySet is a JWKS as it was at one moment. It is immutable.
type keySet struct {
	keys []key
	byID map[string][]key
	// ids are the ids of all keys, for messages.
	ids       []string
	fetchedAt time.Time
	maxAge    time.Duration
	// fault is the id of the fault that was injected into the response; empty for
	// none.
	fault string
}

// fresh reports whether max-age is not over yet. A clock moved back by more
// than that makes the keys stale too, or they would never be fetched again.
func (s *keySet) fresh(now time.Time) bool {
	return s != nil && now.Sub(s.fetchedAt).Abs() < s.maxAge
}

// parseKeySet reads a JWKS. A key that cannot be used stays in the set with its
// problem, so that a token naming it can be told; RFC 7517 5 wants the set to be
// usable all the same.
func parseKeySet(body []byte) (*keySet, error) {
	// Package jwk would take a single key for a set, and anything for a key.
	var shape struct {
		Keys jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(body, &shape); err != nil || shape.Keys.Kind() != '[' {
		return nil, errors.New(`the body is no JWKS: a JSON object with a list "keys" is wanted`)
	}
	set, err := jwk.Parse(body, jwk.WithStrictKeySetParsing(false))
	if err != nil {
		return nil, errors.New("the body is no JWKS: " + clip(innermost(err).Error()))
	}
	s := &keySet{byID: map[string][]key{}}
	for i := range set.Len() {
		parsed, _ := set.Key(i)
		k := readKey(parsed)
		s.keys = append(s.keys, k)
		if k.id != "" {
			s.byID[k.id] = append(s.byID[k.id], k)
			s.ids = append(s.ids, k.id)
		}
	}
	return s, nil
}

// readKey takes from a JWK what verifying needs. A missing use is fine, and
// common.
func readKey(parsed jwk.Key) key {
	var k key
	k.id, _ = parsed.KeyID()
	k.keyType = parsed.KeyType().String()
	if alg, ok := parsed.Algorithm(); ok {
		k.algorithm = alg.String()
	}
	if unsupported, ok := parsed.(jwk.UnsupportedKey); ok {
		k.problem = "it cannot be read: " + clip(innermost(unsupported.Reason()).Error())
		return k
	}
	if use, ok := parsed.KeyUsage(); ok && use != "sig" {
		k.problem = `its use is ` + quote(use) + `, not "sig"`
		return k
	}
	if ops, ok := parsed.KeyOps(); ok && !slices.Contains(ops, jwk.KeyOpVerify) {
		k.problem = `its key_ops do not have "verify"`
		return k
	}
	raw, err := jwk.PublicRawKeyOf(parsed)
	if err != nil {
		k.problem = "it cannot be read: " + clip(innermost(err).Error())
		return k
	}
	k.setPublic(raw)
	return k
}

// innermost is the error that the others wrap, which name only the places that
// it came through.
func innermost(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// setPublic keeps a public key, or says why it is none that verifies.
func (k *key) setPublic(raw any) {
	switch public := raw.(type) {
	case *rsa.PublicKey:
		// Package jwk refuses these too, unless somebody in the same process
		// has told it not to.
		if bits := public.N.BitLen(); bits < minRSABits {
			k.problem = "it is an RSA key of " + strconv.Itoa(bits) + " bits, fewer than 2048 (RFC 7518 3.3)"
		}
		k.public = public
	case *ecdsa.PublicKey:
		k.curve = public.Curve.Params().Name
		k.public = public
	case ed25519.PublicKey:
		k.curve = "Ed25519"
		k.public = public
	default:
		k.problem = "it is no public key of type RSA, EC or OKP Ed25519"
	}
}

// describe says what kind of key this is.
func (k key) describe() string {
	s := strings.TrimSpace(k.keyType + " " + k.curve)
	if k.algorithm != "" {
		s += " for " + k.algorithm
	}
	return s
}

// unfit says why the key cannot verify signatures of an algorithm, or "". This
// is what keeps an EC key from being taken for an RSA key, or one for RS512 from
// being used with RS256 (RFC 8725 3.1).
func (k key) unfit(a algorithm) string {
	switch {
	case k.problem != "":
		return k.problem
	case k.keyType != a.keyType || k.curve != a.curve:
		return "it is of another type"
	case k.algorithm != "" && k.algorithm != a.name:
		return "its alg is another one"
	}
	return ""
}
