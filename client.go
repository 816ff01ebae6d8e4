package idpool

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Client is an http.Client for the stack's public URLs: it reaches the listeners
// whatever the hosts of those URLs resolve to, and it trusts the certificate of
// the https listener, and nothing else where it is one that idpool made. It is
// meant for tests, and is the same at each call. It ends with the stack; when
// nothing listens it is a plain client.
func (s *Stack) Client() *http.Client { return s.client }

func (s *Stack) newClient() *http.Client {
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second}
	bound := map[string]string{} // the address of a listener by that of its public URL
	if s.address != "" {
		bound[dialAddress(s.HTTP)] = s.address
	}
	if s.secureAddress != "" {
		bound[dialAddress(s.HTTPS)] = s.secureAddress
	}
	for inside, public := range s.publicURLs.inside() {
		if at := bound[dialAddress(public)]; at != "" {
			bound[dialAddress(inside)] = at
		}
	}
	if roots := s.roots(); roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	transport.Proxy = func(r *http.Request) (*url.URL, error) {
		if bound[dialAddress(r.URL.String())] != "" {
			return nil, nil
		}
		return http.ProxyFromEnvironment(r)
	}
	var dialer net.Dialer
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, cmp.Or(bound[address], address))
	}
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

// dialAddress is the HOST:PORT of an http or https URL.
func dialAddress(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
