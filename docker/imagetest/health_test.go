package imagetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// health waits until docker says so of a container.
func health(t *testing.T, id, want string) {
	t.Helper()
	status := func() string { return docker(t, "inspect", "--format", "{{.State.Health.Status}}", id) }
	until(t, "health "+want, func() bool { return status() == want }, func() string {
		return docker(t, "inspect", "--format", "{{json .State.Health}}", id)
	})
}

// TestHealthy: by the image's own check, at the intervals of the image.
func TestHealthy(t *testing.T) {
	id := container(t, append(append([]string{}, locked...), image(t))...)
	health(t, id, "healthy")
	var state struct {
		State struct {
			Health struct{ Log []json.RawMessage }
		}
	}
	inspect(t, id, &state)
	if len(state.State.Health.Log) == 0 {
		t.Error("healthy, and never checked")
	}
}

// TestUnhealthy: one that waits for its settings is not ready, and is as soon as
// it has them.
func TestUnhealthy(t *testing.T) {
	id := container(t, "--health-interval", "200ms", "--health-retries", "2", "--env", "IDPOOL_AWAIT=/state/settings", image(t))
	health(t, id, "unhealthy")
	file := filepath.Join(t.TempDir(), "settings")
	if err := os.WriteFile(file, []byte("IDPOOL_PUBLIC_URL=http://localhost:8080\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	docker(t, "cp", file, id+":/state/settings")
	health(t, id, "healthy")
}
