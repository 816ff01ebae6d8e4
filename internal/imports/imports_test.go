package imports

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// complaints collects what Check says.
type complaints struct{ said []string }

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}
func (c *complaints) Fatalf(format string, args ...any) { c.Errorf(format, args...) }

func TestCheck(t *testing.T) {
	for _, tc := range []struct{ name, source, want string }{
		{"an allowed one", `import "github.com/idpool/idpool/pool"`, ""},
		{"another of ours", `import "github.com/idpool/idpool/idp"`, "imports github.com/idpool/idpool/idp"},
		{"the root package", `import "github.com/idpool/idpool"`, "imports github.com/idpool/idpool,"},
		{"other people's", `import "github.com/go-chi/chi/v5"`, ""},
		{"testing", `import "testing"`, "imports testing"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte("package a\n"+tc.source+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a_test.go"), []byte("package a\nimport _ \"testing\"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var c complaints
		Check(&c, dir, "pool")
		if got := strings.Join(c.said, "\n"); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: said %q, want %q", tc.name, got, tc.want)
		}
	}
	var c complaints
	Check(&c, t.TempDir())
	if len(c.said) == 0 {
		t.Error("a folder without Go files passes")
	}
}
