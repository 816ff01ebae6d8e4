package idpool

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/printed"
	"github.com/idpool/idpool/journal"
)

const adminPage = "docs/admin.md"

// TestAdminReference keeps the table of operations in docs/admin.md equal to
// what the router and the OpenAPI document are made of.
func TestAdminReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("| operation | request | `scope` | what it does |\n| --- | --- | --- | --- |\n")
	for _, e := range new(Stack).endpoints() {
		scope := "yes"
		if e.whole || e.open {
			scope = "–"
		}
		fmt.Fprintf(&b, "| `%s` | `%s %s` | %s | %s |\n", e.ID, e.Method, e.Path, scope, strings.ReplaceAll(e.Summary, "|", "\\|"))
	}
	printed.Section{File: adminPage, Name: "operations", Update: *update}.Is(t, b.String())
}

// Every word of the journal is described.
func TestJournalWordsAreDescribed(t *testing.T) {
	text := readPage(t, adminPage)
	for _, word := range append(journal.Endpoints(), journal.Outcomes()...) {
		if !strings.Contains(text, "| `"+word+"` |") {
			t.Errorf("%s does not have %s", adminPage, word)
		}
	}
}

// TestAdminPageCommands runs every console block of docs/admin.md as pasted, in
// one shell each, but for the addresses, which are free ports here. What the
// page shows under a line is what it prints, with … for whatever is left out.
func TestAdminPageCommands(t *testing.T) {
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs", program)
		}
	}
	s := start(t, Acme())
	here := strings.NewReplacer("http://127.0.0.1:8081", s.Admin, "http://localhost:8080", s.HTTP, "curl ", "curl -sS --max-time 30 ")
	dir := t.TempDir()
	blocks := pageBlocks(t, adminPage, "console")
	for _, block := range blocks {
		run := exec.Command("bash", "-c", here.Replace(pageScript(block)))
		run.Dir = dir
		out, err := run.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s\n%s", err, out, block)
			continue
		}
		comparePage(t, block, strings.ReplaceAll(string(out), "\r", ""))
	}
	if n := len(s.Faults().List()); n != 0 || s.Clock().Offset() != 0 {
		t.Errorf("the page leaves behind %d faults and a clock that is %s ahead", n, s.Clock().Offset())
	}
}

// between stands in the output between two commands of a block.
const between = "--- the next command ---\n"

// pageCommands are the lines of a block that begin with $, and shown what stands
// under each.
func pageCommands(block string) (lines, shown []string) {
	for line := range strings.Lines(block) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			lines, shown = append(lines, command), append(shown, "")
		} else if len(shown) > 0 {
			shown[len(shown)-1] += line
		}
	}
	return lines, shown
}

// pageScript is a block as one script: a variable of a line is known in the next.
func pageScript(block string) string {
	lines, _ := pageCommands(block)
	return strings.Join(lines, "echo; echo '"+strings.TrimSuffix(between, "\n")+"'\n")
}

func comparePage(t *testing.T, block, out string) {
	t.Helper()
	lines, shown := pageCommands(block)
	outputs := strings.Split(out, between)
	if len(outputs) != len(lines) {
		t.Errorf("%d commands, the output of %d:\n%s", len(lines), len(outputs), out)
		return
	}
	for i, got := range outputs {
		got, want := strings.TrimRight(got, "\n"), strings.TrimRight(shown[i], "\n")
		pattern := "(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*?") + "$"
		if !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("$ %sprints\n%s\nthe page shows\n%s", lines[i], got, want)
		}
	}
}

// TestGoInThePages: each Go block of the pages is part of a compiled Example.
func TestGoInThePages(t *testing.T) {
	var examples strings.Builder
	for _, pattern := range []string{"*example_test.go", "*/example_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, f := range files {
			examples.WriteString(unindented(readPage(t, f)))
		}
	}
	for _, page := range []string{"docs/testing.md", "docs/tokens.md"} {
		for _, block := range pageBlocks(t, page, "go") {
			if !strings.Contains(examples.String(), unindented(block)) {
				t.Errorf("no Example has this block of %s:\n%s", page, block)
			}
		}
	}
}

// unindented takes the indentation off every line.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t "))
	}
	return b.String()
}

// pageBlocks are the code blocks of a language in a page.
func pageBlocks(t *testing.T, page, language string) []string {
	t.Helper()
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(readPage(t, page), -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		t.Fatalf("%s has no %s block", page, language)
	}
	return out
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
