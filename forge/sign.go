package forge

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // registers SHA-384 and SHA-512 with package crypto
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
)

// Changes are what to change of a token.
type Changes struct {
	// Claims and Header are members to set; those that are nil are taken away.
	Claims map[string]any
	Header map[string]any
	// Alg signs: RS256, RS384, RS512, PS256, PS384 or PS512 with the key; HS256,
	// HS384 or HS512 with the public key as a shared secret, in PEM, which is the
	// attack of RFC 8725 2.1; none in any spelling not at all. It is also the
	// alg of the header, unless Header has one. Empty means RS256, and leaves
	// the header as it is.
	Alg string
	// Tamper leaves the signature as it was, so that it does not fit.
	Tamper bool
}

// Sign changes a token and signs it again with a key. The token may be anybody's
// and of any time, as long as it has three parts; it is not verified.
func Sign(key *idp.Key, token string, c Changes) (string, error) {
	d := draft{Source: Source{Token: token}}
	if err := d.takeApart(); err != nil {
		return "", err
	}
	if c.Alg != "" {
		d.header = d.header.with("alg", quoted(c.Alg))
	}
	header, err := d.header.changed(c.Header)
	if err != nil {
		return "", err
	}
	claims, err := d.claims.changed(c.Claims)
	if err != nil {
		return "", err
	}
	input := compact(header.text(), claims.text())
	if c.Tamper {
		return input + "." + d.parts[2], nil
	}
	signed, err := signature(key, c.Alg, input)
	if err != nil {
		return "", err
	}
	return input + "." + encode(signed), nil
}

// changed is the object with members of any kind set, in the order of their
// names, and those taken away that are nil.
func (o object) changed(members map[string]any) (object, error) {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if members[name] == nil {
			o = o.without(name)
			continue
		}
		text, err := json.Marshal(members[name], json.Deterministic(true))
		if err != nil {
			return nil, fmt.Errorf("forge: the value of %q is no JSON: %v", name, err)
		}
		o = o.with(name, string(text))
	}
	return o, nil
}

// algorithms are those of RFC 7518 3.1 that an RSA key can be used with, and by
// mistake.
func algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "HS256", "HS384", "HS512", "none"}
}

// signature signs the first two parts of a token (RFC 7518 3).
func signature(k *idp.Key, alg, input string) ([]byte, error) {
	switch {
	case alg == "":
		alg = "RS256"
	case strings.EqualFold(alg, "none"):
		return nil, nil
	case !slices.Contains(algorithms(), alg):
		if near := nearest.To(alg, algorithms()); near != "" {
			return nil, fmt.Errorf("forge: alg %q cannot be signed with; did you mean %q?", alg, near)
		}
		return nil, fmt.Errorf("forge: alg %q cannot be signed with, want one of %s", alg, strings.Join(algorithms(), ", "))
	}
	if alg[:2] == "HS" {
		return mac(hashOf(alg), pkixPEM(k.Public()), input), nil
	}
	signer, err := k.Signer()
	if err != nil {
		return nil, fmt.Errorf("forge: key %s: %v", k.ID, err)
	}
	private, ok := signer.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("forge: key %s is no RSA key", k.ID)
	}
	if alg[:2] == "PS" {
		salt := stream(alg + input)
		return rsa.SignPSS(salt, private, hashOf(alg), digest(hashOf(alg), input), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return rsa.SignPKCS1v15(nil, private, hashOf(alg), digest(hashOf(alg), input))
}

// hashOf is the hash of an algorithm that is named for its size.
func hashOf(alg string) crypto.Hash {
	switch alg[2:] {
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

func digest(h crypto.Hash, input string) []byte {
	hash := h.New()
	hash.Write([]byte(input))
	return hash.Sum(nil)
}

// mac is HMAC (RFC 7518 3.2).
func mac(h crypto.Hash, secret []byte, input string) []byte {
	m := hmac.New(h.New, secret)
	m.Write([]byte(input))
	return m.Sum(nil)
}

// verifies reports whether a signature in RS256 is that of a key.
func verifies(public *rsa.PublicKey, input string, signature []byte) bool {
	return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest(crypto.SHA256, input), signature) == nil
}

// stream gives the random bytes of salts and seeds. They follow from what they
// are for, so that the same Source gives the same tokens; none keeps a secret.
func stream(purpose string) *rand.ChaCha8 { return rand.NewChaCha8(sha256.Sum256([]byte(purpose))) }
