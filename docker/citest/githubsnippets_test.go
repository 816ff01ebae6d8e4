package citest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oneJob is the job of a workflow that has one.
func oneJob(t *testing.T, b block) githubJob {
	t.Helper()
	w := parse[workflow](t, b)
	for _, j := range w.Jobs {
		if len(w.Jobs) == 1 && len(w.On) > 0 && j.RunsOn != "" {
			return j
		}
	}
	t.Fatalf("%+v, want a workflow of one job", w)
	return githubJob{}
}

// withService is a runner that has the service of the page's first workflow
// running, at ports of this machine that are free.
func withService(t *testing.T) (*runner, githubJob, ports) {
	t.Helper()
	needImage(t)
	p := freePorts(t)
	b := blockOf(t, "GitHub Actions: a service")
	b.text = p.in(b.text)
	j := oneJob(t, b)
	r := newRunner(t)
	r.extra = p.env("0.0.0.0")
	r.services(t, j)
	return r, j, p
}

func serviceOfRunner(t *testing.T, _ block) {
	r, j, p := withService(t)
	r.run(t, j.Steps)
	r.succeeded(t)
	wantExchange(t, r.output.String(), "localhost:"+p.kafka, "http://localhost:"+p.http, "https://localhost:"+p.https)
}

// trustOfSteps goes on as programs of several languages, each of which trusts
// the service by the variables alone.
func trustOfSteps(t *testing.T, b block) {
	r, _, p := withService(t)
	steps := parse[[]step](t, b)
	keys := "https://localhost:" + p.https + "/common/discovery/v2.0/keys"
	for _, program := range []struct{ name, script string }{
		{"curl", "curl -sSf " + keys},
		{"node", `node -e 'fetch("` + keys + `").then(r => r.text()).then(console.log)'`},
		{"python", `python3 -c 'import urllib.request; print(urllib.request.urlopen("` + keys + `").read())'`},
	} {
		t.Run(program.name, func(t *testing.T) {
			command, _, _ := strings.Cut(program.script, " ")
			need(t, program.name, have(command))
			wantTrust(t, r, steps, program.script)
		})
	}
}

// trustOfJava goes on as a program in Java.
func trustOfJava(t *testing.T, b block) {
	need(t, "java", have("java") && have("keytool"))
	r, _, p := withService(t)
	home, err := javaHome(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("JAVA_HOME", home) // which GitHub's runners have
	program := `class Keys { public static void main(String[] a) throws Exception {
  System.out.write(new java.net.URL("https://localhost:` + p.https + `/common/discovery/v2.0/keys").openStream().readAllBytes()); System.out.flush(); } }`
	if err := os.WriteFile(filepath.Join(r.workspace, "Keys.java"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	wantTrust(t, r, parse[[]step](t, b), "java Keys.java")
}

// javaHome is where the java of PATH is from.
func javaHome(t *testing.T) (string, error) {
	t.Helper()
	out, err := shell(t, t.TempDir(), `readlink -f "$(command -v java)"`)
	return filepath.Dir(filepath.Dir(strings.TrimSpace(out))), err
}

// wantTrust runs a script before the steps, when it has to fail, and behind
// them.
func wantTrust(t *testing.T, r *runner, steps []step, script string) {
	t.Helper()
	if out, err := shell(t, r.workspace, script); err == nil || strings.Contains(out, `"kid"`) {
		t.Errorf("without the trust it prints %s", out)
	}
	after := &runner{workspace: r.workspace, path: r.path, contexts: r.contexts, script: r.script}
	after.run(t, append(steps, step{Run: script}))
	after.succeeded(t)
	if !strings.Contains(after.output.String(), `"kid"`) {
		t.Errorf("with the trust it prints %s", after.output.String())
	}
}

// scopes are four exchanges at once, each with an issuer of its own.
func scopes(t *testing.T, b block) {
	need(t, "jq", have("jq"))
	r, _, p := withService(t)
	b.text = p.in(b.text)
	r.run(t, parse[[]step](t, b))
	r.succeeded(t)
	issuers := map[string]bool{}
	for line := range strings.Lines(r.output.String()) {
		if _, issuer, ok := strings.Cut(line, "with a token of http://localhost:"+p.http+"/"); ok {
			issuers[issuer] = true
		}
	}
	if len(issuers) != 4 || issuers[tenant+"/v2.0\n"] {
		t.Errorf("the issuers are %v, want four that are not the server's own:\n%s", issuers, r.output.String())
	}
}

// failure is a workflow whose tests have a wrong secret.
func failure(t *testing.T, b block) {
	r, j, _ := withService(t)
	r.variables = []string{"CLIENT_SECRET=wrong"}
	r.run(t, append(j.Steps, parse[[]step](t, b)...))
	if !r.failed || len(r.artifacts) != 2 {
		t.Fatalf("failed: %t, %d artifacts:\n%s", r.failed, len(r.artifacts), r.output.String())
	}
	for i, want := range []string{"aadsts=7000215", `"aadsts":7000215`} {
		if got := strings.ReplaceAll(r.artifacts[i], `": `, `":`); !strings.Contains(got, want) {
			t.Errorf("artifact %d has no %s:\n%s", i, want, r.artifacts[i])
		}
		if strings.Contains(r.artifacts[i], builtInSecret) {
			t.Errorf("artifact %d has the client's secret:\n%s", i, r.artifacts[i])
		}
	}
}

// serviceOfContainer runs as it stands, once well and once with a wrong secret.
func serviceOfContainer(t *testing.T, b block) {
	needImage(t)
	j := oneJob(t, b)
	r := newRunner(t)
	r.services(t, j)
	r.run(t, j.Steps)
	r.succeeded(t)
	wantExchange(t, r.output.String(), "idpool:9092", "http://idpool:8080", "https://idpool:8443")

	r.variables = []string{"CLIENT_SECRET=wrong"}
	r.run(t, j.Steps)
	if !r.failed || len(r.artifacts) != 1 || !strings.Contains(r.artifacts[0], "7000215") {
		t.Errorf("failed: %t, artifacts: %q:\n%s", r.failed, r.artifacts, r.output.String())
	}
}

// serviceAsStep builds the image in the job.
func serviceAsStep(t *testing.T, b block) {
	need(t, "docker", daemon() == nil)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	p := freePorts(t)
	name := unique()
	text := strings.NewReplacer("idpool:ci", name+":ci", "idpool-ci", name).Replace(b.text)
	b.text = strings.ReplaceAll(p.in(text), "docker run -d ", "docker run -d -e "+strings.Join(p.env("0.0.0.0"), " -e ")+" ")
	r := newRunner(t)
	r.checkouts = map[string]string{"idpool/idpool": root}
	t.Cleanup(func() {
		_, gone := dockerCommand("rm", "--force", "--volumes", name)
		if _, err := dockerCommand("image", "rm", name+":ci"); err != nil || gone != nil {
			t.Error(err, gone)
		}
	})
	r.run(t, oneJob(t, b).Steps)
	r.succeeded(t)
	wantExchange(t, r.output.String(), "localhost:"+p.kafka, "http://localhost:"+p.http, "https://localhost:"+p.https)
}
