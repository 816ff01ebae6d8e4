package journal

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// taker is a Take that waits.
type taker struct {
	filter Filter
	want   int
	got    []Entry
	// done is closed when all came.
	done chan struct{}
}

// Take waits until n entries match, those already remembered included, and
// returns the oldest n of them. They stay in the journal, but no Take returns
// them again: a second one gets the next. Those who wait at the same time are
// served in the order in which they came. n is at least 1 and at most the size
// of the journal.
//
// When ctx ends before, nothing is taken, and the *Error says how many came and
// in what the nearest others differ. It wraps the error of ctx.
func (j *Journal) Take(ctx context.Context, f Filter, n int) ([]Entry, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if n < 1 || uint64(n) > j.size {
		e := &Error{Field: "count", Got: strconv.Itoa(n), Want: fmt.Sprintf("1 to %d", j.size)}
		e.message = fmt.Sprintf("count is %s, want %s", e.Got, e.Want)
		return nil, e
	}
	t := &taker{filter: j.meant(f), want: n, done: make(chan struct{})}
	j.enter(t)
	select {
	case <-t.done:
		return t.got, nil
	case <-ctx.Done():
		return j.leave(t, context.Cause(ctx))
	}
}

// enter gives a taker what is there, and lets it wait for the rest.
func (j *Journal) enter(t *taker) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id := j.first(); id <= j.last; id++ {
		if t.take(j.at(id)) {
			return
		}
	}
	j.takers = append(j.takers, t)
}

// take gives a taker an entry that matches and is nobody's, and says whether it
// was the last that it wants.
func (t *taker) take(s *slot) bool {
	if s.taken || !t.filter.match(&s.entry) {
		return false
	}
	s.taken = true
	t.got = append(t.got, s.entry)
	if len(t.got) < t.want {
		return false
	}
	close(t.done)
	return true
}

// offer gives an entry to the first who waits for it.
func (j *Journal) offer(s *slot) {
	for i, t := range j.takers {
		if t.take(s) {
			j.takers = slices.Delete(j.takers, i, i+1)
			return
		}
	}
}

// leave ends a wait: with success when the last entry came at the same moment,
// else by handing back what came.
func (j *Journal) leave(t *taker, cause error) ([]Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(t.got) == t.want {
		return t.got, nil
	}
	j.takers = slices.DeleteFunc(j.takers, func(other *taker) bool { return other == t })
	err := &Error{Came: t.got, cause: cause, message: j.inVain(t, cause)}
	for _, e := range t.got {
		if e.ID >= j.first() { // else it is forgotten
			s := j.at(e.ID)
			s.taken = false
			j.offer(s)
		}
	}
	return nil, err
}

// inVain is the text for a taker that did not get all.
func (j *Journal) inVain(t *taker, cause error) string {
	misses, taken := j.misses(t)
	var text strings.Builder
	text.WriteString("waited for " + counted(t.want))
	if filter := t.filter.String(); filter != "" {
		text.WriteString(" with " + filter)
	}
	came := "none"
	if len(t.got) > 0 {
		came = strconv.Itoa(len(t.got))
	}
	fmt.Fprintf(&text, ", %s came (%v)", came, cause)
	if taken > 0 {
		fmt.Fprintf(&text, "; another Take has %d more", taken)
	}
	switch {
	case len(misses) > 0:
		text.WriteString("; the last that did not match:")
	case len(t.got)+taken == 0:
		text.WriteString("; the journal is empty")
	}
	for _, e := range misses {
		fmt.Fprintf(&text, "\n  #%d %v (%s)", e.ID, e, strings.Join(t.filter.differences(e), "; "))
	}
	return text.String()
}

func counted(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.Itoa(n) + " entries"
}

// shown is how many misses are told.
const shown = 3

// misses are the entries that come nearest to what a taker wants, oldest first:
// those with the smallest distance, and the newest of these. Noise such as the
// discovery requests of every client must not hide them. The second result
// counts the entries that match, but that others took.
func (j *Journal) misses(t *taker) ([]*Entry, int) {
	var near [farthest + 1][]*Entry // by the distance
	for id := j.last; id >= j.first(); id-- {
		e := &j.at(id).entry
		d := t.filter.distance(e)
		if d == 0 && !t.has(e.ID) || d > 0 && len(near[d]) < shown {
			near[d] = append(near[d], e)
		}
	}
	misses := slices.Concat(near[1:]...)
	misses = misses[:min(len(misses), shown)]
	slices.SortFunc(misses, func(a, b *Entry) int { return cmp.Compare(a.ID, b.ID) })
	return misses, len(near[0])
}

func (t *taker) has(id uint64) bool {
	return slices.ContainsFunc(t.got, func(e Entry) bool { return e.ID == id })
}
