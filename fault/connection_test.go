package fault_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
)

// inMemoryAnswer is a handler that answers nothing much.
type inMemoryAnswer struct{}

func (inMemoryAnswer) ServeHTTP(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }

// What is decided of handshakes.
func TestHandshake(t *testing.T) {
	s := set()
	if got := s.Handshake(t.Context(), fault.Handshake{}); got != nil {
		t.Errorf("without a fault: %+v", got)
	}
	for _, f := range []fault.Fault{
		{Endpoint: "tls", Certificate: "expired", When: `server_name == "localhost" && listener == "https"`, Delay: 1},
		{Endpoint: "tls", Close: true, When: `client startsWith "10."`},
		{Endpoint: "kafka-login", Close: true},
	} {
		if _, err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Handshake(t.Context(), fault.Handshake{Listener: "https", ServerName: "localhost"}); got == nil || *got != (fault.Injected{ID: "tls-1", Certificate: "expired", Delay: 1}) {
		t.Errorf("got %+v", got)
	}
	if got := s.Handshake(t.Context(), fault.Handshake{Listener: "kafka", Client: "10.0.0.1:4"}); got == nil || *got != (fault.Injected{ID: "tls-2", Close: true}) {
		t.Errorf("got %+v", got)
	}
	if got := s.Handshake(t.Context(), fault.Handshake{Listener: "kafka"}); got != nil {
		t.Errorf("got %+v, want nothing", got)
	}
}

// What is decided of logins.
func TestLogin(t *testing.T) {
	s := set()
	if got := s.Login(t.Context(), fault.Login{}); got != nil {
		t.Errorf("without a fault: %+v", got)
	}
	for _, f := range []fault.Fault{
		{ID: "again", Endpoint: "kafka-login", Close: true, When: "again"},
		{ID: "where", Endpoint: "kafka-login", Tenant: domain, ClientID: client, Error: "broker is busy",
			When: `"pool-a" in pools and cluster == "lkc-acme" and software contains "librdkafka" and tenant == "` + acme + `" and client_id != "" and listener == "kafka" and client != ""`},
	} {
		if _, err := s.Add(f); err != nil {
			t.Fatal(err)
		}
	}
	l := fault.Login{Tenant: acme, ClientID: client, Cluster: "lkc-acme", Pools: []string{"pool-b", "pool-a"}, Client: "127.0.0.1:1", Software: "librdkafka 2.5"}
	if got := s.Login(t.Context(), l); got == nil || *got != (fault.Injected{ID: "where", Error: "broker is busy"}) {
		t.Errorf("got %+v", got)
	}
	again := l
	again.Again = true
	if got := s.Login(t.Context(), again); got == nil || *got != (fault.Injected{ID: "again", Close: true}) {
		t.Errorf("got %+v", got)
	}
	for _, change := range []func(*fault.Login){
		func(l *fault.Login) { l.Tenant = "other" }, func(l *fault.Login) { l.ClientID = api },
		func(l *fault.Login) { l.Pools = nil }, func(l *fault.Login) { l.Cluster = "" },
	} {
		other := l
		change(&other)
		if got := s.Login(t.Context(), other); got != nil {
			t.Errorf("%+v: got %+v", other, got)
		}
	}
}

// A stalled login ends with its context or the set, and then breaks off.
func TestStalledLogin(t *testing.T) {
	s := set()
	if _, err := s.Add(fault.Fault{Endpoint: "kafka-login", Stall: true}); err != nil {
		t.Fatal(err)
	}
	want := fault.Injected{ID: "kafka-login-1", Stall: true, Close: true}
	ctx, cancel := context.WithCancel(t.Context())
	ends := make(chan *fault.Injected)
	go func() { ends <- s.Login(ctx, fault.Login{}) }()
	cancel()
	if got := <-ends; *got != want {
		t.Errorf("got %+v", got)
	}
	go func() { ends <- s.Login(t.Context(), fault.Login{}) }()
	for s.List()[0].Injected < 2 {
		select {
		case got := <-ends:
			t.Fatalf("it ended: %+v", got)
		case <-time.After(time.Millisecond):
		}
	}
	s.Close()
	if got := <-ends; *got != want {
		t.Errorf("got %+v", got)
	}
}
