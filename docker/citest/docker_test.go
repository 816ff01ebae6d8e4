package citest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// daemon asks once whether a daemon answers.
var daemon = sync.OnceValue(func() error {
	_, err := dockerCommand("version", "--format", "{{.Server.Version}}")
	return err
})

// ownImage is of this process alone, and removed by TestMain.
var ownImage = unique() + ":ci"

// image is that of idpool: the one that IDPOOL_IMAGE names, or else one of this
// repository as it is now. A leftover called "idpool" could be of last week.
var image = sync.OnceValues(func() (string, error) {
	if name := os.Getenv("IDPOOL_IMAGE"); name != "" {
		return name, nil
	}
	build := exec.Command("../build.sh", "--this-machine-only", ownImage)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build.sh: %v: %s", err, out)
	}
	return ownImage, nil
})

// needImage skips without a daemon, and otherwise returns idpool's image.
func needImage(t *testing.T) string {
	t.Helper()
	need(t, "docker", daemon() == nil)
	name, err := image()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// unique is a name that nobody else has.
func unique() string { return "idpool-citest-" + strings.ToLower(rand.Text()[:8]) }

// network is one of the test's own.
func network(t *testing.T) string {
	t.Helper()
	name := unique()
	docker(t, "network", "create", name)
	t.Cleanup(func() {
		if _, err := dockerCommand("network", "rm", name); err != nil {
			t.Error(err)
		}
	})
	return name
}

// started is a container that has been created and is removed with the test,
// whose failure shows its log.
func started(t *testing.T, create ...string) string {
	t.Helper()
	id := docker(t, append([]string{"create"}, create...)...)
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := exec.Command("docker", "logs", id).CombinedOutput()
			t.Logf("the log of %s:\n%s", create, out)
		}
		if _, err := dockerCommand("rm", "--force", "--volumes", id); err != nil {
			t.Error(err)
		}
	})
	docker(t, "start", id)
	return id
}

// healthy waits until the container has said how it is, as GitHub's runner does.
func healthy(t *testing.T, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	events := exec.CommandContext(ctx, "docker", "events", "--since", "10m", "--filter", "container="+id,
		"--filter", "event=health_status", "--filter", "event=die", "--format", "{{.Status}}")
	out, err := events.StdoutPipe()
	if err == nil {
		err = events.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	first, _ := bufio.NewReader(out).ReadString('\n')
	cancel()
	_ = events.Wait() // it was ended
	// GitHub goes on where there is no health check; the page promises one.
	if first != "health_status: healthy\n" {
		t.Fatalf("what is heard first of the service is %q", first)
	}
}

// job is a container that a job runs in: what an image of the page would have, with
// the workspace mounted and idle until it is told something.
type job struct{ id, dir string }

// jobImages are those that are known to have jobPrograms. Plain debian has no curl,
// and what is copied from this machine would not show it.
var jobImages = []string{"buildpack-deps:trixie-curl"}

func startJob(t *testing.T, image, network, workspace, dir string) job {
	t.Helper()
	if !slices.Contains(jobImages, image) {
		t.Fatalf("the job is in the image %q, of which it is not known that it has %q, as %q has", image, jobPrograms, jobImages)
	}
	name, err := jobImage()
	if err != nil {
		t.Fatal(err)
	}
	user := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	return job{dir: dir, id: started(t, "--network", network, "--user", user, "--volume", workspace+":"+dir, "--workdir", dir, name, "sleep", "infinity")}
}

// run is a script in the container.
func (j job) run(t *testing.T, script string, env ...string) (string, error) {
	t.Helper()
	args := []string{"exec", "--workdir", j.dir}
	for _, e := range env {
		args = append(args, "--env", e)
	}
	args = append(args, j.id, "bash", "-e", "-o", "pipefail", "-c", script)
	out, err := exec.CommandContext(t.Context(), "docker", args...).CombinedOutput()
	return string(out), err
}

// jobImageName is of this process alone.
var jobImageName = unique()

// jobPrograms are this machine's, so that nothing is pulled.
var jobPrograms = []string{"bash", "cat", "curl", "env", "sleep"}

// jobImage assembles the image of a job from this machine.
var jobImage = sync.OnceValues(func() (string, error) {
	if err := build(); err != nil {
		return "", err
	}
	root, err := os.MkdirTemp("", "idpool-citest-job-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	err = errors.Join(
		fillJob(filepath.Join(root, "root")),
		copyFile(filepath.Join(programs, "application"), filepath.Join(root, "root/usr/bin/application")),
		os.MkdirAll(filepath.Join(root, "root/tmp"), 0o777),
		os.WriteFile(filepath.Join(root, "Dockerfile"), []byte("FROM scratch\nCOPY root /\nENV PATH=/usr/bin\n"), 0o600),
	)
	if err != nil {
		return "", err
	}
	_, err = dockerCommand("build", "--quiet", "--tag", jobImageName, root)
	return jobImageName, err
})

// removeImages removes those of this process, which may not have been made.
func removeImages() {
	if daemon() != nil {
		return
	}
	for _, name := range []string{jobImageName, ownImage} {
		_, _ = dockerCommand("image", "rm", name)
	}
}

// fillJob copies the programs, what they are linked with, and the authorities
// that everybody trusts.
func fillJob(root string) error {
	files := map[string]string{"/etc/ssl/certs/ca-certificates.crt": "/etc/ssl/certs/ca-certificates.crt"}
	for _, program := range jobPrograms {
		path, err := exec.LookPath(program)
		if err != nil {
			return err
		}
		files[path] = "/usr/bin/" + program
		linked, err := exec.Command("ldd", path).Output()
		if err != nil {
			return fmt.Errorf("ldd %s: %v", path, err)
		}
		for _, word := range strings.Fields(string(linked)) {
			if strings.HasPrefix(word, "/") {
				files[word] = word
			}
		}
	}
	for from, to := range files {
		if err := copyFile(from, filepath.Join(root, to)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil // a library of two programs
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
