package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/explain"
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
	// Lint are the warnings that come from the tokens that the config mints.
	Lint []explain.Warning `json:"lint"`
}

type checkError struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

func (a *app) configCheckCommand() *cobra.Command {
	matrix := false
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Find every mistake in a config, with file, line and column",
		Long: `check reads a config (FILE, or --config, or the built-in one), lists every mistake
with its place, and warns of what would surprise later, such as a filter that no
token of the config can match. The exit code is 0 without mistakes, 1 with.

With --matrix it prints a table instead: applications down, pools across, ✓ for
who gets in, and for the others the id of the likeliest cause. In a table of more
than 10,000 cells that is the check that fails, and AADSTS… where there is no
token to begin with.`,
		Example: `  idpool config check idpool.yaml
  idpool config check --matrix --output markdown idpool.yaml`,
		Args: atMost(1),
		// The formats are more than those that all commands have.
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if matrix && a.output == "markdown" {
				return nil
			}
			return a.check()
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.configFile, a.configFrom = args[0], "config"
			}
			c, err := a.load()
			if err == nil && matrix {
				return a.configMatrix(cmd, c)
			}
			return a.configCheck(cmd, c, err)
		},
	}
	cmd.Flags().BoolVar(&matrix, "matrix", false, "print which application gets into which pool; --output takes markdown, too")
	return cmd
}

// configMatrix prints the matrix, and on a terminal how far it is.
func (a *app) configMatrix(cmd *cobra.Command, c idpool.Config) error {
	var progress func(done, total int)
	stderr := cmd.ErrOrStderr()
	if isTerminal(stderr) {
		progress = func(done, total int) {
			if done%50 == 0 || done == total {
				fmt.Fprintf(stderr, "\r%d of %d applications", done, total)
			}
			if done == total {
				fmt.Fprint(stderr, "\r\x1b[K")
			}
		}
	}
	m, err := c.Matrix(cmd.Context(), progress)
	if err != nil {
		return &exitError{exitRefused, err, ""}
	}
	w := bufio.NewWriter(cmd.OutOrStdout())
	switch a.output {
	case "json":
		err = printJSON(w, m)
	case "markdown":
		err = m.Markdown(w)
	default:
		err = m.Text(w)
	}
	return errors.Join(err, w.Flush())
}

func (a *app) configCheck(cmd *cobra.Command, c idpool.Config, err error) error {
	if err != nil {
		return a.configMistakes(cmd, err)
	}
	w := cmd.OutOrStdout()
	warnings, lint := append([]string{}, c.Warnings()...), append([]explain.Warning{}, c.Lint(cmd.Context())...)
	if a.json() {
		return printJSON(w, checkAnswer{OK: true, Errors: []checkError{}, Warnings: warnings, Lint: lint})
	}
	for _, warning := range warnings {
		fmt.Fprintln(w, "warning: "+warning)
	}
	for _, warning := range lint {
		fmt.Fprintf(w, "warning: %s (%s)\n", warning, warning.ID)
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
	answer := checkAnswer{Warnings: []string{}, Lint: []explain.Warning{}}
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
