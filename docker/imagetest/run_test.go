package imagetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// locked are the arguments of a container that may do nothing but run.
var locked = []string{"--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"}

// ready is the last line that serve prints before it waits for requests.
const ready = "sasl.oauthbearer.extensions="

// The commands that serve prints.
var (
	printedCurl = regexp.MustCompile(`(?m)^\s*(curl -X POST .*)$`)
	printedCA   = regexp.MustCompile(`(?m)^\s*(docker exec .*)$`)
)

// TestPrintsWhatTheBinaryPrints: a container with no config, of which no port has
// another number on the host, prints the lines that the binary of the image prints
// on the host. The commands among them work there.
func TestPrintsWhatTheBinaryPrints(t *testing.T) {
	at := map[string]string{"http": freePort(t), "https": freePort(t), "kafka": freePort(t)}
	admin := "127.0.0.1:" + freePort(t)
	args := append([]string{"--env", "IDPOOL_ADMIN=" + admin}, locked...)
	for name, port := range at {
		args = append(args, "--env", "IDPOOL_"+strings.ToUpper(name)+"=0.0.0.0:"+port, "--publish", "127.0.0.1:"+port+":"+port)
	}
	id := container(t, append(args, "--tmpfs", "/state", image(t))...)
	logged(t, id, ready)
	got, stderr := logs(t, id)
	if stderr != "" {
		t.Errorf("on the error output: %s", stderr)
	}
	ca := printed(t, got, printedCA)
	curl := printed(t, got, printedCurl)
	file := filepath.Join(t.TempDir(), "ca.pem")
	shell(t, strings.NewReplacer("CONTAINER", id, "idpool-ca.pem", file).Replace(ca))
	isToken(t, shell(t, curl+" --silent --show-error --fail"))
	https := strings.Replace(curl, "http://localhost:"+at["http"], "https://localhost:"+at["https"], 1)
	isToken(t, shell(t, https+" --silent --show-error --fail --cacert "+file))
	docker(t, "rm", "--force", id)
	// The one line that is not the same: the host cannot read the file in the container.
	want := strings.Replace(printedOnTheHost(t, at, admin), `STATE/ca.pem ("idpool ca trust-help" says how)`, ca, 1)
	if got != want {
		t.Errorf("the container prints\n%s\nand the binary\n%s", got, want)
	}
}

// printed is a command that serve prints.
func printed(t *testing.T, log string, command *regexp.Regexp) string {
	t.Helper()
	found := command.FindStringSubmatch(log)
	if found == nil {
		t.Fatalf("no %s in %s", command, log)
	}
	return found[1]
}

// shell runs a command as somebody does who has pasted it.
func shell(t *testing.T, command string) []byte {
	t.Helper()
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return out
}

// isToken checks that a token endpoint has given one.
func isToken(t *testing.T, answer []byte) {
	t.Helper()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &token); err != nil || strings.Count(token.AccessToken, ".") != 2 {
		t.Errorf("%v: %s", err, answer)
	}
}

// printedOnTheHost is what the binary prints at the same ports, with STATE for
// the folder of its CA.
func printedOnTheHost(t *testing.T, at map[string]string, admin string) string {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	args := []string{"serve", "--state", state, "--admin", admin}
	for name, port := range at {
		args = append(args, "--"+name, "127.0.0.1:"+port)
	}
	file := filepath.Join(t.TempDir(), "log")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(binary(t), args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	text := func() string { content, _ := os.ReadFile(file); return string(content) }
	until(t, "the binary's lines", func() bool { return strings.Contains(text(), ready) }, text)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text(), state, "STATE")
}

// TestDefaults: without a setting it listens at the ports that are exposed, which
// the lines name by localhost, and the root may be read-only without a volume,
// when the CA is said not to be kept.
func TestDefaults(t *testing.T) {
	id := container(t, append(append([]string{"--publish", "127.0.0.1::8080"}, locked...), image(t))...)
	logged(t, id, ready)
	stdout, stderr := logs(t, id)
	for _, line := range []string{"http   http://localhost:8080\n", "https  https://localhost:8443\n", "admin  http://127.0.0.1:8081\n", "kafka  localhost:9092 (embedded)\n"} {
		if !strings.Contains(stdout, line) {
			t.Errorf("no %q in %s", line, stdout)
		}
	}
	if !strings.Contains(stderr, "the CA of the https listener is not kept") {
		t.Errorf("the error output says nothing of the CA: %q", stderr)
	}
	response, err := http.Get("http://" + docker(t, "port", id, "8080/tcp") + "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s: %v: %s", response.Status, err, body)
	}
}

// TestKeepsTheCA: a volume that is new belongs to the image's user, and the
// next container has the CA of the first.
func TestKeepsTheCA(t *testing.T) {
	volume := docker(t, "volume", "create")
	t.Cleanup(func() { exec.Command("docker", "volume", "rm", "--force", volume).Run() })
	var kept [2][]byte
	for i := range kept {
		id := container(t, append(append([]string{"--volume", volume + ":/state"}, locked...), image(t))...)
		logged(t, id, ready)
		file := filepath.Join(t.TempDir(), fmt.Sprintf("ca%d.pem", i))
		docker(t, "cp", id+":/state/idpool/ca.pem", file)
		docker(t, "rm", "--force", id)
		var err error
		if kept[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(kept[0], kept[1]) {
		t.Errorf("%s, and then %s", kept[0], kept[1])
	}
}

// TestRunsAsNobody: the process has the user of the image, and no capability.
func TestRunsAsNobody(t *testing.T) {
	id := container(t, append(append([]string{}, locked...), image(t))...)
	logged(t, id, ready)
	status, err := os.ReadFile("/proc/" + docker(t, "inspect", "--format", "{{.State.Pid}}", id) + "/status")
	if err != nil {
		t.Skip("the daemon is on another machine:", err)
	}
	for _, want := range []string{"Uid:\t65532\t65532\t65532\t65532\n", "Gid:\t65532\t", "CapEff:\t0000000000000000\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("no %q in %s", want, status)
		}
	}
}

// TestStops: docker stop ends it with 0, before docker kills it, which would be 137
// and is after a minute here, since the machine may be busy.
func TestStops(t *testing.T) {
	id := container(t, image(t))
	logged(t, id, ready)
	docker(t, "stop", "-t", "60", id)
	if code := docker(t, "inspect", "--format", "{{.State.ExitCode}}", id); code != "0" {
		t.Errorf("exit code %s, want 0", code)
	}
}
