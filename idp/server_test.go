package idp_test

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/idpool/idpool/idp"
)

const (
	acme     = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	api      = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	client   = "75f2f796-363d-4de2-b299-713920db01a7"
	secret   = "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"
	clientSP = "b1841e28-d943-4d11-822a-253ef2835b4c"
)

// now is the time of every test: a Monday in November.
var now = time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)

// serve runs a server over real HTTP. Its public URL is where it listens.
func serve(t testing.TB, c idp.Config) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(newServer(t, c))
	t.Cleanup(server.Close)
	return server
}

// do sends a request and reads the answer.
func do(t testing.TB, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func get(t testing.TB, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r)
}

// tokenRequest is the article's request with some of it changed: a parameter
// with the value "-" is left out.
func tokenRequest(t testing.TB, server *httptest.Server, tenant string, change url.Values) *http.Request {
	t.Helper()
	form := url.Values{
		"client_id": {client}, "client_secret": {secret},
		"scope": {"api://" + api + "/.default"}, "grant_type": {"client_credentials"},
	}
	for k, v := range change {
		form[k] = v
		if v[0] == "-" {
			form.Del(k)
		}
	}
	return post(t, server.URL+"/"+tenant+"/oauth2/v2.0/token", form.Encode())
}

func post(t testing.TB, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// decode splits a token into the text of its header and payload.
func decode(t testing.TB, token string) (header, payload string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	for i, to := range []*string{&header, &payload} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		*to = string(raw)
	}
	return header, payload
}

// memberNames are the names of a JSON object in the order of the text.
func memberNames(t testing.TB, text string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name.(string))
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func accessToken(t testing.TB, r *http.Request) string {
	t.Helper()
	response, body := do(t, r)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", response.Status, body)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.AccessToken
}

func TestTheArticlesRequestGivesAV2Token(t *testing.T) {
	server := serve(t, idp.Config{})
	response, body := do(t, tokenRequest(t, server, acme, nil))

	before, rest, ok := strings.Cut(body, `"eyJ`)
	if want := `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":`; !ok || before != want || !strings.HasSuffix(rest, `"}`) {
		t.Errorf("body begins %s, want %s", before, want)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store, no-cache", "Pragma": "no-cache",
		"Expires": "-1", "X-Content-Type-Options": "nosniff", "Strict-Transport-Security": "", "Access-Control-Allow-Origin": "",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}

	header, payload := decode(t, accessToken(t, tokenRequest(t, server, acme, nil)))
	kid := idp.TestKeys().Signer().ID
	if want := `{"typ":"JWT","alg":"RS256","kid":"` + kid + `"}`; header != want {
		t.Errorf("header %s, want %s", header, want)
	}
	if got, want := memberNames(t, payload), strings.Fields("aud iss iat nbf exp aio azp azpacr oid rh roles sub tid uti ver xms_ftd"); !slices.Equal(got, want) {
		t.Errorf("claims %v, want %v in this order", got, want)
	}
	var claims map[string]any
	if err := json.Unmarshal([]byte(payload), &claims); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"aud": api, "iss": server.URL + "/" + acme + "/v2.0", "azp": client, "azpacr": "1", "oid": clientSP, "sub": clientSP,
		"tid": acme, "ver": "2.0", "iat": float64(now.Unix() - 300), "nbf": float64(now.Unix() - 300), "exp": float64(now.Unix() + 3600),
	} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	if got, ok := claims["roles"].([]any); !ok || len(got) != 1 || got[0] != "dev.environmentAdmin" {
		t.Errorf("roles = %v, want the one assigned", claims["roles"])
	}
	if uti := claims["uti"].(string); len(uti) != 22 {
		t.Errorf("uti %q has %d characters, want 22", uti, len(uti))
	}
}

func TestTokensAreUnique(t *testing.T) {
	server := serve(t, idp.Config{})
	a, b := accessToken(t, tokenRequest(t, server, acme, nil)), accessToken(t, tokenRequest(t, server, acme, nil))
	if a == b {
		t.Error("two tokens of one moment are equal, want another uti in each")
	}
}

func TestAnotherLibraryVerifiesTheToken(t *testing.T) {
	server := serve(t, idp.Config{})
	token := accessToken(t, tokenRequest(t, server, acme, nil))
	set, err := jwk.Fetch(t.Context(), server.URL+"/"+acme+"/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	verified, err := jwt.Parse([]byte(token), jwt.WithKeySet(set, jws.WithInferAlgorithmFromKey(true)),
		jwt.WithClock(jwt.ClockFunc(func() time.Time { return now })), jwt.WithIssuer(server.URL+"/"+acme+"/v2.0"), jwt.WithAudience(api))
	if err != nil {
		t.Fatal(err)
	}
	if sub, _ := verified.Subject(); sub != clientSP {
		t.Errorf("sub %q, want %q", sub, clientSP)
	}
}

func TestClientsThatAskInTheirOwnWay(t *testing.T) {
	server := serve(t, idp.Config{})
	basic := func(credentials string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(credentials)))
		}
	}
	none := func(*http.Request) {}
	bare := "grant_type=client_credentials&scope=api://" + api + "/.default"
	withSecret := "&client_id=" + client + "&client_secret=" + secret
	for _, tc := range []struct {
		name, tenant, body string
		change             func(*http.Request)
	}{
		{"Java: Basic, scope encoded, no client_id", acme, "grant_type=client_credentials&scope=api%3A%2F%2F" + api + "%2F.default", basic(client + ":" + secret)},
		{"librdkafka: Basic, scope raw", acme, bare, basic(client + ":" + secret)},
		{"librdkafka: a scope list with raw spaces", acme, bare + " openid", basic(client + ":" + secret)},
		{"Java with header.urlencode: Basic, percent-encoded", acme, bare, basic(url.QueryEscape(client) + ":" + strings.ReplaceAll(url.QueryEscape(secret), "_", "%5F"))},
		{"lower-case scheme", acme, bare, func(r *http.Request) {
			basic(client + ":" + secret)(r)
			r.Header.Set("Authorization", "basic"+strings.TrimPrefix(r.Header.Get("Authorization"), "Basic"))
		}},
		{"client_id in body and header", acme, bare + "&client_id=" + client, basic(client + ":" + secret)},
		{"MSAL Go: three OIDC scopes after", acme, bare + "+openid+offline_access+profile" + withSecret, none},
		{"MSAL4J: OIDC scopes in any order", acme, strings.Replace(bare, "scope=", "scope=profile+openid+", 1) + "+offline_access" + withSecret, none},
		{"MSAL Python: client_info", acme, bare + withSecret + "&client_info=1", none},
		{"MSAL Node: telemetry in the body, twice", acme, bare + withSecret + "&x-client-SKU=a&x-client-SKU=b", none},
		{"old azure-sdk: response_type", acme, bare + withSecret + "&response_type=token", none},
		{"CAE: claims", acme, bare + withSecret + "&claims=%7B%7D", none},
		{"charset in the Content-Type", acme, bare + withSecret, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		}},
		{"no Content-Type", acme, bare + withSecret, func(r *http.Request) { r.Header.Del("Content-Type") }},
		{"tenant by domain", "acmeexamples.onmicrosoft.com", bare + withSecret, none},
		{"tenant in capitals", strings.ToUpper(acme), bare + withSecret, none},
		{"client_id in capitals", acme, bare + "&client_id=" + strings.ToUpper(client) + "&client_secret=" + secret, none},
		{"resource by appId", acme, "grant_type=client_credentials&scope=" + api + "/.default" + withSecret, none},
		{"resource in capitals", acme, "grant_type=client_credentials&scope=API://" + strings.ToUpper(api) + "/.default" + withSecret, none},
		{"the same resource twice", acme, bare + "+api://" + api + "/.default" + withSecret, none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := post(t, server.URL+"/"+tc.tenant+"/oauth2/v2.0/token", tc.body)
			tc.change(r)
			_, payload := decode(t, accessToken(t, r))
			if !strings.Contains(payload, `"aud":"`+api+`"`) || !strings.Contains(payload, `"azp":"`+client+`"`) || !strings.Contains(payload, `"iss":"`+server.URL+"/"+acme+`/v2.0"`) {
				t.Errorf("claims %s", payload)
			}
		})
	}
}

// TestSecretsWithSpecialCharacters: a secret that contains % or + means
// different things to clients that percent-encode and to those that do not.
func TestSecretsWithSpecialCharacters(t *testing.T) {
	for _, s := range []string{"a~b.c-d_e", "100%sure", "a+b", "a%2Bb", "semi;colon", "x:y", "naïve", "a&b=c"} {
		tenant := idp.Acme()
		tenant.Applications[1].PasswordCredentials[0].SecretText = s
		server := serve(t, idp.Config{Tenants: []idp.Tenant{tenant}})
		in := func(secret string) *http.Request {
			r := post(t, server.URL+"/"+acme+"/oauth2/v2.0/token", "grant_type=client_credentials&scope="+api+"/.default")
			r.SetBasicAuth(client, secret)
			return r
		}
		for name, r := range map[string]*http.Request{
			"in the body":    tokenRequest(t, server, acme, url.Values{"client_secret": {s}}),
			"in Basic, raw":  in(s),
			"in Basic, as %": in(url.QueryEscape(s)),
		} {
			if response, body := do(t, r); response.StatusCode != http.StatusOK {
				t.Errorf("secret %q %s: %s", s, name, body)
			}
		}
		if response, _ := do(t, in(s+"x")); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("secret %q with a letter more: %s, want 401", s, response.Status)
		}
	}
}

func TestTheResourceChoosesTheTokenVersion(t *testing.T) {
	one, two := 1, 2
	for _, tc := range []struct {
		name     string
		api, old *int
		scope    string
		ver, aud string
	}{
		{"nil means 1", nil, nil, "api://" + api, "1.0", "api://" + api},
		{"1, asked for by GUID", &one, nil, api, "1.0", api},
		{"2", &two, nil, "api://" + api, "2.0", api},
		{"2 under the old manifest's name", nil, &two, "api://" + api, "2.0", api},
	} {
		tenant := idp.Acme()
		tenant.Applications[0].API.RequestedAccessTokenVersion = tc.api
		tenant.Applications[0].AccessTokenAcceptedVersion = tc.old
		server := serve(t, idp.Config{Tenants: []idp.Tenant{tenant}})
		header, payload := decode(t, accessToken(t, tokenRequest(t, server, acme, url.Values{"scope": {tc.scope + "/.default"}})))
		if !strings.Contains(payload, `"ver":"`+tc.ver+`"`) || !strings.Contains(payload, `"aud":"`+tc.aud+`"`) {
			t.Errorf("%s: claims %s, want ver %s and aud %s", tc.name, payload, tc.ver, tc.aud)
		}
		if tc.ver != "1.0" {
			continue
		}
		if got, want := memberNames(t, payload), strings.Fields("aud iss iat nbf exp aio appid appidacr idp oid rh roles sub tid uti ver xms_ftd"); !slices.Equal(got, want) {
			t.Errorf("%s: claims %v, want %v", tc.name, got, want)
		}
		if !strings.Contains(payload, `"iss":"https://sts.windows.net/`+acme+`/"`) || !strings.Contains(header, `"x5t"`) {
			t.Errorf("%s: header %s, claims %s, want the issuer of v1.0 and x5t", tc.name, header, payload)
		}
	}
}

func TestRolesOfATokenAreThoseGranted(t *testing.T) {
	off := false
	roles := func(change func(*idp.Tenant)) string {
		tenant := idp.Acme()
		change(&tenant)
		_, payload := decode(t, accessToken(t, tokenRequest(t, serve(t, idp.Config{Tenants: []idp.Tenant{tenant}}), acme, nil)))
		_, after, found := strings.Cut(payload, `"roles":`)
		if !found {
			return "absent"
		}
		list, _, _ := strings.Cut(after, `,"sub"`)
		return list
	}
	for _, tc := range []struct {
		name, want string
		change     func(*idp.Tenant)
	}{
		{"two in the order granted", `["prod.environmentAdmin","dev.environmentAdmin"]`, func(t *idp.Tenant) {
			t.Applications[1].AppRoleAssignments[0].Roles = []string{"prod.environmentAdmin", "dev.environmentAdmin"}
		}},
		{"one granted twice", `["dev.environmentAdmin"]`, func(t *idp.Tenant) {
			t.Applications[1].AppRoleAssignments = append(t.Applications[1].AppRoleAssignments, t.Applications[1].AppRoleAssignments[0])
		}},
		{"nothing granted", "absent", func(t *idp.Tenant) { t.Applications[1].AppRoleAssignments = nil }},
		{"requested, not granted", "absent", func(t *idp.Tenant) {
			t.Applications[1].AppRoleAssignments = nil
			t.Applications[1].RequiredResourceAccess = []idp.RequiredResourceAccess{{ResourceAppID: api,
				ResourceAccess: []idp.ResourceAccess{{ID: t.Applications[0].AppRoles[0].RoleID(api), Type: "Role"}}}}
		}},
		{"a disabled role", "absent", func(t *idp.Tenant) { t.Applications[0].AppRoles[0].IsEnabled = &off }},
		{"a role for users only", "absent", func(t *idp.Tenant) { t.Applications[0].AppRoles[0].AllowedMemberTypes = []string{"User"} }},
	} {
		if got := roles(tc.change); got != tc.want {
			t.Errorf("%s: roles %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestTheIssuerFollowsTheListener(t *testing.T) {
	for _, tc := range []struct {
		name, issuer, publicURL, want string
	}{
		{"as the request came", "", "", "http://HOST/" + acme + "/v2.0"},
		{"the public URL", "", "https://idp.example:8443/", "https://idp.example:8443/" + acme + "/v2.0"},
		{"Azure's own", "azure", "http://localhost:8080", "https://login.microsoftonline.com/" + acme + "/v2.0"},
		{"any other as given", "https://issuer.example/x/", "", "https://issuer.example/x/"},
	} {
		server := serve(t, idp.Config{Issuer: tc.issuer, PublicURL: tc.publicURL})
		want := strings.ReplaceAll(tc.want, "http://HOST", server.URL)
		_, payload := decode(t, accessToken(t, tokenRequest(t, server, acme, nil)))
		_, document := get(t, server.URL+"/"+acme+"/v2.0/.well-known/openid-configuration")
		for what, text := range map[string]string{"token": payload, "discovery": document} {
			if !strings.Contains(text, `"`+want+`"`) {
				t.Errorf("%s: the %s has not the issuer %s: %s", tc.name, what, want, text)
			}
		}
	}
}

func TestJWKSHasAzuresShape(t *testing.T) {
	server := serve(t, idp.Config{})
	for _, tenant := range []string{acme, "acmeexamples.onmicrosoft.com"} {
		response, body := get(t, server.URL+"/"+tenant+"/discovery/v2.0/keys")
		if got := response.Header.Get("Cache-Control"); got != "max-age=86400, private" {
			t.Errorf("Cache-Control %q", got)
		}
		if strings.Contains(body, "\n") || strings.Contains(body, `"alg"`) {
			t.Errorf("want one line without alg, got %s", body)
		}
		var set struct{ Keys []json.RawMessage }
		if err := json.Unmarshal([]byte(body), &set); err != nil {
			t.Fatal(err)
		}
		if len(set.Keys) < 3 {
			t.Errorf("%d keys, want three or more", len(set.Keys))
		}
		signers := 0
		for _, raw := range set.Keys {
			if checkKey(t, raw, server.URL+"/"+acme+"/v2.0") == idp.TestKeys().Signer().ID {
				signers++
			}
		}
		if signers != 1 {
			t.Errorf("%d of the keys sign, want one", signers)
		}
	}
}

// checkKey holds a published key against azure-ad.md 2.1.
func checkKey(t *testing.T, raw json.RawMessage, issuer string) (kid string) {
	t.Helper()
	if got, want := memberNames(t, string(raw)), strings.Fields("kty use kid x5t n e x5c cloud_instance_name issuer"); !slices.Equal(got, want) {
		t.Errorf("members %v, want %v", got, want)
	}
	var k struct {
		Kty, Use, Kid, X5t, N, E, Issuer string
		X5c                              []string
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	if k.Kty != "RSA" || k.Use != "sig" || k.E != "AQAB" || k.Kid != k.X5t || k.Issuer != issuer || len(k.X5c) != 1 {
		t.Errorf("key %s", raw)
	}
	der, err := base64.StdEncoding.DecodeString(k.X5c[0])
	if err != nil {
		t.Fatal(err)
	}
	thumbprint := sha1.Sum(der)
	if want := base64.RawURLEncoding.EncodeToString(thumbprint[:]); k.Kid != want {
		t.Errorf("kid %q, want the SHA-1 of the certificate %q", k.Kid, want)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	n, err := base64.RawURLEncoding.DecodeString(k.N)
	if err != nil {
		t.Fatal(err)
	}
	if certificate.PublicKey.(*rsa.PublicKey).N.Cmp(new(big.Int).SetBytes(n)) != 0 {
		t.Error("n is not the certificate's")
	}
	if years := certificate.NotAfter.Sub(certificate.NotBefore).Hours() / 24 / 365.25; years < 4.99 || years > 5.01 || len(certificate.Extensions) != 1 {
		t.Errorf("a certificate of %.2f years with %d extensions, want 5 years and one", years, len(certificate.Extensions))
	}
	return k.Kid
}

func TestTheSeedDecidesTheOrderOfTheKeys(t *testing.T) {
	order := func(seed uint64) string {
		_, body := get(t, serve(t, idp.Config{Seed: seed, PublicURL: "http://localhost:8080"}).URL+"/"+acme+"/discovery/v2.0/keys")
		return body
	}
	orders := map[string]bool{}
	for seed := range uint64(16) {
		body := order(seed)
		if body != order(seed) {
			t.Errorf("seed %d gives two orders", seed)
		}
		orders[body] = true
	}
	if len(orders) < 2 {
		t.Error("sixteen seeds give one order")
	}
}
