package docker_test

import (
	"strings"
	"testing"

	"github.com/idpool/idpool/docker"
)

// TestTokenOfManySecrets is an application that has secrets which let nobody in, in
// front of one that does, and another application that has no other.
func TestTokenOfManySecrets(t *testing.T) {
	t.Parallel()
	const rotated, over = "0b7a52de-1f6c-4a8e-8f39-6f5f6b1d2c3a", "1c8b63ef-2a7d-4b9f-9a4a-7a6a7c2e3d4b"
	c := run(t, docker.WithConfig("testdata/secrets.yaml"))
	for _, client := range []string{"", rotated} {
		if token := must[string](t)(c.Token(t.Context(), client)); strings.Count(token, ".") != 2 {
			t.Errorf("the token is %q", token)
		}
	}
	want := `token: the application "` + over + `" has no secret that is good now`
	if token, err := c.Token(t.Context(), over); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %q, %v, want the error %s", token, err, want)
	}
}
