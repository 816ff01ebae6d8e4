// Package printed keeps the parts of the documentation that the program knows
// (keys, errors, causes) equal to the program. Such a part stands in a page
// between two comments, and a test prints it.
package printed

import (
	"os"
	"strings"
)

// TB is what is needed of *testing.T.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Section is a part of a page.
type Section struct {
	// File is the page, by its path from the test's folder.
	File string
	// Name is what the page's comments call the part: <!-- NAME: … --> before
	// it and <!-- end of NAME --> after it, each on a line of its own.
	Name string
	// Update writes the part instead of comparing it.
	Update bool
}

// Is fails unless the part is exactly the text.
func (s Section) Is(t TB, text string) {
	t.Helper()
	page, err := os.ReadFile(s.File)
	if err != nil {
		t.Fatalf("printed: %v", err)
		return
	}
	head, rest, begins := strings.Cut(string(page), "<!-- "+s.Name+": ")
	comment, rest, _ := strings.Cut(rest, "\n")
	_, tail, ends := strings.Cut(rest, "<!-- end of "+s.Name+" -->\n")
	if !begins || !ends {
		t.Fatalf("printed: %s has no part %q", s.File, s.Name)
		return
	}
	want := head + "<!-- " + s.Name + ": " + comment + "\n" + text + "<!-- end of " + s.Name + " -->\n" + tail
	switch {
	case want == string(page):
	case !s.Update:
		t.Errorf("printed: %s is out of date in the part %q: run the test with -update and read the difference", s.File, s.Name)
	default:
		if err := os.WriteFile(s.File, []byte(want), 0o644); err != nil {
			t.Fatalf("printed: %v", err)
		}
	}
}
