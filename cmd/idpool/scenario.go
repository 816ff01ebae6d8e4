package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/scenario"
)

func (a *app) scenarioCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "Reproduce known misconfigurations, one by one, and prove them fixed",
		Long: `scenario is the catalogue of how people get the path from a Kafka client over
Azure AD to Confluent Cloud wrong. Each breaks the built-in Acme tenant, says what
must happen, and heals it; "idpool serve --scenario ID" runs the broken stack.`,
		Example: "  idpool scenario list\n  idpool scenario show no-app-role\n  idpool scenario run no-app-role\n  idpool scenario run all",
		Args:    group,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.scenarioListCommand(), a.scenarioShowCommand(), a.scenarioRunCommand())
	return cmd
}

// listed is a scenario in the JSON of scenario list.
type listed struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Rows   []int    `json:"rows,omitempty"`
	Causes []string `json:"causes"`
}

func (a *app) scenarioListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the catalogue",
		Example: "  idpool scenario list",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := scenario.All()
			if err != nil {
				return &exitError{exitUsage, err, ""}
			}
			return a.listScenarios(cmd.OutOrStdout(), all)
		},
	}
}

func (a *app) listScenarios(w io.Writer, all []*scenario.Scenario) error {
	var out []listed
	widest := 0
	for _, s := range all {
		out = append(out, listed{s.ID, s.Title, s.Rows, s.Causes})
		widest = max(widest, len(s.ID))
	}
	if a.json() {
		return printJSON(w, out)
	}
	for _, s := range out {
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", widest, s.ID, s.Title); err != nil {
			return err
		}
	}
	return nil
}

// findScenario is a scenario by its id; the mistake is one of usage.
func findScenario(id string) (*scenario.Scenario, error) {
	s, err := scenario.Find(id)
	if err != nil {
		return nil, &exitError{exitUsage, err, ""}
	}
	return s, nil
}

// oneID takes exactly one argument, the id of a scenario.
func oneID(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError(`"idpool scenario list" lists them`, "scenario %s: %s is missing", cmd.Name(), what)
		}
		return atMost(1)(cmd, args)
	}
}

func (a *app) scenarioShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show what a scenario breaks, what must happen, and what heals it",
		Example: "  idpool scenario show no-app-role",
		Args:    oneID("the id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := findScenario(args[0])
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if a.json() {
				return printJSON(w, s)
			}
			p := decisionPrinter{w: w, paint: paintFor(w)}
			p.scenario(s)
			return p.err
		},
	}
}

// scenario shows a scenario as its file has it.
func (p *decisionPrinter) scenario(s *scenario.Scenario) {
	p.printf("%s  %s\n\n", p.paint.bold(s.ID), s.Title)
	p.block(s.Story)
	p.printf("\n%s\n", p.paint.bold("broken by"))
	p.block(s.Broken.String())
	p.printf("\n%s %s\n", p.paint.bold("must happen"), plainText(s.Expect))
	p.printf("%s   %s\n", p.paint.bold("explained"), strings.Join(s.Causes, ", "))
	p.printf("\n%s\n", p.paint.bold("healed by"))
	p.block(s.Healed.String())
}

// plainText is an expectation without the marks of Markdown.
func plainText(e scenario.Expectation) string { return strings.ReplaceAll(e.String(), "`", "") }

func (a *app) scenarioRunCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run ID|all",
		Short: "Break the stack, show what the customer sees and why, heal it, and show that it passes",
		Long: `run starts the broken stack on free ports of this machine, does what the customer
did, and shows what the customer sees and what idpool explains. Then it heals the
stack and shows that the client gets in. The exit code is 0 only when all three
are as the scenario says, and 1 otherwise.`,
		Example: "  idpool scenario run no-app-role\n  idpool scenario run all",
		Args:    oneID("the id, or all,"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "all" {
				return a.runAll(cmd)
			}
			return a.runOne(cmd, args[0])
		},
	}
}

func (a *app) runOne(cmd *cobra.Command, id string) error {
	s, err := findScenario(id)
	if err != nil {
		return err
	}
	r, err := s.Run(cmd.Context())
	if err != nil {
		return &exitError{exitRefused, err, ""}
	}
	w := cmd.OutOrStdout()
	if a.json() {
		err = printJSON(w, r)
	} else {
		p := decisionPrinter{w: w, paint: paintFor(w)}
		p.result(s, r)
		err = p.err
	}
	if err == nil && !r.AsWritten() {
		return refused
	}
	return err
}

// result shows what happened when a scenario ran.
func (p *decisionPrinter) result(s *scenario.Scenario, r scenario.Result) {
	p.printf("%s  %s\n\n", p.paint.bold(s.ID), s.Title)
	p.block(s.Story)
	p.outcome("broken", r.Broken, plainText(s.Expect))
	if r.Seen.Said != "" {
		p.printf("  the customer sees (%s): %s\n", r.Seen.By, r.Seen.Said)
	}
	p.outcome("explained", r.Explained, strings.Join(s.Causes, ", "))
	for _, c := range r.Seen.Causes {
		p.cause(c)
	}
	for _, w := range r.Seen.Lint {
		if slices.Contains(s.Expect.Lint, w.ID) {
			p.printf("\n%s %s\n  %s\n%s\n", p.paint.bold("warning"), w.ID, w, p.paint.bold("fix"))
			p.block(w.Fix)
		}
	}
	p.outcome("healed", r.Healed, "the client gets in")
	p.block(s.Healed.String())
	if d := r.SeenHealed.Decision; d != nil && d.Allowed {
		p.printf("  allowed as %s, identity %s\n", d.Principal, d.Identity)
	}
}

// outcome is one of the three, with what differs from what is written.
func (p *decisionPrinter) outcome(name string, v scenario.Verdict, want string) {
	mark := p.paint.green("✓")
	if !v.AsWritten {
		mark = p.paint.red("✗")
	}
	p.printf("\n%s %s: %s\n", mark, p.paint.bold(name), want)
	for _, d := range v.Differences {
		p.printf("  %s\n", d)
	}
}

func (a *app) runAll(cmd *cobra.Command) error {
	all, err := scenario.All()
	if err != nil {
		return &exitError{exitUsage, err, ""}
	}
	results, err := scenario.RunAll(cmd.Context(), all)
	if err != nil {
		return &exitError{exitRefused, err, ""}
	}
	wrong := 0
	for _, r := range results {
		if !r.AsWritten() {
			wrong++
		}
	}
	w := cmd.OutOrStdout()
	if a.json() {
		err = printJSON(w, results)
	} else {
		p := decisionPrinter{w: w, paint: paintFor(w)}
		p.results(results)
		p.printf("%d scenarios, %d as written\n", len(results), len(results)-wrong)
		err = p.err
	}
	if err == nil && wrong > 0 {
		return refused
	}
	return err
}

// results are a line for each scenario, and more for what is not as written.
func (p *decisionPrinter) results(results []scenario.Result) {
	for _, r := range results {
		mark := p.paint.green("✓")
		if !r.AsWritten() {
			mark = p.paint.red("✗")
		}
		p.printf("%s %s  %s\n", mark, r.ID, p.paint.faint(cmp.Or(r.Seen.Said, "the client gets in, with a warning")))
		for _, d := range slices.Concat(r.Broken.Differences, r.Explained.Differences, r.Healed.Differences) {
			p.printf("    %s\n", d)
		}
	}
}

// scenarioConfig is what serve runs for a scenario.
func (a *app) scenarioConfig(id string) (idpool.Config, *scenario.Scenario, error) {
	if a.configFile != "" {
		return idpool.Config{}, nil, usageError("leave out one of both", "serve: --config and --scenario both say what to serve")
	}
	s, err := findScenario(id)
	var exit *exitError
	if errors.As(err, &exit) {
		return idpool.Config{}, nil, usageError(exit.hint, "serve: --scenario: %s", strings.TrimPrefix(exit.Error(), "scenario: "))
	}
	if err != nil {
		return idpool.Config{}, nil, err
	}
	c, err := s.BrokenConfig()
	if err != nil {
		return c, s, &exitError{exitRefused, fmt.Errorf("serve: the config of the scenario %s is refused, and that is all there is to see: %w", id, err), ""}
	}
	return c, s, nil
}

// warnOfPort says when a scenario's config names the URL that serve has by
// default and that this one has not: its providers then look elsewhere.
func warnOfPort(w io.Writer, s *scenario.Scenario, url string) {
	if url != scenario.PublicURL && strings.Contains(s.Broken.Config, scenario.PublicURL) {
		fmt.Fprintf(w, "note: the config of %s names %s, which is not where this is served: leave --http as it is by default\n", s.ID, scenario.PublicURL)
	}
}

// printScenario tells a person what is broken, and how a client meets it.
func printScenario(w io.Writer, s *scenario.Scenario, base string) error {
	p := decisionPrinter{w: w, paint: paintFor(w)}
	p.printf("\n%s %s: %s\n", p.paint.bold("Broken on purpose"), s.ID, s.Title)
	p.block(s.Story)
	r := s.BrokenRequest()
	form := url.Values{"grant_type": {"client_credentials"}}
	for name, value := range map[string]string{"client_id": r.ClientID, "client_secret": r.ClientSecret, "scope": r.Scope} {
		if value != "" {
			form.Set(name, value)
		}
	}
	if base != "" && r.Token == "" && r.Assertion == nil {
		p.printf("\n%s\n  curl -d '%s' '%s/%s/oauth2/v2.0/token'\n", p.paint.bold("What the client asks"), form.Encode(), base, r.Tenant)
	}
	var extensions []string
	for _, key := range slices.Sorted(maps.Keys(r.Extensions)) {
		extensions = append(extensions, fmt.Sprintf("%s=%v", key, r.Extensions[key]))
	}
	p.printf("\n%s %s\n", p.paint.bold("Its extensions"), cmp.Or(strings.Join(extensions, ","), "none"))
	p.printf("%s   %s\n", p.paint.bold("Must happen"), plainText(s.Expect))
	p.printf("%s\n", p.paint.bold("Healed by"))
	p.block(s.Healed.String())
	p.printf("  (idpool scenario run %s shows all of it at once)\n", s.ID)
	return p.err
}
