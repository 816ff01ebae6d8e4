package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
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
	// A file that holds something wrong is Start's to refuse: clients trust the
	// CA that was there, and another in its place would surprise them.
	var of *ca.Error
	if err == nil || errors.As(err, &of) && of.Err == nil {
		c.State = dir
		return
	}
	c.State = idpool.Off
	fmt.Fprintf(stderr, "idpool: the CA of the https listener is not kept, and clients must trust another one at each start: %v\n", err)
	fmt.Fprintln(stderr, "hint: --state DIR keeps it in another folder")
}

// caReport is the JSON of "idpool ca".
type caReport struct {
	Certificate string    `json:"certificate"` // PEM
	Path        string    `json:"path"`
	SHA256      string    `json:"sha256"`
	NotAfter    time.Time `json:"notAfter"`
}

func (a *app) caCommand() *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Print the certificate of idpool's CA, which clients of the https listener must trust",
		Long: `ca prints the certificate of the CA that is kept in the --state folder, in PEM,
and makes the CA when there is none. serve signs the certificate of its https
listener with it.`,
		Example: `  idpool ca > idpool-ca.pem
  curl --cacert idpool-ca.pem https://localhost:8443/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0/.well-known/openid-configuration
  idpool ca trust-help`,
		Args: group,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.ca(cmd, state) },
	}
	cmd.PersistentFlags().StringVar(&state, "state", "", stateUsage)
	cmd.AddCommand(&cobra.Command{
		Use:   "trust-help",
		Short: "Say how each system and library is made to trust the CA, and how to undo it",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.trustHelp(cmd, state) },
	})
	return cmd
}

func (a *app) ca(cmd *cobra.Command, state string) error {
	authority, err := a.authority(state)
	if err != nil {
		return err
	}
	if !a.json() {
		_, err := cmd.OutOrStdout().Write(authority.PEM())
		return err
	}
	return printJSON(cmd.OutOrStdout(), caReport{
		Certificate: string(authority.PEM()), Path: authority.Path(),
		SHA256: authority.Fingerprint(), NotAfter: authority.Certificate().NotAfter,
	})
}

// authority opens the CA of the folder that serve would use.
func (a *app) authority(state string) (*ca.Authority, error) {
	c, err := a.load()
	if err != nil {
		return nil, err
	}
	dir := cmp.Or(state, c.State)
	if l := c.Listeners.HTTPS; state == "" && l.Certificate != "" {
		return nil, &exitError{exitRefused, errors.New("ca: the config has a certificate of your own (listeners.https.certificate), and so there is no CA of idpool's"), ""}
	}
	switch dir {
	case idpool.Off:
		return nil, &exitError{exitRefused, errors.New("ca: state is off, and so each process has a CA of its own that is not kept"), "GET /v1/ca of the admin listener gives that of a running one"}
	case "":
		if dir, err = defaultState(); err != nil {
			return nil, &exitError{exitRefused, fmt.Errorf("ca: %v", err), "--state DIR names a folder to keep the CA in"}
		}
	}
	if c.State = dir; c.Check() != nil {
		return nil, &exitError{exitUsage, c.Check(), ""}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, &exitError{exitRefused, fmt.Errorf("ca: %v", err), ""}
	}
	authority, err := ca.Open(dir, time.Now())
	if err != nil {
		return nil, &exitError{exitRefused, err, ""}
	}
	return authority, nil
}
