package idpooltest_test

import (
	"testing"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idpooltest"
)

// The end of a test removed another's fault, which had got the id of its own after
// a reset, or was given it.
func TestTheEndOfATestLeavesOtherFaults(t *testing.T) {
	srv := idpooltest.Start(t)
	for _, id := range []string{"", "mine"} {
		var others string
		t.Run("a test"+id, func(t *testing.T) {
			own := srv.Fault(t, fault.Fault{ID: id, Endpoint: fault.Token, Status: 503})
			srv.Reset(t)
			other, err := srv.Faults().Add(fault.Fault{ID: id, Endpoint: fault.Token, Status: 500})
			if err != nil || other.ID != own.ID {
				t.Fatalf("the other's id is %q, want %q: %v", other.ID, own.ID, err)
			}
			others = other.ID
		})
		if left := srv.Faults().List(); len(left) != 1 || left[0].ID != others || left[0].Fault.Status != 500 {
			t.Errorf("the faults are %+v, want the other's", left)
		}
		srv.Faults().Clear()
	}
}
