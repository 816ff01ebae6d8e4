//go:build unix

package ca

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestGroupReads(t *testing.T) {
	for _, one := range []struct {
		why                string
		owner, group, user int
		groups             []int
		want               bool
	}{
		{"a Secret's file in a pod", 0, 65532, 65532, []int{0, 65532}, true},
		{"one's own file", 65532, 65532, 65532, []int{65532}, false},
		{"a group that the process has not", 0, 100, 65532, []int{65532}, false},
		{"root, who has every file", 1000, 0, 0, []int{0}, false},
	} {
		if got := groupReads(one.owner, one.group, one.user, one.groups); got != one.want {
			t.Errorf("%s: %t, want %t", one.why, got, one.want)
		}
	}
}

// opens is the folder that a child of TestKeyOfAnotherUser opens.
const opens = "IDPOOL_TEST_OPENS"

// TestKeyOfAnotherUser: a key that a process has by its group, as it has the files
// of a Kubernetes Secret, may be read by the group and by nobody else, and
// written by none of them.
func TestKeyOfAnotherUser(t *testing.T) {
	if dir := os.Getenv(opens); dir != "" {
		if _, err := Open(dir, time.Now()); err != nil {
			t.Fatal(err)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	// Where the other user may go, who cannot run a file in root's folders.
	root, err := os.MkdirTemp("/tmp", "idpool-ca-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	child := filepath.Join(root, "child")
	if err := errors.Join(os.Chmod(root, 0o755), os.WriteFile(child, text, 0o755)); err != nil {
		t.Fatal(err)
	}
	for mode, fine := range map[os.FileMode]bool{0o440: true, 0o640: true, 0o444: false, 0o460: false, 0o441: false, 0o450: false} {
		dir := filepath.Join(root, fmt.Sprintf("%04o", mode))
		if _, err := Open(dir, time.Now()); err != nil {
			t.Fatal(err)
		}
		key := filepath.Join(dir, keyFile)
		certificate := filepath.Join(dir, certificateFile)
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(certificate, 0o644), os.Chown(key, 0, 65532), os.Chmod(key, mode)); err != nil {
			t.Fatal(err)
		}
		command := exec.Command(child, "-test.run=^TestKeyOfAnotherUser$")
		command.Dir = root
		command.Env = append(os.Environ(), opens+"="+dir)
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		out, err := command.CombinedOutput()
		want := fmt.Sprintf("(mode %04o)", mode)
		if fine && err != nil || !fine && (err == nil || !strings.Contains(string(out), want)) {
			t.Errorf("mode %04o: %v\n%s", mode, err, out)
		}
	}
}
