package fault

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/ that tests print")

const page = "../docs/faults.md"

// TestSettingsReference keeps the table of the settings in docs/faults.md equal
// to the program.
func TestSettingsReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("| setting | endpoints | the client sees |\n| --- | --- | --- |\n")
	for _, row := range Table() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", row.Setting, where(row.Endpoints), cell(row.Sees))
	}
	printed.Section{File: page, Name: "settings", Update: *update}.Is(t, b.String())
}

// TestConditionReference does the same for what a condition may name.
func TestConditionReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("| name | type | endpoints | what it is |\n| --- | --- | --- | --- |\n")
	for _, n := range Conditions() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", n.Name, n.Type, where(n.Endpoints), cell(n.Means))
	}
	fmt.Fprintf(&b, "\nFunctions: `%s`.\n", strings.Join(functions(), "`, `"))
	printed.Section{File: page, Name: "conditions", Update: *update}.Is(t, b.String())
}

// Every kind of certificate and of key set is described.
func TestKindsAreDescribed(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range append(Certificates(), KeySets()...) {
		if !strings.Contains(string(text), "| `"+kind+"` |") {
			t.Errorf("%s does not have %s", page, kind)
		}
	}
}

// The file in the page is one that is read, whole.
func TestFileInThePage(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```yaml\n")
	file, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatalf("%s has no file of faults", page)
	}
	faults, err := Parse("faults.yaml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range faults {
		seen[f.Endpoint] = true
	}
	for _, endpoint := range Endpoints() {
		if !seen[endpoint] {
			t.Errorf("the file has no fault of %s", endpoint)
		}
	}
}

// where is a list of endpoints.
func where(on []string) string {
	if len(on) == len(Endpoints()) {
		return "all"
	}
	if slices.Equal(on, overHTTP()) {
		return "HTTP"
	}
	return strings.Join(on, ", ")
}

// cell is a text in a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }
