package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
)

// exclusion is a flag that leaves other flags without a meaning. On one command
// line that is a mistake. In the environment it is not: an image or a compose file
// has set what somebody now wants otherwise.
type exclusion struct {
	flag string
	// off: it excludes where the listener is off, also by a variable, since a
	// container has no other way to turn one off. Otherwise the flag wins over
	// the variables of those that it excludes, as over its own.
	off      bool
	excludes []string
}

var exclusions = []exclusion{
	{"kafka", true, []string{"kafka-advertised", "kafka-inside", "kafka-inside-advertised", "kafka-upstream", "kafka-brokers", "kafka-inside-brokers", "kafka-errors", "data"}},
	{"kafka-inside", true, []string{"kafka-inside-advertised", "kafka-inside-brokers"}},
	{"scenario", false, []string{"config", "watch"}},
	{"config", false, []string{"scenario"}},
	{"kafka-upstream", false, []string{"data"}},
	{"data", false, []string{"kafka-upstream", "kafka-brokers", "kafka-inside-brokers"}},
	{"azure-names", false, []string{"public-url"}},
	{"public-url", false, []string{"azure-names"}},
}

// leaveOut takes back what variables say of flags that others exclude.
func (e *environment) leaveOut(cmd *cobra.Command) error {
	for _, x := range exclusions {
		f := cmd.Flags().Lookup(x.flag)
		given := e.typed(f) && f.Value.String() != f.DefValue
		if x.off {
			given = f.Value.String() == idpool.Off
		}
		for _, name := range x.excludes {
			if other := cmd.Flags().Lookup(name); given && e.set[name] != "" {
				if err := e.takeBack(other); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// takeBack leaves a flag as if its variable were not set.
func (e *environment) takeBack(f *pflag.Flag) error {
	delete(e.set, f.Name)
	f.Changed = false
	if several, ok := f.Value.(pflag.SliceValue); ok {
		return several.Replace(nil)
	}
	return f.Value.Set(f.DefValue)
}
