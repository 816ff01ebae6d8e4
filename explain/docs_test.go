package explain_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/ that tests print")

// TestCauseReference keeps the table in docs/decisions.md equal to the rules,
// each with the first situation that is tested for it.
func TestCauseReference(t *testing.T) {
	situation := map[string]string{}
	for _, r := range rows() {
		if situation[r.id] == "" {
			situation[r.id] = r.name
		}
	}
	var b strings.Builder
	b.WriteString("| id | for example |\n| --- | --- |\n")
	for _, id := range explain.IDs() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", id, strings.ReplaceAll(situation[id], "|", "\\|"))
	}
	printed.Section{File: "../docs/decisions.md", Name: "causes", Update: *update}.Is(t, b.String())
}

// Every warning is described.
func TestLintReference(t *testing.T) {
	page, err := os.ReadFile("../docs/decisions.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range explain.LintIDs() {
		if !strings.Contains(string(page), "| `"+id+"` |") {
			t.Errorf("docs/decisions.md does not have %s", id)
		}
	}
}
