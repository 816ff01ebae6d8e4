package main

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
)

// keyList is the body of the admin API's keys.
type keyList struct {
	Keys []idp.KeyState `json:"keys"`
}

// keysFlags say whose keys.
type keysFlags struct {
	adminFlags
	tenant string
}

func (a *app) keysCommand() *cobra.Command {
	var f keysFlags
	list := func(cmd *cobra.Command, _ []string) error { return a.keys(cmd, f, http.MethodGet, "", nil) }
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Show and roll the signing keys of a tenant at a running serve",
		Long: `keys shows the keys that a tenant of a running "idpool serve" signs with, has signed
with or is going to, and rolls them. What is due happens by the clock: "idpool clock
advance" brings it about. A client that has fetched the keys knows no newer ones
until it fetches them again.`,
		Example: `  idpool keys
  idpool keys roll
  idpool keys roll --wait 1h --retire 24h --tenant acmeexamples.onmicrosoft.com
  idpool keys revoke KID
  idpool keys reset`,
		Args: group,
		RunE: list,
	}
	f.add(cmd.PersistentFlags())
	cmd.PersistentFlags().StringVar(&f.tenant, "tenant", "", "`ID` or domain of the tenant (default: the first)")
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "Show the keys, published or not", Example: "  idpool keys list", Args: noArgs, RunE: list},
		a.keysRollCommand(&f),
		a.keyCommand(&f, "revoke", "Take a key out of the JWKS at once"),
		a.keyCommand(&f, "restore", "Publish a key again that was revoked or has retired"),
		&cobra.Command{Use: "reset", Short: "Return to the keys that the tenant began with", Example: "  idpool keys reset", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.keys(cmd, f, http.MethodPost, "/reset", nil) }},
	)
	return cmd
}

func (a *app) keysRollCommand(f *keysFlags) *cobra.Command {
	var wait, retire time.Duration
	cmd := &cobra.Command{
		Use: "roll", Short: "Publish a new key, sign with it after a while, retire the old one after another",
		Example: "  idpool keys roll\n  idpool keys roll --wait 1h --retire 24h",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			roll := map[string]any{"wait": idpool.Duration(wait), "retire": idpool.Duration(retire)}
			return a.keys(cmd, *f, http.MethodPost, "/roll", roll)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "`TIME` that the new key is published before it signs (default: at once)")
	giveVariable(cmd.Flags(), "wait", "IDPOOL_ROLL_WAIT")
	cmd.Flags().DurationVar(&retire, "retire", 0, "`TIME` after that for which the old key stays published (default: none)")
	return cmd
}

// keyCommand does something to one key.
func (a *app) keyCommand(f *keysFlags, name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name + " KID", Short: short, Long: short + ".\nAn id that begins with - is written after --.",
		Example: "  idpool keys " + name + " KID\n  idpool keys " + name + " -- -KID",
		Args:    exactly(`the id of the key, as "idpool keys" shows it`),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.keys(cmd, *f, http.MethodPost, "/"+url.PathEscape(args[0])+"/"+name, nil)
		},
	}
}

// keys asks the admin API and shows the keys after that.
func (a *app) keys(cmd *cobra.Command, f keysFlags, method, path string, in any) error {
	if cmd.Flags().Changed("tenant") && f.tenant == "" { // a shell variable that is not set
		return usageError("", "%s: --tenant is empty, leave it out to mean the first", commandName(cmd))
	}
	c, err := a.adminClient(cmd, f.adminFlags)
	if err != nil {
		return err
	}
	tenant := f.tenant
	if tenant == "" {
		if tenant, err = c.firstTenant(cmd); err != nil {
			return err
		}
	}
	var out keyList
	if err := c.call(cmd.Context(), method, "/v1/tenants/"+url.PathEscape(tenant)+"/keys"+path, nil, in, &out); err != nil {
		return err
	}
	if a.json() {
		return writeJSON(cmd.OutOrStdout(), keyList{append([]idp.KeyState{}, out.Keys...)}, "  ")
	}
	return printKeys(cmd, out.Keys)
}

// firstTenant is the id of the tenant that is meant when none is named.
func (c *adminClient) firstTenant(cmd *cobra.Command) (string, error) {
	var list struct{ Tenants []struct{ ID string } }
	if err := c.call(cmd.Context(), http.MethodGet, "/v1/tenants", nil, nil, &list); err != nil {
		return "", err
	}
	if len(list.Tenants) == 0 {
		return "", usageError("", "%s: the server has no tenant", c.command)
	}
	return list.Tenants[0].ID, nil
}

func printKeys(cmd *cobra.Command, keys []idp.KeyState) error {
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KID\tSTATE\tPUBLISHED\tSIGNS\tRETIRES\tREVOKED")
	for _, k := range keys {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", visible(k.KID), visible(k.State),
			momentOrNone(k.PublishedAt), momentOrNone(k.SignsAt), momentOrNone(k.RetiresAt), momentOrNone(k.RevokedAt))
	}
	return w.Flush()
}

// momentOrNone is a time that may not be there.
func momentOrNone(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format(time.RFC3339)
}
