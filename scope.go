package idpool

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/pool"
)

// Scope is a world of its own on a running [Stack]: tenants with their
// applications and keys, providers with their pools, a clock, faults and a
// journal. What happens in one is not seen in another. The Stack has one, for
// its Config; further ones share its listeners, so that tests which run in
// parallel can share a server. It is safe for concurrent use.
//
// A further scope has other tenant ids, domains and pool ids than the Config that
// it is a copy of, as [Stack.NewScope] says. Its methods, and those of its
// journal, take both names, and return the scope's own.
type Scope struct {
	id      string // empty for the Stack's own
	name    string // for people
	stack   *Stack
	clock   *Clock
	journal *journal.Journal
	faults  *fault.Set
	log     *slog.Logger
	client  *http.Client // for keys and discovery documents
	initial Config

	lifetime context.Context // ends with the scope
	end      func()

	changing sync.Mutex // one change of the Config at a time
	world    atomic.Pointer[world]
}

// newRootScope makes the scope of a stack's own Config.
func newRootScope(stack *Stack, c Config) (*Scope, error) {
	s := &Scope{stack: stack, initial: clone(c), log: c.Logger}
	now := c.Now
	if now == nil {
		now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = slog.New(faultLog{maskedLog{s.log.Handler(), stack.secrets}})
	s.clock = newClock(now)
	return s, s.begin(clone(c), renaming{})
}

// begin makes the first world of a scope.
func (s *Scope) begin(c Config, names renaming) error {
	s.lifetime, s.end = context.WithCancel(context.Background())
	s.journal = journal.New(journal.Config{Now: s.clock.Now, Tenant: s.tenant})
	s.faults = s.newFaults(c.Seed)
	local := &inProcess{next: c.Transport}
	for _, base := range s.stack.publicURLs.all() {
		local.served = append(local.served, served{base + "/", entrance{s, "", base}})
	}
	s.client = &http.Client{Timeout: 10 * time.Second, Transport: local}
	w, err := s.newWorld(c, nil)
	if err != nil {
		return err
	}
	w.renames = names
	s.world.Store(w) // first: who finds the scope finds its world
	return s.stack.scopes.enter(s, w, nil)
}

// current is the world in use. Whoever decides something asks once.
func (s *Scope) current() *world { return s.world.Load() }

// Clock is the scope's time.
func (s *Scope) Clock() *Clock { return s.clock }

// Now is the scope's time.
func (s *Scope) Now() time.Time { return s.clock.Now() }

// Config is what the scope runs by now. It is a copy.
func (s *Scope) Config() Config { return clone(s.current().config) }

// Journal is what has happened in the scope: requests, handshakes, logins and
// decisions.
func (s *Scope) Journal() *journal.Journal { return s.journal }

// Faults are what goes wrong on purpose in the scope. There are none until some
// are added.
func (s *Scope) Faults() *fault.Set { return s.faults }

// Pool is a pool of the scope by its id; nil when there is none.
func (s *Scope) Pool(id string) *pool.Pool {
	w := s.current()
	return w.pools[w.renames.pool(id)]
}

// Token issues an access token as the token endpoint would, without a server.
// Its error is an *idp.Error.
func (s *Scope) Token(ctx context.Context, r idp.TokenRequest) (idp.TokenResponse, error) {
	r.Tenant = s.tenant(r.Tenant)
	return s.current().idp.Token(ctx, s.stack.base(), r)
}

// Rotate puts other signing keys into use, from the next token on. Those who
// have fetched the keys before do not know: the stack's own validator asks again
// as its providers' unknownKid says, or at [Scope.RefreshKeys]. Nil means the
// fixed test keys.
func (s *Scope) Rotate(keys *idp.Keyring) { s.current().idp.Rotate(keys) }

// RefreshKeys makes the validator fetch a provider's keys now, as the button
// Refresh JWKS in Confluent Cloud does.
func (s *Scope) RefreshKeys(ctx context.Context, providerID string) error {
	return s.current().validator.RefreshKeys(ctx, providerID)
}
