package composetest

import (
	"bytes"
	"context"
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
	"testing"
	"time"
)

// root is the repository.
const root = "../.."

// limit is how long a command may take: far longer than it does, for the first
// builds what is not built.
const limit = 10 * time.Minute

// images are what the profiles run, as docker/compose.yaml is told of them.
type images struct{ idpool, client, kafka string }

// build makes the images of this source, but for those that the environment has
// names of. Where no daemon answers the test is skipped, or fails where the list IDPOOL_REQUIRE
// has docker in it.
func build(t *testing.T) images {
	t.Helper()
	if _, err := output(t, "docker", "version", "--format", "{{.Server.Version}}"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("IDPOOL_REQUIRE"), ","), "docker") {
			t.Fatalf("IDPOOL_REQUIRE names docker: %v", err)
		}
		t.Skipf("docker: %v", err)
	}
	own := fmt.Sprintf("idpool-composetest-%d", os.Getpid()) // others test at the same daemon
	have := images{os.Getenv("IDPOOL_IMAGE"), own + "-client:test", os.Getenv("KAFKA_IMAGE")}
	buildOwn(t, have.client, "../compose/build.sh")
	if have.idpool == "" {
		have.idpool = own + ":test" // without a tag it is given that of the version too
		buildOwn(t, have.idpool, "../build.sh", "--this-machine-only")
	}
	if have.kafka == "" {
		have.kafka = own + "-kafka:test" // one that is there could be of another source
		buildOwn(t, have.kafka, "../kafka/build.sh")
	}
	return have
}

// buildOwn has a script build an image, which ends with the test.
func buildOwn(t *testing.T, tag, script string, flags ...string) {
	t.Helper()
	must(t, script, append(flags, tag)...)
	t.Cleanup(func() {
		// The test's context has ended by now.
		if out, err := exec.Command("docker", "image", "rm", tag).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

// project is a profile that a test runs, under a name of its own.
type project struct {
	t       *testing.T
	compose string // the program
	name    string
	profile string
	ports   map[string]string // by the variable of docker/compose.yaml
	environ []string
}

// start begins with nothing of the profile, and takes everything away after the
// test.
func start(t *testing.T, have images, profile string) *project {
	t.Helper()
	p := &project{
		t: t, profile: profile, name: fmt.Sprintf("idpool-test-%s-%d", profile, os.Getpid()),
		compose: strings.TrimSpace(must(t, "go", "tool", "-n", "github.com/docker/compose/v5/cmd")),
		ports:   freePorts(t, "HTTP_PORT", "HTTPS_PORT", "KAFKA_PORT", "BROKER_PORT"),
	}
	p.environ = append(os.Environ(), "IDPOOL_IMAGE="+have.idpool, "CLIENT_IMAGE="+have.client, "KAFKA_IMAGE="+have.kafka)
	for variable, port := range p.ports {
		p.environ = append(p.environ, variable+"="+port)
	}
	t.Cleanup(func() {
		if t.Failed() {
			text, _ := p.run("logs", "--no-color", "--timestamps", "--tail", "40")
			t.Log(text)
		}
		if text, err := p.run("down", "--volumes", "--timeout", "5"); err != nil {
			t.Errorf("%v: %s", err, text)
		}
	})
	return p
}

// run runs docker compose, and returns what it prints.
func (p *project) run(arguments ...string) (string, error) {
	arguments = append([]string{"--file", file, "--project-name", p.name, "--profile", p.profile, "--ansi", "never", "--progress", "quiet"}, arguments...)
	// The test's context ends before what cleans up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.t.Context()), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.compose, arguments...)
	cmd.Env = p.environ
	return combined(cmd)
}

// must runs docker compose, which has to succeed.
func (p *project) must(arguments ...string) string {
	p.t.Helper()
	text, err := p.run(arguments...)
	if err != nil {
		p.t.Fatalf("%v: %s", err, text)
	}
	return text
}

// freePorts finds ports that nobody has now. What is to listen there does so later,
// and so they are below those that a system gives to connections and to whoever
// asks for any port.
func freePorts(t *testing.T, variables ...string) map[string]string {
	t.Helper()
	ports := map[string]string{}
	for _, variable := range variables {
		var l net.Listener
		err := errors.New("no try")
		for try := 0; err != nil && try < 100; try++ {
			ports[variable] = strconv.Itoa(20000 + rand.IntN(12000))
			l, err = net.Listen("tcp", "127.0.0.1:"+ports[variable])
		}
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }() // not before all are found, or two are the same
	}
	return ports
}

// goBuild builds a command of the repository for this machine.
func goBuild(t *testing.T, pkg string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), filepath.Base(pkg))
	must(t, "go", "-C", root, "build", "-o", binary, pkg)
	return binary
}

// must runs a program, which has to succeed, and returns what it prints.
func must(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	text, err := output(t, program, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// output is what a program prints on its standard output. The error has the
// rest.
func output(t *testing.T, program string, arguments ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", cmd, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), err
}

// combined is all that a command prints. The error names the command.
func combined(cmd *exec.Cmd) (string, error) {
	text, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w", cmd, err)
	}
	return string(text), err
}
