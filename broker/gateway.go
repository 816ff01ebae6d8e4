package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Upstream is a real cluster to stand before.
type Upstream struct {
	// Bootstrap are HOST:PORT of some of its brokers.
	Bootstrap []string
	// TLS is how to speak to its brokers. Nil means without TLS.
	TLS *tls.Config
	// Mechanism of User and Users: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
	Mechanism string
	// User logs in for all who are not in Users; role bindings are then enforced
	// here. The zero User speaks to the cluster without a login.
	User User
	// Users log in for the clients of one pool, by its id. What they may do is
	// for the cluster's own ACLs to say.
	Users map[string]User
}

// User is a user of the cluster.
type User struct{ Username, Password string }

// gateway stands before a real cluster. Each of its brokers has listeners of its
// own here, one for each of the Server's, whose addresses stand in for the
// broker's in every response.
type gateway struct {
	server    *Server
	upstream  Upstream
	user      *credentials // nil for none
	users     map[string]*credentials
	enforced  bool // role bindings count for some client, so that all get the versions that can be decided
	bootstrap *node
	patience  time.Duration // how long a broker may take to take a connection, and to answer the front

	mu       sync.Mutex
	nodes    map[int32]*node
	learning *question // where the brokers are; nil while nobody asks
}

// node is a broker behind the gateway.
type node struct {
	id int32 // -1 for whichever of the bootstrap addresses answers

	mu        sync.Mutex
	addresses []string // where it is, as far as that is known; replaced, never changed
	asked     time.Time
	served    versions
	question  *question // what it is being asked; nil for nothing
}

// question is what a broker serves, or where brokers are, asked by one client's
// session for all that come meanwhile.
type question struct {
	answered chan struct{}
	served   versions
	err      error
}

// patience is how long a broker may take unless a test says otherwise.
const patience = 10 * time.Second

// versionsFor is how long what a broker serves is remembered: it may be
// restarted with another release.
const versionsFor = time.Minute

func newGateway(s *Server) (behind, error) {
	u := *s.config.Upstream
	g := &gateway{server: s, upstream: u, users: map[string]*credentials{}, nodes: map[int32]*node{},
		patience: patience, bootstrap: &node{id: -1, addresses: u.Bootstrap}}
	if u.User.Username != "" {
		g.user = u.credentials(u.User)
	}
	for id, user := range u.Users {
		g.users[id] = u.credentials(user)
	}
	g.enforced = !s.config.AllowAll && (g.user != nil || len(u.Users) == 0)
	return g, nil
}

func (u Upstream) credentials(of User) *credentials {
	return &credentials{mechanism: u.Mechanism, username: of.Username, password: of.Password}
}

// who logs in for a login's pools, and whether role bindings are enforced here
// because the cluster cannot tell that client from others.
func (g *gateway) who(l login) (c *credentials, enforced bool, err error) {
	if pools := l.decision.Pools; len(pools) == 1 && g.users[pools[0]] != nil {
		return g.users[pools[0]], false, nil
	}
	if g.user == nil && len(g.users) > 0 {
		return nil, false, fmt.Errorf("kafka.upstream.users has no user for the pools %v together, and kafka.upstream.user is not set", l.decision.Pools)
	}
	return g.user, !g.server.config.AllowAll, nil
}

// nodeOf is the broker that a listener stands for.
func (g *gateway) nodeOf(f *front) *node {
	if f.node != nil {
		return f.node
	}
	return g.bootstrap
}

// setting is the user that credentials are of, as the config names it.
func (g *gateway) setting(c *credentials) string {
	for id, of := range g.users {
		if of == c {
			return fmt.Sprintf("user %q of kafka.upstream.users, %s", c.username, id)
		}
	}
	return fmt.Sprintf("user %q of kafka.upstream.user", c.username)
}

// versions asks the broker what it serves, which needs no login. When it does
// not answer, what it said before counts. Nothing is locked meanwhile: others
// may want to know where the broker is.
func (g *gateway) versions(ctx context.Context, f *front) (versions, error) {
	n := g.nodeOf(f)
	n.mu.Lock()
	if !n.asked.IsZero() && time.Since(n.asked) < versionsFor {
		defer n.mu.Unlock()
		return n.served, nil
	}
	if q := n.question; q != nil {
		n.mu.Unlock()
		<-q.answered
		return q.served, q.err
	}
	q := &question{answered: make(chan struct{})}
	defer close(q.answered)
	n.question = q
	n.mu.Unlock()
	addresses, err := g.addressesOf(ctx, n)
	var response *kmsg.ApiVersionsResponse
	if err == nil {
		response, err = g.askVersions(ctx, n)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.question = nil
	switch known := len(n.served.list) > 0; {
	case err == nil:
		var limit map[int16]int16
		if g.enforced {
			limit = admitted()
		}
		n.served = newVersions(*response, limit)
		if slices.Equal(addresses, n.addresses) { // else it has moved meanwhile
			n.asked = time.Now()
		}
	case !known:
		q.err = fmt.Errorf("the cluster does not say what it serves: %v", err)
	}
	q.served = n.served
	return q.served, q.err
}

// askVersions asks in version 3, and again in version 0 where that is not
// understood.
func (g *gateway) askVersions(ctx context.Context, n *node) (got *kmsg.ApiVersionsResponse, err error) {
	for _, version := range []int16{3, 0} {
		request := kmsg.NewPtrApiVersionsRequest()
		request.Version, request.ClientSoftwareName, request.ClientSoftwareVersion = version, "idpool", "1"
		var conn net.Conn
		conn, err = g.reachNode(ctx, n, func(conn net.Conn) error {
			response, err := ask(conn, request)
			if err != nil {
				return err
			}
			got = response.(*kmsg.ApiVersionsResponse)
			return kerr.ErrorForCode(got.ErrorCode)
		})
		if err == nil {
			return got, conn.Close()
		}
		if timeout := net.Error(nil); errors.As(err, &timeout) {
			break // not reached, or silent
		}
	}
	return nil, err
}

// reach connects to the first of the addresses where what the front has to say
// is answered. It says nothing more there once Kafka has refused it.
func (g *gateway) reach(ctx context.Context, addresses []string, say func(net.Conn) error) (net.Conn, error) {
	var failed error
	for _, address := range addresses {
		conn, err := g.dial(ctx, address, say)
		if err == nil {
			return conn, nil
		}
		err = fmt.Errorf("%s: %w", address, err)
		if failed != nil {
			err = fmt.Errorf("%v; %w", failed, err)
		}
		failed = err
		if _, refused := errors.AsType[*kerr.Error](err); refused || ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

// dial connects to an address and says something there, for as long as patience
// and ctx last.
func (g *gateway) dial(ctx context.Context, address string, say func(net.Conn) error) (net.Conn, error) {
	dialer := net.Dialer{Timeout: g.patience}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(g.patience))
	spoken := conn
	if g.upstream.TLS != nil {
		config := g.upstream.TLS.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(address)
		}
		secure := tls.Client(conn, config)
		if err = secure.HandshakeContext(ctx); err != nil {
			err = fmt.Errorf("TLS by kafka.upstream.securityProtocol and kafka.upstream.ca: %w", err)
		}
		spoken = secure
	}
	if err == nil {
		err = say(spoken)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return spoken, nil
}

// enter connects to the broker and logs in there, unless the session is
// connected as the same user already.
func (g *gateway) enter(ctx context.Context, s *session, l login) error {
	who, enforced, err := g.who(l)
	if err != nil {
		return err
	}
	current, _ := s.carrier().(*link)
	if current != nil && current.credentials == who && current.enforced == enforced {
		return nil
	}
	var lifetime time.Duration
	conn, err := g.reachNode(ctx, g.nodeOf(s.front), func(conn net.Conn) (err error) {
		lifetime, err = g.logIn(conn, who)
		return err
	})
	if err != nil {
		return errors.New(err.Error()) // the end of that connection is not that of the client's
	}
	made := newLink(g, s, conn)
	made.credentials, made.enforced = who, enforced
	made.renewAfter(lifetime)
	if current != nil {
		current.close()
	}
	s.carryBy(made)
	return nil
}

// logIn logs in to a broker as one of the users, or not at all for nil.
func (g *gateway) logIn(conn net.Conn, who *credentials) (lifetime time.Duration, err error) {
	if who == nil {
		return 0, nil
	}
	if lifetime, err = who.logIn(conn); err != nil {
		err = fmt.Errorf("%s: %w", g.setting(who), err)
	}
	return lifetime, err
}

// carry takes a session's requests to its broker.
func (g *gateway) carry(ctx context.Context, s *session) error {
	var current *link
	for {
		if err := g.follow(s, &current); err != nil {
			return err
		}
		f, err := s.next(ctx)
		if err == nil {
			err = g.follow(s, &current) // it may have logged in again, as somebody else
		}
		if err == nil {
			err = current.forward(f)
		}
		if err != nil {
			return err
		}
	}
}

// follow makes the session's link the current one. What the broker answers
// there is taken to the client by a goroutine of its own.
func (g *gateway) follow(s *session, current **link) error {
	l := s.carrier().(*link)
	if l == *current {
		return nil
	}
	*current = l
	if !g.server.start(l.answers) {
		return errOver
	}
	return nil
}

// refresh has nothing to do: role bindings are read for each request.
func (g *gateway) refresh(context.Context) error { return nil }

// close has nothing to do: the connections end with their sessions.
func (g *gateway) close() {}
