package probe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/probe"
)

// An API that decodes tokens, and verifies none.
func ExampleRun() {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Count(r.Header.Get("Authorization"), ".") != 2 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()

	server, _ := idp.New(idp.Config{})
	token, _ := server.Token(context.Background(), "http://localhost:8080", idp.TokenRequest{
		Tenant: idp.Acme().ID, ClientID: acmeClient, Scope: acmeAPI + "/.default", InsecureSkipCredential: true,
	})
	source := forge.Source{Token: token.AccessToken, Key: server.Keys().Signer(), Now: time.Now()}
	var few []forge.Token
	for _, name := range []string{"valid", "alg-none", "expired", "opaque"} {
		t, _ := forge.Make(source, name)
		few = append(few, t)
	}
	report := probe.Run(context.Background(), probe.HTTP{URL: api.URL}, few, probe.Config{})
	fmt.Println(report.Sentence())
	// Output:
	// ✗ FAILED: 2 of 3 broken tokens were let in: alg-none, expired
}
