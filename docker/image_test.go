package docker_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"

	"github.com/idpool/idpool/docker"
)

// imageOf is the image that a container is of.
func imageOf(t testing.TB, c *docker.Container) string {
	t.Helper()
	made, err := c.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return made.Config.Image
}

// TestImage is an image that is there already: nothing is built for it.
func TestImage(t *testing.T) {
	needDocker(t)
	t.Setenv("IDPOOL_IMAGE", "")
	built := imageOf(t, run(t))
	if !strings.HasPrefix(built, "idpool.invalid/idpool:build-") {
		t.Errorf("built %q, want a tag with the hash of what is in it", built)
	}
	wantLabels(t, built)
	t.Setenv("IDPOOL_IMAGE", "idpool:none")
	if got := imageOf(t, run(t, docker.WithImage(built))); got != built {
		t.Errorf("WithImage(%q) runs %q", built, got)
	}
	t.Setenv("IDPOOL_IMAGE", built)
	if got := imageOf(t, run(t)); got != built {
		t.Errorf("IDPOOL_IMAGE=%s runs %q", built, got)
	}
}

// wantLabels: the image says of which commit it is, as that of build.sh does.
func wantLabels(t testing.TB, name string) {
	t.Helper()
	head, err := exec.Command("git", "log", "-1", "--format=%H %ct").Output()
	if err != nil {
		return // no checkout of git, of which nothing can be said
	}
	daemon := must[*testcontainers.DockerClient](t)(testcontainers.NewDockerClientWithOpts(t.Context()))
	defer func() { _ = daemon.Close() }()
	image, err := daemon.ImageInspect(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	revision, seconds, _ := strings.Cut(strings.TrimSpace(string(head)), " ")
	created := time.Unix(must[int64](t)(strconv.ParseInt(seconds, 10, 64)), 0).UTC().Format(time.RFC3339)
	labels := image.Config.Labels
	if got := labels["org.opencontainers.image.revision"]; got != revision {
		t.Errorf("the image says that it is of commit %q, want %q", got, revision)
	}
	if got := labels["org.opencontainers.image.created"]; got != created {
		t.Errorf("the image says that it is of %q, want %q", got, created)
	}
}

// TestHubPrefix: where TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX names a mirror, the image
// that had just been built was pulled from it. It is in a process of its own, since
// testcontainers-go reads the variable once.
func TestHubPrefix(t *testing.T) {
	needDocker(t)
	if os.Getenv("IDPOOL_TEST_HUB_PREFIX") == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestHubPrefix$", "-test.v")
		child.Env = append(os.Environ(), "IDPOOL_TEST_HUB_PREFIX=yes", "IDPOOL_IMAGE=", "TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX=registry.invalid/mirror")
		if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestHubPrefix") {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	if token := must[string](t)(run(t).Token(t.Context(), clientID)); strings.Count(token, ".") != 2 {
		t.Errorf("the token is %q", token)
	}
}

// TestBuildEnvironment: build.sh builds the same binary, whatever variables the
// user has for Go.
func TestBuildEnvironment(t *testing.T) {
	script, err := os.ReadFile("build.sh")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`\(cd "\$root" && ((?:[A-Z0-9_]+=\S* )+)`).FindSubmatch(script)
	if line == nil {
		t.Fatal("build.sh has no line that builds the binary")
	}
	want := strings.Fields(strings.NewReplacer(`"$1"`, "arm64", "''", "").Replace(string(line[1])))
	if got := docker.BuildEnvironment("arm64"); !slices.Equal(got, want) {
		t.Errorf("the variables are %q, and those of build.sh %q", got, want)
	}
}

// TestNoGo is a machine that has a daemon, and nothing to build an image with.
// It is in a process of its own, since an image is built once in each.
func TestNoGo(t *testing.T) {
	needDocker(t)
	if os.Getenv("IDPOOL_TEST_NO_GO") == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestNoGo$", "-test.v")
		child.Env = append(os.Environ(), "IDPOOL_TEST_NO_GO=yes", "IDPOOL_IMAGE=", "PATH=/nowhere")
		if out, err := child.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestNoGo") {
			t.Errorf("%v:\n%s", err, out)
		}
		return
	}
	c, err := docker.Run(t.Context())
	testcontainers.CleanupContainer(t, c)
	if err == nil {
		t.Fatal("an image was built without the go command")
	}
	contains(t, err.Error(), "run idpool: customize: build the image: go list", `exec: "go": executable file not found in $PATH`, "IDPOOL_IMAGE or WithImage takes one that there is")
}
