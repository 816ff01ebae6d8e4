package idpooltest

import (
	"errors"
	"sync"
	"testing"

	"github.com/idpool/idpool"
)

// Shared is one server for all tests of a test binary: a variable beside the
// tests, whose zero value is useful. The first test that wants a [Shared.Scope]
// starts it, and it ends with the process, or with [Shared.Close] in TestMain. It is
// safe for concurrent use.
//
//	var server idpooltest.Shared
//
//	func TestLogin(t *testing.T) {
//		t.Parallel()
//		srv := server.Scope(t)
type Shared struct {
	// Change changes the Config of the server, which is [idpool.Acme] otherwise.
	// Nil changes nothing.
	Change func(c *idpool.Config)

	once   sync.Once
	server *Server
	err    error
}

// Scope is [Server.Scope] of the shared server.
func (s *Shared) Scope(t testing.TB, changes ...func(c *idpool.Config)) *Server {
	t.Helper()
	s.once.Do(s.start)
	if s.err != nil {
		t.Fatalf("idpooltest: the shared server: %v", s.err)
	}
	return s.server.Scope(t, changes...)
}

func (s *Shared) start() {
	var changes []func(*idpool.Config)
	if s.Change != nil {
		changes = append(changes, s.Change)
	}
	s.server, s.err = start(changes)
}

// Close stops the server, if any test started it. There is no scope afterwards.
func (s *Shared) Close() error {
	s.once.Do(func() { s.err = errors.New("it is closed") })
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}
