package fault

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// armed is a fault in force.
type armed struct {
	fault     Fault
	condition *condition
	gone      chan struct{} // closed when the fault is taken out

	mu                      sync.Mutex // guards the rest, and makes a decision one
	seen, matched, injected int
	problem                 string
	dice, order             *rand.Rand
}

// newArmed gives each fault dice of its own, so that another one does not
// change how they fall.
func newArmed(f Fault, c *condition, seed uint64) *armed {
	h := fnv.New64a()
	h.Write([]byte(f.ID))
	return &armed{
		fault: f, condition: c, gone: make(chan struct{}), problem: f.Warning(),
		dice:  rand.New(rand.NewPCG(seed, h.Sum64())),
		order: rand.New(rand.NewPCG(h.Sum64(), seed)),
	}
}

// place is where a request goes to, and whose it is.
type place interface {
	facts
	at() (endpoint, tenantID string)
	client() string
}

// first is the first fault that happens to a request, or nil. Those after it
// are not asked and do not count the request.
func (s *Set) first(list []*armed, p place) *armed {
	if len(list) == 0 {
		return nil
	}
	now := s.config.Now()
	for _, a := range list {
		if s.concerns(a, p) && a.happens(p, now) {
			return a
		}
	}
	return nil
}

// concerns says whether a fault is for the place of a request. Its tenant is
// looked up each time, since domains may be added while the server runs; the
// client comes last, because to know it a form may have to be read.
func (s *Set) concerns(a *armed, p place) bool {
	endpoint, tenant := p.at()
	if a.fault.Endpoint != endpoint {
		return false
	}
	if a.fault.Tenant != "" && s.tenantID(a.fault.Tenant) != tenant {
		return false
	}
	return a.fault.ClientID == "" || strings.EqualFold(p.client(), a.fault.ClientID)
}

// happens decides by window, condition and frequency, in this order.
func (a *armed) happens(p place, now time.Time) bool {
	if now.Before(a.fault.From) || a.over(now) {
		return false
	}
	values := a.condition.values(p) // may read a form, from a client that takes its time
	a.mu.Lock()
	defer a.mu.Unlock()
	// Count goes on where the condition is false: as the number of matches it
	// would never get past count > 1.
	a.seen++
	holds, err := a.condition.holds(values, a.seen, now)
	if err != nil {
		a.problem = "when: " + err.Error()
	}
	if !holds {
		return false
	}
	a.matched++
	if a.spent() || !a.chosen() {
		return false
	}
	a.injected++
	return true
}

// chosen says whether the match is one that the fault happens to.
func (a *armed) chosen() bool {
	switch {
	case a.fault.Every > 0:
		return a.matched%a.fault.Every == 0
	case a.fault.Probability != nil:
		return a.dice.Float64() < *a.fault.Probability
	}
	return true
}

// spent says whether Times has been reached. It counts what happened, not what
// matched, so that "every third, twice" means two.
func (a *armed) spent() bool { return a.fault.Times > 0 && a.injected >= a.fault.Times }

// over says whether the window has closed.
func (a *armed) over(now time.Time) bool {
	return !a.fault.Until.IsZero() && !now.Before(a.fault.Until)
}

// missed notes that there was no token or key to change, and why if that is a
// problem. An injection of which nothing came is taken back: of Times it uses
// nothing up, so that "the next token" is one even after a refused request.
func (a *armed) missed(problem error, takeBack bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if takeBack {
		a.injected--
	}
	if problem != nil {
		a.problem = problem.Error()
	}
}

// status is what List says.
func (a *armed) status(now time.Time) Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Status{Fault: a.fault, Matched: a.matched, Injected: a.injected, Spent: a.spent() || a.over(now), Problem: a.problem}
}
