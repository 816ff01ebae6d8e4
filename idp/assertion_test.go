package idp_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
)

// base is the public URL in tests that need no HTTP.
const base = "https://localhost:8443"

// nobody is the id of no tenant and no application.
const nobody = "11111111-2222-4333-8444-555555555555"

const tokenURL = base + "/" + acme + "/oauth2/v2.0/token"

// signer is a private key with its certificate.
type signer struct {
	key         *rsa.PrivateKey
	certificate []byte
}

func newSigner() signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	certificate, err := idp.SelfSign(key, now.AddDate(-1, 0, 0))
	if err != nil {
		panic(err)
	}
	return signer{key, certificate}
}

// The client's certificate, and another key: a stranger's, or an issuer's.
// Generating them takes a while, so that all tests share them.
var clientKey, otherKey = sync.OnceValue(newSigner), sync.OnceValue(newSigner)

func (s signer) sha1() []byte {
	sum := sha1.Sum(s.certificate)
	return sum[:]
}

func (s signer) sha256() []byte {
	sum := sha256.Sum256(s.certificate)
	return sum[:]
}

// object is a JSON object. A member that is nil is left out.
type object map[string]any

// but is the object with some members changed.
func (o object) but(changes ...object) object {
	o = maps.Clone(o)
	for _, change := range changes {
		maps.Copy(o, change)
	}
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	return o
}

func (o object) text(t testing.TB) string {
	t.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// sign makes an assertion of a header and a payload as they are.
func (s signer) sign(t testing.TB, header, payload string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	digest := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	if strings.Contains(header, `"PS256"`) {
		signature, err = rsa.SignPSS(rand.Reader, s.key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	} else {
		signature, err = rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// header and payload are what the client sends when all is well.
func (s signer) header() object {
	return object{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(s.sha256())}
}

func goodClaims() object {
	return object{
		"aud": tokenURL, "iss": client, "sub": client, "jti": "22b3bb26-e046-42df-9c96-65dbd72c1c81",
		"nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
	}
}

// withCertificates is Acme, whose client has certificates beside its secret.
func withCertificates(credentials ...idp.KeyCredential) []idp.Tenant {
	t := idp.Acme()
	t.Applications[1].KeyCredentials = credentials
	return []idp.Tenant{t}
}

// registered is the credential of a certificate as Graph has it.
func (s signer) registered() idp.KeyCredential {
	return idp.KeyCredential{Key: base64.StdEncoding.EncodeToString(s.certificate)}
}

// newServer makes a server whose clock stands at now.
func newServer(t testing.TB, c idp.Config) *idp.Server {
	t.Helper()
	if c.Now == nil {
		c.Now = func() time.Time { return now }
	}
	s, err := idp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// present asks for a token with an assertion; nil means that there is one.
func present(t testing.TB, s *idp.Server, assertion string) *idp.Error {
	t.Helper()
	_, err := s.Token(t.Context(), base, idp.TokenRequest{
		Tenant: acme, ClientID: client, ClientAssertion: assertion, Scope: "api://" + api + "/.default",
	})
	if err == nil {
		return nil
	}
	var refused *idp.Error
	if !errors.As(err, &refused) {
		t.Fatalf("%T: %v", err, err)
	}
	return refused
}

// refusedWith checks the number and a part of the text.
func refusedWith(t testing.TB, refused *idp.Error, number int, text string) {
	t.Helper()
	switch {
	case refused == nil:
		t.Errorf("a token, want AADSTS%d", number)
	case refused.Number != number || !strings.Contains(refused.Message, text):
		t.Errorf("%v\nwant AADSTS%d: %s", refused, number, text)
	}
}

// lines breaks base64 into lines, as MSAL for Python leaves it in x5c.
func lines(s string) string {
	var b strings.Builder
	for len(s) > 64 {
		b.WriteString(s[:64] + "\n")
		s = s[64:]
	}
	return b.String() + s + "\n"
}

// TestAssertionsOfRealClients: the rows of azure-ad.md 3.8, and the spellings
// beside them.
func TestAssertionsOfRealClients(t *testing.T) {
	k := clientKey()
	std, raw, padded := base64.StdEncoding, base64.RawURLEncoding, base64.URLEncoding
	chain := []string{std.EncodeToString(k.certificate), std.EncodeToString(otherKey().certificate)}
	dates := object{"exp": float64(now.Unix()) + 600.704901, "iat": float64(now.Unix()) + 0.704901, "nbf": nil}
	s := newServer(t, idp.Config{Tenants: withCertificates(otherKey().registered(), k.registered())})
	for _, tc := range []struct {
		name           string
		header, claims object
	}{
		{"MSAL Go: PS256, standard base64 with padding", object{"alg": "PS256", "x5t#S256": std.EncodeToString(k.sha256())}, nil},
		{"MSAL Go with the chain", object{"alg": "PS256", "x5t#S256": std.EncodeToString(k.sha256()), "x5c": chain}, nil},
		{"msal-node: base64url without padding", object{"alg": "PS256", "x5t#S256": raw.EncodeToString(k.sha256())}, object{"iat": now.Unix()}},
		{"MSAL Python by thumbprint: RS256, padding, dates with fractions", object{"alg": "RS256", "x5t": padded.EncodeToString(k.sha1()), "x5c": []string{lines(chain[0])}}, dates},
		{"MSAL Python by PFX", object{"alg": "PS256", "x5t#S256": padded.EncodeToString(k.sha256())}, dates},
		{"MSAL .NET for ADFS: RS256 and x5t", object{"alg": "RS256", "x5t": raw.EncodeToString(k.sha1())}, nil},
		{"MSAL4J: x5t in standard base64", object{"alg": "RS256", "x5t": std.EncodeToString(k.sha1())}, nil},
		{"x5t in hex, as the portal shows it", object{"alg": "RS256", "x5t": strings.ToUpper(hex.EncodeToString(k.sha1()))}, nil},
		{"x5t#S256 in lower-case hex", object{"alg": "RS256", "x5t#S256": hex.EncodeToString(k.sha256())}, nil},
		{"a SHA-256 thumbprint in x5t", object{"alg": "RS256", "x5t": raw.EncodeToString(k.sha256())}, nil},
		{"both thumbprints", object{"alg": "RS256", "x5t": raw.EncodeToString(k.sha1()), "x5t#S256": raw.EncodeToString(k.sha256())}, nil},
		{"kid only", object{"alg": "RS256", "kid": raw.EncodeToString(k.sha1())}, nil},
		{"kid only, in hex", object{"alg": "RS256", "kid": hex.EncodeToString(k.sha1())}, nil},
		{"x5c only", object{"alg": "RS256", "x5c": chain}, nil},
		{"x5c with line breaks beside a kid that is a name", object{"alg": "RS256", "kid": "my-key", "x5c": []string{lines(chain[0])}}, nil},
		{"no typ", object{"typ": nil}, nil},
		{"typ in lower case", object{"typ": "jwt"}, nil},
		{"dates in quotes", nil, object{"exp": fmt.Sprint(now.Unix() + 600), "nbf": fmt.Sprint(now.Unix())}},
		{"neither nbf nor iat", nil, object{"nbf": nil}},
		{"null for what is optional", nil, object{"nbf": json.RawMessage("null"), "iat": json.RawMessage("null")}},
		{"no jti", nil, object{"jti": nil}},
		{"the client id in capitals", nil, object{"iss": strings.ToUpper(client), "sub": strings.ToUpper(client)}},
		{"claims that nobody knows", object{"nonce": "x"}, object{"extra": object{"a": []int{1}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			header := k.header()
			if tc.header["alg"] != nil {
				header = object{"typ": "JWT"}
			}
			assertion := k.sign(t, header.but(tc.header).text(t), goodClaims().but(tc.claims).text(t))
			if refused := present(t, s, assertion); refused != nil {
				t.Error(refused)
			}
		})
	}
}

func TestAudiencesOfAssertions(t *testing.T) {
	const azure = "https://login.microsoftonline.com/"
	const domain = "acmeexamples.onmicrosoft.com"
	const issuer = "https://issuer.example/x"
	k := clientKey()
	servers := map[string]*idp.Server{}
	for _, setting := range []string{"", "azure", issuer} {
		servers[setting] = newServer(t, idp.Config{Issuer: setting, Tenants: withCertificates(k.registered())})
	}
	for _, tc := range []struct {
		name     string
		aud      any
		issuer   string // Config.Issuer
		accepted bool
	}{
		{"the v2.0 token endpoint", tokenURL, "", true},
		{"the v1.0 token endpoint", base + "/" + acme + "/oauth2/token", "", true},
		{"the v2.0 issuer", base + "/" + acme + "/v2.0", "", true},
		{"the tenant alone", base + "/" + acme, "", true},
		{"a slash at the end", tokenURL + "/", "", true},
		{"the tenant by its domain", base + "/" + domain + "/oauth2/v2.0/token", "", true},
		{"in capitals", strings.ToUpper(tokenURL), "", true},
		{"Azure's token endpoint", azure + acme + "/oauth2/v2.0/token", "", true},
		{"Azure's v1.0 token endpoint by domain", azure + domain + "/oauth2/token", "", true},
		{"Azure's old host", "https://login.windows.net/" + acme + "/oauth2/token", "", true},
		{"Azure's v2.0 issuer", azure + acme + "/v2.0", "", true},
		{"the v1.0 issuer", "https://sts.windows.net/" + acme + "/", "", true},
		{"an array", []string{"https://elsewhere.example", tokenURL}, "", true},
		{"an issuer of the config's own", issuer, issuer, true},
		{"the token endpoint while the issuer is Azure's", tokenURL, "azure", true},
		{"the v2.0 issuer here while the issuer is Azure's", base + "/" + acme + "/v2.0", "azure", true},

		{"an issuer of nobody's", issuer, "", false},
		{"common", azure + "common/oauth2/v2.0/token", "", false},
		{"organizations", base + "/organizations/v2.0", "", false},
		{"another tenant", base + "/" + nobody + "/oauth2/v2.0/token", "", false},
		{"another host", "https://localhost:9443/" + acme + "/oauth2/v2.0/token", "", false},
		{"http instead of https", "http://localhost:8443/" + acme + "/oauth2/v2.0/token", "", false},
		{"Azure without a tenant", azure, "", false},
		{"a host that begins like Azure's", "https://login.microsoftonline.com.evil.example/" + acme, "", false},
		{"another endpoint of the tenant", base + "/" + acme + "/oauth2/v2.0/authorize", "", false},
		{"two slashes at the end", tokenURL + "//", "", false},
		{"a query", tokenURL + "?x", "", false},
		{"the client id", client, "", false},
		{"the token exchange", "api://AzureADTokenExchange", "", false},
		{"an array without it", []string{"a", "b"}, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refused := present(t, servers[tc.issuer], k.sign(t, k.header().text(t), goodClaims().but(object{"aud": tc.aud}).text(t)))
			if tc.accepted && refused != nil {
				t.Error(refused)
			}
			if !tc.accepted {
				refusedWith(t, refused, 700023, "Client assertion audience claim does not match Realm issuer.")
			}
		})
	}
}

// TestBadAssertions: what is wrong with an assertion, and what Azure says.
// TestTheAudienceMayBeWhereTheRequestCame: MSAL for .NET and for Java read no
// discovery document, and sign for the host that they were given.
func TestTheAudienceMayBeWhereTheRequestCame(t *testing.T) {
	k := clientKey()
	server := serve(t, idp.Config{PublicURL: base, Tenants: withCertificates(k.registered())})
	for aud, status := range map[string]int{
		server.URL + "/" + acme + "/oauth2/v2.0/token":                 http.StatusOK,
		"https://login.microsoft.com/" + acme + "/v2.0":                http.StatusOK,
		"http://127.0.0.1:1/" + acme + "/oauth2/v2.0/token":            http.StatusUnauthorized,
		server.URL + ".evil.example/" + acme + "/oauth2/v2.0/token":    http.StatusUnauthorized,
		server.URL + "/" + nobody + "/oauth2/v2.0/token":               http.StatusUnauthorized,
		strings.Replace(server.URL, "http:", "https:", 1) + "/" + acme: http.StatusUnauthorized,
	} {
		assertion := k.sign(t, k.header().text(t), goodClaims().but(object{"aud": aud}).text(t))
		response, body := do(t, tokenRequest(t, server, acme, form{"client_secret": {"-"}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}))
		if response.StatusCode != status {
			t.Errorf("aud %s: %s %s, want %d", aud, response.Status, body, status)
		}
	}
}

func TestBadAssertions(t *testing.T) {
	k, stranger := clientKey(), otherKey()
	s := newServer(t, idp.Config{Tenants: withCertificates(k.registered())})
	signed := func(header, claims object) string {
		return k.sign(t, k.header().but(header).text(t), goodClaims().but(claims).text(t))
	}
	good := signed(nil, nil)
	parts := strings.Split(good, ".")
	const malformed, outside = "JWT token is invalid or malformed.", "Client assertion is not within its valid time range. Current time: 2026-11-23T15:00:00.0000000Z, assertion valid from "
	const mismatch = "Client assertion application identifier doesn't match 'client_id' parameter."
	for _, tc := range []struct {
		name, assertion string
		number          int
		text            string
	}{
		{"a word", "secret", 50027, malformed},
		{"two parts", parts[0] + "." + parts[1], 50027, malformed},
		{"four parts", good + "." + parts[2], 50027, malformed},
		{"five parts, as an encrypted token has", good + ".a.b", 50027, malformed},
		{"nothing but dots", "..", 50027, malformed},
		{"no signature", parts[0] + "." + parts[1] + ".", 50027, malformed},
		{"a header that is no base64", "{}." + parts[1] + "." + parts[2], 50027, malformed},
		{"padding", parts[0] + "=." + parts[1] + "." + parts[2], 50027, malformed},
		{"a line break in the signature", parts[0] + "." + parts[1] + "." + parts[2][:8] + "\n" + parts[2][8:], 50027, malformed},
		{"a line break at the end, as a file has it", good + "\n", 50027, malformed},
		{"a signature with bits behind its end", parts[0] + "." + parts[1] + "." + trailingBit(parts[2]), 50027, malformed},
		{"a header that is no object", k.sign(t, `["RS256"]`, goodClaims().text(t)), 50027, malformed},
		{"a payload that is no JSON", k.sign(t, k.header().text(t), "hello"), 50027, malformed},
		{"a payload that is null", k.sign(t, k.header().text(t), "null"), 50027, malformed},
		{"something behind the payload", k.sign(t, k.header().text(t), goodClaims().text(t)+"{}"), 50027, malformed},
		{"a claim twice", k.sign(t, k.header().text(t), `{"iss":"x",`+goodClaims().text(t)[1:]), 50027, malformed},
		{"a member of the header twice", k.sign(t, `{"alg":"RS256",`+k.header().text(t)[1:], goodClaims().text(t)), 50027, malformed},
		{"no UTF-8", k.sign(t, k.header().text(t), "{\"a\":\"\xff\","+goodClaims().text(t)[1:]), 50027, malformed},
		{"an iss that is a number", signed(nil, object{"iss": 1}), 50027, malformed},
		{"an exp that is a word", signed(nil, object{"exp": "tomorrow"}), 50027, malformed},
		{"an exp that is true", signed(nil, object{"exp": true}), 50027, malformed},
		{"an exp of the calendar", signed(nil, object{"exp": "2026-11-23T16:00:00Z"}), 50027, malformed},
		{"an iat that is an object", signed(nil, object{"iat": object{}}), 50027, malformed},
		{"an aud that is an object", signed(nil, object{"aud": object{}}), 50027, malformed},
		{"an aud of numbers", signed(nil, object{"aud": []int{1}}), 50027, malformed},
		{"a kid that is a number", signed(object{"kid": 7}, nil), 50027, malformed},
		{"an extension that is critical", signed(object{"crit": []string{"exp"}, "exp": 1}, nil), 50027, malformed},
		{"an empty crit", signed(object{"crit": []string{}}, nil), 50027, malformed},
		{"33 KiB", signed(nil, object{"pad": strings.Repeat("x", 25<<10)}), 50027, malformed},

		{"alg none, as it is: without a signature", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(goodClaims().text(t))) + ".", 5002738, "Invalid JWT token. 'none' is not a supported signature algorithm."},
		{"exp infinite", signed(nil, object{"exp": "Infinity"}), 50027, "JWT token is invalid or malformed."},
		{"exp in hex", signed(nil, object{"exp": "0x7fffffff"}), 50027, "JWT token is invalid or malformed."},
		{"alg none", signed(object{"alg": "none"}, nil), 5002738, "Invalid JWT token. 'none' is not a supported signature algorithm."},
		{"no alg", signed(object{"alg": nil}, nil), 5002738, "'' is not a supported"},
		{"HS256", signed(object{"alg": "HS256"}, nil), 5002738, "'HS256' is not a supported signature algorithm. Supported signing algorithms are: 'RS256,PS256'"},
		{"ES256", signed(object{"alg": "ES256"}, nil), 5002738, "'ES256' is not a supported"},
		{"rs256 in lower case", signed(object{"alg": "rs256"}, nil), 5002738, "'rs256' is not a supported"},
		{"an alg of 2,000 characters", signed(object{"alg": strings.Repeat("é", 1000)}, nil), 5002738, strings.Repeat("é", 300) + "…' is not a supported"},
		{"an access token", signed(object{"typ": "at+jwt"}, nil), 5002727, "Invalid JWT header type specified."},

		{"no iss", signed(nil, object{"iss": nil}), 90014, "The required field 'iss' is missing from the credential."},
		{"another application's iss", signed(nil, object{"iss": api, "sub": api}), 700021, mismatch},
		{"the iss of no application", signed(nil, object{"iss": nobody}), 700021, mismatch},
		{"another application's sub", signed(nil, object{"sub": api}), 700021, mismatch},
		{"no sub", signed(nil, object{"sub": nil}), 700021, mismatch},
		{"no aud", signed(nil, object{"aud": nil}), 90014, "The required field 'aud' is missing from the credential."},
		{"no audience in the array", signed(nil, object{"aud": []string{}}), 90014, "The required field 'aud' is missing"},
		{"another issuer", signed(nil, object{"iss": "https://issuer.example"}), 70025, "The client '" + client + "'(Acme client) has no configured federated identity credentials."},

		{"expired", signed(nil, object{"nbf": nil, "exp": now.Unix() - 300}), 700024,
			outside + "1970-01-01T00:00:00.0000000Z, expiry time of assertion 2026-11-23T14:55:00.0000000Z. Review the documentation at https://"},
		{"expired, with a fraction", signed(nil, object{"exp": float64(now.Unix()) - 300.5}), 700024, "expiry time of assertion 2026-11-23T14:54:59.5000000Z."},
		{"not yet valid", signed(nil, object{"nbf": now.Unix() + 301, "exp": now.Unix() + 900}), 700024, outside + "2026-11-23T15:05:01.0000000Z, expiry time of assertion 2026-11-23T15:15:00.0000000Z."},
		{"no exp", signed(nil, object{"exp": nil}), 700024, "expiry time of assertion 1970-01-01T00:00:00.0000000Z."},
		{"milliseconds", signed(nil, object{"nbf": now.UnixMilli(), "exp": now.UnixMilli() + 600_000}), 700024, outside},
		{"the end of time", signed(nil, object{"nbf": json.RawMessage("1e300")}), 700024, outside + "9999-12-31T23:59:59.0000000Z"},

		{"no key named", signed(object{"x5t#S256": nil}, nil), 5002723, "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header."},
		{"a certificate that is not registered, by SHA-1", stranger.sign(t, object{"alg": "RS256", "x5t": base64.RawURLEncoding.EncodeToString(stranger.sha1())}.text(t), goodClaims().text(t)), 700027,
			fmt.Sprintf("Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '%X', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '%s'.", stranger.sha1(), client)},
		{"by SHA-256", stranger.sign(t, stranger.header().text(t), goodClaims().text(t)), 700027, fmt.Sprintf("Thumbprint of key used by client: '%X', Please", stranger.sha256())},
		{"by SHA-256 with the certificate: a chain makes no key trusted", stranger.sign(t, stranger.header().but(object{"x5c": []string{
			base64.StdEncoding.EncodeToString(stranger.certificate), base64.StdEncoding.EncodeToString(k.certificate)}}).text(t), goodClaims().text(t)), 700027,
			fmt.Sprintf("Thumbprint of key used by client: '%X', Please", stranger.sha1())},
		{"a thumbprint in no known form", signed(object{"x5t#S256": "3CC3…"}, nil), 700027, "[Reason - The key was not found., Please visit the Azure Portal"},
		{"a kid that is a name", signed(object{"x5t#S256": nil, "kid": "my-key"}, nil), 700027, "[Reason - The key was not found., Please visit"},
		{"an x5c that is a word", signed(object{"x5t#S256": nil, "x5c": "word"}, nil), 700027, "[Reason - The key was not found., Please visit"},
		{"the thumbprint decides before x5c", stranger.sign(t, stranger.header().but(object{"x5c": []string{base64.StdEncoding.EncodeToString(k.certificate)}}).text(t), goodClaims().text(t)), 700027, "The key was not found."},
		{"another key under the certificate's thumbprint", stranger.sign(t, k.header().text(t), goodClaims().text(t)), 700027,
			fmt.Sprintf("[Reason - Key was found, but use of the key to verify the signature failed., Thumbprint of key used by client: '%X', Found key 'Start=11/23/2025 15:00:00, End=11/23/2030 15:00:00', Please visit", k.sha1())},
		{"a signature of the other scheme", parts[0] + "." + parts[1] + "." + strings.Split(k.sign(t, k.header().but(object{"alg": "RS256"}).text(t), goodClaims().text(t)), ".")[2], 700027, "the signature failed."},
		{"a signature of something else", parts[0] + "." + parts[1] + "." + strings.Split(signed(nil, object{"jti": "x"}), ".")[2], 700027, "the signature failed."},
		{"a signature of three bytes", parts[0] + "." + parts[1] + ".AAAA", 700027, "the signature failed."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refused := present(t, s, tc.assertion)
			refusedWith(t, refused, tc.number, tc.text)
			if refused != nil && len(tc.assertion) > 100 {
				for part := range strings.SplitSeq(tc.assertion, ".") {
					if len(part) > 20 && strings.Contains(refused.Message, part) {
						t.Errorf("the message has a part of the assertion: %s", refused.Message)
					}
				}
			}
		})
	}
}

// trailingBit changes the last character of base64 in a bit that decoders
// which are not strict throw away.
func trailingBit(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, s[len(s)-1])
	return s[:len(s)-1] + alphabet[last^1:last^1+1]
}

// TestTheEdgesOfAnAssertionsTime: five minutes of skew at either end.
func TestTheEdgesOfAnAssertionsTime(t *testing.T) {
	k := clientKey()
	assertion := k.sign(t, k.header().text(t), goodClaims().text(t)) // from now to ten minutes later
	for _, tc := range []struct {
		name     string
		at       time.Duration
		accepted bool
	}{
		{"a moment too early", -5*time.Minute - 1, false},
		{"early, within the skew", -5 * time.Minute, true},
		{"late, within the skew", 15*time.Minute - 1, true},
		{"a moment too late", 15 * time.Minute, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newServer(t, idp.Config{Tenants: withCertificates(k.registered()), Now: func() time.Time { return now.Add(tc.at) }})
			refused := present(t, s, assertion)
			if tc.accepted && refused != nil {
				t.Error(refused)
			}
			if !tc.accepted {
				refusedWith(t, refused, 700024, "")
			}
		})
	}
}

// TestACertificateOverHTTP: the whole way, with the public URL as the request
// has it, and twice, since Azure accepts a jti again.
func TestACertificateOverHTTP(t *testing.T) {
	k := clientKey()
	server := serve(t, idp.Config{Tenants: withCertificates(k.registered())})
	assertion := k.sign(t, k.header().text(t), goodClaims().but(object{"aud": server.URL + "/" + acme + "/oauth2/v2.0/token"}).text(t))
	change := url.Values{"client_secret": {"-"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	for range 2 {
		token := accessToken(t, tokenRequest(t, server, acme, change))
		if _, payload := decode(t, token); !strings.Contains(payload, `"azpacr":"2"`) {
			t.Errorf("claims %s, want azpacr 2", payload)
		}
	}
	change["client_assertion"] = []string{assertion[:len(assertion)-8] + "AAAAAAAA"}
	response, body := do(t, tokenRequest(t, server, acme, change))
	if e := errorBody(t, response, body); response.StatusCode != http.StatusUnauthorized || e.Error != "invalid_client" || e.ErrorCodes[0] != 700027 {
		t.Errorf("%s: %s", response.Status, body)
	}
}

// TestAssertionsAtTheSameTime is for the race detector.
func TestAssertionsAtTheSameTime(t *testing.T) {
	k := clientKey()
	s := newServer(t, idp.Config{Tenants: withCertificates(k.registered())})
	good := k.sign(t, k.header().text(t), goodClaims().text(t))
	bad := otherKey().sign(t, k.header().text(t), goodClaims().text(t))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if refused := present(t, s, good); refused != nil {
				t.Error(refused)
			}
			refusedWith(t, present(t, s, bad), 700027, "")
		})
	}
	wg.Wait()
}

// TestAFailedAssertionIsNotLogged: neither the assertion nor its parts.
func TestAFailedAssertionIsNotLogged(t *testing.T) {
	k := clientKey()
	logger, log := textLog()
	server := serve(t, idp.Config{Tenants: withCertificates(k.registered()), Logger: logger})
	for _, key := range []signer{k, otherKey()} {
		assertion := key.sign(t, k.header().text(t), goodClaims().but(object{"aud": server.URL + "/" + acme}).text(t))
		do(t, tokenRequest(t, server, acme, url.Values{"client_secret": {"-"}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}))
		for part := range strings.SplitSeq(assertion, ".") {
			if strings.Contains(log.String(), part) {
				t.Errorf("the log has a part of the assertion: %s", log)
			}
		}
	}
	if !strings.Contains(log.String(), "aadsts=700027") || !strings.Contains(log.String(), "token issued") {
		t.Errorf("log %q, want one token and one refusal", log)
	}
}

// textLog is a log to read.
func textLog() (*slog.Logger, *bytes.Buffer) {
	var log bytes.Buffer
	return slog.New(slog.NewTextHandler(&log, nil)), &log
}
