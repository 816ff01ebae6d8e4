package broker

import (
	"io"
	"net"
	"sync"
	"time"
)

// handover is the connection of a client as kfake has it. At first the front
// speaks on it, to log in as the user of the client's pools: what is written by
// Write is read by kfake, and what kfake writes is read by Read. Then it is
// started, and kfake reads the client's requests and answers it directly.
//
// It relies on kfake writing each response whole, in one call.
type handover struct {
	session *session // nil for a connection that is the front's own
	account *account
	local   net.Addr

	toFake   chan []byte
	fromFake chan []byte
	started  chan struct{}
	closed   chan struct{}
	once     sync.Once
	rest     []byte // of what the front sent, that kfake has not read yet
	answer   []byte // of what kfake sent, that the front has not read yet
	left     int    // of the client's request, that kfake has not read yet
	held     []byte // a request of the client's that the front has read, and kfake has not

	mu      sync.Mutex
	waiting []header // requests that kfake has not answered yet, in order
	denied  map[denial]bool
}

// expect notes a request that kfake has to answer.
func (h *handover) expect(f forwarded) {
	if f.silent {
		return
	}
	h.mu.Lock()
	h.waiting = append(h.waiting, f.header)
	h.mu.Unlock()
}

// answered finds the request that a response is to. It looks through the
// response for what it denies, and logs each thing once for a connection: the
// client is told a number, and nobody why.
func (h *handover) answered(frame []byte) (asked header) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) == 0 {
		return header{} // of a version that has no addresses
	}
	asked = h.waiting[0]
	h.waiting = append(h.waiting[:0], h.waiting[1:]...)
	for _, d := range denials(asked, frame) {
		if h.denied[d] || len(h.denied) >= mostDenied {
			continue
		}
		if h.denied == nil {
			h.denied = map[denial]bool{}
		}
		h.denied[d] = true
		h.session.denied(asked.key, d)
	}
	return asked
}

func newHandover(s *session, local net.Addr) *handover {
	return &handover{session: s, local: local, toFake: make(chan []byte, 1), fromFake: make(chan []byte, 1),
		started: make(chan struct{}), closed: make(chan struct{})}
}

// start lets kfake at the client.
func (h *handover) start() { close(h.started) }

// close ends it for kfake. It is not for the client's end to be closed here.
func (h *handover) close() {
	h.once.Do(func() {
		close(h.closed)
		if h.account != nil {
			h.account.lanes.Add(-1)
		}
	})
}

// Write sends what the front says to kfake.
func (h *handover) Write(b []byte) (int, error) {
	select {
	case h.toFake <- b:
		return len(b), nil
	case <-h.closed:
		return 0, io.ErrClosedPipe
	}
}

// Read is what kfake says to the front.
func (h *handover) Read(b []byte) (int, error) {
	if len(h.answer) == 0 {
		select {
		case h.answer = <-h.fromFake:
		case <-h.closed:
			return 0, io.EOF
		}
	}
	n := copy(b, h.answer)
	h.answer = h.answer[n:]
	return n, nil
}

// fakeConn is kfake's side of a handover.
type fakeConn struct{ *handover }

var _ net.Conn = fakeConn{}

// Read gives kfake what the front says, and once it is started the client's
// requests, looking at the header of each.
func (c fakeConn) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		select {
		case c.rest = <-c.toFake:
			continue
		default:
		}
		select {
		case c.rest = <-c.toFake:
		case <-c.started:
			return c.fromClient(b)
		case <-c.closed:
			return 0, io.EOF
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c fakeConn) fromClient(b []byte) (int, error) {
	s := c.session
	if c.left == 0 && len(c.held) == 0 {
		f, held, err := s.nextForFake()
		if err != nil {
			s.end(err)
			return 0, io.EOF
		}
		now, _ := s.carrier().(*handover)
		if now.held = held; held == nil {
			now.left = 4 + f.size
		}
		now.expect(f)
		if now != c.handover { // it has logged in again, as somebody else
			now.start()
			c.close()
			return 0, io.EOF
		}
	}
	if len(c.held) > 0 {
		n := copy(b, c.held)
		c.held = c.held[n:]
		return n, nil
	}
	n, err := s.in.Read(b[:min(len(b), c.left)])
	c.left -= n
	if err != nil {
		s.end(err)
		return n, io.EOF
	}
	return n, nil
}

// Write is a response of kfake's: to the front, or to the client.
func (c fakeConn) Write(b []byte) (int, error) {
	select {
	case <-c.started:
	default:
		select {
		case c.fromFake <- append([]byte(nil), b...):
			return len(b), nil
		case <-c.closed:
			return 0, io.ErrClosedPipe
		}
	}
	frame, asked := b, c.answered(b)
	var err error
	if place := c.session.front.place; place != nil && rewritten(asked) {
		frame, err = replaced(asked, b, place, nil)
	}
	if err == nil {
		err = c.session.send(frame)
	}
	if err != nil {
		c.session.end(err)
		return 0, err
	}
	c.session.flight.done()
	return len(b), nil
}

// Close is kfake giving the connection up: the client's ends with it, unless it
// has another by now.
func (c fakeConn) Close() error {
	c.close()
	select {
	case <-c.started:
	default:
		return nil
	}
	if s := c.session; s != nil && s.carrier() == lane(c.handover) {
		s.end(errOver)
	}
	return nil
}

// RemoteAddr is the client's, which DescribeGroups shows.
func (c fakeConn) RemoteAddr() net.Addr {
	if c.session == nil {
		return c.local
	}
	return c.session.conn.RemoteAddr()
}

func (c fakeConn) LocalAddr() net.Addr              { return c.local }
func (c fakeConn) SetDeadline(time.Time) error      { return nil }
func (c fakeConn) SetReadDeadline(time.Time) error  { return nil }
func (c fakeConn) SetWriteDeadline(time.Time) error { return nil }

// handoverListener is where kfake accepts what is handed over to it. Its
// address is the one that kfake advertises.
type handoverListener struct {
	addr   advertisedAddr
	conns  chan *handover
	closed chan struct{}
	once   sync.Once
}

func newHandoverListener(advertised string) *handoverListener {
	return &handoverListener{addr: advertisedAddr(advertised), conns: make(chan *handover), closed: make(chan struct{})}
}

// Accept hands a connection to kfake.
func (l *handoverListener) Accept() (net.Conn, error) {
	select {
	case h := <-l.conns:
		return fakeConn{h}, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener, as kfake does when it is closed.
func (l *handoverListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is the advertised address.
func (l *handoverListener) Addr() net.Addr { return l.addr }

// advertisedAddr is HOST:PORT as clients know it.
type advertisedAddr string

func (advertisedAddr) Network() string  { return "tcp" }
func (a advertisedAddr) String() string { return string(a) }
