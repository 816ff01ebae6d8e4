package idpool

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/journal"
)

// linesOf are the lines of a log that have a word.
func linesOf(log *logBuffer, word string) []string {
	lines := strings.Split(log.String(), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, word) })
}

// The log blamed a fault of tokens for a real refusal, which header and journal
// had taken it back from.
func TestTheLogOfARealRefusalNamesNoFault(t *testing.T) {
	log := newLogBuffer()
	c := Acme()
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := start(t, c)
	ask := func(secret string) string {
		r, err := s.Client().PostForm(s.HTTP+"/"+acme+"/oauth2/v2.0/token", map[string][]string{
			"client_id": {client}, "client_secret": {secret}, "scope": {acmeScope}, "grant_type": {"client_credentials"}})
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.Header.Get(fault.Header)
	}
	addFault(t, s.Scope, fault.Fault{ID: "broken", Endpoint: "token", Token: "expired"})
	if id := ask("wrong"); id != "" {
		t.Errorf("a real refusal has the header %s: %s", fault.Header, id)
	}
	if id := ask(secret); id != "broken" {
		t.Errorf("a broken token has the header %q", id)
	}
	s.Faults().Clear()
	addFault(t, s.Scope, fault.Fault{ID: "late", Endpoint: "token", Token: "expired", Delay: 1})
	if id := ask("wrong"); id != "late" {
		t.Errorf("a refusal that was delayed has the header %q", id)
	}
	s.Faults().Clear()
	addFault(t, s.Scope, fault.Fault{ID: "refusing", Endpoint: "token", Status: http.StatusServiceUnavailable})
	ask(secret)
	refused, issued := linesOf(log, "token refused"), linesOf(log, "token issued")
	if len(refused) != 3 || strings.Contains(refused[0], "fault=") || !strings.Contains(refused[1], "fault=late") || !strings.Contains(refused[2], "fault=refusing") {
		t.Errorf("the refusals, of which the first is real:\n%s", strings.Join(refused, "\n"))
	}
	if len(issued) != 1 || !strings.Contains(issued[0], "fault=broken") {
		t.Errorf("the token that was broken:\n%s", strings.Join(issued, "\n"))
	}
}

// handshakeNoted is the next entry about a handshake.
func handshakeNoted(t *testing.T, s *Stack) journal.Entry {
	t.Helper()
	taken, err := s.Journal().Take(t.Context(), journal.Filter{Endpoint: journal.EndpointTLS}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return taken[0]
}

// A wrong certificate was noted as "ok", and its refusal without the fault, as if the
// client did not trust the CA; the log told people to trust it.
func TestARefusedWrongCertificateIsTheFaults(t *testing.T) {
	log := newLogBuffer()
	c := Acme()
	c.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := start(t, c)
	for _, tt := range []struct {
		name  string
		fault fault.Fault
		want  string // in the entry's detail
	}{
		{"expired", fault.Fault{Certificate: "expired"}, "expired: remote error: tls: "},
		{"unknown", fault.Fault{Certificate: "unknown-ca", Delay: 1}, "unknown-ca: remote error: tls: "},
		{"closed", fault.Fault{Close: true}, "closed"},
	} {
		for _, l := range []struct{ name, address, line string }{
			{"https", strings.TrimPrefix(s.HTTPS, "https://"), "a TLS handshake failed because of an injected fault"},
			{"kafka", s.Kafka, "kafka: connection closed"},
		} {
			name := tt.name + " at " + l.name
			tt.fault.Endpoint, tt.fault.When, tt.fault.ID = "tls", "listener == '"+l.name+"'", tt.name+"-"+l.name
			f := addFault(t, s.Scope, tt.fault)
			if _, err := tls.Dial("tcp", l.address, trusting(s, time.Now)); err == nil {
				t.Errorf("%s: taken", name)
			}
			e := handshakeNoted(t, s)
			if e.Fault != f.ID || e.Outcome != journal.OutcomeFailed || !strings.HasPrefix(e.Detail, tt.want) || e.Listener != l.name {
				t.Errorf("%s: %+v", name, e)
			}
			for len(linesOf(log, "fault="+f.ID)) == 0 {
				<-log.line
			}
			if line := linesOf(log, "fault="+f.ID)[0]; !strings.Contains(line, l.line) || !strings.Contains(line, "injected") || strings.Contains(line, "trust") || strings.Contains(line, "do not fit") {
				t.Errorf("%s: the log: %s", name, line)
			}
			s.Faults().Clear()
		}
	}
	if n := s.Journal().Count(journal.Filter{Endpoint: journal.EndpointTLS}); n != 6 {
		t.Errorf("%d entries, want one for each handshake", n)
	}
}

// A client that takes a wrong certificate is noted as one: that is what tests look for.
func TestAWrongCertificateThatIsTaken(t *testing.T) {
	s := start(t, Acme())
	for _, l := range []struct{ name, address string }{{"https", strings.TrimPrefix(s.HTTPS, "https://")}, {"kafka", s.Kafka}} {
		f := addFault(t, s.Scope, fault.Fault{Endpoint: "tls", Certificate: "expired", When: "listener == '" + l.name + "'", Times: 1})
		conn, err := tls.Dial("tcp", l.address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if e := handshakeNoted(t, s); e.Fault != f.ID || e.Outcome != journal.OutcomeOK || e.Detail != "expired: the client takes it" {
			t.Errorf("at %s: %+v", l.name, e)
		}
	}
}

// A handshake that fails by itself is none of a fault's, also beside those of others.
func TestARealFailureOfAHandshakeNamesNoFault(t *testing.T) {
	s := start(t, Acme())
	addFault(t, s.Scope, fault.Fault{Endpoint: "tls", Certificate: "expired", When: "server_name == 'other'"})
	if _, err := tls.Dial("tcp", strings.TrimPrefix(s.HTTPS, "https://"), &tls.Config{ServerName: "localhost", RootCAs: x509.NewCertPool()}); err == nil {
		t.Fatal("trusted by nobody, and taken")
	}
	if e := handshakeNoted(t, s); e.Fault != "" || !strings.HasPrefix(e.Detail, "a client does not trust the certificate") {
		t.Errorf("%+v", e)
	}
}
