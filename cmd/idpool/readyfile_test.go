package main

import (
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
)

// Tokens name the listeners of the server that has written the file, that of
// http first as the server's own do, whatever the config says of them.
func TestReadinessPlaces(t *testing.T) {
	const http, https, tenant = "http://localhost:40002", "https://localhost:40003", "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0"
	for want, r := range map[string]readiness{
		http + tenant:                    {HTTP: http, HTTPS: https},
		https + tenant:                   {HTTPS: https, Kafka: "localhost:1"},
		"http://localhost:8080" + tenant: {Kafka: "localhost:1"},
	} {
		c := idpool.Acme()
		c.Listeners.HTTP.Address, c.Listeners.HTTPS.Address = idpool.Off, "127.0.0.1:1"
		r.place(&c)
		stack, err := idpool.New(c)
		if err != nil {
			t.Fatal(err)
		}
		token, err := stack.Token(t.Context(), idp.TokenRequest{Tenant: c.Tenants[0].ID, ClientID: "75f2f796-363d-4de2-b299-713920db01a7",
			Scope: "api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default", InsecureSkipCredential: true})
		if err != nil {
			t.Fatal(err)
		}
		claims, err := payload(token.AccessToken)
		if err != nil || claims["iss"] != want {
			t.Errorf("%+v: iss is %v (%v), want %s", r, claims["iss"], err, want)
		}
		if err := stack.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A URL of this machine without a path is a listener's, as serve prints it. The
// one issuer of a config may look the same, and counts as it is written.
func TestListenerURL(t *testing.T) {
	c := idpool.Config{Issuer: "http://localhost:9999"}
	c.Listeners.HTTPS.PublicURL = "https://idp.example.com/azure/"
	for issuer, want := range map[string]bool{
		"http://localhost:40002":         true,
		"https://127.0.0.1:40003/":       true,
		"http://[::1]:40003":             true,
		"https://idp.example.com/azure":  true,
		"https://idp.example.com":        false,
		"http://localhost:9999":          false,
		"http://localhost:40002/x/v2.0":  false,
		"localhost:40002":                false,
		"urn:localhost":                  false,
		"https://sts.windows.net/67e9d/": false,
	} {
		if got := listenerURL(issuer, c); got != want {
			t.Errorf("%s: got %v, want %v", issuer, got, want)
		}
	}
}
