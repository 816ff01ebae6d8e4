package journal_test

import (
	"testing"
	"time"

	"github.com/idpool/idpool/journal"
)

// full is a journal that has gone round, so that adding allocates nothing.
func full() *journal.Journal {
	j := journal.New(journal.Config{})
	for range journal.DefaultSize + 1 {
		j.Add(refusedToken())
	}
	return j
}

// BenchmarkAdd is what each request pays: at most 2 µs.
func BenchmarkAdd(b *testing.B) {
	j, e := full(), refusedToken()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			j.Add(e)
		}
	})
	b.Run("clock", func(b *testing.B) {
		e := e
		e.Time = time.Time{}
		b.ReportAllocs()
		for b.Loop() {
			j.Add(e)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				j.Add(e)
			}
		})
	})
	b.Run("fresh", func(b *testing.B) { // a new journal's first 64 entries, each
		b.ReportAllocs()
		for b.Loop() {
			j := journal.New(journal.Config{})
			for range 64 {
				j.Add(e)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/entry")
	})
}

// BenchmarkNew is a part of what a Scope costs.
func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		journal.New(journal.Config{})
	}
}

// BenchmarkCount looks at a full journal; the lock is held meanwhile.
func BenchmarkCount(b *testing.B) {
	j := full()
	for b.Loop() {
		j.Count(journal.Filter{Endpoint: "token", Tenant: "67E9d472", Outcome: "ok"})
	}
}

func BenchmarkList(b *testing.B) {
	j := full()
	for b.Loop() {
		j.List(journal.Filter{}, 0)
	}
}

// Without a follower a full journal allocates nothing for an entry.
func TestAddAllocatesNothing(t *testing.T) {
	j, e := full(), refusedToken()
	if n := testing.AllocsPerRun(1000, func() { j.Add(e) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
