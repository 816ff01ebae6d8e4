package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/validator"
)

// maxInput is the size above which standard input or a claims file is not read.
const maxInput = 1 << 20

func (a *app) explainCommand() *cobra.Command {
	r := validator.Request{All: true}
	cmd := &cobra.Command{
		Use:   "explain [TOKEN|-]",
		Short: "Say whether a token may log in, and if not, why and how to fix it",
		Long: `explain makes every check that the broker would make of a token, names the
likely cause of a refusal and says what to change where. The token is an
argument, or comes from standard input.

Keys are fetched from the jwksUri of the config's providers and from nowhere
else; for a provider given as tenant: they are the config's own, and no server
need run. The exit code is 0 when allowed, 1 when refused, 2 for a mistake in
the command or the config.`,
		Example: `  idpool token --client-id 75f2f796-363d-4de2-b299-713920db01a7 | idpool explain --pool pool-prod -
  idpool explain --config acme.yaml --output json eyJ0eXAiOi…`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd, args, r) },
	}
	cmd.Flags().StringVar(&r.Pools, "pool", "", "identity pool `ID`, or a comma list (default: every pool that matches)")
	cmd.Flags().StringVar(&r.Cluster, "cluster", "", "cluster `ID` (default: the config's only one)")
	return cmd
}

func (a *app) explain(cmd *cobra.Command, args []string, r validator.Request) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if r.Token, err = tokenArgument(cmd, args); err != nil {
		return err
	}
	if r.Cluster == "" && !cmd.Flags().Changed("cluster") && len(c.Clusters) == 1 {
		r.Cluster = c.Clusters[0].ID
	}
	stack, err := idpool.New(c)
	if err != nil {
		return &exitError{exitUsage, err, ""}
	}
	defer stack.Close()
	d := stack.Decide(cmd.Context(), r)
	if err := a.printDecision(cmd.OutOrStdout(), d); err != nil {
		return err
	}
	if !d.Allowed {
		return refused
	}
	return nil
}

// tokenArgument takes the token from the arguments or from standard input.
func tokenArgument(cmd *cobra.Command, args []string) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return bareToken(cmd, args[0]), nil
	}
	if len(args) == 0 && isTerminal(cmd.InOrStdin()) {
		return "", usageError("", "explain: no token: give it as an argument, or - and pipe it in")
	}
	data, err := readAll(cmd.InOrStdin())
	if err != nil {
		return "", usageError("", "explain: %v", err)
	}
	if token := bareToken(cmd, string(data)); token != "" {
		return token, nil
	}
	return "", usageError("the command before the pipe has printed none", "explain: standard input has no token")
}

// bareToken takes a token out of what people paste, and says what it did.
func bareToken(cmd *cobra.Command, text string) string {
	token := strings.TrimSpace(text)
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(token), &answer); err == nil && answer.AccessToken != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: took access_token out of the token endpoint's answer")
		return answer.AccessToken
	}
	for _, around := range []string{"Authorization:", "Bearer ", "bearer "} {
		token = strings.TrimSpace(strings.TrimPrefix(strings.Trim(token, `"'`), around))
	}
	if token != strings.TrimSpace(text) {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: took off what stood around the token: quotes, or the header's Bearer")
	}
	return token
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err == nil && len(data) > maxInput {
		err = fmt.Errorf("the input is over %d bytes", maxInput)
	}
	return data, err
}

func (a *app) printDecision(w io.Writer, d validator.Decision) error {
	if a.json() {
		return printJSON(w, d)
	}
	p := decisionPrinter{w: w, paint: paintFor(w)}
	p.verdict(d)
	for _, c := range d.Checks {
		p.check(c)
	}
	for _, c := range d.Causes {
		p.cause(c)
	}
	return p.err
}

// decisionPrinter writes a Decision for a person.
type decisionPrinter struct {
	w     io.Writer
	paint paint
	err   error
}

func (p *decisionPrinter) printf(format string, args ...any) {
	_, err := fmt.Fprintf(p.w, format, args...)
	p.err = errors.Join(p.err, err)
}

func (p *decisionPrinter) verdict(d validator.Decision) {
	if !d.Allowed {
		p.printf("%s\n\n", p.paint.bold(p.paint.red("✗ refused")+" at the check "+d.Failed().Name))
		return
	}
	p.printf("%s\n", p.paint.bold(p.paint.green("✓ allowed")+" as "+d.Principal))
	p.printf("  identity %s, pools %s, until %s\n\n", d.Identity, strings.Join(d.Pools, ", "), d.ExpiresAt.UTC().Format("2006-01-02 15:04:05Z"))
}

func (p *decisionPrinter) check(c validator.Check) {
	switch c.Status {
	case validator.Pass:
		p.printf("  %s %-10s  %s\n", p.paint.green("✓"), c.Name, c.Message)
	case validator.Fail:
		p.printf("  %s %-10s  %s\n", p.paint.red("✗"), c.Name, c.Message)
		p.detail("got", c.Got)
		p.detail("want", c.Want)
	default:
		p.printf("  %s %-10s  %s\n", p.paint.faint("–"), c.Name, p.paint.faint(c.Message))
	}
}

func (p *decisionPrinter) detail(name, value string) {
	if value != "" {
		p.printf("    %10s  %s %s\n", "", p.paint.faint(fmt.Sprintf("%-4s", name)), value)
	}
}

func (p *decisionPrinter) cause(c validator.Cause) {
	p.printf("\n%s %s\n", p.paint.bold("cause"), c.ID)
	p.block(c.Summary)
	p.printf("%s\n", p.paint.bold("fix"))
	p.block(c.Fix)
	if c.Docs != "" {
		p.printf("%s  %s\n", p.paint.bold("docs"), c.Docs)
	}
}

// block writes text of several lines with an indent.
func (p *decisionPrinter) block(text string) {
	for line := range strings.Lines(text) {
		p.printf("  %s\n", strings.TrimRight(line, "\n"))
	}
}
