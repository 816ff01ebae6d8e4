package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
listed on standard error with the command that gives it; what may be of interest
besides comes after it and is marked optional.`,
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
	result, err := importFiles(cmd.Context(), cmd.InOrStdin(), names, o.config)
	if errors.Is(err, context.Canceled) {
		return &exitError{exitRefused, fmt.Errorf("config import: stopped before everything was read"), "a pipe is read until whoever writes into it closes it"}
	}
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

// importFiles reads the files one after another. Its error is the context's when
// that ends first.
func importFiles(ctx context.Context, stdin io.Reader, names []string, c manifest.Config) (*manifest.Result, error) {
	files := make([]manifest.File, len(names))
	for i, name := range names {
		files[i] = manifest.File{Name: name, Content: &exportFile{name: name}}
		if name == "-" {
			files[i] = manifest.File{Name: "standard input", Content: struct{ io.Reader }{stdin}} // which is not ours to close
		}
	}
	type answer struct {
		result *manifest.Result
		err    error
	}
	done := make(chan answer, 1)
	// Opening a pipe waits for somebody who writes into it, and nothing but the
	// end of the process ends that. So the goroutine may outlive the command.
	go func() {
		result, err := manifest.Import(c, files)
		done <- answer{result, err}
	}()
	select {
	case a := <-done:
		return a.result, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// exportFile is opened when it is read, so that one file is open at a time.
type exportFile struct {
	name string
	file *os.File
}

func (e *exportFile) Read(p []byte) (int, error) {
	if e.file == nil {
		f, err := os.Open(e.name)
		if err != nil {
			return 0, withoutPath(err)
		}
		e.file = f
	}
	n, err := e.file.Read(p)
	if err != io.EOF {
		err = withoutPath(err)
	}
	return n, err
}

func (e *exportFile) Close() error {
	if e.file == nil {
		return nil
	}
	return e.file.Close()
}

// withoutPath is the reason alone: the message names the file already.
func withoutPath(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// printFillIn lists for a person what is left to do: what must be done first.
func printFillIn(w io.Writer, r *manifest.Result, file string) {
	p := paintFor(w)
	if file == "" {
		file = "line "
	} else {
		file += ":"
	}
	required := 0
	for _, f := range r.FillIn {
		if f.Required {
			required++
		}
	}
	for i, f := range r.FillIn {
		switch {
		case i == 0 && required > 0:
			fmt.Fprintln(w, p.bold(count(required, "place")+" to fill in:"))
		case i == required:
			fmt.Fprintln(w, p.bold("may be of interest:"))
		}
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
