package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/idpool/idpool"
)

// TestFlagsOverTheVariablesOfOthers: "serve --kafka off" and "serve --config FILE"
// were refused in a container whose image or compose file had set a variable that
// goes with the opposite.
func TestFlagsOverTheVariablesOfOthers(t *testing.T) {
	compose := "IDPOOL_KAFKA=0.0.0.0:9092 IDPOOL_KAFKA_ADVERTISED=localhost:9092 IDPOOL_KAFKA_INSIDE=0.0.0.0:19092 IDPOOL_KAFKA_INSIDE_ADVERTISED=idpool:19092"
	gateway := compose + " IDPOOL_KAFKA_UPSTREAM=kafka:9092 IDPOOL_KAFKA_BROKERS=1=0.0.0.0:9093 IDPOOL_KAFKA_INSIDE_BROKERS=1=0.0.0.0:19093 IDPOOL_KAFKA_ERRORS=verbose"
	for _, row := range []struct {
		name, flags, variables string
		want                   string // flags that keep a value, in order
		refused                string
	}{
		{"kafka off", "--kafka off", compose, "kafka=off", ""},
		{"kafka off before a cluster", "--kafka off", gateway + " IDPOOL_DATA=/data", "kafka=off", ""},
		{"kafka off by its variable", "", compose + " IDPOOL_KAFKA=off", "kafka=off", ""},
		{"the second listener off", "", compose + " IDPOOL_KAFKA_INSIDE=off", "kafka=0.0.0.0:9092 kafka-advertised=localhost:9092 kafka-inside=off", ""},
		{"data over a cluster", "--data /data", gateway, "data=/data kafka=0.0.0.0:9092 kafka-advertised=localhost:9092 kafka-errors=verbose kafka-inside=0.0.0.0:19092 kafka-inside-advertised=idpool:19092", ""},
		{"a cluster over data", "--kafka-upstream kafka:9092", "IDPOOL_DATA=/data", "kafka-upstream=kafka:9092", ""},
		{"a config over a scenario", "--config x.yaml", "IDPOOL_SCENARIO=no-app-role", "config=x.yaml", ""},
		{"a scenario over a config", "--scenario no-app-role", "IDPOOL_CONFIG=x.yaml IDPOOL_WATCH=true", "scenario=no-app-role", ""},
		{"a config that is no name", "--config=", "IDPOOL_SCENARIO=no-app-role", "scenario=no-app-role", ""},
		{"Azure's names over a URL", "--azure-names", "IDPOOL_PUBLIC_URL=http://a,https://b", "azure-names=true", ""},
		{"a URL over Azure's names", "--public-url http://a", "IDPOOL_AZURE_NAMES=true", "public-url=[http://a]", ""},
		{"both on the command line", "--kafka off --data /data", "", "data=/data kafka=off", "--kafka is off, and --data"},
		{"what is typed and a variable that excludes it", "--data /data", "IDPOOL_KAFKA=off", "data=/data kafka=off", "--kafka is off, and --data"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var f serveFlags
			var config string
			cmd := &cobra.Command{Use: "serve"}
			f.add(cmd.Flags())
			cmd.Flags().StringVar(&config, "config", "", "")
			if err := cmd.ParseFlags(strings.Fields(row.flags)); err != nil {
				t.Fatal(err)
			}
			variables := map[string]string{}
			for one := range strings.FieldsSeq(row.variables) {
				name, value, _ := strings.Cut(one, "=")
				variables[name] = value
			}
			e := given(variables)
			if err := e.apply(cmd); err != nil {
				t.Fatal(err)
			}
			if err := e.leaveOut(cmd); err != nil {
				t.Fatal(err)
			}
			if got := kept(cmd); got != row.want {
				t.Errorf("what counts is %q, want %q", got, row.want)
			}
			c := idpool.Acme()
			err := f.kafkaFlags.apply(&c)
			if row.refused == "" && err != nil || row.refused != "" && (err == nil || !strings.Contains(err.Error(), row.refused)) {
				t.Errorf("%v, want %q", err, row.refused)
			}
		})
	}
}

// kept are the flags of a command that have a value of their own.
func kept(cmd *cobra.Command) string {
	var out []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value := f.Value.String()
		if changed := value != f.DefValue; changed != f.Changed && value != "" {
			value += " as if it were not"
		}
		if value != f.DefValue {
			out = append(out, f.Name+"="+value)
		}
	})
	return strings.Join(out, " ")
}
