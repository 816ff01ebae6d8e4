package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The API keys of the requests that brokers are asked here.
const (
	keyMetadata   = 3
	keyListGroups = 16
	keyNothing    = -1 // as soon as there is a connection
	keyNone       = -2 // never
)

// fakeBroker is a broker of the test's own, which does something wrong when it
// is asked for one thing.
type fakeBroker struct {
	net.Listener
	running sync.WaitGroup

	mu      sync.Mutex
	conns   []net.Conn
	brokers []*fakeBroker // of its cluster
	at      int16         // the API key of what it does wrong
	wrong   func(conn net.Conn, h header)
}

func startBroker(t *testing.T) *fakeBroker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeBroker{Listener: l, at: keyNone}
	b.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.conns = append(b.conns, conn)
			b.mu.Unlock()
			b.running.Go(func() { b.serve(conn) })
		}
	})
	return b
}

// is makes the broker one of a cluster, with something that it does wrong.
func (b *fakeBroker) is(at int16, wrong func(net.Conn, header), of ...*fakeBroker) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.brokers, b.at, b.wrong = of, at, wrong
}

func (b *fakeBroker) stop() {
	_ = b.Close()
	b.mu.Lock()
	for _, conn := range b.conns {
		_ = conn.Close()
	}
	b.mu.Unlock()
	b.running.Wait()
}

func (b *fakeBroker) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	b.mu.Lock()
	brokers, at, wrong := b.brokers, b.at, b.wrong
	b.mu.Unlock()
	if at == keyNothing {
		wrong(conn, header{})
		return
	}
	in := bufio.NewReader(conn)
	for {
		frame, err := readFrame(in, minFrame, maxFrame)
		if err != nil {
			return
		}
		r, err := parseRequest(frame)
		if err != nil {
			return
		}
		if r.key == at {
			wrong(conn, r.header)
			return
		}
		if _, err := conn.Write(appendResponse(nil, r.correlationID, answerFrom(brokers, r.body))); err != nil {
			return
		}
	}
}

// answerFrom is the right answer of a cluster.
func answerFrom(brokers []*fakeBroker, request kmsg.Request) kmsg.Response {
	response := request.ResponseKind()
	switch r := response.(type) {
	case *kmsg.ApiVersionsResponse:
		r.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: keyMetadata, MaxVersion: 12}, {ApiKey: keyListGroups, MaxVersion: 4}}
	case *kmsg.MetadataResponse:
		for i, other := range brokers {
			host, port, _ := net.SplitHostPort(other.Addr().String())
			number, _ := strconv.Atoi(port)
			r.Brokers = append(r.Brokers, kmsg.MetadataResponseBroker{NodeID: int32(i), Host: host, Port: int32(number)})
		}
	}
	return response
}

// The ways to be wrong.
func closeAtOnce(net.Conn, header) {}

func noise(conn net.Conn, _ header) {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(rand.New(rand.NewPCG(7, uint64(i))).Uint32())
	}
	_, _ = conn.Write(b)
	_, _ = io.Copy(io.Discard, conn)
}

// claim sends the beginning of a response that says it has a size.
func claim(size uint32, correction int32, body string) func(net.Conn, header) {
	return func(conn net.Conn, h header) {
		b := binary.BigEndian.AppendUint32(nil, size)
		b = binary.BigEndian.AppendUint32(b, uint32(h.correlationID+correction))
		_, _ = conn.Write(append(b, body...))
		if int(size) > len(body)+4 {
			return // in the middle of it
		}
		_, _ = io.Copy(io.Discard, conn)
	}
}

func silence(conn net.Conn, _ header) { _, _ = io.Copy(io.Discard, conn) }

// rightThenUnasked answers, and then once more.
func rightThenUnasked(conn net.Conn, h header) {
	r := kmsg.NewPtrListGroupsResponse()
	r.Version = 4
	b := appendResponse(nil, h.correlationID, r)
	_, _ = conn.Write(append(b, b...))
	_, _ = io.Copy(io.Discard, conn)
}

// lockedLog is a log that a test reads while it is written.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const faultPassword = "pass-of-the-front"

// startFront is a gateway before a broker that is right, with User for all.
func startFront(t *testing.T, bootstrap []string, log io.Writer) (s *Server, address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err = New(Config{
		Decide: func(context.Context, Attempt) Verdict {
			return Verdict{Decision: allowed("User:pool-dev", time.Time{}, "pool-dev")}
		},
		AllowAll:   true,
		Advertised: l.Addr().String(),
		Upstream:   &Upstream{Bootstrap: bootstrap, Mechanism: "PLAIN", User: User{"front", faultPassword}},
		Logger:     slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	return s, l.Addr().String()
}

// rawClient is a client that does what it is told to.
type rawClient struct {
	t *testing.T
	net.Conn
}

func dialFront(t *testing.T, address string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return &rawClient{t, conn}
}

func (c *rawClient) logIn() error {
	versions := kmsg.NewPtrApiVersionsRequest()
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, "OAUTHBEARER"
	authenticate := kmsg.NewPtrSASLAuthenticateRequest()
	authenticate.SASLAuthBytes = []byte("n,,\x01auth=Bearer x\x01logicalCluster=lkc-acme\x01\x01")
	for _, request := range []kmsg.Request{versions, handshake, authenticate} {
		if _, err := ask(c, request); err != nil {
			return err
		}
	}
	return nil
}

func (c *rawClient) metadata() (*kmsg.MetadataResponse, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Version = 9
	response, err := ask(c, request)
	if err != nil {
		return nil, err
	}
	return response.(*kmsg.MetadataResponse), nil
}

func (c *rawClient) listGroups() error {
	request := kmsg.NewPtrListGroupsRequest()
	request.Version = 4
	_, err := ask(c, request)
	return err
}

// TestGatewayBeforeABrokerThatIsWrong: whatever one broker does, its client's
// connection is closed, the log says why, and the clients of the other broker do
// not notice.
func TestGatewayBeforeABrokerThatIsWrong(t *testing.T) {
	const unknown, unreached = "the cluster does not say what it serves", "the cluster cannot be reached as the client's user"
	const front = `user \"front\" of kafka.upstream.user`
	const noResponse = "no response to what it was asked"
	for _, tt := range []struct {
		reason string
		at     int16
		wrong  func(net.Conn, header)
		want   []string
	}{
		{"closes at once", keyNothing, closeAtOnce, []string{unknown}},
		{"sends noise at once", keyNothing, noise, []string{unknown, "no response of Kafka's"}},
		{"is silent at once", keyNothing, silence, []string{unknown, "timeout"}},
		{"closes at ApiVersions", keyAPIVersions, closeAtOnce, []string{unknown, "EOF"}},
		{"answers ApiVersions of another", keyAPIVersions, claim(10, 1, "123456"), []string{unknown, "no response of Kafka's"}},
		{"answers ApiVersions with noise", keyAPIVersions, claim(10, 0, "\x00\x00\x7f\xff\xff\xff"), []string{unknown, "malformed"}},
		{"says that ApiVersions are huge", keyAPIVersions, claim(0x7fffffff, 0, "123"), []string{unknown, "no response of Kafka's"}},
		{"ends within ApiVersions", keyAPIVersions, claim(100, 0, "123"), []string{unknown, "EOF"}},
		{"closes at the handshake", keySaslHandshake, closeAtOnce, []string{unreached, front, "EOF"}},
		{"answers the handshake with noise", keySaslHandshake, noise, []string{unreached, front, "no response of Kafka's"}},
		{"is silent at the login", keySaslAuthenticate, silence, []string{unreached, front, "timeout"}},
		{"ends within the login", keySaslAuthenticate, claim(100, 0, "123"), []string{unreached, front, "EOF"}},
		{"closes at a request", keyListGroups, closeAtOnce, []string{"the cluster closed the connection: EOF"}},
		{"sends noise for a response", keyListGroups, noise, []string{noResponse}},
		{"ends within a response", keyListGroups, claim(100, 0, "123"), []string{"the cluster closed the connection: EOF"}},
		{"answers another request", keyListGroups, claim(10, 1, "123456"), []string{noResponse}},
		{"says that a response is huge", keyListGroups, claim(0x7fffffff, 0, "123"), []string{noResponse}},
		{"says that a response is negative", keyListGroups, claim(0xffffffff, 0, "123"), []string{noResponse}},
		{"says that a response has no room for its id", keyListGroups, claim(3, 0, "123"), []string{noResponse}},
		{"answers twice", keyListGroups, rightThenUnasked, []string{"the cluster answered what it was not asked"}},
		{"ends within a response with addresses", keyMetadata, claim(1<<30, 0, "123"), []string{"the cluster closed the connection: EOF"}},
		{"answers with noise for addresses", keyMetadata, claim(24, 0, "\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), []string{"the cluster's answer to API key 3", "malformed"}},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			before := runtime.NumGoroutine()
			good, bad := startBroker(t), startBroker(t)
			good.is(keyNone, nil, good, bad)
			bad.is(tt.at, tt.wrong, good, bad)
			var log lockedLog
			s, address := startFront(t, []string{good.Addr().String()}, &log)
			if slices.Contains(tt.want, "timeout") {
				s.behind.(*gateway).patience = soon
			}

			other := dialFront(t, address)
			if err := other.logIn(); err != nil {
				t.Fatal(err)
			}
			told, err := other.metadata()
			if err != nil {
				t.Fatal(err)
			}
			victim := dialFront(t, net.JoinHostPort(told.Brokers[1].Host, strconv.Itoa(int(told.Brokers[1].Port))))
			closed := make(chan error, 1)
			go func() { closed <- victim.useAll() }()
			for range 3 { // while the victim waits
				if _, err := other.metadata(); err != nil {
					t.Errorf("the client of the other broker: %v", err)
				}
			}
			if err := <-closed; err == nil || strings.Contains(err.Error(), "timeout") {
				t.Errorf("the client gets %v, want that the connection is closed", err)
			}
			if _, err := other.metadata(); err != nil {
				t.Errorf("the client of the other broker, afterwards: %v", err)
			}
			awaitText(t, &log, tt.want...)
			if strings.Contains(log.String(), faultPassword) || strings.Contains(log.String(), "the client was silent") {
				t.Errorf("the log has the password, or blames the client:\n%s", &log)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			good.stop()
			bad.stop()
			awaitGoroutines(t, before)
		})
	}
}

// useAll does what reaches every fault; the last of it is for what comes
// unasked.
func (c *rawClient) useAll() error {
	if err := c.logIn(); err != nil {
		return err
	}
	if _, err := c.metadata(); err != nil {
		return err
	}
	if err := c.listGroups(); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	return err
}

// awaitText waits until the log has a line with everything that is wanted.
func awaitText(t *testing.T, log *lockedLog, want ...string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		for line := range strings.Lines(log.String()) {
			all := true
			for _, w := range want {
				all = all && strings.Contains(line, w)
			}
			if all {
				return
			}
		}
	}
	t.Errorf("no line has %q:\n%s", want, log)
}

// awaitGoroutines waits until there are no more than before.
func awaitGoroutines(t *testing.T, before int) {
	t.Helper()
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return
		}
	}
	stacks := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}

// TestGatewayBeforeASilentCluster: Close does not wait for a broker, and a
// second address stands in for one that is silent.
func TestGatewayBeforeASilentCluster(t *testing.T) {
	before := runtime.NumGoroutine()
	silent, good := startBroker(t), startBroker(t)
	silent.is(keyNothing, silence)
	good.is(keyNone, nil, good)
	t.Run("the second address", func(t *testing.T) {
		var log lockedLog
		s, address := startFront(t, []string{silent.Addr().String(), good.Addr().String()}, &log)
		s.behind.(*gateway).patience = soon
		c := dialFront(t, address)
		if err := c.logIn(); err != nil {
			t.Fatalf("%v\n%s", err, &log)
		}
		if _, err := c.metadata(); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("Close", func(t *testing.T) {
		var log lockedLog
		s, address := startFront(t, []string{silent.Addr().String()}, &log)
		s.behind.(*gateway).patience = time.Hour
		before := silent.met()
		closed := make(chan error, 3)
		for range cap(closed) {
			c := dialFront(t, address)
			go func() { closed <- c.logIn() }()
		}
		for silent.met() == before {
			time.Sleep(time.Millisecond)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for range cap(closed) {
			if err := <-closed; err == nil || strings.Contains(err.Error(), "timeout") {
				t.Errorf("a client gets %v, want that its connection is closed", err)
			}
		}
	})
	silent.stop()
	good.stop()
	awaitGoroutines(t, before)
}

// met is how many connections have come.
func (b *fakeBroker) met() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

// TestGatewayWhoseClientGoes: a client that leaves while its broker is silent
// leaves nothing behind.
func TestGatewayWhoseClientGoes(t *testing.T) {
	good := startBroker(t)
	good.is(keyListGroups, silence, good)
	var log lockedLog
	s, address := startFront(t, []string{good.Addr().String()}, &log)
	before := runtime.NumGoroutine()
	c := dialFront(t, address)
	if err := c.logIn(); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if err := c.listGroups(); err == nil {
		t.Fatal("the broker has answered")
	}
	_ = c.Close()
	awaitGoroutines(t, before)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	good.stop()
}

// TestGatewayThatWaitsForItsBroker: a client that wants something of the front
// while its broker is silent was there until either was closed, also when it had
// gone itself.
func TestGatewayThatWaitsForItsBroker(t *testing.T) {
	good := startBroker(t)
	good.is(keyListGroups, silence, good)
	var log lockedLog
	s, address := startFront(t, []string{good.Addr().String()}, &log)
	s.config.IdleTimeout = soon
	before := runtime.NumGoroutine()
	c := dialFront(t, address)
	if err := c.logIn(); err != nil {
		t.Fatal(err)
	}
	for _, request := range []kmsg.Request{&kmsg.ListGroupsRequest{Version: 4}, kmsg.NewPtrApiVersionsRequest()} {
		if _, err := c.Write(appendRequest(nil, header{key: request.Key(), version: request.GetVersion(), correlationID: 9}, nil, request)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := io.ReadAll(c); err != nil || len(b) > 0 {
		t.Errorf("got %x (%v), want that the connection is closed", b, err)
	}
	_ = c.Close()
	awaitGoroutines(t, before)
	awaitText(t, &log, errUnanswered.Error())
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	good.stop()
}

// TestGatewayWithoutAnUpstream: nobody is logged in by a cluster that is not
// there, and the log says where it was looked for.
func TestGatewayWithoutAnUpstream(t *testing.T) {
	gone := addressOfNobody(t)
	var log lockedLog
	s, address := startFront(t, []string{gone}, &log)
	if err := dialFront(t, address).logIn(); err == nil {
		t.Error("logged in")
	}
	awaitText(t, &log, "the cluster does not say what it serves", gone, "connection refused")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestGatewayHidesAddressesOfSettings: they are addresses as well.
func TestGatewayHidesAddressesOfSettings(t *testing.T) {
	value := func() *string { v := "PLAINTEXT://10.0.0.1:9092"; return &v }
	config := func(name string) kmsg.DescribeConfigsResponseResourceConfig {
		return kmsg.DescribeConfigsResponseResourceConfig{Name: name, Value: value(),
			ConfigSynonyms: []kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{{Name: name, Value: value()}}}
	}
	r := &kmsg.DescribeConfigsResponse{Resources: []kmsg.DescribeConfigsResponseResource{{
		ResourceType: kmsg.ConfigResourceTypeBroker,
		Configs:      []kmsg.DescribeConfigsResponseResourceConfig{config("advertised.listeners"), config("log.dirs")},
	}}}
	if !rewritten(header{key: r.Key()}) || !rewrite(r, nil) {
		t.Fatal("not rewritten")
	}
	hidden, shown := r.Resources[0].Configs[0], r.Resources[0].Configs[1]
	if hidden.Value != nil || hidden.ConfigSynonyms[0].Value != nil || !hidden.IsSensitive {
		t.Errorf("advertised.listeners: %+v", hidden)
	}
	if shown.Value == nil || shown.IsSensitive {
		t.Errorf("log.dirs: %+v", shown)
	}
}

// FuzzGatewayResponse: a response of the cluster's is refused, or goes on
// without an address of its own, in a form that can be read again.
func FuzzGatewayResponse(f *testing.F) {
	const real = "kafka-1.internal"
	keys := []int16{0, 1, 3, 10, 32, 60, 78, 79}
	for _, key := range keys {
		for version := range kmsg.ResponseForKey(key).MaxVersion() + 1 {
			r := kmsg.ResponseForKey(key)
			r.SetVersion(version)
			fill(reflect.ValueOf(r).Elem(), real, 0)
			f.Add(uint8(key), uint8(version), appendResponse(nil, 1, r)[8:])
		}
	}
	f.Fuzz(func(t *testing.T, key, version uint8, body []byte) {
		h := header{key: int16(key), version: int16(version)}
		response := kmsg.ResponseForKey(h.key)
		if response == nil || !slices.Contains(keys, h.key) || h.version > response.MaxVersion() {
			return
		}
		response.SetVersion(h.version)
		if parseResponse(response, body) != nil {
			return
		}
		rewrite(response, func(_ int32, host string, port int32) (string, int32) {
			if host == "" {
				return host, port
			}
			return "localhost", 1
		})
		again := kmsg.ResponseForKey(h.key)
		again.SetVersion(h.version)
		if err := parseResponse(again, appendResponse(nil, 1, response)[8:]); err != nil {
			t.Fatal(err)
		}
		rewrite(again, func(id int32, host string, _ int32) (string, int32) {
			if host != "" && host != "localhost" {
				t.Errorf("broker %d is at %q", id, host)
			}
			return host, 0
		})
	})
}
