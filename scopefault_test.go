package idpool

import (
	"strings"
	"testing"

	"github.com/idpool/idpool/fault"
)

// Faults().Add of a scope took a fault of common, which AddFault refused: it could
// never happen, since the server's own scope answers common.
func TestAScopeRefusesFaultsOfSharedTenants(t *testing.T) {
	s := start(t, Acme())
	scope := newScope(t, s)
	for _, tenant := range []string{"common", "Organizations", "consumers"} {
		f := fault.Fault{Endpoint: "token", Tenant: tenant, Close: true}
		_, byScope := scope.AddFault(f)
		_, bySet := scope.Faults().Add(f)
		_, byFile := scope.Faults().Read("f.yaml", []byte("- {endpoint: token, tenant: "+tenant+", close: true}"))
		for way, err := range map[string]error{"AddFault": byScope, "Faults().Add": bySet, "Faults().Read": byFile} {
			if err == nil || !strings.Contains(err.Error(), "tenant: "+tenant+" is shared by all scopes: its faults belong to the server's own scope") {
				t.Errorf("%s: %s: %v", way, tenant, err)
			}
		}
		if _, err := s.Faults().Add(f); err != nil {
			t.Errorf("in the server's own scope: %v", err)
		}
	}
}
