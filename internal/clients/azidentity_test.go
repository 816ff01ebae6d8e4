package clients

import (
	"context"
	"crypto/x509"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/idpool/idpool"
)

// azure are the options that every credential of azidentity takes for an
// authority of one's own (azure-ad.md 6.1).
func azure(s *idpool.Stack) azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: s.HTTPS},
		Transport: s.Client(),
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}
}

// acquire gets a token from a credential that its constructor gave.
func acquire(t *testing.T, c azcore.TokenCredential, err error, scope string) (string, error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{scope}})
	return token.Token, err
}

func secretCredential(s *idpool.Stack, tenant, secret string) (*azidentity.ClientSecretCredential, error) {
	return azidentity.NewClientSecretCredential(tenant, service, secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: azure(s), DisableInstanceDiscovery: true})
}

func certificateCredential(s *idpool.Stack, c clientCertificate, chain bool) (*azidentity.ClientCertificateCredential, error) {
	return azidentity.NewClientCertificateCredential(acme, service, []*x509.Certificate{c.leaf}, c.key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: azure(s), DisableInstanceDiscovery: true, SendCertificateChain: chain})
}

// TestAzidentity is each credential for service principals, for a v2.0 and a
// v1.0 token.
func TestAzidentity(t *testing.T) {
	s := start(t, "")
	assertion := federated(t, s)
	file := writeFile(t, "token", []byte(assertion))
	for _, tc := range []struct {
		name string
		make func() (azcore.TokenCredential, error)
		want want
	}{
		{"ClientSecret", func() (azcore.TokenCredential, error) { return secretCredential(s, acme, secret) }, want{servicePrin, "1", ""}},
		{"ClientCertificate", func() (azcore.TokenCredential, error) { return certificateCredential(s, registered(), false) }, want{servicePrin, "2", ""}},
		{"ClientCertificate with its chain", func() (azcore.TokenCredential, error) { return certificateCredential(s, registered(), true) }, want{servicePrin, "2", ""}},
		{"ClientAssertion", func() (azcore.TokenCredential, error) {
			return azidentity.NewClientAssertionCredential(acme, workload, func(context.Context) (string, error) { return assertion, nil },
				&azidentity.ClientAssertionCredentialOptions{ClientOptions: azure(s), DisableInstanceDiscovery: true})
		}, want{workloadPrin, "2", ""}},
		{"WorkloadIdentity", func() (azcore.TokenCredential, error) {
			return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
				ClientOptions: azure(s), DisableInstanceDiscovery: true, ClientID: workload, TenantID: acme, TokenFilePath: file})
		}, want{workloadPrin, "2", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := tc.make()
			token, err := acquire(t, c, err, scope)
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, token, tc.want)
		})
	}
	t.Run("v1.0 token", func(t *testing.T) {
		c, err := secretCredential(s, acme, secret)
		token, err := acquire(t, c, err, scopeV1)
		if err != nil {
			t.Fatal(err)
		}
		check(t, s, token, want{servicePrin, "1", "pool-v1"})
	})
}

// TestAzidentityErrors: azidentity prints the body of an error as it came.
func TestAzidentityErrors(t *testing.T) {
	s := start(t, "")
	for _, tc := range []struct {
		name   string
		make   func() (azcore.TokenCredential, error)
		scope  string
		number string
	}{
		{"wrong secret", func() (azcore.TokenCredential, error) { return secretCredential(s, acme, "wrong") }, scope, "AADSTS7000215"},
		{"expired secret", func() (azcore.TokenCredential, error) { return secretCredential(s, acme, expiredSecret) }, scope, "AADSTS7000222"},
		{"no such tenant", func() (azcore.TokenCredential, error) {
			return secretCredential(s, "00000000-1111-4222-8333-444444444444", secret)
		}, scope, "AADSTS90002"},
		{"wrong tenant", func() (azcore.TokenCredential, error) { return secretCredential(s, farm, secret) }, scope, "AADSTS700016"},
		{"no such resource", func() (azcore.TokenCredential, error) { return secretCredential(s, acme, secret) }, "api://nobody/.default", "AADSTS500011"},
		{"a certificate that is not registered", func() (azcore.TokenCredential, error) { return certificateCredential(s, makeCertificate(), false) }, scope, "AADSTS700027"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := tc.make()
			_, err = acquire(t, c, err, tc.scope)
			wantError(t, err, tc.number)
		})
	}
}

// TestAzidentityEnvironment is a pod with workload identity and a container
// with AZURE_* variables: nothing in the code but the transport.
func TestAzidentityEnvironment(t *testing.T) {
	s := start(t, "")
	file := writeFile(t, "token", []byte(federated(t, s)))
	secretFile := writeFile(t, "client.pem", append(registered().keyPEM(t), registered().leafPEM()...))
	for _, tc := range []struct {
		name string
		env  map[string]string
		want want
	}{
		{"a secret", map[string]string{"AZURE_CLIENT_ID": service, "AZURE_CLIENT_SECRET": secret}, want{servicePrin, "1", ""}},
		{"a certificate", map[string]string{"AZURE_CLIENT_ID": service, "AZURE_CLIENT_CERTIFICATE_PATH": secretFile}, want{servicePrin, "2", ""}},
		{"workload identity", map[string]string{"AZURE_CLIENT_ID": workload, "AZURE_FEDERATED_TOKEN_FILE": file}, want{workloadPrin, "2", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			azureEnvironment(t, map[string]string{"AZURE_AUTHORITY_HOST": s.HTTPS, "AZURE_TENANT_ID": acme, "AZURE_TOKEN_CREDENTIALS": "prod"}, tc.env)
			options := &azidentity.DefaultAzureCredentialOptions{DisableInstanceDiscovery: true}
			options.Transport = s.Client()
			c, err := azidentity.NewDefaultAzureCredential(options)
			token, err := acquire(t, c, err, scope)
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, token, tc.want)
		})
	}
}
