package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// maxValues is the most combinations of labels that a series has. All words
// come from lists of our own or from the config; the limit is for a config that
// changes all day.
const maxValues = 500

// family finds the metrics of a series by its labels, in a form that is cheap
// to look up: no labels are put together for a request. K is comparable and
// small; M is a counter or a histogram.
type family[K comparable, M any] struct {
	// make makes the metric of a key.
	make func(K) M
	// rest is the key that stands for all others when there are too many.
	rest K

	known atomic.Pointer[map[K]M] // replaced, never changed
	mu    sync.Mutex              // held to replace
}

// of is the metric of a key.
func (f *family[K, M]) of(key K) M {
	if known := f.known.Load(); known != nil {
		if m, ok := (*known)[key]; ok {
			return m
		}
	}
	return f.add(key)
}

// add makes the metric of a key that was not seen before.
func (f *family[K, M]) add(key K) M {
	f.mu.Lock()
	defer f.mu.Unlock()
	var known map[K]M
	if now := f.known.Load(); now != nil {
		known = *now
	}
	if m, ok := known[key]; ok { // somebody else was faster
		return m
	}
	if len(known) >= maxValues {
		if m, ok := known[f.rest]; ok {
			return m
		}
		key = f.rest
	}
	next := maps.Clone(known)
	if next == nil {
		next = map[K]M{}
	}
	next[key] = f.make(key)
	f.known.Store(&next)
	return next[key]
}
