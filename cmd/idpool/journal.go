package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/journal"
)

// journalFlags say which entries, and what to do with them.
type journalFlags struct {
	adminFlags
	filter        journal.Filter
	limit, take   int
	timeout       time.Duration
	follow, clear bool
	count         bool
}

func (a *app) journalCommand() *cobra.Command {
	var f journalFlags
	cmd := &cobra.Command{
		Use:   "journal",
		Short: "Show what has happened at a running serve, wait for it, or follow it",
		Long: `journal asks a running "idpool serve" what has happened: requests, TLS handshakes,
logins and decisions, oldest first, with faults named as such. Secrets and tokens
are not in it.

With --follow it goes on as things happen, until it is interrupted, also over a
restart of the server. With --take N it waits until N entries match and shows
them; an entry that was taken is not taken again, so that a script can wait for
the next. With --output json and --follow each line is an object.

The exit code is 0; 1 when the time for --take was over; 2 for a mistake, or when
the server is not reached.`,
		Example: `  idpool journal --limit 20
  idpool journal --follow --outcome refused
  idpool journal --count --outcome refused
  idpool journal --take 1 --endpoint kafka-login --timeout 30s --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.journal(cmd, f) },
	}
	f.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&f.filter.Endpoint, "endpoint", "", "only what is about this `ENDPOINT`: token, jwks, kafka-login, …")
	flags.StringVar(&f.filter.Tenant, "tenant", "", "only the tenant of this `ID`")
	flags.StringVar(&f.filter.ClientID, "client-id", "", "only the client of this `ID`")
	flags.StringVar(&f.filter.Outcome, "outcome", "", "only this `OUTCOME`: ok, refused or failed")
	flags.StringVar(&f.filter.Fault, "fault", "", "only what the fault of this `ID` was injected into")
	giveVariable(flags, "fault", "IDPOOL_JOURNAL_FAULT")
	flags.Uint64Var(&f.filter.After, "after", 0, "only the entries after the one of this `ID`; \"total\" of --count --output json means from now on")
	flags.IntVar(&f.limit, "limit", 0, "at most `N` entries, the newest; with --follow of those that are there already (default: all that are remembered)")
	flags.BoolVar(&f.follow, "follow", false, "go on as things happen")
	flags.IntVar(&f.take, "take", 0, "wait until `N` entries match that nobody has taken")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Second, "`TIME` that --take waits, 5m at most")
	flags.BoolVar(&f.count, "count", false, "print only how many entries match")
	flags.BoolVar(&f.clear, "clear", false, "forget everything that has happened")
	return cmd
}

func (a *app) journal(cmd *cobra.Command, f journalFlags) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	c, err := a.adminClient(cmd, f.adminFlags)
	if err != nil {
		return err
	}
	switch {
	case f.clear:
		return c.call(cmd.Context(), http.MethodDelete, "/v1/journal", nil, nil, nil)
	case f.count:
		return a.countEntries(cmd, c, f)
	case f.take > 0:
		return a.takeEntries(cmd, c, f)
	case f.follow:
		return a.followJournal(cmd, c, f)
	}
	entries, err := c.entries(cmd.Context(), f)
	if err != nil {
		return err
	}
	if len(entries) == 0 && !a.json() {
		fmt.Fprintln(cmd.ErrOrStderr(), "idpool: the journal has no entry"+f.with())
	}
	return a.printEntries(cmd, entries)
}

// check refuses what makes no sense, before any server is asked.
func (f journalFlags) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	if err := f.filter.Check(); err != nil {
		return usageError("", "%v", err)
	}
	for _, name := range []string{"endpoint", "tenant", "client-id", "outcome", "fault", "scope"} {
		if given(name) && cmd.Flag(name).Value.String() == "" {
			return usageError("", "journal: --%s is empty, leave it out to mean any", name) // a shell variable that is not set
		}
	}
	switch {
	case f.modes(given("take")) > 1:
		return usageError("", "journal: --follow, --take, --count and --clear exclude one another")
	case f.count && given("limit"):
		return usageError("", "journal: --count counts all entries that match, leave --limit out")
	case given("limit") && f.limit < 1:
		return usageError("", "journal: --limit: %d is no number of entries, want 1 or more", f.limit)
	case given("take") && f.take < 1:
		return usageError("", "journal: --take: %d is no number of entries, want 1 or more", f.take)
	case given("take") && given("limit"):
		return usageError("", "journal: --take says how many entries, leave --limit out")
	case given("timeout") && !given("take"):
		return usageError("", "journal: --timeout is how long --take waits, and means nothing without it")
	case f.timeout <= 0:
		return usageError("", "journal: --timeout: %s is no time to wait, want one such as 10s", f.timeout)
	case f.clear && (f.filter != journal.Filter{} || given("limit")):
		return usageError("", "journal: --clear forgets everything, and takes no filter and no --limit")
	}
	return nil
}

// modes are how many things the flags ask for at once.
func (f journalFlags) modes(take bool) int {
	n := 0
	for _, asked := range []bool{f.follow, take, f.count, f.clear} {
		if asked {
			n++
		}
	}
	return n
}

// with is the filter in words, if there is one.
func (f journalFlags) with() string {
	if f.filter == (journal.Filter{}) {
		return ""
	}
	return " with " + f.filter.String()
}

// query is the filter as the admin API takes it.
func (f journalFlags) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"endpoint": f.filter.Endpoint, "tenant": f.filter.Tenant,
		"client_id": f.filter.ClientID, "outcome": f.filter.Outcome, "fault": f.filter.Fault} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.filter.After > 0 {
		q.Set("after", strconv.FormatUint(f.filter.After, 10))
	}
	return q
}

// entryList is the body of the admin API's answers.
type entryList struct {
	Entries []journal.Entry `json:"entries"`
}

// entries are those that are remembered.
func (c *adminClient) entries(ctx context.Context, f journalFlags) ([]journal.Entry, error) {
	query := f.query()
	if f.limit > 0 {
		query.Set("limit", strconv.Itoa(f.limit))
	}
	var out entryList
	err := c.call(ctx, http.MethodGet, "/v1/journal", query, nil, &out)
	return out.Entries, err
}

// entryCount is the body of the admin API's count.
type entryCount struct {
	Count int `json:"count"`
	// Total is the id of the newest entry, whether it matches or not.
	Total uint64 `json:"total"`
}

// countEntries prints how many of those that are remembered match.
func (a *app) countEntries(cmd *cobra.Command, c *adminClient, f journalFlags) error {
	var out entryCount
	if err := c.call(cmd.Context(), http.MethodGet, "/v1/journal/count", f.query(), nil, &out); err != nil {
		return err
	}
	if a.json() {
		return printJSON(cmd.OutOrStdout(), out)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), out.Count)
	return err
}

// takeEntries waits for entries.
func (a *app) takeEntries(cmd *cobra.Command, c *adminClient, f journalFlags) error {
	in := struct {
		journal.Filter
		Count   int             `json:"count"`
		Timeout idpool.Duration `json:"timeout"`
	}{f.filter, f.take, idpool.Duration(f.timeout)}
	// The server says when the time is over; the rest is for its answer.
	ctx, cancel := context.WithTimeout(cmd.Context(), f.timeout+answerIn)
	defer cancel()
	var out entryList
	err := c.wait(ctx, http.MethodPost, "/v1/journal/take", nil, in, &out)
	var refusal *adminRefusal
	switch {
	case cmd.Context().Err() != nil:
		return &exitError{exitRefused, errors.New("journal: interrupted while waiting"), ""}
	case errors.As(err, &refusal) && refusal.status == http.StatusRequestTimeout:
		return &exitError{exitRefused, refusal, ""}
	case err != nil:
		return err
	}
	return a.printEntries(cmd, out.Entries)
}

func (a *app) printEntries(cmd *cobra.Command, entries []journal.Entry) error {
	if a.json() {
		return writeJSON(cmd.OutOrStdout(), entryList{append([]journal.Entry{}, entries...)}, "  ")
	}
	journal.Print(cmd.OutOrStdout(), entries)
	return nil
}
