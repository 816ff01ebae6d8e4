package kafkabroker

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sniffer keeps all that clients send and receive.
type sniffer struct {
	mu    sync.Mutex
	conns []*sniffed
}

type sniffed struct {
	net.Conn
	of             *sniffer
	sent, received []byte
}

// option makes a client be listened to.
func (s *sniffer) option() kgo.Opt {
	return kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conns = append(s.conns, &sniffed{Conn: conn, of: s})
		return s.conns[len(s.conns)-1], nil
	})
}

// dialed is how many connections there have been.
func (s *sniffer) dialed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *sniffed) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.received = append(s.received, b[:n]...)
	return n, err
}

func (s *sniffed) Write(b []byte) (int, error) {
	s.of.mu.Lock()
	s.sent = append(s.sent, b...)
	s.of.mu.Unlock()
	return s.Conn.Write(b)
}

// frames are the whole ones at the beginning of a stream.
func frames(stream []byte) (all [][]byte) {
	for len(stream) >= 4 {
		size := int(binary.BigEndian.Uint32(stream))
		if len(stream) < 4+size {
			break
		}
		all = append(all, stream[4:4+size])
		stream = stream[4+size:]
	}
	return all
}

// requests are how many there were of each API key.
func (s *sniffer) requests() map[int16]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[int16]int{}
	for _, conn := range s.conns {
		for _, f := range frames(conn.sent) {
			n[int16(binary.BigEndian.Uint16(f))]++
		}
	}
	return n
}

// responses are those of one API key, decoded.
func (s *sniffer) responses(t *testing.T, key int16) (all []kmsg.Response) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.conns {
		versions := map[uint32]int16{}
		for _, f := range frames(conn.sent) {
			if int16(binary.BigEndian.Uint16(f)) == key {
				versions[binary.BigEndian.Uint32(f[4:])] = int16(binary.BigEndian.Uint16(f[2:]))
			}
		}
		for _, f := range frames(conn.received) {
			version, ok := versions[binary.BigEndian.Uint32(f)]
			if !ok {
				continue
			}
			r := kmsg.ResponseForKey(key)
			r.SetVersion(version)
			in := kbin.Reader{Src: f[4:]}
			if r.IsFlexible() {
				kmsg.SkipTags(&in)
			}
			if err := r.ReadFrom(in.Src); err != nil {
				t.Fatalf("API key %d, version %d: %v", key, version, err)
			}
			all = append(all, r)
		}
	}
	return all
}

// noLeak fails when any byte that was received is of an address of the cluster:
// its host, or one of its ports as text or behind the host that stands in.
func (s *sniffer) noLeak(t *testing.T, c *Cluster) {
	t.Helper()
	ports := map[int]bool{}
	for _, n := range c.nodes {
		for _, port := range n.ports {
			ports[port] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) == 0 {
		t.Error("nothing was listened to")
	}
	for _, conn := range s.conns {
		if at := bytes.Index(conn.received, []byte(host)); at >= 0 {
			t.Errorf("a client is told the cluster's host: %q", conn.received[max(0, at-40):min(len(conn.received), at+40)])
		}
		for port := range ports {
			if bytes.Contains(conn.received, []byte(":"+strconv.Itoa(port))) {
				t.Errorf("a client is told port %d of the cluster", port)
			}
		}
		const advertised = "localhost"
		rest := conn.received
		for {
			at := bytes.Index(rest, []byte(advertised))
			if at < 0 || len(rest) < at+len(advertised)+4 {
				break
			}
			rest = rest[at+len(advertised):]
			if port := int(binary.BigEndian.Uint32(rest)); ports[port] {
				t.Errorf("a client is told port %d of the cluster as that of %s", port, advertised)
			}
		}
	}
}
