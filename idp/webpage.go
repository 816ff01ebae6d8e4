package idp

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// webPage says why a request may be that of a web page; empty when it cannot. The
// endpoints of managed identities ask for no credential, and a page whose name was
// made to resolve to this machine (DNS rebinding) may set any header: what it
// cannot change is the name.
func (l listener) webPage(r *http.Request) string {
	// Node.js sends Sec-Fetch-Mode too, and is no page.
	for _, header := range []string{"Origin", "Sec-Fetch-Site"} {
		if len(r.Header.Values(header)) > 0 {
			return "no token for web pages: the request has the header " + header + ", which browsers send"
		}
	}
	if host := hostname(r.Host); unlikeAPage(host) || l.knows(host) {
		return ""
	}
	return fmt.Sprintf("no token for the host %q, which a web page may have (DNS rebinding): use localhost or an IP address,"+
		" or name it in listeners.http.publicUrl (--public-url) or listeners.http.insideUrl", r.Host)
}

// hostname is a Host without its port, in small letters.
func hostname(hostPort string) string {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// unlikeAPage says whether no page of the Internet has a host, since its name cannot
// be registered there: addresses, this machine, names in a network of containers,
// and those in a cluster.
func unlikeAPage(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
		return true
	}
	host = strings.TrimSuffix(host, ".")
	if host == "localhost" { // RFC 6761 6.3
		return true
	}
	for _, private := range []string{".localhost", ".internal", ".svc", ".svc.cluster.local"} {
		if strings.HasSuffix(host, private) {
			return true
		}
	}
	return false
}

// knows says whether a host is one of the server's own names.
func (l listener) knows(host string) bool {
	own := func(base string) bool {
		u, err := url.Parse(base)
		return err == nil && u.Hostname() != "" && strings.EqualFold(u.Hostname(), host)
	}
	return own(l.publicURL) || own(l.issuerURL) || own(l.config.PublicURL) ||
		slices.ContainsFunc(l.config.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}
