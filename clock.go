package idpool

import (
	"sync"
	"sync/atomic"
	"time"
)

// Clock is the time of a scope: its identity provider, its validator, its faults
// and the sessions of its Kafka clients all ask it, so that moving it moves them
// together. It runs until it is frozen. It is safe for concurrent use.
//
// It goes a hundred years from the time it runs by in either direction, and stops
// there when it is sent further.
//
// A Clock moves what idpool thinks the time is and nothing else: timeouts of
// connections and of waiting callers are those of the machine. The pauses between
// two fetches of keys end when either has passed them.
type Clock struct {
	base  func() time.Time // what it runs by
	moves sync.Mutex       // one move at a time
	state atomic.Pointer[clockState]
}

// clockState is how a Clock differs from what it runs by.
type clockState struct {
	offset time.Duration
	frozen time.Time // zero while it runs
}

func newClock(base func() time.Time) *Clock {
	c := &Clock{base: base}
	c.state.Store(&clockState{})
	return c
}

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	s := c.state.Load()
	switch {
	case !s.frozen.IsZero():
		return s.frozen
	case s.offset == 0:
		return c.base()
	}
	return c.base().Add(s.offset)
}

// Set moves the clock to a time. A clock that runs goes on from there.
func (c *Clock) Set(to time.Time) {
	c.move(func(s *clockState) {
		if !s.frozen.IsZero() {
			s.frozen = c.bounded(to)
			return
		}
		s.offset = to.Sub(c.base())
	})
}

// Advance moves the clock on, or back when by is negative.
func (c *Clock) Advance(by time.Duration) {
	by = min(max(by, -2*farthest), 2*farthest) // from one end to the other, and no overflow
	c.move(func(s *clockState) {
		if !s.frozen.IsZero() {
			s.frozen = c.bounded(s.frozen.Add(by))
			return
		}
		s.offset += by
	})
}

// Freeze stops the clock where it is.
func (c *Clock) Freeze() {
	c.move(func(s *clockState) {
		if s.frozen.IsZero() {
			s.frozen = c.base().Add(s.offset)
		}
	})
}

// Run lets a frozen clock go on from where it is.
func (c *Clock) Run() {
	c.move(func(s *clockState) {
		if !s.frozen.IsZero() {
			s.offset, s.frozen = s.frozen.Sub(c.base()), time.Time{}
		}
	})
}

// Reset lets the clock run with the time that it began with: the machine's,
// Config.Now's, or for a scope that of its Stack.
func (c *Clock) Reset() { c.move(func(s *clockState) { *s = clockState{} }) }

// Frozen says whether the clock stands still.
func (c *Clock) Frozen() bool { return !c.state.Load().frozen.IsZero() }

// Offset is how far the clock is ahead of what it runs by.
func (c *Clock) Offset() time.Duration {
	s := c.state.Load()
	if !s.frozen.IsZero() {
		return s.frozen.Sub(c.base())
	}
	return s.offset
}

func (c *Clock) move(change func(*clockState)) {
	c.moves.Lock()
	defer c.moves.Unlock()
	next := *c.state.Load()
	change(&next)
	next.offset = min(max(next.offset, -farthest), farthest)
	c.state.Store(&next)
}

// farthest keeps sums of times from overflowing.
const farthest = 100 * 365 * 24 * time.Hour

// bounded is a time, or the farthest in its direction.
func (c *Clock) bounded(to time.Time) time.Time {
	if c.within(to) {
		return to
	}
	base := c.base()
	return base.Add(min(max(to.Sub(base), -farthest), farthest))
}

// within says whether the clock goes that far. Sub saturates.
func (c *Clock) within(to time.Time) bool { return to.Sub(c.base()).Abs() <= farthest }
