package imagetest

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"debug/elf"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// maximum is what the image may take, as "docker images" counts.
const maximum = 30_000_000

// description is what docker says of an image.
type description struct {
	Architecture, Os string
	Size             int64
	Config           struct {
		User            string
		Env             []string
		Entrypoint, Cmd []string
		ExposedPorts    map[string]struct{}
		Volumes         map[string]struct{}
		Labels          map[string]string
		Healthcheck     struct {
			Test                                          []string
			Interval, Timeout, StartPeriod, StartInterval time.Duration
			Retries                                       int
		}
	}
}

func TestSettings(t *testing.T) {
	var got description
	inspect(t, image(t), &got)
	if arch := docker(t, "version", "--format", "{{.Server.Arch}}"); got.Architecture != arch || got.Os != "linux" {
		t.Errorf("for %s/%s, want linux/%s", got.Os, got.Architecture, arch)
	}
	if got.Size >= maximum {
		t.Errorf("%d bytes, want less than %d: buildflags says what makes it small", got.Size, maximum)
	}
	c := got.Config
	if c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/idpool"}) || !slices.Equal(c.Cmd, []string{"serve"}) {
		t.Errorf("as %q: %q %q", c.User, c.Entrypoint, c.Cmd)
	}
	if !slices.Equal(c.Healthcheck.Test, []string{"CMD", "/idpool", "health"}) {
		t.Errorf("health by %q", c.Healthcheck.Test)
	}
	// Healthy came after 5 s: in a start period, Docker 25 and later check each 5 s,
	// however short the interval is.
	if h := c.Healthcheck; h.StartPeriod != 0 || h.StartInterval != 0 || h.Interval > time.Second || time.Duration(h.Retries)*h.Interval < 10*time.Second {
		t.Errorf("the health check is %+v, want one each second at most, without a start period, that goes on for 10 s", h)
	}
	for _, port := range []string{"8080/tcp", "8443/tcp", "8081/tcp", "9092/tcp"} {
		if _, ok := c.ExposedPorts[port]; !ok {
			t.Errorf("%s is not exposed", port)
		}
	}
	if len(c.Volumes) > 0 {
		t.Errorf("volumes %v, which each container would leave behind", c.Volumes)
	}
}

func TestLabels(t *testing.T) {
	var got description
	inspect(t, image(t), &got)
	label := func(name string) string { return got.Config.Labels["org.opencontainers.image."+name] }
	if label("title") != "idpool" || label("licenses") != "Apache-2.0" || label("source") == "" || label("description") == "" {
		t.Errorf("%q", got.Config.Labels)
	}
	if _, err := time.Parse(time.RFC3339, label("created")); err != nil {
		t.Error(err)
	}
	if out := docker(t, "run", "--rm", image(t), "version"); !strings.HasPrefix(out, "idpool "+label("version")+" go") || label("version") == "" {
		t.Errorf("the label says %q, the binary %q", label("version"), out)
	}
	if head, err := exec.Command("git", "rev-parse", "HEAD").Output(); err == nil && len(label("revision")) != len(strings.TrimSpace(string(head))) {
		t.Errorf("revision %q, want a commit", label("revision"))
	}
}

// files are the regular files of the image that have anything in them, with their
// owners, and the folder that the state is kept in.
func files(t *testing.T) (regular map[string][]byte, state *tar.Header) {
	t.Helper()
	id := docker(t, "create", image(t))
	defer docker(t, "rm", id)
	content, err := exec.Command("docker", "export", id).Output()
	if err != nil {
		t.Fatal(err)
	}
	regular = map[string][]byte{}
	for archive := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return regular, state
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Name == "state/" {
			state = header
		}
		if header.Typeflag == tar.TypeReg && header.Size > 0 {
			if regular[header.Name], err = io.ReadAll(archive); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestNothingElse: a static binary and the public authorities, and no shell.
func TestNothingElse(t *testing.T) {
	got, state := files(t)
	const roots = "etc/ssl/certs/ca-certificates.crt"
	if len(got) != 2 || got["idpool"] == nil || got[roots] == nil {
		t.Errorf("%d files, want idpool and %s", len(got), roots)
	}
	program, err := elf.NewFile(bytes.NewReader(got["idpool"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP || part.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: it has a part %s", part.Type)
		}
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(got[roots]) {
		t.Error("no certificate among the authorities")
	}
	if state == nil || state.Uid != 65532 || state.Gid != 65532 || state.Mode&0o7777 != 0o1777 {
		t.Errorf("/state is %+v, want a folder of 65532 with mode 1777", state)
	}
	out, err := exec.Command("docker", "run", "--rm", "--entrypoint", "/bin/sh", image(t), "-c", "true").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no such file") {
		t.Errorf("a shell runs: %v: %s", err, out)
	}
}
