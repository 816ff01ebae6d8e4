package scenario

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the catalogue for docs/scenarios.md: a table of all, and each
// with its story, what breaks it, what must happen and what heals it.
func Markdown(w io.Writer, all []*Scenario) error {
	var b strings.Builder
	b.WriteString("| id | what is wrong | known as | causes |\n| --- | --- | --- | --- |\n")
	for _, s := range all {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s | %s |\n", s.ID, s.ID, s.Title, rows(s.Rows), ticked(s.Causes))
	}
	for _, s := range all {
		s.markdown(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Scenario) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n### %s\n\n%s. %s\n\nBroken by\n\n", s.ID, s.Title, strings.Join(strings.Fields(s.Story), " "))
	s.Broken.markdown(b)
	fmt.Fprintf(b, "\nWhat happens: %s. Explained as %s. Healed by\n\n", s.Expect, ticked(s.Causes))
	s.Healed.markdown(b)
}

func (o Overlay) markdown(b *strings.Builder) {
	b.WriteString("```yaml\n" + o.String() + "```\n")
}

// String is the overlay as it stands in the file.
func (o Overlay) String() string {
	var b strings.Builder
	for _, part := range []struct{ name, text string }{{"config", o.Config}, {"request", o.Request}} {
		if part.text == "" {
			continue
		}
		b.WriteString(part.name + ":\n")
		for line := range strings.Lines(part.text) {
			b.WriteString("  " + line)
		}
	}
	return b.String()
}

// String is what must happen, as the end of a sentence.
func (e Expectation) String() string {
	var parts []string
	if e.AADSTS != 0 {
		parts = append(parts, fmt.Sprintf("the token endpoint answers AADSTS%d", e.AADSTS))
	}
	if e.Check != "" {
		parts = append(parts, fmt.Sprintf("the check `%s` fails", e.Check))
	}
	if e.Config != "" {
		parts = append(parts, fmt.Sprintf("the config is refused with “%s”", e.Config))
	}
	if e.Client != "" {
		parts = append(parts, fmt.Sprintf("the client prints “%s”", e.Client))
	}
	if e.Allowed {
		parts = append(parts, "the client gets in")
	}
	if len(e.Lint) > 0 {
		parts = append(parts, "`idpool config check` warns of "+ticked(e.Lint))
	}
	return strings.Join(parts, ", ")
}

func ticked(ids []string) string { return "`" + strings.Join(ids, "`, `") + "`" }

// rows are those of the published catalogue.
func rows(all []int) string {
	if len(all) == 0 {
		return "–"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]")
}
