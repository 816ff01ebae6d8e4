package manifest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/imports"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// now is when the tests take place: between the expired and the valid secrets.
func now() time.Time { return time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC) }

func TestImports(t *testing.T) { imports.Check(t, ".", "idp", "internal/strictyaml") }

// The golden parts of a case; everything else in it is an export.
const (
	goldenConfig  = "want/idpool.yaml"
	goldenFillIn  = "want/fill-in"
	goldenIgnored = "want/ignored"
)

func cases(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d cases (%v), want 9 or more", len(files), err)
	}
	return files
}

// inputs are the exports of a case.
func inputs(archive *txtar.Archive) []File {
	var files []File
	for _, f := range archive.Files {
		if !strings.HasPrefix(f.Name, "want/") {
			files = append(files, File{f.Name, bytes.NewReader(f.Data)})
		}
	}
	return files
}

// TestExports imports complete exports of every kind and compares the config,
// the list of what to fill in and the names of what is ignored.
func TestExports(t *testing.T) {
	for _, file := range cases(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Import(Config{Now: now}, inputs(archive))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := idpool.Parse("import", r.YAML()); err != nil {
				t.Errorf("what was imported does not check: %v", err)
			}
			compare(t, file, archive, map[string]string{
				goldenConfig: string(r.YAML()), goldenFillIn: masked(list(r.FillIn)), goldenIgnored: strings.Join(r.Ignored, "\n") + "\n",
			})
		})
	}
}

// idpsReason is in idp's words, which are tested there.
var idpsReason = regexp.MustCompile(`(since idpool cannot have it: ).*`)

func masked(list string) string { return idpsReason.ReplaceAllString(list, "${1}…") }

func list(entries []FillIn) string {
	var b strings.Builder
	for _, f := range entries {
		fmt.Fprintf(&b, "%d %s\n    %s\n", f.Line, f.Field, f.Message)
	}
	return b.String()
}

func compare(t *testing.T, file string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	if *update {
		kept := archive.Files[:0]
		for _, f := range archive.Files {
			if !strings.HasPrefix(f.Name, "want/") {
				kept = append(kept, f)
			}
		}
		archive.Files = kept
		for _, name := range []string{goldenConfig, goldenFillIn, goldenIgnored} {
			archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
		}
		if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := map[string]string{}
	for _, f := range archive.Files {
		want[f.Name] = string(f.Data)
	}
	for name := range got {
		if strings.TrimSpace(got[name]) != strings.TrimSpace(want[name]) {
			t.Errorf("%s is\n%s\nwant\n%s", name, got[name], want[name])
		}
	}
}
