// Package imports pins what a package may import of this module: the arrows
// of the architecture, kept by tests.
package imports

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/idpool/idpool"

// TB is what is needed of *testing.T: no package but idpooltest imports
// "testing" outside of its tests.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Check fails when the non-test files in dir import another package of the
// module than those allowed, which are named by their paths in it, or import
// "testing", which would link it into every program.
func Check(t TB, dir string, allowed ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("imports: no Go files in %q: %v", dir, err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatalf("imports: %v", err)
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatalf("imports: %v", err)
			}
			rest, ours := strings.CutPrefix(path, module)
			if path == "testing" || ours && !slices.Contains(allowed, strings.TrimPrefix(rest, "/")) {
				t.Errorf("%s imports %s, allowed are %v", file, path, allowed)
			}
		}
	}
}
