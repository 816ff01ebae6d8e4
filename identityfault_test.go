package idpool

import (
	"net/http"
	"strings"
	"testing"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
)

// Nothing could go wrong where programs on Azure get their tokens: what Azure's SDKs
// try again, they could not be seen to.
func TestFaultsOfManagedIdentities(t *testing.T) {
	const identity = "10000000-0000-4000-8000-000000000001"
	c := Acme()
	c.Tenants[0].ServicePrincipals = append(c.Tenants[0].ServicePrincipals, idp.ServicePrincipal{
		AppID: identity, ID: "10000000-0000-4000-8000-000000000002", Type: "ManagedIdentity", AlternativeNames: []string{"isExplicit=True", "/subscriptions/s/vm"},
	})
	s := start(t, c)
	const query = "?api-version=1&client_id=" + identity + "&resource=api://" + api
	paths := map[string]string{
		"imds": "/metadata/identity/oauth2/token" + query, "app-service": "/msi/token" + query,
		"instance": "/common/discovery/instance?api-version=1.1&authorization_endpoint=https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
	}
	ask := func(endpoint string) (status int, id, body string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.HTTP+paths[endpoint], nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Metadata", "true")
		r.Header.Set("X-IDENTITY-HEADER", "x")
		response, text := answerTo(t, s, r)
		return response.StatusCode, response.Header.Get(fault.Header), text
	}
	for _, tt := range []struct {
		fault  fault.Fault
		status int
		body   string // is in it
	}{
		{fault.Fault{Endpoint: "imds", Status: 410, ClientID: identity, When: `scope contains "api://"`}, 410, `{"error":"invalid_request","error_description":"idpool: fault imds-`},
		{fault.Fault{Endpoint: "imds", Status: 429}, 429, `{"error":"temporarily_unavailable","error_description":"AADSTS90055: `},
		{fault.Fault{Endpoint: "imds", AADSTS: 50001}, 400, `AADSTS50001: The application named api://` + api + ` was not found in the tenant named Acme Examples Inc.`},
		{fault.Fault{Endpoint: "imds", Token: "expired"}, 200, `"access_token":"ey`},
		{fault.Fault{Endpoint: "app-service", Status: 500}, 500, `{"statusCode":500,"message":"AADSTS90033: `},
		{fault.Fault{Endpoint: "app-service", Delay: 1}, 200, `"access_token":"ey`},
		{fault.Fault{Endpoint: "instance", Status: 503}, 503, `"error_codes":[90033]`},
	} {
		f := addFault(t, s.Scope, tt.fault)
		status, id, body := ask(tt.fault.Endpoint)
		if status != tt.status || id != f.ID || !strings.Contains(body, tt.body) || strings.Contains(body[1:], "{tenant}") {
			t.Errorf("%+v: %d, fault %q, %s", tt.fault, status, id, body)
		}
		if n := s.Journal().Count(journal.Filter{Endpoint: tt.fault.Endpoint, Fault: f.ID}); n != 1 {
			t.Errorf("%+v: %d entries in the journal", tt.fault, n)
		}
		s.Faults().Clear()
		if status, id, body := ask(tt.fault.Endpoint); status != http.StatusOK || id != "" {
			t.Errorf("%s, when it is over: %d, fault %q, %s", tt.fault.Endpoint, status, id, body)
		}
	}
	addFault(t, s.Scope, fault.Fault{Endpoint: "token", Status: 500})
	addFault(t, s.Scope, fault.Fault{Endpoint: "imds", Status: 500, ClientID: api})
	if status, id, body := ask("imds"); status != http.StatusOK || id != "" {
		t.Errorf("a fault that is for others: %d, fault %q, %s", status, id, body)
	}
	scope := newScope(t, s)
	for endpoint := range paths {
		if _, err := scope.AddFault(fault.Fault{Endpoint: endpoint, Status: 500}); err == nil || !strings.Contains(err.Error(), endpoint+" is shared by all scopes") {
			t.Errorf("%s in a scope: %v", endpoint, err)
		}
	}
}
