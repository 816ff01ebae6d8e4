package scenario

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

func TestImports(t *testing.T) {
	imports.Check(t, ".", "", "explain", "validator", "pool", "idp", "broker", "forge", "internal/recorded", "internal/strictyaml", "internal/nearest")
}

// TestCatalogue plays every scenario.
func TestCatalogue(t *testing.T) {
	for _, id := range IDs() {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			s, err := Find(id)
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range map[string]Verdict{"broken": r.Broken, "explained": r.Explained, "healed": r.Healed} {
				for _, d := range v.Differences {
					t.Errorf("%s: %s", name, d)
				}
			}
		})
	}
}
