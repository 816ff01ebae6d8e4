package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/internal/strictyaml"
)

// faultList is the body of the admin API's faults.
type faultList struct {
	Faults []fault.Status `json:"faults"`
}

func (a *app) faultCommand() *cobra.Command {
	var f adminFlags
	cmd := &cobra.Command{
		Use:   "fault",
		Short: "Let things go wrong at a running serve",
		Long: `fault adds faults to a running "idpool serve", lists and removes them: answers that
are late, errors, keys or tokens that are broken. What a fault breaks says so by
the header Idpool-Fault, and by fault= in "idpool journal".`,
		Example: "  idpool fault add faults.yaml\n  idpool fault list\n  idpool fault remove token-1\n  idpool fault clear",
		Args:    group,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.add(cmd.PersistentFlags())
	cmd.AddCommand(
		&cobra.Command{Use: "add FILE|-", Short: "Add the faults of a file or of standard input, all or none", Example: "  idpool fault add faults.yaml\n  echo '[{endpoint: token, status: 503, times: 2}]' | idpool fault add -", Args: exactly("the file of faults, or - for standard input"),
			RunE: func(cmd *cobra.Command, args []string) error { return a.faultAdd(cmd, f, args[0]) }},
		&cobra.Command{Use: "list", Short: "Show the faults in force, how many requests each matched, and into how many it was injected", Example: "  idpool fault list", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.faultList(cmd, f) }},
		&cobra.Command{Use: "remove ID", Short: "Remove one fault", Example: "  idpool fault remove token-1", Args: exactly("the id of the fault"),
			RunE: func(cmd *cobra.Command, args []string) error {
				return a.faultDelete(cmd, f, "/v1/faults/"+url.PathEscape(args[0]))
			}},
		&cobra.Command{Use: "clear", Short: "Remove all faults", Example: "  idpool fault clear", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.faultDelete(cmd, f, "/v1/faults") }},
	)
	return cmd
}

func (a *app) faultAdd(cmd *cobra.Command, f adminFlags, name string) error {
	name, data, err := faultText(cmd, name)
	if err != nil {
		return usageError("", "fault add: %v", err)
	}
	faults, err := fault.Parse(name, data)
	if err != nil {
		return usageError("", "fault add: the faults are refused\n%v", err)
	}
	c, err := a.adminClient(cmd, f)
	if err != nil {
		return err
	}
	var added []fault.Status
	for i, one := range faults {
		var with fault.Status
		if err := c.call(cmd.Context(), http.MethodPost, "/v1/faults", nil, one, &with); err != nil {
			return errors.Join(faultFile{name, data}.refused(i, err), c.takeBack(added))
		}
		added = append(added, with)
	}
	return a.printFaultList(cmd, added)
}

// faultText is a file of faults or standard input, and what errors call it.
func faultText(cmd *cobra.Command, name string) (string, []byte, error) {
	if name == "-" {
		data, err := io.ReadAll(cmd.InOrStdin())
		return "standard input", data, err
	}
	data, err := os.ReadFile(name)
	return name, data, err
}

// faultField is how a refusal of a fault begins.
var faultField = regexp.MustCompile(`^([A-Za-z]+): `)

// refused places the fault of a file that a server does not take.
func (f faultFile) refused(i int, err error) error {
	var refusal *adminRefusal
	if !errors.As(err, &refusal) {
		return err
	}
	detail := strings.TrimPrefix(strings.TrimPrefix(refusal.detail, "fault add: "), "fault: ")
	var shape any
	document, _ := strictyaml.Decode(f.name, f.data, &shape) // it has been parsed before
	at := fmt.Sprintf("[%d]", i)
	if _, isList := shape.([]any); !isList {
		at = "faults" + at
	}
	if field := faultField.FindStringSubmatch(detail); field != nil {
		at, detail = at+"."+field[1], detail[len(field[0]):]
	}
	return usageError("", "fault add: the faults are refused\n%v", document.At(at, detail))
}

// takeBack removes what was added before a fault that was refused.
func (c *adminClient) takeBack(added []fault.Status) error {
	var errs []error
	for _, f := range added {
		errs = append(errs, c.call(context.Background(), http.MethodDelete, "/v1/faults/"+url.PathEscape(f.ID), nil, nil, nil))
	}
	return errors.Join(errs...)
}

func (a *app) faultList(cmd *cobra.Command, f adminFlags) error {
	c, err := a.adminClient(cmd, f)
	if err != nil {
		return err
	}
	var out faultList
	if err := c.call(cmd.Context(), http.MethodGet, "/v1/faults", nil, nil, &out); err != nil {
		return err
	}
	return a.printFaultList(cmd, out.Faults)
}

func (a *app) faultDelete(cmd *cobra.Command, f adminFlags, path string) error {
	c, err := a.adminClient(cmd, f)
	if err != nil {
		return err
	}
	return c.call(cmd.Context(), http.MethodDelete, path, nil, nil, nil)
}

func (a *app) printFaultList(cmd *cobra.Command, faults []fault.Status) error {
	if a.json() {
		return writeJSON(cmd.OutOrStdout(), faultList{append([]fault.Status{}, faults...)}, "  ")
	}
	if len(faults) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "idpool: there is no fault")
		return nil
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tENDPOINT\tMATCHED\tINJECTED\tFAULT")
	for _, s := range faults {
		settings, err := faultSettings(s.Fault)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s%s\n", visible(s.ID), visible(s.Endpoint), s.Matched, s.Injected, settings, faultEnd(s))
	}
	return w.Flush()
}

// faultSettings are those that have no column of their own, as JSON.
func faultSettings(f fault.Fault) (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	var settings map[string]any
	if err := json.Unmarshal(text, &settings); err != nil {
		return "", err
	}
	delete(settings, "id")
	delete(settings, "endpoint")
	var shown strings.Builder
	err = writeJSON(&shown, settings, "")
	return strings.TrimSuffix(shown.String(), "\n"), err
}

// faultEnd says what else there is to know of a fault.
func faultEnd(s fault.Status) string {
	end := ""
	if s.Spent {
		end += "  spent"
	}
	if s.Problem != "" {
		end += "  problem: " + visible(s.Problem)
	}
	return end
}
