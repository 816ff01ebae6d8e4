// Command load measures how fast a token endpoint gives client-credentials
// tokens, and how that compares to what the machine can sign at all.
//
//	go run ./internal/load [flags] [TOKEN-URL]
//
// It signs with crypto/rsa alone, asks for tokens over a few connections as
// fast as they are answered, signs again, and prints tokens per second, the
// latencies, the errors, and the ratio to the signing limit of the same minute.
// It takes any endpoint of RFC 6749 4.4, but none beyond loopback: it is a way
// to flood a server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"
)

// The client of the built-in tenant (acme.yaml) and how to reach it.
const (
	acmeURL    = "http://localhost:8080/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/oauth2/v2.0/token"
	acmeClient = "75f2f796-363d-4de2-b299-713920db01a7"
	acmeSecret = "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"
	acmeScope  = "api://be587d08-a466-45e9-a02a-dfdda6b4c765/.default"
)

const (
	maxDuration    = 5 * time.Minute
	maxConnections = 1024
	maxCount       = 10_000_000 // each token's latency is kept: 80 MB
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError is a mistake in the command line; everything else is exit code 1.
type usageError struct{ error }

// run is main without the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	s, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		usage(stdout)
		return 0
	}
	if err == nil {
		err = s.measure(ctx, stdout)
	}
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usageError{}):
		fmt.Fprintln(stderr, "load:", err)
		fmt.Fprintln(stderr, `hint: "go run ./internal/load -h" lists the flags`)
		return 2
	case !errors.Is(err, errRefused):
		fmt.Fprintln(stderr, "load:", err)
	}
	return 1
}

// errRefused ends the command after a report that shows errors.
var errRefused = errors.New("some requests got no token")

// settings are the command line.
type settings struct {
	target           target
	client           client
	connections      int
	duration, warmUp time.Duration
	count            int // 0: until duration is over
	signing          time.Duration
	pid              int // 0: the server's memory is not asked for
	json             bool
}

func (s *settings) flags() *flag.FlagSet {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.IntVar(&s.connections, "connections", 8, "`N` connections, each with one request at a time")
	f.DurationVar(&s.duration, "duration", 10*time.Second, "ask for tokens this long; 5m0s at most, and with -count alone")
	f.IntVar(&s.count, "count", 0, "stop after `N` requests that count (default: when -duration is over)")
	f.DurationVar(&s.warmUp, "warmup", time.Second, "ask for tokens this long before that, which does not count")
	f.DurationVar(&s.signing, "signing", 2*time.Second, "measure the signing limit this long before and again after; 0 leaves it out")
	f.IntVar(&s.pid, "rss", 0, "show the resident memory of the process `PID`, the server, before and after (Linux)")
	f.BoolVar(&s.json, "json", false, "print the report as JSON")
	f.StringVar(&s.client.id, "client-id", acmeClient, "client `ID`")
	f.StringVar(&s.client.secret, "client-secret", acmeSecret, "client `SECRET`, sent in the body (default: that of Acme's client)")
	f.StringVar(&s.client.scope, "scope", acmeScope, "`SCOPE` of the token; empty sends none")
	f.Lookup("client-secret").DefValue = "" // else -h prints it
	return f
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: go run ./internal/load [flags] [TOKEN-URL]")
	fmt.Fprintf(w, "\nTOKEN-URL is on this machine (default %s)\n\n", acmeURL)
	f := new(settings).flags()
	f.SetOutput(w)
	f.PrintDefaults()
}

// parse reads the command line. No message of its repeats an argument that may
// be a secret in the wrong place.
func parse(args []string) (settings, error) {
	var s settings
	f := s.flags()
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return s, err
		}
		return s, usageError{err}
	}
	address := acmeURL
	switch f.NArg() {
	case 0:
	case 1:
		address = f.Arg(0)
	default:
		return s, usageError{fmt.Errorf("want one TOKEN-URL after the flags, got %d arguments", f.NArg())}
	}
	timed := false
	f.Visit(func(f *flag.Flag) { timed = timed || f.Name == "duration" })
	if s.count > 0 && !timed {
		s.duration = maxDuration
	}
	var err error
	if s.target, err = parseTarget(address); err != nil {
		return s, usageError{err}
	}
	return s, s.check()
}

func (s *settings) check() error {
	for _, row := range []struct {
		wrong bool
		flag  string
		got   any
		want  string
	}{
		{s.connections < 1 || s.connections > maxConnections, "connections", s.connections, fmt.Sprintf("1 to %d", maxConnections)},
		{s.duration <= 0 || s.duration > maxDuration, "duration", s.duration, "more than 0s and at most 5m0s"},
		{s.count < 0 || s.count > maxCount, "count", s.count, fmt.Sprintf("0 to %d", maxCount)},
		{s.warmUp < 0 || s.warmUp > maxDuration, "warmup", s.warmUp, "0s to 5m0s"},
		{s.signing < 0 || s.signing > time.Minute, "signing", s.signing, "0s to 1m0s"},
		{s.pid < 0, "rss", s.pid, "the PID of a running process"},
		{s.pid > 0 && runtime.GOOS != "linux", "rss", s.pid, "Linux: other systems have no /proc"},
	} {
		if row.wrong {
			return usageError{fmt.Errorf("-%s: got %v, want %s", row.flag, row.got, row.want)}
		}
	}
	return nil
}
