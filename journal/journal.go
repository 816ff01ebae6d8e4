package journal

import (
	"sync"
	"time"
)

// DefaultSize is how many entries a Journal remembers unless told otherwise.
const DefaultSize = 4096

// Config says how a Journal remembers. The zero Config is useful.
type Config struct {
	// Size is how many entries are remembered. Zero or less means DefaultSize.
	Size int
	// Now tells the time of entries that have none. Nil means time.Now.
	Now func() time.Time
	// Tenant is the id that entries have of the tenant which a Filter names. Nil
	// takes any word as an id.
	Tenant func(word string) string
}

// Journal remembers the newest entries. Its methods may be called at the same
// time.
type Journal struct {
	size   uint64
	now    func() time.Time
	tenant func(word string) string

	mu sync.Mutex
	// chunks are the ring, made piece by piece as it fills: most journals of
	// tests stay short, and no entry waits for the copy of a long one.
	chunks [][]slot
	// base is the ID of the entry that was first in the ring, last that of the
	// newest entry.
	base, last uint64
	takers     []*taker
	followers  []*follower
}

// slot is a place of the ring.
type slot struct {
	entry Entry
	// taken says that a Take has the entry.
	taken bool
}

// chunkSize is how many slots are made at once.
const chunkSize = 64

// New makes an empty Journal. It starts no goroutine, and needs no Close.
func New(c Config) *Journal {
	if c.Size <= 0 {
		c.Size = DefaultSize
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Journal{size: uint64(c.Size), now: c.Now, tenant: c.Tenant, base: 1}
}

// Add remembers an entry and returns it as remembered: with its ID, with the
// time when it had none, and with texts of over 512 bytes cut. It never waits
// for those who take or follow. Pools must not be changed afterwards.
func (j *Journal) Add(e Entry) Entry {
	if e.Time.IsZero() {
		// Not under the lock: a clock that is moved may itself have something
		// to add.
		e.Time = j.now()
	}
	e.Time = e.Time.UTC()
	e.shorten()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.ID = j.last
	s := j.place()
	*s = slot{entry: e}
	j.offer(s)
	for _, f := range j.followers {
		f.wakeUp()
	}
	return e
}

// place is where the newest entry belongs.
func (j *Journal) place() *slot {
	i := (j.last - j.base) % j.size
	if i/chunkSize == uint64(len(j.chunks)) {
		j.chunks = append(j.chunks, make([]slot, min(chunkSize, j.size-i)))
	}
	return j.at(j.last)
}

// at is the place of a remembered entry.
func (j *Journal) at(id uint64) *slot {
	i := (id - j.base) % j.size
	return &j.chunks[i/chunkSize][i%chunkSize]
}

// first is the ID of the oldest entry that is remembered; more than j.last when
// none is.
func (j *Journal) first() uint64 {
	if j.last < j.size {
		return j.base
	}
	return max(j.base, j.last-j.size+1)
}

// meant is a filter whose tenant is called as entries call it.
func (j *Journal) meant(f Filter) Filter {
	if f.Tenant != "" && j.tenant != nil {
		f.Tenant = j.tenant(f.Tenant)
	}
	return f
}

// List returns the entries that match, oldest first: all of them, or with a
// limit above zero the newest so many.
func (j *Journal) List(f Filter, limit int) []Entry {
	f = j.meant(f)
	after, n := j.newest(&f, limit)
	list := make([]Entry, 0, n)
	for more := n > 0; more && len(list) < n; { // in pieces: whoever adds must not wait for a copy of megabytes
		list, after, more = j.since(after, &f, list)
	}
	return list[:min(len(list), n)]
}

// newest says how many entries match, up to a limit above zero, and after which
// ID the newest so many of them come.
func (j *Journal) newest(f *Filter, limit int) (after uint64, n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	id := j.last
	for ; id >= j.first(); id-- {
		if !f.match(&j.at(id).entry) {
			continue
		}
		if n++; n == limit {
			return id - 1, n
		}
	}
	return id, n
}

// Count says how many of the remembered entries match.
func (j *Journal) Count(f Filter) int {
	f = j.meant(f)
	_, n := j.newest(&f, 0)
	return n
}

// Total says how many entries were ever added, which is the newest one's ID: as
// Filter.After it means "from now on".
func (j *Journal) Total() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.last
}

// Clear forgets all entries. IDs go on where they were; a Take that waits keeps
// what it has.
func (j *Journal) Clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.chunks, j.base = nil, j.last+1
}
