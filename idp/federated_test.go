package idp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/idpool/idpool/idp"
)

const (
	workload = "system:serviceaccount:kafka:producer"
	exchange = "api://AzureADTokenExchange"
)

// withFederated is Acme, whose client has federated identity credentials.
func withFederated(credentials ...idp.FederatedIdentityCredential) []idp.Tenant {
	t := idp.Acme()
	t.Applications[1].FederatedIdentityCredentials = credentials
	return []idp.Tenant{t}
}

// jwk is the key as an issuer publishes it.
func (s signer) jwk(kid string) object {
	return object{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
		"n": base64.RawURLEncoding.EncodeToString(s.key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes()),
	}
}

// openid is an OpenID Connect issuer over real HTTP. What it answers may be
// changed while it runs.
type openid struct {
	*httptest.Server
	fetches atomic.Int32 // of the JWKS

	mu       sync.Mutex
	document func(w http.ResponseWriter, r *http.Request) // nil: a right one
	keys     any
}

func newIssuer(t testing.TB, keys ...object) *openid {
	t.Helper()
	o := &openid{}
	o.publish(keys...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		answer := o.document
		o.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		writeJSON(t, w, object{"issuer": o.URL, "jwks_uri": o.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		o.fetches.Add(1)
		o.mu.Lock()
		keys := o.keys
		o.mu.Unlock()
		writeJSON(t, w, keys)
	})
	o.Server = httptest.NewServer(mux)
	t.Cleanup(o.Close)
	return o
}

func writeJSON(t testing.TB, w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func (o *openid) publish(keys ...object) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keys = object{"keys": keys}
}

func (o *openid) answer(document func(w http.ResponseWriter, r *http.Request)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.document = document
}

// credential trusts the issuer's workload.
func (o *openid) credential() idp.FederatedIdentityCredential {
	return idp.FederatedIdentityCredential{Name: "workload", Issuer: o.URL, Subject: workload}
}

// token is what the issuer gives the workload, with changes.
func (o *openid) token(t testing.TB, k signer, kid string, changes ...object) string {
	t.Helper()
	claims := object{"iss": o.URL, "sub": workload, "aud": []string{exchange}, "iat": now.Unix(), "exp": now.Unix() + 3600}
	return k.sign(t, object{"alg": "RS256", "kid": kid}.text(t), claims.but(changes...).text(t))
}

func TestATokenOfAnotherIssuer(t *testing.T) {
	k := otherKey()
	o := newIssuer(t, k.jwk("one"))
	s := newServer(t, idp.Config{Tenants: withFederated(o.credential())})
	for _, tc := range []struct {
		name   string
		header object
		claims object
	}{
		{"of Kubernetes: no typ, an array", nil, nil},
		{"of GitHub: typ, x5t, a string", object{"typ": "JWT", "x5t": "78167F727DEC5D801DD1C8784C704A1C880EC0E1"}, object{"aud": exchange}},
		{"PS256", object{"alg": "PS256"}, nil},
		{"without kid", object{"kid": nil}, nil},
		{"one audience of several", nil, object{"aud": []string{"https://kubernetes.default.svc", exchange}}},
		{"the appId of Azure's resource for the exchange", nil, object{"aud": "fb60f99c-7a34-4190-8149-302f77469936"}},
		{"dates with fractions", nil, object{"exp": float64(now.Unix()) + 0.5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := object{"alg": "RS256", "kid": "one"}.but(tc.header)
			claims := object{"iss": o.URL, "sub": workload, "aud": []string{exchange}, "exp": now.Unix() + 3600}.but(tc.claims)
			for range 2 { // the same token again is fine
				if refused := present(t, s, k.sign(t, header.text(t), claims.text(t))); refused != nil {
					t.Error(refused)
				}
			}
		})
	}
	if n := o.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times, want once", n)
	}
}

// TestWhichCredentialFits: issuer, then subject, then audience, to the letter.
// Nothing is fetched for a token that fits no credential.
func TestWhichCredentialFits(t *testing.T) {
	k := otherKey()
	o := newIssuer(t, k.jwk("one"))
	elsewhere := idp.FederatedIdentityCredential{Issuer: "https://elsewhere.example", Subject: "Workload-B", Audiences: []string{"kafka"}}
	s := newServer(t, idp.Config{Tenants: withFederated(elsewhere, o.credential(),
		idp.FederatedIdentityCredential{Issuer: o.URL, Subject: "own-audience", Audiences: []string{"kafka"}})})
	const no = "No matching federated identity record found for presented assertion "
	long := strings.Repeat("x", 700)
	for _, tc := range []struct {
		name   string
		change object
		number int
		text   string
	}{
		{"a slash at the end of the issuer", object{"iss": o.URL + "/"}, 700211, no + "issuer '" + o.URL + "/'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion."},
		{"the issuer in capitals", object{"iss": strings.ToUpper(o.URL)}, 700211, no + "issuer 'HTTP://"},
		{"an issuer that nobody trusts, and everything else wrong", object{"iss": "https://token.actions.githubusercontent.com", "sub": "x", "aud": "x", "exp": 1}, 700211, no + "issuer 'https://token.actions.githubusercontent.com'"},
		{"an issuer that is a word", object{"iss": "kubernetes"}, 700211, no + "issuer 'kubernetes'"},
		{"an issuer of 700 characters", object{"iss": long}, 700211, no + "issuer '" + long[:600] + "…'"},
		{"another subject", object{"sub": "system:serviceaccount:kafka:consumer"}, 700213, no + "subject 'system:serviceaccount:kafka:consumer'. Check your"},
		{"another issuer's subject", object{"sub": "Workload-B"}, 700213, no + "subject 'Workload-B'"},
		{"a wildcard", object{"sub": "*"}, 700213, no + "subject '*'"},
		{"a subject with a space at the end", object{"sub": workload + " "}, 700213, no + "subject '" + workload + " '"},
		{"subject before audience", object{"sub": "x", "aud": "x"}, 700213, no},
		{"the subject in other letters", object{"sub": "system:serviceaccount:Kafka:producer"}, 7002138, no + "subject 'system:serviceaccount:Kafka:producer'. The subject matches with case-insensitive comparison, but not with case-sensitive comparison."},
		{"no subject", object{"sub": nil}, 90014, "The required field 'sub' is missing from the credential."},
		{"no audience", object{"aud": nil}, 90014, "The required field 'aud' is missing from the credential."},
		{"another audience", object{"aud": "https://kubernetes.default.svc"}, 700212, no + "audience 'https://kubernetes.default.svc'. Check your"},
		{"the audience in other letters", object{"aud": "api://azureadtokenexchange"}, 700212, no + "audience 'api://azureadtokenexchange'"},
		{"the audience with a slash", object{"aud": exchange + "/"}, 700212, no + "audience '"},
		{"the token endpoint", object{"aud": tokenURL}, 700212, no},
		{"the default audience where another was set", object{"sub": "own-audience"}, 700212, no + "audience '" + exchange + "'"},
		{"Azure's appId where another was set", object{"sub": "own-audience", "aud": "fb60f99c-7a34-4190-8149-302f77469936"}, 700212, no},
		{"another credential's audience", object{"aud": "kafka"}, 700212, no + "audience 'kafka'"},
		{"expired", object{"exp": now.Unix() - 300}, 700024, "expiry time of assertion 2026-11-23T14:55:00.0000000Z."},
		{"not yet valid", object{"nbf": now.Unix() + 301}, 700024, "assertion valid from 2026-11-23T15:05:01.0000000Z"},
		{"no exp", object{"exp": nil}, 700024, "1970-01-01"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refusedWith(t, present(t, s, o.token(t, k, "one", tc.change)), tc.number, tc.text)
		})
	}
	if n := o.fetches.Load(); n != 0 {
		t.Errorf("the keys were fetched %d times, want never", n)
	}
	if refused := present(t, s, o.token(t, k, "one", object{"sub": "own-audience", "aud": "kafka"})); refused != nil {
		t.Error(refused)
	}
}

// TestAKeyWithoutKid: RFC 7517 4.5 leaves the kid of a key to its publisher.
func TestAKeyWithoutKid(t *testing.T) {
	k := otherKey()
	nameless := k.jwk("")
	delete(nameless, "kid")
	o := newIssuer(t, nameless)
	s := newServer(t, idp.Config{Tenants: withFederated(o.credential())})
	if refused := present(t, s, o.token(t, k, "one")); refused != nil {
		t.Errorf("%v, want the key to be tried: it has no kid that could contradict", refused)
	}
	refusedWith(t, present(t, s, o.token(t, newSigner(), "one")), 7000272, "identifier one used")
}

// TestSignaturesOfAnotherIssuer: keys that are not its own, or not these.
func TestSignaturesOfAnotherIssuer(t *testing.T) {
	k, stranger := otherKey(), clientKey()
	o := newIssuer(t, k.jwk("one"), stranger.jwk("two"))
	s := newServer(t, idp.Config{Tenants: withFederated(o.credential())})
	thumbprint := base64.RawURLEncoding.EncodeToString(stranger.sha1())
	for _, tc := range []struct {
		name, token string
		number      int
		text        string
	}{
		{"an unknown kid", o.token(t, k, "three"), 7000272, "The certificate with identifier three used to sign the federated credential could not be found in the metadata of identity provider " + o.URL + "."},
		{"an unknown kid that is a thumbprint", o.token(t, k, thumbprint), 7000272, fmt.Sprintf("The certificate with identifier %X used", stranger.sha1())},
		{"another key of the issuer", o.token(t, k, "two"), 700027, "[Reason - Key was found, but use of the key to verify the signature failed., Thumbprint of key used by client: 'two', Please"},
		{"a signature of another token", cutSignature(o.token(t, k, "one")) + o.token(t, k, "one", object{"jti": "x"})[len(cutSignature(o.token(t, k, "one", object{"jti": "x"}))):], 700027, "the signature failed."},
		{"no kid, a stranger's key", newSigner().sign(t, `{"alg":"RS256"}`, object{"iss": o.URL, "sub": workload, "aud": exchange, "exp": now.Unix() + 60}.text(t)), 700027, "the signature failed., Please"},
		{"a kid of 700 characters", o.token(t, k, strings.Repeat("k", 700)), 7000272, "identifier " + strings.Repeat("k", 600) + "… used"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refusedWith(t, present(t, s, tc.token), tc.number, tc.text)
		})
	}
}

// cutSignature is the token up to and with its last dot.
func cutSignature(token string) string { return token[:strings.LastIndexByte(token, '.')+1] }

// TestATokenOfThisServer: the issuers of its own tenants need no network. The
// way of a managed identity that stands in for an application.
func TestATokenOfThisServer(t *testing.T) {
	refuseNetwork := &http.Client{Transport: noNetwork{}}
	for _, tc := range []struct {
		name, setting, issuer string
		scope                 string
	}{
		{"the v2.0 issuer under the public URL", "", base + "/" + acme + "/v2.0", exchange + "/.default"},
		{"Azure's v2.0 issuer", "azure", "https://login.microsoftonline.com/" + acme + "/v2.0", exchange + "/.default"},
		{"an issuer of the config's own", "https://issuer.example/x", "https://issuer.example/x", exchange + "/.default"},
		{"the v1.0 issuer", "", "https://sts.windows.net/" + acme + "/", "api://old/.default"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			audience := ""
			if tc.scope == "api://old/.default" {
				audience = "api://old"
			}
			tenants := withFederated(idp.FederatedIdentityCredential{Issuer: tc.issuer, Subject: clientSP, Audiences: only(audience)})
			tenants[0].Applications = append(tenants[0].Applications, idp.Application{AppID: nobody, IdentifierURIs: []string{"api://old"}})
			s := newServer(t, idp.Config{Tenants: tenants, Issuer: tc.setting, Client: refuseNetwork})
			first, err := s.Token(t.Context(), base, idp.TokenRequest{Tenant: acme, ClientID: client, ClientSecret: secret, Scope: tc.scope})
			if err != nil {
				t.Fatal(err)
			}
			if refused := present(t, s, first.AccessToken); refused != nil {
				t.Error(refused)
			}
			claims := object{"iss": tc.issuer, "sub": clientSP, "aud": exchange, "exp": now.Unix() + 60}
			if audience != "" {
				claims["aud"] = audience
			}
			forged := otherKey().sign(t, object{"alg": "RS256", "kid": idp.TestKeys().Signer().ID}.text(t), claims.text(t))
			refusedWith(t, present(t, s, forged), 700027, "Key was found, but use of the key to verify the signature failed.")
			unknown := otherKey().sign(t, `{"alg":"RS256","kid":"other"}`, claims.text(t))
			refusedWith(t, present(t, s, unknown), 7000272, "identifier other used to sign the federated credential could not be found in the metadata of identity provider "+tc.issuer)
		})
	}
}

// noNetwork fails whoever reaches for it.
type noNetwork struct{}

func (noNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("a request to %s, want none", r.URL)
}

// only is a list of one, or none of an empty string.
func only(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// TestAnotherTenantsIssuer: a tenant that this server does not have is asked
// over the network like anybody else.
func TestAnotherTenantsIssuer(t *testing.T) {
	issuer := base + "/" + nobody + "/v2.0"
	s := newServer(t, idp.Config{
		Tenants: withFederated(idp.FederatedIdentityCredential{Issuer: issuer, Subject: clientSP}),
		Client:  &http.Client{Transport: noNetwork{}},
	})
	claims := object{"iss": issuer, "sub": clientSP, "aud": exchange, "exp": now.Unix() + 60}
	key, err := idp.PrivateKey(idp.TestKeys().Signer())
	if err != nil {
		t.Fatal(err)
	}
	token := signer{key: key}.sign(t, object{"alg": "RS256", "kid": idp.TestKeys().Signer().ID}.text(t), claims.text(t))
	refusedWith(t, present(t, s, token), 50166, "")
}

func TestMistakesInFederatedCredentials(t *testing.T) {
	const issuer = "https://token.actions.githubusercontent.com"
	long := strings.Repeat("é", 601)
	good := idp.FederatedIdentityCredential{Name: strings.Repeat("é", 120), Issuer: issuer, Subject: strings.Repeat("é", 600), Description: strings.Repeat("x", 600)}
	with := func(change func(*idp.FederatedIdentityCredential)) idp.FederatedIdentityCredential {
		c := idp.FederatedIdentityCredential{Issuer: issuer, Subject: "x", Audiences: []string{exchange}}
		change(&c)
		return c
	}
	type credential = idp.FederatedIdentityCredential
	for _, tc := range []struct {
		name       string
		credential credential
		field      string
		message    string
	}{
		{"no issuer", with(func(c *credential) { c.Issuer = "" }), ".issuer", `"" is no absolute URL, want one such as https://`},
		{"an issuer without a scheme", with(func(c *credential) { c.Issuer = "token.actions.githubusercontent.com" }), ".issuer", "is no absolute URL"},
		{"an issuer with a space at the end", with(func(c *credential) { c.Issuer += "/x " }), ".issuer", "is no absolute URL"},
		{"an issuer of another scheme", with(func(c *credential) { c.Issuer = "api://x" }), ".issuer", "is no absolute URL"},
		{"an issuer with a password", with(func(c *credential) { c.Issuer = "https://me:pass@x.example" }), ".issuer", `"https://me:xxxxx@x.example" has more than a scheme, a host and a path`},
		{"an issuer with a query", with(func(c *credential) { c.Issuer += "?a=b" }), ".issuer", "has more than"},
		{"an issuer that is too long", with(func(c *credential) { c.Issuer += "/" + strings.Repeat("x", 600) }), ".issuer", "644 characters, want 600 or fewer"},
		{"no subject", with(func(c *credential) { c.Subject = "" }), ".subject", "is missing"},
		{"a subject that is too long", with(func(c *credential) { c.Subject = long }), ".subject", "601 characters, want 600 or fewer"},
		{"two audiences", with(func(c *credential) { c.Audiences = []string{"a", "b"} }), ".audiences", "2 audiences, Azure takes exactly one"},
		{"an empty audience", with(func(c *credential) { c.Audiences = []string{""} }), ".audiences[0]", "is empty"},
		{"an audience that is too long", with(func(c *credential) { c.Audiences = []string{long} }), ".audiences[0]", "601 characters"},
		{"a name that is too long", with(func(c *credential) { c.Name = strings.Repeat("x", 121) }), ".name", "121 characters, want 120 or fewer"},
		{"a description that is too long", with(func(c *credential) { c.Description = long }), ".description", "601 characters"},
		{"issuer and subject once more, with another audience", with(func(c *credential) { c.Subject, c.Audiences = good.Subject, []string{"x"} }), "", "occurs twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := idp.New(idp.Config{Tenants: withFederated(good, tc.credential)})
			mistake(t, err, "tenants[0].applications[1].federatedIdentityCredentials[1]"+tc.field, tc.message)
		})
	}
}

func TestTwentyFederatedCredentials(t *testing.T) {
	var credentials []idp.FederatedIdentityCredential
	for i := range 20 {
		credentials = append(credentials, idp.FederatedIdentityCredential{Issuer: "https://a.example", Subject: fmt.Sprint(i)})
	}
	newServer(t, idp.Config{Tenants: withFederated(credentials...)})
	credentials = append(credentials, idp.FederatedIdentityCredential{Issuer: "https://b.example", Subject: "x"})
	_, err := idp.New(idp.Config{Tenants: withFederated(credentials...)})
	mistake(t, err, "tenants[0].applications[1].federatedIdentityCredentials", "21 credentials, an application can have 20")
}
