package docker_test

import (
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// TestTheModuleCanBePublished: Go takes no module with a file that some system
// cannot have, and one without a file that is embedded does not build.
func TestTheModuleCanBePublished(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "git", "ls-files").Output()
	if err != nil {
		t.Skipf("this is no checkout of git: %v", err)
	}
	files := strings.Fields(string(out))
	var nested []string // modules of their own
	for _, file := range files {
		if dir := path.Dir(file); path.Base(file) == "go.mod" && dir != "." {
			nested = append(nested, dir+"/")
		}
	}
	files = slices.DeleteFunc(files, func(file string) bool {
		return slices.ContainsFunc(nested, func(dir string) bool { return strings.HasPrefix(file, dir) })
	})
	for _, needed := range []string{"go.mod", "Dockerfile", "buildflags", "run.go"} {
		if !slices.Contains(files, needed) {
			t.Errorf("git has no %s", needed)
		}
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
}

// TestGet: what the README says to get is both modules, as long as go.mod names no
// version of the other one that there is.
func TestGet(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	const idpool = "github.com/idpool/idpool"
	at := slices.IndexFunc(file.Require, func(r *modfile.Require) bool { return r.Mod.Path == idpool })
	if at < 0 {
		t.Fatal("go.mod does not require idpool")
	}
	unreleased := file.Require[at].Mod.Version == "v0.0.0-00010101000000-000000000000"
	if both := strings.Contains(string(readme), "\n$ go get "+idpool+"@V "+idpool+"/docker@V\n"); both != unreleased {
		t.Errorf("go.mod requires %s, and the README says to get both modules: %t", file.Require[at].Mod, both)
	}
}
