package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/internal/ca"
)

// stateUsage is that of --state wherever it is.
const stateUsage = "`DIR` that keeps idpool's CA, or off for a fresh one (default: idpool in the user's cache folder)"

// defaultState is the folder of the command when neither flag nor config names
// one.
func defaultState() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "idpool"), nil
}

// checkState refuses a --state that no config could have, by the flag's name.
func checkState(command, flag string) error {
	var mistakes idpool.ConfigErrors
	if !errors.As(idpool.Config{State: flag}.Check(), &mistakes) {
		return nil
	}
	return usageError("", "%s: --state: %s", command, mistakes[0].Message)
}

// keepAuthority gives a config that names no folder the default one. Where that
// cannot be had, as in a container without a home, the CA lives as long as the
// process, which is said once.
func keepAuthority(stderr io.Writer, c *idpool.Config) {
	l := c.Listeners.HTTPS
	if c.State != "" || l.Address == idpool.Off || l.Certificate != "" {
		return
	}
	dir, err := defaultState()
	if err == nil {
		_, err = ca.Open(dir, time.Now())
	}
	// A file that holds something wrong, or may not be read, is Start's to refuse:
	// clients trust the CA that is there, and another in its place would surprise
	// them.
	var of *ca.Error
	if err == nil || errors.As(err, &of) && (of.Err == nil || isThere(of)) {
		c.State = dir
		return
	}
	c.State = idpool.Off
	fmt.Fprintf(stderr, "idpool: the CA of the https listener is not kept, and clients must trust another one at each start: %v\n", err)
	fmt.Fprintln(stderr, "hint: --state DIR or "+variablePrefix+"STATE keeps it in another folder")
}

// isThere says whether what may not be used is a CA that exists.
func isThere(err *ca.Error) bool {
	_, missing := os.Stat(ca.CertificatePath(filepath.Dir(err.Path)))
	return errors.Is(err, fs.ErrPermission) && !errors.Is(missing, fs.ErrNotExist)
}

// caReport is the JSON of "idpool ca".
type caReport struct {
	Certificate string    `json:"certificate"`    // PEM
	Path        string    `json:"path,omitempty"` // none for that of a running serve
	SHA256      string    `json:"sha256"`
	NotAfter    time.Time `json:"notAfter"`
}

func (a *app) caCommand() *cobra.Command {
	var state, admin string
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Print the certificate of idpool's CA, which clients of the https listener must trust",
		Long: `ca prints the certificate of the CA that is kept in the --state folder, in PEM,
and makes the CA when there is none. serve signs the certificate of its https
listener with it. Where no folder keeps the CA, as in a container that may write
nowhere, it prints that of the serve that runs there. With --admin it asks that
serve and no folder.`,
		Example: `  idpool ca > idpool-ca.pem
  curl --cacert idpool-ca.pem https://localhost:8443/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0/.well-known/openid-configuration
  idpool ca trust-help`,
		Args: group,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.ca(cmd, state, admin) },
	}
	cmd.Flags().StringVar(&admin, "admin", "", "`URL` of the admin listener of a running serve, to print the CA of that one (default, for a CA that no folder keeps, \"http://"+defaultAdmin+"\")")
	cmd.PersistentFlags().StringVar(&state, "state", "", stateUsage)
	cmd.AddCommand(&cobra.Command{
		Use:   "trust-help",
		Short: "Say how each system and library is made to trust the CA, and how to undo it",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.trustHelp(cmd, state) },
	})
	return cmd
}

func (a *app) ca(cmd *cobra.Command, state, admin string) error {
	var report caReport
	var err error
	// The variable is serve's, which a container has for all of its commands.
	if a.typed(cmd, "admin") && admin != idpool.Off {
		report, err = a.caOf(cmd, state, admin)
	} else {
		report, err = a.keptCA(cmd, state, admin)
	}
	switch {
	case err != nil:
		return err
	case a.json():
		return printJSON(cmd.OutOrStdout(), report)
	}
	_, err = io.WriteString(cmd.OutOrStdout(), report.Certificate)
	return err
}

// caOf is the CA of the serve that somebody has named, and of no other.
func (a *app) caOf(cmd *cobra.Command, state, admin string) (caReport, error) {
	if a.typed(cmd, "state") && state != idpool.Off {
		return caReport{}, usageError("", "ca: --admin and --state both say where the CA is: leave one out")
	}
	report, err := servedCA(cmd, admin)
	var exit *exitError
	if err != nil && !errors.As(err, &exit) {
		err = &exitError{exitRefused, fmt.Errorf("ca: --admin: %v", err), `is "idpool serve" running? It prints the URL of its admin listener`}
	}
	return report, err
}

// keptCA is that of a folder, or where none keeps it that of the serve of this
// machine or container.
func (a *app) keptCA(cmd *cobra.Command, state, admin string) (caReport, error) {
	c, err := a.load()
	if err != nil {
		return caReport{}, err
	}
	authority, err := a.authority(c, state)
	switch {
	case err == nil:
		return caReport{
			Certificate: string(authority.PEM()), Path: authority.Path(),
			SHA256: authority.Fingerprint(), NotAfter: authority.Certificate().NotAfter,
		}, nil
	case !errors.Is(err, errNotKept):
		return caReport{}, err
	}
	report, failed := servedCA(cmd, cmp.Or(admin, adminURL(c)))
	if failed != nil {
		return caReport{}, err // nobody runs there, so that it is what the folder said that helps
	}
	return report, nil
}

// servedCA asks a running serve for its CA.
func servedCA(cmd *cobra.Command, admin string) (caReport, error) {
	base, err := adminBase(cmd, admin)
	if err != nil {
		return caReport{}, err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), healthIn)
	defer cancel()
	response, err := fetch(ctx, base+"/v1/ca")
	if err != nil {
		return caReport{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return caReport{}, err
	}
	block, _ := pem.Decode(text)
	if response.StatusCode != http.StatusOK || block == nil {
		return caReport{}, fmt.Errorf("%s answers /v1/ca with %s, and no certificate", base, response.Status)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return caReport{}, err
	}
	return caReport{Certificate: string(text), SHA256: ca.Fingerprint(certificate), NotAfter: certificate.NotAfter}, nil
}

// errNotKept is about a CA that no file has: only the process that made it can
// give it out.
var errNotKept = errors.New("the CA is not kept in a file")

// authority opens the CA of the folder that serve would use. Where serve would
// have a fresh one, the error wraps errNotKept.
func (a *app) authority(c idpool.Config, state string) (*ca.Authority, error) {
	if err := checkState("ca", state); err != nil {
		return nil, err
	}
	dir := cmp.Or(state, c.State)
	if l := c.Listeners.HTTPS; state == "" && l.Certificate != "" {
		return nil, &exitError{exitRefused, errors.New("ca: the config has a certificate of your own (listeners.https.certificate), and so there is no CA of idpool's"), ""}
	}
	switch dir {
	case idpool.Off:
		return nil, &exitError{exitRefused, fmt.Errorf("ca: state is off, and so each process has a CA of its own: %w", errNotKept), "GET /v1/ca of the admin listener gives that of a running one"}
	case "":
		return openDefault()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &exitError{exitRefused, fmt.Errorf("ca: %v", err), ""}
	}
	authority, err := ca.Open(dir, time.Now())
	if err != nil {
		return nil, &exitError{exitRefused, err, ""}
	}
	return authority, nil
}

// openDefault opens the CA of the default folder.
func openDefault() (*ca.Authority, error) {
	dir, err := defaultState()
	if err != nil {
		return nil, &exitError{exitRefused, fmt.Errorf("ca: %v: %w", err, errNotKept), "--state DIR names a folder to keep the CA in"}
	}
	authority, err := ca.Open(dir, time.Now())
	var of *ca.Error
	switch {
	case errors.As(err, &of) && of.Err != nil: // as keepAuthority has it
		return nil, &exitError{exitRefused, fmt.Errorf("%w: %w", err, errNotKept), "--state DIR names a folder to keep the CA in"}
	case err != nil:
		return nil, &exitError{exitRefused, err, ""}
	}
	return authority, nil
}
