package idpool

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/internal/ca"
	"github.com/idpool/idpool/journal"
)

// errInjected breaks off a handshake on purpose.
var errInjected = errors.New("an injected fault closed the connection")

// longestHandshake bounds those that a fault stalls: nobody says when the client
// has gone.
const longestHandshake = 30 * time.Second

// greeting is what a listener says in a TLS handshake: the certificate that it
// has, or the wrong one that a fault asks for.
type greeting struct {
	stack    *Stack
	listener string // https or kafka

	mu     sync.Mutex
	own    *tls.Certificate            // in use
	broken map[string]*tls.Certificate // by what is wrong with them, made when first asked for

	open openings
}

// greet is what a listener says.
func (s *Stack) greet(listener string) *greeting {
	return &greeting{stack: s, listener: listener, own: s.certificate, broken: map[string]*tls.Certificate{}}
}

// config is the TLS config of the listener.
func (g *greeting) config() *tls.Config {
	// A session that is resumed shows no certificate, and no fault could have one.
	return &tls.Config{GetConfigForClient: g.meet, GetCertificate: g.certificate, SessionTicketsDisabled: true, MinVersion: tls.VersionTLS12}
}

// meet remembers who began a handshake: a connection that ends after that is
// another thing than one that never spoke. It changes nothing.
func (g *greeting) meet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	g.open.begin(hello.Conn)
	return nil, nil
}

// certificate is asked in each handshake.
func (g *greeting) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	kind, err := g.fault(hello)
	switch {
	case err != nil:
		return nil, err
	case kind != "":
		return g.wrong(kind)
	}
	return g.right()
}

// fault asks the faults, and remembers what they did until the handshake has
// ended, for journal and log: a handshake has no header that could say so.
func (g *greeting) fault(hello *tls.ClientHelloInfo) (certificate string, err error) {
	s := g.stack
	if !s.faults.Active() {
		return "", nil
	}
	began, client := time.Now(), hello.Conn.RemoteAddr().String()
	ctx, cancel := context.WithTimeout(hello.Context(), longestHandshake)
	defer cancel()
	injected := s.faults.Handshake(ctx, fault.Handshake{Listener: g.listener, ServerName: hello.ServerName, Client: client})
	if injected == nil {
		return "", nil
	}
	e := journal.Entry{Endpoint: journal.EndpointTLS, Listener: g.listener, Client: client, Fault: injected.ID,
		Outcome: journal.OutcomeOK, Duration: time.Since(began), Detail: cmp.Or(injected.Certificate, "delayed")}
	if injected.Close { // noted before the client sees it
		e.Outcome, e.Detail, err = journal.OutcomeFailed, "closed", errInjected
		s.note(e)
	}
	if injected.Delay > 0 && g.listener == "https" { // whose limit for a handshake may be over; it sets its own again
		_ = hello.Conn.SetDeadline(time.Now().Add(longestHandshake))
	}
	g.open.touch(hello.Conn, func(o *opening) {
		o.entry, o.noted, o.wrong = e, injected.Close, injected.Close || injected.Certificate != ""
	})
	return injected.Certificate, err
}

// right is the listener's certificate. Clients verify it by their own clock,
// which is the machine's or follows the stack's: one that idpool makes is made
// again when it is not one for both.
func (g *greeting) right() (*tls.Certificate, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stack
	if s.authority == nil || g.own.Leaf == nil || s.clocks().suit(g.own.Leaf, s.authority) {
		return g.own, nil
	}
	from, to := s.clocks().validity()
	again, err := s.authority.IssueFor(s.config.certificateNames(s.HTTPS), from, to)
	if err != nil {
		return nil, err
	}
	g.own = &again
	return g.own, nil
}

// wrong is a certificate that clients have to refuse for one reason alone, by
// either clock. With a certificate of the Config's own there is no authority that
// could sign it, so that it is refused as unknown too.
func (g *greeting) wrong(kind string) (*tls.Certificate, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if made := g.broken[kind]; made != nil && g.stack.clocks().stillWrong(kind, made.Leaf) {
		return made, nil
	}
	made, err := g.stack.wrongCertificate(kind)
	if err != nil {
		return nil, err
	}
	g.broken[kind] = &made
	return g.broken[kind], nil
}

func (s *Stack) wrongCertificate(kind string) (tls.Certificate, error) {
	now, names, authority := s.clocks(), s.config.certificateNames(s.HTTPS), s.authority
	var err error
	if authority == nil || kind == "unknown-ca" {
		if authority, err = ca.Fresh(time.Now()); err != nil {
			return tls.Certificate{}, err
		}
	}
	from, to := now.validity()
	switch kind {
	case "expired":
		return authority.IssueFor(names, now.first.AddDate(-1, 0, 0), now.first.AddDate(0, 0, -1))
	case "not-yet-valid":
		return authority.IssueFor(names, now.last.AddDate(0, 0, 1), now.last.AddDate(1, 0, 0))
	case "wrong-host":
		names = []string{"wrong-host.invalid"}
	case "self-signed":
		return selfSigned(names, from, to)
	}
	return authority.IssueFor(names, from, to)
}

// clocks are the times that clients may verify a certificate by: the machine's and
// the stack's, the earlier one first.
type clocks struct{ first, last time.Time }

func (s *Stack) clocks() clocks {
	c := clocks{time.Now(), s.clock.Now()}
	if c.last.Before(c.first) {
		c.first, c.last = c.last, c.first
	}
	return c
}

// longestLeaf is as long as macOS and iOS let a server's certificate be valid, be
// its authority one of the user's own (https://support.apple.com/103769).
const longestLeaf = 825 * 24 * time.Hour

// validity is that of a certificate which is good by both clocks: for a year, or
// for as long as Apple lets it, unless the clocks are farther apart than that.
func (c clocks) validity() (from, to time.Time) {
	from, to = c.first.Add(-time.Hour), c.last.AddDate(1, 0, 0)
	if longest := from.Add(longestLeaf); to.After(longest) {
		if to = longest; c.last.AddDate(0, 0, 1).After(to) {
			to = c.last.AddDate(0, 0, 1)
		}
	}
	return from, to
}

// good says whether a certificate is valid by both clocks.
func (c clocks) good(leaf *x509.Certificate) bool {
	return c.first.After(leaf.NotBefore) && c.last.Before(leaf.NotAfter)
}

// suit says whether a certificate is as good as one that the authority would make
// now. None lasts longer than its authority.
func (c clocks) suit(leaf *x509.Certificate, authority *ca.Authority) bool {
	from, to := c.validity()
	tooLong := leaf.NotAfter.Sub(leaf.NotBefore) > longestLeaf && to.Sub(from) <= longestLeaf
	ends := leaf.NotAfter.Equal(authority.Certificate().NotAfter)
	return !tooLong && c.first.After(leaf.NotBefore) && (ends || c.last.Before(leaf.NotAfter))
}

// stillWrong says whether a certificate of a kind is wrong in this way alone, also
// after the clocks have moved.
func (c clocks) stillWrong(kind string, leaf *x509.Certificate) bool {
	switch kind {
	case "expired":
		return c.first.After(leaf.NotAfter)
	case "not-yet-valid":
		return c.last.Before(leaf.NotBefore)
	}
	return c.good(leaf)
}

// selfSigned is a certificate of nobody's but its own.
func selfSigned(names []string, from, to time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "idpool, self-signed"},
		NotBefore: from, NotAfter: to,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// noteHandshake puts a failed handshake into the journal.
func (s *Stack) noteHandshake(listener, client, detail string) {
	s.note(journal.Entry{Endpoint: journal.EndpointTLS, Listener: listener, Client: client, Outcome: journal.OutcomeFailed, Detail: loggable(detail)})
}
