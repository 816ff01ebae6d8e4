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
	http, https             string
	insideHTTP, insideHTTPS string // the second URLs of the two listeners; empty for none
}

// publicURLs are those of the listeners that are on, with ports for those whose
// Config leaves them open. When all are off, tokens made by method calls name
// that of http.
func (c Config) publicURLs(port, securePort string) publicURLs {
	var p publicURLs
	web, secure := c.Listeners.HTTP, c.Listeners.HTTPS.listener()
	if secure.Address != Off {
		p.https, p.insideHTTPS = publicURL("https", secure, securePort), secure.inside()
	}
	if web.Address != Off || p.https == "" {
		p.http, p.insideHTTP = publicURL("http", web, port), web.inside()
	}
	return p
}

// webHosts are the names that the Config has for the http and https listeners.
func (c Config) webHosts() []string {
	names := slices.Clone(c.Listeners.HTTPS.Names)
	for _, l := range []Listener{c.Listeners.HTTP, c.Listeners.HTTPS.listener()} {
		for _, base := range []string{l.PublicURL, l.InsideURL} {
			if host := hostOf(base); host != "" {
				names = append(names, host)
			}
		}
	}
	return names
}

// inside is the second URL as clients and the handlers have it.
func (l Listener) inside() string {
	return normal(strings.TrimSuffix(l.InsideURL, "/"))
}

// asked is the URL by which a request for a host came to a listener.
func (p publicURLs) asked(listener, host string) string {
	public, inside := p.http, p.insideHTTP
	if listener == "https" {
		public, inside = p.https, p.insideHTTPS
	}
	if inside != "" && strings.EqualFold(hostPort(inside), host) {
		return inside
	}
	return public
}

// inside is each second URL with the public one, which names the issuer.
func (p publicURLs) inside() map[string]string {
	all := map[string]string{p.insideHTTP: p.http, p.insideHTTPS: p.https}
	delete(all, "")
	return all
}

// all is list with the second URLs after it.
func (p publicURLs) all() []string {
	return append(p.list(), slices.Sorted(maps.Keys(p.inside()))...)
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
		return normal(strings.TrimSuffix(l.PublicURL, "/"))
	}
	if _, p, err := net.SplitHostPort(l.Address); err == nil && p != "0" {
		port = p
	}
	return normal(scheme + "://" + net.JoinHostPort("localhost", port))
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

// normal is a URL as clients write their authority, which they compare the issuer
// with: scheme and host in lower case, and without the port that the scheme has
// anyway (RFC 3986 6.2.2.1 and 6.2.3).
func normal(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User != nil || u.Host == "" {
		return raw
	}
	host := strings.ToLower(u.Host)
	if port := u.Port(); port != "" && port == schemePort(u.Scheme) {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host + raw[len(u.Scheme)+len("://")+len(u.Host):]
}

// schemePort is the port of a URL without one; empty for a scheme that is
// neither http nor https.
func schemePort(scheme string) string {
	return map[string]string{"http": "80", "https": "443"}[scheme]
}
