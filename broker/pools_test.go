package broker

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// livePools are pools that come and go.
type livePools struct {
	mu    sync.Mutex
	pools map[string]*pool.Pool
}

func (l *livePools) find(id string) *pool.Pool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pools[id]
}

// are says which pools there are from now on.
func (l *livePools) are(pools ...*pool.Pool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pools = map[string]*pool.Pool{}
	for _, p := range pools {
		l.pools[p.Config().ID] = p
	}
}

// reader and writer are pools of an id that may read orders, or write it.
func reader(t testing.TB, id string) *pool.Pool {
	t.Helper()
	return bindings(t, id, pool.RoleBinding{Role: "DeveloperRead", Resource: "topic=orders"})
}

func writer(t testing.TB, id string) *pool.Pool {
	t.Helper()
	return bindings(t, id, pool.RoleBinding{Role: "DeveloperWrite", Resource: "topic=orders"})
}

const (
	mayWrite    = "NONE"
	mayNotWrite = "TOPIC_AUTHORIZATION_FAILED"
)

func (s *loginServer) refreshed(t testing.TB) {
	t.Helper()
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// embedded are the clusters in the process, started if no client has come yet.
func (s *loginServer) embedded(t testing.TB) *fakeClusters {
	t.Helper()
	all, err := s.behind.(*embedded).started()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// users is how many accounts the embedded cluster has.
func (s *loginServer) users(t testing.TB) (known, scram int) {
	t.Helper()
	f := s.embedded(t).byID["lkc-acme"]
	f.accounts.mu.Lock()
	defer f.accounts.mu.Unlock()
	response, err := f.accounts.ask(kmsg.NewPtrDescribeUserSCRAMCredentialsRequest())
	if err != nil {
		t.Fatal(err)
	}
	return len(f.accounts.known), len(response.(*kmsg.DescribeUserSCRAMCredentialsResponse).Results)
}

// idle waits until nobody is connected.
func (s *loginServer) idle(t testing.TB) {
	t.Helper()
	a := &s.embedded(t).byID["lkc-acme"].accounts
	over := time.Now().Add(loginPatience)
	for open := int32(1); open > 0; runtime.Gosched() {
		open = 0
		a.mu.Lock()
		for _, known := range a.known {
			open += known.lanes.Load()
		}
		a.mu.Unlock()
		if time.Now().After(over) {
			t.Fatalf("%d are still connected", open)
		}
	}
}

// A client that is connected has the rights of its pool as that comes, changes
// and goes.
func TestPoolsComeAndGo(t *testing.T) {
	live := &livePools{}
	s := newLoginServer(t, Config{Pool: live.find})
	c := s.dial(t)
	c.login("good")
	for i, step := range []struct {
		what  string
		pools []*pool.Pool
		want  string
	}{
		{"before there is the pool", nil, mayNotWrite},
		{"it comes", []*pool.Pool{writer(t, "pool-a")}, mayWrite},
		{"another of its id", []*pool.Pool{reader(t, "pool-a")}, mayNotWrite},
		{"one that may", []*pool.Pool{writer(t, "pool-a"), reader(t, "pool-b")}, mayWrite},
		{"it goes, another stays", []*pool.Pool{writer(t, "pool-b")}, mayNotWrite},
	} {
		live.are(step.pools...)
		s.refreshed(t)
		if got := c.produce("orders"); got != step.want {
			t.Errorf("%d, %s: produce has %s, want %s", i, step.what, got, step.want)
		}
	}
	live.are(writer(t, "pool-a"))
	c.login("good") // without a Refresh, on the same connection
	if got := c.produce("orders"); got != mayWrite {
		t.Errorf("logged in again when it has come back: produce has %s, want %s", got, mayWrite)
	}
}

// Who logs in has the rights that the pool has then, also when nobody said that
// it is another.
func TestLoginAfterAPoolChanged(t *testing.T) {
	live := &livePools{}
	live.are(writer(t, "pool-a"))
	s := newLoginServer(t, Config{Pool: live.find})
	for _, step := range []struct {
		pools []*pool.Pool
		want  string
	}{
		{[]*pool.Pool{writer(t, "pool-a")}, mayWrite},
		{[]*pool.Pool{reader(t, "pool-a")}, mayNotWrite},
		{[]*pool.Pool{writer(t, "pool-a")}, mayWrite},
		{nil, mayNotWrite},
	} {
		live.are(step.pools...)
		c := s.dial(t)
		c.login("good")
		if got := c.produce("orders"); got != step.want {
			t.Errorf("produce has %s, want %s", got, step.want)
		}
	}
}

// Accounts of pools that have gone stayed for ever.
func TestGonePoolsLeaveNoAccounts(t *testing.T) {
	live := &livePools{}
	live.are(writer(t, "pool-a"), writer(t, "pool-b"))
	s := newLoginServer(t, Config{Pool: live.find})
	expires := s.clock.Now().Add(time.Hour)
	s.knows("b", allowed("User:pool-b", expires, "pool-b"))
	s.knows("ab", allowed("crn://x", expires, "pool-a", "pool-b"))
	var clients []*saslClient
	for _, token := range []string{"good", "b", "ab"} {
		c := s.dial(t)
		c.login(token)
		s.clock.pass(time.Second)
		c.login(token)
		clients = append(clients, c)
	}
	want := func(n int) {
		t.Helper()
		if known, scram := s.users(t); known != n || scram != n {
			t.Errorf("%d accounts, %d users of kfake; want %d", known, scram, n)
		}
	}
	want(3)
	live.are(writer(t, "pool-b")) // half of the union is still there
	s.refreshed(t)
	want(3) // the client of pool-a is, too, and its pool may come back
	for _, c := range clients {
		_ = c.Close()
	}
	s.idle(t)
	s.refreshed(t)
	want(2)
	live.are()
	s.refreshed(t)
	want(0)
	live.are(writer(t, "pool-a"))
	c := s.dial(t)
	c.login("good")
	if got := c.produce("orders"); got != mayWrite {
		t.Errorf("produce has %s, want %s", got, mayWrite)
	}
	want(1)
}

// In front of a real cluster each request asks for the pool: there is nothing
// to refresh.
func TestPoolsComeAndGoAtAGateway(t *testing.T) {
	live := &livePools{}
	s := newLoginServer(t, Config{Pool: live.find, Upstream: &Upstream{Bootstrap: []string{direct(t)}}})
	c := s.dial(t)
	c.login("good")
	for _, step := range []struct {
		pools []*pool.Pool
		want  string
	}{
		{nil, mayNotWrite},
		{[]*pool.Pool{writer(t, "pool-a")}, mayWrite},
		{[]*pool.Pool{reader(t, "pool-a")}, mayNotWrite},
		{[]*pool.Pool{writer(t, "pool-a")}, mayWrite},
		{[]*pool.Pool{writer(t, "pool-b")}, mayNotWrite},
	} {
		live.are(step.pools...)
		if got := c.produce("orders"); got != step.want {
			t.Errorf("produce has %s, want %s", got, step.want)
		}
	}
}

// A library's client loses what it may do, and gets it back.
func TestPoolsComeAndGoForALibrary(t *testing.T) {
	live := &livePools{}
	live.are(writer(t, "pool-a"))
	s := newLoginServer(t, Config{Pool: live.find})
	s.knows("token", allowed("User:pool-a", s.clock.Now().Add(time.Hour), "pool-a"))
	client := side{seed: s.addr, options: []kgo.Opt{loggedIn(), kgo.DefaultProduceTopic("orders"), kgo.DisableIdempotentWrite()}}.client(t)
	defer client.Close()
	produce := func() error {
		return client.ProduceSync(t.Context(), kgo.StringRecord("x")).FirstErr()
	}
	if err := produce(); err != nil {
		t.Fatal(err)
	}
	live.are()
	s.refreshed(t)
	if err := produce(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("got %v, want TOPIC_AUTHORIZATION_FAILED", err)
	}
	live.are(writer(t, "pool-a"))
	s.refreshed(t)
	if err := produce(); err != nil {
		t.Errorf("when the pool has come back: %v", err)
	}
	if n := strings.Count(s.log.String(), "kafka operation denied"); n == 0 {
		t.Error("the log has no line of what was denied")
	}
}
