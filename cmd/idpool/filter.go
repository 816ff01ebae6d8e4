package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool/pool"
)

// filterAnswer is the JSON of the filter command.
type filterAnswer struct {
	Match    bool           `json:"match"`
	Reason   string         `json:"reason"`
	Deciding *pool.Deciding `json:"deciding,omitempty"`
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
	var language string
	var strict bool
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
			f, err := pool.Compile(pool.Source{Language: pool.Language(language), Text: args[0], Strict: strict})
			if err != nil {
				return a.filterInvalid(cmd, err)
			}
			return a.filter(cmd, f, args[1:])
		},
	}
	cmd.Flags().StringVar(&language, "language", "cel", "`LANGUAGE` of the filter: cel or expr")
	cmd.Flags().BoolVar(&strict, "strict", false, "refuse CEL that Confluent does not document")
	return cmd
}

func (a *app) filterInvalid(cmd *cobra.Command, err error) error {
	var f *pool.FilterError
	if a.json() && errors.As(err, &f) {
		return errors.Join(printJSON(cmd.OutOrStdout(), filterInvalid{f.Message, f.Hint, f.Line, f.Column}), &exitError{code: exitUsage})
	}
	return &exitError{exitUsage, err, ""}
}

func (a *app) filter(cmd *cobra.Command, f *pool.Filter, claimsFile []string) error {
	warnings := append([]string{}, f.Warnings()...)
	p := paintFor(cmd.OutOrStdout())
	data, err := claimsText(cmd, claimsFile)
	if err == nil && data == nil {
		return a.printFilter(cmd, p.green("✓ compiles"), warnings, filterCompiles{true, warnings})
	}
	var claims pool.Claims
	if err == nil {
		claims, err = readClaims(data)
	}
	if err != nil {
		return usageError("", "filter: %v", err)
	}
	result := f.Eval(claims)
	answer := filterAnswer{result.Match, result.Reason, result.Deciding, warnings}
	if result.Match {
		answer.Reason = "the filter is true for these claims"
		return a.printFilter(cmd, p.green("✓ match"), warnings, answer)
	}
	return errors.Join(a.printFilter(cmd, p.red("✗ no match")+"  "+result.Reason, warnings, answer), refused)
}

// printFilter prints a line and the warnings, or the JSON.
func (a *app) printFilter(cmd *cobra.Command, line string, warnings []string, answer any) error {
	w := cmd.OutOrStdout()
	if a.json() {
		return printJSON(w, answer)
	}
	fmt.Fprintln(w, line)
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

// readClaims reads a JSON object, a token, or the token endpoint's answer.
func readClaims(data []byte) (pool.Claims, error) {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		claims, err := decodeClaims(data)
		if token, ok := claims["access_token"].(string); ok && err == nil {
			return payload(token)
		}
		return claims, err
	}
	claims, err := payload(string(data))
	if err != nil {
		return nil, fmt.Errorf("want a JSON object or a token: %w", err)
	}
	return claims, nil
}
