package journal

import (
	"context"
	"iter"
	"slices"
)

// follower is woken when something was added.
type follower struct{ wake chan struct{} }

// wakeUp wakes the follower, or leaves it awake; it never waits.
func (f *follower) wakeUp() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Follow returns the entries that match: first those remembered after f.After,
// then each one as it comes, until ctx ends or the loop is left. Following
// costs nothing before the loop begins and leaves nothing behind.
//
// Nobody waits for a follower: one that is slower than the ring is long loses
// the oldest entries, which shows as a gap between IDs. An f.After that this
// journal has not reached is another journal's, from before a restart, and
// counts as zero.
func (j *Journal) Follow(ctx context.Context, f Filter) iter.Seq[Entry] {
	return func(yield func(Entry) bool) { j.follow(ctx, j.meant(f), yield) }
}

func (j *Journal) follow(ctx context.Context, f Filter, yield func(Entry) bool) {
	w := &follower{wake: make(chan struct{}, 1)}
	after := j.watch(w, f.After)
	defer j.unwatch(w)
	f.After = 0 // after has its place
	var batch []Entry
	for more := true; ; {
		batch, after, more = j.since(after, &f, batch[:0])
		for _, e := range batch {
			if ctx.Err() != nil || !yield(e) {
				return
			}
		}
		if more {
			continue
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		}
	}
}

// watch begins to wake a follower, and returns the ID after which it begins.
func (j *Journal) watch(w *follower, after uint64) uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.followers = append(j.followers, w)
	if after > j.last {
		return 0
	}
	return after
}

func (j *Journal) unwatch(w *follower) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.followers = slices.DeleteFunc(j.followers, func(other *follower) bool { return other == w })
}

// batchSize is how many entries are looked at before others have their turn.
const batchSize = 32

// since looks at the next entries after an ID and appends those that match. It
// returns the ID up to which it has looked, and whether there are more.
func (j *Journal) since(after uint64, f *Filter, batch []Entry) ([]Entry, uint64, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	next := max(after+1, j.first())
	end := min(j.last, next+batchSize-1)
	for id := next; id <= end; id++ {
		if e := &j.at(id).entry; f.match(e) {
			batch = append(batch, *e)
		}
	}
	return batch, end, end < j.last
}
