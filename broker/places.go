package broker

import (
	"cmp"
	"errors"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// entry is a listener before a real cluster. Who comes in by it is told of the
// brokers' listeners that belong to it, and of no others.
type entry struct {
	gateway *gateway
	Listener
	host string // that of Advertised

	mu     sync.Mutex
	places map[int32]whereabouts
	met    int // how many ports have been given
}

// fronts are the listener's own, and those of the brokers that it names.
func (g *gateway) fronts(l Listener) ([]*front, error) {
	at, err := parseAdvertised(l.Advertised)
	if err != nil {
		return nil, err
	}
	e := &entry{gateway: g, Listener: l, host: at.host, places: map[int32]whereabouts{}}
	all := []*front{{listener: l.Listener, place: e.place}}
	for _, b := range l.Brokers {
		if e.places[b.ID], err = parseAdvertised(b.Advertised); err != nil {
			return nil, err
		}
		all = append(all, &front{listener: b.Listener, place: e.place, node: g.nodeWith(b.ID)})
	}
	return all, nil
}

// nodeWith is the broker with an id.
func (g *gateway) nodeWith(id int32) *node {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.nodes[id]
	if n == nil {
		n = &node{id: id}
		g.nodes[id] = n
	}
	return n
}

// place is where clients find a broker that the cluster says is somewhere. One
// that is met for the first time gets a listener. Without one, its address is a
// name that leads nowhere: the cluster's own is never told.
func (e *entry) place(id int32, host string, port int32) (string, int32) {
	if host == "" {
		return host, port // no broker at all
	}
	n := e.gateway.nodeWith(id)
	n.moveTo(net.JoinHostPort(host, strconv.Itoa(int(port))))
	e.mu.Lock()
	defer e.mu.Unlock()
	at, known := e.places[id]
	if known {
		return at.host, at.port
	}
	at, err := e.meet(n)
	if err != nil {
		e.gateway.server.log.Error("kafka: a broker of the cluster has no listener here, so that clients cannot reach it", "broker", id, "error", err)
		return nowhere, 9
	}
	e.places[id] = at
	return at.host, at.port
}

// nowhere is a name that no resolver knows (RFC 2606 2).
const nowhere = "broker-without-a-listener.invalid"

// moveTo notes where a broker is, which then may serve something else.
func (n *node) moveTo(address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.addresses) != 1 || n.addresses[0] != address {
		n.addresses, n.asked = []string{address}, time.Time{}
	}
}

// meet opens and serves the listener of a broker.
func (e *entry) meet(n *node) (whereabouts, error) {
	s := e.gateway.server
	l, err := e.listen(n.id)
	if err != nil {
		return whereabouts{}, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	number, notNumber := strconv.Atoi(port)
	if err := cmp.Or(err, notNumber); err != nil {
		return whereabouts{}, errors.Join(err, l.Close())
	}
	s.serveToo(&front{listener: l, place: e.place, node: n})
	s.log.Info("kafka: a broker of the cluster has a listener", "broker", n.id, "address", l.Addr().String(), "advertised", net.JoinHostPort(e.host, port))
	return whereabouts{e.host, int32(number)}, nil
}

// listen opens the listener of a broker, at the host of the entry's own. A port
// that another program has is passed over for a free one.
func (e *entry) listen(id int32) (net.Listener, error) {
	bind, _, err := net.SplitHostPort(e.Addr().String())
	if err != nil {
		return nil, err
	}
	want := e.nextPort()
	l, err := net.Listen("tcp", net.JoinHostPort(bind, strconv.Itoa(want)))
	if errors.Is(err, syscall.EADDRINUSE) {
		e.gateway.server.log.Warn("kafka: the port of a broker's listener is taken, and a free one stands in", "broker", id, "port", want)
		l, err = net.Listen("tcp", net.JoinHostPort(bind, "0"))
	}
	return l, err
}

// nextPort is the one after those that have been given and those of the Server's
// own listeners; zero for any.
func (e *entry) nextPort() int {
	if e.FirstPort <= 0 {
		return 0
	}
	for e.gateway.server.listensAt(e.FirstPort + e.met) {
		e.met++
	}
	port := e.FirstPort + e.met
	e.met++
	if port > mostPort {
		return 0
	}
	return port
}

const mostPort = 65535
