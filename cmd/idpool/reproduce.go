package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
)

func (a *app) reproduceCommand() *cobra.Command {
	var f foreignFlags
	cmd := &cobra.Command{
		Use:   "reproduce [TOKEN|-]",
		Short: "Write the config under which idpool mints a token with the same claims",
		Long: `reproduce reads a token from elsewhere, with or without its signature, or its
claims as JSON, and writes a config to standard output: the tenant, the API, the
client, its roles, the version of the token, and whatever else is in it. A token
of that config has the same claims but for the times and what Azure makes up
anew for each; "idpool token --diff" shows that. With --filter there is a pool
too, so that "idpool explain" goes the whole way.

What no config can bring about, such as the claims of a signed-in person, is
noted on standard error. Nothing is sent anywhere.`,
		Example: `  idpool reproduce --filter "'prod' in claims.roles" eyJ0eXAiOi… > customer.yaml
  idpool token --config customer.yaml --diff eyJ0eXAiOi…`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.reproduce(cmd, args, f) },
	}
	f.register(cmd)
	return cmd
}

func (a *app) reproduce(cmd *cobra.Command, args []string, f foreignFlags) error {
	claims, err := a.claimsOf(cmd, args)
	if err != nil {
		return err
	}
	file, notes, err := idpool.Reproduce(f.token(claims))
	if err != nil {
		return &exitError{exitUsage, err, ""}
	}
	for _, note := range notes {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: "+note)
	}
	_, err = cmd.OutOrStdout().Write(file)
	return err
}

// claimsOf are the claims of a token that was pasted, or pasted themselves.
func (a *app) claimsOf(cmd *cobra.Command, args []string) (map[string]any, error) {
	p, err := a.pasted(cmd, args)
	switch {
	case err != nil:
		return nil, err
	case p.claims != nil:
		return p.claims, nil
	case p.text != "":
		return nil, usageError("\"idpool explain\" takes errors too", "%s: this is no token but the text of an error", cmd.Name())
	}
	claims, err := payload(p.token)
	if err != nil {
		return nil, usageError("", "%s: %v", cmd.Name(), err)
	}
	return claims, nil
}
