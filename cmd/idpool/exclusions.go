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
		if !given {
			continue
		}
		if err := e.takeBack(cmd.Flags(), x.excludes); err != nil {
			return err
		}
	}
	return nil
}

// takeBack leaves flags as if their variables were not set.
func (e *environment) takeBack(flags *pflag.FlagSet, names []string) error {
	for _, name := range names {
		if e.set[name] == "" {
			continue
		}
		delete(e.set, name)
		f := flags.Lookup(name)
		f.Changed = false
		var err error
		if several, ok := f.Value.(pflag.SliceValue); ok {
			err = several.Replace(nil)
		} else {
			err = f.Value.Set(f.DefValue)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
