package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
)

func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Write, import, check and describe the config",
		Example: "  idpool config init idpool.yaml\n  idpool config import app.json --to idpool.yaml\n  idpool config check idpool.yaml",
		Args:    group,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.configInitCommand(), a.configImportCommand(), a.configCheckCommand(), a.configSchemaCommand())
	return cmd
}

func (a *app) configInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "init [FILE]",
		Short:   "Write the built-in Acme tenant, to begin with",
		Long:    "init writes the config that runs when there is none, to a new file or to standard output.",
		Example: "  idpool config init idpool.yaml",
		Args:    atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := cmd.OutOrStdout().Write(idpool.AcmeYAML)
				return err
			}
			return writeNew("config init", args[0], idpool.AcmeYAML)
		},
	}
}

// writeNew writes a file that must not exist yet; command is who says so.
func writeNew(command, name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &exitError{exitRefused, fmt.Errorf("%s: %s exists already and was left as it is", command, name), "name another file"}
	}
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("%s: %v", command, err), ""}
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// checkAnswer is the JSON of config check.
type checkAnswer struct {
	OK       bool         `json:"ok"`
	Errors   []checkError `json:"errors"`
	Warnings []string     `json:"warnings"`
}

type checkError struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

func (a *app) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check [FILE]",
		Short:   "Find every mistake in a config, with file, line and column",
		Long:    "check reads a config (FILE, or --config, or the built-in one), lists every mistake with its\nplace, and warns of what would surprise later. The exit code is 0 without mistakes, 1 with.",
		Example: "  idpool config check idpool.yaml",
		Args:    atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.configFile = args[0]
			}
			c, err := a.load()
			return a.configCheck(cmd, c, err)
		},
	}
}

func (a *app) configCheck(cmd *cobra.Command, c idpool.Config, err error) error {
	if err != nil {
		return a.configMistakes(cmd, err)
	}
	w := cmd.OutOrStdout()
	warnings := append([]string{}, c.Warnings()...)
	if a.json() {
		return printJSON(w, checkAnswer{OK: true, Errors: []checkError{}, Warnings: warnings})
	}
	for _, warning := range warnings {
		fmt.Fprintln(w, "warning: "+warning)
	}
	fmt.Fprintln(w, "ok: "+summary(c))
	return nil
}

func (a *app) configMistakes(cmd *cobra.Command, err error) error {
	var mistakes idpool.ConfigErrors
	if !errors.As(err, &mistakes) {
		return &exitError{exitRefused, err, ""}
	}
	if !a.json() {
		return &exitError{exitRefused, errors.New(mistakesText(mistakes)), ""}
	}
	answer := checkAnswer{Warnings: []string{}}
	for _, m := range mistakes {
		answer.Errors = append(answer.Errors, checkError{m.File, m.Line, m.Column, m.Field, m.Message})
	}
	return errors.Join(printJSON(cmd.OutOrStdout(), answer), refused)
}

func mistakesText(mistakes idpool.ConfigErrors) string {
	if len(mistakes) == 1 {
		return "1 mistake in the config\n" + mistakes.Error()
	}
	return fmt.Sprintf("%d mistakes in the config\n%s", len(mistakes), mistakes)
}

// summary counts what a config has.
func summary(c idpool.Config) string {
	applications, pools := 0, 0
	for _, t := range c.Tenants {
		applications += len(t.Applications)
	}
	for _, p := range c.IdentityProviders {
		pools += len(p.IdentityPools)
	}
	return fmt.Sprintf("%s, %s, %s, %s, %s", count(len(c.Tenants), "tenant"), count(applications, "application"),
		count(len(c.IdentityProviders), "identity provider"), count(pools, "identity pool"), count(len(c.Clusters), "cluster"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (a *app) configSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of the config, for editors",
		Example: "  idpool config schema > idpool.schema.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printJSON(cmd.OutOrStdout(), idpool.Schema())
		},
	}
}
