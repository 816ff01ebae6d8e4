package idpool

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// tokenAt asks a public URL of the stack with the stack's client.
func tokenAt(t testing.TB, web *http.Client, base string) string {
	t.Helper()
	response, err := web.PostForm(base+"/"+acme+"/oauth2/v2.0/token", url.Values{
		"client_id": {client}, "client_secret": {secret}, "scope": {"api://" + api + "/.default"}, "grant_type": {"client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var token idp.TokenResponse
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return token.AccessToken
}

// TestBothListenersAreIssuers: a token of either names it, and both are
// accepted by the provider of the tenant.
func TestBothListenersAreIssuers(t *testing.T) {
	s := start(t, Acme())
	if !strings.HasPrefix(s.HTTPS, "https://localhost:") || !strings.HasPrefix(s.HTTP, "http://localhost:") {
		t.Fatalf("https %q, http %q", s.HTTPS, s.HTTP)
	}
	for _, base := range []string{s.HTTP, s.HTTPS} {
		d := s.Decide(t.Context(), validator.Request{Token: tokenAt(t, s.Client(), base), Cluster: "lkc-acme", Pools: "pool-dev"})
		if !d.Allowed || d.Claims["iss"] != base+"/"+acme+"/v2.0" {
			t.Errorf("%s: allowed %v, iss %v: %+v", base, d.Allowed, d.Claims["iss"], d.Failed())
		}
	}
}

// TestAnotherTenantsIssuerIsRefused: a provider takes its tenant's issuers and
// no other, by either listener.
func TestAnotherTenantsIssuerIsRefused(t *testing.T) {
	c := Acme()
	other := otherTenant()
	c.Tenants = append(c.Tenants, other)
	s := start(t, c)
	for _, base := range []string{s.HTTP, s.HTTPS} {
		at := strings.TrimSuffix(base, "/")
		token := tokenAt(t, s.Client(), at)
		foreign, err := s.current().idp.Token(t.Context(), at, idp.TokenRequest{Tenant: other.ID, ClientID: other.Applications[0].AppID, ClientSecret: "s", Scope: other.Applications[0].AppID + "/.default"})
		if err != nil {
			t.Fatal(err)
		}
		if d := s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme"}); !d.Allowed {
			t.Errorf("%s: its own: %+v", base, d.Failed())
		}
		if d := s.Decide(t.Context(), validator.Request{Token: foreign.AccessToken, Cluster: "lkc-acme"}); d.Allowed || d.Failed().Name != "provider" {
			t.Errorf("%s: the other tenant's: allowed %v by the check %q", base, d.Allowed, d.Failed().Name)
		}
	}
}

// otherTenant has one application, which is its own resource.
func otherTenant() idp.Tenant {
	two := 2
	return idp.Tenant{ID: "00000000-0000-4000-8000-000000000001", Applications: []idp.Application{{
		AppID: "00000000-0000-4000-8000-000000000002", API: idp.API{RequestedAccessTokenVersion: &two},
		PasswordCredentials: []idp.PasswordCredential{{SecretText: "s"}},
	}}}
}

// TestTheDiscoveryOfEachListener begins with that listener's public URL.
func TestTheDiscoveryOfEachListener(t *testing.T) {
	s := start(t, Acme())
	for _, base := range []string{s.HTTP, s.HTTPS} {
		response, err := s.Client().Get(base + "/" + acme + "/v2.0/.well-known/openid-configuration")
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			Issuer        string `json:"issuer"`
			TokenEndpoint string `json:"token_endpoint"`
			JWKSURI       string `json:"jwks_uri"`
		}
		err = json.NewDecoder(response.Body).Decode(&document)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range []string{document.Issuer, document.TokenEndpoint, document.JWKSURI} {
			if !strings.HasPrefix(got, base+"/"+acme+"/") {
				t.Errorf("%s: the document has %q", base, got)
			}
		}
		if hsts := response.Header.Get("Strict-Transport-Security"); hsts != "" {
			t.Errorf("%s: Strict-Transport-Security %q would keep browsers from http://localhost for a year", base, hsts)
		}
		if base == s.HTTPS && response.ProtoMajor != 2 {
			t.Errorf("%s: %s, want HTTP/2", base, response.Proto)
		}
	}
}

// TestAClientThatTrustsTheCAAlone, with every name that the certificate must
// have.
func TestAClientThatTrustsTheCAAlone(t *testing.T) {
	c := Acme()
	c.Listeners.HTTPS = SecureListener{PublicURL: "https://idp.example:9443", Names: []string{"container", "10.1.2.3", "*.test.example"}}
	s := start(t, c)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA()) {
		t.Fatalf("CA %q", s.CA())
	}
	for name, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "idp.example": true, "container": true, "10.1.2.3": true, "a.test.example": true,
		"login.microsoftonline.com": true, "login.windows.net": true, "sts.windows.net": true,
		"graph.microsoft.com": false, "example.com": false, "10.1.2.4": false,
	} {
		connection, err := tls.Dial("tcp", s.secureAddress, &tls.Config{RootCAs: pool, ServerName: name})
		if err == nil {
			connection.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if connection, err := tls.Dial("tcp", s.secureAddress, &tls.Config{ServerName: "localhost", RootCAs: x509.NewCertPool()}); err == nil {
		connection.Close()
		t.Error("a client that trusts nobody is content")
	}
	if connection, err := tls.Dial("tcp", s.secureAddress, &tls.Config{ServerName: "localhost", RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		connection.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// TestTheTakeover: with Azure's own URL as the public one, tokens are Azure's
// in every character, and the stack's client needs no hosts file.
func TestTheTakeover(t *testing.T) {
	c := Acme()
	c.Listeners.HTTPS.PublicURL = "https://login.microsoftonline.com"
	s := start(t, c)
	token := tokenAt(t, s.Client(), "https://login.microsoftonline.com")
	d := s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
	if want := "https://login.microsoftonline.com/" + acme + "/v2.0"; !d.Allowed || d.Claims["iss"] != want {
		t.Errorf("allowed %v, iss %v, want %s: %+v", d.Allowed, d.Claims["iss"], want, d.Failed())
	}
}

// TestAMovedClockDoesNotMoveTLS: a stack of another year must be reachable for
// clients of today.
func TestAMovedClockDoesNotMoveTLS(t *testing.T) {
	c := Acme()
	c.Now = func() time.Time { return time.Date(2051, 1, 1, 0, 0, 0, 0, time.UTC) }
	s := start(t, c)
	if d := s.Decide(t.Context(), validator.Request{Token: tokenAt(t, s.Client(), s.HTTPS), Cluster: "lkc-acme"}); !d.Allowed || d.ExpiresAt.Year() != 2051 {
		t.Errorf("allowed %v, expires %v: %+v", d.Allowed, d.ExpiresAt, d.Failed())
	}
}

// TestTheCAIsKept: what a client trusted once, it trusts after a restart.
func TestTheCAIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	kept, fresh := Acme(), Acme()
	kept.State, fresh.State = dir, Off
	first := start(t, kept)
	second := start(t, kept)
	if !bytes.Equal(first.CA(), second.CA()) {
		t.Error("another CA after a restart")
	}
	tokenAt(t, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: first.roots()}, DisableKeepAlives: true}}, second.HTTPS)
	if bytes.Equal(start(t, fresh).CA(), start(t, fresh).CA()) {
		t.Error("state: off keeps the CA")
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), kept); err == nil || !strings.Contains(err.Error(), "ca.pem") || !strings.Contains(err.Error(), "remove") {
		t.Errorf("%v, want the damaged file and what to do", err)
	}
}

// TestTheLibraryWritesNothing: a test that starts a stack must not find files
// in its user's home.
func TestTheLibraryWritesNothing(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	start(t, Acme())
	if entries, err := os.ReadDir(home); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestAConfigWithoutTenantsHasNone: nil tenants mean those of Acme to package
// idp, which once gave a token of Acme to a config that has no tenant.
func TestAConfigWithoutTenantsHasNone(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Token(t.Context(), idp.TokenRequest{Tenant: acme, ClientID: client, ClientSecret: secret, Scope: api + "/.default"}); err == nil {
		t.Error("there is a tenant")
	}
}

// TestNewHasNoCertificate: it does not listen, and still knows the issuers.
func TestNewHasNoCertificate(t *testing.T) {
	s, err := New(Acme())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.HTTPS != "https://localhost:8443" || s.CA() != nil || s.Client() == nil {
		t.Errorf("https %q, CA %q", s.HTTPS, s.CA())
	}
	token, err := s.current().idp.Token(t.Context(), s.HTTPS, idp.TokenRequest{Tenant: acme, ClientID: client, ClientSecret: secret, Scope: api + "/.default"})
	if err != nil {
		t.Fatal(err)
	}
	if d := s.Decide(t.Context(), validator.Request{Token: token.AccessToken, Cluster: "lkc-acme"}); !d.Allowed {
		t.Errorf("%+v", d.Failed())
	}
}

// TestGetCA: containers have the CA from the admin listener.
func TestGetCA(t *testing.T) {
	off, own := Acme(), Acme()
	off.Listeners.HTTPS.Address = Off
	off.Listeners.Kafka.Address = Off
	own.Listeners.HTTPS.Certificate, own.Listeners.HTTPS.Key = ownCertificate(t, "localhost")
	for _, tc := range []struct {
		name   string
		config Config
		status int
		want   string
	}{
		{"the CA", Acme(), 200, "-----BEGIN CERTIFICATE-----"},
		{"no TLS", off, 404, "neither the https listener nor the kafka listener"},
		{"an own certificate", own, 404, "a certificate of your own"},
	} {
		s := start(t, tc.config)
		response, err := http.Get(s.Admin + "/v1/ca")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != tc.status || !strings.Contains(string(body), tc.want) {
			t.Errorf("%s: %s %s (%v), want %d with %q", tc.name, response.Status, body, err, tc.status, tc.want)
		}
		if tc.status == 200 && (!bytes.Equal(body, s.CA()) || response.Header.Get("Content-Type") != "application/x-pem-file") {
			t.Errorf("%s: %s, and not what CA gives", tc.name, response.Header.Get("Content-Type"))
		}
	}
}

// ownCertificate writes a self-signed certificate and its key.
func ownCertificate(t testing.TB, names ...string) (certificateFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "own"}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificateFile, keyFile = filepath.Join(dir, "own.pem"), filepath.Join(dir, "own.key")
	for name, block := range map[string]*pem.Block{certificateFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificateFile, keyFile
}

func TestAnOwnCertificate(t *testing.T) {
	c := Acme()
	c.Listeners.HTTPS.Certificate, c.Listeners.HTTPS.Key = ownCertificate(t, "localhost")
	c.State = filepath.Join(t.TempDir(), "state")
	s := start(t, c)
	tokenAt(t, s.Client(), s.HTTPS)
	if s.CA() != nil {
		t.Error("there is a CA beside it")
	}
	if _, err := os.Stat(c.State); err == nil {
		t.Error("the folder of a CA was made")
	}
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
	c.Listeners.HTTPS.PublicURL = "https://idp.example"
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], `does not name "idp.example"`) {
		t.Errorf("warnings %q, want the name that is missing", w)
	}
}

func TestMistakesOfTheHTTPSListener(t *testing.T) {
	certificate, key := ownCertificate(t, "localhost")
	_, otherKey := ownCertificate(t, "localhost")
	large := filepath.Join(t.TempDir(), "large.pem")
	if err := os.WriteFile(large, make([]byte, maxPEMFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name        string
		l           SecureListener
		field, want string
	}{
		{"a certificate alone", SecureListener{Certificate: certificate}, "listeners.https.certificate", "without key"},
		{"a key alone", SecureListener{Key: key}, "listeners.https.key", "without certificate"},
		{"names beside it", SecureListener{Certificate: certificate, Key: key, Names: []string{"a"}}, "listeners.https.names", "has no effect"},
		{"no such certificate", SecureListener{Certificate: "no-such.pem", Key: key}, "listeners.https.certificate", `no file "no-such.pem"`},
		{"no such key", SecureListener{Certificate: certificate, Key: "no-such.key"}, "listeners.https.key", `no file "no-such.key"`},
		{"the key twice", SecureListener{Certificate: key, Key: key}, "listeners.https.certificate", "no CERTIFICATE block"},
		{"the certificate twice", SecureListener{Certificate: certificate, Key: certificate}, "listeners.https.key", "cannot serve TLS"},
		{"the key of another", SecureListener{Certificate: certificate, Key: otherKey}, "listeners.https.key", "private key does not match public key"},
		{"a folder", SecureListener{Certificate: filepath.Dir(large), Key: key}, "listeners.https.certificate", "is no file but a folder"},
		{"a large file", SecureListener{Certificate: large, Key: key}, "listeners.https.certificate", "more than 1 MB"},
		{"a name with a space", SecureListener{Names: []string{"localhost", "a b"}}, "listeners.https.names[1]", `"a b" is no DNS name`},
		{"a URL for a name", SecureListener{Names: []string{"https://a"}}, "listeners.https.names[0]", "is no DNS name and no IP address"},
		{"a port for a name", SecureListener{Names: []string{"a:443"}}, "listeners.https.names[0]", "is no DNS name"},
		{"http as public URL", SecureListener{PublicURL: "http://localhost:8443"}, "listeners.https.publicUrl", "is no https URL"},
		{"no URL", SecureListener{PublicURL: "localhost"}, "listeners.https.publicUrl", "is no URL, want one such as https://localhost:8443"},
		{"no address", SecureListener{Address: "localhost"}, "listeners.https.address", "is no address"},
	} {
		c := Acme()
		c.Listeners.HTTPS = tc.l
		mistakes, ok := c.Check().(ConfigErrors)
		if !ok || len(mistakes) != 1 || mistakes[0].Field != tc.field || !strings.Contains(mistakes[0].Message, tc.want) {
			t.Errorf("%s: %v, want %s: %s", tc.name, mistakes, tc.field, tc.want)
		}
	}
	c := Acme()
	c.State = "of"
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), `state: "of" is no setting of state: a folder is written with a slash, such as ./of`) {
		t.Errorf("state: of: %v", err)
	}
}

// TestTheConfigFilesFolder: files are named relative to the file that names
// them.
func TestTheConfigFilesFolder(t *testing.T) {
	certificate, key := ownCertificate(t, "localhost")
	dir := filepath.Dir(certificate)
	file := filepath.Join(dir, "idpool.yaml")
	text := "state: off\nlisteners: {https: {certificate: " + filepath.Base(certificate) + ", key: " + filepath.Base(key) + "}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if c.State != Off {
		t.Errorf("state %q: off without quotes is text", c.State)
	}
	s := start(t, c)
	if s.certificate.Leaf.Subject.CommonName != "own" {
		t.Errorf("the certificate of %q", s.certificate.Leaf.Subject.CommonName)
	}
}

// TestOneIssuerOneProvider: each public URL of a tenant belongs to its
// provider.
func TestOneIssuerOneProvider(t *testing.T) {
	for _, base := range []string{"http://localhost:8080", "https://localhost:8443"} {
		c := Acme()
		c.IdentityProviders = append(c.IdentityProviders, IdentityProvider{ID: "op-x", Issuer: base + "/" + acme + "/v2.0", JWKSURI: base + "/" + acme + "/discovery/v2.0/keys"})
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), `identityProviders[1].issuer: the issuer "`+base) {
			t.Errorf("%s: %v", base, err)
		}
		c.Listeners.HTTPS.Address = Off
		if err := c.Check(); (err == nil) != strings.HasPrefix(base, "https:") {
			t.Errorf("%s, without https: %v", base, err)
		}
	}
}

// TestPublicURLs have no port that clients leave out: they compare the issuer
// with an authority that has none.
func TestPublicURLs(t *testing.T) {
	for _, tc := range []struct {
		name, scheme string
		l            Listener
		want         string
	}{
		{"the port of https", "https", Listener{Address: "0.0.0.0:443"}, "https://localhost"},
		{"the port of http", "http", Listener{Address: "0.0.0.0:80"}, "http://localhost"},
		{"that of the other scheme", "http", Listener{Address: "0.0.0.0:443"}, "http://localhost:443"},
		{"a port that begins the same", "https", Listener{Address: "0.0.0.0:4430"}, "https://localhost:4430"},
		{"a free port", "https", Listener{Address: "127.0.0.1:0"}, "https://localhost:8443"},
		{"a public URL with it", "https", Listener{PublicURL: "https://idp.example:443/"}, "https://idp.example"},
		{"a path after it", "https", Listener{PublicURL: "https://idp.example:443/oauth"}, "https://idp.example/oauth"},
		{"an IPv6 address", "https", Listener{PublicURL: "https://[::1]:443"}, "https://[::1]"},
		{"an IPv6 address without it", "https", Listener{PublicURL: "https://[::443]"}, "https://[::443]"},
		{"a public URL with another", "https", Listener{PublicURL: "https://idp.example:8443"}, "https://idp.example:8443"},
	} {
		if got := publicURL(tc.scheme, tc.l, "8443"); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

// TestTheCAThatIsServedNowhere: what a client must trust can then only be kept.
func TestTheCAThatIsServedNowhere(t *testing.T) {
	c := Acme()
	c.Listeners.Admin.Address = Off
	if got := start(t, c).caSource(); !strings.Contains(got, "--state DIR") || strings.Contains(got, "GET") {
		t.Errorf("%q, want how to keep it", got)
	}
}
