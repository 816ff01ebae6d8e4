package idpooltest

import (
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// Fault lets something go wrong until the test is over, and returns the fault
// with its id: the response header Idpool-Fault and the journal name it. What it
// breaks is broken for [Server.Token] and for the decisions of the server too.
func (s *Server) Fault(t testing.TB, f fault.Fault) fault.Fault {
	t.Helper()
	added, remove, err := s.Faults().AddTemporary(f)
	if err != nil {
		t.Fatalf("idpooltest: %v", err)
	}
	if warning := added.Warning(); warning != "" {
		t.Logf("idpooltest: fault %s: %s", added.ID, warning)
	}
	t.Cleanup(remove)
	return added
}

// Change changes tenants, applications, secrets, roles, providers and pools
// while clients are connected, as [idpool.Scope.Change] does: all of it counts from
// the next request on. What only a restart changes, such as listeners, ends the
// test.
func (s *Server) Change(t testing.TB, change func(c *idpool.Config)) {
	t.Helper()
	err := s.world.Change(s.life, func(c *idpool.Config) error {
		change(c)
		return nil
	})
	if err != nil {
		t.Fatalf("idpooltest: change: %v", err)
	}
}

// SetRoleBindings replaces what a pool may do: nothing without any bindings.
// Clients that are connected feel it at their next request.
func (s *Server) SetRoleBindings(t testing.TB, poolID string, bindings ...pool.RoleBinding) {
	t.Helper()
	s.known(t, "role bindings", poolID)
	if err := s.world.SetRoleBindings(s.life, s.PoolID(poolID), bindings); err != nil {
		t.Fatalf("idpooltest: role bindings: %v", err)
	}
}

// RollKeys gives the first tenant a new signing key, as [idpool.Scope.RollKeys]
// does. The zero Roll does all at once: a token of the old key is refused by whoever
// fetches the keys afterwards, while a client that has cached them goes on taking it,
// and takes no new one until it fetches them again. With Wait and Retire the keys
// change by the clock.
func (s *Server) RollKeys(t testing.TB, r idp.Roll) idp.KeyState {
	t.Helper()
	key, err := s.world.RollKeys("", r)
	if err != nil {
		t.Fatalf("idpooltest: keys: %v", err)
	}
	return key
}
