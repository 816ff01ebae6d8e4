package scenario

import "testing"

// BenchmarkRunAll is "idpool scenario run all", against the start and the end of
// as many stacks as it takes.
func BenchmarkRunAll(b *testing.B) {
	all := catalogue(b)
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			if _, err := RunAll(b.Context(), all); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stacks alone", func(b *testing.B) {
		for b.Loop() {
			for range 2 * len(all) {
				st, err := open(b.Context(), all[0].healed)
				if err != nil {
					b.Fatal(err)
				}
				if err := st.close(); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
