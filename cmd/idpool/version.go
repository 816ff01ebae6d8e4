package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is stamped by a release build with -ldflags "-X main.version=v1.2.3".
var version string

type versionInfo struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  idpool version --output json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := build()
			if a.json() {
				return printJSON(cmd.OutOrStdout(), v)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "idpool %s %s\n", v.Version, v.Go)
			return err
		},
	}
}

// build is what the binary knows of itself.
func build() versionInfo {
	v := versionInfo{Version: version, Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		v.Version = cmp.Or(v.Version, "unknown")
		return v
	}
	v.Version = cmp.Or(v.Version, info.Main.Version, "(devel)")
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}

// noArgs refuses arguments by name.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Sprintf("%q shows how it is used", cmd.CommandPath()+" -h"), "%s takes no argument, got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// atMost refuses more arguments than n.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError(fmt.Sprintf("%q shows how it is used", cmd.CommandPath()+" -h"), "%s takes at most %d argument(s), got %d", cmd.CommandPath(), n, len(args))
		}
		return nil
	}
}
