package docker

import (
	"strings"
	"sync"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

// testLog writes the log of a container to that of a test, until the test ends:
// what is logged later would make the test binary panic.
type testLog struct {
	mu    sync.Mutex
	t     testing.TB
	ended bool
}

var _ testcontainers.LogConsumer = (*testLog)(nil)

// newTestLog begins before the container does, so that cleanups, which run
// backwards, remove the container before its log ends.
func newTestLog(t testing.TB) *testLog {
	l := &testLog{t: t}
	t.Cleanup(l.end)
	return l
}

func (l *testLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
}

// Accept logs what the container wrote: whole lines, as a rule.
func (l *testLog) Accept(log testcontainers.Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	for line := range strings.Lines(string(log.Content)) {
		l.t.Log("idpool: " + strings.TrimRight(line, "\r\n"))
	}
}
