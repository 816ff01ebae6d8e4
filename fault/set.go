package fault

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idpool/idpool/idp"
)

// Config says what a Set stands before. The zero Config will do for tests of
// one's own handlers.
type Config struct {
	// Seed is what Probability throws its dice with.
	Seed uint64
	// Now is the stack's clock. Nil means time.Now.
	Now func() time.Time
	// Tenant is the id of the tenant that a URL's segment, or a Fault, names, and
	// empty for none: (*idp.Server).TenantID. Nil takes any word as an id.
	Tenant func(segment string) string
	// Refuse answers in the identity provider's place: (*idp.Server).WriteError.
	// Nil means that of a Server with the zero Config.
	Refuse func(w http.ResponseWriter, r *http.Request, e *idp.Error)
	// Break makes of a valid token one that is broken in the way of a name. Nil
	// refuses faults that have Token.
	Break func(ctx context.Context, name, token string) (string, error)
	// TokenNames are the names that Break knows, asked for when a fault has Token.
	TokenNames func() []string
	// Keys are those that the faults of JWKS put in: of kind stale some that a
	// tenant (its id) does not publish any more, and of kind other-tenant some of
	// another tenant. Nil, or no key, means some of idp.StrangerKeys.
	Keys func(kind, tenant string) []*idp.Key
	// Without are the endpoints and the words for tenants, in lower case, that this
	// Set is never asked about, such as TLS and common in a scope that shares its
	// listeners: a fault there is refused, since it would never happen.
	Without []string
}

// maxFaults bounds a Set: every one may be asked at every request.
const maxFaults = 1000

// Set are the faults in force. It is safe for concurrent use.
type Set struct {
	config  Config
	waiting atomic.Int64
	// active is nil as long as there is no fault.
	active atomic.Pointer[snapshot]

	mu     sync.Mutex // guards the rest
	faults []*armed   // in the order added
	made   map[string]int
	closed bool
}

// snapshot are the faults by where they are asked.
type snapshot struct{ http, tls, login []*armed }

// New makes an empty Set.
func New(c Config) *Set {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Refuse == nil {
		c.Refuse = sync.OnceValue(func() func(http.ResponseWriter, *http.Request, *idp.Error) {
			server, err := idp.New(idp.Config{Now: c.Now})
			if err != nil {
				panic(fmt.Sprintf("fault: %v", err)) // the tenant is compiled in
			}
			return server.WriteError
		})()
	}
	return &Set{config: c, made: map[string]int{}}
}

// Add puts a fault into force, after those that are there: of several that
// match, the first one happens. It returns the fault with its id. Its error is
// an *[Error].
func (s *Set) Add(f Fault) (Fault, error) {
	a, err := s.add(f)
	if err != nil {
		return Fault{}, err
	}
	return a.fault, nil
}

// AddTemporary is Add for a fault that its adder takes out again, by calling
// remove: that takes out this one, and none that has got its id meanwhile.
func (s *Set) AddTemporary(f Fault) (added Fault, remove func(), err error) {
	a, err := s.add(f)
	if err != nil {
		return Fault{}, nil, err
	}
	return a.fault, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.remove(slices.Index(s.faults, a))
	}, nil
}

func (s *Set) add(f Fault) (*armed, error) {
	compiled, m := f.check()
	m = append(m, s.checkHere(&f)...)
	if len(m) > 0 {
		return nil, m[0]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if mistake := s.room(f.ID, 1); mistake != nil {
		return nil, mistake
	}
	return s.arm(f, compiled), nil
}

// room says why there is none for more faults, of which one has an id.
func (s *Set) room(id string, more int) *Error {
	switch {
	case s.closed:
		return &Error{Message: "the set is closed"}
	case len(s.faults)+more > maxFaults:
		return &Error{Message: fmt.Sprintf("there would be more than %d", maxFaults)}
	case id != "" && s.find(id) >= 0:
		return &Error{Field: "id", Message: fmt.Sprintf("there is a fault %q already", id)}
	}
	return nil
}

// find is the index of a fault, or -1.
func (s *Set) find(id string) int {
	return slices.IndexFunc(s.faults, func(a *armed) bool { return strings.EqualFold(a.fault.ID, id) })
}

// arm adds a fault that has been checked.
func (s *Set) arm(f Fault, compiled *condition) *armed {
	for f.ID == "" { // somebody may have given another fault the next name
		s.made[f.Endpoint]++
		if id := fmt.Sprintf("%s-%d", f.Endpoint, s.made[f.Endpoint]); s.find(id) < 0 {
			f.ID = id
		}
	}
	if f.Probability != nil {
		f.Probability = new(*f.Probability) // the caller's may change
	}
	a := newArmed(f, compiled, s.config.Seed)
	s.faults = append(s.faults, a)
	s.publish()
	return a
}

// publish makes the faults known to those who ask.
func (s *Set) publish() {
	if len(s.faults) == 0 {
		s.active.Store(nil)
		return
	}
	var next snapshot
	for _, a := range s.faults {
		switch a.fault.Endpoint {
		case TLS:
			next.tls = append(next.tls, a)
		case KafkaLogin:
			next.login = append(next.login, a)
		default:
			next.http = append(next.http, a)
		}
	}
	s.active.Store(&next)
}

// Remove takes a fault out and ends its delays and stalls. It says whether the
// fault was there.
func (s *Set) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(s.find(id))
}

// remove takes out the fault of an index, if there is one.
func (s *Set) remove(i int) bool {
	if i < 0 {
		return false
	}
	close(s.faults[i].gone)
	s.faults = slices.Delete(s.faults, i, i+1)
	s.publish()
	return true
}

// Clear takes every fault out and ends their delays and stalls. No id that the
// set made comes again: a journal may still have it.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.faults {
		close(a.gone)
	}
	s.faults = nil
	s.publish()
}

// Reset is Clear after which the numbers in ids begin again, so that the same
// faults throw the same dice.
func (s *Set) Reset() {
	s.Clear()
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.made)
}

// Close clears the set for good. It does not wait for requests that were
// delayed or stalled: they end by themselves now.
func (s *Set) Close() {
	s.Clear()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// List are the faults in the order added, with what they have done.
func (s *Set) List() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	list := make([]Status, len(s.faults))
	for i, a := range s.faults {
		list[i] = a.status(now)
	}
	return list
}

// Active says whether there is any fault.
func (s *Set) Active() bool { return s.active.Load() != nil }

// tenantID is what a word for a tenant is compared by.
func (s *Set) tenantID(word string) string {
	if s.config.Tenant != nil { // common and other segments that are no tenant stay words
		if id := s.config.Tenant(word); id != "" {
			return id
		}
	}
	return strings.ToLower(word)
}
