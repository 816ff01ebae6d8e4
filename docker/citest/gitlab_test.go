package citest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gitlabJob is what the page uses of GitLab's syntax.
type gitlabJob struct {
	Image        string            `yaml:"image"`
	Services     []gitlabService   `yaml:"services"`
	Variables    map[string]string `yaml:"variables"`
	BeforeScript []string          `yaml:"before_script"`
	Script       []string          `yaml:"script"`
	AfterScript  []string          `yaml:"after_script"`
	Artifacts    struct {
		When  string   `yaml:"when"`
		Paths []string `yaml:"paths"`
	} `yaml:"artifacts"`
}

type gitlabService struct {
	Name      string            `yaml:"name"`
	Alias     string            `yaml:"alias"`
	Variables map[string]string `yaml:"variables"`
}

// gitLab runs the job as it stands, once well and once with a wrong secret.
func gitLab(t *testing.T, b block) {
	needImage(t)
	jobs := parse[map[string]gitlabJob](t, b)
	j, ok := jobs["test"]
	if !ok || len(jobs) != 1 || len(j.Services) != 1 {
		t.Fatalf("%+v, want a job test with a service", jobs)
	}
	r := startGitLab(t, j)
	out, err := r.run(t)
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	wantExchange(t, out, "idpool:9092", "http://idpool:8080", "https://idpool:8443")

	r.env = append(r.env, "CLIENT_SECRET=wrong")
	if out, err := r.run(t); err == nil || !strings.Contains(out, "AADSTS7000215") {
		t.Errorf("with a wrong secret: %v:\n%s", err, out)
	}
	if j.Artifacts.When != "on_failure" || len(j.Artifacts.Paths) != 1 {
		t.Fatalf("the artifacts are %+v", j.Artifacts)
	}
	kept, err := os.ReadFile(filepath.Join(r.workspace, j.Artifacts.Paths[0]))
	if err != nil || !strings.Contains(string(kept), "7000215") {
		t.Errorf("the artifact is %s, %v", kept, err)
	}
}

// gitlabRunner is a job whose service runs.
type gitlabRunner struct {
	gitlabJob
	workspace string // on this machine
	env       []string
	inside    job
}

// ofTheProject are the variables that somebody has set for the project, masked.
var ofTheProject = map[string]string{"TOKEN_OF_THE_PROJECT": "masked-of-the-project"}

// expanded are the variables of the YAML, among them those of the service, with what
// they name. The job's may name the project's; the service's see the job's alone.
func expanded(yaml, named map[string]string) map[string]string {
	all := map[string]string{}
	for key, value := range yaml {
		all[key] = os.Expand(value, func(name string) string { return named[name] })
	}
	return all
}

// startGitLab has a network for the job. The service has the variables of the YAML, as
// the runner's getServiceVariables leaves them; the project's are for the job alone.
func startGitLab(t *testing.T, j gitlabJob) *gitlabRunner {
	t.Helper()
	idpool, net := needImage(t), network(t)
	const dir = "/builds/acme/orders"
	r := &gitlabRunner{gitlabJob: j, workspace: workspace(t), env: []string{"CI_PROJECT_DIR=" + dir}}
	s := j.Services[0]
	create := []string{"--network", net, "--network-alias", s.Alias, "--env", r.env[0]}
	ofTheJob := expanded(j.Variables, ofTheProject)
	for key, value := range ofTheProject {
		r.env = append(r.env, key+"="+value)
	}
	for key, value := range ofTheJob {
		r.env = append(r.env, key+"="+value)
		create = append(create, "--env", key+"="+value)
	}
	for key, value := range expanded(s.Variables, ofTheJob) {
		create = append(create, "--env", key+"="+value)
	}
	started(t, append(create, idpool)...)
	r.inside = startJob(t, j.Image, net, r.workspace, dir)
	// GitLab waits for a connection, and goes on without one. A service that has ended
	// never takes one.
	wait := "until : < /dev/tcp/" + s.Alias + "/" + s.Variables["HEALTHCHECK_TCP_PORT"] + "; do [ $SECONDS -lt 120 ]; done"
	if out, err := r.inside.run(t, wait); err != nil {
		t.Fatalf("the service takes no connection: %v: %s", err, out)
	}
	return r
}

// run is the scripts: those before and the job's own in one shell, those after
// in another, whatever came of it.
func (r *gitlabRunner) run(t *testing.T) (string, error) {
	t.Helper()
	out, err := r.inside.run(t, strings.Join(append(r.BeforeScript, r.Script...), "\n"), r.env...)
	after, failed := r.inside.run(t, strings.Join(r.AfterScript, "\n"), r.env...)
	if failed != nil {
		t.Errorf("after_script: %v: %s", failed, after)
	}
	return out + after, err
}
