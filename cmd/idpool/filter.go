package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/pool"
)

// filterAnswer is the JSON of the filter command.
type filterAnswer struct {
	Match    bool           `json:"match"`
	Reason   string         `json:"reason"`
	Deciding *pool.Deciding `json:"deciding,omitempty"`
	Trace    *pool.Trace    `json:"trace,omitempty"`
	Warnings []string       `json:"warnings"`
}

// filterCompiles is the JSON of the filter command without claims.
type filterCompiles struct {
	Compiles bool     `json:"compiles"`
	Warnings []string `json:"warnings"`
}

// filterInvalid is the JSON for a filter that does not compile.
type filterInvalid struct {
	Error  string `json:"error"`
	Hint   string `json:"hint,omitempty"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

func (a *app) filterCommand() *cobra.Command {
	var o filterOptions
	cmd := &cobra.Command{
		Use:   "filter FILTER [CLAIMS-FILE|-]",
		Short: "Say whether a pool's filter matches claims, and which part decides",
		Long: `filter compiles a pool's filter and evaluates it for the claims of a file or of
standard input: a JSON object, a token, whose signature is not looked at, or the
token endpoint's answer. Without claims, and without a pipe, the filter is
compiled only.

The exit code is 0 for a match (or a filter that compiles), 1 for no match, 2
for a filter that does not compile or claims that cannot be read.`,
		Example: `  idpool filter "'dev.environmentAdmin' in claims.roles" claims.json
  idpool token --client-id 75f2f796-363d-4de2-b299-713920db01a7 | idpool filter 'claims.ver == "2.0"' -`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("", "filter: the filter is missing")
			}
			return atMost(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := pool.Compile(pool.Source{Language: pool.Language(o.language), Text: args[0], Strict: o.strict})
			if err != nil {
				return a.filterInvalid(cmd, err)
			}
			return a.filter(cmd, f, args, o.trace)
		},
	}
	cmd.Flags().StringVar(&o.language, "language", "cel", "`LANGUAGE` of the filter: cel or expr")
	cmd.Flags().BoolVar(&o.strict, "strict", false, "refuse CEL that Confluent does not document")
	cmd.Flags().BoolVar(&o.trace, "trace", false, "show the filter part by part also when it matches")
	return cmd
}

// filterOptions are the flags of the filter command.
type filterOptions struct {
	language      string
	strict, trace bool
}

func (a *app) filterInvalid(cmd *cobra.Command, err error) error {
	var f *pool.FilterError
	if a.json() && errors.As(err, &f) {
		return errors.Join(printJSON(cmd.OutOrStdout(), filterInvalid{f.Message, f.Hint, f.Line, f.Column}), &exitError{code: exitUsage})
	}
	return &exitError{exitUsage, err, ""}
}

func (a *app) filter(cmd *cobra.Command, f *pool.Filter, args []string, trace bool) error {
	p := paintFor(cmd.OutOrStdout())
	data, err := claimsText(cmd, args[1:])
	if err == nil && data == nil {
		warnings := filterWarnings(f, args[0], nil)
		return a.printFilter(cmd, p.green("✓ compiles"), warnings, filterCompiles{true, warnings})
	}
	var claims pool.Claims
	if err == nil {
		claims, err = readClaims(cmd, data)
	}
	if err != nil {
		return usageError("", "filter: %v", err)
	}
	result := f.Eval(claims)
	answer := filterAnswer{Match: result.Match, Reason: result.Reason, Deciding: result.Deciding, Warnings: filterWarnings(f, args[0], claims)}
	line := p.red("✗ no match") + "  " + result.Reason
	if result.Match {
		answer.Reason = "the filter is true for these claims"
		line = p.green("✓ match")
	}
	if trace || !result.Match {
		t := f.Trace(claims)
		answer.Trace = &t
		line += "\n\n" + t.String()
	}
	err = a.printFilter(cmd, line, answer.Warnings, answer)
	if !result.Match {
		err = errors.Join(err, refused)
	}
	return err
}

// filterWarnings are what would surprise later, a sentence each.
func filterWarnings(f *pool.Filter, text string, claims pool.Claims) []string {
	warnings := append([]string{}, f.Warnings()...)
	for _, w := range explain.LintFilter(f, text, claims) {
		warnings = append(warnings, w.Summary)
	}
	return warnings
}

// printFilter prints some lines and the warnings, or the JSON.
func (a *app) printFilter(cmd *cobra.Command, lines string, warnings []string, answer any) error {
	w := cmd.OutOrStdout()
	if a.json() {
		return printJSON(w, answer)
	}
	fmt.Fprintln(w, strings.TrimSuffix(lines, "\n"))
	for _, warning := range warnings {
		fmt.Fprintln(w, "warning: "+warning)
	}
	return nil
}

// claimsText is what the claims are read from: a file, standard input, or a
// pipe that has something in it. It is nil when there is none of these.
func claimsText(cmd *cobra.Command, file []string) ([]byte, error) {
	switch {
	case len(file) == 1 && file[0] != "-":
		f, err := os.Open(file[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return readAll(f)
	case len(file) == 1:
		return readAll(cmd.InOrStdin())
	case !isPipe(cmd.InOrStdin()):
		return nil, nil
	}
	data, err := readAll(cmd.InOrStdin())
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, err
	}
	return data, err
}

// readClaims reads a JSON object, a token, or the token endpoint's answer, with
// whatever stands around it.
func readClaims(cmd *cobra.Command, data []byte) (pool.Claims, error) {
	p, err := readPaste(string(data))
	switch {
	case err != nil:
		return nil, err
	case p.claims != nil:
		return p.claims, nil
	}
	claims, err := payload(p.token)
	if err != nil {
		return nil, fmt.Errorf("want a JSON object or a token: %w", err)
	}
	p.say(cmd.ErrOrStderr())
	return claims, nil
}
