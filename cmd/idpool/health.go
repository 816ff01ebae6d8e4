package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
)

// healthIn is how long the answer to "idpool health" may take: container engines
// ask every few seconds.
const healthIn = 2500 * time.Millisecond

// healthFlags say where serve listens, as its own flags do.
type healthFlags struct {
	webFlags
	admin, kafka     string
	readyFile, await string
	wait             time.Duration
}

// healthReport is the JSON of "idpool health".
type healthReport struct {
	Ready  bool   `json:"ready"`
	Asked  string `json:"asked,omitempty"`
	Detail string `json:"detail"`
}

func (a *app) healthCommand() *cobra.Command {
	var f healthFlags
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Say by the exit code whether the serve of this machine or container is ready",
		Long: `health asks a running "idpool serve" whether it is ready, for the health check of
an image that has no shell and no curl. It finds it by the flags, variables and
config that serve has been given: at its admin listener, or where that is off at
the http, the https or the kafka listener. A config that cannot be read is passed
over, since a serve that runs has read it.

The exit code is 0 when it is ready and 1 when not or when a setting is wrong,
which takes 3 seconds at most.
With --wait it asks again until then.`,
		Example: `  idpool health
  idpool health --wait 30s
  idpool health --admin http://idpool:8081`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.health(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.admin, "admin", "", "`ADDR` or URL of the admin listener, or off (default \""+defaultAdmin+"\")")
	f.webFlags.add(flags)
	flags.StringVar(&f.kafka, "kafka", "", "`ADDR` of the kafka listener, or off (default \""+defaultBroker+"\")")
	flags.StringVar(&f.readyFile, "ready-file", "", "`FILE` that serve writes, which tells where its admin listener is")
	flags.StringVar(&f.await, "await", "", "`FILE` of more settings that serve waits for")
	flags.DurationVar(&f.wait, "wait", 0, "ask again for as long as `DURATION` while it is not ready")
	return cmd
}

// awaited takes the settings that serve takes, from a file that has to be there
// if serve is ready.
func (a *app) awaited(cmd *cobra.Command, file string) error {
	text, err := os.ReadFile(file)
	if state := lacks(text); err != nil || state != "" {
		return &exitError{exitRefused, fmt.Errorf("health: not ready: serve waits for the file %s of --await, which %s", file, cmp.Or(state, notThere)), ""}
	}
	settings, err := readSettings(text)
	if err == nil {
		known := flagsByVariable(cmd)
		settings = slices.DeleteFunc(settings, func(s setting) bool { return known[s.variable] == nil })
		err = a.environment.applyAll(cmd, settings)
	}
	if err != nil {
		return &exitError{exitRefused, fmt.Errorf("health: not ready: --await: %s:%v", file, err), ""}
	}
	return nil
}

func (a *app) health(cmd *cobra.Command, f *healthFlags) error {
	if f.wait < 0 {
		return usageError("", "health: --wait: %s is negative, want 0s or more", f.wait)
	}
	one, detail, err := a.diagnose(cmd, f)
	if one.ask == nil {
		return err
	}
	report := healthReport{Ready: err == nil, Asked: one.at, Detail: detail}
	if err != nil {
		report.Detail = err.Error()
	}
	w := cmd.OutOrStdout()
	switch {
	case a.json():
		if err = printJSON(w, report); err == nil && !report.Ready {
			err = refused
		}
		return err
	case err != nil:
		return &exitError{exitRefused, fmt.Errorf("health: not ready: the %s listener at %s: %s", one.name, one.at, visible(report.Detail)), ""}
	}
	_, err = fmt.Fprintf(w, "ready: the %s listener at %s: %s\n", one.name, one.at, visible(detail))
	return err
}

// between is how long health waits until it asks again.
const between = 100 * time.Millisecond

// diagnose asks the listener of serve, and asks again while it is not ready and
// the wait is not over. What is asked is nobody where err says why.
func (a *app) diagnose(cmd *cobra.Command, f *healthFlags) (patient, string, error) {
	for over := time.Now().Add(f.wait); ; {
		one, detail, err := a.askOnce(cmd, f)
		left := time.Until(over)
		if err == nil || left <= 0 {
			return one, detail, err
		}
		select {
		case <-cmd.Context().Done():
			return one, "", err
		case <-time.After(min(between, left)):
		}
	}
}

// askOnce finds the listener and asks it. The files that say where it is may not
// be there yet.
func (a *app) askOnce(cmd *cobra.Command, f *healthFlags) (patient, string, error) {
	if f.await != "" {
		if err := a.awaited(cmd, f.await); err != nil {
			return patient{}, "", err
		}
	}
	one, err := a.patient(cmd, *f)
	if err != nil {
		return patient{}, "", err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), healthIn)
	defer cancel()
	detail, err := one.ask(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("no answer in time")
	}
	if of, ok := errors.AsType[*url.Error](err); ok { // which repeats method and URL
		err = of.Err
	}
	return one, detail, err
}

// patient is the listener to ask, and how.
type patient struct {
	name, at string
	ask      func(context.Context) (string, error)
}

// patient is the listener of serve that says most of it.
func (a *app) patient(cmd *cobra.Command, f healthFlags) (patient, error) {
	var c idpool.Config
	if a.configFile != "" {
		if read, err := a.load(); err == nil {
			c = read
		}
	}
	l := c.Listeners
	a.settle(cmd, &f.webFlags)
	admin, told, err := f.adminListener(cmd, cmp.Or(f.admin, l.Admin.Address, defaultAdmin))
	if err != nil {
		return patient{}, err
	}
	if admin != idpool.Off {
		base, err := adminBase(cmd, admin)
		return patient{"admin", base, func(ctx context.Context) (string, error) { return readyAt(ctx, base) }}, err
	}
	f.find(&l, told)
	for _, one := range []patient{
		{"http", l.HTTP.Address, nil},
		{"https", l.HTTPS.Address, nil},
	} {
		if one.at == idpool.Off {
			continue
		}
		if !strings.Contains(one.at, "://") {
			one.at = one.name + "://" + connectable(one.at)
		}
		one.ask = func(ctx context.Context) (string, error) { return answersAt(ctx, one.at) }
		return one, nil
	}
	at := connectable(l.Kafka.Address)
	if at == idpool.Off {
		return patient{}, usageError("", "health: --http, --https, --admin and --kafka are all off, and nothing is left to ask")
	}
	secure := l.Kafka.SecurityProtocol == "SASL_SSL"
	return patient{"kafka", at, func(ctx context.Context) (string, error) { return brokerAt(ctx, at, secure) }}, nil
}

// adminListener is where the admin listener is, or off. One that nobody gave, or
// at a free port, is in the file that serve writes when it is ready, which is
// returned too: without an admin listener it tells of the others.
func (f healthFlags) adminListener(cmd *cobra.Command, admin string) (string, *readiness, error) {
	switch {
	case f.admin != "" && admin != idpool.Off && !isFree(admin):
		return admin, nil, nil
	case f.readyFile == "" && isFree(admin):
		return "", nil, usageError("", "health: --admin: %s is a free port, which only the --ready-file of serve tells", admin)
	case f.readyFile == "":
		return admin, nil, nil
	}
	r, err := readReady(cmd, f.readyFile)
	if admin != idpool.Off {
		admin = cmp.Or(r.Admin, idpool.Off)
	}
	return admin, &r, err
}

// find puts the flags over where a config listens, and over both what serve has
// told: a listener that it has not is off. What it tells is what clients are told, and
// may lead here by another machine, so that an address that is known comes first.
func (f healthFlags) find(l *idpool.Listeners, told *readiness) {
	web, secure := cmp.Or(f.http, l.HTTP.Address), cmp.Or(f.https, l.HTTPS.Address)
	broker := cmp.Or(f.kafka, l.Kafka.Address)
	f.webFlags.apply(l)
	l.Kafka.Address = cmp.Or(broker, defaultBroker)
	if told == nil {
		return
	}
	for _, one := range []struct {
		address     *string
		given, told string
		byAzure     bool
	}{
		{&l.HTTP.Address, web, told.HTTP, f.azureNames},
		{&l.HTTPS.Address, secure, told.HTTPS, f.azureNames},
		{&l.Kafka.Address, broker, told.Kafka, false},
	} {
		known := one.given != "" && !isFree(one.given) || one.byAzure && !isFree(*one.address)
		if one.told == "" || !known && *one.address != idpool.Off {
			*one.address = cmp.Or(one.told, idpool.Off)
		}
	}
}

// isFree says whether an address is at whatever port is free.
func isFree(address string) bool {
	_, port, err := net.SplitHostPort(listenable(address))
	return err == nil && port == "0"
}

// sender asks nobody but who it is told to, without a proxy. Certificates are
// not checked, since nothing but an answer is asked for.
func sender() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func fetch(ctx context.Context, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return sender().Do(r)
}

// readyAt asks an admin listener.
func readyAt(ctx context.Context, base string) (string, error) {
	response, err := fetch(ctx, base+"/readyz")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var body struct{ Status string }
	err = json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&body)
	switch {
	case err != nil || body.Status == "":
		return "", fmt.Errorf("it answers /readyz with %s, as no admin listener of idpool does", response.Status)
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("serve says that it is %s", body.Status)
	}
	return body.Status, nil
}

// answersAt asks a listener of the identity provider, which serves nothing about
// health: that it says so is enough.
func answersAt(ctx context.Context, base string) (string, error) {
	response, err := fetch(ctx, base+"/healthz")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusInternalServerError {
		return "", fmt.Errorf("it answers with %s", response.Status)
	}
	return "it answers", nil
}

// apiVersions is Kafka's request ApiVersions (key 18) in version 0, with the
// correlation id 7 and no client id: the one that needs no login.
const apiVersions = "\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff"

// brokerAt asks a Kafka listener.
func brokerAt(ctx context.Context, at string, secure bool) (string, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline) // a connection that is closed says so below
	}
	if secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	if _, err := io.WriteString(c, apiVersions); err != nil {
		return "", err
	}
	head := make([]byte, 8) // its length and the correlation id
	if _, err := io.ReadFull(c, head); err != nil {
		return "", fmt.Errorf("no answer to ApiVersions: %v", err)
	}
	if !strings.HasSuffix(string(head), "\x00\x00\x00\x07") {
		return "", errors.New("its answer is none of Kafka's")
	}
	return "it answers", nil
}
