package journal_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/idpool/idpool/journal"
)

// taking is a Take in the background.
type taking struct {
	entries []journal.Entry
	err     error
	done    bool
}

// take begins a Take and waits until it is over or waits itself.
func take(ctx context.Context, j *journal.Journal, f journal.Filter, n int) *taking {
	var result taking
	go func() {
		result.entries, result.err = j.Take(ctx, f, n)
		result.done = true
	}()
	synctest.Wait()
	return &result
}

// over is a context that has ended.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestTakeWhatIsThere(t *testing.T) {
	j := fixed(0)
	add(j, "token", "jwks", "token", "token")
	for _, want := range []string{"[1 3]", "[4]"} {
		got, err := j.Take(over(), journal.Filter{Endpoint: "token"}, strings.Count(want, " ")+1)
		if err != nil || ids(got) != want {
			t.Errorf("%v, %v, want %v", ids(got), err, want)
		}
	}
	if n := j.Count(journal.Filter{Endpoint: "token"}); n != 3 {
		t.Errorf("after the takes %d are listed, want 3", n)
	}
	if got, err := j.Take(over(), journal.Filter{}, 1); err != nil || ids(got) != "[2]" { // by another filter: what no Take has
		t.Errorf("%v, %v, want [2]", ids(got), err)
	}
}

func TestTakeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{})
		add(j, "token")
		r := take(t.Context(), j, journal.Filter{Endpoint: "token"}, 3)
		for _, e := range []string{"jwks", "token", "jwks"} {
			add(j, e)
			synctest.Wait()
			if r.done {
				t.Fatalf("over too early: %v, %v", ids(r.entries), r.err)
			}
		}
		add(j, "token", "token")
		synctest.Wait()
		if !r.done || r.err != nil || ids(r.entries) != "[1 3 5]" {
			t.Errorf("%v: %v, %v", r.done, ids(r.entries), r.err)
		}
		if got, err := j.Take(over(), journal.Filter{Endpoint: "token"}, 1); err != nil || ids(got) != "[6]" {
			t.Errorf("the next: %v, %v", ids(got), err)
		}
	})
}

// Those who wait are served in order: two that want two each do not end with
// one each.
func TestTakersAreServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{})
		tokens := journal.Filter{Endpoint: "token"}
		first := take(t.Context(), j, tokens, 2)
		second := take(t.Context(), j, journal.Filter{}, 2)
		add(j, "token", "jwks", "token")
		synctest.Wait()
		if !first.done || ids(first.entries) != "[1 3]" || second.done {
			t.Errorf("first %v %v, second %v %v", first.done, ids(first.entries), second.done, ids(second.entries))
		}
		add(j, "token")
		synctest.Wait()
		if !second.done || ids(second.entries) != "[2 4]" {
			t.Errorf("second %v %v", second.done, ids(second.entries))
		}
	})
}

// What a Take in vain had is there for the next, also for one that waits.
func TestTakeInVainGivesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{})
		short, cancel := context.WithCancel(t.Context())
		first := take(short, j, journal.Filter{}, 3)
		add(j, "token", "token")
		second := take(t.Context(), j, journal.Filter{}, 1)
		cancel()
		synctest.Wait()
		wrong, ok := errors.AsType[*journal.Error](first.err)
		if !ok || first.entries != nil || ids(wrong.Came) != "[1 2]" || !errors.Is(first.err, context.Canceled) {
			t.Errorf("first: %v, %v", ids(first.entries), first.err)
		}
		if !second.done || ids(second.entries) != "[1]" {
			t.Errorf("second %v: %v", second.done, ids(second.entries))
		}
		if third, err := j.Take(over(), journal.Filter{}, 1); err != nil || ids(third) != "[2]" {
			t.Errorf("third: %v, %v", ids(third), err)
		}
	})
}

// A Take keeps what came although the ring has gone round, and although it was
// cleared.
func TestTakeKeepsWhatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, forget := range []func(j *journal.Journal){
			func(j *journal.Journal) { add(j, "jwks", "jwks", "jwks") },
			func(j *journal.Journal) { j.Clear() },
		} {
			j := journal.New(journal.Config{Size: 2})
			r := take(t.Context(), j, journal.Filter{Endpoint: "token"}, 2)
			add(j, "token")
			forget(j)
			add(j, "token")
			synctest.Wait()
			if !r.done || r.err != nil || len(r.entries) != 2 || r.entries[0].ID != 1 {
				t.Errorf("%v: %v, %v", r.done, ids(r.entries), r.err)
			}

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			r = take(ctx, j, journal.Filter{Endpoint: "tls"}, 2)
			add(j, "tls")
			forget(j)
			<-ctx.Done()
			synctest.Wait()
			cancel()
			if wrong, ok := errors.AsType[*journal.Error](r.err); !ok || len(wrong.Came) != 1 {
				t.Errorf("in vain: %v", r.err)
			}
		}
	})
}

// An entry goes to one of many who wait at the same time.
func TestTakeAtTheSameTime(t *testing.T) {
	j := journal.New(journal.Config{})
	var all sync.WaitGroup
	taken := make([][]journal.Entry, 8)
	for i := range taken {
		all.Go(func() {
			for range 20 {
				got, err := j.Take(t.Context(), journal.Filter{Endpoint: "token"}, 5)
				if err != nil {
					t.Error(err)
					return
				}
				taken[i] = append(taken[i], got...)
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for range 400 {
				add(j, "token", "jwks")
			}
		})
	}
	all.Wait()
	seen := map[uint64]bool{}
	for e := range slices.Values(slices.Concat(taken...)) {
		if seen[e.ID] || e.Endpoint != "token" {
			t.Errorf("entry %d of %s: taken before: %v", e.ID, e.Endpoint, seen[e.ID])
		}
		seen[e.ID] = true
	}
	if len(seen) != 800 {
		t.Errorf("%d were taken, want 800", len(seen))
	}
}

func TestTakeInVainSaysWhy(t *testing.T) {
	a, b := journal.Entry{Endpoint: "token", Status: 200, Outcome: "ok", ClientID: "a"}, journal.Entry{Endpoint: "token", Status: 401, Outcome: "refused", ClientID: "b"}
	jwks := journal.Entry{Endpoint: "jwks", Status: 200, Outcome: "ok"}
	for _, tc := range []struct {
		name    string
		entries []journal.Entry
		taken   int
		filter  journal.Filter
		n       int
		want    string
	}{
		{"nothing happened", nil, 0, journal.Filter{Endpoint: "token"}, 1,
			"waited for 1 entry with endpoint=token, none came (context canceled); the journal is empty"},
		{"too few", []journal.Entry{a}, 0, journal.Filter{}, 2, "waited for 2 entries, 1 came (context canceled)"},
		{"the nearest are shown, however much noise came after them", []journal.Entry{a, b, jwks, jwks, jwks, jwks}, 0,
			journal.Filter{Endpoint: "token", ClientID: "A", Outcome: "ok"}, 2,
			"waited for 2 entries with endpoint=token client_id=A outcome=ok, 1 came (context canceled); the last that did not match:\n" +
				"  #2 12:00:01 token 401 client_id=b (client_id is b, want A; outcome is refused, want ok)\n" +
				"  #5 12:00:01 jwks 200 (endpoint is jwks, want token; client_id is \"\", want A)\n" +
				"  #6 12:00:01 jwks 200 (endpoint is jwks, want token; client_id is \"\", want A)"},
		{"another Take was faster", []journal.Entry{a}, 1, journal.Filter{Endpoint: "token"}, 1,
			"waited for 1 entry with endpoint=token, none came (context canceled); another Take has 1 more"},
		{"too old", []journal.Entry{a}, 0, journal.Filter{After: 1}, 1,
			"waited for 1 entry with after=1, none came (context canceled); the last that did not match:\n" +
				"  #1 12:00:01 token 200 client_id=a (id is 1, want more than 1)"},
	} {
		j := fixed(0)
		for _, e := range tc.entries {
			j.Add(e)
		}
		if tc.taken > 0 {
			if _, err := j.Take(t.Context(), tc.filter, tc.taken); err != nil {
				t.Fatal(err)
			}
		}
		_, err := j.Take(over(), tc.filter, tc.n)
		if err == nil || err.Error() != "journal: "+tc.want {
			t.Errorf("%s:\n%v\nwant\njournal: %s", tc.name, err, tc.want)
		}
	}
}

// A test that misspelt the endpoint is told at once instead of after a minute.
func TestTakeRefuses(t *testing.T) {
	j := journal.New(journal.Config{})
	for _, tc := range []struct {
		filter journal.Filter
		n      int
		want   string
	}{
		{journal.Filter{Endpoint: "tokn"}, 1, `did you mean "token"?`},
		{journal.Filter{}, 0, "count is 0, want 1 to 4096"},
		{journal.Filter{}, 4097, "count is 4097, want 1 to 4096"},
	} {
		if _, err := j.Take(t.Context(), tc.filter, tc.n); err == nil || !strings.HasSuffix(err.Error(), tc.want) {
			t.Errorf("%v %d: %v, want %s", tc.filter, tc.n, err, tc.want)
		}
	}
}

// The deadline's own error is in the text and can be matched.
func TestTakeDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := journal.New(journal.Config{}).Take(ctx, journal.Filter{}, 1)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "(context deadline exceeded)") {
			t.Error(err)
		}
	})
}
