package fault

import (
	"context"
	"time"
)

// maxWaiting is how many requests may be delayed or stalled at once. More would
// only fill the memory; they go on without waiting.
const maxWaiting = 1024

// wait lets a time pass; a negative one never ends. It ends early when the fault
// is taken out, and says false when the client has left.
func (s *Set) wait(ctx context.Context, a *armed, d time.Duration) bool {
	if s.waiting.Add(1) > maxWaiting || d == 0 {
		s.waiting.Add(-1)
		return true
	}
	defer s.waiting.Add(-1)
	var elapsed <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		elapsed = timer.C
	}
	select {
	case <-elapsed:
	case <-a.gone:
	case <-ctx.Done():
		return false
	}
	return true
}

// forever is a wait that ends only with the fault or the client.
const forever = -1
