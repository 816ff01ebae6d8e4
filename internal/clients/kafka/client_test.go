package kafka

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
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idpool/idpool/internal/clientsettings"
)

// client is a client of Kafka, and how it is run with what Render writes for
// it: each sends 100 records, reads them in a group, commits, and prints so.
type client struct {
	name string // what Render calls it
	run  func(t *testing.T, text string, s clientsettings.Settings) (out string, err error)
}

var clients = []client{
	{"franz-go", goProgram},
	{"sarama", goProgram},
	{"kafka-go", goProgram},
	{"go-librdkafka", goProgram},
	{"librdkafka", properties},
	{"dotnet", dotnet},
	{"kcat", kcat},
	{"python", python},
	{"kafkajs", node},
	{"java-3.9", java39},
	{"java", java4},
	{"spring-boot", spring},
}

// command is a program to run.
type command struct {
	program   string
	arguments []string
	env       []string
	input     string
	until     []string // ends at a line on standard error that has one of these
}

// limit is how long a program may run: far longer than any does.
const limit = 4 * time.Minute

// complaints are what a program prints to standard error.
type complaints struct {
	text  bytes.Buffer
	until []string
	end   func()
}

func (c *complaints) Write(b []byte) (int, error) {
	c.text.Write(b)
	for line := range bytes.Lines(c.text.Bytes()) {
		for _, text := range c.until {
			if bytes.HasSuffix(line, []byte("\n")) && bytes.Contains(line, []byte(text)) {
				c.end()
			}
		}
	}
	return len(b), nil
}

// output runs a program with nothing of this process's environment but what any
// program needs. The error has what it printed to standard error.
func (c command) output(t *testing.T) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, c.arguments...)
	cmd.WaitDelay = 5 * time.Second
	cmd.Stdin = strings.NewReader(c.input)
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, "NO_PROXY=*")
	cmd.Env = append(cmd.Env, c.env...)
	said := complaints{until: c.until, end: cancel}
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w\n%s", filepath.Base(c.program), err, said.text.Bytes())
	}
	return string(out), nil
}

// programs numbers those that are built.
var programs atomic.Int64

// build compiles files, by their paths, as one program of this module. They are
// laid over a folder that does not exist, so that nothing is written into the
// checkout.
func build(t *testing.T, files map[string]string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	folder := fmt.Sprintf("program-%d", programs.Add(1))
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, file := range files {
		overlay.Replace[filepath.Join(here, folder, name)] = file
	}
	description, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), folder)
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", write(t, "overlay.json", string(description)),
		"-ldflags", "-s -w", "-o", program, "./"+folder).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// goProgram is a program in Go.
func goProgram(t *testing.T, text string, _ clientsettings.Settings) (string, error) {
	return command{program: build(t, map[string]string{"main.go": write(t, "main.go", text)})}.output(t)
}

func python(t *testing.T, text string, _ clientsettings.Settings) (string, error) {
	return command{
		program:   filepath.Join(pythonLibraries.installed(t), "venv", "bin", "python"),
		arguments: []string{"-B", write(t, "orders.py", text)},
	}.output(t)
}

func node(t *testing.T, text string, s clientsettings.Settings) (string, error) {
	installed := library{"kafka-node", "node", "nodejs", []string{"node/package.json", "node/package-lock.json"}}.installed(t)
	c := command{program: "node", arguments: []string{write(t, "orders.js", text)}, env: []string{"NODE_PATH=" + filepath.Join(installed, "node_modules")}}
	if s.CA != "" {
		c.env = append(c.env, "NODE_EXTRA_CA_CERTS="+s.CA)
	}
	return c.output(t)
}

// What more than one client needs.
var (
	javaLibraries   = library{"kafka-java", "javac", "default-jdk-headless", []string{"java/pom.xml"}}
	pythonLibraries = library{"kafka-python", "", "python3-venv", []string{"python/requirements.txt"}}
)

func java39(t *testing.T, text string, s clientsettings.Settings) (string, error) {
	return java(t, "3.9", write(t, "client.properties", text), s)
}

// java4 runs the JVM with the option that the comment of the settings names.
func java4(t *testing.T, text string, s clientsettings.Settings) (string, error) {
	return java(t, "4", write(t, "client.properties", text), s, allowedURLs(t, text))
}

// allowedURLs is the option that the comment names.
func allowedURLs(t *testing.T, text string) string {
	t.Helper()
	i := strings.Index(text, "-Dorg.apache.kafka")
	if i < 0 {
		t.Fatal("the settings name no -D option")
	}
	option, _, _ := strings.Cut(text[i:], "\n")
	return option
}

// java runs testdata/java/Orders.java with a version of kafka-clients.
func java(t *testing.T, version, file string, s clientsettings.Settings, more ...string) (string, error) {
	return command{program: "java", arguments: append(more, jvm(t, version, file, s)...)}.output(t)
}

// jvm are the arguments of the JVM that run it.
func jvm(t *testing.T, version, file string, s clientsettings.Settings) []string {
	t.Helper()
	libraries := filepath.Join(javaLibraries.installed(t), version, "*")
	classes := compiled(t, "testdata/java/Orders.java", libraries)
	return []string{"-XX:TieredStopAtLevel=1", "-cp", classes + string(filepath.ListSeparator) + libraries, "Orders", file, s.Topic, s.Group}
}

// spring starts testdata/spring with the settings.
func spring(t *testing.T, text string, s clientsettings.Settings) (string, error) {
	installed := library{"spring", "javac", "default-jdk-headless", []string{"spring/pom.xml"}}.installed(t)
	libraries := filepath.Join(installed, "lib", "*")
	classes := compiled(t, "testdata/spring/Orders.java", libraries)
	return command{program: "java", arguments: []string{
		"-XX:TieredStopAtLevel=1", "-cp", classes + string(filepath.ListSeparator) + libraries, "orders.Orders",
		"--spring.config.location=file:" + write(t, "application.yaml", text), "--topic=" + s.Topic,
	}}.output(t)
}

// classes are what is compiled, by source and libraries, in a folder of the
// process.
var classes = struct {
	mu     sync.Mutex
	folder string
	done   map[string]string
}{done: map[string]string{}}

// compiled is the folder with the classes of a source.
func compiled(t *testing.T, source, libraries string) string {
	t.Helper()
	classes.mu.Lock()
	defer classes.mu.Unlock()
	key := source + " " + libraries
	if folder, ok := classes.done[key]; ok {
		return folder
	}
	folder := filepath.Join(classes.folder, fmt.Sprint(len(classes.done)))
	if _, err := (command{program: "javac", arguments: []string{"-parameters", "-cp", libraries, "-d", folder, source}}).output(t); err != nil {
		t.Fatal(err)
	}
	classes.done[key] = folder
	return folder
}

// TestMain has a folder for what is compiled.
func TestMain(m *testing.M) {
	var err error
	if classes.folder, err = os.MkdirTemp("", "idpool-classes-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(classes.folder)
	os.Exit(code)
}

// kcat writes and reads by the command lines in the comment of its settings.
// It cannot tell committed offsets: the test asks the broker. Debian's is built
// with a librdkafka that has no OIDC, and runs with the one of the client for
// Python as well.
func kcat(t *testing.T, text string, s clientsettings.Settings) (string, error) {
	env := kcatEnvironment(t)
	file := write(t, "kcat.conf", text)
	// Without a token or a login it would try until the records time out, in five
	// minutes.
	lines := command{program: "kcat", env: env, arguments: []string{"-F", file, "-P", "-t", s.Topic}, input: strings.Repeat("order\n", 100),
		until: []string{"Failed to acquire SASL OAUTHBEARER token", "SASL authentication error"}}
	if _, err := lines.output(t); err != nil {
		return "", err
	}
	out, err := command{program: "kcat", env: env, arguments: []string{"-F", file, "-c", "100", "-X", "auto.offset.reset=earliest", "-G", s.Group, s.Topic}}.output(t)
	return fmt.Sprintf("sent 100\nread %d\ncommitted 100\n", strings.Count(out, "\n")), err
}

// kcatEnvironment makes a kcat with OIDC of what there is.
func kcatEnvironment(t *testing.T) []string {
	t.Helper()
	const where = "venv/lib/python3*/site-packages/confluent_kafka.libs/librdkafka-*.so*"
	found, err := filepath.Glob(filepath.Join(pythonLibraries.folder(t), where))
	if err != nil {
		t.Fatal(err)
	}
	environments := [][]string{nil}
	if len(found) > 0 {
		folder := t.TempDir()
		if err := os.Symlink(found[0], filepath.Join(folder, "librdkafka.so.1")); err != nil {
			t.Fatal(err)
		}
		environments = append(environments, []string{"LD_LIBRARY_PATH=" + folder})
	}
	for _, env := range environments {
		version, err := command{program: "kcat", arguments: []string{"-V"}, env: env}.output(t)
		if err == nil && strings.Contains(version, "oidc") {
			return env
		}
	}
	missing(t, "kcat", errors.New("there is no kcat with OIDC (Debian: apt-get install kcat)"))
	return nil
}

// library is what install.sh installs.
type library struct {
	word    string
	program string   // the runtime; empty where it is installed too
	debian  string   // the runtime's package
	pins    []string // what it is installed by, below testdata
}

// installed is the folder with a library. Without it the test is skipped, or
// fails where IDPOOL_REQUIRE lists the word.
func (l library) installed(t *testing.T) string {
	t.Helper()
	if err := l.check(t); err != nil {
		missing(t, l.word, err)
	}
	return l.folder(t)
}

func (l library) folder(t *testing.T) string {
	t.Helper()
	root := os.Getenv("IDPOOL_CLIENTS")
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		root = filepath.Join(cache, "idpool-clients")
	}
	return filepath.Join(root, l.word)
}

// missing skips the test, or fails it where IDPOOL_REQUIRE lists the word.
func missing(t *testing.T, word string, err error) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("IDPOOL_REQUIRE"), ","), word) {
		t.Fatalf("IDPOOL_REQUIRE wants %s: %v", word, err)
	}
	t.Skipf("skip: %s: %v", word, err)
}

// check says what is not there and what installs it.
func (l library) check(t *testing.T) error {
	t.Helper()
	var pins []byte
	dir := l.folder(t)
	for _, pin := range l.pins {
		content, err := os.ReadFile(filepath.Join("testdata", pin))
		if err != nil {
			t.Fatal(err)
		}
		pins = append(pins, content...)
	}
	stamp, err := os.ReadFile(filepath.Join(dir, "installed"))
	if err != nil || !bytes.Equal(stamp, pins) {
		return fmt.Errorf("what testdata pins is not in %s; internal/clients/install.sh %s installs it (Debian: apt-get install %s)", dir, l.word, l.debian)
	}
	if l.program != "" {
		if _, err := exec.LookPath(l.program); err != nil {
			return fmt.Errorf("there is no %s (Debian: apt-get install %s)", l.program, l.debian)
		}
	}
	return nil
}
