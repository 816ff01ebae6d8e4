package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
)

// clockState is the admin API's clock.
type clockState struct {
	Now    time.Time       `json:"now"`
	Frozen bool            `json:"frozen"`
	Offset idpool.Duration `json:"offset"`
}

func (a *app) clockCommand() *cobra.Command {
	var f adminFlags
	cmd := &cobra.Command{
		Use:   "clock",
		Short: "Show and move the clock of a running serve",
		Long: `clock shows the time that a running "idpool serve" goes by. Its tokens, their
validation, its faults and the sessions of its Kafka clients all follow it: past
the exp of a token, its session ends.`,
		Example: `  idpool clock
  idpool clock advance 1h
  idpool clock set 2030-01-01T00:00:00Z
  idpool clock reset`,
		Args: group,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.clock(cmd, f, http.MethodGet, "", nil)
		},
	}
	f.add(cmd.PersistentFlags())
	cmd.AddCommand(a.clockSetCommand(&f), a.clockAdvanceCommand(&f))
	for _, move := range []struct{ name, short string }{
		{"freeze", "Stop the clock where it is"},
		{"run", "Let a frozen clock go on from where it is"},
		{"reset", "Go back to the time that the clock began with: the machine's, or for a scope the server's"},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: move.name, Short: move.short, Example: "  idpool clock " + move.name, Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.clock(cmd, f, http.MethodPost, "/"+move.name, nil)
			},
		})
	}
	return cmd
}

func (a *app) clockSetCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "set TIME", Short: "Set the clock to a time", Example: "  idpool clock set 2030-01-01T00:00:00Z",
		Args: exactly("the time, such as 2030-01-01T00:00:00Z"),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := time.Parse(time.RFC3339, args[0])
			if err != nil {
				return usageError("", "clock set: %q is no time, want one such as 2030-01-01T00:00:00Z", args[0])
			}
			return a.clock(cmd, *f, http.MethodPut, "", map[string]any{"now": t})
		},
	}
}

func (a *app) clockAdvanceCommand(f *adminFlags) *cobra.Command {
	return &cobra.Command{
		Use: "advance DURATION", Short: "Move the clock on, or back after --",
		Example: "  idpool clock advance 1h30m\n  idpool clock advance -- -5m",
		Args:    exactly("the duration, such as 1h30m"),
		RunE: func(cmd *cobra.Command, args []string) error {
			by, err := time.ParseDuration(args[0])
			if err != nil {
				return usageError("", "clock advance: %q is no duration, want one such as 1h30m", args[0])
			}
			return a.clock(cmd, *f, http.MethodPost, "/advance", map[string]any{"by": idpool.Duration(by)})
		},
	}
}

// clock asks the admin API and shows the clock after that.
func (a *app) clock(cmd *cobra.Command, f adminFlags, method, path string, in any) error {
	c, err := a.adminClient(cmd, f)
	if err != nil {
		return err
	}
	var state clockState
	if err := c.call(cmd.Context(), method, "/v1/clock"+path, nil, in, &state); err != nil {
		return err
	}
	if a.json() {
		return writeJSON(cmd.OutOrStdout(), state, "  ")
	}
	fmt.Fprintln(cmd.OutOrStdout(), state)
	return nil
}

// String is one line for people.
func (s clockState) String() string {
	words := []string{s.Now.UTC().Format(time.RFC3339)}
	if s.Frozen {
		words = append(words, "frozen")
	}
	// What is less than a second is how long a frozen clock has stood.
	if offset := time.Duration(s.Offset).Round(time.Second); offset > 0 {
		words = append(words, fmt.Sprintf("%s ahead", offset))
	} else if offset < 0 {
		words = append(words, fmt.Sprintf("%s behind", -offset))
	}
	return strings.Join(words, ", ")
}

// exactly wants one argument.
func exactly(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError("", "%s: want %s", commandName(cmd), what)
		}
		return atMost(1)(cmd, args)
	}
}
