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
	var token []byte
	for i, part := range []map[string]any{header, claims} {
		text, err := json.Marshal(part, json.Deterministic(true))
		if err != nil {
			return "", fmt.Errorf("idp: a token's part is no JSON: %v", err)
		}
		if i > 0 {
			token = append(token, '.')
		}
		token = base64.RawURLEncoding.AppendEncode(token, text)
	}
	signature, err := k.sign(token)
	if err != nil {
		return "", err
	}
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)), nil
}
