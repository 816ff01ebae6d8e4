package fault

import (
	"context"
	"time"
)

// Certificates are what may be wrong with a certificate.
func Certificates() []string {
	return []string{"expired", "not-yet-valid", "wrong-host", "unknown-ca", "self-signed"}
}

// Handshake is a TLS handshake that begins.
type Handshake struct {
	// Listener is https or kafka, ServerName the host of SNI, and Client the
	// remote address.
	Listener, ServerName, Client string
}

// Login is a Kafka client that logs in.
type Login struct {
	// Tenant is the id of the tenant that issued the token, or what the token says
	// of it, and ClientID the application it was issued to.
	Tenant, ClientID string
	// Cluster and Pools are those that the client asks for.
	Cluster string
	Pools   []string
	// Client is the remote address, and Software the client's name and version.
	Client, Software string
	// Again says that the client is logged in and authenticates again.
	Again bool
}

// Injected is what a fault does to a handshake or a login. Delay and Stall have
// passed already.
type Injected struct {
	// ID is the fault's.
	ID string
	// Delay has been waited, and Stall, after which Close is true.
	Delay time.Duration
	Stall bool
	// Close breaks the connection off.
	Close bool
	// Certificate is one of [Certificates], or empty for the right one.
	Certificate string
	// Error refuses a login with this text. Without it and without Close the login
	// goes on.
	Error string
}

// Handshake says what becomes of a TLS handshake; nil for nothing. It waits for
// as long as the fault delays or stalls, or until ctx ends.
func (s *Set) Handshake(ctx context.Context, h Handshake) *Injected {
	active := s.active.Load()
	if active == nil {
		return nil
	}
	return s.decide(ctx, s.first(active.tls, h))
}

// Login says what becomes of a Kafka login; nil for nothing. It waits for as
// long as the fault delays or stalls, or until ctx ends.
func (s *Set) Login(ctx context.Context, l Login) *Injected {
	active := s.active.Load()
	if active == nil {
		return nil
	}
	return s.decide(ctx, s.first(active.login, login{l, s.tenantID(l.Tenant)}))
}

// decide waits as the fault says. That the client has gone meanwhile, whoever
// asked finds out on the connection.
func (s *Set) decide(ctx context.Context, a *armed) *Injected {
	if a == nil {
		return nil
	}
	f := a.fault
	s.wait(ctx, a, time.Duration(f.Delay))
	if f.Stall {
		s.wait(ctx, a, forever)
	}
	return &Injected{
		ID: f.ID, Delay: time.Duration(f.Delay), Stall: f.Stall, Close: f.Close || f.Stall,
		Certificate: f.Certificate, Error: f.Error,
	}
}

func (h Handshake) at() (endpoint, tenantID string) { return TLS, "" }

func (h Handshake) client() string { return "" }

// fact implements facts.
func (h Handshake) fact(name string) any {
	switch name {
	case "listener":
		return h.Listener
	case "client":
		return h.Client
	}
	return h.ServerName
}

// login is a Login with its tenant as faults compare it.
type login struct {
	Login
	tenantID string
}

func (l login) at() (endpoint, tenantID string) { return KafkaLogin, l.tenantID }

func (l login) client() string { return l.ClientID }

// fact implements facts.
func (l login) fact(name string) any {
	switch name {
	case "listener":
		return "kafka"
	case "client":
		return l.Client
	case "tenant":
		return l.tenantID
	case "client_id":
		return l.ClientID
	case "cluster":
		return l.Cluster
	case "pools":
		return l.Pools
	case "software":
		return l.Software
	}
	return l.Again
}
