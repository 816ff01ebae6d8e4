//go:build ignore

// This program makes the files beside it from the published OpenAPI documents of
// Kubernetes, of which it keeps the kinds that the manifests use and what those
// refer to:
//
//	go run prune.go FOLDER KIND…
//
// FOLDER is one version of them, such as pkg/openapiclient/builtins/1.30 of the
// module sigs.k8s.io/kubectl-validate.
package main

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"strings"
)

const components = "#/components/schemas/"

// documents are those that have the kinds of the manifests.
var documents = map[string]string{
	"v1.json":                   "api/v1.json",
	"apps-v1.json":              "apis/apps/v1.json",
	"policy-v1.json":            "apis/policy/v1.json",
	"networking.k8s.io-v1.json": "apis/networking.k8s.io/v1.json",
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: go run prune.go FOLDER KIND…")
	}
	for name, path := range documents {
		if err := prune(filepath.Join(os.Args[1], path), name, os.Args[2:]); err != nil {
			log.Fatal(err)
		}
	}
}

type document struct {
	OpenAPI    string         `json:"openapi"`
	Info       any            `json:"info"`
	Components map[string]any `json:"components"`
}

func prune(from, to string, kinds []string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return err
	}
	all, kept := d.Components["schemas"].(map[string]any), map[string]any{}
	for name := range all {
		for _, kind := range kinds {
			if strings.HasPrefix(name, "io.k8s.api.") && strings.HasSuffix(name, "."+kind) {
				keep(all, kept, name)
			}
		}
	}
	d.Components = map[string]any{"schemas": kept}
	data, err = json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(to, append(data, '\n'), 0o644)
}

// keep keeps a schema and what it refers to.
func keep(all, kept map[string]any, name string) {
	if kept[name] != nil {
		return
	}
	kept[name] = all[name]
	follow(all[name], func(reference string) { keep(all, kept, strings.TrimPrefix(reference, components)) })
}

func follow(v any, found func(string)) {
	switch v := v.(type) {
	case map[string]any:
		if reference, ok := v["$ref"].(string); ok {
			found(reference)
		}
		for _, member := range v {
			follow(member, found)
		}
	case []any:
		for _, element := range v {
			follow(element, found)
		}
	}
}
