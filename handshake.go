package idpool

import (
	"crypto/tls"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// The log has one line about failed handshakes for each client and kind within
// a pause, for so many clients at most.
const (
	handshakePause   = time.Minute
	handshakeClients = 1000
)

// handshakeLog is what net/http logs to. Of failed TLS handshakes it makes
// lines that say what to do, and few of them: a client that does not trust the
// certificate tries again for ever.
type handshakeLog struct {
	log *slog.Logger
	now func() time.Time
	fix func() string // what makes a client trust the certificate
	// note puts a failure into the journal. Nil notes nothing.
	note func(client, detail string)

	mu   sync.Mutex
	said map[string]time.Time // by client and kind
	met  map[string]bool      // the addresses that began a handshake of late
}

// meet remembers who began a handshake: a connection that ends after that is
// another thing than one that never spoke. It is a tls.Config's
// GetConfigForClient, and changes nothing.
func (l *handshakeLog) meet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.met == nil || len(l.met) >= handshakeClients {
		l.met = map[string]bool{}
	}
	l.met[hello.Conn.RemoteAddr().String()] = true
	return nil, nil
}

// hasMet says whether an address began a handshake, and forgets it.
func (l *handshakeLog) hasMet(address string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	met := l.met[address]
	delete(l.met, address)
	return met
}

// handshakePrefix is how net/http begins its line about a failed handshake.
const handshakePrefix = "http: TLS handshake error from "

// Write takes one line.
func (l *handshakeLog) Write(p []byte) (int, error) {
	line := strings.TrimSuffix(string(p), "\n")
	rest, ok := strings.CutPrefix(line, handshakePrefix)
	if !ok {
		l.log.Warn(line)
		return len(p), nil
	}
	address, reason, _ := strings.Cut(rest, ": ")
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	message, fix := l.explain(reason, l.hasMet(address))
	if message != "" && l.note != nil && !strings.Contains(reason, errInjected.Error()) {
		l.note(address, message+": "+reason)
	}
	if message != "" && l.first(host+" "+message) {
		l.log.Warn(message, "client", host, "reason", reason, "fix", fix)
	}
	return len(p), nil
}

// explain says what a failed handshake means; an empty message is not worth a
// line. The alerts are those of RFC 8446 6.2: OpenSSL with TLS 1.2 sends
// unknown_ca, Go bad_certificate, Java certificate_unknown. With TLS 1.3,
// OpenSSL's alert (curl, librdkafka, Python) cannot be decrypted here, and
// Node.js goes without one, as measured with curl 7.88, Python 3.11, Node 20.
func (l *handshakeLog) explain(reason string, began bool) (message, fix string) {
	is := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(reason, part) })
	}
	ended := is("EOF", "connection reset")
	switch {
	case is("unknown certificate", "bad certificate"):
		return "a client does not trust the certificate of the https listener", l.fix()
	case is("bad record MAC"), ended && began:
		return "a client broke off a TLS handshake, most likely because it does not trust the certificate of the https listener", l.fix()
	case is("HTTP request to an HTTPS server"):
		return "a client spoke http to the https listener", "use https:// in the client's URL, or the port of the http listener"
	case ended, is("i/o timeout"):
		return "", "" // a port scan, a health check
	}
	return "a TLS handshake failed", "the client's TLS settings do not fit: idpool speaks TLS 1.2 and 1.3"
}

// first says whether there was no such line for a while.
func (l *handshakeLog) first(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if last, ok := l.said[key]; ok && now.Sub(last) < handshakePause {
		return false
	}
	if l.said == nil || len(l.said) >= handshakeClients {
		l.said = map[string]time.Time{}
	}
	l.said[key] = now
	return true
}
