// Command idpool runs the OAuth path of a Kafka client, Azure AD and Confluent
// Cloud on one machine, and says why a token is refused.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/nearest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes that the commands share; 1 means a refusal of theirs.
const (
	exitRefused = 1
	exitUsage   = 2
)

// exitError ends the command with a code. err is nil when all has been said.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string { return fmt.Sprint(e.err) }

func (e *exitError) Unwrap() error { return e.err }

func usageError(hint, format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...), hint}
}

// refused ends a command whose output has said everything.
var refused = &exitError{code: exitRefused}

// run is main without the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := newApp()
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	exit := &exitError{exitUsage, err, ""}
	errors.As(err, &exit)
	a.printError(stderr, cmd, exit)
	if cmd.Name() == "health" {
		return exitRefused // Docker reserves 2 for a use of its own
	}
	return exit.code
}

// printError says why a command ended. The last line of serve is what is wrong
// and nothing else: often nobody sees more of a container that did not start.
func (a *app) printError(w io.Writer, cmd *cobra.Command, exit *exitError) {
	hint := exit.hint
	if exit.err != nil {
		text := strings.TrimPrefix(exit.err.Error(), "idpool: ")
		if hint != "" && cmd.Name() == "serve" {
			text, hint = text+": "+hint, ""
		}
		fmt.Fprintln(w, "idpool: "+a.environment.inTermsOf(cmd, text))
	}
	if hint != "" {
		fmt.Fprintln(w, "hint: "+a.environment.inTermsOf(cmd, hint))
	}
}

// app is what the commands share: the flags that each of them has, and what the
// environment gives them.
type app struct {
	configFile  string
	configFrom  string // what names the file, for errors
	output      string
	environment environment
	azureNames  azureNames
}

func newApp() *app { return &app{configFrom: "--config"} }

func rootCommand() *cobra.Command { return newApp().rootCommand() }

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "idpool",
		Short: "Azure AD, Confluent Cloud's identity pools and the reason for every refusal, on one machine",
		Long: `idpool mints the tokens that Azure AD would mint, decides about them as the
brokers of Confluent Cloud would, and says why a token is refused.

It is for tests and for finding mistakes. Its signing keys are public: never
let anything of value trust it.`,
		Example: `  idpool serve
  idpool token --client-id 75f2f796-363d-4de2-b299-713920db01a7 | idpool explain --pool pool-dev -`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              group,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.check() },
	}
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "config `FILE` (default: the built-in Acme tenant)")
	root.PersistentFlags().StringVar(&a.output, "output", "text", "`FORMAT` of the output: text or json")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.serveCommand(), a.healthCommand(), a.clientCommand(), a.tokenCommand(), a.journalCommand(), a.faultCommand(), a.clockCommand(), a.keysCommand(), a.scopeCommand(), a.resetCommand(), a.explainCommand(), a.reproduceCommand(), a.filterCommand(), a.scenarioCommand(), a.probeCommand(), a.configCommand(), a.caCommand(), a.versionCommand())
	root.SetUsageTemplate(root.UsageTemplate() + variableUsage)
	a.readEnvironment(root)
	return root
}

// variableUsage ends the usage of every command.
const variableUsage = `
Each flag has an environment variable too, such as ` + variablePrefix + `CONFIG for --config. The flag wins.
`

// readEnvironment has each command read its variables once the command line is
// parsed. Cobra runs only the nearest of these functions.
func (a *app) readEnvironment(cmd *cobra.Command) {
	if before := cmd.PersistentPreRunE; before != nil {
		cmd.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
			if err := a.environment.apply(cmd); err != nil {
				return err
			}
			return before(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		a.readEnvironment(c)
	}
}

func (a *app) check() error {
	if a.output != "text" && a.output != "json" {
		return usageError("", "--output: %q is no format, want text or json", a.output)
	}
	return nil
}

func (a *app) json() bool { return a.output == "json" }

// load reads the config that --config names.
func (a *app) load() (idpool.Config, error) {
	if a.configFile == "" {
		return idpool.Acme(), nil
	}
	text, err := a.readConfig()
	if err != nil {
		return idpool.Config{}, err
	}
	c, err := idpool.Parse(a.configFile, text)
	if err != nil {
		return c, &exitError{exitUsage, err, ""}
	}
	return c, nil
}

// readConfig reads the file of the config.
func (a *app) readConfig() ([]byte, error) {
	text, err := os.ReadFile(a.configFile)
	if err != nil {
		return nil, usageError("", "%s: %v", a.configFrom, notRead(a.configFile, err))
	}
	return text, nil
}

// group refuses an unknown subcommand with the nearest known one.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var known []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			known = append(known, c.Name())
		}
	}
	hint := fmt.Sprintf("%q lists the commands", cmd.CommandPath()+" -h")
	if near := nearest.To(args[0], known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usageError(hint, "unknown command %q", strings.TrimSpace(cmd.CommandPath()+" "+args[0]))
}
