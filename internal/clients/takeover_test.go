package clients

import (
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// TestTakeover is an application that knows nothing of idpool: the authority is
// Azure's own, instance discovery stays on, and only the name's address and the
// certificate authority are idpool's, as with a hosts file and a trusted CA.
func TestTakeover(t *testing.T) {
	const azureHost = "https://login.microsoftonline.com"
	s := start(t, azureHost)
	if s.HTTPS != azureHost {
		t.Fatalf("the public URL is %q", s.HTTPS)
	}
	t.Run("MSAL", func(t *testing.T) {
		client, err := confidential.New(azureHost+"/"+acme, service, msalSecret(t, secret), confidential.WithHTTPClient(s.Client()))
		if err != nil {
			t.Fatal(err)
		}
		result, err := client.AcquireTokenByCredential(t.Context(), []string{scope})
		if err != nil {
			t.Fatal(err)
		}
		check(t, s, result.AccessToken, want{servicePrin, "1", ""})
		if iss := claimsOf(t, result.AccessToken)["iss"]; iss != azureHost+"/"+acme+"/v2.0" {
			t.Errorf("iss is %v", iss)
		}
	})
	t.Run("azidentity", func(t *testing.T) {
		c, err := azidentity.NewClientSecretCredential(acme, service, secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{Transport: s.Client()}})
		token, err := acquire(t, c, err, scope)
		if err != nil {
			t.Fatal(err)
		}
		check(t, s, token, want{servicePrin, "1", ""})
	})
	t.Run("federated token of another tenant", func(t *testing.T) {
		credential := msalAssertion(func(confidential.AssertionRequestOptions) (string, error) { return federated(t, s), nil })
		client, err := confidential.New(azureHost+"/"+acme, workload, credential, confidential.WithHTTPClient(s.Client()))
		if err != nil {
			t.Fatal(err)
		}
		result, err := client.AcquireTokenByCredential(t.Context(), []string{scope})
		if err != nil {
			t.Fatal(err)
		}
		check(t, s, result.AccessToken, want{workloadPrin, "2", ""})
	})
}
