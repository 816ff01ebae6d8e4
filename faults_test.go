package idpool

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// addFault puts a fault into force.
func addFault(t *testing.T, s *Scope, f fault.Fault) fault.Fault {
	t.Helper()
	added, err := s.AddFault(f)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// An injected failure of the token endpoint says so in the header and in the
// journal, under the same id; a real one does not.
func TestAFaultIsNeverTakenForARealFailure(t *testing.T) {
	s := start(t, Acme())
	f := addFault(t, s.Scope, fault.Fault{Endpoint: "token", AADSTS: 7000215, Times: 1})
	ask := func() *http.Response {
		r, err := s.Client().PostForm(s.HTTP+"/"+acme+"/oauth2/v2.0/token", map[string][]string{
			"client_id": {client}, "client_secret": {"wrong"}, "scope": {acmeScope}, "grant_type": {"client_credentials"}})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		return r
	}
	injected, real := ask(), ask()
	if injected.StatusCode != http.StatusUnauthorized || injected.Header.Get(fault.Header) != f.ID {
		t.Errorf("injected: %d, %s %q", injected.StatusCode, fault.Header, injected.Header.Get(fault.Header))
	}
	if real.StatusCode != http.StatusUnauthorized || real.Header.Get(fault.Header) != "" {
		t.Errorf("real: %d, %s %q", real.StatusCode, fault.Header, real.Header.Get(fault.Header))
	}
	entries := s.Journal().List(journal.Filter{Endpoint: journal.EndpointToken}, 0)
	if len(entries) != 2 || entries[0].Fault != f.ID || entries[1].Fault != "" {
		t.Fatalf("the journal: %v", entries)
	}
	for i, e := range entries {
		if e.AADSTS != 7000215 || e.Tenant != acme || !strings.EqualFold(e.ClientID, client) || e.Outcome != journal.OutcomeRefused || e.Listener != "http" {
			t.Errorf("entry %d: %+v", i, e)
		}
	}
	if got := entries[1].RequestID; got != real.Header.Get("X-Ms-Request-Id") {
		t.Errorf("request id %q, want that of the response, %q", got, real.Header.Get("X-Ms-Request-Id"))
	}
}

// What is wrong with the JWKS reaches the stack's own validator too, which never
// goes over the network: also a connection that breaks.
func TestFaultsOfTheJWKSReachTheValidator(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault fault.Fault
		fails string // the check that fails; empty for none
	}{
		{"empty", fault.Fault{JWKS: "empty"}, "key"},
		{"closed", fault.Fault{Close: true}, "key"},
		{"cut", fault.Fault{CutBody: 20}, "key"},
		{"other-tenant", fault.Fault{JWKS: "other-tenant"}, "key"},
		{"html", fault.Fault{HTML: true}, "key"},
		{"shuffled", fault.Fault{JWKS: "shuffled"}, ""},
		{"503", fault.Fault{Status: http.StatusServiceUnavailable}, "key"},
	} {
		s := start(t, Acme())
		tt.fault.Endpoint = "jwks"
		f := addFault(t, s.Scope, tt.fault)
		token := fetchToken(t, s)
		d := s.Decide(t.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
		if d.Allowed != (tt.fails == "") || d.Failed().Name != tt.fails {
			t.Errorf("%s: %t at %q, want %q", tt.name, d.Allowed, d.Failed().Name, tt.fails)
		}
		if s.Journal().Count(journal.Filter{Endpoint: journal.EndpointJWKS, Fault: f.ID}) == 0 {
			t.Errorf("%s: not in the journal", tt.name)
		}
		s.Faults().Clear()
		if err := s.RefreshKeys(t.Context(), "op-acme"); err != nil {
			t.Errorf("%s, when it is over: %v", tt.name, err)
		}
		if ok, check := decideIn(s.Scope, token); !ok {
			t.Errorf("%s, when it is over: refused at %q", tt.name, check)
		}
	}
}

// A wrong certificate is refused by a real client for the reason that was asked
// for, on both listeners that speak TLS, and the journal has it.
func TestFaultsOfCertificates(t *testing.T) {
	s := start(t, Acme())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	https := strings.TrimPrefix(s.HTTPS, "https://")
	for _, tt := range []struct{ kind, want string }{
		{"expired", "certificate has expired or is not yet valid"},
		{"not-yet-valid", "certificate has expired or is not yet valid"},
		{"wrong-host", "certificate is valid for wrong-host.invalid, not localhost"},
		{"unknown-ca", "certificate signed by unknown authority"},
		{"self-signed", "certificate signed by unknown authority"},
	} {
		for _, l := range []struct{ name, address string }{{"https", https}, {"kafka", s.Kafka}} {
			f := addFault(t, s.Scope, fault.Fault{Endpoint: "tls", Certificate: tt.kind, When: "listener == '" + l.name + "'", Times: 1})
			_, err := tls.Dial("tcp", l.address, &tls.Config{RootCAs: roots, ServerName: "localhost"})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s at %s: %v, want %q", tt.kind, l.name, err, tt.want)
			}
			if e := handshakeNoted(t, s); e.Fault != f.ID || e.Outcome != journal.OutcomeFailed {
				t.Errorf("%s at %s: the journal: %+v", tt.kind, l.name, e)
			}
			conn, err := tls.Dial("tcp", l.address, &tls.Config{RootCAs: roots, ServerName: "localhost"})
			if err != nil {
				t.Errorf("%s at %s, when it is over: %v", tt.kind, l.name, err)
				continue
			}
			conn.Close()
		}
	}
	addFault(t, s.Scope, fault.Fault{Endpoint: "tls", Close: true, Times: 1})
	if _, err := tls.Dial("tcp", https, &tls.Config{RootCAs: roots, ServerName: "localhost"}); err == nil {
		t.Error("a handshake that is broken off succeeded")
	}
}

// A clock that is moved for years does not make the stack unreachable, and its
// certificate is good by either clock.
func TestTheCertificateFollowsTheClock(t *testing.T) {
	s := start(t, Acme())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA())
	address := strings.TrimPrefix(s.HTTPS, "https://")
	for _, by := range []time.Duration{0, 3 * 365 * 24 * time.Hour} {
		s.Clock().Advance(by)
		for name, now := range map[string]func() time.Time{"the machine's": time.Now, "the stack's": s.Now} {
			conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, ServerName: "localhost", Time: now})
			if err != nil {
				t.Errorf("advanced by %s, by %s clock: %v", by, name, err)
				continue
			}
			conn.Close()
		}
	}
}

// Faults of the Kafka login: what the client is told, and what it does then.
func TestFaultsOfTheKafkaLogin(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	for _, tt := range []struct {
		name  string
		fault fault.Fault
		want  string // in the client's error; empty for a login that succeeds
	}{
		{"refused", fault.Fault{Error: "the cloud is on holiday"}, "the cloud is on holiday"},
		{"another client", fault.Fault{Error: "x", ClientID: api}, ""},
		{"another tenant", fault.Fault{Error: "x", When: `tenant != "` + acme + `"`}, ""},
		{"delayed", fault.Fault{Delay: fault.Duration(time.Millisecond)}, ""},
	} {
		tt.fault.Endpoint = "kafka-login"
		f := addFault(t, s.Scope, tt.fault)
		c := kafkaClient(t, s, "pool-dev")
		err := c.Ping(t.Context())
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if n := s.Journal().Count(journal.Filter{Endpoint: journal.EndpointKafkaLogin, Fault: f.ID}); (n > 0) != (tt.want != "" || tt.name == "delayed") {
			t.Errorf("%s: %d entries in the journal", tt.name, n)
		}
		s.Faults().Clear()
		c.Close()
	}
	addFault(t, s.Scope, fault.Fault{Endpoint: "kafka-login", Close: true, Times: 2})
	c := kafkaClient(t, s, "pool-dev")
	if err := c.Ping(t.Context()); err != nil {
		t.Logf("closed twice: %v", err) // the client may try again by itself
	}
	if n := s.Journal().Count(journal.Filter{Endpoint: journal.EndpointKafkaLogin, Outcome: journal.OutcomeRefused}); n == 0 {
		t.Error("a login that was closed is not in the journal")
	}
}

// The token endpoint gives the broken twin that a fault names, and the check
// that its description says refuses it.
func TestFaultsOfTokens(t *testing.T) {
	s := start(t, Acme())
	for _, row := range forge.Table() {
		if !slices.Contains([]string{"expired", "none-lower", "signature-last-bit", "kid-unknown", "payload-tampered", "iss-wrong"}, row.Name) && row.Check != "key" {
			continue
		}
		if row.Name == validToken || row.Check == "" {
			continue
		}
		addFault(t, s.Scope, fault.Fault{Endpoint: "token", Token: row.Name})
		d := s.Decide(t.Context(), validator.Request{Token: fetchToken(t, s), Cluster: "lkc-acme", Pools: "pool-dev"})
		if d.Failed().Name != row.Check {
			t.Errorf("%s: fails at %q, want %q", row.Name, d.Failed().Name, row.Check)
		}
		s.Faults().Clear()
	}
}

// Fault windows follow the clock, and a stack that closes waits for no stall.
func TestFaultWindowsFollowTheClock(t *testing.T) {
	s := start(t, Acme())
	begin := s.Now().Add(time.Hour)
	addFault(t, s.Scope, fault.Fault{Endpoint: "token", Status: http.StatusServiceUnavailable, From: begin, Until: begin.Add(time.Hour)})
	for _, tt := range []struct {
		by   time.Duration
		want int
	}{{0, http.StatusOK}, {90 * time.Minute, http.StatusServiceUnavailable}, {time.Hour, http.StatusOK}} {
		s.Clock().Advance(tt.by)
		if status, _ := tokenOf(t, s, s.Scope); status != tt.want {
			t.Errorf("advanced by %s: %d, want %d", tt.by, status, tt.want)
		}
	}
	stall := addFault(t, s.Scope, fault.Fault{Endpoint: "token", Stall: true})
	done := make(chan error, 1)
	go func() {
		_, err := s.Client().PostForm(s.HTTP+"/"+acme+"/oauth2/v2.0/token", nil)
		done <- err
	}()
	for !slices.ContainsFunc(s.Faults().List(), func(f fault.Status) bool { return f.ID == stall.ID && f.Injected > 0 }) {
		runtime.Gosched() // the request is on its way
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("a request that was stalled has an answer")
	}
}

// Advancing past exp ends a Kafka client's session at its next request, as real
// time would, and a client that can log in again goes on.
func TestTheClockEndsKafkaSessions(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	var mayAsk atomic.Bool
	first, err := s.Mint(t.Context(), idp.MintRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(s.Kafka), kgo.DisableIdempotentWrite(), kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) {
		token := first
		var err error
		if mayAsk.Load() {
			token, err = s.Mint(ctx, idp.MintRequest{})
		}
		return oauth.Auth{Token: token.AccessToken, Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": "pool-dev"}}, err
	})), kgo.RecordDeliveryTimeout(time.Second), kgo.RetryTimeout(time.Second), kgo.MetadataMinAge(10*time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	produce := func() error {
		return c.ProduceSync(ctx, &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr()
	}
	// A busy machine needs longer for a login than the client has patience.
	arrives := func() {
		t.Helper()
		for err := produce(); err != nil; err = produce() {
			if ctx.Err() != nil {
				t.Fatal(errors.Join(err, ctx.Err()))
			}
		}
	}
	arrives()
	s.Clock().Advance(2 * time.Hour)
	refused := journal.Filter{Endpoint: journal.EndpointKafkaLogin, Outcome: journal.OutcomeRefused}
	for first := true; first || s.Journal().Count(refused) == 0; first = false {
		if err := produce(); err == nil {
			t.Error("a session outlives its token")
		}
		if ctx.Err() != nil {
			t.Fatal("no login with the old token was refused")
		}
	}
	mayAsk.Store(true)
	arrives()
}
