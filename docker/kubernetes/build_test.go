package kubernetes_test

import (
	"path/filepath"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// object is one that kustomize built.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`

	text []byte // YAML
}

// folders are those that are given to kubectl apply -k.
func folders(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("overlays/*/kustomization.yaml")
	if err != nil || len(found) < 3 {
		t.Fatalf("overlays: %v %v, want those of README.md", found, err)
	}
	all := []string{"base"}
	for _, file := range found {
		all = append(all, filepath.ToSlash(filepath.Dir(file)))
	}
	return all
}

// eachFolder runs a test for what every folder builds.
func eachFolder(t *testing.T, test func(t *testing.T, folder string, all []object)) {
	for _, folder := range folders(t) {
		t.Run(folder, func(t *testing.T) { test(t, folder, build(t, folder)) })
	}
}

// build builds a folder as kubectl apply -k does.
func build(t *testing.T, folder string) []object {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		t.Fatalf("kustomize build %s: %v", folder, err)
	}
	var all []object
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parse(t, text))
	}
	if len(all) < 7 {
		t.Fatalf("kustomize build %s: %d objects", folder, len(all))
	}
	return all
}

func parse(t *testing.T, text []byte) object {
	t.Helper()
	o := object{text: text}
	if err := yaml.Unmarshal(text, &o); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return o
}

// TestNamespace finds every object in the namespace whose labels make the API
// server refuse pods that could do more than they need.
func TestNamespace(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		for _, o := range all {
			if o.Kind == "Namespace" {
				if got := o.Metadata.Labels["pod-security.kubernetes.io/enforce"]; o.Metadata.Name != "idpool" || got != "restricted" {
					t.Errorf("namespace %s: enforce %q", o.Metadata.Name, got)
				}
			} else if o.Metadata.Namespace != "idpool" {
				t.Errorf("%s %s: namespace %q", o.Kind, o.Metadata.Name, o.Metadata.Namespace)
			}
		}
	})
}
