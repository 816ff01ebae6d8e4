package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/idpool/idpool/internal/nearest"
)

// flagError says what the parser of the flags did not like, with the nearest
// known flag.
func flagError(cmd *cobra.Command, err error) error {
	hint := fmt.Sprintf("%q lists the flags", cmd.CommandPath()+" -h")
	var value *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &value):
		value.GetFlag().Changed = true // somebody gave it, if in vain
		return usageError("", "%s: --%s: %q is no %s", commandName(cmd), value.GetFlag().Name, value.GetValue(), wanted(value.GetFlag().Value.Type()))
	case !errors.As(err, &unknown):
	case isDigit(unknown.GetSpecifiedShortnames()):
		hint = fmt.Sprintf("what begins with a minus stands after --: %q", cmd.CommandPath()+" -- -"+unknown.GetSpecifiedShortnames())
	default:
		if near := nearest.To(unknown.GetSpecifiedName(), flagNames(cmd)); near != "" {
			hint = fmt.Sprintf("did you mean --%s?", near)
		}
	}
	return usageError(hint, "%s: %v", commandName(cmd), err)
}

func flagNames(cmd *cobra.Command) []string {
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	return known
}

// isDigit says whether a text begins like a number.
func isDigit(text string) bool { return text != "" && text[0] >= '0' && text[0] <= '9' }

// wanted says what the values of a flag are, for one that is none.
func wanted(kind string) string {
	switch kind {
	case "int", "uint64":
		return "whole number, want one such as 5"
	case "duration":
		return "duration, want one such as 30s or 1h30m"
	case "bool":
		return "truth value, want true or false"
	}
	return kind
}
