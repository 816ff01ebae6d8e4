package broker

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/validator"
)

// session is one connection of a client. What the client sends is read by one
// goroutine at a time: at first by the one that logs it in, and then by
// whoever carries its requests to the cluster.
type session struct {
	server *Server
	front  *front   // the listener that it came in at
	conn   net.Conn // mu is for those who end it while it is being secured
	in     *bufio.Reader
	login  login
	flight flight
	served *versions // nil until they are asked for

	readUntil, writeUntil time.Time // the deadlines of conn; the latter is whoever's it is to write

	mu     sync.Mutex
	lane   lane     // nil until the login
	over   bool     // what is open has been closed
	client software // as ApiVersions says
	log    *slog.Logger
}

// serves are the APIs of the cluster, as they were when the client came.
func (s *session) serves(ctx context.Context) (*versions, error) {
	if s.served == nil {
		v, err := s.server.behind.versions(ctx, s.front)
		if err != nil {
			return nil, err
		}
		s.served = &v
	}
	return s.served, nil
}

// carrier is the session's way to the cluster at present.
func (s *session) carrier() lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lane
}

// carryBy gives the session another way to the cluster, which is closed at once
// when the session is over.
func (s *session) carryBy(l lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lane = l
	if s.over {
		l.close()
	}
}

// finish ends what the session has open.
func (s *session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	_ = s.conn.Close() // first: whoever wakes now must not write
	s.flight.abort()
	if s.lane != nil {
		s.lane.close()
	}
}

// speakBy gives the session its connection with what is spoken on it.
func (s *session) speakBy(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn = conn
}

// software is what a client calls itself in ApiVersions (KIP-511).
type software struct{ name, version string }

// login is what a session is logged in as. The zero login is nobody.
type login struct {
	decision validator.Decision
	cluster  string
	clock    func() time.Time // the Verdict's; nil for that of the Config
	observe  func(Login)      // the Verdict's; nil for that of the Config
	denied   func(Denial)     // likewise
	began    time.Time        // of the re-authentication; zero for a first login
	expires  time.Time        // zero for never
}

// lane is a session's way to the cluster behind the front.
type lane interface {
	// close gives the cluster's side up, not the client's.
	close()
}

// errOver ends a session without anything to say about it.
var errOver = errors.New("the session is over")

// The reasons to cut a client off, for the log.
var (
	errExpired = errors.New("the session has expired, and the client has not authenticated again (KIP-368)")
	errLogin   = errors.New("the login was refused")

	errUnanswered = errors.New("the cluster has not answered for as long as a connection may be idle, and the client wants something that has to wait for that")
)

// now is the time of tokens and sessions, which may be moved.
func (s *session) now() time.Time { return s.timeOf(s.login.clock) }

// timeOf is what a Verdict's clock says.
func (s *session) timeOf(clock func() time.Time) time.Time {
	if clock == nil {
		clock = s.server.config.Now
	}
	return clock()
}

// deadline gives the client until then, or a sixteenth less (Java's clients give
// up an idle connection after 9 of the 10 minutes, and are to be the first); real time, whatever
// the clock of the stack says. Setting one costs as much as a small request, so
// that one that will do is left.
func (s *session) deadline(d time.Duration) {
	until := time.Now().Add(d)
	if s.readUntil.After(until) || s.readUntil.Before(until.Add(-d/16)) {
		s.readUntil = until
		_ = s.conn.SetReadDeadline(until)
	}
}

// Write sends bytes to the client, which has at least half of the time of a
// frame to take them. TLS may write while it reads, and fails for good when that
// is late, so that its deadline is taken back.
func (s *session) Write(b []byte) (int, error) {
	now, d := time.Now(), s.server.config.FrameTimeout
	if _, ok := s.conn.(*tls.Conn); ok {
		_ = s.conn.SetWriteDeadline(now.Add(d))
		defer func() { _ = s.conn.SetWriteDeadline(time.Time{}) }()
	} else if s.writeUntil.Before(now.Add(d / 2)) {
		s.writeUntil = now.Add(d)
		_ = s.conn.SetWriteDeadline(s.writeUntil)
	}
	return s.conn.Write(b)
}

// next reads on to the next request that is for the cluster to answer, and
// leaves it, with its size, in s.in. What is for the front to answer is
// answered. The request counts as in flight unless it has no response.
func (s *session) next(ctx context.Context) (forwarded, error) {
	for {
		f, err := s.peek()
		if err != nil {
			return f, err
		}
		if f.key == keySaslHandshake || f.key == keySaslAuthenticate {
			if err := s.afterwards(ctx, f); err != nil {
				return f, err
			}
			continue
		}
		if s.expired() {
			return f, errExpired
		}
		if f.key == keyAPIVersions {
			if err := s.answerVersions(f); err != nil {
				return f, err
			}
			continue
		}
		served, err := s.serves(ctx)
		if err != nil {
			return f, err
		}
		if !served.has(f.header) {
			return f, fmt.Errorf("API key %d in version %d is not served here", f.key, f.version)
		}
		if f.key == keyProduce {
			if f.silent, err = s.unacknowledged(f); err != nil {
				return f, err
			}
		}
		if !f.silent {
			s.flight.add()
		}
		return f, nil
	}
}

// forwarded is a request on its way to the cluster.
type forwarded struct {
	header
	size   int  // of the frame, without the four bytes of its size
	silent bool // it has no response: a produce with acks=0
}

// counted is how many the request itself is among those in flight.
func (f forwarded) counted() int {
	if f.silent {
		return 0
	}
	return 1
}

// peek looks at the header of the next request.
func (s *session) peek() (forwarded, error) {
	s.deadline(s.server.config.IdleTimeout)
	b, err := s.in.Peek(4)
	if err != nil {
		return forwarded{}, err
	}
	f := forwarded{size: int(int32(binary.BigEndian.Uint32(b)))}
	if f.size < minFrame || f.size > maxFrame {
		return f, fmt.Errorf("a frame of %d bytes, want %d to %d", f.size, minFrame, maxFrame)
	}
	if s.in.Buffered() < 4+f.size {
		s.deadline(s.server.config.FrameTimeout)
	}
	if b, err = s.in.Peek(4 + minFrame); err != nil {
		return f, err
	}
	f.header = parseHeader(b[4:])
	return f, nil
}

// read takes the request that peek has seen.
func (s *session) read(f forwarded) (request, error) {
	frame, err := readFrame(s.in, minFrame, f.size)
	if err != nil {
		return request{}, err
	}
	return parseRequest(frame)
}

// Since when a produce request has a transactional id before its
// acks, and since when it is flexible.
const (
	produceTransactional = 3
	produceFlexible      = 9
)

// unacknowledged reads the acks of a produce request without taking it.
func (s *session) unacknowledged(f forwarded) (bool, error) {
	for n := min(256, 4+f.size); ; n = min(2*n, 4+f.size) {
		b, err := s.in.Peek(n)
		if err != nil {
			return false, err // bufio.ErrBufferFull: no client's id is that long
		}
		in := kbin.Reader{Src: b[4+minFrame:]}
		in.NullableString()
		if f.version >= produceFlexible {
			skipTags(&in)
			in.CompactNullableString()
		} else if f.version >= produceTransactional {
			in.NullableString()
		}
		if acks := in.Int16(); in.Complete() == nil {
			return acks == 0, nil
		}
		if n == 4+f.size {
			return false, errMalformed
		}
	}
}

// expired says whether only a new login may come now. Like Kafka, it cuts at
// the first request after the end, not before one comes.
func (s *session) expired() bool {
	return !s.login.expires.IsZero() && !s.now().Before(s.login.expires)
}

// answerVersions answers ApiVersions of a client that is logged in.
func (s *session) answerVersions(f forwarded) error {
	r, err := s.read(f)
	if err != nil && (r.body == nil || errors.Is(err, errMalformed)) {
		return err
	}
	if err := s.settle(0); err != nil {
		return err
	}
	response, _, err := s.apiVersions(r)
	if err != nil {
		return err
	}
	return s.write(r.header, response)
}

// write answers a request of the client.
func (s *session) write(h header, body kmsg.Response) error {
	return s.send(appendResponse(nil, h.correlationID, body))
}

// answer answers a request in the cluster's place, in its turn.
func (s *session) answer(f forwarded, body kmsg.Response) error {
	if err := s.settle(f.counted()); err != nil {
		return err
	}
	err := s.write(f.header, body)
	s.flight.done()
	return err
}

func (s *session) send(b []byte) error {
	_, err := s.Write(b)
	return err
}

// flight counts the requests that the cluster has not answered yet.
type flight struct {
	mu      sync.Mutex
	landed  *sync.Cond
	n       int
	aborted bool
}

func (f *flight) add() {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
}

// done is for a response that the client has got.
func (f *flight) done() {
	f.mu.Lock()
	f.n--
	if f.landed != nil {
		f.landed.Broadcast()
	}
	f.mu.Unlock()
}

// abort is for a connection whose responses will not come.
func (f *flight) abort() {
	f.mu.Lock()
	f.aborted = true
	if f.landed != nil {
		f.landed.Broadcast()
	}
	f.mu.Unlock()
}

// settle waits until no more than n are in flight. Nothing is read from the
// client meanwhile, not even that it goes, so that a cluster which does not
// answer has no longer than a client that says nothing.
func (s *session) settle(n int) error {
	return s.flight.settle(n, s.server.config.IdleTimeout)
}

// settle returns when no more than n are in flight. Its error is errOver, for a
// connection whose responses will not come, or errUnanswered.
func (f *flight) settle(n int, within time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.landed == nil {
		f.landed = sync.NewCond(&f.mu)
	}
	late := false
	if f.n > n && !f.aborted {
		defer time.AfterFunc(within, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			late = true
			f.landed.Broadcast()
		}).Stop()
	}
	for f.n > n && !f.aborted && !late {
		f.landed.Wait()
	}
	switch {
	case f.aborted:
		return errOver
	case f.n > n:
		return errUnanswered
	}
	return nil
}
