package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/validator"
)

// FuzzClientMessage compares the parser with the grammar as expressions, and
// what it reads with what it reads of that written again.
func FuzzClientMessage(f *testing.F) {
	f.Add([]byte(saslMessage("a.b.c")))
	f.Fuzz(func(t *testing.T, message []byte) {
		got, err := parseClientMessage(message)
		token, ok := inGrammar(string(message))
		if ok != (err == nil) || ok && token != got.token {
			t.Fatalf("%q: the token is %q (%v), and %q (%v) by the grammar", message, got.token, err, token, ok)
		}
		if err != nil {
			return
		}
		again, err := parseClientMessage([]byte(got.encoded()))
		if err != nil || !again.equal(got) {
			t.Errorf("%q is %+v, and written again %+v (%v)", message, got, again, err)
		}
	})
}

// FuzzFrame reads bytes as strangers' frames and as requests: no panic, nothing
// read beyond a frame, and no more memory than the frame has.
func FuzzFrame(f *testing.F) {
	f.Add(headed(keyAPIVersions, 3, 1, 0, 2, 'a', 2, '1', 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := bufio.NewReader(bytes.NewReader(b))
		frame, err := readFrame(in, minFrame, maxLoginFrame)
		if err == nil {
			size := int(binary.BigEndian.Uint32(b))
			rest, _ := io.ReadAll(in)
			if !bytes.Equal(frame, b[4:4+size]) || !bytes.Equal(rest, b[4+size:]) {
				t.Fatalf("the frame of %x is %x, with %x left", b, frame, rest)
			}
			if _, ours := own[parseHeader(frame).key]; ours { // what is read of strangers
				fuzzRequest(t, frame)
			}
		} else if cap(frame) > 2*len(b)+512 {
			t.Fatalf("%d bytes took %d", len(b), cap(frame))
		}
		fuzzProduce(t, b)
	})
}

// fuzzRequest: what can be read can be written, and read again as the same.
func fuzzRequest(t *testing.T, frame []byte) {
	r, err := parseRequest(frame)
	if err != nil {
		return
	}
	again, err := parseRequest(appendRequest(nil, r.header, r.clientID, r.body)[4:])
	if err != nil || again.header != r.header {
		t.Fatalf("%x is %+v, and written again %+v (%v)", frame, r, again, err)
	}
	if a, b := r.body.AppendTo(nil), again.body.AppendTo(nil); !bytes.Equal(a, b) {
		t.Fatalf("%x is %x, and written again %x", frame, a, b)
	}
}

// fuzzProduce: acks are those that kmsg has written, and in versions without
// tags, over which it takes minutes, those that it reads. Nothing is taken from
// the reader.
func fuzzProduce(t *testing.T, b []byte) {
	if len(b) < 4+minFrame || len(b) > 4096 {
		return
	}
	b = framed(b[4:])
	h := parseHeader(b[4:])
	got, err := acksOf(t, b, h.version&0xf)
	binary.BigEndian.PutUint16(b[4:], keyProduce)
	binary.BigEndian.PutUint16(b[6:], uint16(h.version&0xf))
	if h.version&0xf < produceFlexible {
		if r, bad := parseRequest(b[4:]); bad == nil {
			if want := r.body.(*kmsg.ProduceRequest).Acks == 0; err != nil || got != want {
				t.Fatalf("%x: without acks %v (%v), want %v", b, got, err, want)
			}
		}
	}
	written := kmsg.NewPtrProduceRequest()
	written.Version, written.Acks = h.version&0xf%(mostProduce+1), int16(b[8]%2)
	name := string(b[9:])
	written.TransactionID = &name
	whole := appendRequest(nil, h, &name, written)
	if got, err := acksOf(t, whole, written.Version); len(whole) < 4096 && (err != nil || got != (written.Acks == 0)) {
		t.Fatalf("%x: without acks %v (%v), want %v", whole, got, err, written.Acks == 0)
	}
}

// acksOf looks at the acks of a produce, and says whether it has none.
func acksOf(t *testing.T, b []byte, version int16) (bool, error) {
	x := &session{server: &Server{}, in: bufio.NewReader(bytes.NewReader(b)), conn: silentConn{}}
	x.server.config.IdleTimeout, x.server.config.FrameTimeout = time.Hour, time.Hour
	h, err := x.peek()
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	h.key, h.version = keyProduce, version
	silent, err := x.unacknowledged(h)
	if left, _ := io.ReadAll(x.in); !bytes.Equal(left, b) {
		t.Fatalf("%x was taken from, %x is left", b, left)
	}
	return silent, err
}

// silentConn is a connection that has nothing but deadlines.
type silentConn struct{ net.Conn }

func (silentConn) SetReadDeadline(time.Time) error { return nil }

// oneCluster stands in for a cluster, and counts who enters.
type oneCluster struct {
	mu      sync.Mutex
	entered []login
}

func (c *oneCluster) versions(context.Context, *front) (versions, error) {
	return newVersions(kmsg.ApiVersionsResponse{}, nil), nil
}

func (c *oneCluster) fronts(l Listener) ([]*front, error) {
	return []*front{{listener: l.Listener}}, nil
}

func (c *oneCluster) enter(_ context.Context, _ *session, l login) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entered = append(c.entered, l)
	return nil
}

func (c *oneCluster) carry(context.Context, *session) error { return errOver }
func (c *oneCluster) refresh(context.Context) error         { return nil }
func (c *oneCluster) close()                                {}

// FuzzLogin sends whatever: nobody is in without the one token that may, and no
// answer but the last is a success.
func FuzzLogin(f *testing.F) {
	const token = "the-one-token"
	f.Add(slices.Concat(headed(keyAPIVersions, 0, 1), headed(keySaslHandshake, 1, 2, []byte("\x00\x0bOAUTHBEARER")...),
		headed(keySaslAuthenticate, 0, 3, append([]byte{0, 0, 0, byte(len(saslMessage(token)))}, saslMessage(token)...)...)))
	f.Fuzz(func(t *testing.T, sent []byte) {
		cluster := &oneCluster{}
		decided := 0
		s := &Server{behind: cluster, open: map[*session]struct{}{}, strangers: strangers{most: 10}}
		s.lifetime, s.stop = context.WithCancel(context.Background())
		defer s.stop()
		s.log, s.config = slog.New(slog.DiscardHandler), Config{Now: time.Now, Logger: slog.New(slog.DiscardHandler), LoginTimeout: loginPatience, FrameTimeout: loginPatience, IdleTimeout: loginPatience,
			Decide: func(_ context.Context, a Attempt) Verdict {
				if a.Request.Token != token {
					return Verdict{Decision: refusedAt(validator.CheckSignature)}
				}
				decided++
				return Verdict{Decision: allowed("User:pool-a", time.Time{}, "pool-a")}
			}}
		client, conn := net.Pipe()
		var received bytes.Buffer
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(&received, client)
		}()
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			_, _ = client.Write(sent)
			_ = client.Close()
		}()
		s.handle(&front{}, conn)
		<-wrote
		<-read
		if n := len(cluster.entered); n != int(s.Logins()) || n > decided || n > 0 && !bytes.Contains(sent, []byte(token)) {
			t.Fatalf("%d have entered, %d logins, %d decisions, for %q", n, s.Logins(), decided, sent)
		}
		if strings.Contains(received.String(), token) {
			t.Fatalf("the answer has the token: %q", received.String())
		}
	})
}

func TestFuzzSeedsAreThere(t *testing.T) {
	for target, least := range map[string]int{"FuzzClientMessage": 12, "FuzzFrame": 12, "FuzzLogin": 8} {
		seeds, err := os.ReadDir("testdata/fuzz/" + target)
		if err != nil || len(seeds) < least {
			t.Errorf("%s has %d seeds (%v), want %d or more", target, len(seeds), err, least)
		}
	}
}
