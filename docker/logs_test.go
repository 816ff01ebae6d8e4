package docker_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"

	"github.com/idpool/idpool/docker"
)

// notebook is a test whose log can be read, and that ends when it is told to.
type notebook struct {
	testing.TB
	mu       sync.Mutex
	lines    []string
	cleanups []func()
	written  chan struct{} // closed once a line has what is waited for
	awaited  string
}

func (n *notebook) Log(args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	line := fmt.Sprint(args...)
	n.lines = append(n.lines, line)
	if n.awaited != "" && strings.Contains(line, n.awaited) {
		close(n.written)
		n.awaited = ""
	}
}

func (n *notebook) Cleanup(f func()) { n.cleanups = append(n.cleanups, f) }

// end is what a test does when it is over.
func (n *notebook) end() {
	for _, f := range slices.Backward(n.cleanups) {
		f()
	}
}

// TestLogs is the log of a container in that of a test.
func TestLogs(t *testing.T) {
	t.Parallel()
	n := &notebook{TB: t, written: make(chan struct{}), awaited: clientID}
	c := run(t, docker.WithLogs(n))
	must[string](t)(c.Token(t.Context(), clientID))
	select {
	case <-n.written:
	case <-time.After(time.Minute):
		t.Fatal("the token is not in the log")
	}
	n.end()
}

// TestLogsAfterTheEnd is a container that outlives its test: a line that was
// logged then would make the test binary panic.
func TestLogsAfterTheEnd(t *testing.T) {
	n := &notebook{TB: t}
	log := docker.NewTestLog(n)
	log.Accept(testcontainers.Log{Content: []byte("one\ntwo\n")})
	n.end()
	log.Accept(testcontainers.Log{Content: []byte("three\n")})
	if want := []string{"idpool: one", "idpool: two"}; !slices.Equal(n.lines, want) {
		t.Errorf("logged %q, want %q", n.lines, want)
	}
}
