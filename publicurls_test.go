package idpool

import "testing"

// Clients lower the scheme and the host of their authority and leave out the
// port that it has anyway, and compare the issuer with that: what a Config wrote
// in capitals was the issuer as it stood.
func TestPublicURLsAreAsClientsWriteThem(t *testing.T) {
	for written, want := range map[string]string{
		"HTTP://LocalHost:8080/Tenants": "http://localhost:8080/Tenants",
		"https://IDP.Example:443":       "https://idp.example",
		"http://idp.example:80/":        "http://idp.example",
		"http://[::1]:8080":             "http://[::1]:8080",
	} {
		if got := publicURL("http", Listener{PublicURL: written}, ""); got != want {
			t.Errorf("publicUrl %s: %s, want %s", written, got, want)
		}
		if got := (Listener{InsideURL: written}).inside(); got != want {
			t.Errorf("insideUrl %s: %s, want %s", written, got, want)
		}
	}
	if got := (Listener{}).inside(); got != "" {
		t.Errorf("no insideUrl: %q", got)
	}
}
