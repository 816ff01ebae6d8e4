package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool"
)

// language is a runtime with Microsoft's libraries, and the program in testdata
// that runs them.
type language struct {
	name    string
	debian  string   // the runtime's package
	pins    []string // what install.sh installs by, below testdata
	command func(installed string) (program string, arguments []string)
	cases   []string
}

var languages = []language{
	{
		name: "node", debian: "nodejs",
		pins: []string{"node/package.json", "node/package-lock.json"},
		command: func(string) (string, []string) {
			return "node", []string{"testdata/node/acquire.js"}
		},
		cases: []string{
			"msal secret", "msal cache", "msal certificate", "msal certificate chain", "msal federated", "msal wrong secret",
			"azure secret", "azure certificate", "azure certificate chain", "azure workload", "azure wrong secret",
			"azure managed identity", "azure managed identity by client id", "azure managed identity by resource id",
		},
	},
	{
		name: "python", debian: "python3-venv",
		pins: []string{"python/requirements.txt"},
		command: func(installed string) (string, []string) {
			return filepath.Join(installed, "venv", "bin", "python"), []string{"-B", "testdata/python/acquire.py"}
		},
		cases: []string{
			"msal secret", "msal cache", "msal certificate", "msal certificate chain", "msal pfx", "msal pfx chain", "msal federated", "msal wrong secret",
			"azure secret", "azure certificate", "azure certificate chain", "azure workload", "azure wrong secret",
			"azure managed identity", "azure managed identity by client id", "azure managed identity by resource id",
		},
	},
	{
		name: "java", debian: "default-jdk-headless",
		pins: []string{"java/pom.xml"},
		command: func(installed string) (string, []string) {
			return "java", []string{"-XX:TieredStopAtLevel=1", "-cp", filepath.Join(installed, "lib", "*"), "testdata/java/Acquire.java"}
		},
		cases: []string{
			"msal secret", "msal certificate", "msal certificate chain", "msal federated", "msal wrong secret",
			"msal managed identity", "msal managed identity by client id", "msal managed identity by resource id",
		},
	},
}

// TestLanguages runs Microsoft's libraries for the other languages, a process
// for each, and puts every token that they acquire to the broker's side.
func TestLanguages(t *testing.T) {
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			installed := l.installed(t)
			s := start(t, "")
			lines := l.run(t, s, installed)
			for _, name := range l.cases {
				t.Run(name, func(t *testing.T) {
					i := slices.IndexFunc(lines, func(o outcome) bool { return o.Case == name })
					if i < 0 {
						t.Fatal("the program says nothing of it")
					}
					lines[i].check(t, s)
				})
			}
			if len(lines) != len(l.cases) {
				t.Errorf("the program tries %d cases, want %d", len(lines), len(l.cases))
			}
		})
	}
}

// outcome is a line that a program prints.
type outcome struct {
	Case  string `json:"case"`
	Token string `json:"token"`
	Error string `json:"error"`
}

// check knows from the name of a case what is to come out of it.
func (o outcome) check(t *testing.T, s *idpool.Stack) {
	t.Helper()
	if strings.HasSuffix(o.Case, "wrong secret") {
		var err error
		if o.Token == "" {
			err = errors.New(o.Error)
		}
		wantError(t, err, "AADSTS7000215")
		return
	}
	if o.Token == "" {
		t.Fatal(o.Error)
	}
	w := want{servicePrin, "1", ""}
	switch kind := strings.Fields(o.Case)[1]; kind {
	case "certificate", "pfx":
		w.acr = "2"
	case "federated", "workload":
		w = want{workloadPrin, "2", ""}
	case "managed":
		w = want{webAppPrin, "2", ""}
		if strings.Contains(o.Case, " by ") {
			w.principal = sharedPrin
		}
	}
	check(t, s, o.Token, w)
}

// installed is the folder with the libraries. Without them the test is skipped,
// or fails where IDPOOL_REQUIRE lists the language.
func (l language) installed(t *testing.T) string {
	t.Helper()
	root := os.Getenv("IDPOOL_CLIENTS")
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		root = filepath.Join(cache, "idpool-clients")
	}
	dir := filepath.Join(root, l.name)
	missing := l.missing(t, dir)
	if missing == "" {
		return dir
	}
	if slices.Contains(strings.Split(os.Getenv("IDPOOL_REQUIRE"), ","), l.name) {
		t.Fatalf("IDPOOL_REQUIRE wants %s: %s", l.name, missing)
	}
	t.Skipf("skip: %s: %s", l.name, missing)
	return ""
}

// missing says what is not there and what installs it; empty for nothing.
func (l language) missing(t *testing.T, dir string) string {
	t.Helper()
	var pins []byte
	for _, pin := range l.pins {
		content, err := os.ReadFile(filepath.Join("testdata", pin))
		if err != nil {
			t.Fatal(err)
		}
		pins = append(pins, content...)
	}
	install := fmt.Sprintf("internal/clients/install.sh %s installs them", l.name)
	stamp, err := os.ReadFile(filepath.Join(dir, "installed"))
	switch {
	case err != nil:
		return fmt.Sprintf("its libraries are not in %s; %s", dir, install)
	case !bytes.Equal(stamp, pins):
		return fmt.Sprintf("the libraries in %s are not those that testdata pins; %s", dir, install)
	}
	program, _ := l.command(dir)
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Sprintf("there is no %s (Debian: apt-get install %s)", program, l.debian)
	}
	return ""
}

// run runs the program, with nothing of this process's environment but what any
// program needs.
func (l language) run(t *testing.T, s *idpool.Stack, installed string) []outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	program, arguments := l.command(installed)
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.WaitDelay = 5 * time.Second
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, environment(t, s, installed)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", l.name, err, out, complaints.Bytes())
	}
	var lines []outcome
	for line := range strings.Lines(string(out)) {
		var o outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%s printed %q: %v\n%s", l.name, line, err, complaints.Bytes())
		}
		lines = append(lines, o)
	}
	return lines
}

// environment is what the programs read.
func environment(t *testing.T, s *idpool.Stack, installed string) []string {
	t.Helper()
	c := registered()
	authority := writeFile(t, "ca.pem", s.CA())
	return []string{
		"IDPOOL_HOST=" + s.HTTPS, "IDPOOL_TENANT=" + acme, "IDPOOL_SCOPE=" + scope,
		"IDPOOL_CLIENT_ID=" + service, "IDPOOL_SECRET=" + secret,
		"IDPOOL_KEY=" + writeFile(t, "key.pem", c.keyPEM(t)),
		"IDPOOL_CERTIFICATE=" + writeFile(t, "certificate.pem", c.leafPEM()),
		"IDPOOL_PEM=" + writeFile(t, "both.pem", append(c.keyPEM(t), c.leafPEM()...)),
		"IDPOOL_WORKLOAD=" + workload, "IDPOOL_FEDERATED_TOKEN=" + writeFile(t, "token", []byte(federated(t, s))),
		"IDPOOL_IDENTITY=" + shared, "IDPOOL_IDENTITY_RESOURCE=" + sharedID,
		"IDENTITY_ENDPOINT=" + s.HTTP + "/msi/token", "IDENTITY_HEADER=any",
		// How each runtime is told of another certificate authority.
		"IDPOOL_CA=" + authority, "NODE_EXTRA_CA_CERTS=" + authority, "REQUESTS_CA_BUNDLE=" + authority,
		"NODE_PATH=" + filepath.Join(installed, "node_modules"),
		// A proxy of this machine is none of theirs.
		"NO_PROXY=*",
	}
}
