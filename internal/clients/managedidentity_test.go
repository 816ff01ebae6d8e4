package clients

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"

	"github.com/idpool/idpool"
)

// azureVariables change what the libraries do; a test sets all of them.
var azureVariables = []string{
	"AZURE_AUTHORITY_HOST", "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH",
	"AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "AZURE_USERNAME", "AZURE_PASSWORD",
	"AZURE_FEDERATED_TOKEN_FILE", "AZURE_TOKEN_CREDENTIALS", "AZURE_ADDITIONALLY_ALLOWED_TENANTS", "AZURE_REGIONAL_AUTHORITY_NAME",
	"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
}

// azureEnvironment sets what the settings say and unsets every other variable.
func azureEnvironment(t *testing.T, settings ...map[string]string) {
	t.Helper()
	for _, name := range azureVariables {
		t.Setenv(name, "") // so that the test's end restores it
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range settings {
		for name, value := range s {
			t.Setenv(name, value)
		}
	}
}

// appService makes this process look like an app of Azure App Service.
func appService(t *testing.T, s *idpool.Stack) {
	t.Helper()
	azureEnvironment(t, map[string]string{"IDENTITY_ENDPOINT": s.HTTP + "/msi/token", "IDENTITY_HEADER": "any"})
}

// metadataService leads to the http listener whatever the address, which is
// that of the instance metadata service: what owning 169.254.169.254 does.
func metadataService(t *testing.T, s *idpool.Stack) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, strings.TrimPrefix(s.HTTP, "http://"))
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestManagedIdentity is each way to name an identity, by each library and in
// both styles.
func TestManagedIdentity(t *testing.T) {
	for _, tc := range []struct {
		name      string
		azure     azidentity.ManagedIDKind
		msal      managedidentity.ID
		principal string
	}{
		{"system-assigned", nil, managedidentity.SystemAssigned(), webAppPrin},
		{"by client id", azidentity.ClientID(shared), managedidentity.UserAssignedClientID(shared), sharedPrin},
		{"by object id", azidentity.ObjectID(sharedPrin), managedidentity.UserAssignedObjectID(sharedPrin), sharedPrin},
		{"by resource id", azidentity.ResourceID(sharedID), managedidentity.UserAssignedResourceID(sharedID), sharedPrin},
	} {
		options := azidentity.ManagedIdentityCredentialOptions{ID: tc.azure}
		t.Run("azidentity, App Service, "+tc.name, func(t *testing.T) {
			s := start(t, "")
			appService(t, s)
			tryIdentity(t, s, options, tc.principal)
		})
		t.Run("azidentity, IMDS, "+tc.name, func(t *testing.T) {
			s := start(t, "")
			azureEnvironment(t)
			options := options
			options.Transport = metadataService(t, s)
			tryIdentity(t, s, options, tc.principal)
		})
		t.Run("MSAL, App Service, "+tc.name, func(t *testing.T) {
			s := start(t, "")
			appService(t, s)
			client, err := managedidentity.New(tc.msal)
			if err != nil {
				t.Fatal(err)
			}
			result, err := client.AcquireToken(t.Context(), ownResource(s))
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, result.AccessToken, want{tc.principal, "2", ""})
		})
	}
}

func tryIdentity(t *testing.T, s *idpool.Stack, options azidentity.ManagedIdentityCredentialOptions, principal string) {
	t.Helper()
	c, err := azidentity.NewManagedIdentityCredential(&options)
	token, err := acquire(t, c, err, ownResource(s)+"/.default")
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, token, want{principal, "2", ""})
}

// TestManagedIdentityErrors is what a person sees through azidentity.
func TestManagedIdentityErrors(t *testing.T) {
	s := start(t, "")
	for _, tc := range []struct {
		name    string
		id      azidentity.ManagedIDKind
		scope   string
		imds    bool
		message string
	}{
		{"no such identity", azidentity.ClientID(service), ownResource(s) + "/.default", false, "No User Assigned or Delegated Managed Identity found"},
		{"no such identity, IMDS", azidentity.ClientID(service), ownResource(s) + "/.default", true, "Identity not found"},
		{"no such resource", nil, "api://nobody/.default", false, "AADSTS500011"},
		{"no such resource, IMDS", nil, "api://nobody/.default", true, "AADSTS500011"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			options := &azidentity.ManagedIdentityCredentialOptions{ID: tc.id}
			if tc.imds {
				azureEnvironment(t)
				options.Transport = metadataService(t, s)
			} else {
				appService(t, s)
			}
			c, err := azidentity.NewManagedIdentityCredential(options)
			_, err = acquire(t, c, err, tc.scope)
			wantMessage(t, err, tc.message)
		})
	}
}
