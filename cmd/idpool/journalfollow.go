package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/idpool/idpool/journal"
)

// The pauses between two attempts to connect again.
const (
	shortestPause = 250 * time.Millisecond
	longestPause  = 5 * time.Second
)

// follower shows what happens, over more than one connection if need be.
type follower struct {
	*adminClient
	flags journalFlags
	show  func(journal.Entry) error
	say   io.Writer // for what is not an entry
	pause func(context.Context, time.Duration)
}

// followJournal shows entries until it is interrupted.
func (a *app) followJournal(cmd *cobra.Command, c *adminClient, f journalFlags) error {
	w := cmd.OutOrStdout()
	show := func(e journal.Entry) error {
		if a.json() {
			return writeJSON(w, e, "")
		}
		journal.Print(w, []journal.Entry{e})
		return nil
	}
	err := follower{c, f, show, cmd.ErrOrStderr(), pause}.follow(cmd.Context())
	if cmd.Context().Err() != nil {
		return nil
	}
	return err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// follow returns when ctx ends, or at what another attempt would not mend.
func (f follower) follow(ctx context.Context) error {
	if err := f.begin(ctx); err != nil {
		return err
	}
	wait, connected := shortestPause, false
	for ctx.Err() == nil {
		got, err := f.connection(ctx)
		if f.final(err, connected || got) {
			return err
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case got:
			connected, wait = true, shortestPause
			fmt.Fprintf(f.say, "idpool: the connection to %s broke%s: connecting again\n", f.base, because(err))
		default:
			wait = min(2*wait, longestPause)
		}
		f.pause(ctx, wait)
	}
	return nil
}

// begin shows the newest entries when --limit says how many. Those that happen
// meanwhile come after.
func (f follower) begin(ctx context.Context) error {
	if f.flags.limit == 0 {
		return nil
	}
	entries, err := f.entries(ctx, f.flags)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := f.take(e); err != nil {
			return err
		}
	}
	return nil
}

// connection shows what one connection brings until it breaks. got says whether
// there was one.
func (f follower) connection(ctx context.Context) (got bool, err error) {
	response, err := f.open(ctx, http.MethodGet, "/v1/journal/stream", f.flags.query(), nil)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if kind := response.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		return false, f.strange("with " + kind)
	}
	for e, err := range journal.ReadEvents(response.Body) {
		if err == nil {
			err = f.take(e)
		}
		if err != nil {
			return true, err
		}
	}
	return true, nil
}

// take shows an entry, and remembers where to go on.
func (f follower) take(e journal.Entry) error {
	f.lastEventID = strconv.FormatUint(e.ID, 10)
	if err := f.show(e); err != nil {
		return &notShown{err}
	}
	return nil
}

// notShown is the error of an output that is gone.
type notShown struct{ error }

// final says whether it is of no use to connect again. A server that was never
// reached is likely at another address.
func (f follower) final(err error, connected bool) bool {
	var exit *exitError
	var away *unreachable
	var output *notShown
	return errors.As(err, &output) || errors.As(err, &exit) && (!connected || !errors.As(err, &away))
}

func because(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf(" (%v)", visible(strings.TrimPrefix(err.Error(), "journal: the stream broke: ")))
}
