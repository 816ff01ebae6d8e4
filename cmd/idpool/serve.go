package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/ca"
	"github.com/idpool/idpool/scenario"
)

// The addresses of the command when neither flag nor config says otherwise.
const (
	defaultHTTP   = "127.0.0.1:8080"
	defaultHTTPS  = "127.0.0.1:8443"
	defaultAdmin  = "127.0.0.1:8081"
	defaultBroker = "127.0.0.1:9092"
)

type serveFlags struct {
	state, readyFile    string
	logLevel, logFormat string
	scenario            string
	faults              []string
	watch               bool
	await               string
	webFlags
	urlFlags
	serveAdminFlags
	kafkaFlags
}

// serveLong is the help of serve.
const serveLong = `serve runs the stack of the config: tokens as Azure AD mints them on the http
and https listeners, a Kafka cluster that takes them as Confluent Cloud does on
the kafka listener, and on the admin listener an API for tests (GET /openapi.json),
health and metrics. It prints a curl and the settings of a Kafka client to paste,
then logs a line for each token and each login. Without --config it serves the
built-in Acme tenant.

The Kafka cluster is in the process and forgets everything, unless --data keeps
it; with --kafka-upstream idpool stands before a real cluster instead. SASL_SSL
and SASL_PLAINTEXT are taken at the same port.

The certificate of the https listener is from idpool's own CA, which is kept in
the --state folder: "idpool ca trust-help" says how clients trust it.

With --scenario it serves a stack that is broken on purpose, one of "idpool
scenario list", to point a real client at. With --fault the stack is right, and
now and then something goes wrong: answers that are late, errors, keys or tokens
that are broken, as the file says.

With --watch an edit of the config file counts at once: tenants, applications,
secrets, roles, providers and pools. An edit with a mistake changes nothing, and
neither does one of what only a restart changes, such as a listener.

In a container, every flag is an environment variable. --public-url is what clients
outside and the issuer of tokens have, and --inside-url what other containers ask
at. --await takes settings from a file that is waited for, such as ports that are
known only when the container runs. With --azure-names a container is Azure AD for
its network, whose programs need no other URL.

The admin listener mints any token for whoever reaches it. Beyond loopback it
needs a token, in the environment variable ` + adminTokenVariable + ` or by --admin-token,
which ps shows to every user of the machine.`

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the identity provider, the Kafka listener and the admin listener until interrupted",
		Long:  serveLong,
		Example: `  idpool serve
  idpool serve --scenario v1-token
  idpool serve --config idpool.yaml --watch
  idpool serve --fault faults.yaml
  idpool serve --kafka-errors verbose
  idpool serve --kafka-upstream broker-1:9092,broker-2:9092
  idpool serve --public-url http://localhost:8080 --inside-url http://idpool:8080
  idpool serve --config idpool.yaml --http 127.0.0.1:0 --ready-file ready.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.awaitSettings(cmd, f); err != nil || cmd.Context().Err() != nil {
				return err
			}
			if err := a.environment.leaveOut(cmd); err != nil {
				return err
			}
			if err := a.azure(cmd, &f); err != nil {
				return err
			}
			return a.serve(cmd, f)
		},
	}
	f.add(cmd.Flags())
	return cmd
}

func (f *serveFlags) add(flags *pflag.FlagSet) {
	f.webFlags.add(flags)
	f.urlFlags.add(flags)
	f.serveAdminFlags.add(flags)
	f.kafkaFlags.add(flags)
	flags.StringVar(&f.state, "state", "", stateUsage)
	flags.StringVar(&f.readyFile, "ready-file", "", "write the URLs as JSON to `FILE` once everything listens")
	flags.StringVar(&f.scenario, "scenario", "", "serve the broken stack of this scenario `ID` in place of a config")
	flags.StringArrayVar(&f.faults, "fault", nil, "let the faults of `FILE` happen; may be given several times")
	flags.StringVar(&f.await, "await", "", "wait until `FILE` is there and ends in a line break, and take more settings from it, "+variablePrefix+"NAME=VALUE on each line")
	flags.BoolVar(&f.watch, "watch", false, "apply edits of the config file while serving")
	flags.StringVar(&f.logLevel, "log-level", "info", "`LEVEL` of the log on standard error: info, warn, error or off")
	flags.StringVar(&f.logFormat, "log-format", "text", "`FORMAT` of the log: text or json")
}

func (a *app) serve(cmd *cobra.Command, f serveFlags) error {
	stderr := cmd.ErrOrStderr()
	edits, err := a.newConfigWatch(f, stderr)
	if err != nil {
		return err
	}
	c, broken, err := a.served(f.scenario)
	if err != nil {
		return err
	}
	replaced := f.replaced(c)
	over, err := f.over(&c, stderr)
	if err != nil {
		return err
	}
	faults, err := readFaults(f.faults)
	if err != nil {
		return err
	}
	if c.Logger, err = logger(stderr, f.logLevel, f.logFormat); err != nil {
		return err
	}
	warnOfStrays(c.Logger, strays(cmd.Root(), os.Environ()))
	warnOfReplaced(c.Logger, replaced)
	c.Begin = func(s *idpool.Stack) error { return addFaults(s, faults) }
	stack, err := idpool.Start(context.WithoutCancel(cmd.Context()), c)
	if err != nil {
		return a.notStarted(cmd, err)
	}
	if edits != nil {
		edits.over, edits.log = over, c.Logger
	}
	err = a.serveUntilEnd(cmd, stack, f, welcome{faults: faults, broken: broken, edits: edits, config: c})
	return errors.Join(err, stack.Close())
}

// welcome is what a stack that runs has to say.
type welcome struct {
	faults []faultFile
	broken *scenario.Scenario // nil for none
	edits  *configWatch       // nil for none
	config idpool.Config      // as it was given
}

// serveUntilEnd says what is served, and waits for the end.
func (a *app) serveUntilEnd(cmd *cobra.Command, stack *idpool.Stack, f serveFlags, say welcome) error {
	stderr := cmd.ErrOrStderr()
	warnOfAdmin(stderr, stack.Config(), stack.Admin)
	if a.json() { // whose standard output a program reads
		printFaults(stderr, stack, say.faults)
	} else {
		printFaults(cmd.OutOrStdout(), stack, say.faults)
	}
	end := say.edits.start(cmd.Context(), stack)
	defer end()
	err := a.ready(cmd, stack, f.readyFile)
	if say.broken != nil {
		warnOfPort(stderr, say.broken, stack.HTTP)
	}
	if say.broken != nil && !a.json() {
		err = errors.Join(err, printScenario(cmd.OutOrStdout(), say.broken, cmp.Or(stack.HTTP, stack.HTTPS)))
	}
	if err == nil && a.configFile != "" { // now, since it takes a while for a large one
		warnOfConfig(cmd.Context(), say.config.Logger, stack, say.config)
	}
	if err == nil {
		<-cmd.Context().Done()
	}
	return err
}

// served is the config to serve, and the scenario that it is of, if any.
func (a *app) served(id string) (idpool.Config, *scenario.Scenario, error) {
	if id != "" {
		return a.scenarioConfig(id)
	}
	c, err := a.load()
	return c, nil, err
}

// over puts the flags and the defaults over the config, and returns what does
// the same to an edit of it.
func (f serveFlags) over(c *idpool.Config, stderr io.Writer) (func(*idpool.Config) error, error) {
	if err := f.apply(c); err != nil {
		return nil, err
	}
	state := c.State
	keepAuthority(stderr, c)
	if state != "" {
		return f.apply, nil
	}
	state = c.State // where the CA is kept is not decided a second time
	return func(edited *idpool.Config) error {
		err := f.apply(edited)
		edited.State = cmp.Or(edited.State, state)
		return err
	}, nil
}

// apply puts the flags over the config.
func (f serveFlags) apply(c *idpool.Config) error {
	l := &c.Listeners
	f.webFlags.apply(l)
	if err := f.placePublic(c); err != nil {
		return err
	}
	if err := f.serveAdminFlags.apply(&l.Admin); err != nil {
		return err
	}
	if err := f.kafkaFlags.apply(c); err != nil {
		return err
	}
	if err := checkState("serve", f.state); err != nil {
		return err
	}
	c.State = cmp.Or(f.state, c.State)
	if l.HTTP.Address == idpool.Off && l.HTTPS.Address == idpool.Off && l.Admin.Address == idpool.Off && l.Kafka.Address == idpool.Off {
		return usageError("", "serve: --http, --https, --admin and --kafka are all off, and nothing is left to serve")
	}
	return nil
}

// logger writes lines of text or JSON from a level on.
func logger(w io.Writer, level, format string) (*slog.Logger, error) {
	if format != "text" && format != "json" {
		return nil, usageError("", "serve: --log-format: %q is no format, want text or json", format)
	}
	if level == "off" {
		return slog.New(slog.DiscardHandler), nil
	}
	levels := map[string]slog.Level{"info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	l, known := levels[strings.ToLower(level)]
	if !known {
		return nil, usageError("", "serve: --log-level: %q is no level, want info, warn, error or off", level)
	}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})), nil
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// ready tells a person or a program where the stack listens.
func (a *app) ready(cmd *cobra.Command, s *idpool.Stack, file string) error {
	r := readinessOf(s)
	var err error
	if a.json() {
		err = writeJSON(cmd.OutOrStdout(), r, "")
	} else {
		printWelcome(cmd.OutOrStdout(), s, r)
	}
	if file != "" {
		err = errors.Join(err, writeWhole(file, r))
	}
	return err
}

// printWelcome prints what to paste.
func printWelcome(w io.Writer, s *idpool.Stack, r readiness) {
	c := s.Config()
	p := paintFor(w)
	fmt.Fprintf(w, "%s for tests only: its keys are public, its secrets lie in a file. %s\n", p.bold("idpool"), p.faint("("+summary(c)+")"))
	fmt.Fprintf(w, "  http   %s\n  https  %s\n  admin  %s%s\n  kafka  %s%s\n  seed   %d\n", cmp.Or(r.HTTP, "off"), cmp.Or(r.HTTPS, "off"),
		cmp.Or(r.Admin, "off"), p.faint(behindAdmin(c)), kafkaAddresses(r), p.faint(behindKafka(c)), c.Seed)
	trust := trustFor(s, r)
	t, client, ok := firstClient(c)
	base := cmp.Or(r.HTTP, r.HTTPS)
	if trust.note != "" {
		fmt.Fprintf(w, "\n%s\n  %s\n", p.bold("Clients of https and SASL_SSL must trust idpool's CA"), trust.note)
	}
	if !ok || base == "" {
		return
	}
	properties := trust.property
	if r.HTTP != "" { // what is printed needs no certificate
		properties, trust.curl = "", ""
	}
	if c.Listeners.Kafka.SecurityProtocol == "SASL_SSL" {
		properties += trust.broker
	}
	scope, err := defaultScope(c, client.AppID)
	if err != nil {
		return // a client without roles has no scope worth pasting
	}
	secret := printable(client.PasswordCredentials[0].SecretText)
	endpoint := fmt.Sprintf("%s/%s/oauth2/v2.0/token", base, t.ID)
	fmt.Fprintf(w, "\n%s\n  curl %s-X POST -H \"Content-Type: application/x-www-form-urlencoded\" -d \"client_id=%s&scope=%s&client_secret=%s&grant_type=client_credentials\" '%s'\n",
		p.bold("A token for "+client.DisplayName), trust.curl, client.AppID, scope, secret, endpoint)
	fmt.Fprintf(w, "\n%s\n%s\n", p.bold(`A Kafka client (librdkafka; "idpool client" has the others)`), clientProperties(c, r, endpoint, client.AppID, secret, scope)+properties)
}

// trustLines make clients of the https listener trust its CA. All are empty
// where there is none.
type trustLines struct {
	note     string // for a person, with what to run first
	curl     string // an option of curl, with a space after it
	property string // a line of librdkafka's properties
	broker   string // the same for the brokers
}

// trustFor names the file that keeps the CA, or how a client gets a fresh one.
func trustFor(s *idpool.Stack, r readiness) trustLines {
	state := s.Config().State
	if s.CA() == nil || r.HTTPS == "" && s.Config().Listeners.Kafka.SecurityProtocol != "SASL_SSL" {
		return trustLines{} // or nobody needs it
	}
	file, note := fetchedCA, fetchCA(r.Admin)
	dir, err := filepath.Abs(state)
	kept := state != "" && state != idpool.Off && err == nil
	switch {
	case !kept && r.Admin == "":
		return trustLines{note: "It is fresh, and without the admin listener nobody gets it: --state DIR keeps it in a file."}
	case os.Getpid() == 1: // in a container, whose files and addresses are not the reader's
		note = "docker exec CONTAINER /idpool ca > " + fetchedCA
	case kept:
		file = ca.CertificatePath(dir)
		note = shellWord(file) + ` ("idpool ca trust-help" says how)`
	}
	// The broker's ssl.ca.location is not for the token endpoint
	// (kafka-oauthbearer.md 5).
	return trustLines{note, "--cacert " + shellWord(file) + " ", "\n  https.ca.location=" + file, "\n  ssl.ca.location=" + file}
}

// clientProperties are the OAuth settings of librdkafka.
func clientProperties(c idpool.Config, r readiness, endpoint, clientID, secret, scope string) string {
	// What is printed needs no certificate, unless the listener wants one.
	protocol := cmp.Or(c.Listeners.Kafka.SecurityProtocol, "SASL_PLAINTEXT")
	lines := []string{
		"bootstrap.servers=" + cmp.Or(r.Kafka, "localhost:9092"),
		"security.protocol=" + protocol,
		"sasl.mechanisms=OAUTHBEARER",
		"sasl.oauthbearer.method=oidc",
		"sasl.oauthbearer.token.endpoint.url=" + endpoint,
		"sasl.oauthbearer.client.id=" + clientID,
		"sasl.oauthbearer.client.secret=" + secret,
		"sasl.oauthbearer.scope=" + scope,
	}
	var extensions []string
	if len(c.Clusters) > 0 {
		extensions = append(extensions, "logicalCluster="+c.Clusters[0].ID)
	}
	if len(c.IdentityProviders) > 0 && len(c.IdentityProviders[0].IdentityPools) > 0 {
		extensions = append(extensions, "identityPoolId="+c.IdentityProviders[0].IdentityPools[0].ID)
	}
	if len(extensions) > 0 {
		lines = append(lines, "sasl.oauthbearer.extensions="+strings.Join(extensions, ","))
	}
	return "  " + strings.Join(lines, "\n  ")
}

// firstClient is the first application that can ask for a token.
func firstClient(c idpool.Config) (idp.Tenant, idp.Application, bool) {
	for _, t := range c.Tenants {
		for _, a := range t.Applications {
			if len(a.PasswordCredentials) > 0 && len(a.AppRoleAssignments) > 0 {
				return t, a, true
			}
		}
	}
	return idp.Tenant{}, idp.Application{}, false
}

// printable is a secret as the output may show it: that of the built-in tenant,
// which everybody knows, or a shell variable, since the output may be a CI log.
func printable(secret string) string {
	for _, a := range idp.Acme().Applications {
		for _, known := range a.PasswordCredentials {
			if secret == known.SecretText {
				return secret
			}
		}
	}
	return "$CLIENT_SECRET"
}
