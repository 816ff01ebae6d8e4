package broker

import (
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Listener is a way in, and what those who come by it are told to connect to, as
// Kafka's listeners and advertised.listeners have it. A Server may have several:
// one for the clients inside a network, and one for those outside.
type Listener struct {
	net.Listener
	// Advertised is HOST:PORT as clients reach it.
	Advertised string
	// Brokers are, with an Upstream, the listeners of its brokers that are open
	// from the start, so that several Servers before one cluster have them at the
	// same addresses.
	Brokers []BrokerListener
	// FirstPort is that of the listener for the broker that is met first and is
	// not among Brokers; the others follow. Zero takes free ports.
	FirstPort int
}

// BrokerListener is the way to one broker of an Upstream.
type BrokerListener struct {
	net.Listener
	// ID is the broker's in its cluster.
	ID int32
	// Advertised is HOST:PORT as clients reach it.
	Advertised string
}

// front is one open listener. A gateway has some for each broker behind it.
type front struct {
	listener net.Listener
	place    placer // nil when clients are told what the cluster says
	node     *node  // of a gateway: the broker that it stands for
}

// Serve takes connections from a listener until the Server is closed. Its
// clients are told Config.Advertised.
func (s *Server) Serve(l net.Listener) error {
	return s.ServeAt(Listener{Listener: l, Advertised: s.config.Advertised})
}

// ServeAt is Serve for a listener with an address of its own. It serves those of
// the brokers as well. All of them are closed when it returns.
func (s *Server) ServeAt(l Listener) error {
	fronts, err := s.behind.fronts(l)
	if err != nil {
		for _, b := range l.Brokers {
			_ = b.Close()
		}
		return errors.Join(err, l.Close())
	}
	for _, f := range fronts[1:] {
		s.serveToo(f)
	}
	return s.serve(fronts[0])
}

// serveToo serves a listener beside others.
func (s *Server) serveToo(f *front) {
	if !s.start(func() { _ = s.serve(f) }) {
		_ = f.listener.Close()
	}
}

// listensAt says whether a listener of the Server's has a port.
func (s *Server) listensAt(port int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.fronts {
		if at, ok := f.listener.Addr().(*net.TCPAddr); ok && at.Port == port {
			return true
		}
	}
	return false
}

// whereabouts are where clients find a broker.
type whereabouts struct {
	host string
	port int32
}

// parseAdvertised reads HOST:PORT.
func parseAdvertised(s string) (whereabouts, error) {
	host, port, err := net.SplitHostPort(s)
	number, notNumber := strconv.ParseUint(port, 10, 16)
	if err != nil || notNumber != nil {
		return whereabouts{}, fmt.Errorf("broker: advertised: %q is no address, want HOST:PORT", s)
	}
	return whereabouts{host, int32(number)}, nil
}
