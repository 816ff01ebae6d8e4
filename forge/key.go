package forge

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"math/big"

	"github.com/idpool/idpool/idp"
)

// pkix is a public key in DER, as in a certificate (RFC 5280 4.1.2.7).
func pkix(public *rsa.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err) // it fails for kinds of keys that it does not know only
	}
	return der
}

// pkixPEM is what OpenSSL prints of a public key.
func pkixPEM(public *rsa.PublicKey) []byte { return armored("PUBLIC KEY", pkix(public)) }

func armored(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// sshKey is a public key as OpenSSH writes it (RFC 4253 6.6).
func sshKey(public *rsa.PublicKey) []byte {
	var wire []byte
	// The zero before the modulus keeps it from being negative.
	for _, field := range [][]byte{[]byte("ssh-rsa"), exponent(public), append([]byte{0}, public.N.Bytes()...)} {
		wire = binary.BigEndian.AppendUint32(wire, uint32(len(field)))
		wire = append(wire, field...)
	}
	return []byte("ssh-rsa " + base64.StdEncoding.EncodeToString(wire))
}

func exponent(public *rsa.PublicKey) []byte { return big.NewInt(int64(public.E)).Bytes() }

// thumbprintJWK is a public key as RFC 7638 3.1 has it: what must be there, in
// the order of the alphabet.
func thumbprintJWK(public *rsa.PublicKey) object {
	return object{}.and("e", quoted(encode(exponent(public)))).and("kty", `"RSA"`).and("n", quoted(encode(public.N.Bytes())))
}

// publishedJWK is a key as the JWKS has it, more or less: a JWKS may have more
// members, and others in another order.
func publishedJWK(k *idp.Key) object {
	public := k.Public()
	return object{}.and("kty", `"RSA"`).and("use", `"sig"`).and("kid", quoted(k.ID)).and("x5t", quoted(k.ID)).
		and("n", quoted(encode(public.N.Bytes()))).and("e", quoted(encode(exponent(public)))).and("x5c", chain(k))
}

// chain is the certificate of a key as x5c has it (RFC 7515 4.1.6).
func chain(k *idp.Key) string { return list(base64.StdEncoding.EncodeToString(k.Certificate)) }

// curveKey is the attacker's key of P-256. It is fixed, and no secret.
func curveKey() (*ecdsa.PrivateKey, error) {
	scalar := sha256.Sum256([]byte("idpool forge, not a secret"))
	return ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
}

// edwardsKey is the attacker's key of Ed25519.
func edwardsKey() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("idpool forge, not a secret"))
	return ed25519.NewKeyFromSeed(seed[:])
}

// curveJWK is the public key of curveKey.
func curveJWK(kid string) (object, error) {
	private, err := curveKey()
	if err != nil {
		return nil, err
	}
	point, err := private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	return object{}.and("kty", `"EC"`).and("crv", `"P-256"`).and("kid", quoted(kid)).
		and("x", quoted(encode(point[1:33]))).and("y", quoted(encode(point[33:]))), nil
}

// curveSignature signs with ES256 (RFC 7518 3.4) and the attacker's key, without
// randomness (RFC 6979).
func curveSignature(input string) ([]byte, error) {
	private, err := curveKey()
	if err != nil {
		return nil, err
	}
	der, err := private.Sign(nil, digest(crypto.SHA256, input), crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return nil, err
	}
	fixed := make([]byte, 64)
	s.R.FillBytes(fixed[:32])
	s.S.FillBytes(fixed[32:])
	return fixed, nil
}

// pkcs1 is a public key in the DER of RFC 8017 A.1.1.
func pkcs1(public *rsa.PublicKey) []byte { return x509.MarshalPKCS1PublicKey(public) }
