package idpool

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// discovered is what the clients of a discovery document use of it.
type discovered struct {
	Issuer        string `json:"issuer"`
	TokenEndpoint string `json:"token_endpoint"`
	JWKSURI       string `json:"jwks_uri"`
}

func discover(t testing.TB, web *http.Client, base, document string) discovered {
	t.Helper()
	response, err := web.Get(base + "/" + acme + document)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var d discovered
	if err := json.NewDecoder(response.Body).Decode(&d); err != nil || response.StatusCode != http.StatusOK {
		t.Fatal(response.Status, err)
	}
	return d
}

// TestInsideAndOutsideHaveOneIssuer: a token asked for in the network of
// containers is one asked for on the host, and each side gets links that it can
// follow.
func TestInsideAndOutsideHaveOneIssuer(t *testing.T) {
	c := Acme()
	c.Listeners.HTTP.InsideURL = "http://idpool:8080"
	c.Listeners.HTTPS.InsideURL = "https://idpool:8443/"
	s := start(t, c)
	for _, one := range []struct{ public, inside string }{
		{s.HTTP, c.Listeners.HTTP.InsideURL},
		{s.HTTPS, strings.TrimSuffix(c.Listeners.HTTPS.InsideURL, "/")},
	} {
		issuer := one.public + "/" + acme + "/v2.0"
		for _, document := range []string{"/v2.0/.well-known/openid-configuration", "/.well-known/openid-configuration"} {
			in, out := discover(t, s.Client(), one.inside, document), discover(t, s.Client(), one.public, document)
			if in.Issuer != out.Issuer || strings.HasPrefix(document, "/v2.0") && in.Issuer != issuer {
				t.Errorf("the issuer is %q inside and %q outside", in.Issuer, out.Issuer)
			}
			for _, link := range []string{in.TokenEndpoint, in.JWKSURI} {
				if !strings.HasPrefix(link, one.inside+"/") {
					t.Errorf("%s%s has the link %q", one.inside, document, link)
				}
			}
			if !strings.HasPrefix(out.TokenEndpoint, one.public+"/") || !strings.HasPrefix(out.JWKSURI, one.public+"/") {
				t.Errorf("%s%s has %+v", one.public, document, out)
			}
		}
		token := tokenAt(t, s.Client(), one.inside)
		d := s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
		if !d.Allowed || d.Claims["iss"] != issuer {
			t.Errorf("a token of %s: allowed %v, iss %v: %+v", one.inside, d.Allowed, d.Claims["iss"], d.Failed())
		}
	}
}

// TestScopesHaveTheURLInside: what a scope is asked inside is the scope's.
func TestScopesHaveTheURLInside(t *testing.T) {
	c := Acme()
	c.Listeners.HTTP.InsideURL = "http://idpool:8080"
	s := start(t, c)
	scope, err := s.NewScope(ScopeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer scope.Close()
	tenant := scope.Config().Tenants[0].ID
	response, err := s.Client().Get(c.Listeners.HTTP.InsideURL + "/" + tenant + "/v2.0/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var d discovered
	if err := json.NewDecoder(response.Body).Decode(&d); err != nil {
		t.Fatal(err)
	}
	if want := s.HTTP + "/" + tenant + "/v2.0"; d.Issuer != want || !strings.HasPrefix(d.JWKSURI, c.Listeners.HTTP.InsideURL+"/"+tenant) {
		t.Errorf("got %+v, want the issuer %q", d, want)
	}
	discoveries := journal.Filter{Endpoint: journal.EndpointDiscovery}
	if len(scope.Journal().List(discoveries, 0)) != 1 || len(s.Journal().List(discoveries, 0)) != 0 {
		t.Error("the request is not in the scope's journal alone")
	}
}

// TestInsideBehindOneProxy: two listeners that share a public URL keep their own
// names inside.
func TestInsideBehindOneProxy(t *testing.T) {
	c := Acme()
	c.Listeners.HTTP = Listener{PublicURL: "https://idp.test", InsideURL: "http://idpool"}
	c.Listeners.HTTPS = SecureListener{PublicURL: "https://idp.test", InsideURL: "https://idpool:443"}
	s := start(t, c)
	for range 20 {
		for listener, want := range map[string]string{"http": "http://idpool", "https": "https://idpool"} {
			if got := s.publicURLs.asked(listener, "idpool"); got != want {
				t.Fatalf("%s: %q, want %q", listener, got, want)
			}
		}
	}
	if got := s.publicURLs.asked("http", "idp.test"); got != "https://idp.test" {
		t.Errorf("%q", got)
	}
}

// TestURLsInsideThatAreNone are refused with the setting's name.
func TestURLsInsideThatAreNone(t *testing.T) {
	for _, one := range []struct{ name, field, url, want string }{
		{"no URL", "http", "idpool:8080", "no http URL"},
		{"the other scheme", "http", "https://idpool:8443", "no http URL"},
		{"http for https", "https", "http://idpool:8080", "no https URL"},
		{"a path", "http", "http://idpool:8080/azure", "has a path"},
		{"the public host", "http", "http://LOCALHOST:8080", "host of publicUrl"},
		{"a password", "http", "http://user:pw@idpool:8080", "no http URL"},
		{"a fragment", "http", "http://idpool:8080#x", "no http URL"},
		{"no port that there is", "http", "http://idpool:99999", "no http URL"},
	} {
		t.Run(one.name, func(t *testing.T) {
			c := Acme()
			c.Listeners.HTTP.Address = "127.0.0.1:8080" // which says the port of the public URL
			if one.field == "http" {
				c.Listeners.HTTP.InsideURL = one.url
			} else {
				c.Listeners.HTTPS.InsideURL = one.url
			}
			err := c.Check()
			if err == nil || !strings.Contains(err.Error(), "listeners."+one.field+".insideUrl") || !strings.Contains(err.Error(), one.want) {
				t.Errorf("got %v, want listeners.%s.insideUrl with %q", err, one.field, one.want)
			}
		})
	}
}

// TestPublicURLsThatAreNone: what everybody is told is a URL that a client can
// ask, and has no password.
func TestPublicURLsThatAreNone(t *testing.T) {
	for _, bad := range []string{"idpool", "http://", "http://idp:99999", "http://idp:0", "http://idp:", "http://user:pw@idp", "http://idp?x=1", "http://idp#x"} {
		c := Acme()
		c.Listeners.HTTP.PublicURL = bad
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), "listeners.http.publicUrl") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, fine := range []string{"http://idp", "https://idp.example.com/azure", "http://[fd00::1]:8080/"} {
		c := Acme()
		c.Listeners.HTTP.PublicURL = fine
		if err := c.Check(); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}
