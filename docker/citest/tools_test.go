package citest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tenant is the built-in one, which the page is about.
const tenant = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"

// builtInSecret is that of the tenant's client.
const builtInSecret = "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"

// integrationTests are what the page calls so, and a program of a user would be:
// a token and Kafka by http, the same by https where the page says how, and the
// proof that the latter is the CA's doing.
const integrationTests = `#!/usr/bin/env bash
set -eu
export CLIENT_ID=75f2f796-363d-4de2-b299-713920db01a7
export CLIENT_SECRET=${CLIENT_SECRET-` + builtInSecret + `}
export SCOPE=api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default
export LOGICAL_CLUSTER=lkc-acme IDENTITY_POOL=${IDENTITY_POOL-pool-dev} LIMIT=3m
SECURITY_PROTOCOL=SASL_PLAINTEXT application
if [ -n "${AUTHORITY-}" ]; then
  export TOKEN_ENDPOINT=$AUTHORITY/oauth2/v2.0/token SECURITY_PROTOCOL=SASL_SSL
  application
  if SSL_CERT_FILE= application; then
    echo "trusted without the CA"
    exit 1
  fi
fi
`

// programs is the folder of what the blocks call, made and removed by TestMain.
var programs string

// build makes the programs of this repository that the blocks call.
var build = sync.OnceValue(func() error {
	for name, pkg := range map[string]string{"idpool": "./cmd/idpool", "application": "./internal/composeclient"} {
		link := exec.Command("go", "build", "-o", filepath.Join(programs, name), pkg)
		link.Dir = "../.."
		link.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := link.CombinedOutput(); err != nil {
			return fmt.Errorf("go build %s: %v: %s", pkg, err, out)
		}
	}
	return nil
})

// TestMain removes what all tests share.
func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "idpool-citest-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(programs)
	removeImages()
	os.Exit(code)
}

// toolsFolder is that of the programs.
func toolsFolder(t *testing.T) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return programs
}

// workspace is what a checkout of the user's repository leaves.
func workspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "integration-tests"), []byte(integrationTests), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// need skips a test whose program is not here, unless it has to be: where the
// comma list IDPOOL_REQUIRE has its name.
func need(t *testing.T, name string, here bool) {
	t.Helper()
	switch {
	case here:
	case slices.Contains(strings.Split(os.Getenv("IDPOOL_REQUIRE"), ","), name):
		t.Fatalf("%s: it is not here, and IDPOOL_REQUIRE names it", name)
	default:
		t.Skipf("%s: it is not here", name)
	}
}

// have says whether there is a program.
func have(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// shell runs a script in a folder, as a CI system does: with bash, which stops
// at the first command that fails.
func shell(t *testing.T, dir, script string, env ...string) (string, error) {
	t.Helper()
	run := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", script)
	run.Dir = dir
	run.Env = append(plainEnvironment(), "PATH="+toolsFolder(t)+":"+os.Getenv("PATH"), "CI=true")
	run.Env = append(run.Env, env...)
	// A server that is left behind has the pipe still.
	run.WaitDelay = 10 * time.Second
	out, err := run.CombinedOutput()
	return string(out), err
}

// plainEnvironment leaves out what this machine may have set for itself and a
// runner has not: settings of idpool, and authorities to trust.
func plainEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return strings.HasPrefix(name, "IDPOOL_") || strings.HasPrefix(name, "SSL_CERT_") ||
			strings.Contains(name, "CA_BUNDLE") || name == "NODE_EXTRA_CA_CERTS" || name == "JAVA_TOOL_OPTIONS"
	})
}

// ports are what stands for 8080, 8443, 8081 and 9092 on this machine, where
// somebody else may have those.
type ports struct{ http, https, admin, kafka string }

func freePorts(t *testing.T) ports {
	t.Helper()
	var free []string
	for tries := 0; len(free) < 4; tries++ {
		port := strconv.Itoa(20000 + rand.IntN(12000)) // which no system gives to connections meanwhile
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil && tries < 100 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // at the end of the function, so that they differ
		free = append(free, port)
	}
	return ports{free[0], free[1], free[2], free[3]}
}

// in puts them into a block.
func (p ports) in(text string) string {
	return strings.NewReplacer("8080", p.http, "8443", p.https, "8081", p.admin, "9092", p.kafka).Replace(text)
}

// env makes an idpool listen at them; the admin listener is not published.
func (p ports) env(host string) []string {
	return []string{"IDPOOL_HTTP=" + host + ":" + p.http, "IDPOOL_HTTPS=" + host + ":" + p.https, "IDPOOL_KAFKA=" + host + ":" + p.kafka}
}

// wantExchange is what the integration tests print when they have done their
// work at these URLs, which are the issuers too.
func wantExchange(t *testing.T, out, broker string, urls ...string) {
	t.Helper()
	for _, url := range urls {
		want := "produced and consumed 100 records of orders at " + broker + ", with a token of " + url + "/" + tenant + "/v2.0\n"
		if !strings.Contains(out, want) {
			t.Errorf("no line\n%sin\n%s", want, out)
		}
	}
	if len(urls) > 1 && !strings.Contains(out, "certificate signed by unknown authority") {
		t.Errorf("https is trusted without the CA:\n%s", out)
	}
}

// docker runs a command of the docker client and returns what it prints.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := dockerCommand(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func dockerCommand(args ...string) (string, error) {
	run := exec.Command("docker", args...)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		err = fmt.Errorf("docker %s: %v: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), err
}
