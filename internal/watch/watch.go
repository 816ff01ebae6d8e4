// Package watch tells when a file has another content.
//
// A [File] is read again and again, by its name. That costs a few system calls
// a second, and in return needs nothing of the system: it does not matter
// whether the file is written in place, replaced by a rename, or behind a
// symlink that comes to lead elsewhere, as in a mounted ConfigMap of Kubernetes,
// nor what kind of disk it lies on.
package watch

import (
	"bytes"
	"context"
	"os"
	"time"
)

// Interval is the time between two looks at a file.
const Interval = 250 * time.Millisecond

// File is a file to watch, and who is told. The functions are called one at a
// time, by the goroutine of [File.Watch].
type File struct {
	Name string
	// Changed gets each new content. Two looks in a row have found it, so that a
	// file which is being written is not taken for a whole one.
	Changed func(content []byte)
	// Missing is told why a file cannot be read, once until it can be again. Like
	// a content, that must last for two looks: a file is often away for a moment
	// when it is replaced. Nil means nobody.
	Missing func(error)
	// Ticks are the moments to look at. Nil means every Interval.
	Ticks <-chan time.Time
}

// Watch looks at the file until ctx ends or Ticks is closed. seen is the content
// that is known already. A file that is away and comes back the same has not
// changed.
func (f File) Watch(ctx context.Context, seen []byte) {
	ticks := f.Ticks
	if ticks == nil {
		ticker := time.NewTicker(Interval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	w := watcher{File: f, seen: seen}
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-ticks:
			if !open || ctx.Err() != nil {
				return
			}
			w.look()
		}
	}
}

// watcher is what Watch remembers between two looks.
type watcher struct {
	File
	seen     []byte // what Changed was last told of
	next     []byte // what the last look found, if it was something else
	isNext   bool
	failures int // looks in a row
}

// look reads the file once.
func (w *watcher) look() {
	content, err := os.ReadFile(w.Name)
	if err != nil {
		w.fail(err)
		return
	}
	w.failures = 0
	switch {
	case bytes.Equal(content, w.seen):
		w.next, w.isNext = nil, false
	case w.isNext && bytes.Equal(content, w.next):
		w.seen, w.next, w.isNext = content, nil, false
		w.Changed(content)
	default:
		w.next, w.isNext = content, true
	}
}

func (w *watcher) fail(err error) {
	w.next, w.isNext = nil, false
	if w.failures++; w.failures == 2 && w.Missing != nil {
		w.Missing(err)
	}
}
