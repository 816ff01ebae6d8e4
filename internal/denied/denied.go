// Package denied says what a permission that is denied leaves out: whose the file
// is, and who asks for it. In a container the two are seldom the same.
package denied

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Detail is that of a file or folder, with a colon before it to stand at the end
// of an error; empty where the system has no such thing. Inside a folder that
// cannot be entered nothing is seen, and so it is about the folder.
func Detail(name string) string {
	process := processUser()
	if process == "" {
		return ""
	}
	info, err := os.Stat(name)
	what := "it"
	for err != nil && filepath.Dir(name) != name {
		name = filepath.Dir(name)
		what = name
		info, err = os.Stat(name)
	}
	if err != nil {
		return ": idpool runs as " + process
	}
	return strings.TrimSuffix(fmt.Sprintf(": idpool runs as %s, and %s has mode %s and is of %s", process, what, info.Mode(), fileUser(info)), " and is of ")
}
