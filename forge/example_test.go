package forge_test

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
)

// A verifier that does its work takes the valid token, refuses what must be
// refused, and may do as it likes with the rest.
func Example() {
	issuer, err := idp.New(idp.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(issuer)
	defer server.Close()
	granted, err := issuer.Token(context.Background(), server.URL, idp.TokenRequest{Tenant: idp.Acme().ID,
		ClientID: acmeClient, Scope: acmeAPI + "/.default", InsecureSkipCredential: true})
	if err != nil {
		log.Fatal(err)
	}

	verify := func(token string) error { return fmt.Errorf("refused") } // yours
	source := forge.Source{Token: granted.AccessToken, Key: issuer.Keys().Signer(), Now: time.Now()}
	for tok, err := range forge.Seq(source) {
		if err != nil {
			log.Fatal(err)
		}
		if refused := verify(tok.Token) != nil; refused == tok.Valid && !tok.Lenient {
			fmt.Printf("%s: %s (%s)\n", tok.Name, tok.Summary, tok.Rule)
		}
	}
	// Output:
	// valid: the token itself (RFC 7519 7.2)
}

func ExampleTable() {
	for _, row := range forge.Table() {
		if row.Name == "alg-none" || row.Name == "audience-missing" {
			fmt.Printf("%s: %s; refused by the check %s\n", row.Name, row.Summary, row.Check)
			if row.Lenient {
				fmt.Println("  but it", row.Excuse)
			}
		}
	}
	// Output:
	// audience-missing: no aud; refused by the check filter
	//   but it depends on whether aud is compared, which Confluent does only where a filter does
	// alg-none: alg none, no signature; refused by the check algorithm
}
