package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // for the Dockerfile
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// module is what the binary of the image is built from.
const module = "github.com/idpool/idpool"

//go:embed Dockerfile
var dockerfile []byte

//go:embed buildflags
var buildFlags string

// built is the image of this process, which every Run without another takes. It
// is the only state of the package: to link the binary takes seconds.
var built struct {
	sync.Mutex
	name string
}

// defaultImage is the one that the environment names, or else one that is built.
func defaultImage(ctx context.Context) (string, error) {
	if name := os.Getenv("IDPOOL_IMAGE"); name != "" {
		return name, nil
	}
	built.Lock()
	defer built.Unlock()
	if built.name != "" {
		return built.name, nil
	}
	name, err := buildImage(ctx)
	if err != nil {
		return "", fmt.Errorf("build the image: %w (IDPOOL_IMAGE or WithImage takes one that there is)", err)
	}
	built.name = name
	return name, nil
}

// buildImage builds the image from source, unless the daemon has it.
func buildImage(ctx context.Context) (string, error) {
	daemon, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return "", err
	}
	defer daemon.Close()
	server, err := daemon.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return "", err
	}
	dir, version, err := source(ctx)
	if err != nil {
		return "", err
	}
	binary, err := buildBinary(ctx, dir, version, server.Arch)
	if err != nil {
		return "", err
	}
	content, err := buildContext(binary, server.Arch)
	if err != nil {
		return "", err
	}
	arguments := buildArguments(ctx, dir, version, server.Arch)
	tag := tagOf(content, arguments)
	switch _, err := daemon.ImageInspect(ctx, repository+":"+tag); {
	case err == nil:
		return repository + ":" + tag, nil
	case !errdefs.IsNotFound(err):
		return "", err
	}
	return send(ctx, tag, content, arguments)
}

// buildArguments are those that build.sh gives to the Dockerfile. Source that is not in
// git, as that of a module cache, has a version only.
func buildArguments(ctx context.Context, dir, version, arch string) map[string]*string {
	revision := inGit(ctx, dir, "rev-parse", "HEAD")
	created := inGit(ctx, dir, "show", "-s", "--format=%ct", "HEAD")
	if seconds, err := strconv.ParseInt(created, 10, 64); err == nil {
		created = time.Unix(seconds, 0).UTC().Format(time.RFC3339)
	}
	return map[string]*string{"TARGETARCH": &arch, "VERSION": &version, "REVISION": &revision, "CREATED": &created}
}

// inGit is what git says of a folder that is the root of a repository; empty for
// another one, which may be in somebody else's.
func inGit(ctx context.Context, dir string, args ...string) string {
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		return ""
	}
	out, err := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-C", dir}, args...)...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// tagOf is the same for the same image.
func tagOf(content []byte, arguments map[string]*string) string {
	hash := sha256.New()
	hash.Write(content)
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		fmt.Fprintf(hash, "%s=%s\n", name, *arguments[name])
	}
	return "build-" + hex.EncodeToString(hash.Sum(nil)[:8])
}

// repository is that of images that are built here: of a registry that there cannot
// be (RFC 6761). Before a name without a registry testcontainers-go puts the prefix
// of TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX, also before docker.io and localhost, and
// pulls it from there.
const repository = "idpool.invalid/idpool"

// send has the daemon build the image.
func send(ctx context.Context, tag string, content []byte, arguments map[string]*string) (string, error) {
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return "", err
	}
	defer provider.Close()
	return provider.BuildImage(ctx, &testcontainers.ContainerRequest{FromDockerfile: testcontainers.FromDockerfile{
		ContextArchive: bytes.NewReader(content), Repo: repository, Tag: tag, KeepImage: true, BuildArgs: arguments,
	}})
}

// buildBinary links the command for Linux, as build.sh does. It is built as the main
// module, so that it is the same whatever the test's module requires.
func buildBinary(ctx context.Context, dir, version, arch string) ([]byte, error) {
	out, err := os.MkdirTemp("", "idpool-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(out)
	binary := filepath.Join(out, "idpool")
	args := append([]string{"build", "-o", binary}, flags(version)...)
	command := exec.CommandContext(ctx, "go", append(args, "./cmd/idpool")...)
	command.Dir = dir
	command.Env = append(os.Environ(), buildEnvironment(arch)...)
	if output, err := command.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build ./cmd/idpool in %s: %w: %s", dir, err, bytes.TrimSpace(output))
	}
	return os.ReadFile(binary)
}

// buildEnvironment are the variables of build.sh: what else could change the binary.
// An empty GOFLAGS would be that of "go env -w".
func buildEnvironment(arch string) []string {
	return []string{
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFIPS140=off", "GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=", "GO_EXTLINK_ENABLED=0",
	}
}

// source is the folder of the idpool module that the test's module requires, and
// its version; a folder that stands in for it has none.
func source(ctx context.Context) (dir, version string, err error) {
	// A vendored module has no folder with all of it, hence the flag.
	out, err := goCommand(ctx, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}\n{{with .Replace}}{{.Version}}{{else}}{{.Version}}{{end}}", module)
	if err != nil {
		return "", "", err
	}
	dir, version, _ = strings.Cut(strings.TrimRight(out, "\n"), "\n")
	if dir != "" {
		return dir, version, nil
	}
	if _, err := goCommand(ctx, "mod", "download", module); err != nil {
		return "", "", err
	}
	dir, err = goCommand(ctx, "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module)
	if dir = strings.TrimSpace(dir); err == nil && dir == "" {
		err = fmt.Errorf("the source of %s is not in the module cache", module)
	}
	return dir, version, err
}

// goCommand runs the go command in the folder of the test and returns what it
// prints.
func goCommand(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", args...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(failed.Stderr))
	}
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}

// flags are those of build.sh, from the file that it reads: an argument a line.
func flags(version string) []string {
	var out []string
	for line := range strings.Lines(buildFlags) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if version != "" && strings.HasPrefix(line, "-ldflags=") {
			line += " -X main.version=" + version
		}
		out = append(out, line)
	}
	return out
}

// buildContext is what the Dockerfile takes, as a tar archive: that of build.sh. It
// is the same for the same binary.
func buildContext(binary []byte, arch string) ([]byte, error) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	add := func(name string, mode int64, content []byte) error {
		err := w.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	err := errors.Join(
		add("Dockerfile", 0o644, dockerfile),
		add(arch+"/idpool", 0o755, binary),
		add(arch+"/ca-certificates.crt", 0o644, roots()),
		w.WriteHeader(&tar.Header{Name: arch + "/own/state/", Typeflag: tar.TypeDir, Mode: 0o1777}),
		w.Close(),
	)
	return archive.Bytes(), err
}

// roots are the public authorities, which idpool asks for the keys of real
// identity providers. Those with a condition are left out, which PEM cannot say.
func roots() []byte {
	var out []byte
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})...)
		}
	}
	return out
}
