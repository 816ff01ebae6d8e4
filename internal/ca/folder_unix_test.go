//go:build unix

package ca

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOthersReadTheCertificate: a container that runs as another user takes
// ca.pem from the folder, and the folders above are the user's own.
func TestOthersReadTheCertificate(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	dir, _ := open(t)
	for name, want := range map[string]fs.FileMode{dir: 0o755, filepath.Dir(dir): 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v (%v), want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

// TestAFolderOfItsUserAlone is one as idpool made it until its certificate was
// for others too. It is as good, and stays as it is.
func TestAFolderOfItsUserAlone(t *testing.T) {
	dir, first := open(t)
	for name, mode := range map[string]fs.FileMode{first.Path(): 0o600, dir: 0o700} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	second, err := Open(dir, now)
	if err != nil || !bytes.Equal(first.PEM(), second.PEM()) {
		t.Fatalf("%v, want the authority that is there", err)
	}
	for name, want := range map[string]fs.FileMode{first.Path(): 0o600, dir: 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v (%v), want %v", name, info.Mode().Perm(), err, want)
		}
	}
}
