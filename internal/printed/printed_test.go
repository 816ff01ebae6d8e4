package printed

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type complaints struct{ said []string }

func (c *complaints) Helper() {}
func (c *complaints) Errorf(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}
func (c *complaints) Fatalf(format string, args ...any) { c.Errorf(format, args...) }

func TestSection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	page := "before\n<!-- keys: by a test -->\nold\n<!-- end of keys -->\nafter\n"
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name    string
		section Section
		text    string
		want    string // what is said
		page    string
	}{
		{"equal", Section{File: file, Name: "keys"}, "old\n", "", page},
		{"another", Section{File: file, Name: "keys"}, "new\n", "out of date", page},
		{"no such part", Section{File: file, Name: "errors"}, "new\n", `no part "errors"`, page},
		{"no such page", Section{File: file + "x", Name: "keys"}, "new\n", "no such file", page},
		{"updated", Section{File: file, Name: "keys", Update: true}, "new\n", "", strings.Replace(page, "old", "new", 1)},
	} {
		var c complaints
		tc.section.Is(&c, tc.text)
		if got := strings.Join(c.said, "\n"); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: said %q, want %q", tc.name, got, tc.want)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != tc.page {
			t.Errorf("%s: the page is %q, %v, want %q", tc.name, got, err, tc.page)
		}
	}
}
