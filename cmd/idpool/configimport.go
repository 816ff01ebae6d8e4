package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/manifest"
)

// importOptions are the flags of config import.
type importOptions struct {
	config manifest.Config
	to     string
}

func (a *app) configImportCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Make a config of what Azure exports about app registrations",
		Long: `import reads exports of Azure AD and writes them as one idpool config: app
manifests of the portal (old and new format), what "az ad app show", "az ad sp
show" and their lists print, app role assignments, and federated credentials. The
files may be given in any order, and "-" is standard input; what a file holds is
found out from its contents.

What Azure does not export, secrets above all, is left empty, marked FILL IN, and
listed on standard error with the command that gives it.`,
		Example: `  az ad app show --id APP-ID > app.json
  az ad sp show --id APP-ID > sp.json
  idpool config import app.json sp.json --to idpool.yaml`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(`"az ad app show --id APP-ID > app.json" makes one`, "config import: no FILE is given")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.configImport(cmd, args, o) },
	}
	cmd.Flags().StringVar(&o.config.TenantID, "tenant", "", "`ID` of the tenant that was exported (default: what service principals tell)")
	cmd.Flags().StringVar(&o.config.TenantName, "tenant-name", "", "display `NAME` of the tenant, which no export has")
	cmd.Flags().StringVar(&o.to, "to", "", "write the config to a new `FILE` instead of standard output")
	return cmd
}

// configImport writes nothing before everything was read and checked.
func (a *app) configImport(cmd *cobra.Command, names []string, o importOptions) error {
	result, err := importFiles(cmd.InOrStdin(), names, o.config)
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("config import: %s", strings.ReplaceAll(err.Error(), "manifest: ", "")), ""}
	}
	text := result.YAML()
	c, err := idpool.Parse("import", text)
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("config import: what came out is no config, which is a bug of idpool's: %v", err), ""}
	}
	if o.to != "" {
		if err := writeNew("config import", o.to, text); err != nil {
			return err
		}
	}
	if a.json() {
		fillIn := append([]manifest.FillIn{}, result.FillIn...)
		return printJSON(cmd.OutOrStdout(), importAnswer{string(text), fillIn, result.Ignored})
	}
	if o.to == "" {
		if _, err := cmd.OutOrStdout().Write(text); err != nil {
			return err
		}
	}
	printFillIn(cmd.ErrOrStderr(), result, o.to)
	if o.to != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s: %s\n", o.to, summary(c))
	}
	return nil
}

// importAnswer is the JSON of config import.
type importAnswer struct {
	Config  string            `json:"config"`
	FillIn  []manifest.FillIn `json:"fillIn"`
	Ignored []string          `json:"ignored"`
}

func importFiles(stdin io.Reader, names []string, c manifest.Config) (*manifest.Result, error) {
	var files []manifest.File
	var errs []error
	for _, name := range names {
		if name == "-" {
			files = append(files, manifest.File{Name: "standard input", Content: stdin})
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		defer f.Close()
		files = append(files, manifest.File{Name: name, Content: f})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return manifest.Import(c, files)
}

// printFillIn lists for a person what is left to do.
func printFillIn(w io.Writer, r *manifest.Result, file string) {
	p := paintFor(w)
	if len(r.FillIn) > 0 {
		fmt.Fprintln(w, p.bold(count(len(r.FillIn), "place")+" to look at:"))
	}
	if file == "" {
		file = "line "
	} else {
		file += ":"
	}
	for i, f := range r.FillIn {
		where := ""
		if f.Field != "" {
			where = p.faint(fmt.Sprintf("%s%d %s", file, f.Line, f.Field)) + "\n    "
		}
		fmt.Fprintf(w, "%2d. %s%s\n", i+1, where, f.Message)
	}
	if len(r.Ignored) > 0 {
		fmt.Fprintln(w, p.faint("not needed and left out: "+strings.Join(r.Ignored, ", ")))
	}
}
