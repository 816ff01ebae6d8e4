package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// explainFlags say what to explain, beside the token.
type explainFlags struct {
	pools, cluster  string
	noSignature     bool
	foreign         foreignFlags
	extensions      []string
	operation, name string // of a resource
	at              string
	readyFile       string
	urls            urlFlags
}

// foreignFlags describe one provider and one pool in place of a config.
type foreignFlags struct {
	filter, language, issuer, identityClaim, jwks string
}

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [TOKEN|-]",
		Short: "Say whether a token may log in, and if not, why and how to fix it",
		Long: `explain makes every check that the broker would make of a token, names the
likely cause of a refusal and says what to change where. The token is an
argument, or comes from standard input; quotes, line breaks, "Bearer" and the
JSON around it are taken off. A decoded payload will do, and so will what the
token endpoint or a Kafka client printed instead of a token.

A token from production needs no config and no signature: --no-signature leaves
the signature out, and --filter, --issuer and --identity-claim stand in for the
config. Nothing is sent anywhere then, unless --jwks says where keys are.

With a config, keys are fetched from the jwksUri of its providers and from
nowhere else; for a provider given as tenant: they are the config's own, and no
server need run. Where one runs on other ports than the config's, --ready-file says
which issuers it has. The exit code is 0 when allowed, 1 when refused, 2 for a
mistake in the command or the config.`,
		Example: `  idpool token --client-id 75f2f796-363d-4de2-b299-713920db01a7 | idpool explain --pool pool-prod -
  idpool explain --no-signature --filter "'prod' in claims.roles" --identity-claim claims.azp eyJ0eXAiOi…
  idpool explain --pool pool-dev --operation Read --resource topic=orders - < token
  idpool explain "AADSTS7000215: Invalid client secret provided."`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.explain(cmd, args, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.pools, "pool", "", "identity pool `ID`, or a comma list (default: every pool that matches)")
	flags.StringVar(&f.cluster, "cluster", "", "cluster `ID` (default: the config's only one)")
	flags.BoolVar(&f.noSignature, "no-signature", false, "leave out the signature: it may have been cut off")
	f.foreign.register(cmd)
	flags.StringVar(&f.foreign.issuer, "issuer", "", "`URL` of the provider's issuer, in place of a config (default: the token's own)")
	flags.StringVar(&f.foreign.jwks, "jwks", "", "`URL` of the provider's keys: they are fetched, and the signature is verified")
	flags.StringArrayVar(&f.extensions, "extension", nil, "SASL extension `KEY=VALUE` as the client sends it; may be given several times")
	flags.StringVar(&f.operation, "operation", "", "Kafka operation `NAME` to ask for, such as Read; with --resource")
	flags.StringVar(&f.name, "resource", "", "`TYPE=NAME` of what --operation is done to, such as topic=orders, or cluster")
	flags.StringVar(&f.at, "at", "", "decide as of this `TIME` (RFC 3339), such as 2026-11-23T12:00:00Z")
	readyFlag(cmd, &f.readyFile)
	f.urls.addElsewhere(cmd.Flags())
	return cmd
}

// register adds the flags that describe a pool.
func (f *foreignFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.filter, "filter", "", "`FILTER` of the pool, in place of a config")
	cmd.Flags().StringVar(&f.language, "language", "cel", "`LANGUAGE` of the filter: cel or expr")
	cmd.Flags().StringVar(&f.identityClaim, "identity-claim", "", "identity `CLAIM` of the pool, such as claims.azp")
}

// used says whether any of them was given.
func (f foreignFlags) used() bool {
	return f.filter+f.issuer+f.identityClaim+f.jwks != ""
}

// mistake is an error of the config that the flags describe, by the flags'
// names.
func (f foreignFlags) mistake(cmd *cobra.Command, err error) error {
	var mistakes idpool.ConfigErrors
	if !f.used() || !errors.As(err, &mistakes) {
		return &exitError{exitUsage, err, ""}
	}
	var lines []string
	for _, m := range mistakes {
		field := m.Field[strings.LastIndexByte(m.Field, '.')+1:]
		flag := map[string]string{"identityClaim": "identity-claim", "jwksUri": "jwks"}[field]
		lines = append(lines, cmd.Name()+": --"+cmp.Or(flag, field)+": "+m.Message)
	}
	return &exitError{exitUsage, errors.New(strings.Join(lines, "\n")), ""}
}

// token is the provider and the pool that the flags describe, for a token.
func (f foreignFlags) token(claims map[string]any) idpool.ForeignToken {
	return idpool.ForeignToken{Claims: claims, Filter: f.filter, Language: pool.Language(f.language),
		IdentityClaim: f.identityClaim, Issuer: f.issuer, JWKSURI: f.jwks}
}

func (a *app) explain(cmd *cobra.Command, args []string, f explainFlags) error {
	p, err := a.pasted(cmd, args)
	if err != nil {
		return err
	}
	c, r, err := a.explained(cmd, f, p)
	if err != nil {
		return err
	}
	stack, err := idpool.New(c)
	if err != nil {
		return f.foreign.mistake(cmd, err)
	}
	defer stack.Close()
	if p.text != "" {
		return a.explainText(cmd, stack, r, p.text)
	}
	d := stack.Decide(cmd.Context(), r)
	if err := a.printDecision(cmd.OutOrStdout(), d, stack.Traces(d)); err != nil {
		return err
	}
	if !d.Allowed {
		return refused
	}
	return nil
}

// pasted reads what to explain from the arguments or from standard input.
func (a *app) pasted(cmd *cobra.Command, args []string) (paste, error) {
	text, from := "", "the argument"
	switch {
	case len(args) == 1 && args[0] != "-":
		text = args[0]
	case len(args) == 0 && isTerminal(cmd.InOrStdin()):
		return paste{}, usageError("", "%s: no token: give it as an argument, or - and pipe it in", cmd.Name())
	default:
		data, err := readAll(cmd.InOrStdin())
		if err != nil {
			return paste{}, usageError("", "%s: %v", cmd.Name(), err)
		}
		text, from = string(data), "standard input"
	}
	p, err := readPaste(text)
	switch {
	case err != nil:
		return p, usageError("", "%s: %v", cmd.Name(), err)
	case p.token == "" && p.claims == nil && p.text == "" && from == "standard input":
		return p, usageError("the command before the pipe has printed none", "%s: standard input has no token", cmd.Name())
	}
	p.say(cmd.ErrOrStderr())
	return p, nil
}

// explained is the config to decide with and the request to decide about.
func (a *app) explained(cmd *cobra.Command, f explainFlags, p paste) (idpool.Config, validator.Request, error) {
	r := validator.Request{Token: p.token, Claims: p.claims, Cluster: f.cluster, Pools: f.pools, Unverified: f.noSignature, All: true}
	if err := f.request(&r); err != nil {
		return idpool.Config{}, r, err
	}
	c, err := a.configFor(cmd, f, p)
	if err != nil {
		return c, r, err
	}
	if f.foreign.used() {
		r.Pools = idpool.ForeignPool
		r.Unverified = r.Unverified || f.foreign.jwks == ""
		if f.foreign.issuer == "" && f.foreign.jwks != "" {
			fmt.Fprintln(cmd.ErrOrStderr(), "note: without --issuer the token's own is taken for the provider's")
		}
	}
	if r.Cluster == "" && !cmd.Flags().Changed("cluster") && len(f.extensions) == 0 && len(c.Clusters) == 1 {
		r.Cluster = c.Clusters[0].ID
	}
	if f.at != "" {
		at, err := time.Parse(time.RFC3339, f.at)
		if err != nil {
			return c, r, usageError("", "explain: --at: %q is no time, want one such as 2026-11-23T12:00:00Z", f.at)
		}
		c.Now = func() time.Time { return at }
	}
	return c, r, nil
}

// configFor is the config of --config, or the one that the flags describe.
func (a *app) configFor(cmd *cobra.Command, f explainFlags, p paste) (idpool.Config, error) {
	switch {
	case !f.foreign.used():
		c, _, err := a.loadPlaced(cmd, f.readyFile, f.urls)
		return c, err
	case a.typed(cmd, "ready-file"):
		return idpool.Config{}, usageError("", "explain: --ready-file is for the config that serve has, and --filter, --issuer, --identity-claim and --jwks stand in for one")
	case a.typed(cmd, "config"): // a variable is for the other commands, too
		return idpool.Config{}, usageError("leave out --config, or put the filter into it", "explain: --filter, --issuer, --identity-claim and --jwks stand in for a config, and there is one")
	case f.pools != "":
		return idpool.Config{}, usageError("", "explain: --pool: the flags describe the only pool there is")
	case f.noSignature && f.foreign.jwks != "":
		return idpool.Config{}, usageError("", "explain: --jwks is for verifying the signature, and --no-signature leaves it out")
	}
	claims := p.claims
	if claims == nil {
		claims, _ = payload(p.token) // what cannot be read, the check format says better
	}
	return idpool.Foreign(f.foreign.token(claims)), nil
}

// request puts extensions and operation into a request.
func (f explainFlags) request(r *validator.Request) error {
	for _, e := range f.extensions {
		key, value, ok := strings.Cut(e, "=")
		if !ok {
			return usageError("", "explain: --extension: %q is not KEY=VALUE", e)
		}
		if r.Extensions == nil {
			r.Extensions = map[string]string{}
		}
		r.Extensions[key] = value
		switch key {
		case "logicalCluster":
			r.Cluster = value
		case "identityPoolId":
			r.Pools = value
		}
	}
	if f.pools != "" && r.Pools != f.pools {
		return usageError("leave out one of both", "explain: --pool is %q, and --extension identityPoolId is %q", f.pools, r.Pools)
	}
	if f.operation == "" && f.name == "" {
		return nil
	}
	o, err := pool.ParseOperation(f.operation, f.name)
	if err != nil {
		return usageError("", "explain: --operation, --resource: %v", err)
	}
	r.Operation = o
	return nil
}

// explainText explains what was printed in place of a token.
func (a *app) explainText(cmd *cobra.Command, stack *idpool.Stack, r validator.Request, text string) error {
	causes := stack.ExplainClient(r, text)
	w := cmd.OutOrStdout()
	if a.json() {
		d := validator.Decision{Pools: []string{}, Checks: []validator.Check{}, Causes: causes}
		if err := printJSON(w, d); err != nil {
			return err
		}
		return refused
	}
	p := decisionPrinter{w: w, paint: paintFor(w)}
	p.printf("%s\n", p.paint.bold(p.paint.red("✗ no token")+": this is what was printed in place of one"))
	for _, c := range causes {
		p.cause(c)
	}
	if p.err != nil {
		return p.err
	}
	return refused
}

// explanation is the JSON of explain: a Decision and the filters that refused.
type explanation struct {
	validator.Decision
	Traces map[string]pool.Trace `json:"traces,omitempty"`
}

func (a *app) printDecision(w io.Writer, d validator.Decision, traces map[string]pool.Trace) error {
	if a.json() {
		return printJSON(w, explanation{d, traces})
	}
	p := decisionPrinter{w: w, paint: paintFor(w)}
	p.verdict(d)
	for _, c := range d.Checks {
		p.check(c)
		if c.Name == validator.CheckFilter && c.Status == validator.Fail {
			p.traces(traces)
		}
	}
	for _, c := range d.Causes {
		p.cause(c)
	}
	return p.err
}
