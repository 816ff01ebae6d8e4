package manifest

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzImport reads whatever bytes as two exports: no panic, an error names its
// file, and what is accepted is a config that says the same when read again.
func FuzzImport(f *testing.F) {
	for _, file := range cases(f) {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		files := archive.Files
		f.Add(files[0].Data, files[min(1, len(files)-4)].Data)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		r, err := Import(Config{Now: now}, []File{{"a.json", bytes.NewReader(a)}, {"b.json", bytes.NewReader(b)}})
		if err == nil {
			checkText(t, r)
			return
		}
		var mistake *Error
		if !errors.As(err, &mistake) || mistake.Message == "" {
			t.Fatalf("%#v, want an *Error", err)
		}
		if r != nil {
			t.Fatal("half imported")
		}
	})
}

func TestFuzzSeedsAreThere(t *testing.T) {
	seeds, err := os.ReadDir("testdata/fuzz/FuzzImport")
	if err != nil || len(seeds) < 4 {
		t.Errorf("%d seeds (%v), want 4 or more", len(seeds), err)
	}
}
