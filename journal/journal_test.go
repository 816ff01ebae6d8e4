package journal_test

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/journal"
)

// add adds an entry for each word, with the word as endpoint.
func add(j *journal.Journal, endpoints ...string) {
	for _, e := range endpoints {
		j.Add(journal.Entry{Endpoint: e, Outcome: journal.OutcomeOK})
	}
}

// ids are the IDs of entries, as text that is easy to compare.
func ids(entries []journal.Entry) string {
	all := []uint64{}
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return fmt.Sprint(all)
}

// fixed is a journal whose clock stands.
func fixed(size int) *journal.Journal {
	return journal.New(journal.Config{Size: size, Now: func() time.Time { return start }})
}

func TestAdd(t *testing.T) {
	j := fixed(0)
	first := j.Add(journal.Entry{ID: 99, Endpoint: "token"})
	if first.ID != 1 || !first.Time.Equal(start) {
		t.Errorf("first entry: id %d at %v, want 1 at %v", first.ID, first.Time, start)
	}
	then := start.Add(-time.Hour).In(time.FixedZone("CET", 3600))
	second := j.Add(journal.Entry{Time: then, Endpoint: "jwks"})
	if second.ID != 2 || !second.Time.Equal(then) || second.Time.Location() != time.UTC {
		t.Errorf("second entry: id %d at %v, want 2 at %v in UTC", second.ID, second.Time, then)
	}
	if got := j.List(journal.Filter{}, 0); ids(got) != "[1 2]" || got[0].Endpoint != "token" || got[1].Endpoint != "jwks" {
		t.Errorf("List: %v", got)
	}
	if j.Total() != 2 {
		t.Errorf("Total is %d", j.Total())
	}
}

// The ring is made of pieces of 64: sizes around that, and rings that went
// round, hold exactly the newest entries, in order.
func TestRing(t *testing.T) {
	for _, size := range []int{1, 2, 63, 64, 65, 128, 200} {
		j := fixed(size)
		for n := 1; n <= 3*size+1; n++ {
			j.Add(journal.Entry{Endpoint: "token", Status: n})
			got := j.List(journal.Filter{}, 0)
			if len(got) != min(n, size) || j.Count(journal.Filter{}) != len(got) {
				t.Fatalf("size %d, %d added: List has %d, Count says %d", size, n, len(got), j.Count(journal.Filter{}))
			}
			for i, e := range got {
				if want := n - len(got) + 1 + i; e.ID != uint64(want) || e.Status != want {
					t.Fatalf("size %d, %d added: place %d has id %d and status %d, want %d", size, n, i, e.ID, e.Status, want)
				}
			}
		}
	}
}

func TestDefaultSize(t *testing.T) {
	for _, size := range []int{0, -1} {
		j := fixed(size)
		for range journal.DefaultSize + 5 {
			j.Add(journal.Entry{})
		}
		if n := j.Count(journal.Filter{}); n != journal.DefaultSize {
			t.Errorf("Size %d remembers %d", size, n)
		}
	}
}

func TestList(t *testing.T) {
	j := fixed(6)
	add(j, "token", "jwks", "token", "jwks", "token", "token", "jwks", "token") // 1 and 2 are forgotten
	for _, tc := range []struct {
		name   string
		filter journal.Filter
		limit  int
		want   string
	}{
		{"all", journal.Filter{}, 0, "[3 4 5 6 7 8]"},
		{"below zero is no limit", journal.Filter{}, -1, "[3 4 5 6 7 8]"},
		{"the newest, oldest first", journal.Filter{}, 2, "[7 8]"},
		{"a limit above what is there", journal.Filter{}, 100, "[3 4 5 6 7 8]"},
		{"those that match", journal.Filter{Endpoint: "token"}, 0, "[3 5 6 8]"},
		{"the newest that match", journal.Filter{Endpoint: "token"}, 3, "[5 6 8]"},
		{"after an id", journal.Filter{Endpoint: "token", After: 5}, 0, "[6 8]"},
		{"after a forgotten id", journal.Filter{After: 1}, 0, "[3 4 5 6 7 8]"},
		{"after the newest", journal.Filter{After: 8}, 0, "[]"},
		{"none", journal.Filter{Endpoint: "tls"}, 0, "[]"},
	} {
		got := j.List(tc.filter, tc.limit)
		if ids(got) != tc.want || got == nil {
			t.Errorf("%s: %v, want %v", tc.name, ids(got), tc.want)
		}
		if n := j.Count(tc.filter); tc.limit == 0 && n != len(got) {
			t.Errorf("%s: Count is %d", tc.name, n)
		}
	}
}

func TestClear(t *testing.T) {
	for _, before := range []int{0, 3, 100, 200} { // a ring of 100: empty, begun, full, gone round
		j := fixed(100)
		for range before {
			j.Add(journal.Entry{})
		}
		j.Clear()
		if got := j.List(journal.Filter{}, 0); len(got) != 0 || j.Total() != uint64(before) {
			t.Errorf("%d cleared: List has %d, Total is %d", before, len(got), j.Total())
		}
		for range 150 {
			j.Add(journal.Entry{})
		}
		got := j.List(journal.Filter{}, 0)
		if len(got) != 100 || got[0].ID != uint64(before+51) || got[99].ID != uint64(before+150) {
			t.Errorf("%d cleared, 150 added: %d entries from %d", before, len(got), got[0].ID)
		}
	}
}

// Added at the same time, no ID is missing or comes twice.
func TestAddAtTheSameTime(t *testing.T) {
	j := journal.New(journal.Config{Size: 1000})
	var adders sync.WaitGroup
	given := make([][]uint64, 4)
	for i := range given {
		adders.Go(func() {
			for range 250 {
				given[i] = append(given[i], j.Add(journal.Entry{Endpoint: "token"}).ID)
			}
		})
	}
	adders.Wait()
	all := slices.Sorted(slices.Values(slices.Concat(given...)))
	for i, id := range all {
		if id != uint64(i+1) {
			t.Fatalf("place %d has id %d", i, id)
		}
	}
	if len(all) != 1000 || j.Count(journal.Filter{}) != 1000 {
		t.Errorf("%d ids, %d remembered", len(all), j.Count(journal.Filter{}))
	}
}

// What is listed while others add and clear is in order, and never more than
// was asked for.
func TestListWhileOthersAdd(t *testing.T) {
	j := journal.New(journal.Config{Size: 100})
	var adders sync.WaitGroup
	stop := make(chan struct{})
	adders.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				add(j, "token", "jwks")
			}
			if i%500 == 499 {
				j.Clear()
			}
		}
	})
	for range 300 {
		got := j.List(journal.Filter{Endpoint: "token"}, 40)
		if len(got) > 40 || !slices.IsSortedFunc(got, func(a, b journal.Entry) int { return cmp.Compare(a.ID, b.ID) }) {
			t.Fatalf("%d entries: %v", len(got), ids(got))
		}
	}
	close(stop)
	adders.Wait()
}
