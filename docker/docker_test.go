package docker_test

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/idpool/idpool/docker"
)

// The built-in Acme tenant, as acme.yaml has it.
const (
	acme      = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	clientID  = "75f2f796-363d-4de2-b299-713920db01a7"
	secret    = "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"
	confluent = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	scope     = "api://" + confluent + "/.default"
)

// TestMain turns the reaper of testcontainers-go off, whose image would be
// pulled: every test here removes what it makes. An example cannot skip itself.
func TestMain(m *testing.M) {
	if os.Getenv("TESTCONTAINERS_RYUK_DISABLED") == "" {
		_ = os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	}
	flag.Parse()
	if err := docker.DaemonAnswers(context.Background()); err != nil && !required() {
		fmt.Fprintln(os.Stderr, "the examples are skipped: docker:", err)
		skip := flag.Lookup("test.skip")
		_ = skip.Value.Set(strings.TrimPrefix(skip.Value.String()+"|^Example", "|"))
	}
	os.Exit(m.Run())
}

// required says whether IDPOOL_REQUIRE names docker, so that nothing may be
// skipped.
func required() bool {
	return slices.Contains(strings.Split(os.Getenv("IDPOOL_REQUIRE"), ","), "docker")
}

// needDocker skips a test where no daemon answers.
func needDocker(t testing.TB) {
	t.Helper()
	if err := docker.DaemonAnswers(t.Context()); err != nil {
		missing(t, err.Error())
	}
}

// missing skips a test for want of something, unless it is required.
func missing(t testing.TB, what string) {
	t.Helper()
	if required() {
		t.Fatalf("IDPOOL_REQUIRE names docker: %s", what)
	}
	t.Skip("docker: " + what)
}

// run starts idpool until the test ends.
func run(t testing.TB, opts ...testcontainers.ContainerCustomizer) *docker.Container {
	t.Helper()
	needDocker(t)
	c, err := docker.Run(t.Context(), opts...)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newNetwork is one that ends with the test.
func newNetwork(t testing.TB) *testcontainers.DockerNetwork {
	t.Helper()
	needDocker(t)
	n, err := network.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	testcontainers.CleanupNetwork(t, n)
	return n
}

// must is a value that a test cannot do without.
func must[T any](t testing.TB) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// application builds the application of the compose profiles, which knows
// nothing of idpool: it asks for a token, and produces and consumes records.
var application = sync.OnceValues(func() ([]byte, error) {
	out, err := os.MkdirTemp("", "idpool-application-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(out) }()
	binary := filepath.Join(out, "composeclient")
	build := exec.Command("go", "build", "-o", binary, "./internal/composeclient")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(binary)
})

// runApplication runs it in a network to its end, with the environment that it
// is set by and files, and returns its exit code and what it said.
func runApplication(t testing.TB, n *testcontainers.DockerNetwork, env map[string]string, files map[string][]byte) (int, string) {
	t.Helper()
	binary := must[[]byte](t)(application())
	var context bytes.Buffer
	w := tar.NewWriter(&context)
	for name, content := range map[string][]byte{"Dockerfile": []byte("FROM scratch\nCOPY composeclient /\nENTRYPOINT [\"/composeclient\"]\n"), "composeclient": binary} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"CLIENT_ID": clientID, "CLIENT_SECRET": secret, "SCOPE": scope, "LOGICAL_CLUSTER": "lkc-acme", "IDENTITY_POOL": "pool-dev", "LIMIT": "3m",
	}
	for name, value := range env {
		settings[name] = cmp.Or(value, settings[name])
	}
	opts := []testcontainers.ContainerCustomizer{
		testcontainers.WithDockerfile(testcontainers.FromDockerfile{ContextArchive: bytes.NewReader(context.Bytes())}),
		testcontainers.WithEnv(settings), network.WithNetwork(nil, n), testcontainers.WithWaitStrategy(wait.ForExit()),
	}
	for at, content := range files {
		opts = append(opts, testcontainers.WithFiles(testcontainers.ContainerFile{Reader: bytes.NewReader(content), ContainerFilePath: at, FileMode: 0o444}))
	}
	c, err := testcontainers.Run(t.Context(), "", opts...)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	state, err := c.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state.ExitCode, logOf(t, c)
}

// logOf is what a container has written so far.
func logOf(t testing.TB, c testcontainers.Container) string {
	t.Helper()
	log, err := c.Logs(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	text, err := io.ReadAll(log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
