package idpool

import (
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
		assertion, err := s.idp.Token(t.Context(), base, idp.TokenRequest{Tenant: other.ID, ClientID: workload, ClientSecret: "s", Scope: workload + "/.default"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Token(t.Context(), idp.TokenRequest{Tenant: acme, ClientID: client, ClientAssertion: assertion.AccessToken, Scope: api + "/.default"}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
		s.Close()
	}
}
