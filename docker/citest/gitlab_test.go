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

// startGitLab has a network for the job. What the project and the job have as
// variables, the service has too.
func startGitLab(t *testing.T, j gitlabJob) *gitlabRunner {
	t.Helper()
	idpool, net := needImage(t), network(t)
	const dir = "/builds/acme/orders"
	r := &gitlabRunner{gitlabJob: j, workspace: workspace(t), env: []string{"CI_PROJECT_DIR=" + dir, "IDPOOL_ADMIN_TOKEN=masked-of-the-project"}}
	for key, value := range j.Variables {
		r.env = append(r.env, key+"="+value)
	}
	s := j.Services[0]
	create := []string{"--network", net, "--network-alias", s.Alias}
	for _, e := range r.env {
		create = append(create, "--env", e)
	}
	for key, value := range s.Variables {
		if strings.Contains(value, "$") {
			t.Errorf("%s: %s is not as it stands here", key, value)
		}
		create = append(create, "--env", key+"="+value)
	}
	started(t, append(create, idpool)...)
	r.inside = startJob(t, j.Image, net, r.workspace, dir)
	// GitLab waits for a connection, and goes on without one.
	wait := "until : < /dev/tcp/" + s.Alias + "/" + s.Variables["HEALTHCHECK_TCP_PORT"] + "; do :; done"
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
