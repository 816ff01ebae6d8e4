package idpooltest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/idpool/idpool/journal"
)

// Take waits until an entry of the journal matches, one that is there already
// included, and returns it. No entry is taken twice, so that the next Take waits
// for the next.
//
// It waits for ten seconds, and not up to the deadline of the test binary. Then
// the test ends with what has happened instead.
func (s *Server) Take(t testing.TB, f journal.Filter) journal.Entry {
	t.Helper()
	return s.TakeN(t, f, 1)[0]
}

// TakeN is Take for n entries, the oldest first.
func (s *Server) TakeN(t testing.TB, f journal.Filter, n int) []journal.Entry {
	t.Helper()
	ctx, cancel := s.within(t, longest)
	defer cancel()
	entries, err := s.Journal().Take(ctx, f, n)
	if err != nil {
		t.Fatalf("idpooltest: %v", err)
	}
	return entries
}

const (
	// longest is how long a Take waits.
	longest = 10 * time.Second
	// parting is left of the test binary's time when it ends, to print why.
	parting = time.Second
)

// within is for what a test waits for, so long at most. It ends with the server, and
// not with the context of the test: that is over when its cleanups run.
func (s *Server) within(t testing.TB, most time.Duration) (context.Context, context.CancelFunc) {
	now := time.Now()
	until := now.Add(most)
	if limited, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, is := limited.Deadline(); is && end.Add(-parting).Before(until) {
			until = end.Add(-parting)
		}
	}
	waited := max(until.Sub(now), 0).Round(time.Millisecond)
	return context.WithDeadlineCause(s.life, until, fmt.Errorf("waited for %s", waited))
}
