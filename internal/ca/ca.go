// Package ca is idpool's own certificate authority: it makes the certificate of
// the https listener, which clients verify against the authority's.
//
// Begin with [Open], which keeps the authority in a folder so that clients
// trust it once, or [Fresh], which keeps it in memory. It does not revoke, has
// no intermediates and signs nothing but servers: it is for one machine's
// tests.
package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// The validity of what is made. A leaf is made at each start; macOS and iOS
// refuse one of more than 825 days (https://support.apple.com/103769). Nobody
// limits an authority, which begins years ago: a client's clock may be set back.
const (
	authorityYears    = 10
	authorityYearsAgo = 20
	leafYears         = 1
	// backdate is how far the clock of a client may be behind.
	backdate = time.Hour
)

// subject begins the common name of every authority, by which people find it in
// a trust store and Open knows its own.
const subject = "idpool CA "

// Authority is a CA. It is immutable and safe for concurrent use.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	path        string
}

// Error is why an authority cannot be had or cannot sign.
type Error struct {
	// Path is the file or folder; empty when there is none.
	Path string
	// Problem says what is wrong and what would be right.
	Problem string
	// Err is the operating system's error, such as one that is fs.ErrPermission;
	// nil when a file was read and holds something wrong.
	Err error
}

// Error names the file.
func (e *Error) Error() string {
	if e.Path == "" {
		return "ca: " + e.Problem
	}
	return fmt.Sprintf("ca: %q: %s", e.Path, e.Problem)
}

// Unwrap gives the operating system's error.
func (e *Error) Unwrap() error { return e.Err }

// Fresh makes an authority that lives as long as the process. Its validity
// begins twenty years before now and ends ten years after.
func Fresh(now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, &Error{Problem: "generate a key: " + err.Error()}
	}
	certificate, err := selfSign(key, now)
	if err != nil {
		return nil, err
	}
	return &Authority{certificate: certificate, key: key}, nil
}

// selfSign makes the certificate of an authority. Its name ends in a part of
// the key's digest: two authorities in one trust store can be told apart.
func selfSign(key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, &Error{Problem: "encode a key: " + err.Error()}
	}
	digest := sha256.Sum256(public)
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: subject + hex.EncodeToString(digest[:4]), Organization: []string{"idpool, for tests only"}},
		NotBefore:             now.UTC().AddDate(-authorityYearsAgo, 0, 0),
		NotAfter:              now.UTC().AddDate(authorityYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		// Whoever trusts this authority trusts it with servers only, also where
		// the trust store knows no purposes.
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return create(template, template, &key.PublicKey, key)
}

func create(template, parent *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, &Error{Problem: "make a certificate: " + err.Error()}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, &Error{Problem: "make a certificate: " + err.Error()}
	}
	return certificate, nil
}

// Issue makes a server's certificate with a key of its own for DNS names and IP
// addresses. It is valid from an hour before now for a year, and never longer
// than the authority. A name that occurs twice is in it once.
func (a *Authority) Issue(names []string, now time.Time) (tls.Certificate, error) {
	return a.IssueFor(names, now.Add(-backdate), now.AddDate(leafYears, 0, 0))
}

// IssueFor is Issue with both ends of the validity.
func (a *Authority) IssueFor(names []string, from, to time.Time) (tls.Certificate, error) {
	if len(names) == 0 {
		return tls.Certificate{}, &Error{Problem: "a certificate without names is of no use"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, &Error{Problem: "generate a key: " + err.Error()}
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "idpool"},
		NotBefore:   from.UTC(),
		NotAfter:    to.UTC(),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if template.NotAfter.After(a.certificate.NotAfter) {
		template.NotAfter = a.certificate.NotAfter
	}
	addNames(template, names)
	leaf, err := create(template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	// The authority goes along: openssl s_client and browsers can show it.
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, a.certificate.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func addNames(template *x509.Certificate, names []string) {
	seen := map[string]bool{}
	for _, name := range names {
		ip := net.ParseIP(name)
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if ip != nil {
			name = ip.String() // of the many ways to write an IPv6 address, one
		}
		switch {
		case seen[name]:
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		default:
			template.DNSNames = append(template.DNSNames, name)
		}
		seen[name] = true
	}
}

// PEM is the authority's certificate, as clients are given it.
func (a *Authority) PEM() []byte { return encodeCertificate(a.certificate) }

// Certificate is the authority's certificate. It must not be changed.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

// Path is the file of the certificate; empty for a Fresh authority.
func (a *Authority) Path() string { return a.path }

// KeyPath is the file of the private key; empty for a Fresh authority.
func (a *Authority) KeyPath() string {
	if a.path == "" {
		return ""
	}
	return filepath.Join(filepath.Dir(a.path), keyFile)
}

// Fingerprint is that of the certificate.
func (a *Authority) Fingerprint() string { return Fingerprint(a.certificate) }

// Fingerprint is the SHA-256 of a certificate in the form that openssl, keytool
// and browsers show: 32 upper-case hex pairs with colons.
func Fingerprint(c *x509.Certificate) string {
	digest := sha256.Sum256(c.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", digest[:]), " ", ":")
}

func encodeCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
