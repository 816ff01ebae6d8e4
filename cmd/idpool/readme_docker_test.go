package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// dockerLine is the README's line for containers.
var dockerLine = regexp.MustCompile("`(docker/build\\.sh) && (docker run --rm) -p 127\\.0\\.0\\.1:8080:8080 -p 127\\.0\\.0\\.1:9092:9092 (idpool)`")

// needDocker skips without a daemon, and fails where IDPOOL_REQUIRE wants one.
func needDocker(t *testing.T) {
	t.Helper()
	if _, err := combined("docker", "version", "--format", "{{.Server.Version}}"); err == nil {
		return
	}
	if slices.Contains(strings.Split(os.Getenv("IDPOOL_REQUIRE"), ","), "docker") {
		t.Fatal("docker: no daemon answers, and IDPOOL_REQUIRE names docker")
	}
	t.Skip("docker: no daemon answers")
}

// combined is what a command prints, on both streams.
func combined(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// TestREADMEDocker: the README's line builds an image that serves and prints what
// to paste. It is run as pasted but for the ports of the host, which may be
// taken, the image's name, which may be somebody's, and the other architecture.
func TestREADMEDocker(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	found := dockerLine.FindSubmatch(text)
	if found == nil {
		t.Fatalf("the README has no line that matches %s", dockerLine)
	}
	needDocker(t)
	image := fmt.Sprintf("idpool-readme-%d:test", os.Getpid()) // others test at the same daemon
	build := exec.Command("bash", "-c", string(found[1])+" --this-machine-only "+image)
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := combined("docker", "image", "rm", "--force", image); err != nil {
			t.Error(err, out)
		}
	})
	start := strings.Fields(string(found[2]) + " --detach -p 127.0.0.1::8080 -p 127.0.0.1::9092 " + image)
	container, err := combined(start[0], start[1:]...)
	if err != nil {
		t.Fatal(err, container)
	}
	t.Cleanup(func() {
		if out, err := combined("docker", "stop", container); err != nil {
			t.Error(err, out)
		}
	})
	pasted := regexp.MustCompile(`(?s)A token for Acme client\n  curl .*bootstrap\.servers=localhost:9092\n`)
	deadline := time.Now().Add(patience)
	for {
		log, err := exec.Command("docker", "logs", container).Output()
		if err != nil {
			t.Fatal(err)
		}
		if pasted.Match(bytes.ReplaceAll(log, []byte("\r"), nil)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it printed\n%s", log)
		}
		time.Sleep(50 * time.Millisecond) // polling: the container prints when it is ready
	}
}
