package idpool

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/oauth"

	"github.com/idpool/idpool/idp"
)

// TestClientsLogInAgain: 30 s of traffic while tokens of 6 s, or 7 s while
// sessions of 2 s, end again and again. No record fails, and no connection is made anew.
func TestClientsLogInAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("skip: 30 s of traffic")
	}
	for _, tt := range []struct {
		name     string
		config   func(*testing.T, *Config)
		lifetime time.Duration // of tokens; zero for theirs
		lasts    time.Duration
	}{
		{"tokens at the embedded cluster", func(*testing.T, *Config) {}, 6 * time.Second, 30 * time.Second},
		{"tokens at the gateway", func(t *testing.T, c *Config) { behindGateway(t, c) }, 6 * time.Second, 30 * time.Second},
		{"connectionsMaxReauth", func(_ *testing.T, c *Config) { c.Kafka.ConnectionsMaxReauth = Duration(2 * time.Second) }, 0, 7 * time.Second},
		{"connectionsMaxReauth at the listener inside", func(_ *testing.T, c *Config) {
			c.Kafka.ConnectionsMaxReauth = Duration(2 * time.Second)
			c.Listeners.Kafka.Inside.Address = freePort
		}, 0, 7 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := kafkaConfig()
			tt.config(t, &c)
			var log lockedBuffer
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			s := startKafka(t, c)
			var dialed atomic.Int64
			again := func() int64 { return s.broker.Logins() - dialed.Load() }
			enough := func(acked int) bool { return acked >= 300 && again() >= 8 }
			acked, err := trafficFor(t, s, tt.lasts, enough, []kgo.Opt{
				kgo.SASL(oauth.Oauth(func(ctx context.Context) (oauth.Auth, error) { return shortToken(ctx, s, tt.lifetime) })),
				kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
					dialed.Add(1)
					return new(net.Dialer).DialContext(ctx, network, cmp.Or(s.KafkaInside, address))
				}),
			})
			if err != nil {
				t.Errorf("failed: %v", err)
			}
			// A machine that stands still for a second may let the two expire that are in
			// use. Without a second login they would, again and again.
			expired := strings.Count(log.String(), "the session has expired")
			t.Logf("%d records, %d connections, of which %d expired, %d re-authentications", acked, dialed.Load(), expired, again())
			if !enough(acked) || expired > 2 {
				t.Error("want connections that log in again")
			}
		})
	}
}

// shortToken is a token that ends sooner, signed by the stack's own key.
func shortToken(ctx context.Context, s *Stack, lifetime time.Duration) (oauth.Auth, error) {
	a := oauth.Auth{Extensions: map[string]string{"logicalCluster": "lkc-acme", "identityPoolId": "pool-dev"}}
	token, err := s.Token(ctx, idp.TokenRequest{Tenant: acmeTenant, ClientID: acmeClient, Scope: acmeScope, InsecureSkipCredential: true})
	if err != nil {
		return a, err
	}
	a.Token = token.AccessToken
	if lifetime == 0 {
		return a, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(a.Token, ".")[1])
	if err != nil {
		return a, err
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		return a, err
	}
	claims["exp"] = time.Now().Add(lifetime).Unix()
	key := idp.TestKeys().Signer()
	a.Token, err = key.SignJWT(map[string]any{"alg": "RS256", "typ": "JWT", "kid": key.ID}, claims)
	return a, err
}

// trafficFor produces and consumes for so long, and until there was enough. It
// says how many records were acknowledged, each of which was read, and what
// failed.
func trafficFor(t *testing.T, s *Stack, d time.Duration, enough func(acked int) bool, options []kgo.Opt) (acked int, failed error) {
	t.Helper()
	client := func(more ...kgo.Opt) *kgo.Client {
		c, err := kgo.NewClient(append(append(options[:len(options):len(options)], kgo.SeedBrokers(s.Kafka), kgo.ConnIdleTimeout(10*time.Minute)), more...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	began, producer := time.Now(), client()
	consumer := client(kgo.ConsumerGroup("again"), kgo.ConsumeTopics("orders"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(time.Second))
	var mu sync.Mutex
	var errs []error
	seen, good := map[string]bool{}, map[string]bool{}
	note := func(err error) {
		if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), d+kafkaPatience)
	defer cancel()
	over := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return ctx.Err() != nil || time.Since(began) > d && enough(len(good))
	}
	consume := func(ctx context.Context) {
		fetches := consumer.PollFetches(ctx)
		mu.Lock()
		defer mu.Unlock()
		note(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for ctx.Err() == nil {
			consume(ctx)
		}
	})
	for i := 0; !over(); i++ {
		value := fmt.Sprint(i)
		producer.Produce(t.Context(), &kgo.Record{Topic: "orders", Value: []byte(value)}, func(_ *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			note(err)
			good[value] = err == nil
		})
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	if err := producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	reading.Wait()
	after, stop := context.WithTimeout(t.Context(), kafkaPatience)
	defer stop()
	for len(seen) < len(good) && after.Err() == nil {
		consume(after)
	}
	for value := range good {
		if !seen[value] {
			errs = append(errs, fmt.Errorf("record %s was not read", value))
		}
	}
	return len(good), errors.Join(errs...)
}
