package validator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"embed"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"sync"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws/jwsbb"
)

// The keys under testdata sign for tests and protect nothing.
//
//go:embed testdata/keys/*.pem
var keyFiles embed.FS

var testKeys = sync.OnceValue(func() map[string]crypto.Signer {
	keys := map[string]crypto.Signer{}
	files, err := keyFiles.ReadDir("testdata/keys")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		text, err := keyFiles.ReadFile("testdata/keys/" + f.Name())
		if err != nil {
			panic(err)
		}
		block, _ := pem.Decode(text)
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			panic(err)
		}
		keys[strings.TrimSuffix(f.Name(), ".pem")] = parsed.(crypto.Signer)
	}
	return keys
})

func testKey(t testing.TB, name string) crypto.Signer {
	t.Helper()
	k, ok := testKeys()[name]
	if !ok {
		t.Fatalf("there is no test key %q", name)
	}
	return k
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a token of a header and a payload as they are written, with the
// named key and the algorithm of that name, whatever the header says.
func sign(t testing.TB, keyName, alg, header, payload string) string {
	t.Helper()
	signed := base64url([]byte(header)) + "." + base64url([]byte(payload))
	signature, err := jwsbb.Sign(testKey(t, keyName), alg, []byte(signed), nil)
	if err != nil {
		t.Fatalf("sign with %s as %s: %v", keyName, alg, err)
	}
	return signed + "." + base64url(signature)
}

// jwkOf is the public JWK of a test key, with members changed (nil deletes).
func jwkOf(t testing.TB, keyName string, members map[string]any) map[string]any {
	t.Helper()
	var public any
	switch k := testKey(t, keyName).(type) {
	case *rsa.PrivateKey:
		public = &k.PublicKey
	case *ecdsa.PrivateKey:
		public = &k.PublicKey
	case ed25519.PrivateKey:
		public = k.Public()
	}
	parsed, err := jwk.Import(public)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]any{}
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	m["kid"] = keyName
	m["use"] = "sig"
	for name, value := range members {
		m[name] = value
		if value == nil {
			delete(m, name)
		}
	}
	return m
}

// jwksText is a JWKS of JWKs.
func jwksText(t testing.TB, keys ...map[string]any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": append([]map[string]any{}, keys...)})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
