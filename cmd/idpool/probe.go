package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/probe"
)

// probeFlags say what to probe, with what, and how.
type probeFlags struct {
	url, method, accept, refuse string
	headers                     []string
	kafka, cluster, pool        string
	extensions                  []string
	tls, insecure               bool
	ca                          string
	request                     idp.TokenRequest
	issuer, lure, readyFile     string
	only, skip                  string
	strict, showTokens          bool
	pause, timeout, maxTime     time.Duration
}

func (a *app) probeCommand() *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:   "probe (--url URL | --kafka HOST:PORT)",
		Short: "Send broken tokens at your own API or Kafka broker and report what it lets in",
		Long: `probe sends a valid token at an API or a Kafka broker, then its broken twins one
by one (expired, unsigned, signed by a stranger, for another audience, …), and
reports which of them were let in. Probe what is yours: the requests are those of
an attacker, and a log or a firewall will take them for one.

The target must trust the issuer and the keys of the config, those of a running
"idpool serve": the tokens are signed with them here, without a server. --issuer
is what the target's own settings have for the issuer. --ready-file takes the
addresses of a server that has written it, and without a target its Kafka listener
is probed. A target that refuses the valid token proves nothing, and is sent no
other.

With --url each token goes into Authorization: Bearer, or to where a --header has
{token}. A status of 200 to 299 lets in; 400, 401, 403 and 431 refuse; any other
is unclear, unless --accept or --refuse say otherwise. Choose a URL that changes
nothing. With --kafka the token goes into SASL/OAUTHBEARER; a connection that is
closed without a word counts as refused.

A token that gets no answer, as from a handler that crashes on it, is reported as
that: it was not let in, and not refused either. After three in a row the valid
token is sent again, and the probe goes on if that is let in.

The exit code is 0 when the valid token is let in and every broken one refused, 1
when a broken one is let in or makes the target ask a URL that it names, and 2
when the probe could not be made or some answers were unclear or missing. A token
that some let in with reason is a note, and with --strict wrong. One for another
audience is always wrong with --url, since an API has to compare aud; a broker
compares it only where it is told to.`,
		Example: `  idpool probe --url http://localhost:9000/orders
  idpool probe --url https://localhost:9000/orders --issuer https --ca ca.pem --output junit > probe.xml
  idpool probe --kafka localhost:9092 --pool pool-dev
  idpool probe --url http://localhost:9000/orders --ready-file ready.json
  idpool probe --url http://localhost:9000/orders --only 'alg-none*,expired' --show-tokens`,
		Args: noArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains([]string{"text", "json", "junit"}, a.output) {
				return usageError("", "--output: %q is no format, want text, json or junit", a.output)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return a.probe(cmd, f) },
	}
	f.register(cmd)
	cmd.Flags().StringVar(&a.output, "output", "text", "`FORMAT` of the output: text, json or junit")
	return cmd
}

func (f *probeFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "`URL` of the API")
	giveVariable(flags, "url", "IDPOOL_PROBE_URL")
	flags.StringVar(&f.method, "method", http.MethodGet, "HTTP `METHOD`")
	flags.StringArrayVar(&f.headers, "header", nil, "`NAME: VALUE` to send; {token} in it is where the token goes; may be given several times")
	giveVariable(flags, "header", "IDPOOL_PROBE_HEADER")
	flags.StringVar(&f.accept, "accept", "2xx", "`STATUSES` that let in, such as 2xx,404")
	flags.StringVar(&f.refuse, "refuse", "400,401,403,431", "`STATUSES` that refuse, such as 302,4xx")
	flags.StringVar(&f.kafka, "kafka", "", "`HOST:PORT` of a Kafka broker's listener")
	giveVariable(flags, "kafka", "IDPOOL_PROBE_KAFKA")
	flags.StringVar(&f.cluster, "cluster", "", "logicalCluster `ID` for the broker (default: the config's only cluster)")
	flags.StringVar(&f.pool, "pool", "", "identityPoolId `ID` for the broker, or a comma list")
	flags.StringArrayVar(&f.extensions, "extension", nil, "further SASL extension `KEY=VALUE`; may be given several times")
	flags.BoolVar(&f.tls, "tls", false, "the broker's listener is SASL_SSL")
	flags.StringVar(&f.ca, "ca", "", "`FILE` of certificates to trust (PEM), in place of the system's")
	flags.BoolVar(&f.insecure, "insecure", false, "trust any certificate of the target")
	flags.StringVar(&f.request.Tenant, "tenant", "", "`ID` or domain of the tenant (default: the one that has the client)")
	flags.StringVar(&f.request.ClientID, "client-id", "", "`ID` of the client, its appId (default: the config's first with a secret and a role)")
	flags.StringVar(&f.request.Scope, "scope", "", "`RESOURCE`/.default (default: the only API that the client has roles for)")
	giveVariable(flags, "scope", tokenScopeVariable)
	flags.StringVar(&f.issuer, "issuer", "", "`ISSUER` that the target trusts: http or https for that listener of the config, azure, the URL of a running one, or the iss itself (default: http)")
	giveVariable(flags, "issuer", "IDPOOL_PROBE_ISSUER")
	readyFlag(cmd, &f.readyFile)
	flags.StringVar(&f.lure, "lure", "127.0.0.1:0", "`HOST:PORT` that tokens lead to which name a URL of keys, or off")
	flags.StringVar(&f.only, "only", "", "send only these tokens: a comma list of `NAMES`, where * is any letters")
	flags.StringVar(&f.skip, "skip", "", "leave out these tokens: a comma list of `NAMES`, where * is any letters")
	flags.BoolVar(&f.strict, "strict", false, "tokens that some let in with reason are wrong too")
	giveVariable(flags, "strict", "IDPOOL_PROBE_STRICT")
	flags.DurationVar(&f.pause, "pause", 0, "`TIME` between two tokens")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "`TIME` that a token may take")
	flags.DurationVar(&f.maxTime, "max-time", 0, "`TIME` that the probe may take in all (default 10m and the pauses)")
	flags.BoolVar(&f.showTokens, "show-tokens", false, "show the tokens: whoever reads them can use those that were let in")
}

func (a *app) probe(cmd *cobra.Command, f probeFlags) error {
	c, ready, err := a.loadPlaced(cmd, f.readyFile, urlFlags{})
	if err != nil {
		return err
	}
	if f.url == "" {
		f.kafka = cmp.Or(f.kafka, ready.Kafka)
	}
	target, err := f.target(cmd, c)
	if err != nil {
		return err
	}
	settings := probe.Config{Pause: f.pause, Timeout: f.timeout, MaxTime: f.maxTime, Strict: f.strict, Audience: f.url != "", ShowTokens: f.showTokens, Now: c.Now}
	source, err := f.source(cmd, c)
	if err != nil {
		return err
	}
	if f.lure != "off" {
		if settings.Lure, err = probe.Open(f.lure, source.Key, idp.StrangerKeys()[1:]); err != nil {
			return usageError("--lure off does without", "probe: --lure: %v", strings.TrimPrefix(err.Error(), "probe: lure: "))
		}
		defer settings.Lure.Close()
		source.Attacker = settings.Lure.URL
	}
	tokens, err := forge.All(source)
	if err != nil {
		return &exitError{exitUsage, err, ""}
	}
	if tokens, err = f.chosen(tokens); err != nil {
		return err
	}
	return a.report(cmd, probe.Run(cmd.Context(), target, tokens, settings))
}

// report writes what was found and ends with its code.
func (a *app) report(cmd *cobra.Command, r probe.Report) error {
	w := cmd.OutOrStdout()
	var err error
	switch a.output {
	case "json":
		err = r.WriteJSON(w)
	case "junit":
		err = r.WriteJUnit(w)
	default:
		err = printReport(w, r)
	}
	switch {
	case err != nil:
		return err
	case r.Conclusion == probe.Failed:
		return refused
	case r.Conclusion == probe.Passed:
		return nil
	}
	end := &exitError{code: exitUsage}
	if a.output != "text" { // which has said it
		end.err = errors.New("probe: " + strings.TrimPrefix(r.Sentence(), "✗ "))
	}
	if len(r.Results) == 1 && r.Results[0].Verdict == probe.Refused {
		end.hint = "--client-id, --tenant, --scope and --issuer choose the token, --cluster and --pool what a broker is told beside it; --ready-file names the issuer of a serve on other ports, and its clock must be this machine's (\"idpool clock\")"
	}
	return end
}

// printReport writes text, in colours for a person.
func printReport(w io.Writer, r probe.Report) error {
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		return err
	}
	p := paintFor(w)
	_, err := io.WriteString(w, strings.NewReplacer("✗", p.red("✗"), "✓", p.green("✓")).Replace(text.String()))
	return err
}

// source is the valid token and the key that signed it.
func (f probeFlags) source(cmd *cobra.Command, c idpool.Config) (forge.Source, error) {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	if err := keys(&c, now()); err != nil {
		return forge.Source{}, err
	}
	if err := f.trust(cmd.ErrOrStderr(), &c); err != nil {
		return forge.Source{}, err
	}
	r, err := f.tokenRequest(cmd, c)
	if err != nil {
		return forge.Source{}, err
	}
	stack, err := idpool.New(c)
	if err != nil {
		return forge.Source{}, &exitError{exitUsage, err, ""}
	}
	defer stack.Close()
	token, err := stack.Token(cmd.Context(), r)
	if err != nil {
		return forge.Source{}, &exitError{exitUsage, fmt.Errorf("probe: the config gives the client no token: %v", err), clientsHint(c)}
	}
	return forge.Source{Token: token.AccessToken, Key: c.Keyring.Signer(), Other: idp.StrangerKeys()[0], Now: now()}, nil
}

// keys reads the keys of the config, to sign twins with.
func keys(c *idpool.Config, now time.Time) error {
	switch c.Keys {
	case "":
		c.Keyring = idp.TestKeys()
		return nil
	case "generate":
		return usageError("leave keys out of the config, or let it name a folder that idpool serve has too",
			`probe: the config says "keys: generate", so that each process has keys of its own and no target trusts those of this one`)
	}
	ring, err := idp.LoadKeys(c.Keys, now)
	if err != nil {
		return &exitError{exitUsage, err, ""}
	}
	c.Keyring = ring
	return nil
}

// tokenRequest is for the token that idpool token would make.
func (f probeFlags) tokenRequest(cmd *cobra.Command, c idpool.Config) (idp.TokenRequest, error) {
	r := f.request
	r.InsecureSkipCredential = true
	if r.ClientID == "" {
		_, client, ok := firstClient(c)
		if !ok {
			return r, usageError(clientsHint(c), "probe: no application of the config has a secret and a role, so give --client-id")
		}
		r.ClientID = client.AppID
	}
	r.Tenant = cmp.Or(r.Tenant, tenantOf(c, r.ClientID))
	if cmd.Flags().Changed("scope") {
		return r, nil
	}
	var err error
	var exit *exitError
	if r.Scope, err = defaultScope(c, r.ClientID); errors.As(err, &exit) {
		return r, &exitError{exit.code, fmt.Errorf("probe: %s", strings.TrimPrefix(exit.Error(), "token: ")), exit.hint}
	}
	return r, err
}

// target is what the flags name.
func (f probeFlags) target(cmd *cobra.Command, c idpool.Config) (probe.Target, error) {
	var trusted *tls.Config
	if f.ca != "" || f.insecure {
		trusted = &tls.Config{InsecureSkipVerify: f.insecure}
	}
	if f.ca != "" {
		text, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, usageError("", "probe: --ca: %v", err)
		}
		trusted.RootCAs = x509.NewCertPool()
		if !trusted.RootCAs.AppendCertsFromPEM(text) {
			return nil, usageError("", "probe: --ca: %s has no certificate in PEM", f.ca)
		}
	}
	switch {
	case (f.url == "") == (f.kafka == ""):
		return nil, usageError(`"idpool probe -h" shows how it is used`, "probe: give one target, --url URL or --kafka HOST:PORT")
	case f.kafka != "":
		return f.broker(cmd, c, trusted)
	}
	return f.api(trusted)
}

// api is an HTTP target.
func (f probeFlags) api(trusted *tls.Config) (probe.Target, error) {
	u, err := url.Parse(f.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usageError("", "probe: --url: %q is no URL, want one such as http://localhost:9000/orders", f.url)
	}
	h := probe.HTTP{URL: f.url, Method: f.method, Header: http.Header{}}
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, usageError("", "probe: --header: %q is no NAME: VALUE", line)
		}
		h.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if h.Accepts, err = statuses("accept", f.accept); err != nil {
		return nil, err
	}
	if h.Refuses, err = statuses("refuse", f.refuse); err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = trusted
	h.Client = &http.Client{Transport: transport}
	return h, nil
}

// statuses reads a list such as 2xx,404.
func statuses(flag, text string) (func(int) bool, error) {
	patterns := list(text)
	for _, p := range patterns {
		digits, class := strings.CutSuffix(p, "xx")
		n, err := strconv.Atoi(digits)
		if err != nil || class && (n < 1 || n > 5) || !class && (n < 100 || n > 599) {
			return nil, usageError("", "probe: --%s: %q is no status, want one such as 404 or 4xx", flag, p)
		}
	}
	return func(status int) bool {
		return slices.Contains(patterns, strconv.Itoa(status)) || slices.Contains(patterns, strconv.Itoa(status/100)+"xx")
	}, nil
}

// broker is a Kafka target.
func (f probeFlags) broker(cmd *cobra.Command, c idpool.Config, trusted *tls.Config) (probe.Target, error) {
	if _, port, err := net.SplitHostPort(f.kafka); err != nil || port == "" || strings.Contains(f.kafka, ",") {
		return nil, usageError("", "probe: --kafka: %q is no address, want HOST:PORT of one broker", f.kafka)
	}
	k := probe.Kafka{Bootstrap: f.kafka, TLS: trusted, Extensions: map[string]string{}}
	if k.TLS == nil && f.tls {
		k.TLS = &tls.Config{}
	}
	for _, e := range f.extensions {
		key, value, ok := strings.Cut(e, "=")
		if !ok {
			return nil, usageError("", "probe: --extension: %q is not KEY=VALUE", e)
		}
		k.Extensions[key] = value
	}
	cluster := f.cluster
	if !cmd.Flags().Changed("cluster") && len(c.Clusters) == 1 {
		cluster = c.Clusters[0].ID
	}
	for key, value := range map[string]string{"logicalCluster": cluster, "identityPoolId": f.pool} {
		if _, given := k.Extensions[key]; value != "" && !given {
			k.Extensions[key] = value
		}
	}
	return k, nil
}

// chosen are the tokens that --only and --skip leave. The valid one is always
// among them.
func (f probeFlags) chosen(tokens []forge.Token) ([]forge.Token, error) {
	only, skip := list(f.only), list(f.skip)
	for flag, patterns := range map[string][]string{"only": only, "skip": skip} {
		for _, p := range patterns {
			if err := known(flag, p, tokens); err != nil {
				return nil, err
			}
		}
	}
	left := slices.DeleteFunc(tokens, func(t forge.Token) bool {
		return !t.Valid && (len(only) > 0 && !matches(only, t.Name) || matches(skip, t.Name))
	})
	if len(left) < 2 {
		return nil, usageError("", "probe: --only and --skip leave no broken token")
	}
	return left, nil
}

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// known refuses a name that no token has.
func known(flag, pattern string, tokens []forge.Token) error {
	var names []string
	for _, t := range tokens {
		names = append(names, t.Name)
	}
	if slices.ContainsFunc(names, func(name string) bool { return matches([]string{pattern}, name) }) {
		return nil
	}
	hint := `"idpool token --broken all" lists the names`
	if near := nearest.To(pattern, names); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usageError(hint, "probe: --%s: no token is named %q", flag, pattern)
}
