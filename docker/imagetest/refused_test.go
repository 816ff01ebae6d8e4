package imagetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefused: of a setting that cannot be had, the last line of the log says what
// is wrong and which setting it is, and the container ends with a code: 2 is for what is
// written wrongly.
func TestRefused(t *testing.T) {
	config := filepath.Join(t.TempDir(), "idpool.yaml")
	if err := os.WriteFile(config, []byte("tenants: []\n"), 0); err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	for _, name := range []string{"ca.pem", "ca.key"} {
		if err := os.WriteFile(filepath.Join(state, name), []byte("of another user\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		code string
		args []string
		want []string
	}{
		{"a config that it may not read", "2", []string{"--volume", config + ":/idpool.yaml:ro", "--env", "IDPOOL_CONFIG=/idpool.yaml"}, []string{"/idpool.yaml", "permission denied", "IDPOOL_CONFIG"}},
		{"a config that is not there", "2", []string{"--env", "IDPOOL_CONFIG=/none.yaml"}, []string{"/none.yaml", "does not exist", "IDPOOL_CONFIG"}},
		{"a CA that it may not read", "1", []string{"--volume", state + ":/state/idpool:ro"}, []string{"/state/idpool/ca", "permission denied", "user 65532", "IDPOOL_STATE"}},
		{"a port that is taken", "1", []string{"--env", "IDPOOL_HTTPS=0.0.0.0:8080"}, []string{"0.0.0.0:8080", "in use", "IDPOOL_HTTPS"}},
		{"a public URL that is none", "2", []string{"--env", "IDPOOL_PUBLIC_URL=localhost:8080"}, []string{`"localhost:8080"`, "IDPOOL_PUBLIC_URL"}},
		{"an advertised address that is none", "2", []string{"--env", "IDPOOL_KAFKA_ADVERTISED=a:b:c"}, []string{`a:b:c`, "IDPOOL_KAFKA_ADVERTISED"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, last := ended(t, container(t, append(append(c.args, locked...), image(t))...))
			if code != c.code {
				t.Errorf("exit code %s, want %s", code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(last, want) {
					t.Errorf("no %s in the last line, %s", want, last)
				}
			}
		})
	}
}
