package idp

import (
	"encoding/base64"
	"fmt"

	"github.com/go-json-experiment/json"
)

// SignJWT signs any header and claims with RS256 (RFC 7515 3.1), for tokens that
// no identity provider would issue: tests of those who verify. Neither is
// looked at, so that the header may name another algorithm or no key.
func (k *Key) SignJWT(header, claims map[string]any) (string, error) {
	var parts [2][]byte
	for i, part := range []map[string]any{header, claims} {
		text, err := json.Marshal(part, json.Deterministic(true))
		if err != nil {
			return "", fmt.Errorf("idp: a token's part is no JSON: %v", err)
		}
		parts[i] = text
	}
	return k.compact(parts[0], parts[1])
}

// compact makes a compact JWS (RFC 7515 7.1), signed with RS256.
func (k *Key) compact(header, payload []byte) (string, error) {
	b64 := base64.RawURLEncoding
	token := make([]byte, 0, 2048)
	token = b64.AppendEncode(token, header)
	token = append(token, '.')
	token = b64.AppendEncode(token, payload)
	signature, err := k.sign(token)
	if err != nil {
		return "", err
	}
	token = append(token, '.')
	return string(b64.AppendEncode(token, signature)), nil
}
