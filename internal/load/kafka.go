package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
)

// Where `idpool serve` listens, and what the built-in tenant has behind that.
const (
	acmeBroker  = "localhost:9092"
	acmeCluster = "lkc-acme"
	acmePool    = "pool-dev"
	acmeTopic   = "orders"
)

// All that is produced stays in the memory of the server, and as much in the
// driver's: 0.5 GB at most.
const (
	maxRecords = 50_000
	maxTurns   = 9
	maxSingles = 50_000
	maxIdle    = 20_000 // a loopback address has 28,000 ports for clients
)

// kafkaSettings are the command line for a Kafka listener.
type kafkaSettings struct {
	common
	target                  target // that gives the token
	broker                  broker
	topic                   string
	records, turns, singles int
	idle                    int
	// files is how many files the process may have open. Nil means the
	// system's limit.
	files func() int
}

// flags puts the address of the token endpoint into tokenURL.
func (s *kafkaSettings) flags(tokenURL *string) *flag.FlagSet {
	f := s.common.flags()
	f.StringVar(tokenURL, "url", acmeURL, "the `TOKEN-URL` of the one token, on this machine")
	f.StringVar(&s.broker.cluster, "cluster", acmeCluster, "the extension logicalCluster, `ID`; empty sends none")
	f.StringVar(&s.broker.pool, "pool", acmePool, "the extension identityPoolId, `ID`; empty sends none")
	f.StringVar(&s.topic, "topic", acmeTopic, "the `TOPIC` to produce to, which has to exist")
	f.IntVar(&s.records, "records", 20_000, "produce and consume `N` records of 1 kB in each turn; 0 leaves both out, and the single ones")
	f.IntVar(&s.singles, "singles", 1000, "produce `N` records one at a time in each turn; 0 leaves it out")
	f.IntVar(&s.turns, "turns", 7, "`N` turns, after one that does not count")
	f.IntVar(&s.idle, "idle", 5000, "open `N` connections that log in and do nothing; 0 leaves it out")
	return f
}

func kafkaUsage(w io.Writer) {
	fmt.Fprintln(w, "usage: go run ./internal/load kafka [flags] [BOOTSTRAP]")
	fmt.Fprintf(w, "\nBOOTSTRAP is a HOST:PORT on this machine (default %s). It takes plain TCP.\n", acmeBroker)
	fmt.Fprint(w, "-connections, -duration, -count and -warmup are of the logins, -rss of the idle connections.\n\n")
	f := new(kafkaSettings).flags(new(string))
	f.SetOutput(w)
	f.PrintDefaults()
}

func parseKafka(args []string) (kafkaSettings, error) {
	var s kafkaSettings
	var tokenURL string
	address, err := s.read(s.flags(&tokenURL), args, "BOOTSTRAP", acmeBroker)
	if err != nil {
		return s, err
	}
	if s.broker.address, err = parseBootstrap(address); err != nil {
		return s, usageError{err}
	}
	if s.target, err = parseTarget(tokenURL); err != nil {
		return s, usageError{fmt.Errorf("-url: %w", err)}
	}
	return s, check(append(s.bounds(), s.kafkaBounds()...))
}

func (s *kafkaSettings) kafkaBounds() []bound {
	return []bound{
		{s.topic == "", "topic", `""`, "the name of a topic"},
		{s.records < 0 || s.records > maxRecords, "records", s.records, fmt.Sprintf("0 to %d", maxRecords)},
		{s.singles < 0 || s.singles > maxSingles, "singles", s.singles, fmt.Sprintf("0 to %d", maxSingles)},
		{s.turns < 1 || s.turns > maxTurns, "turns", s.turns, fmt.Sprintf("1 to %d", maxTurns)},
		{s.idle < 0 || s.idle > maxIdle, "idle", s.idle, fmt.Sprintf("0 to %d", maxIdle)},
		{s.pid > 0 && s.idle == 0, "rss", s.pid, "-idle of 1 at least: it is the idle connections' memory"},
	}
}

// measure makes the whole measurement and prints the report. Its error is
// errRefused when the report has errors.
func (s kafkaSettings) measure(ctx context.Context, stdout io.Writer) error {
	r, err := s.report(ctx)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	if err := write(stdout, r, s.json); err != nil {
		return err
	}
	if r.Errors.Count > 0 || r.Logins == 0 {
		return errRefused
	}
	return nil
}

// report measures. The idle connections come first, as the memory that a server
// has from its work before would hide theirs, and the records last, since they
// stay in it.
func (s kafkaSettings) report(ctx context.Context) (*kafkaReport, error) {
	if err := s.authorize(ctx); err != nil {
		return nil, err
	}
	r := &kafkaReport{
		Target: s.broker.address, Cluster: s.broker.cluster, Pool: s.broker.pool,
		Connections: s.connections, WarmUpSeconds: s.warmUp.Seconds(),
	}
	var err error
	if r.Idle, err = s.stayIdle(ctx); err != nil {
		return nil, err
	}
	r.add(s.logins(ctx))
	r.Traffic, err = s.traffic(ctx)
	return r, err
}

// authorize gets the token and looks whether the broker takes it, which spares
// a user whose server is not up the whole measurement.
func (s *kafkaSettings) authorize(ctx context.Context) error {
	c := connection{target: s.target, request: s.client.request(s.target.url), mask: masking(s.client.secret)}
	defer c.close()
	if f := c.token(ctx); f != nil {
		return fmt.Errorf("no token from %s: %s: %s", s.target.address, f.kind, f.sample)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(c.body.Bytes(), &answer); err != nil {
		return fmt.Errorf("no token from %s: %v", s.target.address, err)
	}
	s.broker.token, s.broker.mask = answer.AccessToken, masking(answer.AccessToken)
	if f := s.broker.comeAndGo(ctx); f != nil {
		return fmt.Errorf("no login at %s: %s: %s", s.broker.address, f.kind, f.sample)
	}
	return nil
}

// logins measures logins, a connection each.
func (s *kafkaSettings) logins(ctx context.Context) tally {
	attempts := make([]attempt, s.connections)
	for i := range attempts {
		attempts[i] = s.broker.comeAndGo
	}
	return s.ask(ctx, attempts)
}
