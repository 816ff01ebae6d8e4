package idp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// A web page whose host name was made to resolve to this machine (DNS rebinding)
// got tokens of managed identities, which no credential guards: it may set the
// headers that they want, and a browser marks no request to a page's own origin
// over plain http.
func TestNoIdentityForAWebPage(t *testing.T) {
	config := idp.Config{Tenants: identities(ofMachine), PublicURL: "http://idp.corp.example:8080", Hosts: []string{"Inside.corp.example"}}
	for _, tc := range []struct {
		name, host, header, value string
		want                      string // in the answer's text, or "" for a token
	}{
		{"the same name", "evil.example:8080", "", "", `no token for the host \"evil.example:8080\"`},
		{"a name that resolves to loopback", "127.0.0.1.nip.io:8080", "", "", "listeners.http.publicUrl"},
		{"a name that ends as one that is known", "eviidp.corp.example", "", "", "--public-url"},
		{"a name that begins as localhost", "localhost.evil.example", "", "", "no token for the host"},
		{"a name with a dot at its end", "evil.", "", "", "no token for the host"},
		{"a page's origin", "localhost:8080", "Origin", "http://localhost:8080", "Origin"},
		{"a page without one", "localhost:8080", "Origin", "null", "Origin"},
		{"what a browser says of the page", "127.0.0.1", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site"},
		{"fetch of Node.js, which is no page", "localhost:8080", "Sec-Fetch-Mode", "cors", ""},
		{"localhost", "LocalHost:8080", "", "", ""},
		{"below localhost", "acme.localhost:8080", "", "", ""},
		{"an address", "192.168.1.7:8080", "", "", ""},
		{"that of Azure's endpoint", "169.254.169.254", "", "", ""},
		{"an IPv6 address", "[fd00::7]:8080", "", "", ""},
		{"an IPv6 address without a port", "[::1]", "", "", ""},
		{"a container", "idpool:8080", "", "", ""},
		{"the machine of a container", "host.docker.internal:8080", "", "", ""},
		{"a service of Kubernetes", "idpool.test.svc:8080", "", "", ""},
		{"the same in full", "idpool.test.svc.cluster.local.:8080", "", "", ""},
		{"the public URL", "IDP.corp.example", "", "", ""},
		{"another of its hosts", "inside.corp.example:1", "", "", ""},
	} {
		server := serve(t, config)
		for style, r := range identityRequests(t, server.URL, nil) {
			r.Host = tc.host
			if tc.header != "" {
				r.Header.Set(tc.header, tc.value)
			}
			response, body := do(t, r)
			switch {
			case tc.want == "" && (response.StatusCode != http.StatusOK || !strings.Contains(body, "access_token")):
				t.Errorf("%s, %s: %s %s, want a token", tc.name, style, response.Status, body)
			case tc.want != "" && (response.StatusCode != http.StatusForbidden || !strings.Contains(body, tc.want) || strings.Contains(body, "access_token")):
				t.Errorf("%s, %s: %s %s, want 403 with %s", tc.name, style, response.Status, body, tc.want)
			}
		}
	}
}

// TestAWebPageIsRefusedInTheFormOfTheEndpoint, so that a program that is refused by
// mistake shows why.
func TestAWebPageIsRefusedInTheFormOfTheEndpoint(t *testing.T) {
	server := serve(t, idp.Config{Tenants: identities(ofMachine)})
	for style, want := range map[string]string{
		"IMDS":        `{"error":"access_denied","error_description":"no token for the host`,
		"App Service": `{"statusCode":403,"message":"no token for the host`,
	} {
		r := identityRequests(t, server.URL, nil)[style]
		r.Host = "evil.example"
		if _, body := do(t, r); !strings.HasPrefix(body, want) {
			t.Errorf("%s: %s, want %s…", style, body, want)
		}
	}
}
