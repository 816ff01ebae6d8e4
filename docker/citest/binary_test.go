package citest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// binaryAlone has the variables of other ports around it, which the page has
// not, and a home of its own for the CA.
func binaryAlone(t *testing.T, b block) {
	needPrograms(t, b, "bash", "curl")
	p := freePorts(t)
	env := append(p.env("127.0.0.1"), "IDPOOL_ADMIN=127.0.0.1:"+p.admin, "XDG_CACHE_HOME="+t.TempDir())
	out, err := shell(t, workspace(t), p.in(b.text), env...)
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	wantExchange(t, out, "localhost:"+p.kafka, "http://localhost:"+p.http, "https://localhost:"+p.https)

	// A port that is taken is said, not waited for. serve has ended by the time that
	// its log is read, however slow the machine is.
	env = append(env, "IDPOOL_KAFKA="+env[0][len("IDPOOL_HTTP="):])
	taken := strings.NewReplacer("--wait 30s", "--wait 1s", "{ cat", "{ wait; cat").Replace(p.in(b.text))
	if out, err := shell(t, workspace(t), taken, env...); err == nil || !strings.Contains(out, "IDPOOL_KAFKA") {
		t.Errorf("with two listeners at one port: %v:\n%s", err, out)
	}
}

// binariesTogether runs the block several times at once, as it stands.
func binariesTogether(t *testing.T, b block) {
	needPrograms(t, b, "bash", "curl")
	need(t, "jq", have("jq"))
	var all sync.WaitGroup
	for range 3 {
		dir := workspace(t)
		all.Go(func() {
			out, err := shell(t, dir, b.text)
			if err != nil {
				t.Errorf("%v:\n%s", err, out)
				return
			}
			var ready struct{ HTTP, HTTPS, Kafka string }
			text, err := os.ReadFile(filepath.Join(dir, "ready.json"))
			if err == nil {
				err = json.Unmarshal(text, &ready)
			}
			if err != nil {
				t.Error(err)
			}
			wantExchange(t, out, ready.Kafka, ready.HTTP, ready.HTTPS)
		})
	}
	all.Wait()
}

// needPrograms checks that a block is a script, and that it can be run.
func needPrograms(t *testing.T, b block, programs ...string) {
	t.Helper()
	if b.language != "sh" {
		t.Fatalf("the block is %q, want sh", b.language)
	}
	for _, p := range programs {
		need(t, p, have(p))
	}
}
