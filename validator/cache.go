package validator

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"time"
)

// defaultCacheSize is how many verdicts a Validator remembers unless told. One
// takes about 4.5 KB, most of it claims, so that these take less than 5 MB.
const defaultCacheSize = 1024

// cacheKey is a SHA-256 over everything that a verdict was asked for, so that no
// token stays in memory.
type cacheKey [sha256.Size]byte

// key hashes what is signed first, for the signature check to use as well, and
// then that hash with the rest of the request. The lengths at the end see to it
// that no two requests hash the same bytes. The buffer begins with the token.
func (r Request) key(buffer []byte) (spelt []byte, s signed, k cacheKey) {
	dot := max(strings.LastIndexByte(r.Token, '.'), 0)
	const trailer = sha256.Size + 8 + 8 + 1
	spelt = slices.Grow(buffer[:0], len(r.Token)+len(r.Cluster)+len(r.Pools)+trailer)
	spelt = append(spelt, r.Token...)
	s = signed{text: spelt[:dot], sha256: sha256.Sum256(spelt[:dot])}
	spelt = append(append(append(spelt, r.Cluster...), r.Pools...), s.sha256[:]...)
	spelt = binary.BigEndian.AppendUint64(spelt, uint64(len(r.Token)-dot))
	spelt = binary.BigEndian.AppendUint64(spelt, uint64(len(r.Cluster)))
	all := byte(0)
	if r.All {
		all = 1
	}
	spelt = append(spelt, all)
	return spelt, s, sha256.Sum256(spelt[dot:])
}

// verdict is a remembered Decision and what it holds under.
type verdict struct {
	decision Decision
	// from and to bound the times at which the time checks come out the same.
	from, to time.Time
	// source and keys: the verdict is void when the provider has other keys.
	source *jwks
	keys   *keySet

	key        cacheKey
	newer, old *verdict
}

// holds reports whether the verdict would be the same now.
func (v *verdict) holds(now time.Time) bool {
	return !now.Before(v.from) && now.Before(v.to) && v.source.current.Load() == v.keys && v.keys.fresh(now)
}

// cache remembers the verdicts used last. It is safe for concurrent use.
//
// One lock for all is enough: it is held for a map lookup and four pointers,
// while hashing the token and copying the Decision, which take the time, happen
// outside of it. Verdicts that hold no longer stay until they are looked up or
// are the oldest, since their number is bounded either way.
type cache struct {
	size int

	mu       sync.Mutex
	verdicts map[cacheKey]*verdict
	ring     verdict // newest is ring.old, oldest is ring.newer
}

func newCache(size int) *cache {
	c := &cache{size: size, verdicts: map[cacheKey]*verdict{}}
	c.ring.newer, c.ring.old = &c.ring, &c.ring
	return c
}

// look returns what was decided for a request, if that still holds.
func (c *cache) look(k cacheKey, now time.Time) (Decision, bool) {
	v := c.find(k, now)
	if v == nil {
		return Decision{}, false
	}
	return v.decision.copy(), true
}

// find makes a verdict the newest. One that holds no longer is forgotten.
func (c *cache) find(k cacheKey, now time.Time) *verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.verdicts[k]
	if !ok {
		return nil
	}
	c.unlink(v)
	if !v.holds(now) {
		delete(c.verdicts, k)
		return nil
	}
	c.link(v)
	return v
}

// keep remembers a verdict, and forgets the one used longest ago when full.
func (c *cache) keep(v *verdict) {
	v.decision = v.decision.copy()
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.verdicts[v.key]; ok {
		c.unlink(old)
	} else if len(c.verdicts) >= c.size {
		oldest := c.ring.newer
		c.unlink(oldest)
		delete(c.verdicts, oldest.key)
	}
	c.verdicts[v.key] = v
	c.link(v)
}

func (c *cache) unlink(v *verdict) { v.newer.old, v.old.newer = v.old, v.newer }

// link makes v the newest.
func (c *cache) link(v *verdict) {
	v.newer, v.old = &c.ring, c.ring.old
	v.old.newer, c.ring.old = v, v
}

// copy returns a Decision whose slices are its own. Header, Claims and the
// rest behind pointers stay shared: they must not be changed.
func (d Decision) copy() Decision {
	d.Checks = slices.Clone(d.Checks) // one allocation, Pools another; Causes none
	d.Pools = append([]string{}, d.Pools...)
	d.Causes = []Cause{}
	return d
}
