package main

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"
)

// saved is an archive of those files.
func saved(t *testing.T, files map[string]string) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for name, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestChange(t *testing.T) {
	in := saved(t, map[string]string{
		"manifest.json": `[{"Config":"blobs/1.json","Layers":["layer.tar"]}]`,
		"blobs/1.json":  `{"architecture":"amd64","config":{"User":"1"},"os":"linux"}`,
		"layer.tar":     "a layer",
		"index.json":    "the hash of blobs/1.json",
	})
	var out bytes.Buffer
	if err := change(in, &out, "arm64"); err != nil {
		t.Fatal(err)
	}
	files, err := read(&out)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(files["blobs/1.json"].content); got != `{"architecture":"arm64","config":{"User":"1"},"os":"linux"}` {
		t.Error(got)
	}
	if _, ok := files["index.json"]; ok || string(files["layer.tar"].content) != "a layer" {
		t.Errorf("%v", files)
	}
}

func TestNoImage(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"manifest.json: ":                  {"layer.tar": ""},
		"manifest.json has 2 images":       {"manifest.json": `[{}, {}]`},
		`there is no "a.json"`:             {"manifest.json": `[{"Config":"a.json"}]`},
		"a.json: invalid character":        {"manifest.json": `[{"Config":"a.json"}]`, "a.json": "no JSON"},
		"manifest.json: invalid character": {"manifest.json": `no JSON`},
	} {
		if err := change(saved(t, files), new(bytes.Buffer), "arm64"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := change(strings.NewReader(strings.Repeat("no archive", 100)), new(bytes.Buffer), "arm64"); err == nil {
		t.Error("what is no archive is changed")
	}
}
