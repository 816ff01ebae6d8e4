package journal_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/idpool/idpool/journal"
)

// following is a Follow in the background.
type following struct {
	seen []journal.Entry
	done bool
}

func follow(ctx context.Context, j *journal.Journal, f journal.Filter) *following {
	var r following
	go func() {
		for e := range j.Follow(ctx, f) {
			r.seen = append(r.seen, e)
		}
		r.done = true
	}()
	synctest.Wait()
	return &r
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{Size: 200})
		for range 100 {
			add(j, "jwks", "token")
		}
		ctx, cancel := context.WithCancel(t.Context())
		all := follow(ctx, j, journal.Filter{})
		tokens := follow(ctx, j, journal.Filter{Endpoint: "token", After: 195})
		live := follow(ctx, j, journal.Filter{After: j.Total()})
		if len(all.seen) != 200 || ids(tokens.seen) != "[196 198 200]" || len(live.seen) != 0 {
			t.Errorf("remembered: %d of all, %v of tokens, %v live", len(all.seen), ids(tokens.seen), ids(live.seen))
		}
		add(j, "jwks", "token")
		synctest.Wait()
		if len(all.seen) != 202 || ids(tokens.seen) != "[196 198 200 202]" || ids(live.seen) != "[201 202]" {
			t.Errorf("live: %d of all, %v of tokens, %v live", len(all.seen), ids(tokens.seen), ids(live.seen))
		}
		for i, e := range all.seen {
			if e.ID != uint64(i+1) {
				t.Fatalf("place %d has id %d", i, e.ID)
			}
		}
		cancel()
		synctest.Wait()
		if !all.done || !tokens.done || !live.done {
			t.Errorf("over with ctx: %v %v %v", all.done, tokens.done, live.done)
		}
	})
}

// A follower that does not read holds nobody up; it loses the oldest, and sees
// by the IDs that it did.
func TestSlowFollower(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{Size: 4})
		ctx, cancel := context.WithCancel(t.Context())
		goOn := make(chan struct{})
		var seen []journal.Entry
		go func() {
			for e := range j.Follow(ctx, journal.Filter{}) {
				seen = append(seen, e)
				<-goOn
			}
		}()
		add(j, "token")
		synctest.Wait()
		for range 10 {
			add(j, "token")
		}
		close(goOn)
		synctest.Wait()
		if ids(seen) != "[1 8 9 10 11]" {
			t.Errorf("seen %v", ids(seen))
		}
		cancel()
	})
}

// A follower from before a restart has IDs that are not reached yet.
func TestFollowAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{})
		add(j, "token")
		ctx, cancel := context.WithCancel(t.Context())
		r := follow(ctx, j, journal.Filter{After: 900})
		add(j, "jwks")
		synctest.Wait()
		if got := ids(r.seen); got != "[1 2]" {
			t.Errorf("seen %v", got)
		}
		cancel()
	})
}

// What is cleared is not followed, what comes after it is.
func TestFollowOverClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Config{})
		add(j, "token", "token")
		ctx, cancel := context.WithCancel(t.Context())
		early := follow(ctx, j, journal.Filter{})
		j.Clear()
		late := follow(ctx, j, journal.Filter{})
		add(j, "token")
		synctest.Wait()
		if ids(early.seen) != "[1 2 3]" || ids(late.seen) != "[3]" {
			t.Errorf("early %v, late %v", ids(early.seen), ids(late.seen))
		}
		cancel()
	})
}

// A loop that is left, and a ctx that is over, leave no follower behind: the
// journal wakes nobody any more.
func TestFollowLeavesNothing(t *testing.T) {
	j := journal.New(journal.Config{})
	add(j, "token", "token")
	for range 100 {
		for e := range j.Follow(t.Context(), journal.Filter{}) {
			if e.ID != 1 {
				t.Fatalf("first is %d", e.ID)
			}
			break
		}
		for e := range j.Follow(over(), journal.Filter{}) {
			t.Fatalf("ctx is over, but %v came", e)
		}
	}
	if n := journal.Followers(j); n != 0 {
		t.Errorf("%d followers are left", n)
	}
}

// The same sequence can be read again, from its beginning.
func TestFollowTwice(t *testing.T) {
	j := journal.New(journal.Config{})
	add(j, "token", "token", "token")
	seq := j.Follow(t.Context(), journal.Filter{After: 1})
	for range 2 {
		var seen []journal.Entry
		for e := range seq {
			if seen = append(seen, e); len(seen) == 2 {
				break
			}
		}
		if ids(seen) != "[2 3]" {
			t.Errorf("seen %v", ids(seen))
		}
	}
}
