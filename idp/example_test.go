package idp_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"

	"github.com/idpool/idpool/idp"
)

// The identity provider alone, with the built-in tenant, for a test of code
// that asks Azure AD for tokens.
func ExampleServer() {
	server, err := idp.New(idp.Config{})
	if err != nil {
		log.Fatal(err)
	}
	azure := httptest.NewServer(server)
	defer azure.Close()

	response, err := http.PostForm(azure.URL+"/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token", url.Values{
		"grant_type":    {"client_credentials"},
		"client_id":     {"75f2f796-363d-4de2-b299-713920db01a7"},
		"client_secret": {"yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"},
		"scope":         {"api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var token idp.TokenResponse
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status, token.TokenType, token.ExpiresIn)
	// Output: 200 OK Bearer 3599
}
