package scenario

import (
	"flag"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/ that tests print")

// docs/scenarios.md is printed from the catalogue.
func TestScenarioReference(t *testing.T) {
	var b strings.Builder
	if err := Markdown(&b, catalogue(t)); err != nil {
		t.Fatal(err)
	}
	printed.Section{File: "../docs/scenarios.md", Name: "scenarios", Update: *update}.Is(t, b.String())
}
