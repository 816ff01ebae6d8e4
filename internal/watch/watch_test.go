package watch_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/idpool/idpool/internal/watch"
)

// watched is a file that a test watches look by look.
type watched struct {
	t     *testing.T
	name  string
	ticks chan time.Time
	done  chan struct{}
	told  []string
}

// watching runs a test of the watch of the file f in a folder, which does not
// exist yet, and of which "one" is known.
func watching(t *testing.T, test func(w *watched, dir string)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { test(begin(t, dir), dir) })
}

// begin begins such a watch.
func begin(t *testing.T, dir string) *watched {
	w := &watched{t: t, name: filepath.Join(dir, "f"), ticks: make(chan time.Time), done: make(chan struct{})}
	f := watch.File{Name: w.name, Ticks: w.ticks,
		Changed: func(content []byte) { w.told = append(w.told, string(content)) },
		Missing: func(err error) {
			if err == nil {
				t.Error("Missing was told of no error")
			}
			w.told = append(w.told, "missing")
		}}
	go func() { defer close(w.done); f.Watch(context.Background(), []byte("one")) }()
	return w
}

// look lets the file be looked at n times, and returns when that is over.
func (w *watched) look(n int) {
	for range n {
		w.ticks <- time.Time{}
		synctest.Wait()
	}
}

// write replaces the content in place.
func (w *watched) write(content string) {
	w.t.Helper()
	if err := os.WriteFile(w.name, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// want ends the watch and compares what was told.
func (w *watched) want(want ...string) {
	w.t.Helper()
	close(w.ticks)
	<-w.done
	if !slices.Equal(w.told, want) {
		w.t.Errorf("told of %q, want %q", w.told, want)
	}
}

func TestWatchTellsOfEachContentOnce(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		w.write("one")
		w.look(3)
		w.write("two")
		w.look(3)
		w.write("one")
		w.look(3)
		w.want("two", "one")
	})
}

func TestWatchSeesThatAFileIsEmpty(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		w.write("")
		w.look(2)
		w.want("")
	})
}

// An editor empties the file and then writes it: what one look finds may be the
// half of it.
func TestWatchWaitsUntilTheFileIsWhole(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		for _, content := range []string{"one", "", "tw", "two", "two"} {
			w.write(content)
			w.look(1)
		}
		w.want("two")
	})
}

func TestWatchIgnoresAChangeThatIsTakenBack(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		for _, content := range []string{"one", "two", "one", "two", "one"} {
			w.write(content)
			w.look(1)
		}
		w.want()
	})
}

func TestWatchFollowsARename(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		w.write("one")
		w.look(2)
		other := filepath.Join(dir, "f.new")
		if err := os.WriteFile(other, []byte("two"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(other, w.name); err != nil {
			t.Fatal(err)
		}
		w.look(2)
		w.want("two")
	})
}

// Kubernetes mounts a ConfigMap as f -> ..data/f, where ..data is a symlink to a
// folder that is replaced as a whole.
func TestWatchFollowsASwappedSymlink(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		folder := func(name, content string) {
			t.Helper()
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, "f"), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(name, filepath.Join(dir, "..tmp")); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
				t.Fatal(err)
			}
		}
		folder("..1", "one")
		if err := os.Symlink("..data/f", filepath.Join(dir, "f")); err != nil {
			t.Fatal(err)
		}
		w.look(2)
		folder("..2", "two")
		w.look(2)
		w.want("two")
	})
}

func TestWatchTellsOnceThatTheFileIsMissing(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		w.look(4)
		w.write("two")
		w.look(2)
		if err := os.Remove(w.name); err != nil {
			t.Fatal(err)
		}
		w.look(3)
		w.write("two")
		w.look(2)
		w.want("missing", "two", "missing")
	})
}

// A file that is away for one look, as when it is replaced by removing it first,
// is not missing; and the two looks that find a new content are in a row.
func TestWatchForgivesThatTheFileIsAwayForAMoment(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		w.write("two")
		w.look(1)
		if err := os.Remove(w.name); err != nil {
			t.Fatal(err)
		}
		w.look(1)
		w.write("two")
		w.look(1)
		w.want()
	})
}

func TestWatchCannotReadAFolder(t *testing.T) {
	watching(t, func(w *watched, dir string) {
		if err := os.Mkdir(filepath.Join(dir, "f"), 0o700); err != nil {
			t.Fatal(err)
		}
		w.look(2)
		w.want("missing")
	})
}

// TestWatchByTheClock: without Ticks the file is looked at every Interval, and
// the end of the context ends it; synctest fails when a goroutine is left.
func TestWatchByTheClock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		f := watch.File{Name: name, Changed: func(content []byte) {
			if took := time.Since(start); took != 2*watch.Interval || !bytes.Equal(content, []byte("two")) {
				t.Errorf("told of %q after %v", content, took)
			}
			cancel()
		}}
		f.Watch(ctx, []byte("one"))
	})
}
