package idpool

import (
	"log/slog"
	"net"
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

	mu   sync.Mutex
	said map[string]time.Time // by client and kind
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
	message, fix := l.explain(reason)
	if message != "" && l.first(host+" "+message) {
		l.log.Warn(message, "client", host, "reason", reason, "fix", fix)
	}
	return len(p), nil
}

// explain says what a failed handshake means; an empty message is not worth a
// line. The alerts are those of RFC 8446 6.2: OpenSSL and the browsers send
// unknown_ca, Go bad_certificate, Java certificate_unknown.
func (l *handshakeLog) explain(reason string) (message, fix string) {
	switch {
	case strings.Contains(reason, "unknown certificate") || strings.Contains(reason, "bad certificate"):
		return "a client does not trust the certificate of the https listener", l.fix()
	case strings.Contains(reason, "HTTP request to an HTTPS server"):
		return "a client spoke http to the https listener", "use https:// in the client's URL, or the port of the http listener"
	case strings.HasSuffix(reason, "EOF") || strings.Contains(reason, "connection reset") || strings.Contains(reason, "i/o timeout"):
		return "", "" // a port scan, a health check, a client that ended
	}
	return "a TLS handshake failed", `the client's TLS settings do not fit: idpool speaks TLS 1.2 and 1.3`
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
