package idp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Whatever is done and wherever the clock goes, one key signs, it is published,
// and looking changes nothing.
func TestAScheduleAlwaysSigns(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
		hours := func(n int) time.Duration { return time.Duration(random.IntN(n)) * time.Hour }
		plan := newSchedule(&Keyring{keys: []*Key{{ID: "A"}, {ID: "B"}, {ID: "C"}}})
		plan.turns[0].key = plan.keys[0].Key
		var did []string
		for i := range 40 {
			now = now.Add(hours(9) - 3*time.Hour)
			next := plan.clone()
			k := &next.keys[random.IntN(len(next.keys))]
			what := fmt.Sprintf("restore %s", k.ID)
			switch random.IntN(4) {
			case 0:
				r := Roll{Wait: hours(4), Retire: hours(4)}
				what = fmt.Sprintf("roll %d %v", i, r)
				next.roll(&Key{ID: fmt.Sprint(i)}, r, now)
			case 1, 2:
				what = "revoke " + k.ID
				next.revoke(k, now)
			default:
				next.restore(k)
			}
			did = append(did, fmt.Sprintf("%s: %s", now.Format("02T15"), what))
			if !next.holds(now) {
				if what[:6] != "revoke" {
					t.Fatalf("seed %d: nothing signs after %q", seed, did)
				}
				continue
			}
			plan = next
			for h := range 30 {
				at := now.Add(time.Duration(h) * time.Hour)
				signer := plan.signer(at)
				if signer == nil || !slices.Contains(plan.published(at), signer) {
					t.Fatalf("seed %d: at %s %v signs of %v after %q", seed, at, signer, plan.states(at), did)
				}
			}
		}
	}
}

// One who rolls for days does not fill the memory, and loses no key in use.
func TestAScheduleForgets(t *testing.T) {
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	first := &Key{ID: "A"}
	plan := newSchedule(&Keyring{keys: []*Key{first, {ID: "B"}}, signer: first})
	waiting := &Key{ID: "waiting"}
	plan.roll(waiting, Roll{Wait: 1000 * time.Hour}, now)
	for i := range 5 * maxScheduled {
		now = now.Add(time.Hour)
		plan.roll(&Key{ID: fmt.Sprint(i)}, Roll{Retire: 30 * time.Minute}, now)
		var got []string
		for _, k := range plan.published(now) {
			got = append(got, k.ID)
		}
		want := []string{"B", "waiting", fmt.Sprint(i - 1), fmt.Sprint(i)}
		if i > 1 && !slices.Equal(got, want) {
			t.Fatalf("published %v, want %v", got, want)
		}
		if plan.signer(now).ID != fmt.Sprint(i) || len(plan.keys) > maxScheduled || len(plan.turns) > maxScheduled {
			t.Fatalf("%s signs, %d keys and %d turns are remembered", plan.signer(now).ID, len(plan.keys), len(plan.turns))
		}
	}
}

// BenchmarkSigner: what a tenant of the shared keys pays for the possibility of
// its own, which is to be less than 100 ns, and what one with four keys pays.
func BenchmarkSigner(b *testing.B) {
	s, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	id := Acme().ID
	b.Run("shared", func(b *testing.B) {
		for b.Loop() {
			s.signer(id)
		}
	})
	if _, err := s.Roll(id, Roll{Wait: time.Hour}); err != nil {
		b.Fatal(err)
	}
	b.Run("own", func(b *testing.B) {
		for b.Loop() {
			s.signer(id)
		}
	})
}
