package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/strictyaml"
	"github.com/idpool/idpool/internal/watch"
)

// configWatch applies the edits of a config file to a running stack.
type configWatch struct {
	file  string
	over  func(*idpool.Config) error // puts the flags over a config
	log   *slog.Logger
	json  bool      // the log is JSON, and so is what is wrong
	w     io.Writer // for what is wrong, which no log level hides
	known []byte    // the content that is served
}

// newConfigWatch reads the file for the first time: before serve does, so that
// no edit falls between the two.
func (a *app) newConfigWatch(f serveFlags, w io.Writer) (*configWatch, error) {
	if !f.watch {
		return nil, nil
	}
	if a.configFile == "" {
		return nil, usageError("", "serve: --watch needs the file to watch, --config FILE")
	}
	known, err := a.readConfig()
	if err != nil {
		return nil, err
	}
	return &configWatch{file: a.configFile, json: f.logFormat == "json", w: w, known: known}, nil
}

// start begins to watch. end stops it and waits; a nil configWatch does nothing.
func (c *configWatch) start(ctx context.Context, stack *idpool.Stack) (end func()) {
	if c == nil {
		return func() {}
	}
	c.log.Info("config watched", "file", c.file)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		watch.File{Name: c.file, Changed: func(content []byte) { c.changed(ctx, stack, content) }, Missing: c.missing}.Watch(ctx, c.known)
	}()
	return func() { cancel(); <-done }
}

// changed applies a new content, or says why not.
func (c *configWatch) changed(ctx context.Context, stack *idpool.Stack, content []byte) {
	before := stack.Config()
	edited, err := c.apply(ctx, stack, content)
	var partly *idpool.ApplyError
	switch {
	case err == nil, errors.As(err, &partly):
		c.log.Info("config applied", "file", c.file, "changed", configChanges(before, stack.Config()))
		warnOfConfig(ctx, c.log, stack, edited)
		if err != nil {
			c.say("the edit counts, but the embedded cluster did not take all of it", err)
		}
	default:
		c.say("the edit is not applied, and everything stays as it was", err)
	}
}

// apply returns the config that it has applied.
func (c *configWatch) apply(ctx context.Context, stack *idpool.Stack, content []byte) (idpool.Config, error) {
	if len(bytes.TrimSpace(content)) == 0 { // more likely an edit half done than all tenants deleted
		return idpool.Config{}, errors.New("the file is empty (a config without anything is written {})")
	}
	edited, err := idpool.Parse(c.file, content)
	if err != nil {
		return edited, err
	}
	if err := c.over(&edited); err != nil {
		return edited, err
	}
	return edited, c.placed(stack.Apply(ctx, edited), content)
}

// warnOfConfig logs what "idpool config check" warns of, for the config that a
// stack has been given.
func warnOfConfig(ctx context.Context, log *slog.Logger, stack *idpool.Stack, c idpool.Config) {
	if !log.Enabled(ctx, slog.LevelWarn) {
		return
	}
	c.Logger = nil // nothing happens
	readinessOf(stack).place(&c)
	if len(c.Tenants) == 0 {
		log.Warn("config warning", "warning", "0 tenants: there is nothing to ask for a token for")
	}
	for _, warning := range c.Warnings() {
		log.Warn("config warning", "warning", warning)
	}
	lint := c.Lint(ctx)
	if ctx.Err() != nil {
		return // it has not seen all tokens
	}
	for _, warning := range lint {
		log.Warn("config warning", "warning", warning.String(), "id", warning.ID)
	}
}

// placed gives the mistakes of an edit that the running stack finds their places
// in the file, such as a change that needs a restart.
func (c *configWatch) placed(err error, content []byte) error {
	var mistakes idpool.ConfigErrors
	if !errors.As(err, &mistakes) {
		return err
	}
	var file any
	document, _ := strictyaml.Decode(c.file, content, &file) // it has been parsed before
	placed := slices.Clone(mistakes)
	for i, m := range mistakes {
		if m.Line == 0 && m.Field != "" {
			placed[i] = document.At(m.Field, m.Message)
		}
	}
	return placed
}

func (c *configWatch) missing(err error) {
	c.say("the file cannot be read, and everything stays as it was", err)
}

// say tells what is wrong, with a line for each mistake.
func (c *configWatch) say(what string, err error) {
	if c.json {
		slog.New(slog.NewJSONHandler(c.w, nil)).Error("config: "+what, "file", c.file, "error", err.Error())
		return
	}
	var mistakes idpool.ConfigErrors
	if errors.As(err, &mistakes) {
		err = errors.New(mistakesText(mistakes))
	}
	fmt.Fprintf(c.w, "idpool: %s: %s: %v\n", c.file, what, err)
}
