package citest

import (
	"os"
	"strings"
	"testing"
)

const page = "../../docs/ci.md"

// block is a piece of code in the page.
type block struct {
	section, language, text string
}

// snippets is who runs the blocks of which section.
var snippets = map[string]func(*testing.T, block){
	"The binary":                            binaryAlone,
	"Several jobs on one machine":           binariesTogether,
	"GitHub Actions: a service":             serviceOfRunner,
	"Trust for every step that follows":     trustOfSteps,
	"Trust in Java":                         trustOfJava,
	"Parallel tests, a scope for each":      scopes,
	"What happened, when a test has failed": failure,
	"GitHub Actions: a job in a container":  serviceOfContainer,
	"GitHub Actions: a step":                serviceAsStep,
	"GitLab":                                gitLab,
}

// TestPage runs every block. One that nobody knows is a mistake, and so is one
// that has gone.
func TestPage(t *testing.T) {
	blocks := readPage(t)
	seen := map[string]bool{}
	for _, b := range blocks {
		run, known := snippets[b.section]
		if !known || seen[b.section] {
			t.Errorf("nobody runs this block of %q:\n%s", b.section, b.text)
			continue
		}
		seen[b.section] = true
		t.Run(b.section, func(t *testing.T) { run(t, b) })
	}
	for section := range snippets {
		if !seen[section] {
			t.Errorf("the page has no block in a section %q", section)
		}
	}
}

// blockOf is the block of another section, which a fragment is a part of.
func blockOf(t *testing.T, section string) block {
	t.Helper()
	for _, b := range readPage(t) {
		if b.section == section {
			return b
		}
	}
	t.Fatalf("the page has no block in a section %q", section)
	return block{}
}

// readPage takes the page apart.
func readPage(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	section, open := "", false
	for line := range strings.Lines(string(text)) {
		language, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && open:
			open = false
		case fence:
			open, blocks = true, append(blocks, block{section: section, language: language})
		case open:
			blocks[len(blocks)-1].text += line
		case strings.HasPrefix(line, "##"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	if open || len(blocks) == 0 {
		t.Fatalf("%s: %d blocks, the last one open: %t", page, len(blocks), open)
	}
	return blocks
}
