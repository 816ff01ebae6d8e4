package docker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// consumer is a test of somebody else's.
const consumer = `package orders

import (
	"testing"

	"github.com/testcontainers/testcontainers-go"

	"github.com/idpool/idpool/docker"
)

func TestOrders(t *testing.T) {
	c, err := docker.Run(t.Context())
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.Token(t.Context(), "")
	if err != nil || token == "" {
		t.Fatal(token, err)
	}
}
`

// TestConsumer runs a test in another module, which requires this one: the image
// is built from the source of what that module requires.
func TestConsumer(t *testing.T) {
	t.Parallel()
	needDocker(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	// Its requirements are those of this module, since those are in the module
	// cache.
	theirs := regexp.MustCompile(`(?m)^module .*$|^replace .*$`).ReplaceAllString(string(ours), "")
	theirs = "module example.com/orders\n" + theirs + "\nrequire github.com/idpool/idpool/docker v0.0.0-00010101000000-000000000000\n" +
		"replace github.com/idpool/idpool => " + root + "\nreplace github.com/idpool/idpool/docker => " + filepath.Join(root, "docker") + "\n"
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": theirs, "go.sum": string(sums), "orders_test.go": consumer} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("go", "test", "-mod=mod", "-count=1", "-v", "-run", "TestOrders", ".")
	command.Dir = dir
	command.Env = append(os.Environ(), "IDPOOL_IMAGE=", "GOWORK=off", "GOFLAGS=")
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestOrders") {
		t.Errorf("%v:\n%s", err, out)
	}
}
