// Package broker is the Kafka face of the decision: it logs Kafka clients in by
// SASL/OAUTHBEARER as a broker of Confluent Cloud does, and carries what they
// then ask for to a cluster: one embedded in the process, or a real one.
//
// Begin with [New] and [Server.Serve]. The package decides nothing about
// tokens: validator does, and explain finds the reasons, which the client of a
// broker never sees unless [Config.Verbose] says so. [Refuse] alone says what a
// client would be told.
package broker

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idpool/idpool/pool"
)

// Config says whom a Server lets in, and to what. Decide is required.
type Config struct {
	// Decide says what comes of a client that wants to log in. It may take its
	// time: the context ends with the client's time to log in, and with Close.
	// What it says after that does not count, and the connection is closed.
	Decide func(context.Context, Attempt) Verdict
	// Pool is the pool of an id, whose role bindings count; nil when there is
	// none, which has no bindings. It is asked for each request that is decided
	// here, at each login, and at Refresh, so that pools may come and go. A nil
	// Pool knows none.
	Pool func(id string) *pool.Pool
	// Observe is told of each Attempt what came of it, before the client is: a
	// client that knows its answer finds it noted. It may be called from several
	// goroutines at once. Nil means that nobody is told.
	Observe func(Login)
	// Denied is told of what clients are denied that are logged in, each thing once
	// for a connection and a hundred of them at most, as the log has it. It must not
	// wait for anything. Nil means that nobody is told.
	Denied func(Denial)
	// Handshaken is told of the end of each TLS handshake, with the remote address;
	// err is nil for one that did well. It returns the id of the fault that touched
	// it, for the log; empty for none. Nil means that nobody is told.
	Handshaken func(client string, err error) (fault string)
	// Clusters are the embedded clusters, by what clients call them. With an
	// Upstream their topics mean nothing.
	Clusters []Cluster
	// Advertised is HOST:PORT as clients reach the listener of Serve, which is what
	// the embedded clusters say of themselves.
	Advertised string
	// TLS serves SASL_SSL. Nil means SASL_PLAINTEXT alone.
	TLS *tls.Config
	// RequireTLS refuses SASL_PLAINTEXT; otherwise both are taken at one port.
	RequireTLS bool
	// TrustHelp says, for the log, how a client comes to trust the certificate.
	TrustHelp func() string
	// Verbose tells clients why they are refused.
	Verbose bool
	// AllowAll leaves role bindings out: who is logged in may do anything.
	AllowAll bool
	// MaxReauth is the longest session, Kafka's connections.max.reauth.ms. Zero
	// means until the token expires.
	MaxReauth time.Duration
	// Data keeps the embedded clusters in this folder. Empty means in memory.
	Data string
	// Upstream is a real cluster to stand before, in place of embedded ones.
	Upstream *Upstream
	// Now tells the time of tokens and sessions. Nil means time.Now.
	Now func() time.Time
	// Logger gets a line for each login. Nil means none.
	Logger *slog.Logger
	// Mask takes out of a text, which may quote a client, what the log, Observe,
	// Denied and other clients (Verbose) must not have: people put secrets into
	// wrong places. Nil takes out what looks like a token.
	Mask func(string) string

	// LoginTimeout is how long a client may take to log in, FrameTimeout how
	// long to send a request or to take a response, and IdleTimeout how long to
	// send nothing. Zero means 30 s, 60 s, and 10 min as Kafka has it
	// (connections.max.idle.ms).
	LoginTimeout, FrameTimeout, IdleTimeout time.Duration
	// MaxStrangers is how many connections may be open that are not logged in.
	// Beyond that the oldest is closed. Zero means 4096.
	MaxStrangers int
}

// Cluster is an embedded cluster.
type Cluster struct {
	// ID is its id, which clients name in logicalCluster, such as lkc-acme.
	ID string
	// Topics are there from the start, with their numbers of partitions; zero
	// means 6, as in Confluent Cloud.
	Topics map[string]int32
}

// Server logs clients in. It is safe for concurrent use.
type Server struct {
	config    Config
	behind    behind
	strangers strangers
	logins    atomic.Int64
	log       *slog.Logger

	mu       sync.Mutex
	open     map[*session]struct{}
	fronts   []*front
	closed   bool
	running  sync.WaitGroup
	stop     context.CancelFunc
	lifetime context.Context
}

// behind is the cluster that the front stands before.
type behind interface {
	// versions are the APIs that are served at a listener.
	versions(context.Context, *front) (versions, error)
	// enter prepares the lane of a session for a login, and leaves the one that
	// it has when that will do.
	enter(context.Context, *session, login) error
	// carry takes the session's requests to the cluster. It returns nil when
	// somebody else ends the session.
	carry(context.Context, *session) error
	// refresh looks at the role bindings again.
	refresh(context.Context) error
	// fronts are those of a listener: its own, and those of its Brokers.
	fronts(Listener) ([]*front, error)
	close()
}

// New makes a Server that does not listen yet. Its error says which part of the
// embedded clusters cannot be made, such as the folder of Data. Those in memory
// are made when the first client comes, and what is wrong with their topics is
// then in the log.
func New(c Config) (*Server, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Pool == nil {
		c.Pool = func(string) *pool.Pool { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if _, err := parseAdvertised(c.Advertised); err != nil {
		return nil, err
	}
	orElse(&c.LoginTimeout, 30*time.Second)
	orElse(&c.FrameTimeout, time.Minute)
	orElse(&c.IdleTimeout, 10*time.Minute)
	orElse(&c.MaxStrangers, 4096)
	s := &Server{config: c, log: c.Logger, open: map[*session]struct{}{}, strangers: strangers{most: c.MaxStrangers}}
	s.lifetime, s.stop = context.WithCancel(context.Background())
	var err error
	if c.Upstream != nil {
		s.behind, err = newGateway(s)
	} else {
		s.behind, err = newEmbedded(c)
	}
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func orElse[T comparable](setting *T, otherwise T) {
	var zero T
	if *setting == zero {
		*setting = otherwise
	}
}

// serve takes the connections of a front.
func (s *Server) serve(f *front) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return f.listener.Close()
	}
	s.fronts = append(s.fronts, f)
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	for {
		conn, err := f.listener.Accept()
		switch {
		case s.lifetime.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case err != nil && errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // too many open files, for instance, which passes
			s.log.Warn("kafka: a connection could not be taken", "error", err)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-s.lifetime.Done():
			}
			continue
		}
		if !s.start(func() { s.handle(f, conn) }) {
			_ = conn.Close()
		}
	}
}

// start runs something that Close waits for; not once the Server is closed.
func (s *Server) start(f func()) bool {
	if !s.begin() {
		return false
	}
	go func() {
		defer s.running.Done()
		f()
	}()
	return true
}

// begin makes Close wait until running is done; not once the Server is closed.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

// handle serves one connection.
func (s *Server) handle(f *front, conn net.Conn) {
	x := &session{server: s, front: f, conn: conn, log: s.log}
	if !s.register(x) {
		return
	}
	known := s.strangers.enter(conn)
	err := s.secure(x)
	if err == nil {
		x.in = bufio.NewReader(x.conn)
		err = x.authenticate(s.lifetime)
	}
	known()
	if err == nil {
		err = s.behind.carry(s.lifetime, x)
		if err == nil {
			return // who carries it ends it
		}
	}
	x.end(err)
}

// register notes a session, so that Close ends it.
func (s *Server) register(x *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = x.conn.Close()
		return false
	}
	s.open[x] = struct{}{}
	return true
}

// end closes a session; err says why, and nil or the client's going is nothing
// to speak of.
func (s *session) end(err error) {
	s.server.mu.Lock()
	_, open := s.server.open[s]
	delete(s.server.open, s)
	s.server.mu.Unlock()
	if !open {
		return
	}
	s.finish()
	if err != nil && !isOver(err) && !errors.Is(err, errLogin) && s.server.lifetime.Err() == nil {
		about := []any{"reason", s.server.hide(why(err))}
		if of := (*injectedError)(nil); errors.As(err, &of) {
			about = append(about, "fault", of.fault)
		}
		s.logger().Warn("kafka: connection closed", s.attributes(about...)...)
	}
}

// why is an error as the log has it.
func why(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "the client was silent for too long in the middle of something, or for longer than a connection may be idle"
	}
	return err.Error()
}

// Refresh makes changed role bindings count from the next request on, those of
// pools that came or went included. Its error says why the cluster did not take
// them.
func (s *Server) Refresh(ctx context.Context) error { return s.behind.refresh(ctx) }

// Logins is how many logins have succeeded, those of re-authentication
// included.
func (s *Server) Logins() int64 { return s.logins.Load() }

// Close ends every connection and waits for everything that the Server started.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	fronts := s.fronts
	sessions := make([]*session, 0, len(s.open))
	for x := range s.open {
		sessions = append(sessions, x)
	}
	s.mu.Unlock()
	s.stop()
	var errs []error
	for _, f := range fronts {
		if err := f.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, x := range sessions {
		x.end(errOver)
	}
	s.running.Wait()
	s.behind.close()
	return errors.Join(errs...)
}

// tlsRecord is the first byte of a TLS handshake. A frame of Kafka's begins
// with its size, whose first byte is that only for one of more than 300 MB.
const tlsRecord = 0x16

// secure finds out whether the client speaks TLS, and whether it should.
func (s *Server) secure(x *session) error {
	x.deadline(s.config.LoginTimeout)
	first := make([]byte, 1)
	if _, err := x.conn.Read(first); err != nil {
		return errOver
	}
	x.speakBy(&unread{Conn: x.conn, first: first})
	switch speaksTLS := first[0] == tlsRecord; {
	case speaksTLS && s.config.TLS == nil:
		return errors.New("the client speaks TLS and the listener does not: set security.protocol to SASL_PLAINTEXT")
	case !speaksTLS && s.config.RequireTLS:
		return errors.New("the client does not speak TLS and the listener does: set security.protocol to SASL_SSL")
	case !speaksTLS:
		return nil
	}
	secure := tls.Server(x.conn, s.config.TLS)
	err := secure.HandshakeContext(s.lifetime)
	injected := ""
	if s.config.Handshaken != nil {
		injected = s.config.Handshaken(x.conn.RemoteAddr().String(), err)
	}
	switch {
	case err == nil:
		x.speakBy(secure)
		return nil
	case errors.Is(err, net.ErrClosed): // by us: too many are not logged in
		return errOver
	case injected != "":
		return &injectedError{injected, fmt.Errorf("the TLS handshake failed because of an injected fault: %v", err)}
	}
	return fmt.Errorf("the TLS handshake failed: %v: %s", err, s.trustHelp())
}

// injectedError is what a fault has done to a connection.
type injectedError struct {
	fault string
	error
}

func (s *Server) trustHelp() string {
	if s.config.TrustHelp == nil {
		return "the client must trust the certificate"
	}
	return s.config.TrustHelp()
}

// unread is a connection of which the first bytes have been looked at.
type unread struct {
	net.Conn
	first []byte
}

func (u *unread) Read(p []byte) (int, error) {
	if len(u.first) > 0 {
		n := copy(p, u.first)
		u.first = u.first[n:]
		return n, nil
	}
	return u.Conn.Read(p)
}
