package idpool

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzConfig reads whatever text as a config: no panic, and what is accepted
// makes a stack, while what is refused says where.
func FuzzConfig(f *testing.F) {
	f.Add(AcmeYAML)
	files, err := filepath.Glob("testdata/config/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no cases", err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("config.yaml", text)
		if err != nil {
			var mistakes ConfigErrors
			if !errors.As(err, &mistakes) || len(mistakes) == 0 {
				t.Fatalf("%v, want ConfigErrors", err)
			}
			return
		}
		if c.Keys != "" {
			return // would make files or take long
		}
		s, err := New(c)
		if err != nil {
			t.Fatalf("checked and then refused: %v", err)
		}
		s.Close()
	})
}

func TestFuzzSeedsAreThere(t *testing.T) {
	seeds, err := os.ReadDir("testdata/fuzz/FuzzConfig")
	if err != nil || len(seeds) < 4 {
		t.Errorf("%d seeds (%v), want 4 or more", len(seeds), err)
	}
}
