package idpool

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Text writes the Matrix as a table for a terminal: applications down, pools
// across, and ✓ for who gets in.
func (m Matrix) Text(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range m.lines() {
		if _, err := fmt.Fprintln(table, strings.Join(line, "\t")); err != nil {
			return err
		}
	}
	return table.Flush()
}

// Markdown writes the Matrix as a table of GitHub's Markdown.
func (m Matrix) Markdown(w io.Writer) error {
	escape := strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;")
	for i, line := range m.lines() {
		for j := range line {
			line[j] = escape.Replace(line[j])
		}
		if _, err := fmt.Fprintln(w, "| "+strings.Join(line, " | ")+" |"); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if _, err := fmt.Fprintln(w, strings.Repeat("| --- ", len(line))+"|"); err != nil {
			return err
		}
	}
	return nil
}

// lines are the head of the table and its rows. The API has a column only when
// it tells rows of one application apart.
func (m Matrix) lines() [][]string {
	head := []string{"application", "client id"}
	apis := m.severalAPIs()
	if apis {
		head = append(head, "scope")
	}
	out := [][]string{head}
	for _, pool := range m.Pools {
		out[0] = append(out[0], shown(pool))
	}
	for _, row := range m.Rows {
		line := []string{shown(row.Name), shown(row.ClientID)}
		if apis {
			line = append(line, shown(row.Scope))
		}
		for _, cell := range row.Cells {
			if cell == allowedCell {
				cell = "✓"
			}
			line = append(line, cell)
		}
		out = append(out, line)
	}
	return out
}

func (m Matrix) severalAPIs() bool {
	seen := map[string]bool{}
	for _, row := range m.Rows {
		if seen[row.Tenant+row.ClientID] {
			return true
		}
		seen[row.Tenant+row.ClientID] = true
	}
	return false
}

// shown is a name as a table can have it.
func shown(s string) string {
	switch {
	case s == "":
		return "–"
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return strconv.Quote(s)
	}
	return s
}
