package idpool

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// logBuffer is a log that servers may write to while a test reads it.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
	line chan struct{}
}

func newLogBuffer() *logBuffer { return &logBuffer{line: make(chan struct{}, 100)} }

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.line <- struct{}{}
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestWhatTheLogSaysOfHandshakes(t *testing.T) {
	for _, tc := range []struct{ name, line, want string }{
		{"OpenSSL does not trust", "http: TLS handshake error from 127.0.0.1:5: remote error: tls: unknown certificate authority", `msg="a client does not trust the certificate of the https listener" client=127.0.0.1 reason="remote error: tls: unknown certificate authority" fix="trust it"`},
		{"Go does not trust", "http: TLS handshake error from [::1]:5: remote error: tls: bad certificate", `client=::1 reason="remote error: tls: bad certificate" fix="trust it"`},
		{"Java does not trust", "http: TLS handshake error from 127.0.0.1:5: remote error: tls: unknown certificate", `fix="trust it"`},
		{"OpenSSL with TLS 1.3 does not trust", "http: TLS handshake error from 127.0.0.1:5: local error: tls: bad record MAC", `msg="a client broke off a TLS handshake, most likely because it does not trust`},
		{"http on the https port", "http: TLS handshake error from 127.0.0.1:5: client sent an HTTP request to an HTTPS server", `msg="a client spoke http to the https listener"`},
		{"an old TLS", "http: TLS handshake error from 127.0.0.1:5: tls: client offered only unsupported versions: [302 301]", `fix="the client's TLS settings do not fit: idpool speaks TLS 1.2 and 1.3"`},
		{"a health check", "http: TLS handshake error from 127.0.0.1:5: EOF", ""},
		{"a port scan", "http: TLS handshake error from 127.0.0.1:5: read tcp 127.0.0.1:8443->127.0.0.1:5: read: connection reset by peer", ""},
		{"anything else of the server", "http: panic serving 127.0.0.1:5: oh", `msg="http: panic serving 127.0.0.1:5: oh"`},
		{"a line of no known form", "http: TLS handshake error from nowhere", `client=nowhere`},
	} {
		var text strings.Builder
		l := &handshakeLog{log: slog.New(slog.NewTextHandler(&text, nil)), now: time.Now, fix: func() string { return "trust it" }}
		if n, err := l.Write([]byte(tc.line + "\n")); err != nil || n != len(tc.line)+1 {
			t.Errorf("%s: wrote %d, %v", tc.name, n, err)
		}
		if !strings.Contains(text.String(), tc.want) || tc.want == "" && text.Len() > 0 || strings.Count(text.String(), "\n") > 1 {
			t.Errorf("%s: %q, want %q", tc.name, text.String(), tc.want)
		}
	}
}

// TestHandshakesAreNoSpam: a client that tries for ever gets a line a minute,
// and another client its own.
func TestHandshakesAreNoSpam(t *testing.T) {
	var text strings.Builder
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	l := &handshakeLog{log: slog.New(slog.NewTextHandler(&text, nil)), now: func() time.Time { return now }, fix: func() string { return "" }}
	from := func(host string) {
		fmt.Fprintf(l, "http: TLS handshake error from %s:%d: remote error: tls: bad certificate\n", host, 1024+text.Len())
	}
	lines := func() int { return strings.Count(text.String(), "\n") }
	for range 100 {
		from("10.0.0.1")
		now = now.Add(500 * time.Millisecond)
	}
	if lines() != 1 {
		t.Errorf("%d lines in 50 s, want 1", lines())
	}
	from("10.0.0.2")
	now = now.Add(time.Minute)
	from("10.0.0.1")
	if lines() != 3 {
		t.Errorf("%d lines, want one for the other client and one after the pause", lines())
	}
	for i := range 10 * handshakeClients {
		from(fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	if len(l.said) > handshakeClients {
		t.Errorf("%d clients are remembered", len(l.said))
	}
}

// TestAClientThatDoesNotTrust is told, in the log, what to trust.
func TestAClientThatDoesNotTrust(t *testing.T) {
	log := newLogBuffer()
	c := Acme()
	c.State = t.TempDir()
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := start(t, c)
	if _, err := http.Get(s.HTTPS); err == nil {
		t.Fatal("trusted by the system")
	}
	<-log.line
	for _, want := range []string{"a client does not trust the certificate", "idpool's CA in " + c.State, "idpool ca trust-help", "level=WARN"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log)
		}
	}
}

// TestAClientThatEndsWithoutAnAlert: Node.js hangs up at a certificate that it
// does not trust, which is told from a health check that only connects.
func TestAClientThatEndsWithoutAnAlert(t *testing.T) {
	log := newLogBuffer()
	c := Acme()
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := start(t, c)
	connect := func() net.Conn {
		connection, err := net.Dial("tcp", s.secureAddress)
		if err != nil {
			t.Fatal(err)
		}
		return connection
	}
	connect().Close() // the health check, which leaves no line
	rude := connect()
	defer rude.Close()
	_ = tls.Client(rude, &tls.Config{ServerName: "localhost", VerifyPeerCertificate: func([][]byte, [][]*x509.Certificate) error {
		return rude.Close() // before an alert can be sent
	}, InsecureSkipVerify: true}).HandshakeContext(t.Context())
	<-log.line
	if text := log.String(); !strings.Contains(text, "a client broke off a TLS handshake") || strings.Count(text, "\n") != 1 {
		t.Errorf("the log: %s", text)
	}
}

// TestOpeningsEndWithTheirConnections: clients that connect, and succeed or go, are
// not remembered for ever.
func TestOpeningsEndWithTheirConnections(t *testing.T) {
	g := &greeting{}
	for i := range 3000 {
		near, far := net.Pipe()
		near.Close()
		secure := tls.Server(addressed{far, fmt.Sprint("10.0.0.1:", i)}, g.config())
		if _, err := g.meet(&tls.ClientHelloInfo{Conn: secure.NetConn()}); err != nil {
			t.Fatal(err)
		}
		g.changed(secure, []http.ConnState{http.StateActive, http.StateClosed}[i%2])
	}
	if len(g.open.by) > 0 {
		t.Errorf("%d connections are remembered", len(g.open.by))
	}
	old, young := net.Conn(addressed{nil, "10.0.0.1:1"}), net.Conn(addressed{new(net.TCPConn), "10.0.0.1:1"})
	g.open.begin(young)
	if g.open.leave(old) != nil || g.open.leave(young) == nil {
		t.Error("the end of a connection is taken for that of the next with its address")
	}
}

// addressed is a connection with an address of its own.
type addressed struct {
	net.Conn
	address string
}

func (a addressed) RemoteAddr() net.Addr { return a }
func (a addressed) Network() string      { return "tcp" }
func (a addressed) String() string       { return a.address }

// TestWhereTheCAIs says what helps, by where the certificate is from.
func TestWhereTheCAIs(t *testing.T) {
	own := Acme()
	own.Listeners.HTTPS.Certificate, own.Listeners.HTTPS.Key = ownCertificate(t, "localhost")
	quiet := Acme()
	quiet.Listeners.Admin.Address = Off
	for want, c := range map[string]Config{"own.pem": own, "/v1/ca; ": Acme(), "the admin listener, which is off": quiet} {
		if got := start(t, c).caSource(); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestHTTPOnTheHTTPSPort is answered in words that curl shows.
func TestHTTPOnTheHTTPSPort(t *testing.T) {
	log := newLogBuffer()
	c := Acme()
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := start(t, c)
	response, err := http.Get("http://" + s.secureAddress)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	<-log.line
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(log.String(), "a client spoke http") {
		t.Errorf("%s, log %s", response.Status, log)
	}
}

// TestAHandshakeUnderWayDoesNotHoldClose: a connection that never speaks.
func TestAHandshakeUnderWayDoesNotHoldClose(t *testing.T) {
	s, err := Start(t.Context(), Acme())
	if err != nil {
		t.Fatal(err)
	}
	s.drain = 50 * time.Millisecond
	connection, err := net.Dial("tcp", s.secureAddress)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := tls.Dial("tcp", s.secureAddress, &tls.Config{RootCAs: s.roots()}); err == nil {
		t.Error("it still answers")
	}
}
