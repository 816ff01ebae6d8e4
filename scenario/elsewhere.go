package scenario

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/recorded"
)

// elsewhere is the From of a token that another server has minted.
const elsewhere = "elsewhere"

// ElsewhereHost is the host of another identity provider. A config of a
// scenario may name its URLs, and they are answered in process, whether http or
// https: /{tenant}/discovery/v2.0/keys and all else that idpool serves, for the
// same tenants with other keys; /login.html, a page with status 200 that is no
// JWKS, as a proxy puts in the way; /keys.txt, its keys with the content type
// text/plain; and /down, which answers 503.
const ElsewhereHost = "elsewhere.example"

// otherKeys sign elsewhere, and after a rotation. Making them takes a while.
var otherKeys = sync.OnceValues(func() (*idp.Keyring, error) {
	return idp.GenerateKeys(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
})

// newElsewhere is the other identity provider of a config.
func newElsewhere(c idpool.Config) (*idp.Server, error) {
	keys, err := otherKeys()
	if err != nil {
		return nil, err
	}
	return idp.New(idp.Config{Tenants: c.Tenants, Issuer: c.Issuer, Now: c.Now, Keys: keys})
}

// network is the world as a stack sees it, but for itself: the other identity
// provider, and what is on this machine.
type network struct {
	config idpool.Config
	// open lets requests out to everywhere else; otherwise no other host is
	// found, so that scenarios run the same without a network.
	open bool
}

// RoundTrip implements http.RoundTripper.
func (n network) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Hostname()
	ip := net.ParseIP(host)
	switch {
	case host == ElsewhereHost:
		return n.elsewhere(r)
	case n.open, host == "localhost", ip != nil && ip.IsLoopback():
		return http.DefaultTransport.RoundTrip(r)
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (n network) elsewhere(r *http.Request) (*http.Response, error) {
	server, err := newElsewhere(n.config)
	if err != nil {
		return nil, err
	}
	handler := server.At(r.URL.Scheme + "://" + ElsewhereHost)
	w := recorded.New()
	switch r.URL.Path {
	case "/login.html":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Body.WriteString("<!DOCTYPE html><title>Sign in</title><p>Please sign in to use the network.</p>\n")
	case "/down":
		w.Status = http.StatusServiceUnavailable
	case "/keys.txt":
		keys := r.Clone(r.Context())
		keys.URL.Path = "/common/discovery/v2.0/keys"
		handler.ServeHTTP(w, keys)
		w.Header().Set("Content-Type", "text/plain")
	default:
		handler.ServeHTTP(w, r)
	}
	return w.To(r), nil
}
