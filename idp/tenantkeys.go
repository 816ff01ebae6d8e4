package idp

import (
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/idpool/idpool/internal/nearest"
)

// Roll says how a tenant gets a new signing key: it is published now, signs after
// Wait, and the key that it follows is published until Retire after that. Zero is
// at once: whoever cached the JWKS does not know the new key, and the tokens that
// are out can no longer be verified.
type Roll struct {
	Wait, Retire time.Duration
}

// The states of a key.
const (
	KeyPublished = "published" // in the JWKS
	KeySigning   = "signing"   // in the JWKS, and its turn to sign
	KeyRetired   = "retired"   // out of the JWKS, since another key signs
	KeyRevoked   = "revoked"   // out of the JWKS, since somebody took it out
)

// KeyState is a tenant's key at a time of the server's clock.
type KeyState struct {
	// KID is the key's id, as in the JWKS.
	KID string `json:"kid"`
	// State is published, signing, retired or revoked. Only the first two are in
	// the JWKS.
	State string `json:"state"`
	// PublishedAt is zero for a key of the server's own keyring.
	PublishedAt time.Time `json:"publishedAt,omitzero"`
	// SignsAt is when the key last took over, or will. It is zero for a key that
	// only stands by, and for the keyring's first signer.
	SignsAt time.Time `json:"signsAt,omitzero"`
	// RetiresAt is when the key leaves the JWKS, or left it, for its successor.
	RetiresAt time.Time `json:"retiresAt,omitzero"`
	// RevokedAt is when somebody took the key out of the JWKS.
	RevokedAt time.Time `json:"revokedAt,omitzero"`
}

// schedules are those of the tenants whose keys somebody changed. All other
// tenants have the keys of the server's keyring.
type schedules struct {
	changing sync.Mutex
	// byTenant is by lower-case tenant id. The map is replaced and not changed, so
	// that a token waits for no lock; it is nil as long as nobody needs it.
	byTenant atomic.Pointer[map[string]*schedule]
}

// set puts a schedule into use; nil takes it out. The caller has the lock.
func (x *schedules) set(tenantID string, plan *schedule) {
	next := map[string]*schedule{}
	if old := x.byTenant.Load(); old != nil {
		next = maps.Clone(*old)
	}
	delete(next, strings.ToLower(tenantID))
	if plan != nil {
		next[strings.ToLower(tenantID)] = plan
	}
	if len(next) == 0 {
		x.byTenant.Store(nil)
		return
	}
	x.byTenant.Store(&next)
}

// schedule is that of a tenant; nil when nobody changed its keys.
func (s *Server) schedule(tenantID string) *schedule {
	byTenant := s.schedules.byTenant.Load()
	if byTenant == nil {
		return nil
	}
	return (*byTenant)[strings.ToLower(tenantID)]
}

// signer is the key that signs a tenant's tokens now.
func (s *Server) signer(tenantID string) *Key {
	if plan := s.schedule(tenantID); plan != nil {
		return plan.signer(s.config.Now())
	}
	return s.Keys().Signer()
}

// published are the keys of a tenant's JWKS now, in the order of the seed.
func (s *Server) published(tenantID string) []*Key {
	if plan := s.schedule(tenantID); plan != nil {
		return (&Keyring{keys: plan.published(s.config.Now())}).shuffled(s.config.Seed)
	}
	return s.keys.Load().published
}

// KeyStates are the keys of a tenant, by its id or a domain, that are there at
// the server's time: published, signing, retired and revoked ones in the order
// in which they came. Its error is a *ConfigError when there is no such tenant.
func (s *Server) KeyStates(tenantID string) ([]KeyState, error) {
	plan, err := s.plan(tenantID)
	if err != nil {
		return nil, err
	}
	return plan.states(s.config.Now()), nil
}

// RetiredKeys are the keys of a tenant, by its id or a domain, that have left the
// JWKS at the server's time, retired or revoked, the last to come first. A tenant
// that does not exist has none.
func (s *Server) RetiredKeys(tenantID string) []*Key {
	plan, err := s.plan(tenantID)
	if err != nil {
		return nil
	}
	return plan.gone(s.config.Now())
}

// SigningKey is the key that signs a tenant's tokens at the server's time. Its
// error is a *ConfigError when there is no such tenant.
func (s *Server) SigningKey(tenantID string) (*Key, error) {
	t, err := s.named(tenantID)
	if err != nil {
		return nil, err
	}
	return s.signer(t.ID), nil
}

// Roll gives a tenant a new signing key, as [Roll] says, and returns its state.
// The key is the first of [SpareKeys] that the tenant has not had, or when they
// are used up a fresh one. From then on the tenant has keys of its own, which
// Rotate does not change. Its error is a *ConfigError: there is no such tenant,
// or a duration is negative.
func (s *Server) Roll(tenantID string, r Roll) (KeyState, error) {
	if r.Wait < 0 {
		return KeyState{}, &ConfigError{"wait", fmt.Sprintf("%s is negative, want 0s or more", r.Wait)}
	}
	if r.Retire < 0 {
		return KeyState{}, &ConfigError{"retire", fmt.Sprintf("%s is negative, want 0s or more", r.Retire)}
	}
	var rolled KeyState
	err := s.reschedule(tenantID, func(plan *schedule, now time.Time) error {
		key, err := plan.newKey(now)
		if err != nil {
			return err
		}
		plan.roll(key, r, now)
		states := plan.states(now)
		rolled = states[len(states)-1]
		return nil
	})
	return rolled, err
}

// newKey is a key that the schedule does not have.
func (s *schedule) newKey(now time.Time) (*Key, error) {
	for _, k := range SpareKeys() {
		if s.find(k.ID) == nil {
			return k, nil
		}
	}
	pemBytes, err := newKeyPEM(now)
	if err != nil {
		return nil, err
	}
	return parseKey(pemBytes)
}

// Revoke takes a key out of a tenant's JWKS at once, and has another published
// key sign if it was signing. Its error is a *ConfigError: there is no such
// tenant or key, or it is the last one, without which nothing could be signed.
func (s *Server) Revoke(tenantID, kid string) error {
	return s.reschedule(tenantID, func(plan *schedule, now time.Time) error {
		key, err := plan.named(kid, now)
		if err != nil {
			return err
		}
		if key.isRevoked(now) {
			return &ConfigError{"kid", fmt.Sprintf("key %q is revoked already", kid)}
		}
		plan.revoke(key, now)
		if !plan.holds(now) {
			return &ConfigError{"kid", fmt.Sprintf("key %q is the last one that is published, and without it nothing could be signed: roll first", kid)}
		}
		return nil
	})
}

// Restore puts a key that was revoked or has retired into a tenant's JWKS again.
// The key that signs goes on signing. Its error is a *ConfigError: there is no
// such tenant or key, or it is published as it is.
func (s *Server) Restore(tenantID, kid string) error {
	return s.reschedule(tenantID, func(plan *schedule, now time.Time) error {
		key, err := plan.named(kid, now)
		if err != nil {
			return err
		}
		if plan.publishes(key, now) {
			return &ConfigError{"kid", fmt.Sprintf("key %q is published, want one that is revoked or retired", kid)}
		}
		plan.restore(key)
		return nil
	})
}

// ResetKeys gives a tenant the keys of the server's keyring again. A tenant that
// does not exist has no others.
func (s *Server) ResetKeys(tenantID string) {
	if t, err := s.named(tenantID); err == nil {
		tenantID = t.ID // a domain will do
	}
	s.schedules.changing.Lock()
	defer s.schedules.changing.Unlock()
	s.schedules.set(tenantID, nil)
}

// reschedule changes a copy of a tenant's schedule and puts it into use, unless
// the change fails.
func (s *Server) reschedule(tenantID string, change func(plan *schedule, now time.Time) error) error {
	t, err := s.named(tenantID)
	if err != nil {
		return err
	}
	s.schedules.changing.Lock()
	defer s.schedules.changing.Unlock()
	plan, err := s.plan(t.ID)
	if err != nil {
		return err
	}
	plan = plan.clone()
	if err := change(plan, s.config.Now().UTC()); err != nil {
		return err
	}
	s.schedules.set(t.ID, plan)
	return nil
}

// plan is a tenant's schedule, or one of the server's keyring.
func (s *Server) plan(tenantID string) (*schedule, error) {
	t, err := s.named(tenantID)
	if err != nil {
		return nil, err
	}
	if plan := s.schedule(t.ID); plan != nil {
		return plan, nil
	}
	return newSchedule(s.Keys()), nil
}

// named finds a tenant by its id or a domain.
func (s *Server) named(tenantID string) (*tenant, error) {
	if t := s.dir.tenant(tenantID); t != nil {
		return t, nil
	}
	return nil, &ConfigError{"tenant", fmt.Sprintf("there is no tenant %q", s.loggable(tenantID))}
}

// named finds a key that there is at a time by its kid.
func (s *schedule) named(kid string, at time.Time) (*scheduledKey, error) {
	if k := s.find(kid); k != nil && !at.Before(k.from) {
		return k, nil
	}
	var kids []string
	for _, state := range s.states(at) {
		kids = append(kids, state.KID)
	}
	if near := nearest.To(kid, kids); near != "" {
		return nil, &ConfigError{"kid", fmt.Sprintf("the tenant has no key %q, did you mean %q?", kid, near)}
	}
	return nil, &ConfigError{"kid", fmt.Sprintf("the tenant has no key %q, want one of %s", kid, strings.Join(kids, ", "))}
}

// ShiftKeys moves everything that is planned for the keys of tenants, and that
// has happened to them, in time: for a clock that is set to another time while
// the keys are to stay as they are.
func (s *Server) ShiftKeys(by time.Duration) {
	s.schedules.changing.Lock()
	defer s.schedules.changing.Unlock()
	plans := s.schedules.byTenant.Load()
	if plans == nil {
		return
	}
	for tenantID, plan := range *plans {
		s.schedules.set(tenantID, plan.shifted(by))
	}
}
