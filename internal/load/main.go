// Command load measures how fast a token endpoint gives client-credentials
// tokens, and how that compares to what the machine can sign at all; or what a
// Kafka listener with SASL/OAUTHBEARER takes.
//
//	go run ./internal/load [flags] [TOKEN-URL]
//	go run ./internal/load kafka [flags] [BOOTSTRAP]
//
// It signs with crypto/rsa alone, asks for tokens over a few connections as
// fast as they are answered, signs again, and prints tokens per second, the
// latencies, the errors, and the ratio to the signing limit of the same minute.
//
// With kafka it asks for one token, opens connections that do nothing, logs in
// as fast as it is answered, and then produces and consumes, in turns with a
// kfake in its own process that nothing stands before. Its ratios have the way
// into another process in them, which alone makes a single record 1.3 to 1.6
// times as late; the benchmarks of package broker leave that out.
//
// It takes any endpoint of RFC 6749 4.4 and any broker, but none beyond
// loopback: it is a way to flood a server.
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

// measurement is a command line that was read.
type measurement interface {
	measure(ctx context.Context, stdout io.Writer) error
}

// mode is what comes before the flags.
type mode struct {
	command string
	parse   func(args []string) (measurement, error)
	usage   func(w io.Writer)
}

// modeOf reads the mode, and returns the arguments that are left.
func modeOf(args []string) (mode, []string) {
	if len(args) > 0 && args[0] == "kafka" {
		return mode{"go run ./internal/load kafka", func(args []string) (measurement, error) { return parseKafka(args) }, kafkaUsage}, args[1:]
	}
	return mode{"go run ./internal/load", func(args []string) (measurement, error) { return parse(args) }, usage}, args
}

// run is main without the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	mode, args := modeOf(args)
	m, err := mode.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		mode.usage(stdout)
		return 0
	}
	if err == nil {
		err = m.measure(ctx, stdout)
	}
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usageError{}):
		fmt.Fprintln(stderr, "load:", err)
		fmt.Fprintf(stderr, "hint: \"%s -h\" lists the flags\n", mode.command)
		return 2
	case !errors.Is(err, errRefused):
		fmt.Fprintln(stderr, "load:", err)
	}
	return 1
}

// errRefused ends the command after a report that shows errors.
var errRefused = errors.New("some requests were refused")

// common are the settings of both modes.
type common struct {
	client           client
	connections      int
	duration, warmUp time.Duration
	count            int // 0: until duration is over
	pid              int // 0: the server's memory is not asked for
	json             bool
}

func (s *common) flags() *flag.FlagSet {
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.IntVar(&s.connections, "connections", 8, "`N` connections at once, each with one request at a time")
	f.DurationVar(&s.duration, "duration", 10*time.Second, "ask this long; 5m0s at most, and with -count alone")
	f.IntVar(&s.count, "count", 0, "stop after `N` requests that count (default: when -duration is over)")
	f.DurationVar(&s.warmUp, "warmup", time.Second, "ask this long before that, which does not count")
	f.IntVar(&s.pid, "rss", 0, "show the resident memory of the process `PID`, the server, before and after (Linux)")
	f.BoolVar(&s.json, "json", false, "print the report as JSON")
	f.StringVar(&s.client.id, "client-id", acmeClient, "client `ID`")
	f.StringVar(&s.client.secret, "client-secret", acmeSecret, "client `SECRET`, sent in the body (default: that of Acme's client)")
	f.StringVar(&s.client.scope, "scope", acmeScope, "`SCOPE` of the token; empty sends none")
	f.Lookup("client-secret").DefValue = "" // else -h prints it
	return f
}

// read parses the flags and returns the argument after them. No message of its
// repeats an argument that may be a secret in the wrong place.
func (s *common) read(f *flag.FlagSet, args []string, argument, otherwise string) (string, error) {
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return "", err
		}
		return "", usageError{err}
	}
	if f.NArg() > 1 {
		return "", usageError{fmt.Errorf("want one %s after the flags, got %d arguments", argument, f.NArg())}
	}
	timed := false
	f.Visit(func(f *flag.Flag) { timed = timed || f.Name == "duration" })
	if s.count > 0 && !timed {
		s.duration = maxDuration
	}
	if f.NArg() == 1 {
		return f.Arg(0), nil
	}
	return otherwise, nil
}

// bound is a flag with its value, and what it wants.
type bound struct {
	wrong bool
	flag  string
	got   any
	want  string
}

func (s *common) bounds() []bound {
	return []bound{
		{s.connections < 1 || s.connections > maxConnections, "connections", s.connections, fmt.Sprintf("1 to %d", maxConnections)},
		{s.duration <= 0 || s.duration > maxDuration, "duration", s.duration, "more than 0s and at most 5m0s"},
		{s.count < 0 || s.count > maxCount, "count", s.count, fmt.Sprintf("0 to %d", maxCount)},
		{s.warmUp < 0 || s.warmUp > maxDuration, "warmup", s.warmUp, "0s to 5m0s"},
		{s.pid < 0, "rss", s.pid, "the PID of a running process"},
		{s.pid > 0 && runtime.GOOS != "linux", "rss", s.pid, "Linux: other systems have no /proc"},
	}
}

func check(all []bound) error {
	for _, b := range all {
		if b.wrong {
			return usageError{fmt.Errorf("-%s: got %v, want %s", b.flag, b.got, b.want)}
		}
	}
	return nil
}

// settings are the command line for a token endpoint.
type settings struct {
	common
	target  target
	signing time.Duration
}

func (s *settings) flags() *flag.FlagSet {
	f := s.common.flags()
	f.DurationVar(&s.signing, "signing", 2*time.Second, "measure the signing limit this long before and again after; 0 leaves it out")
	return f
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: go run ./internal/load [flags] [TOKEN-URL]")
	fmt.Fprintln(w, "       go run ./internal/load kafka [flags] [BOOTSTRAP]")
	fmt.Fprintf(w, "\nTOKEN-URL is on this machine (default %s)\n\n", acmeURL)
	f := new(settings).flags()
	f.SetOutput(w)
	f.PrintDefaults()
}

func parse(args []string) (settings, error) {
	var s settings
	address, err := s.read(s.flags(), args, "TOKEN-URL", acmeURL)
	if err != nil {
		return s, err
	}
	if s.target, err = parseTarget(address); err != nil {
		return s, usageError{err}
	}
	return s, check(append(s.bounds(), bound{s.signing < 0 || s.signing > time.Minute, "signing", s.signing, "0s to 1m0s"}))
}
