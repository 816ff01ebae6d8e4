// Package idpooltest is idpool for Go tests: a whole identity provider with a
// Kafka broker, ready in milliseconds, that ends with the test and prints what
// happened when the test failed.
//
// Begin with [Start], whose [Server] has what clients and APIs under test need.
// Tests that run in parallel share one by [Server.Scope] or [Shared]: each gets
// tenants, keys, clock, faults and a journal of its own. A method that takes t has
// no error to check: what is refused ends the test with the reason, and so, as with
// t.Fatal, it is for the goroutine of the test. In the cleanups of a test it works
// too, as long as the server is there.
//
// Beside the module in docker/ it alone imports "testing". What it does has the
// same names in the admin API, which other languages use.
package idpooltest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/journal"
)

// world keeps the name of the field out of the way of the method Scope.
type world struct{ *idpool.Scope }

// Server is idpool as a test sees it: a stack of its own, made by [Start], or a
// scope on a shared one, made by [Server.Scope]. Code under test cannot tell
// them apart.
//
// Besides the methods listed here it has the others of [idpool.Scope], such as
// Apply, AddFault, Pool and ExplainToken: those take no t and return their errors, for
// tests of what is refused. It is safe for concurrent use.
type Server struct {
	world
	*host
	life  context.Context // ends with the server, or with the scope
	close func() error
}

// host is what all scopes of a stack share.
type host struct {
	stack  *idpool.Stack
	tls    *tls.Config // trusts the certificate of the stack; nil when it has none
	closed atomic.Bool
}

func (h *host) close() error {
	h.closed.Store(true)
	return h.stack.Close()
}

// Start starts a stack on free ports of 127.0.0.1, which answers when it returns
// and is stopped when the test is over. Its Config is [idpool.Acme], with the pools
// pool-dev and pool-prod at the cluster lkc-acme, changed by each of the functions;
// one that assigns to *c replaces it.
//
// When the test has failed, the newest entries of the journal are in its log.
func Start(t testing.TB, changes ...func(c *idpool.Config)) *Server {
	t.Helper()
	s, err := start(changes)
	if err != nil {
		t.Fatalf("idpooltest: %v", err)
	}
	s.endWith(t)
	return s
}

// start runs a stack that does not end with a test.
func start(changes []func(*idpool.Config)) (*Server, error) {
	// Not the context of the test: that ends before its cleanups run, and they
	// may still want tokens.
	stack, err := idpool.Start(context.Background(), changed(idpool.Acme(), changes))
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancelCause(context.Background())
	h := &host{stack: stack}
	if transport, ours := stack.Client().Transport.(*http.Transport); ours && transport.TLSClientConfig != nil {
		h.tls = transport.TLSClientConfig.Clone()
	}
	return &Server{world{stack.Scope}, h, life, sync.OnceValue(func() error {
		end(errEnded)
		return h.close()
	})}, nil
}

// errEnded is why nothing comes any more.
var errEnded = errors.New("the server has ended")

func changed(c idpool.Config, changes []func(*idpool.Config)) idpool.Config {
	for _, change := range changes {
		change(&c)
	}
	return c
}

// Scope makes a world of its own on the running server, in less than a
// millisecond, which is gone when the test is over: with tenants, applications,
// keys, clock, faults and journal that no other test sees. Listeners and the
// Kafka cluster with its topics are shared, so that TLS faults are for the Server
// of [Start]. The clock runs by the one of that Server: moving that moves all.
//
// It begins as a copy of the Config that s runs by, changed by each of the
// functions. Tenants and pools have other ids: [Server.PoolID] says what a
// pool of the Config is called, and the methods of Server that take a pool know
// it by both names. To the admin API the scope is known by its ID.
//
// When the test has failed, the newest entries of the scope's journal are in its
// log.
func (s *Server) Scope(t testing.TB, changes ...func(c *idpool.Config)) *Server {
	t.Helper()
	c := idpool.ScopeConfig{Name: t.Name()}
	if len(changes) > 0 || s.ID() != "" {
		own := changed(s.Config(), changes)
		c.Config = &own
	}
	scope, err := s.stack.NewScope(c)
	if err != nil {
		t.Fatalf("idpooltest: scope: %v", err)
	}
	life, end := context.WithCancelCause(s.life)
	made := &Server{world{scope}, s.host, life, sync.OnceValue(func() error {
		end(errEnded)
		if s.closed.Load() {
			return nil // the scope has ended with its server
		}
		return scope.Close()
	})}
	made.endWith(t)
	return made
}

// Close ends the server with its scopes, or the scope, before the test does.
// Closing twice is closing once.
func (s *Server) Close() error { return s.close() }

// endWith lets the test end the server, and see why it failed.
func (s *Server) endWith(t testing.TB) {
	t.Cleanup(func() {
		t.Helper()
		if t.Failed() {
			t.Log(s.recent())
		}
		if err := s.Close(); err != nil {
			t.Errorf("idpooltest: the end of %v: %v", s.world.Scope, err)
		}
	})
}

// printed is how many entries of the journal a failed test has in its log.
const printed = 50

// recent are the newest entries of the journal, for people.
func (s *Server) recent() string {
	entries := s.Journal().List(journal.Filter{}, printed)
	var text strings.Builder
	fmt.Fprintf(&text, "idpooltest: the journal of %v", s.world.Scope)
	switch total := s.Journal().Total(); {
	case len(entries) == 0:
		text.WriteString(" is empty")
		return text.String()
	case total > uint64(len(entries)):
		fmt.Fprintf(&text, ", the newest %d of %d entries", len(entries), total)
	}
	text.WriteString(":\n")
	journal.Print(&text, entries)
	return strings.TrimSuffix(text.String(), "\n")
}
