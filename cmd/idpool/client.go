package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/clientsettings"
	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/validator"
)

// Where clients find the stack when neither flag nor config says otherwise.
const (
	defaultKafka     = "localhost:9092"
	defaultURL       = "http://localhost:8080"
	defaultSecureURL = "https://localhost:8443"
)

type clientFlags struct {
	clientID, scope    string
	pool, cluster      string
	topic, group       string
	bootstrap, url, ca string
	advertised         string // as serve has it, whose variable is the same
	readyFile          string
	urls               urlFlags
	ssl, showSecret    bool
}

func (a *app) clientCommand() *cobra.Command {
	var f clientFlags
	cmd := &cobra.Command{
		Use:   "client [CLIENT]",
		Short: "Print the settings of a Kafka client, ready to paste",
		Long: `client prints what a Kafka client needs to log in with an application of the
config: a settings file, or a whole program where the client is configured in
code. Without CLIENT it lists the clients.

The secret of the built-in tenant is printed as it is. That of any other config
is printed with --show-secret only, since the output may be a CI log;
$CLIENT_SECRET stands in its place.`,
		Example: `  idpool client java
  idpool client librdkafka --ssl --ca idpool-ca.pem
  idpool client python --pool pool-dev,pool-prod --ready-file ready.json`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.client(cmd, args, f) },
	}
	cmd.Flags().StringVar(&f.clientID, "client-id", "", "`ID` of the application (default: the first with a secret and roles)")
	cmd.Flags().StringVar(&f.scope, "scope", "", "`RESOURCE`/.default (default: the only API that the application has roles for)")
	giveVariable(cmd.Flags(), "scope", tokenScopeVariable)
	cmd.Flags().StringVar(&f.pool, "pool", "", "`ID` of the identity pool, a list with commas, or \"\" for auto pool mapping (default: the first that lets the application in)")
	cmd.Flags().StringVar(&f.cluster, "cluster", "", "`ID` of the cluster (default: the only one)")
	cmd.Flags().StringVar(&f.topic, "topic", "orders", "`NAME` of the topic that programs write and read")
	cmd.Flags().StringVar(&f.group, "group", "idpool", "`NAME` of the group that programs read in")
	cmd.Flags().StringVar(&f.bootstrap, "bootstrap", "", "`HOST:PORT` of the brokers (default \""+defaultKafka+"\")")
	cmd.Flags().StringVar(&f.advertised, "kafka-advertised", "", "`HOST[:PORT]` that serve tells Kafka clients, for --bootstrap (default localhost)")
	cmd.Flags().StringVar(&f.url, "url", "", "public `URL` of the identity provider (default \""+defaultURL+"\", with --ssl \""+defaultSecureURL+"\")")
	cmd.Flags().BoolVar(&f.ssl, "ssl", false, "TLS to the brokers and https to the identity provider")
	cmd.Flags().StringVar(&f.ca, "ca", "idpool-ca.pem", "PEM `FILE` of the certificate authority, as \"idpool ca\" prints it, or \"\" where the system trusts it")
	readyFlag(cmd, &f.readyFile)
	f.urls.addElsewhere(cmd.Flags())
	cmd.Flags().BoolVar(&f.showSecret, "show-secret", false, "print the secret of whatever config")
	return cmd
}

func (a *app) client(cmd *cobra.Command, args []string, f clientFlags) error {
	if len(args) == 0 {
		return a.listClients(cmd)
	}
	if err := knownClient(args[0]); err != nil {
		return err
	}
	c, ready, err := a.loadPlaced(cmd, f.readyFile, f.urls)
	if err != nil {
		return err
	}
	f.urls.preferTo(&c.Listeners)
	f.take(ready)
	if err := f.place(&c); err != nil {
		return err
	}
	s, err := f.settings(cmd, c)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := clientsettings.Render(&text, args[0], s); err != nil {
		return &exitError{exitRefused, err, ""}
	}
	if a.json() {
		return printJSON(cmd.OutOrStdout(), map[string]string{"client": args[0], "settings": text.String()})
	}
	_, err = text.WriteTo(cmd.OutOrStdout())
	return err
}

func (a *app) listClients(cmd *cobra.Command) error {
	if a.json() {
		return printJSON(cmd.OutOrStdout(), clientsettings.Clients())
	}
	for _, c := range clientsettings.Clients() {
		fmt.Fprintf(cmd.OutOrStdout(), "%-15s  %s\n", c.Name, c.Title)
	}
	return nil
}

func knownClient(name string) error {
	err := clientsettings.Known(name)
	var unknown *clientsettings.UnknownError
	switch {
	case !errors.As(err, &unknown):
		return err
	case unknown.Near != "":
		return usageError(fmt.Sprintf("did you mean %q?", unknown.Near), "client: unknown client %q", name)
	}
	return usageError(`"idpool client" lists the clients`, "client: unknown client %q", name)
}

// place fills in the addresses, and has the config mint tokens for them.
func (f *clientFlags) place(c *idpool.Config) error {
	l := &c.Listeners
	plain, secure := cmp.Or(l.HTTP.PublicURL, defaultURL), cmp.Or(l.HTTPS.PublicURL, defaultSecureURL)
	if f.url == "" && f.ssl {
		f.url = secure
	}
	if l.HTTP.Address == idpool.Off && len(f.urls.public) > 0 {
		plain = secure
	}
	f.url = strings.TrimSuffix(cmp.Or(f.url, plain), "/")
	u, err := url.Parse(f.url)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usageError("", "client: --url: %q is no URL, want one such as %s", f.url, defaultURL)
	}
	l.Kafka.Advertised = cmp.Or(f.advertised, l.Kafka.Advertised)
	f.bootstrap = cmp.Or(f.bootstrap, l.Kafka.Bootstrap())
	if bad := notAddress(f.bootstrap); bad != "" {
		return usageError("", "client: --bootstrap: %q is no address, want HOST:PORT such as %s", bad, defaultKafka)
	}
	if u.Scheme == "https" {
		l.HTTP.Address, l.HTTPS.Address, l.HTTPS.PublicURL = idpool.Off, "", f.url
	} else {
		l.HTTP.Address, l.HTTP.PublicURL = "", f.url
	}
	return nil
}

// take takes from a running server what no flag gives.
func (f *clientFlags) take(r readiness) {
	if f.ssl {
		f.url = cmp.Or(f.url, r.HTTPS)
	}
	f.url = cmp.Or(f.url, r.HTTP, r.HTTPS)
	f.bootstrap = cmp.Or(f.bootstrap, r.Kafka)
}

func (f *clientFlags) settings(cmd *cobra.Command, c idpool.Config) (clientsettings.Settings, error) {
	s := clientsettings.Settings{Bootstrap: f.bootstrap, SecurityProtocol: "SASL_PLAINTEXT", Topic: f.topic, Group: f.group}
	t, client, err := f.application(c)
	if err != nil {
		return s, err
	}
	s.TokenEndpoint = fmt.Sprintf("%s/%s/oauth2/v2.0/token", f.url, t.ID)
	s.JWKSURI = fmt.Sprintf("%s/%s/discovery/v2.0/keys", f.url, t.ID)
	s.ClientID, s.Secret = client.AppID, client.PasswordCredentials[0].SecretText
	if secret := printable(s.Secret); !f.showSecret && secret != s.Secret {
		s.Secret = secret
		fmt.Fprintf(cmd.ErrOrStderr(), "idpool: %s stands for the secret, which --show-secret prints\n", secret)
	}
	if f.ssl || c.Listeners.Kafka.SecurityProtocol == "SASL_SSL" {
		s.SecurityProtocol = "SASL_SSL"
	}
	if s.SecurityProtocol == "SASL_SSL" || strings.HasPrefix(f.url, "https:") {
		s.CA = f.ca
	}
	if s.Cluster, err = f.theCluster(c); err != nil {
		return s, err
	}
	if s.Scope = f.scope; s.Scope == "" {
		if s.Scope, err = defaultScope(c, s.ClientID); err != nil {
			return s, clientError(err)
		}
	}
	if err := f.mapped(cmd.Context(), c, t.ID, &s); err != nil {
		return s, err
	}
	if cmd.Flags().Changed("pool") {
		s.Pools = list(f.pool)
		return s, knownPools(c, s.Pools)
	}
	if len(s.Pools) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "idpool: no pool lets this application in: the settings name none (\"idpool explain\" says why)")
	}
	return s, nil
}

// application is the one whose credentials the settings have.
func (f *clientFlags) application(c idpool.Config) (idp.Tenant, idp.Application, error) {
	if f.clientID == "" {
		t, client, ok := firstClient(c)
		if !ok {
			return t, client, usageError(clientsHint(c), "client: no application has a secret and a role")
		}
		return t, client, nil
	}
	for _, t := range c.Tenants {
		for _, client := range t.Applications {
			switch {
			case !strings.EqualFold(client.AppID, f.clientID):
			case len(client.PasswordCredentials) == 0:
				return t, client, usageError(clientsHint(c), "client: application %q has no secret, which these settings are about", f.clientID)
			default:
				return t, client, nil
			}
		}
	}
	return idp.Tenant{}, idp.Application{}, usageError(clientsHint(c), "client: no application has the appId %q", f.clientID)
}

// theCluster is the only one, or none where the config has none.
func (f *clientFlags) theCluster(c idpool.Config) (string, error) {
	var known []string
	for _, cluster := range c.Clusters {
		known = append(known, cluster.ID)
	}
	switch {
	case len(known) == 0:
		return f.cluster, nil
	case f.cluster != "":
		return f.cluster, knownID("cluster", f.cluster, known)
	case len(known) > 1:
		return "", usageError("", "client: the config has several clusters, so give --cluster, one of %s", strings.Join(known, ", "))
	}
	return known[0], nil
}

// knownPools refuses a pool that the config does not have.
func knownPools(c idpool.Config, pools []string) error {
	var known []string
	for _, p := range c.IdentityProviders {
		for _, one := range p.IdentityPools {
			known = append(known, one.ID)
		}
	}
	for _, id := range pools {
		if err := knownID("pool", id, known); err != nil {
			return err
		}
	}
	return nil
}

// knownID refuses what is likely a slip of the finger.
func knownID(kind, id string, known []string) error {
	if slices.Contains(known, id) {
		return nil
	}
	hint := "the config has " + strings.Join(known, ", ")
	if near := nearest.To(id, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usageError(hint, "client: --%s: the config has no %s %q", kind, kind, id)
}

// mapped fills in what a token of the application says, and the first pool that
// lets it in.
func (f *clientFlags) mapped(ctx context.Context, c idpool.Config, tenant string, s *clientsettings.Settings) error {
	stack, err := idpool.New(c)
	if err != nil {
		return &exitError{exitUsage, err, ""}
	}
	defer stack.Close()
	token, err := stack.Token(ctx, idp.TokenRequest{Tenant: tenant, ClientID: s.ClientID, Scope: s.Scope, InsecureSkipCredential: true})
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("client: the application gets no token: %v", err), ""}
	}
	claims, err := payload(token.AccessToken)
	if err != nil {
		return err
	}
	s.Issuer, _ = claims["iss"].(string)
	s.Audience, _ = claims["aud"].(string)
	for _, p := range c.IdentityProviders {
		for _, candidate := range p.IdentityPools {
			if stack.Decide(ctx, validator.Request{Claims: claims, Cluster: s.Cluster, Pools: candidate.ID}).Allowed {
				s.Pools = []string{candidate.ID}
				return nil
			}
		}
	}
	return nil
}

// list splits at commas.
func list(text string) []string {
	var out []string
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}

// clientError is an error of the command token, said by this one.
func clientError(err error) error {
	var exit *exitError
	if !errors.As(err, &exit) || exit.err == nil {
		return err
	}
	return &exitError{exit.code, fmt.Errorf("client: %s", strings.TrimPrefix(exit.err.Error(), "token: ")), exit.hint}
}
