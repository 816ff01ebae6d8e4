package idpool

import (
	"crypto/tls"
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/internal/ca"
)

const day = 24 * time.Hour

// moves are where a stack's clock is moved to, one after the other.
func moves() []time.Duration {
	return []time.Duration{0, 48 * time.Hour, -2 * 365 * day, 3 * 365 * day, -9 * 365 * day, 0}
}

// trusting is a client that trusts the stack's CA and reads a clock.
func trusting(s *Stack, now func() time.Time) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	return &tls.Config{RootCAs: roots, ServerName: "localhost", Time: now}
}

// A clock that was moved back made the listener's certificate one that clients of
// that clock refuse, since the CA began when it was made; and clocks that were moved
// made wrong certificates right ones for them.
func TestCertificatesOfBothClocks(t *testing.T) {
	s := start(t, Acme())
	address := strings.TrimPrefix(s.HTTPS, "https://")
	for _, by := range moves() {
		s.Clock().Set(time.Now().Add(by))
		for clock, now := range map[string]func() time.Time{"the machine's": time.Now, "the stack's": s.Now} {
			conn, err := tls.Dial("tcp", address, trusting(s, now))
			if err != nil {
				t.Errorf("moved by %s, by %s clock: %v", by, clock, err)
				continue
			}
			leaf := conn.ConnectionState().PeerCertificates[0]
			conn.Close()
			if long := leaf.NotAfter.Sub(leaf.NotBefore); long > 825*day && by.Abs() < 800*day {
				t.Errorf("moved by %s: valid for %d days, which macOS refuses", by, long/day)
			}
			for kind, want := range map[string]string{
				"expired": "expired or is not yet valid", "not-yet-valid": "expired or is not yet valid",
				"wrong-host": "is valid for wrong-host.invalid", "unknown-ca": "unknown authority", "self-signed": "unknown authority",
			} {
				f := addFault(t, s.Scope, fault.Fault{Endpoint: "tls", Certificate: kind})
				conn, err := tls.Dial("tcp", address, trusting(s, now))
				if err == nil {
					conn.Close()
				}
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("moved by %s, by %s clock: %s: %v, want %q", by, clock, kind, err, want)
				}
				s.Faults().Remove(f.ID)
			}
		}
	}
}

// A certificate that is wrong by its dates is so alone by those: with either clock
// put right, clients take it.
func TestAWrongDateIsTheOnlyMistake(t *testing.T) {
	s := start(t, Acme())
	s.Clock().Set(time.Now().Add(48 * time.Hour))
	for kind, by := range map[string]time.Duration{"expired": -30 * day, "not-yet-valid": 30 * day} {
		f := addFault(t, s.Scope, fault.Fault{Endpoint: "tls", Certificate: kind})
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.HTTPS, "https://"), trusting(s, func() time.Time { return time.Now().Add(by) }))
		if err != nil {
			t.Errorf("%s, by a clock that is %s off: %v", kind, by, err)
		} else {
			conn.Close()
		}
		s.Faults().Remove(f.ID)
	}
}

// A CA that is older than this, and began when it was made, goes on: whoever
// trusts it is served by it.
func TestAnOldCAGoesOn(t *testing.T) {
	c := Acme()
	c.State = filepath.Join(t.TempDir(), "state")
	old, err := ca.Open(c.State, time.Now().AddDate(20, 0, -100)) // its beginning is 20 years before
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, c)
	if string(s.CA()) != string(old.PEM()) {
		t.Fatal("another CA")
	}
	for _, by := range []time.Duration{0, 48 * time.Hour} {
		s.Clock().Set(time.Now().Add(by))
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.HTTPS, "https://"), trusting(s, s.Now))
		if err != nil {
			t.Fatalf("moved by %s: %v", by, err)
		}
		conn.Close()
	}
}
