package idpool

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/idpool/idpool/fault"
)

// A fault of serve --fault came into force after the first requests, and one that
// was refused ended a process that had said it was ready.
func TestBeginIsBeforeTheFirstAnswer(t *testing.T) {
	c := Acme()
	c.Begin = func(s *Stack) error {
		if s.Admin != "" {
			t.Errorf("the admin listener answers at %s", s.Admin)
		}
		_, err := s.AddFault(fault.Fault{Endpoint: fault.Token, Status: http.StatusServiceUnavailable})
		return err
	}
	s := start(t, c)
	if status, _ := tokenOf(t, s, s.Scope); status != http.StatusServiceUnavailable {
		t.Errorf("the first token: %d, want the fault's 503", status)
	}
}

// What Begin returns is why there is no stack, and nothing is left listening.
func TestBeginMayRefuse(t *testing.T) {
	c, wrong := Acme(), errors.New("not today")
	c.Listeners.HTTP.Address = freePorts(t, 1)[0]
	c.Begin = func(*Stack) error { return wrong }
	if _, err := Start(t.Context(), c); !errors.Is(err, wrong) {
		t.Errorf("it says %v, want %v", err, wrong)
	}
	c.Begin = nil
	if s := start(t, c); !strings.HasSuffix(s.HTTP, c.Listeners.HTTP.Address[strings.LastIndex(c.Listeners.HTTP.Address, ":"):]) {
		t.Errorf("it serves %s, want the address that the first had", s.HTTP)
	}
}
