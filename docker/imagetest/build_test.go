package imagetest

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestReproducible: clones of one commit in folders of other names give the same
// binary, whatever the environment says of how to build.
func TestReproducible(t *testing.T) {
	if err := exec.Command("git", "rev-parse", "HEAD").Run(); err != nil {
		t.Skip("git: this is no clone:", err)
	}
	here := clone(t, "here")
	elsewhere := clone(t, filepath.Join("some where", "else"), "GOFLAGS=-tags=other -ldflags=-w", "GOAMD64=v3", "CGO_ENABLED=1",
		"GOFIPS140=latest", "GO_EXTLINK_ENABLED=1", "GOEXPERIMENT=nodwarf5")
	if !bytes.Equal(here, elsewhere) {
		t.Errorf("%d bytes and %d, which differ", len(here), len(elsewhere))
	}
}

// clone builds the binary of HEAD in a new folder of that name.
func clone(t *testing.T, name string, environment ...string) []byte {
	t.Helper()
	folder := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("git", "clone", "--quiet", "../..", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(filepath.Join(folder, "docker", "build.sh"), "--binaries-only", "--this-machine-only")
	cmd.Dir = t.TempDir() // build.sh works from any
	cmd.Env = append(os.Environ(), environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(filepath.Join(folder, "docker", "out", runtime.GOARCH, "idpool"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestOtherArchitecture: the image for machines that are not like the daemon's has
// their binary, and says so.
func TestOtherArchitecture(t *testing.T) {
	need(t)
	other, machine := "arm64", elf.EM_AARCH64
	if docker(t, "version", "--format", "{{.Server.Arch}}") == other {
		other, machine = "amd64", elf.EM_X86_64
	}
	const name = builtImage + "-both"
	if out, err := exec.Command("../build.sh", name+":test").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("docker", "rmi", name+":test", name+":test-"+other).Run() })
	var got description
	inspect(t, name+":test-"+other, &got)
	if got.Architecture != other || got.Size >= maximum || got.Config.User != "65532:65532" {
		t.Errorf("%+v, want one for %s of less than %d bytes", got, other, maximum)
	}
	id := docker(t, "create", "--platform", "linux/"+other, name+":test-"+other)
	defer docker(t, "rm", id)
	path := filepath.Join(t.TempDir(), "idpool")
	docker(t, "cp", id+":/idpool", path)
	program, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if program.Machine != machine {
		t.Errorf("the binary is for %s, want %s", program.Machine, machine)
	}
}

// TestBuildRefuses: the last line says what is missing or wrong, and what to do,
// before anything is built.
func TestBuildRefuses(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash:", err)
	}
	for _, c := range []struct {
		name        string
		environment string
		args        []string
		want        []string
	}{
		{"no daemon", "DOCKER_HOST=unix:///none.sock", nil, []string{"unix:///none.sock", "start one", "DOCKER_HOST"}},
		{"an option that there is not", "", []string{"--quick"}, []string{"--quick", "--help"}},
		{"two names", "", []string{"one", "two"}, []string{`"one"`, `"two"`}},
		{"a name in capitals", "", []string{"Idpool"}, []string{`"Idpool"`, "lower case"}},
		{"a version with a space", "VERSION=v1 -X main.other=1", []string{"--binaries-only"}, []string{"VERSION", `"v1 -X main.other=1"`}},
		{"a date that is none", "SOURCE_DATE_EPOCH=yesterday", []string{"--binaries-only"}, []string{"SOURCE_DATE_EPOCH", `"yesterday"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "no daemon" {
				if _, err := exec.LookPath("docker"); err != nil {
					t.Skip("docker:", err)
				}
			}
			refuses(t, exec.Command(bash, append([]string{"../build.sh"}, c.args...)...), c.environment, c.want)
		})
	}
	t.Run("no go", func(t *testing.T) {
		folder := t.TempDir() // with what build.sh needs before
		for _, tool := range []string{"dirname"} {
			path, err := exec.LookPath(tool)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path, filepath.Join(folder, tool)); err != nil {
				t.Fatal(err)
			}
		}
		refuses(t, exec.Command(bash, "../build.sh"), "PATH="+folder, []string{`"go"`, "go.dev"})
	})
}

// TestExperimentsOfTheUser: "go env -w GOEXPERIMENT=…" gave another binary, since an
// empty variable does not win over it.
func TestExperimentsOfTheUser(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("GOEXPERIMENT=nodwarf5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(t, exec.Command("../build.sh", "--binaries-only"), "GOENV="+file, []string{"GOEXPERIMENT=nodwarf5", "go env -u GOEXPERIMENT"})
}

// refuses holds the last line of a command against texts that it has to have.
func refuses(t *testing.T, cmd *exec.Cmd, environment string, want []string) {
	t.Helper()
	cmd.Env = append(os.Environ(), environment)
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err == nil {
		t.Fatalf("it did not fail: %s", out)
	}
	for _, text := range want {
		if !strings.Contains(lines[len(lines)-1], text) {
			t.Errorf("no %s in the last line of %s", text, out)
		}
	}
}

// TestHelp: --help says it all and does nothing.
func TestHelp(t *testing.T) {
	out, err := exec.Command("../build.sh", "--help").Output()
	for _, text := range []string{"[TAG]", "--this-machine-only", "--binaries-only", "VERSION", "SOURCE_DATE_EPOCH", "DOCKER_HOST"} {
		if err != nil || !strings.Contains(string(out), text) {
			t.Errorf("no %s in %s (%v)", text, out, err)
		}
	}
}
