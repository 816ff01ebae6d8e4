package idpooltest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/idpooltest"
	"github.com/idpool/idpool/journal"
)

// What takes t failed in the cleanups of a test, since its context has ended by
// then, although the server is still there.
func TestCleanupsCanAskTheServer(t *testing.T) {
	for name, ask := range map[string]func(t testing.TB, srv *idpooltest.Server){
		"Token": func(t testing.TB, srv *idpooltest.Server) { srv.Token(t) },
		"Mint":  func(t testing.TB, srv *idpooltest.Server) { srv.Mint(t, idp.MintRequest{}) },
		"BrokenTokens": func(t testing.TB, srv *idpooltest.Server) {
			if len(slices.Collect(srv.BrokenTokens(t))) < 40 {
				t.Error("few")
			}
		},
		"Take": func(t testing.TB, srv *idpooltest.Server) {
			srv.Token(t)
			srv.Take(t, journal.Filter{Endpoint: journal.EndpointToken})
		},
		"Change":          func(t testing.TB, srv *idpooltest.Server) { srv.Change(t, func(*idpool.Config) {}) },
		"SetRoleBindings": func(t testing.TB, srv *idpooltest.Server) { srv.SetRoleBindings(t, "pool-dev") },
		"Reset":           func(t testing.TB, srv *idpooltest.Server) { srv.Reset(t) },
		"RefreshKeys":     func(t testing.TB, srv *idpooltest.Server) { srv.RefreshKeys(t, "op-acme") },
	} {
		test := newFake(name)
		test.do(func() {
			srv := idpooltest.Start(test).Scope(test)
			test.Cleanup(func() { ask(test, srv) })
		})
		test.end()
		if test.failed {
			t.Errorf("%s: %s %s", name, test.fatal, test.logged())
		}
	}
}

// TestTheEndOfTheServerEndsWhatWaits: it does not wait for what cannot come.
func TestTheEndOfTheServerEndsWhatWaits(t *testing.T) {
	test := newFake("late")
	test.do(func() {
		test.Cleanup(func() { // after the server's own
			if test.fatal != "" {
				t.Error(test.fatal)
			}
		})
		srv := idpooltest.Start(test)
		scope := srv.Scope(test)
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		scope.Take(test, journal.Filter{Endpoint: journal.EndpointToken})
	})
	if !strings.Contains(test.fatal, "the server has ended") {
		t.Errorf("%q", test.fatal)
	}
}

// TestWhatIsRefusedEndsTheTest: a method that takes t has no error to check.
func TestWhatIsRefusedEndsTheTest(t *testing.T) {
	srv := idpooltest.Start(t)
	key := srv.RollKeys(t, idp.Roll{})
	srv.RevokeKey(t, "", key.KID)
	srv.RestoreKey(t, "", key.KID)
	if keys := srv.Keys(t, ""); len(keys) == 0 || keys[len(keys)-1].KID != key.KID {
		t.Errorf("%+v, want %s last", keys, key.KID)
	}
	for name, test := range map[string]func(testing.TB){
		"op-none":  func(t testing.TB) { srv.RefreshKeys(t, "op-none") },
		"tenant-x": func(t testing.TB) { srv.Keys(t, "tenant-x") },
		"kid-x":    func(t testing.TB) { srv.RevokeKey(t, "", "kid-x") },
		"kid-y":    func(t testing.TB) { srv.RestoreKey(t, "", "kid-y") },
		"503": func(t testing.TB) {
			srv.Fault(t, fault.Fault{Endpoint: fault.JWKS, Status: 503})
			srv.RefreshKeys(t, "op-acme")
		},
	} {
		if got := fake(name, test); !strings.HasPrefix(got.fatal, "idpooltest: ") || !strings.Contains(got.fatal, name) {
			t.Errorf("%q does not name %s", got.fatal, name)
		}
	}
}
