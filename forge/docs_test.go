package forge_test

import (
	"cmp"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/ that tests print")

// TestMatrixReference keeps the matrix in docs/tokens.md equal to the program.
func TestMatrixReference(t *testing.T) {
	cell := strings.NewReplacer("|", "\\|", "<", "&lt;")
	var b strings.Builder
	b.WriteString("| name | what is broken | refused by | says who | why some may let it in |\n| --- | --- | --- | --- | --- |\n")
	for _, row := range forge.Table() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", row.Name, cell.Replace(row.Summary), cmp.Or(row.Check, "–"), cell.Replace(row.Rule), cell.Replace(row.Excuse))
	}
	printed.Section{File: "../docs/tokens.md", Name: "matrix", Update: *update}.Is(t, b.String())
}
