package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite golden text in the scripts")

// TestMain lets a script run the command as its own process.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"idpool": func() {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}})
}

// TestScript runs testdata/script, a script for each subcommand and more.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"post": post, "waitfile": waitFile, "exit": exitCode, "get": get, "guides": guides, "await": await, "port": port,
		},
	})
}
