package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// target is a token endpoint on this machine.
type target struct {
	url     *url.URL
	address string // host:port to dial
	// roots verify the certificate of an https endpoint. Nil means the
	// system's; SSL_CERT_FILE names a CA that the system does not know.
	roots *x509.CertPool
}

// parseTarget reads a token URL and refuses one beyond loopback.
func parseTarget(address string) (target, error) {
	u, err := url.Parse(address)
	if err != nil {
		return target{}, errors.New("the TOKEN-URL is no URL, want one such as " + acmeURL)
	}
	if u.User != nil {
		return target{}, errors.New("the TOKEN-URL has a user name, want -client-id and -client-secret instead")
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" || u.Hostname() == "" {
		return target{}, fmt.Errorf("the TOKEN-URL has scheme %q and host %q, want http://HOST/… or https://HOST/… (flags go before it)", u.Scheme, u.Hostname())
	}
	if !loopback(u.Hostname()) {
		return target{}, notThisMachine(u.Hostname())
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return target{url: u, address: net.JoinHostPort(u.Hostname(), port)}, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func notThisMachine(host string) error {
	return fmt.Errorf("%q is not this machine: load floods a server, so it takes only localhost, 127.0.0.0/8 and [::1]", host)
}

// onlyLoopback looks at the address that a name led to: what "localhost" means
// is for the hosts file to say.
func onlyLoopback(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "localhost" || !loopback(host) {
		return fmt.Errorf("%s is not this machine", address)
	}
	return nil
}

// dial opens a connection.
func (t target) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d := net.Dialer{Control: onlyLoopback}
	if t.url.Scheme == "http" {
		return d.DialContext(ctx, "tcp", t.address)
	}
	secure := tls.Dialer{NetDialer: &d, Config: &tls.Config{ServerName: t.url.Hostname(), RootCAs: t.roots}}
	return secure.DialContext(ctx, "tcp", t.address)
}
