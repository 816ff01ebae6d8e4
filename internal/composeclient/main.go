// Command composeclient is the application of the profiles of
// docker/compose.yaml: it fetches a token, logs in to Kafka with it, produces
// records, reads them in a group, and says so in one line.
//
// It is what a user's program would be, so it uses nothing of idpool's and is
// set by environment variables alone, those of [settings]. Without
// TOKEN_ENDPOINT it is an application that knows only Azure: its authority is in
// the code, and Microsoft's library asks it. It creates its topic when there is
// none, and nothing else is left behind.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "composeclient:", err)
		os.Exit(1)
	}
}

// run does all of it once.
func run(ctx context.Context, variable func(string) string, stdout io.Writer) error {
	s, err := newSettings(variable)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.limit, fmt.Errorf("it is not done after LIMIT, which is %v", s.limit))
	defer cancel()
	tokens, err := s.tokens()
	if err != nil {
		return err
	}
	// Asked for once before Kafka is: what is wrong with the credentials is then
	// said at once, and not by a client that tries again until the limit.
	token, err := tokens(ctx)
	if err != nil {
		return fmt.Errorf("no token: %w", err)
	}
	if err := s.exchange(ctx, tokens); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "produced and consumed %d records of %s at %s, with a token of %s\n", records, s.topic, s.brokers[0], issuer(token))
	return err
}
