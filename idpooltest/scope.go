package idpooltest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// What tests ask of a Server most is written out here, although the embedded
// Scope has it: go doc shows no method of an embedded type.

// ID is what the parameter scope of the admin API calls a scope; empty for the
// Server of [Start].
func (s *Server) ID() string { return s.world.ID() }

// TenantID is the id of the first tenant; empty when there is none.
func (s *Server) TenantID() string { return s.world.TenantID() }

// PoolID is what the pool is called here that the Config calls id: a scope has
// other ids, and with the Server of [Start] it is the same.
func (s *Server) PoolID(id string) string { return s.world.PoolID(id) }

// Config is a copy of the Config as it runs now.
func (s *Server) Config() idpool.Config { return s.world.Config() }

// Clock is the clock of issuer, validator, keys, faults and Kafka sessions, with
// Set, Advance, Freeze, Run and Reset.
func (s *Server) Clock() *idpool.Clock { return s.world.Clock() }

// Journal is what has happened, with List, Count, Follow and Clear. To wait for
// something there is [Server.Take].
func (s *Server) Journal() *journal.Journal { return s.world.Journal() }

// Faults are those in force, with List, Remove and Clear. [Server.Fault] adds one.
func (s *Server) Faults() *fault.Set { return s.world.Faults() }

// Decide says whether a token may log in, and if not, which check refuses it and
// what the likeliest causes are. Request.Cluster and Pools are as a Kafka client
// would send them; in a scope a pool may have its name in the Config, too.
func (s *Server) Decide(ctx context.Context, r validator.Request) validator.Decision {
	return s.world.Decide(ctx, r)
}

// Reset returns to the Config of the beginning, without faults and changes, with
// an empty journal and a clock that is not moved. Keys stay as they are.
func (s *Server) Reset(t testing.TB) {
	t.Helper()
	if err := s.world.Reset(s.life); err != nil {
		t.Fatalf("idpooltest: reset: %v", err)
	}
}

// RefreshKeys makes the validator fetch the keys of an identity provider now, such
// as those that [Server.RollKeys] made: until then it goes on with those that it
// has. In Confluent Cloud it is the button Refresh JWKS.
func (s *Server) RefreshKeys(t testing.TB, providerID string) {
	t.Helper()
	if err := s.world.RefreshKeys(s.life, providerID); err != nil {
		t.Fatalf("idpooltest: refresh keys: %v", err)
	}
}

// Keys are the signing keys of a tenant, published or not; of the first for "".
func (s *Server) Keys(t testing.TB, tenant string) []idp.KeyState {
	t.Helper()
	keys, err := s.world.Keys(tenant)
	if err != nil {
		t.Fatalf("idpooltest: keys: %v", err)
	}
	return keys
}

// RevokeKey takes a key out of the JWKS of a tenant at once; of the first for "".
func (s *Server) RevokeKey(t testing.TB, tenant, kid string) {
	t.Helper()
	if err := s.world.RevokeKey(tenant, kid); err != nil {
		t.Fatalf("idpooltest: revoke: %v", err)
	}
}

// RestoreKey publishes a key again that was revoked or has retired.
func (s *Server) RestoreKey(t testing.TB, tenant, kid string) {
	t.Helper()
	if err := s.world.RestoreKey(tenant, kid); err != nil {
		t.Fatalf("idpooltest: restore: %v", err)
	}
}

// ResetKeys returns to the keys that a tenant began with; the first for "".
func (s *Server) ResetKeys(tenant string) { s.world.ResetKeys(tenant) }

// known ends the test when a pool is not there. A misspelt one would only be
// refused at the login, as Confluent does it: without saying why.
func (s *Server) known(t testing.TB, what string, pools ...string) {
	t.Helper()
	names := s.poolNames()
	for _, id := range pools {
		if _, there := names[s.PoolID(id)]; id != "" && !there {
			t.Fatalf("idpooltest: %s: %s", what, noPool(id, names))
		}
	}
}

// poolNames has the ids of all pools, and what a test calls each: its name in the
// Config, which a scope has put its own ID behind.
func (s *Server) poolNames() map[string]string {
	names := map[string]string{}
	for _, provider := range s.Config().IdentityProviders {
		for _, p := range provider.IdentityPools {
			names[p.ID] = p.ID
			if name, cut := strings.CutSuffix(p.ID, "-"+s.ID()); cut && s.PoolID(name) == p.ID {
				names[p.ID] = name
			}
		}
	}
	return names
}

// noPool says which pools there are, the nearest first.
func noPool(id string, names map[string]string) string {
	var known []string
	for _, name := range names {
		known = append(known, name)
	}
	if len(known) == 0 {
		return fmt.Sprintf("there is no pool %q, nor any other", id)
	}
	slices.SortFunc(known, func(a, b string) int {
		if d := nearest.Distance(a, id) - nearest.Distance(b, id); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return fmt.Sprintf("there is no pool %q, there is %s", id, strings.Join(known, ", "))
}
