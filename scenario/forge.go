package scenario

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"

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
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("scenario: only a token with three parts can be forged")
	}
	header, err := changed(parts[0], f.header())
	if err != nil {
		return "", err
	}
	claims, err := changed(parts[1], f.Claims)
	if err != nil {
		return "", err
	}
	if f.Alg == algRS256 || f.Alg == "" && !f.Tamper {
		return key.SignJWT(header, claims)
	}
	signed, err := unsigned(header, claims)
	switch {
	case err != nil:
		return "", err
	case f.Tamper:
		return signed + "." + parts[2], nil
	case f.Alg == algNone:
		return signed + ".", nil
	}
	return signedWithPublicKey(signed, key)
}

// header are the changes of the header, the algorithm included.
func (f *Forge) header() map[string]any {
	header := map[string]any{}
	if f.Alg != "" {
		header["alg"] = f.Alg
	}
	maps.Copy(header, f.Header)
	return header
}

// changed is a part of a token with members set, and those taken away that are
// nil.
func changed(part string, changes map[string]any) (map[string]any, error) {
	members := map[string]any{}
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil, errors.New("scenario: the token to be forged is not base64url")
	}
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, errors.New("scenario: the token to be forged is not JSON")
	}
	for name, value := range changes {
		members[name] = value
		if value == nil {
			delete(members, name)
		}
	}
	return members, nil
}

// unsigned are the first two parts of a token.
func unsigned(header, claims map[string]any) (string, error) {
	var parts [2]string
	for i, members := range []map[string]any{header, claims} {
		text, err := json.Marshal(members)
		if err != nil {
			return "", fmt.Errorf("scenario: %v", err)
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(text)
	}
	return parts[0] + "." + parts[1], nil
}

// signedWithPublicKey is the attack on validators that let the token choose the
// algorithm: an HMAC whose secret is the public key (RFC 8725 2.1).
func signedWithPublicKey(input string, key *idp.Key) (string, error) {
	certificate, err := x509.ParseCertificate(key.Certificate)
	if err != nil {
		return "", fmt.Errorf("scenario: %v", err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: certificate.RawSubjectPublicKeyInfo}))
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}
