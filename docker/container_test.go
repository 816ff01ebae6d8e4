package docker_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/testcontainers/testcontainers-go"

	"github.com/idpool/idpool/docker"
)

// form is a request for a token of Acme's client.
func form() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret}, "scope": {scope}}
}

// ask asks a token endpoint, and returns the token and the answer's header.
func ask(ctx context.Context, client *http.Client, base, tenant string) (string, http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/"+tenant+"/oauth2/v2.0/token", strings.NewReader(form().Encode()))
	if err != nil {
		return "", nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(r)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", response.Header, err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.AccessToken == "" {
		return "", response.Header, errors.New(response.Status + ": " + string(body))
	}
	return answer.AccessToken, response.Header, nil
}

// verify verifies a token as an API does that knows its issuer's address only,
// from the discovery document on.
func verify(t testing.TB, client *http.Client, issuer, token string) {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), client)
	provider, err := oidc.NewProvider(ctx, issuer) // which compares the issuer with that of the document
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: confluent}).Verify(ctx, token); err != nil {
		t.Error(err)
	}
}

// TestToken is the first thing that anybody does.
func TestToken(t *testing.T) {
	t.Parallel()
	c := run(t, docker.WithLogs(t))
	at := must[string](t)(c.URL(t.Context()))
	issuer := at + "/" + acme + "/v2.0"
	for name, token := range map[string]string{
		"first client": must[string](t)(c.Token(t.Context(), "")),
		"client":       must[string](t)(c.Token(t.Context(), clientID)),
		"scope":        must[string](t)(c.Token(t.Context(), clientID, scope)),
	} {
		t.Run(name, func(t *testing.T) { verify(t, http.DefaultClient, issuer, token) })
	}
	for _, refused := range []struct{ client, scope, want string }{
		{"nobody", "", `token: no application has the appId "nobody"`},
		{confluent, "", `token: the application "` + confluent + `" has no secret`},
		{clientID, "api://nothing/.default", "AADSTS500011"},
	} {
		var scopes []string
		if refused.scope != "" {
			scopes = []string{refused.scope}
		}
		if token, err := c.Token(t.Context(), refused.client, scopes...); err == nil || !strings.Contains(err.Error(), refused.want) {
			t.Errorf("%s for %q: got %q, %v, want the error %s", refused.client, refused.scope, token, err, refused.want)
		}
	}
}

// TestHTTPS is the listener that Microsoft's libraries want.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	c := run(t)
	at := must[string](t)(c.HTTPSURL(t.Context()))
	client := must[*http.Client](t)(c.Client(t.Context()))
	token, _, err := ask(t.Context(), client, at, acme)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, client, at+"/"+acme+"/v2.0", token)
	var unknown x509.UnknownAuthorityError
	if _, _, err := ask(t.Context(), http.DefaultClient, at, acme); !errors.As(err, &unknown) {
		t.Errorf("a client that does not trust the CA: %v", err)
	}
}

// TestAdmin is what a test in another language would do by hand.
func TestAdmin(t *testing.T) {
	t.Parallel()
	c := run(t)
	at := must[string](t)(c.Admin(t.Context()))
	for token, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, c.AdminToken(): http.StatusOK} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/v1/clock", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("with the token %q: %s, want %d", token, response.Status, want)
		}
	}
}

// TestClientProperties is the text of the command itself, with the addresses
// of the host.
func TestClientProperties(t *testing.T) {
	t.Parallel()
	c := run(t)
	brokers := must[[]string](t)(c.Brokers(t.Context()))
	plain := must[string](t)(c.URL(t.Context()))
	secure := must[string](t)(c.HTTPSURL(t.Context()))
	properties := must[string](t)(c.ClientProperties(t.Context(), "java"))
	contains(t, properties, "bootstrap.servers="+brokers[0]+"\n", plain+"/"+acme+"/oauth2/v2.0/token", secret, "pool-dev")
	properties = must[string](t)(c.ClientProperties(t.Context(), "librdkafka", "--ssl", "--pool=pool-prod"))
	contains(t, properties, "bootstrap.servers="+brokers[0]+"\n", secure+"/"+acme+"/oauth2/v2.0/token", secret, "pool-prod", "SASL_SSL")
	_, err := c.ClientProperties(t.Context(), "jaba")
	if err == nil || !strings.Contains(err.Error(), `unknown client "jaba"`) || !strings.Contains(err.Error(), `did you mean "java"?`) {
		t.Errorf("an unknown client: %v", err)
	}
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in:\n%s", part, text)
		}
	}
}

// TestConfig is another tenant than Acme, from a file.
func TestConfig(t *testing.T) {
	t.Parallel()
	const tenant, reader = "3f2c1b7e-6a0d-4a53-9d1b-0d5a1c7e9b42", "0b7a52de-1f6c-4a8e-8f39-6f5f6b1d2c3a"
	c := run(t, docker.WithConfig("testdata/config.yaml"))
	at := must[string](t)(c.URL(t.Context()))
	token := must[string](t)(c.Token(t.Context(), reader))
	ctx := t.Context()
	provider, err := oidc.NewProvider(ctx, at+"/"+tenant+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Verifier(&oidc.Config{SkipClientIDCheck: true}).Verify(ctx, token); err != nil {
		t.Error(err)
	}
	contains(t, must[string](t)(c.ClientProperties(ctx, "java")), reader, "the-secret-of-the-reader", "lkc-test")
}

// TestFault is one that a client meets, by its header and by its error.
func TestFault(t *testing.T) {
	t.Parallel()
	c := run(t, docker.WithFault("testdata/faults.yaml"), docker.WithFaultYAML("- {id: no-keys, endpoint: jwks, status: 503}"))
	at := must[string](t)(c.URL(t.Context()))
	_, err := c.Token(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), `(the fault "throttled")`) || !strings.Contains(err.Error(), "AADSTS90055") {
		t.Errorf("the first token: %v", err)
	}
	if _, header, err := ask(t.Context(), http.DefaultClient, at, acme); err != nil || header.Get("Idpool-Fault") != "" {
		t.Errorf("the second: %v, by the fault %q", err, header.Get("Idpool-Fault"))
	}
	response, err := http.Get(at + "/" + acme + "/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if got := response.Header.Get("Idpool-Fault"); got != "no-keys" || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the keys: %s, by the fault %q", response.Status, got)
	}
}

// TestScenario is a stack that is broken on purpose.
func TestScenario(t *testing.T) {
	t.Parallel()
	c := run(t, docker.WithScenario("api-disabled"))
	if _, err := c.Token(t.Context(), clientID); err == nil || !strings.Contains(err.Error(), "AADSTS500014") {
		t.Errorf("the API is disabled, and a token for it: %v", err)
	}
	contains(t, must[string](t)(c.ClientProperties(t.Context(), "java")), secret)
}

// TestStopAndStart is a container that gets other ports: the issuer follows
// them, and what was said before is not said again.
func TestStopAndStart(t *testing.T) {
	t.Parallel()
	c := run(t)
	before := must[string](t)(c.URL(t.Context()))
	limit := 10 * time.Second
	if err := c.Stop(t.Context(), &limit); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := must[string](t)(c.URL(t.Context()))
	t.Logf("%s became %s", before, after) // the daemon rarely gives the same port again
	verify(t, http.DefaultClient, after+"/"+acme+"/v2.0", must[string](t)(c.Token(t.Context(), "")))
}

// TestEnvironment is testcontainers' own option, which wins.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	const public = "http://idp.example.com"
	c := run(t, testcontainers.WithEnv(map[string]string{"IDPOOL_PUBLIC_URL": public, "IDPOOL_ADMIN_TOKEN": "mine"}))
	if got := must[string](t)(c.URL(t.Context())); got != public || c.AdminToken() != "mine" {
		t.Errorf("URL %q and admin token %q", got, c.AdminToken())
	}
	at := must[string](t)(c.PortEndpoint(t.Context(), "8080/tcp", "http"))
	token, _, err := ask(t.Context(), http.DefaultClient, at, acme)
	if err != nil {
		t.Fatal(err)
	}
	issuer := public + "/" + acme + "/v2.0"
	ctx := oidc.InsecureIssuerURLContext(t.Context(), issuer)
	keys := oidc.NewRemoteKeySet(ctx, at+"/"+acme+"/discovery/v2.0/keys")
	if _, err := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: confluent}).Verify(ctx, token); err != nil {
		t.Error(err)
	}
	// The URL that was not given is the host's.
	client := must[*http.Client](t)(c.Client(t.Context()))
	secure := must[string](t)(c.HTTPSURL(t.Context()))
	if token, _, err = ask(t.Context(), client, secure, acme); err != nil {
		t.Fatal(err)
	}
	verify(t, client, secure+"/"+acme+"/v2.0", token)
}

// TestListenersOff is a container without those that a test does not want.
func TestListenersOff(t *testing.T) {
	t.Parallel()
	c := run(t, testcontainers.WithEnv(map[string]string{"IDPOOL_HTTP": "off", "IDPOOL_KAFKA": "off"}))
	secure := must[string](t)(c.HTTPSURL(t.Context()))
	verify(t, must[*http.Client](t)(c.Client(t.Context())), secure+"/"+acme+"/v2.0", must[string](t)(c.Token(t.Context(), "")))
	contains(t, must[string](t)(c.ClientProperties(t.Context(), "java", "--bootstrap=kafka:9092")), "="+secure+"/"+acme+"/oauth2/v2.0/token\n", "bootstrap.servers=kafka:9092\n")
	if at, err := c.URL(t.Context()); text(err) != "http URL: IDPOOL_HTTP is off" {
		t.Errorf("the URL is %q, %v", at, err)
	}
	if brokers, err := c.Brokers(t.Context()); err == nil || err.Error() != "brokers: IDPOOL_KAFKA is off" {
		t.Errorf("the brokers are %q, %v", brokers, err)
	}
}

// TestAdvertisedHost is a name for the host that Kafka clients are told: the port is
// the one that is published.
func TestAdvertisedHost(t *testing.T) {
	t.Parallel()
	c := run(t, testcontainers.WithEnv(map[string]string{"IDPOOL_KAFKA_ADVERTISED": "127.0.0.1"}))
	_, port, _ := net.SplitHostPort(must[string](t)(c.PortEndpoint(t.Context(), "9092/tcp", "")))
	brokers := must[[]string](t)(c.Brokers(t.Context()))
	if want := []string{"127.0.0.1:" + port}; !slices.Equal(brokers, want) {
		t.Fatalf("the brokers are %q, want %q", brokers, want)
	}
	exchange(t, brokers, login(c))
}
