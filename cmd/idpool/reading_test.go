package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestPermissionDenied: in containers the user of the process and that of a
// mounted file differ, and that is what to see. A test that runs as root may read
// everything, and so the refusal is made up.
func TestPermissionDenied(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no user ids")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "idpool.yaml")
	if err := os.WriteFile(file, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	process := fmt.Sprintf("user %d, group %d", os.Geteuid(), os.Getegid())
	refused := &fs.PathError{Op: "open", Path: file, Err: syscall.EACCES}
	want := file + ": permission denied: idpool runs as " + process + ", and it has mode -rw-r----- and is of user "
	if got := notRead(file, refused).Error(); !strings.HasPrefix(got, want) {
		t.Errorf("a file: %s\nwant %s", got, want)
	}
	hidden := filepath.Join(file, "below", "idpool.yaml")
	want = hidden + ": permission denied: idpool runs as " + process + ", and " + file + " has mode -rw-r----- and is of user "
	if got := notRead(hidden, refused).Error(); !strings.HasPrefix(got, want) {
		t.Errorf("a file that is not seen: %s\nwant %s", got, want)
	}
}
