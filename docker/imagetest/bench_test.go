package imagetest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What asks for a token of the Acme tenant.
const (
	tokenPath = "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token"
	tokenForm = "client_id=75f2f796-363d-4de2-b299-713920db01a7&scope=api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default&client_secret=yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35&grant_type=client_credentials"
)

// BenchmarkFirstToken: from "docker run" to the first token, in turns with the
// same of a container that does nothing, to its start; the medians. It says how
// large the image is, and how much memory is resident once it has given a token.
func BenchmarkFirstToken(b *testing.B) {
	name, nothing := image(b), nothingImage(b)
	var ours, empty, resident []float64
	for b.Loop() {
		at := "127.0.0.1:" + freePort(b)
		begin := time.Now()
		id := docker(b, "run", "--detach", "--publish", at+":8080", nothing)
		empty = append(empty, milliseconds(begin))
		docker(b, "rm", "--force", id)
		begin = time.Now()
		id = docker(b, "run", "--detach", "--publish", at+":8080", name)
		firstToken(b, at)
		ours = append(ours, milliseconds(begin))
		if bytes, ok := residentBytes(b, id); ok {
			resident = append(resident, bytes/1e6)
		}
		docker(b, "rm", "--force", id)
	}
	b.ReportMetric(0, "ns/op") // of both together, which says nothing
	b.ReportMetric(median(ours), "ms/first-token")
	b.ReportMetric(median(empty), "ms/empty-container")
	b.ReportMetric(median(ours)-median(empty), "ms/difference")
	b.ReportMetric(median(resident), "MB-resident")
	var size description
	inspect(b, name, &size)
	b.ReportMetric(float64(size.Size)/1e6, "MB-image")
}

// BenchmarkReady: from exec of the image's binary on this machine until it is ready,
// in turns with the plain binary of "go build" and with a version that is only printed.
func BenchmarkReady(b *testing.B) {
	small := binary(b)
	plain := filepath.Join(b.TempDir(), "plain")
	build := exec.Command("go", "build", "-o", plain, "./cmd/idpool")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	var ours, theirs, bare []float64
	for b.Loop() {
		ours = append(ours, readyAfter(b, small))
		theirs = append(theirs, readyAfter(b, plain))
		begin := time.Now()
		if err := exec.Command(small, "version").Run(); err != nil {
			b.Fatal(err)
		}
		bare = append(bare, milliseconds(begin))
	}
	b.ReportMetric(0, "ns/op") // of all three
	b.ReportMetric(median(ours), "ms/ready")
	b.ReportMetric(median(theirs), "ms/plain-ready")
	b.ReportMetric(median(bare), "ms/bare-exec")
}

// readyAfter starts a binary as the image does and says after how many
// milliseconds its ready file is there.
func readyAfter(b *testing.B, path string) float64 {
	b.Helper()
	file := filepath.Join(b.TempDir(), "ready")
	begin := time.Now()
	cmd := exec.Command(path, "serve", "--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--state", filepath.Join(b.TempDir(), "state"), "--ready-file", file)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	until(b, "the ready file", func() bool { _, err := os.Stat(file); return err == nil }, cmd.String)
	took := milliseconds(begin)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return took
}

// nothingImage has a static binary that does nothing, for as long as the benchmark runs.
func nothingImage(b *testing.B) string {
	b.Helper()
	need(b)
	folder := b.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", "nothing", "main.go")
	build.Dir = folder
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+docker(b, "version", "--format", "{{.Server.Arch}}"))
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(filepath.Join(folder, "nothing"))
	if err != nil {
		b.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, content := range map[string][]byte{"Dockerfile": []byte("FROM scratch\nCOPY nothing /\nENTRYPOINT [\"/nothing\"]\n"), "nothing": content} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			b.Fatal(err)
		}
		w.Write(content) // to memory
	}
	w.Close()
	const name = "idpool-imagetest-nothing"
	cmd := exec.Command("docker", "build", "--tag", name, "-")
	cmd.Stdin = &archive
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	b.Cleanup(func() { exec.Command("docker", "rmi", name).Run() })
	return name
}

// firstToken asks until there is an answer.
func firstToken(b *testing.B, address string) {
	b.Helper()
	var last error
	until(b, "a token", func() bool { last = token(address); return last == nil }, func() string { return last.Error() })
}

func token(address string) error {
	response, err := http.Post("http://"+address+tokenPath, "application/x-www-form-urlencoded", strings.NewReader(tokenForm))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %v", response.Status, err)
	}
	return nil
}

// residentBytes is the resident memory of a container's process, if it is on this machine.
func residentBytes(b *testing.B, id string) (float64, bool) {
	b.Helper()
	status, err := os.ReadFile("/proc/" + docker(b, "inspect", "--format", "{{.State.Pid}}", id) + "/status")
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kB, err := strconv.ParseFloat(number, 64)
	if err != nil {
		b.Fatalf("%v: %s", err, status)
	}
	return kB * 1024, true
}

func milliseconds(since time.Time) float64 { return float64(time.Since(since).Microseconds()) / 1000 }

// median is that of some values, or 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}
