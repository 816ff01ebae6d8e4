package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// scopeView is a scope as the admin API shows it: with what it calls the tenants
// and pools of the config.
type scopeView struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Tenants map[string]string `json:"tenants"`
	Pools   map[string]string `json:"identityPools"`
	// What a program under test needs.
	HTTP         string `json:"http,omitempty"`
	HTTPS        string `json:"https,omitempty"`
	Kafka        string `json:"kafka,omitempty"`
	Cluster      string `json:"cluster,omitempty"`
	TokenURL     string `json:"tokenUrl,omitempty"`
	JWKSURI      string `json:"jwksUri,omitempty"`
	Issuer       string `json:"issuer,omitempty"`
	ClientID     string `json:"clientId,omitempty"`
	ClientSecret string `json:"clientSecret,omitempty"`
	OAuthScope   string `json:"oauthScope,omitempty"`
	Audience     string `json:"audience,omitempty"`
}

// scopeList is the body of the admin API's scopes.
type scopeList struct {
	Scopes []scopeView `json:"scopes"`
}

func (a *app) scopeCommand() *cobra.Command {
	var f adminFlags
	list := func(cmd *cobra.Command, _ []string) error { return a.scopes(cmd, f) }
	cmd := &cobra.Command{
		Use:   "scope",
		Short: "Make, show and close the scopes of a running serve",
		Long: `scope makes worlds of their own at a running "idpool serve", so that tests do not see
one another: each has its own tenant ids, pool ids, keys, clock, faults and journal.
The flag --scope ID of journal, fault, clock, keys and reset is about one of them.`,
		Example: `  idpool scope
  scope=$(idpool scope new --name "my test" --output json | jq -r .id)
  idpool scope show "$scope"
  idpool clock advance 1h --scope "$scope"
  idpool scope close "$scope"`,
		Args: group,
		RunE: list,
	}
	f.addServer(cmd.PersistentFlags())
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "Show the scopes beside the server's own", Example: "  idpool scope list", Args: noArgs, RunE: list},
		a.scopeNewCommand(&f),
		a.scopeShowCommand(&f),
		&cobra.Command{Use: "close ID", Short: "Close a scope: its tenants, tokens and pools are unknown from now on",
			Example: "  idpool scope close mdomofo7", Args: exactly("the id of the scope"),
			RunE: func(cmd *cobra.Command, args []string) error { return a.scopeClose(cmd, f, args[0]) }},
	)
	return cmd
}

func (a *app) scopeNewCommand(f *adminFlags) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "new", Short: "Make a scope, a copy of the config as it runs, or of a file",
		Long: `new makes a scope that is a copy of the config as the server's own scope runs it now,
or with --config of that file: of its tenants, identity providers, organization and
clock skew. The rest is the server's.`,
		Example: `  idpool scope new --name "my test"
  idpool scope new --config two-tenants.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.adminClient(cmd, *f)
			if err != nil {
				return err
			}
			body := map[string]any{"name": name}
			if a.typed(cmd, "config") { // a variable is for the other commands, too
				if body["config"], err = a.ofScope(); err != nil {
					return err
				}
			}
			var made scopeView
			if err := c.call(cmd.Context(), http.MethodPost, "/v1/scopes", nil, body, &made); err != nil {
				return err
			}
			if a.json() {
				return writeJSON(cmd.OutOrStdout(), made, "  ")
			}
			return printScopes(cmd, []scopeView{made})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`NAME` for people: it is in the log (default: the id)")
	return cmd
}

// ofScope are the parts of the config file that a scope has of its own.
func (a *app) ofScope() (map[string]any, error) {
	c, err := a.load()
	if err != nil {
		return nil, err
	}
	parts := map[string]any{"tenants": c.Tenants, "identityProviders": c.IdentityProviders, "organization": c.Organization}
	if c.ClockSkew != nil {
		parts["clockSkew"] = c.ClockSkew
	}
	return parts, nil
}

func (a *app) scopeShowCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "show [ID]", Short: "Show what a program under test needs: URLs, client, secret, what tenants and pools are called",
		Long: `show is about the scope with the ID, or else about the server's own. The secret is
shown.`,
		Example: `  idpool scope show
  idpool scope show mdomofo7 --output json`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/v1/scope"
			if len(args) > 0 {
				if args[0] == "" { // a shell variable that is not set
					return usageError("", "scope show: the id of the scope is empty")
				}
				path = "/v1/scopes/" + url.PathEscape(args[0])
			}
			c, err := a.adminClient(cmd, *f)
			if err != nil {
				return err
			}
			var one scopeView
			if err := c.call(cmd.Context(), http.MethodGet, path, nil, nil, &one); err != nil {
				return err
			}
			if a.json() {
				return writeJSON(cmd.OutOrStdout(), one, "  ")
			}
			return one.print(cmd)
		},
	}
}

// print writes a scope line by line; what it does not have is left out.
func (s scopeView) print(cmd *cobra.Command) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	line := func(what, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", what, oneLine(value))
		}
	}
	line("scope", s.ID)
	if s.Name != s.ID {
		line("name", s.Name)
	}
	for _, id := range slices.Sorted(maps.Keys(s.Tenants)) {
		line("tenant "+oneLine(id), s.Tenants[id])
	}
	for _, id := range slices.Sorted(maps.Keys(s.Pools)) {
		line("pool "+oneLine(id), s.Pools[id])
	}
	for _, l := range [][2]string{{"http", s.HTTP}, {"https", s.HTTPS}, {"kafka", s.Kafka}, {"cluster", s.Cluster}, {"token URL", s.TokenURL},
		{"JWKS URI", s.JWKSURI}, {"issuer", s.Issuer}, {"client id", s.ClientID}, {"client secret", s.ClientSecret},
		{"OAuth scope", s.OAuthScope}, {"audience", s.Audience}} {
		line(l[0], l[1])
	}
	return w.Flush()
}

func (a *app) scopes(cmd *cobra.Command, f adminFlags) error {
	c, err := a.adminClient(cmd, f)
	if err != nil {
		return err
	}
	var out scopeList
	if err := c.call(cmd.Context(), http.MethodGet, "/v1/scopes", nil, nil, &out); err != nil {
		return err
	}
	if a.json() {
		return writeJSON(cmd.OutOrStdout(), scopeList{append([]scopeView{}, out.Scopes...)}, "  ")
	}
	if len(out.Scopes) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "idpool: there is no scope beside the server's own")
		return nil
	}
	return printScopes(cmd, out.Scopes)
}

func (a *app) scopeClose(cmd *cobra.Command, f adminFlags, id string) error {
	if id == "" { // a shell variable that is not set
		return usageError("", "scope close: the id of the scope is empty")
	}
	c, err := a.adminClient(cmd, f)
	if err != nil {
		return err
	}
	return c.call(cmd.Context(), http.MethodDelete, "/v1/scopes/"+url.PathEscape(id), nil, nil, nil)
}

func printScopes(cmd *cobra.Command, scopes []scopeView) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tTENANTS\tPOOLS")
	for _, s := range scopes {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", visible(s.ID), oneLine(s.Name), renamed(s.Tenants), renamed(s.Pools))
	}
	return w.Flush()
}

// oneLine is a text that stays on its line.
func oneLine(text string) string { return visible(strings.Join(strings.Fields(text), " ")) }

// renamed are the names that a scope has for those of the config.
func renamed(names map[string]string) string {
	var here []string
	for _, there := range slices.Sorted(maps.Keys(names)) {
		here = append(here, oneLine(names[there]))
	}
	return strings.Join(here, ",")
}
