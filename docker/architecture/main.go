// Command architecture gives an image another architecture in its description:
//
//	docker save NAME | go run ./architecture arm64 | docker load
//
// The builder of before BuildKit cannot build FROM scratch for another than its
// own, and there is nothing in the image but one binary, which is
// of the other one already.
package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: architecture NAME <saved >changed")
		os.Exit(2)
	}
	if err := change(os.Stdin, os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "architecture:", err)
		os.Exit(1)
	}
}

// file is one of a saved image.
type file struct {
	header  *tar.Header
	content []byte
}

// change copies the archive of one image, with architecture in its description.
func change(in io.Reader, out io.Writer, architecture string) error {
	files, err := read(in)
	if err != nil {
		return err
	}
	var manifest []struct{ Config string }
	if err := json.Unmarshal(files["manifest.json"].content, &manifest); err != nil {
		return fmt.Errorf("manifest.json: %v", err)
	}
	if len(manifest) != 1 {
		return fmt.Errorf("manifest.json has %d images, want 1", len(manifest))
	}
	config, ok := files[manifest[0].Config]
	if !ok {
		return fmt.Errorf("there is no %q, which manifest.json names", manifest[0].Config)
	}
	if config.content, err = described(config.content, architecture); err != nil {
		return fmt.Errorf("%s: %v", manifest[0].Config, err)
	}
	config.header.Size = int64(len(config.content))
	files[manifest[0].Config] = config
	return write(out, files)
}

// read reads a whole archive into memory: tens of megabytes.
func read(in io.Reader) (map[string]file, error) {
	files := map[string]file{}
	for archive := tar.NewReader(in); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		files[header.Name] = file{header, content}
	}
}

// described is the description of an image, with that architecture.
func described(config []byte, architecture string) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(config, &fields); err != nil {
		return nil, err
	}
	name, err := json.Marshal(architecture)
	if err != nil {
		return nil, err
	}
	fields["architecture"] = name
	return json.Marshal(fields)
}

// write leaves out the index of newer versions of Docker, which has the hash of the
// description; docker load does without.
func write(out io.Writer, files map[string]file) error {
	archive := tar.NewWriter(out)
	for name, f := range files {
		if name == "index.json" || name == "oci-layout" {
			continue
		}
		if err := archive.WriteHeader(f.header); err != nil {
			return err
		}
		if _, err := archive.Write(f.content); err != nil {
			return err
		}
	}
	return archive.Close()
}
