package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// errInterrupted is all that an interrupted measurement says: half of one
// compares with nothing.
var errInterrupted = errors.New("interrupted, nothing was measured")

// measure makes the whole measurement and prints the report. Its error is
// errRefused when the report has errors.
func (s settings) measure(ctx context.Context, stdout io.Writer) error {
	if err := s.reach(ctx); err != nil {
		return err
	}
	r := report{
		Target: s.target.url.Scheme + "://" + s.target.url.Host + s.target.url.EscapedPath(), Connections: s.connections,
		WarmUpSeconds: s.warmUp.Seconds(),
	}
	var err error
	if r.Memory, err = residentBefore(s.pid); err != nil {
		return err
	}
	before, err := signingRate(ctx, s.signing)
	if err != nil {
		return err
	}
	r.add(s.load(ctx))
	if err := r.Memory.after(); err != nil {
		return err
	}
	after, err := signingRate(ctx, s.signing)
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	r.compare(before, after)
	if err := r.print(stdout, s.json); err != nil {
		return err
	}
	if r.Errors.Count > 0 || r.Tokens == 0 {
		return errRefused
	}
	return nil
}

// reach spares a user whose server is not up the whole measurement.
func (s settings) reach(ctx context.Context) error {
	conn, err := s.target.dial(ctx)
	if err != nil {
		return fmt.Errorf("no connection to %s: %v", s.target.address, err)
	}
	return conn.Close()
}

// load warms up and then measures, over the same connections.
func (s settings) load(ctx context.Context) tally {
	attempts := make([]attempt, s.connections)
	request, mask := s.client.request(s.target.url), masking(s.client.secret)
	for i := range attempts {
		c := &connection{target: s.target, request: request, mask: mask}
		defer c.close()
		attempts[i] = c.token
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(driverCores(runtime.GOMAXPROCS(0))))
	return s.ask(ctx, attempts)
}

// ask warms up and then measures.
func (s *common) ask(ctx context.Context, attempts []attempt) tally {
	if s.warmUp > 0 {
		ask(ctx, attempts, s.warmUp, 0)
	}
	return ask(ctx, attempts, s.duration, s.count)
}

// driverCores is how many of the machine's cores the driver asks from: one in
// eight, rounded up. A request costs it a fifteenth of a signature, and threads
// that wake and look for work in vain would cost the server as much again.
func driverCores(cores int) int { return (cores + 7) / 8 }

// attempt is one request and its answer. Each is for one goroutine.
type attempt func(context.Context) *failure

// tally is what happened to the requests.
type tally struct {
	latencies []time.Duration // of those that had what they asked for
	failures  map[string]*failures
	elapsed   time.Duration // until the last answer
}

// ask makes all the attempts at once, each again as soon as it is answered,
// until the time is over or count of them are made; 0 is no limit.
func ask(ctx context.Context, attempts []attempt, duration time.Duration, count int) tally {
	var left atomic.Int64
	left.Store(math.MaxInt64)
	if count > 0 {
		left.Store(int64(count))
	}
	tallies := make([]tally, len(attempts))
	begin := time.Now()
	more := func() bool {
		return ctx.Err() == nil && time.Since(begin) < duration && left.Add(-1) >= 0
	}
	var wg sync.WaitGroup
	for i, a := range attempts {
		wg.Go(func() { tallies[i] = a.repeat(ctx, more) })
	}
	wg.Wait()
	total := tally{elapsed: time.Since(begin), failures: map[string]*failures{}}
	for _, t := range tallies {
		total.add(t)
	}
	slices.Sort(total.latencies)
	return total
}

// repeat makes attempts while there is more to do.
func (a attempt) repeat(ctx context.Context, more func() bool) tally {
	t := tally{failures: map[string]*failures{}, latencies: make([]time.Duration, 0, 4096)}
	for more() {
		begin := time.Now()
		f := a(ctx)
		if f == nil {
			t.latencies = append(t.latencies, time.Since(begin))
			continue
		}
		if ctx.Err() != nil {
			return t // the interrupt's doing, not the server's
		}
		t.add(tallyOf(f))
		if f.broken {
			pause(ctx, 10*time.Millisecond) // a server that is down is not to be asked a million times
		}
	}
	return t
}

func tallyOf(f *failure) tally {
	return tally{failures: map[string]*failures{f.kind: {Kind: f.kind, Count: 1, Samples: []string{f.sample}}}}
}

func (t *tally) add(other tally) {
	t.latencies = append(t.latencies, other.latencies...)
	for kind, f := range other.failures {
		sum := t.failures[kind]
		if sum == nil {
			sum = &failures{Kind: kind}
			t.failures[kind] = sum
		}
		sum.Count += f.Count
		for _, sample := range f.Samples {
			if len(sum.Samples) < maxSamples && !slices.Contains(sum.Samples, sample) {
				sum.Samples = append(sum.Samples, sample)
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
