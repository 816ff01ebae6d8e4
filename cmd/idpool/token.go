package main

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/idp"
)

func (a *app) tokenCommand() *cobra.Command {
	var f tokenFlags
	cmd := &cobra.Command{
		Use:   "token --client-id ID",
		Short: "Make an access token from the config, without a server",
		Long: `token makes the access token that the token endpoint would give to a client.
On a terminal it shows the token with its claims, in a pipe the bare token, and
with --output json the token endpoint's body.

Without --client-secret no secret is asked for: whoever has the config has the
secrets. With it, the secret is checked as the endpoint would.

The token names the listeners of the config, or those of http://localhost:8080 and
https://localhost:8443. For a server on other ports, --ready-file takes the file
that its "serve --ready-file" has written; for one behind other names, --public-url
is what serve has for it.

With --diff the token is not shown but compared with another, claim by claim but
for the times and what Azure makes up anew for each; client, tenant and scope are
those of the other token unless given. The exit code is 0 without a difference.`,
		Example: `  idpool token --client-id 75f2f796-363d-4de2-b299-713920db01a7
  idpool token --client-id 75f2f796-363d-4de2-b299-713920db01a7 | idpool explain --pool pool-dev -
  idpool token --client-id 75f2f796-363d-4de2-b299-713920db01a7 --ready-file ready.json
  idpool token --config customer.yaml --diff eyJ0eXAiOi…
  idpool token --claim 'roles=["prod.environmentAdmin"]' --claim azp=null --issued-at -2h
  idpool token --broken expired | idpool explain -
  idpool token --broken all`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.request.InsecureSkipCredential = !cmd.Flags().Changed("client-secret")
			return a.token(cmd, f)
		},
	}
	cmd.Flags().StringVar(&f.request.Tenant, "tenant", "", "`ID` or domain of the tenant (default: the one that has the client)")
	cmd.Flags().StringVar(&f.request.ClientID, "client-id", "", "`ID` of the client, its appId")
	cmd.Flags().StringVar(&f.request.ClientSecret, "client-secret", "", "check this `SECRET` as the token endpoint would")
	cmd.Flags().StringVar(&f.diff, "diff", "", "compare with this `TOKEN`, a file that has one, or - for standard input")
	cmd.Flags().StringVar(&f.request.Scope, "scope", "", "`RESOURCE`/.default (default: the only API that the client has roles for)")
	giveVariable(cmd.Flags(), "scope", tokenScopeVariable)
	readyFlag(cmd, &f.readyFile)
	f.urls.addElsewhere(cmd.Flags())
	f.mintFlags.add(cmd.Flags())
	return cmd
}

// tokenFlags say which token, and what to do with it.
type tokenFlags struct {
	request   idp.TokenRequest
	diff      string
	readyFile string
	urls      urlFlags
	mintFlags
}

// check refuses flags that exclude one another.
func (f tokenFlags) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	switch {
	case given("client-secret") && f.used(cmd.Flags()):
		return usageError("", "token: --client-secret is checked for tokens that Azure would issue, and not with %s", "--"+strings.Join(mintNames, ", --"))
	case given("diff") && given("broken"):
		return usageError("", "token: --diff compares claims, and those of --broken tokens may not be readable: leave one out")
	case given("broken"):
		return knownTwin(f.broken)
	}
	return nil
}

func (a *app) token(cmd *cobra.Command, f tokenFlags) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	c, _, err := a.loadPlaced(cmd, f.readyFile, f.urls)
	if err != nil {
		return err
	}
	f.urls.preferTo(&c.Listeners)
	r := f.request
	var want map[string]any
	if f.diff != "" {
		if want, err = a.wanted(cmd, f.diff); err != nil {
			return err
		}
		r = fill(r, want, cmd.Flags().Changed("scope"))
	}
	if r, err = f.complete(cmd, c, r); err != nil {
		return err
	}
	stack, err := idpool.New(c)
	if err != nil {
		return &exitError{exitUsage, err, ""}
	}
	defer stack.Close()
	m, err := f.mintFlags.request(cmd.Flags(), r, stack.Now())
	if err != nil {
		return err
	}
	if f.broken != "" {
		return a.tokenBroken(cmd, stack, m, f.broken)
	}
	issue := func() (idp.TokenResponse, error) { return stack.Token(cmd.Context(), r) }
	if f.used(cmd.Flags()) {
		issue = func() (idp.TokenResponse, error) { return stack.Mint(cmd.Context(), m) }
	}
	token, err := issue()
	if err != nil {
		return a.tokenRefused(cmd, stack, r, err)
	}
	if want != nil {
		return a.diff(cmd, token.AccessToken, want)
	}
	return a.printToken(cmd.OutOrStdout(), token)
}

// complete fills in what the config implies.
func (f tokenFlags) complete(cmd *cobra.Command, c idpool.Config, r idp.TokenRequest) (idp.TokenRequest, error) {
	var err error
	if r.ClientID == "" && f.used(cmd.Flags()) {
		if r.ClientID, err = anyClient(c, r.Tenant); err != nil {
			return r, err
		}
	}
	if r.ClientID == "" {
		return r, usageError(clientsHint(c), "token: --client-id is missing")
	}
	r.Tenant = cmp.Or(r.Tenant, tenantOf(c, r.ClientID))
	if !cmd.Flags().Changed("scope") && r.Scope == "" {
		r.Scope, err = defaultScope(c, r.ClientID)
	}
	return r, err
}

// tokenRefused shows the error as the endpoint would answer it,
// and for a person the cause and the fix.
func (a *app) tokenRefused(cmd *cobra.Command, stack *idpool.Stack, r idp.TokenRequest, err error) error {
	var e *idp.Error
	if !errors.As(err, &e) {
		return &exitError{exitRefused, err, ""}
	}
	if a.json() {
		body := e.Body(cmp.Or(stack.HTTP, stack.HTTPS), stack.Now(), uuid.NewString(), uuid.NewString())
		return errors.Join(printJSON(cmd.OutOrStdout(), body), refused)
	}
	w := cmd.ErrOrStderr()
	fmt.Fprintf(w, "idpool: %s: %v\n", e.Code, err)
	p := decisionPrinter{w: w, paint: paintFor(w)}
	for _, c := range stack.ExplainToken(r, err) {
		p.cause(c)
	}
	return refused
}

func (a *app) printToken(w io.Writer, token idp.TokenResponse) error {
	if a.json() {
		return printJSON(w, token)
	}
	if !isTerminal(w) {
		_, err := fmt.Fprintln(w, token.AccessToken)
		return err
	}
	claims, err := payload(token.AccessToken)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, token.AccessToken)
	fmt.Fprintln(w)
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		fmt.Fprintf(w, "  %-8s %s\n", name, showClaim(name, claims[name]))
	}
	return nil
}

// showClaim adds the time to a NumericDate.
func showClaim(name string, v any) string {
	seconds, isNumber := v.(float64)
	if isNumber && (name == "exp" || name == "iat" || name == "nbf") {
		return fmt.Sprintf("%.0f  (%s)", seconds, time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339))
	}
	var text strings.Builder
	if err := writeJSON(&text, v, ""); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// payload decodes the claims of a token without verifying anything.
func payload(token string) (map[string]any, error) {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 && len(parts) != 2 { // the signature may have been cut off
		return nil, fmt.Errorf("a token has three parts with dots between, got %d", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("the token's second part is no base64url: %v", err)
	}
	return decodeClaims(raw)
}

// tenantOf finds the tenant that has a client, or else the only tenant.
func tenantOf(c idpool.Config, clientID string) string {
	for _, t := range c.Tenants {
		for _, a := range t.Applications {
			if strings.EqualFold(a.AppID, clientID) {
				return t.ID
			}
		}
		for _, p := range t.ServicePrincipals { // managed identities
			if strings.EqualFold(p.AppID, clientID) {
				return t.ID
			}
		}
	}
	if len(c.Tenants) > 0 {
		return c.Tenants[0].ID
	}
	return ""
}

// defaultScope is that of the only API that the client has roles for. An
// unknown client gets the first API, so that the answer is Azure's 700016.
func defaultScope(c idpool.Config, clientID string) (string, error) {
	scopes, found := c.Scopes(clientID)
	switch {
	case !found:
		return "api://unknown/.default", nil
	case len(scopes) == 1:
		return scopes[0], nil
	case len(scopes) == 0:
		return "", usageError("the APIs of the config are "+strings.Join(c.APIs(), ", "), "token: client %q has no roles, so give --scope RESOURCE/.default", clientID)
	}
	return "", usageError("", "token: client %q has roles for several APIs, so give --scope, one of %s", clientID, strings.Join(scopes, ", "))
}

// clientsHint lists the applications that have a credential, a few at most.
func clientsHint(c idpool.Config) string {
	var clients []string
	for _, t := range c.Tenants {
		for _, a := range t.Applications {
			if len(a.PasswordCredentials) > 0 && len(clients) < 5 {
				clients = append(clients, fmt.Sprintf("--client-id %s (%s)", a.AppID, a.DisplayName))
			}
		}
	}
	if len(clients) == 0 {
		return "the config has no application with a secret"
	}
	return "the config has " + strings.Join(clients, ", ")
}
