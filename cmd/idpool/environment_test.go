package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/idpool/idpool/internal/printed"
)

// given is an environment of these variables and no others.
func given(variables map[string]string) environment {
	return environment{lookup: func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}}
}

// each is called with every command.
func each(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, c := range cmd.Commands() {
		each(c, do)
	}
}

// TestVariablesOfFlags: each flag of each command takes a value of its variable,
// and a flag of the command line is left as it is.
func TestVariablesOfFlags(t *testing.T) {
	samples := map[string]string{"bool": "true", "int": "7", "duration": "7s", "uint64": "7"}
	tried := 0
	each(rootCommand(), func(cmd *cobra.Command) {
		if err := cmd.ParseFlags(nil); err != nil {
			t.Fatal(err)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			value, ok := samples[f.Value.Type()]
			if !ok {
				value = "seven"
			}
			e := given(map[string]string{variableOf(f): value})
			f.Changed = false
			if err := e.apply(cmd); err != nil {
				t.Errorf("%s: %s=%s: %v", cmd.CommandPath(), variableOf(f), value, err)
			}
			if got := strings.Trim(f.Value.String(), "[]"); got != value && f.Name != "help" {
				t.Errorf("%s: %s=%s: --%s is %q", cmd.CommandPath(), variableOf(f), value, f.Name, got)
			}
			tried++
		})
	})
	if tried < 100 {
		t.Errorf("%d flags were tried", tried)
	}
}

// meaning is what a flag takes: the name of its value, or what it says where it
// has none. The admin listener's address and URL are one value, and --azure-names
// is about one serve everywhere.
func meaning(f *pflag.Flag) string {
	name, usage := pflag.UnquoteUsage(f)
	switch variable := variableOf(f); {
	case variable == "IDPOOL_ADMIN", variable == "IDPOOL_AZURE_NAMES":
		return variable
	case f.Value.Type() == "bool":
		return usage
	}
	return f.Value.Type() + " " + name
}

// TestVariablesOfOneName: a variable had two meanings, the id of a scope for
// journal and clock, and the scope of a token for token and probe, so that what was
// set for one command broke the other.
func TestVariablesOfOneName(t *testing.T) {
	type taken struct{ by, what string }
	first := map[string]taken{}
	each(rootCommand(), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			variable, here := variableOf(f), taken{cmd.CommandPath(), meaning(f)}
			if f.Name == "help" {
				return
			}
			if there, shared := first[variable]; shared && there.what != here.what {
				t.Errorf("%s is %q for %s, and %q for %s", variable, here.what, here.by, there.what, there.by)
			}
			first[variable] = here
		})
	})
	if len(first) < 60 {
		t.Errorf("%d variables were compared", len(first))
	}
}

func TestVariablesOfSeveralValues(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       []string
	}{
		{"a value a line", "a=1\nb=2\n", []string{"a=1", "b=2"}},
		{"with Windows' line breaks and an empty line", "a=1\r\n\r\nb=2", []string{"a=1", "b=2"}},
		{"a comma is of the value", `roles=["a","b"]`, []string{`roles=["a","b"]`}},
	} {
		var f mintFlags
		cmd := &cobra.Command{Use: "token"}
		f.add(cmd.Flags())
		e := given(map[string]string{"IDPOOL_CLAIM": row.text})
		if err := e.apply(cmd); err != nil || !slices.Equal(f.claims, row.want) {
			t.Errorf("%s: %q, %v, want %q", row.name, f.claims, err, row.want)
		}
	}
	var list []string
	cmd := &cobra.Command{Use: "serve"}
	cmd.Flags().StringSliceVar(&list, "public-url", []string{"default"}, "")
	e := given(map[string]string{"IDPOOL_PUBLIC_URL": "http://a, https://b\nhttp://c"})
	if err := e.apply(cmd); err != nil || !slices.Equal(list, []string{"http://a", "https://b", "http://c"}) {
		t.Errorf("a list with commas: %q, %v", list, err)
	}
}

// TestErrorsInTermsOfVariables are how errors speak of flags.
func TestErrorsInTermsOfVariables(t *testing.T) {
	for _, row := range []struct{ name, flags, variables, text, want string }{
		{"given by the flag", "--http x", "", "serve: --http: no", "serve: --http: no"},
		{"given by the variable", "", "IDPOOL_HTTP=x", "serve: --http: no", "serve: IDPOOL_HTTP: no"},
		{"with what is wanted", "", "IDPOOL_HTTP=x", "choose another with --http HOST:PORT or a", "choose another with IDPOOL_HTTP=HOST:PORT or a"},
		{"given by neither", "", "", "choose another with --http HOST:PORT or a", "choose another with --http HOST:PORT (IDPOOL_HTTP) or a"},
		{"and one that is given", "--kafka off", "", "--kafka is off, and --data means nothing", "--kafka is off, and --data means nothing"},
		{"both by variables", "", "IDPOOL_KAFKA=off\nIDPOOL_DATA=d", "--kafka is off, and --data means nothing", "IDPOOL_KAFKA is off, and IDPOOL_DATA means nothing"},
		{"that names the variable anyway", "", "", "set IDPOOL_HTTP or --http", "set IDPOOL_HTTP or --http"},
		{"that names a longer one", "", "", "IDPOOL_KAFKA_ERRORS or --kafka", "IDPOOL_KAFKA_ERRORS or --kafka (IDPOOL_KAFKA)"},
		{"of a flag that there is not", "", "", "unknown flag: --htp: did you mean --http?", "unknown flag: --htp: did you mean --http?"},
	} {
		variables := map[string]string{}
		for line := range strings.Lines(row.variables) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			variables[name] = value
		}
		var f serveFlags
		cmd := &cobra.Command{Use: "serve"}
		f.add(cmd.Flags())
		if err := cmd.ParseFlags(strings.Fields(row.flags)); err != nil {
			t.Fatal(err)
		}
		e := given(variables)
		if err := e.apply(cmd); err != nil {
			t.Fatal(err)
		}
		if got := e.inTermsOf(cmd, row.text); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// TestStrays: a variable that is spelt wrong would count for nothing, and
// nobody would know.
func TestStrays(t *testing.T) {
	for line, near := range map[string]string{
		"IDPOOL_HTPP=1":        "IDPOOL_HTTP",
		"IDPOOL_kafka=1":       "IDPOOL_KAFKA",
		"IDPOOL_LOGLEVEL=warn": "IDPOOL_LOG_LEVEL",
		"IDPOOL_PORT=8080":     "",
		"IDPOOL_QUUX=1":        "",
	} {
		name, _, _ := strings.Cut(line, "=")
		got := strays(rootCommand(), []string{"HOME=/", line})
		if len(got) != 1 || got[0].name != name || near != "" && got[0].near != near {
			t.Errorf("%s: %v, want one that is near %q", line, got, near)
		}
	}
	for _, line := range []string{
		"IDPOOL_ADMIN_TOKEN=x", "IDPOOL_JOURNAL_FAULT=x", "IDPOOL_REQUIRE=docker", "IDPOOL_CLIENTS=x", "IDPOOL_IMAGE=x", "OTHER_HTPP=1",
		"IDPOOL_PORT=tcp://10.0.0.7:8080", "IDPOOL_PORT_8080_TCP=tcp://10.0.0.7:8080", "IDPOOL_PORT_8080_TCP_PROTO=tcp",
		"IDPOOL_SERVICE_HOST=10.0.0.7", "IDPOOL_SERVICE_PORT=8080", "IDPOOL_SERVICE_PORT_HTTP=8080", "IDPOOL_GATEWAY_SERVICE_HOST=10.0.0.7",
	} {
		if got := strays(rootCommand(), []string{line}); len(got) > 0 {
			t.Errorf("%s: %v", line, got)
		}
	}
}

// TestVariablesInTheReference keeps the tables in docs/config.md equal to the
// flags of serve, and to those of other commands whose variable the name of the
// flag does not say.
func TestVariablesInTheReference(t *testing.T) {
	flags, own := map[string]*pflag.Flag{}, map[string]string{}
	each(rootCommand(), func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Annotations[ownVariable] != nil {
				own[commandName(cmd)+" --"+f.Name] = variableOf(f)
			}
		})
		if cmd.Name() == "serve" {
			cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = f })
			cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = f })
		}
	})
	var table bytes.Buffer
	table.WriteString("| flag of serve | variable | what it is |\n| --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		value, usage := pflag.UnquoteUsage(flags[name])
		if name == "help" {
			continue
		}
		if d := flags[name].DefValue; d != "" && d != "false" && d != "[]" {
			usage += fmt.Sprintf(" (default %q)", d)
		}
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", strings.TrimSpace("--"+name+" "+value), variableOf(flags[name]), strings.ReplaceAll(usage, "|", `\|`))
	}
	table.WriteString("\n| flag of another command | variable |\n| --- | --- |\n")
	for _, flag := range slices.Sorted(maps.Keys(own)) {
		fmt.Fprintf(&table, "| `%s` | `%s` |\n", flag, own[flag])
	}
	printed.Section{File: "../../docs/config.md", Name: "flags", Update: *update}.Is(t, table.String())
}
