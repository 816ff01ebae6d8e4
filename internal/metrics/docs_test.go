package metrics

import (
	"cmp"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/ that tests print")

// TestReference keeps the table of the series in docs/admin.md equal to the
// program.
func TestReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("| series | type | labels | what it counts |\n| --- | --- | --- | --- |\n")
	for _, s := range Table() {
		fmt.Fprintf(&b, "| `%s` | %v | %s | %s |\n", s.Name, s.Type, cmp.Or(strings.Join(s.Labels, ", "), "–"), strings.ReplaceAll(s.Help, "|", "\\|"))
	}
	printed.Section{File: "../../docs/admin.md", Name: "metrics", Update: *update}.Is(t, b.String())
}
