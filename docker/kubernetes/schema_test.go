package kubernetes_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	strictjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// kind is one kind of object: where its published schema is, and the type that
// the API server decodes it into.
type kind struct {
	document, schema string
	into             func() any
}

// kinds are those that the manifests may use.
func kinds() map[string]kind {
	return map[string]kind{
		"apps/v1 Deployment":                 {"apps-v1.json", "io.k8s.api.apps.v1.Deployment", func() any { return new(appsv1.Deployment) }},
		"networking.k8s.io/v1 NetworkPolicy": {"networking.k8s.io-v1.json", "io.k8s.api.networking.v1.NetworkPolicy", func() any { return new(networkingv1.NetworkPolicy) }},
		"policy/v1 PodDisruptionBudget":      {"policy-v1.json", "io.k8s.api.policy.v1.PodDisruptionBudget", func() any { return new(policyv1.PodDisruptionBudget) }},
		"v1 ConfigMap":                       {"v1.json", "io.k8s.api.core.v1.ConfigMap", func() any { return new(corev1.ConfigMap) }},
		"v1 Namespace":                       {"v1.json", "io.k8s.api.core.v1.Namespace", func() any { return new(corev1.Namespace) }},
		"v1 Secret":                          {"v1.json", "io.k8s.api.core.v1.Secret", func() any { return new(corev1.Secret) }},
		"v1 Service":                         {"v1.json", "io.k8s.api.core.v1.Service", func() any { return new(corev1.Service) }},
	}
}

// validate judges an object twice: by the schema that Kubernetes 1.30 publishes,
// and by decoding it as a newer API server with strict field validation does.
func validate(text []byte) error {
	var o object
	if err := yaml.Unmarshal(text, &o); err != nil {
		return err
	}
	k, known := kinds()[o.APIVersion+" "+o.Kind]
	if !known {
		return fmt.Errorf("%q of %q is no kind that these manifests use", o.Kind, o.APIVersion)
	}
	return errors.Join(k.bySchema(text), k.byDecoding(text))
}

// byDecoding judges as the API server does.
func (k kind) byDecoding(text []byte) error {
	text, err := yaml.YAMLToJSONStrict(text) // no key twice
	if err != nil {
		return err
	}
	strict, err := strictjson.UnmarshalStrict(text, k.into())
	return errors.Join(append(strict, err)...)
}

// bySchema judges by the published schema.
func (k kind) bySchema(text []byte) error {
	const base = "https://kubernetes.io/openapi/"
	data, err := os.ReadFile("schemas/" + k.document)
	if err != nil {
		return err
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	closed(document)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4) // which OpenAPI 3.0 is a dialect of
	if err := c.AddResource(base+k.document, document); err != nil {
		return err
	}
	schema, err := c.Compile(base + k.document + "#/components/schemas/" + k.schema)
	if err != nil {
		return err
	}
	text, err = yaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(instance)
}

// closed lets schemas refuse keys that they do not know. The published ones leave
// that to the API server.
func closed(v any) {
	switch v := v.(type) {
	case map[string]any:
		if v["properties"] != nil && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, member := range v {
			closed(member)
		}
	case []any:
		for _, element := range v {
			closed(element)
		}
	}
}

func TestSchemas(t *testing.T) {
	eachFolder(t, func(t *testing.T, _ string, all []object) {
		for _, o := range all {
			if err := validate(o.text); err != nil {
				t.Errorf("%s %s: %v\n%s", o.Kind, o.Metadata.Name, err, o.text)
			}
		}
	})
}

// TestBrokenManifests breaks the Deployment in ways that a person does. Both
// judges have to say what is wrong, but for a key given twice, which only the
// text has.
func TestBrokenManifests(t *testing.T) {
	whole := string(named(t, build(t, "base"), "Deployment", "idpool").text)
	for _, row := range []struct{ name, old, changed, schema, decoder string }{
		{"a mistyped key", "replicas: 2", "replcias: 2", "additional properties 'replcias' not allowed", `unknown field "spec.replcias"`},
		{"a mistyped key deep down", "readOnlyRootFilesystem:", "readOnlyRootFileSystem:", "additional properties 'readOnlyRootFileSystem' not allowed", `unknown field "spec.template.spec.containers[0].securityContext.readOnlyRootFileSystem"`},
		{"a number that is none", "replicas: 2", "replicas: two", "at '/spec/replicas': got string, want integer", "cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"},
		{"a port that is none", "containerPort: 8080", `containerPort: "8080"`, "/ports/0/containerPort': got string, want integer", "containerPort"},
		{"a missing selector", "  selector:\n    matchLabels:\n      app.kubernetes.io/name: idpool\n  strategy", "  strategy", "missing property 'selector'", ""},
		{"a missing name", "        name: idpool\n        ports:", "        ports:", "missing property 'name'", ""},
		{"a setting of a container at the pod", "      enableServiceLinks: false", "      allowPrivilegeEscalation: false", "additional properties 'allowPrivilegeEscalation' not allowed", `unknown field "spec.template.spec.allowPrivilegeEscalation"`},
		{"a key twice", "replicas: 2", "replicas: 2\n  replicas: 3", "already set in map", "already set in map"},
		{"an old version", "apiVersion: apps/v1", "apiVersion: apps/v1beta1", `"apps/v1beta1" is no kind`, ""},
		{"another kind", "kind: Deployment", "kind: Deploymnet", `"Deploymnet" of "apps/v1" is no kind`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if strings.Count(whole, row.old) != 1 {
				t.Fatalf("%q is there %d times in\n%s", row.old, strings.Count(whole, row.old), whole)
			}
			err := validate([]byte(strings.Replace(whole, row.old, row.changed, 1)))
			if err == nil || !strings.Contains(err.Error(), row.schema) || !strings.Contains(err.Error(), row.decoder) {
				t.Errorf("got %v, want %s and %s", err, row.schema, row.decoder)
			}
		})
	}
}

// named is one object of a build, by the beginning of its name, which may end in
// a hash.
func named(t *testing.T, all []object, kind, name string) object {
	t.Helper()
	for _, o := range all {
		if o.Kind == kind && (o.Metadata.Name == name || strings.HasPrefix(o.Metadata.Name, name+"-") && len(o.Metadata.Name) == len(name)+11) {
			return o
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return object{}
}

// decode reads an object that is known to be valid.
func decode[T any](t *testing.T, o object) T {
	t.Helper()
	var v T
	text, err := yaml.YAMLToJSON(o.text)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", o.Kind, o.Metadata.Name, err)
	}
	return v
}

// every are all objects of a kind.
func every[T any](t *testing.T, all []object, kind string) []T {
	t.Helper()
	var found []T
	for _, o := range all {
		if o.Kind == kind {
			found = append(found, decode[T](t, o))
		}
	}
	return found
}
