package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/printed"
)

// TestTrustPage keeps docs/tls.md equal to what trust-help prints.
func TestTrustPage(t *testing.T) {
	var b strings.Builder
	for _, g := range filledGuides("/home/you/.cache/idpool/ca.pem", "idpool CA 1a2b3c4d") {
		fmt.Fprintf(&b, "### %s\n\n", g.For)
		if g.Note != "" {
			b.WriteString(g.Note + "\n\n")
		}
		fmt.Fprintf(&b, "```\n%s\n```\n\n", strings.Join(g.Commands, "\n"))
		if len(g.Undo) > 0 {
			fmt.Fprintf(&b, "To undo it:\n\n```\n%s\n```\n\n", strings.Join(g.Undo, "\n"))
		}
	}
	printed.Section{File: "../../docs/tls.md", Name: "guides", Update: *update}.Is(t, b.String())
}

// TestEachGuideNamesTheFile: a command that names no file or no setting is not
// worth pasting.
func TestEachGuideNamesTheFile(t *testing.T) {
	const path = "/a/path with space/ca.pem"
	seen := map[string]bool{}
	for _, g := range filledGuides(path, "idpool CA 1a2b3c4d") {
		if seen[g.For] || !strings.Contains(strings.Join(g.Commands, "\n"), path) {
			t.Errorf("%s occurs twice, or its commands name no file: %q", g.For, g.Commands)
		}
		seen[g.For] = true
		if text := strings.Join(append(g.Commands, g.Undo...), "\n"); strings.Contains(text, "{ca}") || strings.Contains(text, "{path}") || strings.Contains(text, "{name}") {
			t.Errorf("%s has a place that is not filled: %q", g.For, text)
		}
	}
	for _, want := range []string{"Debian, Ubuntu", "RHEL, Fedora", "macOS", "Windows", "curl", "Go", "Python", "Node.js", "Java", ".NET", "Kafka client, librdkafka", "Kafka client, Java", "Docker"} {
		if !seen[want] {
			t.Errorf("there is no guide for %s", want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for path, want := range map[string]string{
		"/home/you/.cache/idpool/ca.pem": "/home/you/.cache/idpool/ca.pem",
		"/with space":                    "'/with space'",
		"/it's":                          `'/it'\''s'`,
		"/$HOME":                         "'/$HOME'",
		`C:\Users`:                       `'C:\Users'`,
	} {
		if got := shellWord(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
