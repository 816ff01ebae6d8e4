package idpool

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/ca"
)

// dnsName is what a certificate may name: RFC 1123 2.1, and a wildcard for the
// first label.
var dnsName = regexp.MustCompile(`^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?$`)

// secure checks the settings of the https listener and reads its own
// certificate; nil when idpool is to make one.
func (x *checker) secure(l SecureListener) *tls.Certificate {
	for i, name := range l.Names {
		if net.ParseIP(name) == nil && (len(name) > 253 || !dnsName.MatchString(name)) {
			x.fail(fmt.Sprintf("listeners.https.names[%d]", i), "%q is no DNS name and no IP address", name)
		}
	}
	if u, err := url.Parse(l.PublicURL); l.PublicURL != "" && err == nil && u.Scheme == "http" {
		x.fail("listeners.https.publicUrl", "%q is no https URL, want one such as https://localhost:8443", l.PublicURL)
	}
	switch {
	case l.Certificate == "" && l.Key == "":
		return nil
	case l.Certificate == "":
		x.fail("listeners.https.key", "is given without certificate: give both, or neither")
		return nil
	case l.Key == "":
		x.fail("listeners.https.certificate", "is given without key: give both, or neither")
		return nil
	case len(l.Names) > 0:
		x.fail("listeners.https.names", "has no effect beside certificate: the names are those in your certificate")
	}
	return x.ownCertificate(l)
}

func (x *checker) ownCertificate(l SecureListener) *tls.Certificate {
	chain, err := x.config.readPEMFile(l.Certificate)
	if err == nil && certificatesOnly(chain) == "" {
		err = fmt.Errorf("%q has no CERTIFICATE block, want a certificate and its chain in PEM", x.config.file(l.Certificate))
	}
	if err != nil {
		x.errs = append(x.errs, &fieldError{"listeners.https.certificate", err})
		return nil
	}
	key, err := x.config.readPEMFile(l.Key)
	if err != nil {
		x.errs = append(x.errs, &fieldError{"listeners.https.key", err})
		return nil
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		x.fail("listeners.https.key", "%q and %q cannot serve TLS: %v", x.config.file(l.Certificate), x.config.file(l.Key), err)
		return nil
	}
	return &pair
}

// certificateWarnings are about an own certificate that clients will refuse.
func (c Config) certificateWarnings(own *tls.Certificate) []string {
	if own == nil || own.Leaf == nil {
		return nil
	}
	const field = "listeners.https.certificate"
	var warnings []string
	// As for the certificate that idpool makes, the machine's clock counts.
	if now := time.Now(); now.After(own.Leaf.NotAfter) {
		warnings = append(warnings, fmt.Sprintf("%s: it ended %s, so that clients refuse it", field, own.Leaf.NotAfter.UTC().Format(time.RFC3339)))
	} else if now.Before(own.Leaf.NotBefore) {
		warnings = append(warnings, fmt.Sprintf("%s: it begins %s, so that clients refuse it until then", field, own.Leaf.NotBefore.UTC().Format(time.RFC3339)))
	}
	if host := hostOf(publicURL("https", c.Listeners.HTTPS.listener(), defaultSecurePort)); own.Leaf.VerifyHostname(host) != nil {
		warnings = append(warnings, fmt.Sprintf("%s: it does not name %q, the host of the public URL", field, host))
	}
	return warnings
}

// certify gives the https and kafka listeners their certificate. It runs on the machine's
// clock, not on the stack's: those who connect verify the certificate with
// theirs, and a stack whose clock is moved must still be reachable.
func (s *Stack) certify(now time.Time) error {
	if s.certificate != nil {
		return nil // the Config's own
	}
	var authority *ca.Authority
	var err error
	if dir := s.config.State; dir == "" || dir == Off {
		authority, err = ca.Fresh(now)
	} else if dir, err = filepath.Abs(dir); err == nil { // messages name it to people elsewhere
		authority, err = ca.Open(dir, now)
	}
	if err != nil {
		return fmt.Errorf("idpool: certificate of the https and kafka listeners: %w", err)
	}
	leaf, err := authority.Issue(s.config.certificateNames(s.HTTPS), now)
	if err != nil {
		return fmt.Errorf("idpool: certificate of the https and kafka listeners: %w", err)
	}
	s.authority, s.certificate = authority, &leaf
	return nil
}

// certificateNames are what clients may call the https listener.
func (c Config) certificateNames(publicURL string) []string {
	names := append([]string{"localhost", "127.0.0.1", "::1"}, idp.AzureHosts()...)
	for _, one := range []string{publicURL, c.Listeners.HTTPS.InsideURL} {
		if host := hostOf(one); host != "" {
			names = append(names, host)
		}
	}
	names = append(names, c.Listeners.Kafka.hosts()...)
	host, _, err := net.SplitHostPort(c.Listeners.HTTPS.Address)
	if ip, notIP := netip.ParseAddr(host); err == nil && host != "" && notIP == nil {
		host = ip.WithZone("").String()
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		names = append(names, host)
	}
	return append(names, c.Listeners.HTTPS.Names...)
}

// hostOf is the host of a URL without port and brackets.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// CA is the certificate, in PEM, of the authority that signed the certificate
// of the https listener: what clients must trust. It is nil without an https
// listener and with a certificate of your own.
func (s *Stack) CA() []byte {
	if s.authority == nil {
		return nil
	}
	return s.authority.PEM()
}

// roots are the certificates that a client of the stack must trust; nil means
// those of the system.
func (s *Stack) roots() *x509.CertPool {
	if s.certificate == nil {
		return nil
	}
	pool := x509.NewCertPool()
	if s.authority != nil {
		pool.AddCert(s.authority.Certificate())
		return pool
	}
	for _, der := range s.certificate.Certificate {
		if c, err := x509.ParseCertificate(der); err == nil { // else it could not have been loaded
			pool.AddCert(c)
		}
	}
	return pool
}

// caSource says where a client gets what it must trust.
func (s *Stack) caSource() string {
	switch {
	case s.authority == nil:
		return "the client must trust the issuer of the certificate in " + s.config.file(s.config.Listeners.HTTPS.Certificate)
	case s.authority.Path() != "":
		return "the client must trust idpool's CA in " + s.authority.Path() + `: "idpool ca trust-help" says how`
	}
	const short = "the client must trust idpool's CA, which lives as long as this process"
	if s.Admin == "" {
		return short + ": --state DIR, or state in the config, keeps the CA in a file for clients (it is served nowhere: that would be by the admin listener, which is off)"
	}
	return short + ": GET " + s.Admin + `/v1/ca; "idpool ca trust-help" says how`
}
