//go:build ignore

// Command generate writes three signing keys with self-signed certificates of
// the shape that Azure publishes (azure-ad.md 2.1). It was run once: new keys
// would break every token and JWKS that somebody has recorded.
//
//	go run generate.go
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/idpool/idpool/idp"
)

func main() {
	for i := range 3 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			log.Fatal(err)
		}
		// Three weeks apart, as Azure's keys arrive.
		from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 21*i)
		cert, err := idp.SelfSign(key, from)
		if err != nil {
			log.Fatal(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			log.Fatal(err)
		}
		out := append([]byte("This is a TEST KEY that ships in every idpool binary. It is NOT A SECRET: anybody can sign with it.\n"),
			pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})...)
		if err := os.WriteFile(fmt.Sprintf("test-key-%d-not-a-secret.pem", i+1), out, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
