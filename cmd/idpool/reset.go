package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func (a *app) resetCommand() *cobra.Command {
	var f adminFlags
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Bring a running serve back to its beginning",
		Long: `reset returns a running "idpool serve" to the config that it began with, without
faults (those of --fault too), with an empty journal and a clock that is not moved.
The keys stay as they are: "idpool keys reset" is for them.`,
		Example: "  idpool reset\n  idpool reset --scope mdomofo7",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.adminClient(cmd, f)
			if err != nil {
				return err
			}
			return c.call(cmd.Context(), http.MethodPost, "/v1/reset", nil, nil, nil)
		},
	}
	f.add(cmd.Flags())
	return cmd
}
