package docker_test

import (
	"context"
	"crypto"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/testcontainers/testcontainers-go"

	"github.com/idpool/idpool/docker"
)

// balancer gives each connection to the next of several servers, as the Service
// of a cluster does. One that breaks before it has answered anything gets no
// more.
type balancer struct {
	net.Listener
	targets []*target
	next    atomic.Int64
	open    sync.WaitGroup
}

// target is a server behind a balancer.
type target struct {
	address string
	down    atomic.Bool
	served  atomic.Int64 // connections that it answered
}

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

// carry is a connection to the next target that is not down.
func (b *balancer) carry(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for range b.targets {
		to := b.targets[int(b.next.Add(1))%len(b.targets)]
		if to.down.Load() {
			continue
		}
		backend, err := net.Dial("tcp", to.address)
		if err != nil {
			to.down.Store(true)
			continue
		}
		to.carry(conn, backend)
		return
	}
}

// carry copies both ways until the server is done.
func (to *target) carry(conn, backend net.Conn) {
	defer func() { _ = backend.Close() }()
	go func() { _, _ = io.Copy(backend, conn) }() // ends with the connections
	if n, _ := io.Copy(conn, backend); n == 0 {
		to.down.Store(true) // before the client hears of it, and tries again
		return
	}
	to.served.Add(1)
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

// load is what the clients of a test have got so far.
type load struct {
	mu      sync.Mutex
	tokens  []string
	retried int
	lost    []error
}

// once is a request for a token, made again once if it fails.
func (l *load) once(ctx context.Context, client *http.Client, base string) {
	token, _, err := ask(ctx, client, base, acme)
	again := err != nil
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

// done is how many requests are through.
func (l *load) done() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tokens) + len(l.lost)
}

// TestReplicas kills one of two replicas under load: whatever token one of them
// gave is good at both, and no client notices more than one failure.
func TestReplicas(t *testing.T) {
	t.Parallel()
	needDocker(t)
	const workers, before, total = 8, 400, 1200
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
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // a connection a request, each to the next replica
	var l load
	var wait sync.WaitGroup
	var asked atomic.Int64
	half := make(chan struct{})
	for range workers {
		wait.Go(func() {
			for n := asked.Add(1); n <= total; n = asked.Add(1) {
				if n == before {
					close(half)
				}
				l.once(t.Context(), client, public)
			}
		})
	}
	<-half
	kill(t, replicas[0])
	left := total - l.done()
	wait.Wait()
	t.Logf("%d tokens, %d of them after a second request; %d by the first replica, %d by the second; %d were left when the first was dead",
		len(l.tokens), l.retried, b.targets[0].served.Load(), b.targets[1].served.Load(), left)
	for _, err := range l.lost {
		t.Errorf("lost: %v", err)
	}
	if left == 0 || b.targets[0].served.Load() == 0 || b.targets[1].served.Load() == 0 || !b.targets[0].down.Load() {
		t.Error("the test has not tried what it is about: both have to serve, and one has to end before the load does")
	}
	for at, set := range keys {
		verifier := oidc.NewVerifier(public+"/"+acme+"/v2.0", set, &oidc.Config{ClientID: confluent})
		for _, token := range l.tokens {
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Fatalf("at replica %d: %v", at+1, err)
			}
		}
	}
}
