package idpool

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// TestFederationWithinTheStack: a credential may trust another tenant of the
// same stack by either listener's issuer. Its keys come in process: nothing
// listens here.
func TestFederationWithinTheStack(t *testing.T) {
	for _, base := range []string{"http://localhost:8080", "https://localhost:8443"} {
		other := otherTenant()
		workload := other.Applications[0].AppID
		other.Applications[0].ServicePrincipal.ID = "00000000-0000-4000-8000-000000000003"
		c := Acme()
		c.Tenants = append(c.Tenants, other)
		c.Tenants[0].Applications[1].FederatedIdentityCredentials = []idp.FederatedIdentityCredential{{
			Name: "workload", Issuer: base + "/" + other.ID + "/v2.0", Subject: other.Applications[0].ServicePrincipal.ID, Audiences: []string{workload},
		}}
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		assertion, err := s.current().idp.Token(t.Context(), base, idp.TokenRequest{Tenant: other.ID, ClientID: workload, ClientSecret: "s", Scope: workload + "/.default"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Token(t.Context(), idp.TokenRequest{Tenant: acme, ClientID: client, ClientAssertion: assertion.AccessToken, Scope: api + "/.default"}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
		s.Close()
	}
}

// TestFederationThroughTheListeners: whichever listener's issuer a credential
// trusts, it can be used at either. The keys are then asked for while a request
// of the same router is answered.
func TestFederationThroughTheListeners(t *testing.T) {
	other := otherTenant()
	workload, subject := other.Applications[0].AppID, "00000000-0000-4000-8000-000000000003"
	other.Applications[0].ServicePrincipal.ID = subject
	c := Acme()
	free := freePorts(t, 2) // the Config must name its issuers before it starts
	c.Listeners.HTTP.Address, c.Listeners.HTTPS.Address = free[0], free[1]
	at := c.publicURLs("", "")
	c.Tenants = append(c.Tenants, other)
	for _, base := range at.list() {
		app := &c.Tenants[0].Applications[1]
		app.FederatedIdentityCredentials = append(app.FederatedIdentityCredentials, idp.FederatedIdentityCredential{
			Name: base[:strings.Index(base, ":")], Issuer: base + "/" + other.ID + "/v2.0", Subject: subject, Audiences: []string{workload},
		})
	}
	for _, issuer := range at.list() {
		for _, asked := range at.list() {
			s := start(t, c) // anew: keys that are known already are not asked for
			assertion := post(t, s.Client(), issuer+"/"+other.ID, url.Values{"client_id": {workload}, "client_secret": {"s"}, "scope": {workload + "/.default"}})
			post(t, s.Client(), asked+"/"+acme, url.Values{
				"client_id": {client}, "scope": {api + "/.default"}, "client_assertion": {assertion},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// post asks a tenant's token endpoint, and fails unless it gives a token.
func post(t *testing.T, web *http.Client, tenant string, form url.Values) string {
	t.Helper()
	form.Set("grant_type", "client_credentials")
	response, err := web.PostForm(tenant+"/oauth2/v2.0/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var token idp.TokenResponse
	if err := json.Unmarshal(body, &token); err != nil || token.AccessToken == "" {
		t.Fatalf("%s: %s %s", tenant, response.Status, body)
	}
	return token.AccessToken
}
