package idpool

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
)

// The ports in the public URLs of a stack that does not listen.
const (
	defaultPort       = "8080"
	defaultSecurePort = "8443"
)

// publicURLs are those that tokens can be asked for at. At least one is
// not empty.
type publicURLs struct {
	http, https string
	inside      map[string]string // the URLs inside, to the public ones that name the issuer
}

// publicURLs are those of the listeners that are on, with ports for those whose
// Config leaves them open. When all are off, tokens made by method calls name
// that of http.
func (c Config) publicURLs(port, securePort string) publicURLs {
	var p publicURLs
	web, secure := c.Listeners.HTTP, c.Listeners.HTTPS.listener()
	p.inside = map[string]string{}
	if secure.Address != Off {
		p.https = publicURL("https", secure, securePort)
		p.addInside(secure, p.https)
	}
	if web.Address != Off || p.https == "" {
		p.http = publicURL("http", web, port)
		p.addInside(web, p.http)
	}
	return p
}

// addInside takes up the second URL of a listener.
func (p publicURLs) addInside(l Listener, public string) {
	if l.InsideURL != "" {
		p.inside[withoutDefaultPort(strings.TrimSuffix(l.InsideURL, "/"))] = public
	}
}

// asked is the second URL of the listener of a public one, if a request for a
// host means that; otherwise the public one.
func (p publicURLs) asked(public, host string) string {
	for inside, of := range p.inside {
		if of == public && strings.EqualFold(hostPort(inside), host) {
			return inside
		}
	}
	return public
}

// all is list with the second URLs after it.
func (p publicURLs) all() []string {
	return append(p.list(), slices.Sorted(maps.Keys(p.inside))...)
}

// list is the public URLs, that of http first. Two listeners behind one proxy
// may share one.
func (p publicURLs) list() []string {
	all := slices.DeleteFunc([]string{p.http, p.https}, func(s string) bool { return s == "" })
	return slices.Compact(all)
}

// issuers are those of a tenant's v2.0 tokens, one for each public URL unless
// the setting is one for all.
func (p publicURLs) issuers(setting, tenantID string) []string {
	var issuers []string
	for _, base := range p.list() {
		if i := idp.Issuer(setting, base, tenantID); !slices.Contains(issuers, i) {
			issuers = append(issuers, i)
		}
	}
	return issuers
}

// publicURL is how clients reach a listener that the Config may not place.
func publicURL(scheme string, l Listener, port string) string {
	if l.PublicURL != "" {
		return withoutDefaultPort(strings.TrimSuffix(l.PublicURL, "/"))
	}
	if _, p, err := net.SplitHostPort(l.Address); err == nil && p != "0" {
		port = p
	}
	return withoutDefaultPort(scheme + "://" + net.JoinHostPort("localhost", port))
}

// hostPort is the host of a URL with its port, as a request for it says in its
// Host header.
func hostPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// withoutDefaultPort leaves out the port that a URL's scheme has anyway:
// clients do so with their authority, and compare the issuer with that (RFC
// 3986 6.2.3).
func withoutDefaultPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Port() == "" || u.Port() != schemePort(u.Scheme) {
		return raw
	}
	return strings.Replace(raw, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1)
}

// schemePort is the port of a URL without one; empty for a scheme that is
// neither http nor https.
func schemePort(scheme string) string {
	return map[string]string{"http": "80", "https": "443"}[scheme]
}
