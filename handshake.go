package idpool

import (
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
	// greeting knows the handshakes that have begun, and notes what failed in the
	// journal. Nil for a listener without TLS.
	greeting *greeting

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
	l.failed(address, host, reason)
	return len(p), nil
}

// failed makes a line, and an entry of the journal, of a failed handshake.
func (l *handshakeLog) failed(address, host, reason string) {
	var o *opening
	if l.greeting != nil {
		o = l.greeting.open.end(address)
	}
	message, fix := l.explain(reason, o != nil)
	detail, injected := message+": "+reason, o.fault()
	attributes := []any{"client", host, "reason", reason}
	if injected != "" {
		attributes, detail = append(attributes, "fault", injected), reason
		if o.wrong || message == "" {
			message, fix = "a TLS handshake failed because of an injected fault", injectedFix
		}
	}
	if message == "" {
		return
	}
	if l.greeting != nil {
		l.greeting.failed(o, address, detail)
	}
	if l.first(host + " " + message + injected) {
		l.log.Warn(message, append(attributes, "fix", fix)...)
	}
}

// injectedFix is what to do about a fault.
const injectedFix = `nothing, it is meant to fail: "idpool fault list" shows the fault`

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
