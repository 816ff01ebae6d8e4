package clients

import (
	"context"
	"crypto/x509"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/idpool/idpool"
)

// msal makes MSAL's client with the options that azure-ad.md 6.1 gives for an
// authority of one's own.
func msal(t *testing.T, s *idpool.Stack, authority, clientID string, c confidential.Credential, options ...confidential.Option) confidential.Client {
	t.Helper()
	options = append(options, confidential.WithInstanceDiscovery(false), confidential.WithHTTPClient(s.Client()))
	client, err := confidential.New(authority, clientID, c, options...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func msalSecret(t *testing.T, secret string) confidential.Credential {
	t.Helper()
	c, err := confidential.NewCredFromSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func msalCertificate(t *testing.T, c clientCertificate) confidential.Credential {
	t.Helper()
	credential, err := confidential.NewCredFromCert([]*x509.Certificate{c.leaf}, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// msalAssertion gives MSAL an assertion that somebody else made.
func msalAssertion(assert func(confidential.AssertionRequestOptions) (string, error)) confidential.Credential {
	return confidential.NewCredFromAssertionCallback(func(_ context.Context, o confidential.AssertionRequestOptions) (string, error) {
		return assert(o)
	})
}

// signed is an assertion made by hand, as the documentation of certificate
// credentials describes it.
func signed(o confidential.AssertionRequestOptions) (string, error) {
	c, now := registered(), time.Now()
	token, err := jwt.NewBuilder().Audience([]string{o.TokenEndpoint}).Issuer(o.ClientID).Subject(o.ClientID).
		JwtID("1").NotBefore(now).Expiration(now.Add(10 * time.Minute)).Build()
	if err != nil {
		return "", err
	}
	token.Options().Enable(jwt.FlattenAudience)
	header := jws.NewHeaders()
	if err := header.Set(jws.X509CertThumbprintKey, c.thumbprint()); err != nil {
		return "", err
	}
	assertion, err := jwt.Sign(token, jwt.WithKey(jwa.RS256(), c.key, jws.WithProtectedHeaders(header)))
	return string(assertion), err
}

// federated is a token of the tenant Build farm, which the application Workload
// trusts.
func federated(t *testing.T, s *idpool.Stack) string {
	t.Helper()
	client := msal(t, s, s.HTTPS+"/"+farm, pipeline, msalSecret(t, pipelineSecret))
	result, err := client.AcquireTokenByCredential(t.Context(), []string{exchangeScope})
	if err != nil {
		t.Fatal(err)
	}
	// Azure gives the appId whatever name the client asked by.
	if aud := claimsOf(t, result.AccessToken)["aud"]; aud != "fb60f99c-7a34-4190-8149-302f77469936" {
		t.Errorf("aud for token exchange is %v", aud)
	}
	return result.AccessToken
}

// TestMSAL is each credential of MSAL for Go. The second acquisition comes from
// MSAL's cache, which wants a lifetime and scopes that it understands.
func TestMSAL(t *testing.T) {
	s := start(t, "")
	exchange := func(confidential.AssertionRequestOptions) (string, error) { return federated(t, s), nil }
	for _, tc := range []struct {
		name       string
		tenant     string
		clientID   string
		credential confidential.Credential
		options    []confidential.Option
		scope      string
		want       want
	}{
		{"secret", acme, service, msalSecret(t, secret), nil, scope, want{servicePrin, "1", ""}},
		{"tenant by domain", "acmeexamples.onmicrosoft.com", service, msalSecret(t, secret), nil, scope, want{servicePrin, "1", ""}},
		{"resource by appId", acme, service, msalSecret(t, secret), nil, confluent + "/.default", want{servicePrin, "1", ""}},
		{"v1.0 token", acme, service, msalSecret(t, secret), nil, scopeV1, want{servicePrin, "1", "pool-v1"}},
		{"client capabilities", acme, service, msalSecret(t, secret), []confidential.Option{confidential.WithClientCapabilities([]string{"CP1"})}, scope, want{servicePrin, "1", ""}},
		{"certificate", acme, service, msalCertificate(t, registered()), nil, scope, want{servicePrin, "2", ""}},
		{"certificate with its chain", acme, service, msalCertificate(t, registered()), []confidential.Option{confidential.WithX5C()}, scope, want{servicePrin, "2", ""}},
		{"certificate, v1.0 token", acme, service, msalCertificate(t, registered()), nil, scopeV1, want{servicePrin, "2", "pool-v1"}},
		{"signed assertion", acme, service, msalAssertion(signed), nil, scope, want{servicePrin, "2", ""}},
		{"federated token", acme, workload, msalAssertion(exchange), nil, scope, want{workloadPrin, "2", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := msal(t, s, s.HTTPS+"/"+tc.tenant, tc.clientID, tc.credential, tc.options...)
			result, err := client.AcquireTokenByCredential(t.Context(), []string{tc.scope})
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, result.AccessToken, tc.want)
			again, err := client.AcquireTokenByCredential(t.Context(), []string{tc.scope})
			if err != nil {
				t.Fatal(err)
			}
			if again.Metadata.TokenSource != confidential.TokenSourceCache || again.AccessToken != result.AccessToken {
				t.Errorf("the second token comes from source %v, want the cache", again.Metadata.TokenSource)
			}
		})
	}
}

// TestMSALErrors is what a person sees of Azure's number through MSAL.
func TestMSALErrors(t *testing.T) {
	s := start(t, "")
	stranger := makeCertificate()
	fixed := func(assertion string) confidential.Credential {
		return msalAssertion(func(confidential.AssertionRequestOptions) (string, error) { return assertion, nil })
	}
	for _, tc := range []struct {
		name       string
		tenant     string
		clientID   string
		credential confidential.Credential
		scope      string
		number     string
	}{
		{"wrong secret", acme, service, msalSecret(t, "wrong"), scope, "AADSTS7000215"},
		{"expired secret", acme, service, msalSecret(t, expiredSecret), scope, "AADSTS7000222"},
		{"no such tenant", "00000000-1111-4222-8333-444444444444", service, msalSecret(t, secret), scope, "AADSTS90002"},
		{"no tenant at all", "acme", service, msalSecret(t, secret), scope, "AADSTS900023"},
		{"another tenant of the same idpool", farm, service, msalSecret(t, secret), scope, "AADSTS700016"},
		{"no such application", acme, "00000000-1111-4222-8333-444444444444", msalSecret(t, secret), scope, "AADSTS700016"},
		{"no such resource", acme, service, msalSecret(t, secret), "api://nobody/.default", "AADSTS500011"},
		{"a scope that is no .default", acme, service, msalSecret(t, secret), "api://confluent/kafka", "AADSTS1002012"},
		{"a certificate that is not registered", acme, service, msalCertificate(t, stranger), scope, "AADSTS700027"},
		{"an application without federated credentials", acme, service, fixed(federated(t, s)), scope, "AADSTS70025"},
		{"an assertion that is no JWT", acme, service, fixed("not.a.jwt"), scope, "AADSTS50027"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client := msal(t, s, s.HTTPS+"/"+tc.tenant, tc.clientID, tc.credential)
			_, err := client.AcquireTokenByCredential(t.Context(), []string{tc.scope})
			wantError(t, err, tc.number)
		})
	}
}
