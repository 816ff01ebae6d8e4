package citest

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what the page uses of GitHub's workflow syntax.
type workflow struct {
	Name string               `yaml:"name"`
	On   []string             `yaml:"on"`
	Jobs map[string]githubJob `yaml:"jobs"`
}

type githubJob struct {
	RunsOn    string                   `yaml:"runs-on"`
	Container string                   `yaml:"container"`
	Services  map[string]githubService `yaml:"services"`
	Steps     []step                   `yaml:"steps"`
}

type githubService struct {
	Image   string            `yaml:"image"`
	Ports   []string          `yaml:"ports"`
	Options string            `yaml:"options"`
	Env     map[string]string `yaml:"env"`
}

type step struct {
	Name string            `yaml:"name"`
	If   string            `yaml:"if"`
	Uses string            `yaml:"uses"`
	With map[string]string `yaml:"with"`
	Run  string            `yaml:"run"`
	Env  map[string]string `yaml:"env"`
}

// parse reads a block strictly: a key that is not known is one that the page
// has wrong, or that the test does not honour.
func parse[T any](t *testing.T, b block) T {
	t.Helper()
	if b.language != "yaml" {
		t.Fatalf("the block is %q, want yaml", b.language)
	}
	var v T
	decoder := yaml.NewDecoder(strings.NewReader(b.text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// runner runs one job as GitHub's does.
type runner struct {
	workspace string            // on this machine
	path      string            // the same as the steps see it
	contexts  map[string]string // what ${{ }} may name
	variables []string          // of GITHUB_ENV
	script    func(t *testing.T, script string, env ...string) (string, error)
	checkouts map[string]string // folders that stand for other repositories
	extra     []string          // variables of the services that the page does not have
	failed    bool
	output    strings.Builder
	artifacts []string // the files that were kept
}

// newRunner has the workspace of the user's repository and runs steps on this
// machine.
func newRunner(t *testing.T) *runner {
	dir := workspace(t)
	r := &runner{workspace: dir, path: dir, contexts: map[string]string{"secrets.IDPOOL_ADMIN_TOKEN": "s3cret-of-this-repository"}}
	r.script = func(t *testing.T, script string, env ...string) (string, error) { return shell(t, dir, script, env...) }
	return r
}

// services starts those of a job, and the container that it runs in, if any.
func (r *runner) services(t *testing.T, j githubJob) {
	t.Helper()
	idpool, net := needImage(t), network(t)
	var ids []string
	for name, s := range j.Services {
		create := []string{"--network", net, "--network-alias", name}
		for _, p := range s.Ports {
			create = append(create, "-p", p)
		}
		create = append(create, strings.Fields(s.Options)...)
		for key, value := range s.Env {
			create = append(create, "-e", key+"="+r.expand(t, value))
		}
		for _, e := range r.extra {
			create = append(create, "-e", e)
		}
		id := started(t, append(create, "-e", "GITHUB_ACTIONS=true", "-e", "CI=true", idpool)...)
		r.contexts["job.services."+name+".id"] = id
		ids = append(ids, id)
	}
	if j.Container != "" {
		r.path = "/__w/orders/orders"
		inside := startJob(t, j.Container, net, r.workspace, r.path)
		r.script = inside.run
	}
	for _, id := range ids {
		healthy(t, id)
	}
}

// expression is ${{ … }}.
var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// expand puts in what the contexts have.
func (r *runner) expand(t *testing.T, text string) string {
	t.Helper()
	r.contexts["github.workspace"] = r.path
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		name := expression.FindStringSubmatch(e)[1]
		value, known := r.contexts[name]
		if !known {
			t.Errorf("the expression %s names nothing", e)
		}
		return value
	})
}

// run does the steps, in their order.
func (r *runner) run(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		switch wanted := cmp.Or(s.If, "success()"); {
		case wanted != "success()" && wanted != "failure()":
			t.Errorf("the condition %q is not known", s.If)
		case (wanted == "failure()") != r.failed:
		case s.Uses != "":
			r.use(t, s)
		default:
			r.runScript(t, s)
		}
	}
}

// runScript is a step of the kind run.
func (r *runner) runScript(t *testing.T, s step) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.workspace, ".github-env"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(slices.Clone(r.variables), "GITHUB_ENV="+filepath.Join(r.path, ".github-env"))
	for key, value := range s.Env {
		env = append(env, key+"="+r.expand(t, value))
	}
	if strings.Contains(s.Run, "secrets.") { // which would be code of the script
		t.Errorf("a secret is written into the script %q, and belongs below env:", s.Run)
	}
	out, err := r.script(t, r.expand(t, s.Run), env...)
	r.output.WriteString(out)
	if err != nil {
		r.failed = true
		r.output.WriteString("$ " + s.Run + "\n" + err.Error() + "\n")
	}
	set, err := os.ReadFile(filepath.Join(r.workspace, ".github-env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(set)) {
		r.variables = append(r.variables, strings.TrimSuffix(line, "\n"))
	}
}

// use does what an action would.
func (r *runner) use(t *testing.T, s step) {
	t.Helper()
	action, _, _ := strings.Cut(s.Uses, "@")
	switch {
	case action == "actions/checkout" && s.With["path"] == "": // the workspace is there
	case action == "actions/checkout" && r.checkouts[s.With["repository"]] != "":
		if err := os.Symlink(r.checkouts[s.With["repository"]], filepath.Join(r.workspace, s.With["path"])); err != nil {
			t.Fatal(err)
		}
	case action == "actions/setup-go":
		if _, err := os.Stat(filepath.Join(r.workspace, s.With["go-version-file"])); err != nil {
			t.Error(err)
		}
	case action == "actions/upload-artifact":
		for _, file := range strings.Fields(s.With["path"]) {
			content, err := os.ReadFile(filepath.Join(r.workspace, file))
			if err != nil || len(content) == 0 {
				t.Errorf("artifact %s: %d bytes, %v", file, len(content), err)
			}
			r.artifacts = append(r.artifacts, string(content))
		}
	default:
		t.Errorf("the action %+v is not known", s)
	}
}

// succeeded ends the test unless every step did.
func (r *runner) succeeded(t *testing.T) {
	t.Helper()
	if r.failed {
		t.Fatalf("a step failed:\n%s", r.output.String())
	}
}
