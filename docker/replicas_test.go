package docker_test

import (
	"bufio"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/testcontainers/testcontainers-go"

	"github.com/idpool/idpool/docker"
)

// balancer gives each connection to the next of several servers, as the Service
// of a cluster does. A server gets no more once it has failed one, whose client gets
// nothing, or a part of its answer, and so does whoever was connected by then.
type balancer struct {
	net.Listener
	targets []*target
	next    atomic.Int64
	open    sync.WaitGroup
}

// target is a server behind a balancer.
type target struct {
	address string
	served  atomic.Int64 // connections that it answered
	failed  atomic.Int64 // those that it did not
}

func (to *target) down() bool { return to.failed.Load() > 0 }

// newBalancer listens; its targets are known later, since they are told its
// address.
func newBalancer(t testing.TB) *balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &balancer{Listener: l}
}

// serve balances until the test ends.
func (b *balancer) serve(t testing.TB, addresses ...string) {
	for _, address := range addresses {
		b.targets = append(b.targets, &target{address: address})
	}
	b.open.Go(func() {
		for {
			conn, err := b.Accept()
			if err != nil {
				return
			}
			b.open.Go(func() { b.carry(conn) })
		}
	})
	t.Cleanup(func() {
		_ = b.Close()
		b.open.Wait()
	})
}

// carry is a connection to the next target that is not down, which gets no other
// one where that one breaks. It is closed when the balancer knows of that, so that a
// client that tries again finds another target.
func (b *balancer) carry(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for range b.targets {
		if to := b.targets[int(b.next.Add(1))%len(b.targets)]; !to.down() {
			to.carry(conn)
			return
		}
	}
}

// carry copies both ways until the server is done.
func (to *target) carry(conn net.Conn) {
	backend, err := net.Dial("tcp", to.address)
	if err == nil {
		defer func() { _ = backend.Close() }()
		go func() { _, _ = io.Copy(backend, conn) }() // ends with the connections
		err = answer(conn, backend)
	}
	if err != nil {
		to.failed.Add(1)
		return
	}
	to.served.Add(1)
}

// answer copies what a server has to say, which is an error unless it is whole.
func answer(conn io.Writer, backend io.Reader) error {
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(backend, conn)), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// keysAt are the keys of a replica.
func keysAt(t testing.TB, base string) *oidc.StaticKeySet {
	t.Helper()
	response, err := http.Get(base + "/" + acme + "/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	keys := &oidc.StaticKeySet{}
	for _, k := range set.Keys {
		keys.PublicKeys = append(keys.PublicKeys, crypto.PublicKey(k.Key))
	}
	return keys
}

// load is clients that ask for tokens, one after the other, until they are to stop.
type load struct {
	wait    sync.WaitGroup
	stop    chan struct{}
	through chan struct{} // a value for each request that has its token, or is lost
	mu      sync.Mutex
	tokens  []string
	retried int
	lost    []error
}

// start begins with a number of clients.
func (l *load) start(t testing.TB, workers int, base string) {
	// A connection a request, each to the next replica.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	l.stop, l.through = make(chan struct{}), make(chan struct{})
	for range workers {
		l.wait.Go(func() {
			for {
				l.once(t.Context(), client, base)
				select {
				case <-l.stop:
					return
				case l.through <- struct{}{}:
				}
			}
		})
	}
}

// once is a request for a token, which is made once more where its connection breaks.
func (l *load) once(ctx context.Context, client *http.Client, base string) {
	token, _, err := ask(ctx, client, base, acme)
	again := broken(err)
	if again {
		token, _, err = ask(ctx, client, base, acme)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if again {
		l.retried++
	}
	if err != nil {
		l.lost = append(l.lost, err)
		return
	}
	l.tokens = append(l.tokens, token)
}

// broken says whether an error is of a connection that broke: before the answer,
// or within it.
func broken(err error) bool {
	var asking *url.Error
	var reading *net.OpError
	return errors.As(err, &asking) || errors.As(err, &reading) || errors.Is(err, io.ErrUnexpectedEOF)
}

// await waits for a number of requests.
func (l *load) await(t testing.TB, requests int) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for done := range requests {
		select {
		case <-l.through:
		case <-limit:
			t.Fatalf("%d of %d requests are through", done, requests)
		}
	}
}

// end stops the clients and waits for them.
func (l *load) end() {
	close(l.stop)
	l.wait.Wait()
}

// TestReplicas kills one of two replicas under load: whatever token one of them
// gave is good at both, and no request is lost after one retry.
func TestReplicas(t *testing.T) {
	t.Parallel()
	needDocker(t)
	const workers, before, after = 8, 400, 400
	b := newBalancer(t)
	public := "http://" + b.Addr().String()
	var replicas []*docker.Container
	var addresses []string
	var keys []*oidc.StaticKeySet
	for range 2 {
		c := run(t, testcontainers.WithEnv(map[string]string{"IDPOOL_PUBLIC_URL": public}))
		replicas = append(replicas, c)
		addresses = append(addresses, must[string](t)(c.PortEndpoint(t.Context(), "8080/tcp", "")))
		keys = append(keys, keysAt(t, "http://"+addresses[len(addresses)-1]))
	}
	b.serve(t, addresses...)
	var l load
	l.start(t, workers, public)
	stopped := sync.OnceFunc(l.end)
	defer stopped()
	l.await(t, before)
	kill(t, replicas[0])
	for n := 0; !b.targets[0].down(); n++ { // the load goes on until the balancer has heard of it
		if n == 100*before {
			t.Fatalf("after %d requests the replica that was killed has not failed", n)
		}
		l.await(t, 1)
	}
	l.await(t, after)
	stopped()
	first, second := b.targets[0], b.targets[1]
	t.Logf("%d tokens by %d retries; %d of the replica that was killed, %d of the other", len(l.tokens), l.retried, first.served.Load(), second.served.Load())
	for _, err := range l.lost {
		t.Errorf("lost: %v", err)
	}
	// Clients have met the end: those that were connected, one of them before the
	// balancer had heard of it.
	if first.served.Load() == 0 || second.served.Load() < after || l.retried < 1 || l.retried > workers || second.failed.Load() > 0 {
		t.Errorf("%d retries, the first replica served %d, the second %d and failed %d", l.retried, first.served.Load(), second.served.Load(), second.failed.Load())
	}
	goodAt(t, public, keys, l.tokens)
}

// goodAt verifies each token with the keys of each replica.
func goodAt(t testing.TB, public string, keys []*oidc.StaticKeySet, tokens []string) {
	t.Helper()
	for at, set := range keys {
		verifier := oidc.NewVerifier(public+"/"+acme+"/v2.0", set, &oidc.Config{ClientID: confluent})
		for _, token := range tokens {
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Fatalf("at replica %d: %v", at+1, err)
			}
		}
	}
}
