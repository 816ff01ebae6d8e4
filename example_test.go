package idpool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// The whole stack in a test: ask for a token as a Kafka client would, and see
// what the broker would say to it.
func ExampleStart() {
	ctx := context.Background()
	stack, err := idpool.Start(ctx, idpool.Acme())
	if err != nil {
		log.Fatal(err)
	}
	defer stack.Close()

	response, err := http.PostForm(stack.HTTP+"/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "scope": {"api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default"},
		"client_id": {"75f2f796-363d-4de2-b299-713920db01a7"}, "client_secret": {"yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var token idp.TokenResponse
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		log.Fatal(err)
	}

	for _, pool := range []string{"pool-dev", "pool-prod"} {
		d := stack.Decide(ctx, validator.Request{Token: token.AccessToken, Cluster: "lkc-acme", Pools: pool})
		fmt.Printf("%s allowed=%v principal=%q failed=%q\n", pool, d.Allowed, d.Principal, d.Failed().Name)
		for _, cause := range d.Causes[:min(1, len(d.Causes))] {
			fmt.Println(cause.ID)
		}
	}
	// Output:
	// pool-dev allowed=true principal="User:pool-dev" failed=""
	// pool-prod allowed=false principal="" failed="filter"
	// role-not-assigned
}
