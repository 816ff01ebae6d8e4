package idp

import (
	"slices"
	"time"
)

// schedule is the keys of one tenant over time. What is published and what signs
// at a time follows from it and from nothing else: no timer runs, and a clock
// that goes back finds what was. It is immutable; a change makes another one.
type schedule struct {
	keys  []scheduledKey // in the order in which they came
	turns []turn         // at signing, in the order of time, and of the calls at one time
}

// scheduledKey is when a key is published. Zero times are no times: a key of the
// shared keyring was always there, and most are never revoked.
type scheduledKey struct {
	*Key
	from    time.Time
	revoked time.Time
	kept    bool // restored: it stays published although another key took its turn
}

// turn is a key taking over the signing. The key before it stays published for
// some time, since its tokens are still out.
type turn struct {
	key    *Key
	at     time.Time
	retire time.Duration
}

// maxScheduled is how many keys a schedule remembers beyond those published.
const maxScheduled = 64

// newSchedule begins with a keyring: all its keys are published, one signs.
func newSchedule(ring *Keyring) *schedule {
	s := &schedule{turns: []turn{{key: ring.signer}}}
	for _, k := range ring.keys {
		s.keys = append(s.keys, scheduledKey{Key: k})
	}
	return s
}

func (s *schedule) clone() *schedule {
	return &schedule{slices.Clone(s.keys), slices.Clone(s.turns)}
}

func (s *schedule) find(kid string) *scheduledKey {
	i := slices.IndexFunc(s.keys, func(k scheduledKey) bool { return k.ID == kid })
	if i < 0 {
		return nil
	}
	return &s.keys[i]
}

// lastTurn is the index of a key's last turn; -1 for a key that stands by.
func (s *schedule) lastTurn(k *Key) int {
	for i := len(s.turns) - 1; i >= 0; i-- {
		if s.turns[i].key == k {
			return i
		}
	}
	return -1
}

// retires is when a key leaves because another one took its turn; zero for never.
func (s *schedule) retires(k *scheduledKey) time.Time {
	last := s.lastTurn(k.Key)
	if k.kept || last < 0 || last+1 == len(s.turns) {
		return time.Time{}
	}
	next := s.turns[last+1]
	return next.at.Add(next.retire)
}

func (k *scheduledKey) isRevoked(at time.Time) bool {
	return !k.revoked.IsZero() && !at.Before(k.revoked)
}

// publishes says whether a key is in the JWKS at a time.
func (s *schedule) publishes(k *scheduledKey, at time.Time) bool {
	retires := s.retires(k)
	return !at.Before(k.from) && !k.isRevoked(at) && (retires.IsZero() || at.Before(retires))
}

// published are the keys of the JWKS at a time, in the order in which they came.
func (s *schedule) published(at time.Time) []*Key {
	var keys []*Key
	for i := range s.keys {
		if s.publishes(&s.keys[i], at) {
			keys = append(keys, s.keys[i].Key)
		}
	}
	return keys
}

// gone are the keys that have left the JWKS at a time, the last to come first.
func (s *schedule) gone(at time.Time) []*Key {
	var keys []*Key
	for i := range s.keys {
		if k := &s.keys[i]; !at.Before(k.from) && !s.publishes(k, at) {
			keys = append(keys, k.Key)
		}
	}
	slices.Reverse(keys)
	return keys
}

// signer is the key that signs at a time: the one whose turn it is. Where the
// clock went back and forth between revocations, that key may be gone: then it
// is the one before, or any that is published. There is always one, see holds.
func (s *schedule) signer(at time.Time) *Key {
	for i := len(s.turns) - 1; i >= 0; i-- {
		if t := s.turns[i]; !at.Before(t.at) && s.publishes(s.find(t.key.ID), at) {
			return t.key
		}
	}
	for i := range s.keys {
		if s.publishes(&s.keys[i], at) {
			return s.keys[i].Key
		}
	}
	return nil
}

// take gives a key a turn.
func (s *schedule) take(t turn) {
	i := len(s.turns)
	for i > 0 && s.turns[i-1].at.After(t.at) {
		i--
	}
	s.turns = slices.Insert(s.turns, i, t)
	s.find(t.key.ID).kept = false
}

// roll publishes a key now and has it sign later.
func (s *schedule) roll(k *Key, r Roll, now time.Time) {
	s.keys = append(s.keys, scheduledKey{Key: k, from: now})
	s.take(turn{k, now.Add(r.Wait), r.Retire})
	s.forget(now)
}

// revoke takes a key out of the JWKS, and off the turns that it has not had yet.
// If it was signing, another key takes over.
func (s *schedule) revoke(k *scheduledKey, now time.Time) {
	signing := s.signer(now) == k.Key
	k.revoked = now
	s.turns = slices.DeleteFunc(s.turns, func(t turn) bool { return t.key == k.Key && t.at.After(now) })
	if next := s.next(now); signing && next != nil {
		s.take(turn{key: next, at: now})
	}
}

// next is the key to sign when the one whose turn it is fails: the first that
// stands by, which everybody has known for long, or else the last to come.
func (s *schedule) next(now time.Time) *Key {
	published := s.published(now)
	for _, k := range published {
		if s.lastTurn(k) < 0 || s.find(k.ID).kept {
			return k
		}
	}
	if len(published) == 0 {
		return nil
	}
	return published[len(published)-1]
}

// restore publishes a key again. It stands by: whichever signs goes on signing.
func (s *schedule) restore(k *scheduledKey) {
	k.revoked, k.kept = time.Time{}, true
}

// holds says whether some key is published from now on, at any time.
func (s *schedule) holds(now time.Time) bool {
	times := []time.Time{now}
	for _, k := range s.keys {
		times = append(times, k.from, k.revoked)
	}
	for _, t := range s.turns {
		times = append(times, t.at, t.at.Add(t.retire))
	}
	return !slices.ContainsFunc(times, func(at time.Time) bool { return !at.Before(now) && s.signer(at) == nil })
}

// forget drops the oldest keys that are gone, so that one who rolls for days does
// not fill the memory.
func (s *schedule) forget(now time.Time) {
	for i := 0; i < len(s.keys) && len(s.keys) > maxScheduled; {
		k := &s.keys[i]
		last := s.lastTurn(k.Key)
		if s.publishes(k, now) || now.Before(k.from) || last >= 0 && s.turns[last].at.After(now) {
			i++
			continue
		}
		s.turns = slices.DeleteFunc(s.turns, func(t turn) bool { return t.key == k.Key })
		s.keys = slices.Delete(s.keys, i, i+1)
	}
}

// states are those of the keys that there are at a time.
func (s *schedule) states(at time.Time) []KeyState {
	signer := s.signer(at)
	var states []KeyState
	for i := range s.keys {
		k := &s.keys[i]
		if at.Before(k.from) {
			continue
		}
		state := KeyState{KID: k.ID, State: s.state(k, signer, at), PublishedAt: k.from, RetiresAt: s.retires(k)}
		if last := s.lastTurn(k.Key); last >= 0 {
			state.SignsAt = s.turns[last].at
		}
		if k.isRevoked(at) {
			state.RevokedAt = k.revoked
		}
		states = append(states, state)
	}
	return states
}

func (s *schedule) state(k *scheduledKey, signer *Key, at time.Time) string {
	switch {
	case k.Key == signer:
		return KeySigning
	case k.isRevoked(at):
		return KeyRevoked
	case !s.publishes(k, at):
		return KeyRetired
	}
	return KeyPublished
}

// shifted is the schedule with all its times moved.
func (s *schedule) shifted(by time.Duration) *schedule {
	moved := s.clone()
	move := func(at *time.Time) {
		if !at.IsZero() {
			*at = at.Add(by)
		}
	}
	for i := range moved.keys {
		move(&moved.keys[i].from)
		move(&moved.keys[i].revoked)
	}
	for i := range moved.turns {
		move(&moved.turns[i].at)
	}
	return moved
}
