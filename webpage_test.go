package idpool

import (
	"net/http"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
)

// withManagedIdentity is the config of Acme with a machine that may have tokens.
func withManagedIdentity() Config {
	c := Acme()
	c.Tenants[0].ServicePrincipals = append(c.Tenants[0].ServicePrincipals, idp.ServicePrincipal{
		AppID: "10000000-0000-4000-8000-000000000001", ID: "10000000-0000-4000-8000-000000000002", Type: "ManagedIdentity",
		AppRoleAssignments: []idp.AppRoleAssignment{{Resource: api, Roles: []string{"dev.environmentAdmin"}}},
	})
	return c
}

// atHost asks IMDS at a listener for a token, by a name that a client has for it.
func atHost(t testing.TB, s *Stack, base, host string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://"+api, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.Header.Set("Metadata", "true")
	response, text := answerTo(t, s, r)
	return response.StatusCode, text
}

// A web page could mint by DNS rebinding where the config has a managed identity,
// whatever guards the admin API. The names that the config has for either listener
// are those of clients, and a refusal is in the journal with its reason.
func TestAWebPageGetsNoTokenOfAManagedIdentity(t *testing.T) {
	c := withManagedIdentity()
	c.Listeners.HTTP.PublicURL = "http://idp.corp.example"
	c.Listeners.HTTP.InsideURL = "http://idp.inside.example:8080"
	c.Listeners.HTTPS.Names = []string{"tls.corp.example"}
	s := start(t, c)
	address := "http://" + s.address
	for _, host := range []string{"idp.corp.example", "idp.inside.example:8080", "idp.inside.example", "tls.corp.example", "127.0.0.1:8080"} {
		if status, body := atHost(t, s, address, host); status != http.StatusOK {
			t.Errorf("%s: %d %s, want a token", host, status, body)
		}
	}
	const evil = "evil.example:8080"
	status, body := atHost(t, s, address, evil)
	if status != http.StatusForbidden || !strings.Contains(body, "listeners.http.publicUrl (--public-url)") {
		t.Errorf("%s: %d %s, want 403 and the setting", evil, status, body)
	}
	entries := s.Journal().List(journal.Filter{Endpoint: journal.EndpointIMDS, Outcome: journal.OutcomeRefused}, 0)
	if len(entries) != 1 || entries[0].Status != http.StatusForbidden || entries[0].Error != "access_denied" || !strings.Contains(entries[0].Detail, evil) {
		t.Errorf("in the journal: %+v, want the refusal with its reason", entries)
	}
}
