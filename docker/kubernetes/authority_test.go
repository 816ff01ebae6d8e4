package kubernetes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestOverlayOfYourOwn builds the overlay of README.md, after the CA is made as it
// says there, and starts a pod with the Secret that kustomize makes.
func TestOverlayOfYourOwn(t *testing.T) {
	all := build(t, ownOverlay(t))
	made := named(t, all, "Secret", "idpool-ca")
	secret := decode[corev1.Secret](t, made)
	if err := validate(made.text); err != nil || len(secret.Data) != 2 {
		t.Fatalf("%d files: %v", len(secret.Data), err)
	}
	c := &cluster{whole: decoded(t, all), secrets: map[string]map[string][]byte{"idpool-ca": secret.Data}}
	for _, v := range c.deployment.Spec.Template.Spec.Volumes {
		if v.Secret != nil && v.Secret.SecretName != secret.Name {
			t.Errorf("the pod has %q, and the Secret is %q", v.Secret.SecretName, secret.Name)
		}
	}
	if image := c.container().Image; *c.deployment.Spec.Replicas != 3 || image != "registry.example.com/idpool:v1.2.3" || c.container().ImagePullPolicy != corev1.PullIfNotPresent {
		t.Errorf("%d replicas of %s, pulled %s", *c.deployment.Spec.Replicas, image, c.container().ImagePullPolicy)
	}
	c.start(t)
	if _, err := token(c.httpClient(t), "https://idpool.idpool.svc:8443"); err != nil {
		t.Error(err)
	}
}

// ownOverlay is a folder with the overlay of README.md.
func ownOverlay(t *testing.T) string {
	t.Helper()
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	for _, folder := range []string{"base", "components"} {
		try(os.CopyFS(filepath.Join(dir, folder), os.DirFS(folder)))
	}
	readme, err := os.ReadFile("README.md")
	try(err)
	_, after, _ := strings.Cut(string(readme), "```yaml\n")
	overlay, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("README.md has no overlay")
	}
	mine := filepath.Join(dir, "mine")
	try(os.CopyFS(mine, os.DirFS("base")))
	try(os.WriteFile(filepath.Join(mine, "kustomization.yaml"), []byte(overlay), 0o600))
	if out, err := exec.Command(command(t), "ca", "--state", filepath.Join(dir, "components", "ca")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return mine
}

// TestKeyIsIgnored keeps the CA's key out of the repository.
func TestKeyIsIgnored(t *testing.T) {
	ignored, err := os.ReadFile(".gitignore")
	if err != nil || !strings.Contains(string(ignored), "\n/components/ca/ca.key\n") {
		t.Errorf(".gitignore: %v\n%s", err, ignored)
	}
}
