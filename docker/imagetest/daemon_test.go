package imagetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// builtImage is the image that build.sh makes for the tests.
const builtImage = "idpool-imagetest"

// need skips the test when no daemon answers, or fails it where one is required.
func need(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Arch}}").CombinedOutput()
	if err == nil {
		return
	}
	reason := fmt.Sprintf("docker: no daemon answers: %v: %s", err, bytes.TrimSpace(out))
	if slices.Contains(strings.Split(os.Getenv("IDPOOL_REQUIRE"), ","), "docker") {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// build runs build.sh once for all tests.
var build = sync.OnceValue(func() error {
	out, err := exec.Command("../build.sh", "--this-machine-only", builtImage+":latest").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build.sh: %w: %s", err, out)
	}
	return nil
})

// image is the one that is tested: that of the environment, or a new one.
func image(t testing.TB) string {
	t.Helper()
	need(t)
	if name := os.Getenv("IDPOOL_IMAGE"); name != "" {
		return name
	}
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return builtImage + ":latest"
}

// docker runs the docker command and returns its standard output.
func docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, failed.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// container starts one that is removed after the test, and returns its ID.
func container(t testing.TB, args ...string) string {
	t.Helper()
	id := docker(t, append([]string{"run", "--detach"}, args...)...)
	t.Cleanup(func() { exec.Command("docker", "rm", "--force", "--volumes", id).Run() })
	return id
}

// inspect reads what docker says of a container or an image.
func inspect(t testing.TB, name string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(docker(t, "inspect", "--format", "{{json .}}", name)), into); err != nil {
		t.Fatal(err)
	}
}

// logs are what a container has printed to each of its outputs.
func logs(t testing.TB, id string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command("docker", "logs", id)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String()
}

// ended waits for the end of a container, and returns its exit code and the last
// line of its log.
func ended(t testing.TB, id string) (code, last string) {
	t.Helper()
	code = docker(t, "wait", id)
	_, stderr := logs(t, id)
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	return code, lines[len(lines)-1]
}

// until waits for a condition that another process brings about, and fails with
// what state says when it does not.
func until(t testing.TB, what string, holds func() bool, state func() string) {
	t.Helper()
	const patience = 2 * time.Minute // on a machine that is busy
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %s", what, patience, state())
		}
	}
}

// logged waits until a container has printed a text.
func logged(t testing.TB, id, text string) {
	t.Helper()
	both := func() string { stdout, stderr := logs(t, id); return stdout + stderr }
	until(t, fmt.Sprintf("%q in the log", text), func() bool { return strings.Contains(both(), text) }, both)
}

// freePort is one of the host that nobody listens at.
func freePort(t testing.TB) string {
	t.Helper()
	for tries := 0; ; tries++ {
		port := strconv.Itoa(20000 + rand.IntN(12000)) // which no system gives to connections meanwhile
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		switch {
		case err == nil:
			_ = l.Close()
			return port
		case tries == 100:
			t.Fatal(err)
		}
	}
}

// binary is the one in the image, on this machine.
func binary(t testing.TB) string {
	t.Helper()
	id := docker(t, "create", image(t))
	defer docker(t, "rm", id)
	path := filepath.Join(t.TempDir(), "idpool")
	docker(t, "cp", id+":/idpool", path)
	return path
}
