package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variablePrefix is what the environment variables of idpool begin with.
const variablePrefix = "IDPOOL_"

// ownVariable annotates a flag that means something else than another command's
// flag of the same name: what a container or a job sets for one must not reach the
// other.
const ownVariable = "own variable"

// tokenScopeVariable is that of the scope that a token is asked for:
// IDPOOL_SCOPE is the id of a world of the admin API.
const tokenScopeVariable = "IDPOOL_TOKEN_SCOPE"

// variableOf is the environment variable of a flag. Containers are set up by
// variables, and so every flag of every command has one.
func variableOf(f *pflag.Flag) string {
	if own := f.Annotations[ownVariable]; len(own) == 1 {
		return own[0]
	}
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// giveVariable gives a flag another variable than its name says.
func giveVariable(flags *pflag.FlagSet, name, variable string) {
	f := flags.Lookup(name)
	f.Annotations = map[string][]string{ownVariable: {variable}}
	f.Usage += " (variable " + variable + ")"
}

// environment gives those flags a value that the command line does not set.
type environment struct {
	lookup func(variable string) (string, bool) // nil means the process's own
	set    map[string]string                    // the variable that a flag has its value from, by the flag
}

// value is that of a variable. An empty one is none, since neither a shell nor a
// compose file has another way to leave one out.
func (e *environment) value(variable string) string {
	look := e.lookup
	if look == nil {
		look = os.LookupEnv
	}
	value, _ := look(variable)
	return value
}

// apply sets the flags of a command. What the command line sets stays as it is:
// the flag wins over the variable, and the variable over the config file.
func (e *environment) apply(cmd *cobra.Command) error {
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := e.value(variableOf(f))
		if err == nil && value != "" && f.Name != "help" && !e.typed(f) {
			err = e.give(f, value)
		}
	})
	if err != nil {
		return usageError("", "%s: %v", commandName(cmd), err)
	}
	return nil
}

// typed says whether a flag is on the command line.
func (e *environment) typed(f *pflag.Flag) bool { return f.Changed && e.set[f.Name] == "" }

// give sets a flag to what its variable says.
func (e *environment) give(f *pflag.Flag, value string) error {
	var err error
	if several, ok := f.Value.(pflag.SliceValue); ok {
		err = several.Replace(values(f, value))
	} else {
		err = f.Value.Set(value)
	}
	if err != nil {
		return fmt.Errorf("%s: %q is no %s", variableOf(f), value, wanted(f.Value.Type()))
	}
	if e.set == nil {
		e.set = map[string]string{}
	}
	f.Changed, e.set[f.Name] = true, variableOf(f)
	return nil
}

// values are those of a flag that takes several: one a line, and with commas
// between them where the flag itself takes commas.
func values(f *pflag.Flag, text string) []string {
	if f.Value.Type() != "stringArray" {
		text = strings.ReplaceAll(text, ",", "\n")
	}
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// flagMention is how an error speaks of a flag, and of its value if at all.
var flagMention = regexp.MustCompile(`--([a-z][a-z-]*)( [A-Z]{2,}(?::[A-Z]+)?\b)?`)

// inTermsOf is the text of an error in terms of the settings that whoever reads
// it has given: a flag goes by its variable where its value is from there. When
// serve speaks of flags that nobody gave, as what would help, both are named,
// since in a container the variable is the way.
func (e *environment) inTermsOf(cmd *cobra.Command, text string) string {
	given := false
	for _, mention := range flagMention.FindAllStringSubmatch(text, -1) {
		f := cmd.Flags().Lookup(mention[1])
		given = given || f == nil || f.Changed // nil: somebody gave a flag that there is not
	}
	return flagMention.ReplaceAllStringFunc(text, func(match string) string {
		mention := flagMention.FindStringSubmatch(match)
		f := cmd.Flags().Lookup(mention[1])
		switch {
		case f == nil || f.Name == "help" || names(text, variableOf(f)):
			return match
		case e.set[f.Name] != "":
			return variableOf(f) + strings.Replace(mention[2], " ", "=", 1)
		case cmd.Name() == "serve" && !given:
			return match + " (" + variableOf(f) + ")"
		}
		return match
	})
}

// names says whether a text has a variable in it, and not just a longer one.
func names(text, variable string) bool {
	return regexp.MustCompile(`\b` + variable + `\b`).MatchString(text)
}

// typed says whether a flag is on the command line, rather than in a variable
// that was set for other commands.
func (a *app) typed(cmd *cobra.Command, name string) bool {
	f := cmd.Flags().Lookup(name)
	return f != nil && a.environment.typed(f)
}
