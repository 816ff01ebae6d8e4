package main

import (
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/idpool/idpool/internal/nearest"
)

// stray is an environment variable that begins as idpool's do and that no
// command reads: likely one that is spelt wrong.
type stray struct{ name, near string }

// strays are those of a process's environment, each with the nearest variable
// that there is.
func strays(root *cobra.Command, environ []string) []stray {
	known := variables(root)
	var out []stray
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		if strings.HasPrefix(name, variablePrefix) && !slices.Contains(known, name) && !foreignVariable(name, value) {
			out = append(out, stray{name, nearVariable(name, known)})
		}
	}
	slices.SortFunc(out, func(a, b stray) int { return strings.Compare(a.name, b.name) })
	return out
}

// variables are those of all commands.
func variables(cmd *cobra.Command) []string {
	var out []string
	add := func(f *pflag.Flag) { out = append(out, variableOf(f)) }
	cmd.PersistentFlags().VisitAll(add)
	cmd.Flags().VisitAll(add)
	for _, c := range cmd.Commands() {
		out = append(out, variables(c)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nearVariable is the variable that a misspelt one most likely meant. The prefix
// is left out, since it would make all of them look alike.
func nearVariable(name string, known []string) string {
	var words []string
	for _, k := range known {
		words = append(words, strings.TrimPrefix(k, variablePrefix))
	}
	if near := nearest.To(strings.TrimPrefix(name, variablePrefix), words); near != "" {
		return variablePrefix + near
	}
	return ""
}

// foreignVariable says whether somebody else sets a variable: idpool's own tests,
// or Kubernetes, which tells every container where the Service "idpool" is, and
// one such as "idpool-admin" too.
func foreignVariable(name, value string) bool {
	switch {
	case slices.Contains([]string{"IDPOOL_REQUIRE", "IDPOOL_CLIENTS", "IDPOOL_IMAGE"}, name):
		return true
	case strings.HasSuffix(name, "_SERVICE_HOST"), strings.Contains(name, "_SERVICE_PORT"):
		return true
	case strings.HasSuffix(name, "_PORT"):
		return strings.Contains(value, "://") // tcp://10.0.0.1:8080
	}
	return strings.Contains(name, "_PORT_")
}

// warnOfStrays logs them, without their values, which may be secrets.
func warnOfStrays(log *slog.Logger, all []stray) {
	for _, s := range all {
		if s.near == "" {
			log.Warn("unknown environment variable", "variable", s.name, "hint", "docs/config.md lists those of serve")
			continue
		}
		log.Warn("unknown environment variable", "variable", s.name, "hint", "did you mean "+s.near+"?")
	}
}
