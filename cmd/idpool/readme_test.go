package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const readme = "../../README.md"

// blocks are the texts of the README's code blocks of a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	if len(out) == 0 {
		t.Fatalf("the README has no %s block", language)
	}
	return out
}

// step is a command of a console block with the output shown under it.
type step struct{ command, output string }

func steps(block string) []step {
	var out []step
	for line := range strings.Lines(block) {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			out = append(out, step{command: strings.TrimSpace(command)})
		} else if len(out) > 0 {
			out[len(out)-1].output += line
		}
	}
	return out
}

// pattern makes a regular expression of shown output, in which … stands for
// whatever is left out.
func pattern(output string) *regexp.Regexp {
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(output), "…", ".*") + "$")
}

// TestREADMECommands runs every $ line of the README, as pasted but for two
// things: "go run ./cmd/idpool" is a binary built once, and files are written
// to a temporary folder.
func TestREADMECommands(t *testing.T) {
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "idpool"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	served := ""
	for _, block := range blocks(t, "console") {
		for _, s := range steps(block) {
			command := strings.ReplaceAll(s.command, "go run ./cmd/idpool", "./idpool")
			if command == "./idpool serve" {
				served = serveForREADME(t, dir)
				continue
			}
			if strings.Contains(command, "http://localhost:8080") {
				command = strings.ReplaceAll(command, "http://localhost:8080", served)
				command = strings.Replace(command, "curl ", "curl -sS ", 1)
			}
			run := exec.Command("bash", "-c", command)
			run.Dir = dir
			out, _ := run.CombinedOutput() // explain and filter end with 1 here
			// The article's curl prints no line break after the JSON.
			if want := pattern(strings.TrimSuffix(s.output, "\n")); !want.MatchString(strings.TrimSuffix(string(out), "\n")) {
				t.Errorf("$ %s\nprints\n%s\nthe README shows\n%s", s.command, out, s.output)
			}
		}
	}
	if served == "" {
		t.Error("the README does not serve")
	}
}

// serveForREADME runs the README's serve on free ports, since 8080 may be
// taken where tests run, and returns the URL to use instead.
func serveForREADME(t *testing.T, dir string) string {
	t.Helper()
	ready := filepath.Join(dir, "ready.json")
	serve := exec.Command("./idpool", "serve", "--http", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--kafka", "127.0.0.1:0", "--ready-file", ready)
	serve.Dir = dir
	var log bytes.Buffer
	serve.Stderr = &log
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := serve.Wait(); err != nil {
			t.Errorf("serve ended with %v: %s", err, log.String())
		}
	})
	deadline := time.Now().Add(patience)
	for {
		data, err := os.ReadFile(ready)
		if err == nil {
			var urls readiness
			if err := json.Unmarshal(data, &urls); err != nil {
				t.Fatal(err)
			}
			return urls.HTTP
		}
		if time.Now().After(deadline) {
			t.Fatal("serve did not become ready")
		}
		time.Sleep(time.Millisecond) // polling: another process writes the file
	}
}

// TestREADMEGoBlocks: each Go block is part of a compiled Example that runs.
func TestREADMEGoBlocks(t *testing.T) {
	files, err := filepath.Glob("../../*example_test.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	files = append(files, "../../idpooltest/example_test.go")
	var examples strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		examples.WriteString(unindent(string(data)))
	}
	for _, block := range blocks(t, "go") {
		if !strings.Contains(examples.String(), unindent(block)) {
			t.Errorf("no Example has this block of the README:\n%s", block)
		}
	}
}

// unindent takes the indentation off every line.
func unindent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t "))
	}
	return b.String()
}

// TestNameTable: docs/testing.md says, beside the names in Go and of the API, what
// asks a running server by command.
func TestNameTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## The same by three ways\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, want := range []string{"`idpool probe --", "`idpool token --broken NAME`", "`idpool journal --take N`"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table has no %s", want)
		}
	}
	asked := 0
	for _, command := range rootCommand().Commands() {
		if command.PersistentFlags().Lookup("admin") == nil && command.Flags().Lookup("admin") == nil || command.Name() == "serve" || command.Name() == "health" {
			continue
		}
		asked++
		_, row, found := strings.Cut(table, "`idpool "+command.Name())
		row, _, _ = strings.Cut(row, "\n")
		if !found {
			t.Errorf("the table has no `idpool %s`", command.Name())
		}
		for _, sub := range command.Commands() {
			if !strings.Contains(row, "`"+sub.Name()) {
				t.Errorf("its row has no %s of idpool %s", sub.Name(), command.Name())
			}
		}
	}
	if asked < 6 {
		t.Errorf("%d commands ask a server, want journal, fault, clock, keys, scope and reset", asked)
	}
}

func TestREADMEIsShort(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n > 150 {
		t.Errorf("%d lines, want 150 at most", n)
	}
}

// TestREADMENamesTestsThatExist: every test or file in the table is there.
func TestREADMENamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	err = filepath.WalkDir("../..", func(path string, _ os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a folder of git's or of a build, which has ended meanwhile
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		sources.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9]+|[a-z]+/[a-z_]+_test\\.go)`").FindAllStringSubmatch(string(text), -1) {
		if strings.HasPrefix(m[1], "Test") && !strings.Contains(sources.String(), "func "+m[1]+"(") {
			t.Errorf("the README names %s, which does not exist", m[1])
		}
		if strings.HasSuffix(m[1], ".go") {
			if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
				t.Errorf("the README names %s: %v", m[1], err)
			}
		}
	}
}
