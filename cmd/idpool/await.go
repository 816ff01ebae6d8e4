package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// awaitEvery is how often --await looks for its file: whoever starts a container
// waits for the answer.
const awaitEvery = 20 * time.Millisecond

// setting is a line of the file of --await.
type setting struct {
	line           int
	variable, text string
}

// awaitSettings takes more settings from the file of --await, which is waited
// for. Such are the ports of the host that lead to a container, known only when
// it runs. They win over the environment, which the image sets, and not over
// flags.
func (a *app) awaitSettings(cmd *cobra.Command, f serveFlags) error {
	if f.await == "" {
		return nil
	}
	log, err := logger(cmd.ErrOrStderr(), f.logLevel, f.logFormat)
	if err != nil {
		return err
	}
	text, err := whole(cmd.Context(), f.await, func(state string) { log.Info("waiting for more settings", "file", f.await, "state", state) })
	switch {
	case cmd.Context().Err() != nil:
		return nil // and serve ends
	case err != nil:
		return usageError("", "serve: --await: %v", err)
	}
	settings, err := readSettings(text)
	if err == nil {
		err = a.environment.applyAll(cmd, settings)
	}
	var exit *exitError
	if errors.As(err, &exit) {
		return usageError(exit.hint, "serve: --await: %s:%v", f.await, exit.err)
	}
	return a.check() // its --output, too
}

// Why the file of --await is waited for. One that is being written has no line
// break at its end, and neither has one that somebody wrote without.
const (
	notThere = "is not there"
	notWhole = "is there, and does not end in a line break"
)

// lacks says what a file lacks to be read; empty for nothing. A container's file
// may be there empty before it is written.
func lacks(text []byte) string {
	switch {
	case len(text) == 0:
		return notThere
	case !bytes.HasSuffix(text, []byte("\n")):
		return notWhole
	}
	return ""
}

// whole is the content of a file once it is there and ends in a line break. say
// is told why it is waited for, and again when that is another reason.
func whole(ctx context.Context, file string, say func(state string)) ([]byte, error) {
	tick := time.NewTicker(awaitEvery)
	defer tick.Stop()
	for said := ""; ; {
		text, err := os.ReadFile(file)
		state := lacks(text)
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, notRead(file, err)
		case state == "":
			return text, nil
		case state != said:
			say(state)
			said = state
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// readSettings reads the form of env-files: NAME=VALUE on each line, and comments
// on lines that begin with #.
func readSettings(text []byte) ([]setting, error) {
	var out []setting
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || !strings.HasPrefix(name, variablePrefix) || strings.ContainsAny(name, " \t") {
			return nil, usageError("", "%d: %s is no setting, want one such as %sHTTP=0.0.0.0:8080", n, quoted(name, ok), variablePrefix)
		}
		out = append(out, setting{n, name, value})
	}
	return out, nil
}

// quoted is what an error shows of a line: never its value, which may be a secret,
// and nothing of a line that has none, since it may be the rest of one.
func quoted(name string, hasValue bool) string {
	if !hasValue {
		return "a line without ="
	}
	return strconv.Quote(name)
}

// applyAll sets the flags of a command that the command line does not set. A
// variable that stands there twice gives a flag two values, where it takes them.
func (e *environment) applyAll(cmd *cobra.Command, settings []setting) error {
	flags := flagsByVariable(cmd)
	given := map[string]setting{}
	for _, s := range settings {
		f := flags[s.variable]
		if f == nil {
			return usageError(nearHint(s.variable, flags), "%d: %s has no setting %s", s.line, commandName(cmd), s.variable)
		}
		before, twice := given[s.variable]
		_, several := f.Value.(pflag.SliceValue)
		switch {
		case twice && several:
			s.text = before.text + "\n" + s.text
		case twice:
			return usageError("", "%d: %s is given twice, first on line %d", s.line, s.variable, before.line)
		}
		given[s.variable] = s
	}
	for variable, s := range given {
		if f := flags[variable]; s.text != "" && !e.typed(f) {
			if err := e.give(f, s.text); err != nil {
				return usageError("", "%d: %v", s.line, err)
			}
		}
	}
	return nil
}

// flagsByVariable are the flags of a command that a file of settings may set.
func flagsByVariable(cmd *cobra.Command) map[string]*pflag.Flag {
	flags := map[string]*pflag.Flag{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "await" {
			flags[variableOf(f)] = f
		}
	})
	return flags
}

// nearHint asks whether another variable was meant.
func nearHint(variable string, flags map[string]*pflag.Flag) string {
	near := nearVariable(variable, slices.Sorted(maps.Keys(flags)))
	if near == "" {
		return ""
	}
	return "did you mean " + near + "?"
}
