package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/idpool/idpool"
)

// trust makes the config's tokens name the issuer that the target trusts.
func (f probeFlags) trust(w io.Writer, c *idpool.Config) error {
	l := &c.Listeners
	switch {
	case f.issuer == "":
	case f.issuer == "http" && l.HTTP.Address == idpool.Off, f.issuer == "https" && l.HTTPS.Address == idpool.Off:
		return usageError("", "probe: --issuer: the %s listener is off", f.issuer)
	case f.issuer == "http":
		l.HTTPS.Address = idpool.Off
	case f.issuer == "https":
		l.HTTP.Address = idpool.Off
	case listenerURL(f.issuer, *c):
		base := strings.TrimSuffix(f.issuer, "/")
		fmt.Fprintf(w, "idpool: --issuer %s is a listener: the tokens name its issuer of the tenant, not the URL alone\n", base)
		ready := readiness{HTTP: base}
		if strings.HasPrefix(base, "https:") {
			ready = readiness{HTTPS: base}
		}
		ready.place(c)
	default:
		if u, err := url.Parse(f.issuer); err == nil && u.Host != "" && strings.Trim(u.Path, "/") == "" {
			fmt.Fprintf(w, "idpool: --issuer %s is taken for the whole iss; that of a tenant has its id in it\n", f.issuer)
		}
		c.Issuer = f.issuer
	}
	return nil
}

// listenerURL says whether a URL is that of a listener, as serve prints it,
// below which the tenants have their issuers. One on this machine is, whatever
// its port is, unless the config has it for its one issuer.
func listenerURL(issuer string, c idpool.Config) bool {
	base := strings.TrimSuffix(issuer, "/")
	for _, public := range []string{c.Listeners.HTTP.PublicURL, c.Listeners.HTTPS.PublicURL} {
		if public != "" && base == strings.TrimSuffix(public, "/") {
			return true
		}
	}
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" || issuer == c.Issuer {
		return false
	}
	return u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
}
