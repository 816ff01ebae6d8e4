//go:build unix

package ca

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKeyOfAnotherUser: a key that this process has by its group, as it has the
// files of a Kubernetes Secret, may be read by the group and by nobody else, and
// written by no one of them.
func TestKeyOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	for mode, fine := range map[os.FileMode]bool{0o440: true, 0o640: true, 0o400: true, 0o444: false, 0o460: false, 0o441: false, 0o450: false} {
		dir := t.TempDir()
		if _, err := Open(dir, time.Now()); err != nil {
			t.Fatal(err)
		}
		key := filepath.Join(dir, keyFile)
		if err := os.Chown(key, 65534, os.Getgid()); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, time.Now())
		want := fmt.Sprintf("(mode %04o)", mode)
		if fine && err != nil || !fine && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}
