package idpooltest_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeT is a test that is run by a test: what it logs and how it fails is
// looked at.
type fakeT struct {
	testing.TB // nothing of it is there: what is not below is not used
	name       string
	deadline   time.Time // of the test binary; zero for none
	ctx        context.Context
	cancel     context.CancelFunc

	mu       sync.Mutex
	log      []string
	fatal    string
	failed   bool
	cleanups []func()
}

func newFake(name string) *fakeT {
	t := &fakeT{name: name}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

// fake runs a test from its beginning to its end.
func fake(name string, test func(t testing.TB)) *fakeT {
	t := newFake(name)
	t.do(func() { test(t) })
	t.end()
	return t
}

// inTest is fake for examples, which have no test: it prints why one failed.
func inTest(test func(t testing.TB)) {
	if t := fake("Example", test); t.failed {
		fmt.Println("FAIL", t.fatal, t.logged())
	}
}

// do runs a part of the test, which may end it.
func (t *fakeT) do(part func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		part()
	}()
	<-done
}

// end does what comes after a test.
func (t *fakeT) end() {
	t.cancel()
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		t.do(last)
	}
}

func (t *fakeT) logged() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.log, "\n")
}

func (t *fakeT) fail(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = true
	if text != "" {
		t.log = append(t.log, text)
	}
}

func (t *fakeT) Name() string                { return t.name }
func (t *fakeT) Helper()                     {}
func (t *fakeT) Context() context.Context    { return t.ctx }
func (t *fakeT) Fail()                       { t.fail("") }
func (t *fakeT) Error(args ...any)           { t.fail(fmt.Sprint(args...)) }
func (t *fakeT) Errorf(f string, a ...any)   { t.fail(fmt.Sprintf(f, a...)) }
func (t *fakeT) Deadline() (time.Time, bool) { return t.deadline, !t.deadline.IsZero() }

func (t *fakeT) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *fakeT) Log(args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = append(t.log, fmt.Sprint(args...))
}

func (t *fakeT) Cleanup(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, f)
}

func (t *fakeT) Fatal(args ...any) { t.Fatalf("%s", fmt.Sprint(args...)) }

func (t *fakeT) Fatalf(format string, args ...any) {
	t.mu.Lock()
	t.failed, t.fatal = true, fmt.Sprintf(format, args...)
	t.mu.Unlock()
	runtime.Goexit()
}
