package idpool

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// TestTheModuleCanBePublished: Go takes no module with a file that some system
// cannot have, such as one named nul, and "go get" would say so to everybody.
func TestTheModuleCanBePublished(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "ls-files").Output()
	if err != nil {
		t.Skipf("this is no checkout of git: %v", err)
	}
	files := strings.Fields(string(out))
	if len(files) < 100 {
		t.Fatalf("git knows %d files", len(files))
	}
	folded := map[string]string{}
	for _, file := range files {
		if err := module.CheckFilePath(file); err != nil {
			t.Error(err)
		}
		if other := folded[strings.ToLower(file)]; other != "" {
			t.Errorf("%s and %s are one file where letter case does not count", other, file)
		}
		folded[strings.ToLower(file)] = file
	}
	checked, err := modzip.CheckDir(".")
	if err != nil {
		t.Error(err)
	}
	if checked.SizeError != nil {
		t.Error(checked.SizeError)
	}
}
