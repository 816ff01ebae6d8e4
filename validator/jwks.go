package validator

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// The pause after a fetch that failed doubles from the first to the second, as
// sasl.oauthbearer.jwks.endpoint.retry.backoff.ms of Apache Kafka.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

// What Apache Kafka remembers of unknown kids (kafka-oauthbearer.md 3.2).
const (
	rememberedKids = 16
	longestKid     = 1000
)

// errClosed is why nothing is fetched after Close.
var errClosed = errors.New("the validator is closed")

// tasks are the goroutines of a Validator and of those that With makes of it:
// fetches, and nothing else. There is none that waits for work, so that a
// Validator nobody closes leaks nothing.
type tasks struct {
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	mu     sync.Mutex
	closed bool
	wg     sync.WaitGroup
}

// start runs f in a goroutine that close waits for; false when it is too late.
func (t *tasks) start(f func(context.Context)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.wg.Go(func() { f(t.ctx) })
	return true
}

func (t *tasks) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	t.wg.Wait()
}

// jwks holds the keys of one provider, which several Validators may share, and
// fetches them when they are needed. No fetch is made twice at the same time,
// however many wait for it.
//
// The usual case, keys that are fresh, takes no lock: current is replaced as a
// whole. Everything about fetching is behind mu, which is never held during a
// fetch.
//
// golang.org/x/sync/singleflight would share the fetches as well, but not say
// whether one is under way, which unknown kids and stale keys ask.
type jwks struct {
	provider string // its id
	uri      *url.URL
	shown    string // uri without a password
	fetch    *fetcher
	tasks    *tasks
	unknown  UnknownKid
	pause    time.Duration // between fetches that unknown kids cause

	current atomic.Pointer[keySet] // nil until the first fetch succeeds

	mu       sync.Mutex
	flight   *flight // the fetch that is under way, or nil
	failures int     // since the last success
	failedAt moment
	lastErr  error // of the last fetch; nil when it succeeded
	asked    []askedKid
}

// flight is a fetch under way. err may be read when done is closed; the keys
// are in jwks.current by then.
type flight struct {
	done chan struct{}
	err  error
}

// askedKid is when an unknown kid last caused a fetch.
type askedKid struct {
	kid string
	at  moment
}

// moment is when something happened, by both clocks.
type moment struct{ now, machine time.Time }

// moment is the present one.
func (f *fetcher) moment() moment { return moment{f.now(), f.machine()} }

// within says whether a pause that began before m is not over at m. Either clock ends
// it: a clock of tests that stands still must not stop all fetches, and one that
// was moved on has passed the pause. Abs, so that one that was moved back does not
// stop them either until it is where it was.
func (m moment) within(pause time.Duration, began moment) bool {
	return m.now.Sub(began.now).Abs() < pause && m.machine.Sub(began.machine) < pause
}

// keys returns the provider's keys, fetching them when there are none or their
// max-age is over. While the endpoint is down the old keys stay in use; an
// error means that there are no keys at all.
//
// When max-age is over only the first caller waits for new keys. The others go
// on with the old ones: an endpoint that hangs must not hold up every login.
func (j *jwks) keys(ctx context.Context) (*keySet, error) {
	if set := j.current.Load(); set.fresh(j.fetch.now()) {
		return set, nil
	}
	f, err := j.renew()
	if f != nil {
		err = f.wait(ctx)
	}
	if set := j.current.Load(); set != nil {
		return set, nil
	}
	return nil, err
}

// renew returns the fetch that a caller without fresh keys has to wait for. It
// is nil when there is nothing to wait for, and err then says why the last
// fetch failed.
func (j *jwks) renew() (f *flight, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	set := j.current.Load()
	switch {
	case set.fresh(j.fetch.now()): // somebody else was faster
		return nil, nil
	case j.flight != nil && set != nil:
		return nil, nil
	case j.flight != nil:
		return j.flight, nil
	case j.backingOff():
		return nil, j.lastErr
	}
	return j.takeOff(), nil
}

// find returns the provider's keys, as keys does, after doing what UnknownKid
// says when none of them has the id. An error beside keys says why fetching
// again did not help.
func (j *jwks) find(ctx context.Context, kid string) (*keySet, error) {
	before := j.current.Load()
	set, err := j.keys(ctx)
	if err != nil || len(set.byID[kid]) > 0 {
		return set, err
	}
	if j.unknown == Refetch && set != before {
		return set, nil // these keys are not a moment old
	}
	f := j.refetch(kid)
	if j.unknown == FailThenRefetch {
		return set, nil // Kafka answers from the keys it has, and schedules
	}
	if f != nil {
		err = f.wait(ctx)
	}
	if now := j.current.Load(); now != set {
		return now, nil // also when somebody else's fetch ended just now
	}
	return set, err
}

// refetch starts a fetch for an unknown kid, if UnknownKid allows and none was
// made a moment ago; one that is under way for whatever reason is joined. It
// returns nil when there is none.
func (j *jwks) refetch(kid string) *flight {
	if j.unknown == FailThenRefetch && len(kid) > longestKid {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.flight != nil {
		return j.flight
	}
	if j.unknown == Refetch {
		kid = "" // one pause for all of them
	}
	// A dead endpoint is left alone even when each token has another kid.
	if j.unknown == Never || j.backingOff() || !j.mayAsk(kid) {
		return nil
	}
	return j.takeOff()
}

// mayAsk reports whether an unknown kid may cause a fetch now, and notes that
// it does. The caller holds mu.
func (j *jwks) mayAsk(kid string) bool {
	now := j.fetch.moment()
	for i := range j.asked {
		if j.asked[i].kid != kid {
			continue
		}
		if now.within(j.pause, j.asked[i].at) {
			return false
		}
		j.asked[i].at = now
		return true
	}
	// Forgetting the oldest bounds the memory, and lets a kid ask again too
	// early only after 16 others did.
	if len(j.asked) == rememberedKids {
		j.asked = j.asked[1:]
	}
	j.asked = append(j.asked, askedKid{kid, now})
	return true
}

// backingOff reports whether a fetch failed too short a time ago to try again.
// The caller holds mu.
func (j *jwks) backingOff() bool {
	if j.failures == 0 {
		return false
	}
	// Seven doublings are past the limit; more would overflow in the end.
	pause := min(firstBackoff<<min(j.failures-1, 7), maxBackoff)
	return j.fetch.moment().within(pause, j.failedAt)
}

// refresh fetches the keys now, whatever was fetched before.
func (j *jwks) refresh(ctx context.Context) error {
	j.mu.Lock()
	f := j.flight
	if f == nil {
		f = j.takeOff()
	}
	j.mu.Unlock()
	return f.wait(ctx)
}

// takeOff starts a fetch. It goes on when those who wait for it give up, and
// ends by its own timeout or by Close. The caller holds mu.
func (j *jwks) takeOff() *flight {
	f := &flight{done: make(chan struct{})}
	if j.tasks.start(func(ctx context.Context) { j.land(ctx, f) }) {
		j.flight = f
	} else {
		f.err = errClosed
		close(f.done)
	}
	return f
}

// land makes a flight's fetch and keeps what comes out.
func (j *jwks) land(ctx context.Context, f *flight) {
	began := time.Now()
	set, err := j.fetch.get(ctx, j.uri)
	j.fetch.tell(j, time.Since(began), set, err)
	j.mu.Lock()
	defer j.mu.Unlock()
	f.err, j.lastErr, j.flight = err, err, nil
	if err != nil {
		j.failures++
		j.failedAt = j.fetch.moment()
	} else {
		j.failures = 0
		j.current.Store(set) // even an empty set: that is how all keys are revoked
	}
	close(f.done)
}

// wait waits for a flight's end, or for the waiter's own.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return errors.New("gave up waiting for the keys: " + context.Cause(ctx).Error())
	}
}

// trouble is why the last fetch failed, or nil.
func (j *jwks) trouble() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lastErr
}
