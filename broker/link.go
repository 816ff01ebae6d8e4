package broker

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// link is a gateway's connection to a broker, for one session: its lane.
type link struct {
	gateway     *gateway
	session     *session
	conn        net.Conn
	in          *bufio.Reader
	credentials *credentials
	enforced    bool
	renewAt     time.Time        // when to log in there again; zero for never
	expected    chan expectation // what the broker has to answer, in order
	over        chan struct{}
	once        sync.Once
	buffer      []byte // to copy requests with
	denied      map[pool.Operation]bool
}

// expectation is a request that the broker has to answer.
type expectation struct {
	header
	amend func(kmsg.Response) // nil for nothing
	own   chan []byte         // for a request of the front's own: gets the frame
}

// maxInFlight is how many requests may wait for a broker's answer on one
// connection. Clients have five or so.
const maxInFlight = 1024

const copyBuffer = 64 << 10

func newLink(g *gateway, s *session, conn net.Conn) *link {
	return &link{gateway: g, session: s, conn: conn, in: bufio.NewReaderSize(cluster{conn}, 4<<10),
		expected: make(chan expectation, maxInFlight), over: make(chan struct{}), denied: map[pool.Operation]bool{}}
}

// cluster is the broker's end as links read it: its end is not the client's, and
// is worth a line in the log.
type cluster struct{ conn net.Conn }

func (c cluster) Read(b []byte) (int, error) {
	n, err := c.conn.Read(b)
	if err != nil {
		err = fmt.Errorf("the cluster closed the connection: %v", err)
	}
	return n, err
}

// Write sends to the broker, which has to take it in time.
func (l *link) Write(b []byte) (int, error) {
	_ = l.conn.SetWriteDeadline(time.Now().Add(l.session.server.config.FrameTimeout))
	n, err := l.conn.Write(b)
	if err != nil {
		err = fmt.Errorf("the cluster did not take a request: %v", err)
	}
	return n, err
}

// close ends the connection to the broker.
func (l *link) close() {
	l.once.Do(func() {
		close(l.over)
		_ = l.conn.Close()
	})
}

// renewAfter notes when to log in again, before the broker wants it (KIP-368):
// after half of the lifetime, since Kafka looks at the end when it comes to a
// request, and one that is behind a slow one waits. Sooner than after a second
// Kafka takes none.
func (l *link) renewAfter(lifetime time.Duration) {
	l.renewAt = time.Time{}
	if lifetime > 0 {
		l.renewAt = time.Now().Add(max(lifetime/2, min(lifetime*9/10, leastRenewal)))
	}
}

// leastRenewal is Kafka's second (KafkaChannel), and a little more.
const leastRenewal = 1100 * time.Millisecond

// forward takes a request to the broker, or answers it when the client may not
// do what it asks for.
func (l *link) forward(f forwarded) error {
	if !l.renewAt.IsZero() && time.Now().After(l.renewAt) {
		if err := l.renew(f); err != nil {
			return fmt.Errorf("the login at the cluster could not be renewed: %w", err)
		}
	}
	if l.enforced {
		return l.decide(f)
	}
	if err := l.expect(f, nil); err != nil {
		return err
	}
	return l.pass(4 + f.size)
}

// expect notes what the broker will have to answer.
func (l *link) expect(f forwarded, amend func(kmsg.Response)) error {
	if f.silent {
		return nil
	}
	select {
	case l.expected <- expectation{header: f.header, amend: amend}:
		return nil
	case <-l.over:
		return errOver
	}
}

// pass copies n bytes of the client to the broker.
func (l *link) pass(n int) error {
	in := l.session.in
	if n <= in.Size() {
		b, err := in.Peek(n)
		if err != nil {
			return err
		}
		if _, err = l.Write(b); err != nil {
			return err
		}
		_, err = in.Discard(n)
		return err
	}
	if l.buffer == nil {
		l.buffer = make([]byte, copyBuffer)
	}
	return copyExactly(l, in, n, l.buffer)
}

// copyExactly copies n bytes, and fails when there are less.
func copyExactly(to io.Writer, from io.Reader, n int, buffer []byte) error {
	for n > 0 {
		read, err := from.Read(buffer[:min(n, len(buffer))])
		if read > 0 {
			if _, err := to.Write(buffer[:read]); err != nil {
				return err
			}
			n -= read
		}
		if err != nil && n > 0 {
			return err
		}
	}
	return nil
}

// decide asks the role bindings about a request.
func (l *link) decide(f forwarded) error {
	s := l.session
	frame, err := readSized(s.in, minFrame, f.size)
	if err != nil {
		return err
	}
	r, err := parseRequest(frame[4:])
	if err != nil {
		return err
	}
	a, ok := admit(r.body, s.allows)
	l.logDenied(a.denied)
	switch {
	case !ok:
		return fmt.Errorf("API key %d in version %d is not served here", f.key, f.version)
	case a.drop:
		return errors.New("the client may not write what it wants no answer to (acks=0)")
	case a.reply != nil:
		return s.answer(f, a.reply)
	}
	if a.changed {
		frame = appendRequest(nil, r.header, r.clientID, r.body)
	}
	if err := l.expect(f, a.amend); err != nil {
		return err
	}
	_, err = l.Write(frame)
	return err
}

// allows says whether the role bindings of the session's pools allow an
// operation.
func (s *session) allows(o pool.Operation) bool {
	for _, id := range s.login.decision.Pools {
		p := s.server.config.Pool(id)
		if p == nil {
			continue
		}
		for _, b := range p.BindingsIn(s.login.cluster) {
			if allowsSome(b, o) {
				return true
			}
		}
	}
	return false
}

// logDenied writes a line for each operation that is denied, once for each
// connection.
func (l *link) logDenied(denied []pool.Operation) {
	for _, o := range denied {
		if l.denied[o] || len(l.denied) >= mostDenied {
			continue
		}
		l.denied[o] = true
		l.session.deny(o)
	}
}

// renew logs in at the broker again, when nothing is in flight but the request
// that is about to be forwarded.
func (l *link) renew(f forwarded) error {
	if err := l.session.settle(f.counted()); err != nil {
		return err
	}
	lifetime, err := l.credentials.logIn(&ownRequests{link: l, answers: make(chan []byte, 1)})
	l.renewAfter(lifetime)
	return err
}

// ownRequests is the connection to the broker as the front itself uses it while
// answers are read for the client.
type ownRequests struct {
	*link
	answers chan []byte
	rest    []byte
}

// Write sends one request.
func (o *ownRequests) Write(b []byte) (int, error) {
	select {
	case o.expected <- expectation{header: parseHeader(b[4:]), own: o.answers}:
		return o.link.Write(b)
	case <-o.over:
		return 0, io.ErrClosedPipe
	}
}

// Read reads the response.
func (o *ownRequests) Read(b []byte) (int, error) {
	if len(o.rest) == 0 {
		select {
		case o.rest = <-o.answers:
		case <-o.over:
			return 0, io.EOF
		case <-time.After(o.gateway.patience):
			return 0, errors.New("the broker does not answer")
		}
	}
	n := copy(b, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

// answers takes the broker's responses to the client.
func (l *link) answers() {
	buffer := make([]byte, 4<<10)
	for {
		size, e, err := l.next()
		if err == nil {
			if size > len(buffer) && len(buffer) < copyBuffer {
				buffer = make([]byte, copyBuffer)
			}
			err = l.answer(size, e, buffer)
		}
		select {
		case <-l.over:
			return // closed on this side: somebody knows why
		default:
		}
		if err != nil {
			l.session.end(err)
			l.close()
			return
		}
	}
}

// maxResponse is more than any client asks for.
const maxResponse = 1 << 30

// next waits for a response, and finds what it answers. The response is left
// where it is.
func (l *link) next() (size int, e expectation, err error) {
	b, err := l.in.Peek(8)
	if err != nil {
		return 0, e, err
	}
	size = int(int32(binary.BigEndian.Uint32(b)))
	correlationID := int32(binary.BigEndian.Uint32(b[4:]))
	select {
	case e = <-l.expected:
	default:
		return 0, e, errors.New("the cluster answered what it was not asked")
	}
	if size < 4 || size > maxResponse || e.correlationID != correlationID {
		return 0, e, errors.New("the cluster answered with something that is no response to what it was asked")
	}
	return size, e, nil
}

// answer takes one response to whoever waits for it.
func (l *link) answer(size int, e expectation, buffer []byte) error {
	s := l.session
	if e.own == nil && e.amend == nil && !rewritten(e.header) {
		if err := copyExactly(s, l.in, 4+size, buffer); err != nil {
			return err
		}
		s.flight.done()
		return nil
	}
	frame, err := l.whole(4 + size)
	if err != nil {
		return err
	}
	if e.own != nil {
		e.own <- frame
		return nil
	}
	if frame, err = replaced(e.header, frame, s.front.place, e.amend); err != nil {
		return err
	}
	if err := s.send(frame); err != nil {
		return err
	}
	s.flight.done()
	return nil
}

// whole reads n bytes of the broker's. Memory grows with what arrives, not with
// what the size promises.
func (l *link) whole(n int) ([]byte, error) {
	frame := bytes.NewBuffer(make([]byte, 0, min(n, 1<<20)+bytes.MinRead))
	_, err := io.CopyN(frame, l.in, int64(n))
	return frame.Bytes(), err
}
