package broker

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/validator"
)

// joinRequest joins a group with protocols.
func joinRequest(version int16, protocols ...string) *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group, r.ProtocolType = version, "g", "consumer"
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 10_000, 10_000
	for _, name := range protocols {
		p := kmsg.NewJoinGroupRequestProtocol()
		p.Name = name
		r.Protocols = append(r.Protocols, p)
	}
	return r
}

// A client that is logged in could end the process: kfake panics when a member
// of a group names a protocol twice, or none in a group that has had members.
func TestJoinGroupThatKfakeDoesNotSurvive(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	c.login("good")
	join := func(version int16, protocols ...string) *kmsg.JoinGroupResponse {
		t.Helper()
		return c.ask(joinRequest(version, protocols...)).(*kmsg.JoinGroupResponse)
	}
	for version := int16(0); version <= 9; version++ {
		for _, protocols := range [][]string{{"range", "range"}, {"range", "x", "range"}, {}} {
			if got := code(join(version, protocols...).ErrorCode); got != "INCONSISTENT_GROUP_PROTOCOL" {
				t.Errorf("version %d, protocols %q: %s, want INCONSISTENT_GROUP_PROTOCOL", version, protocols, got)
			}
		}
	}
	first := join(3, "range", "x")
	if first.ErrorCode != 0 {
		t.Fatalf("a join as it should be: %s", code(first.ErrorCode))
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group, leave.MemberID = "g", first.MemberID
	if r := c.ask(leave).(*kmsg.LeaveGroupResponse); r.ErrorCode != 0 {
		t.Fatalf("leave: %s", code(r.ErrorCode))
	}
	if got := code(join(3).ErrorCode); got != "INCONSISTENT_GROUP_PROTOCOL" {
		t.Errorf("no protocols in a group that has had members: %s", got)
	}
	// The answer of the front comes after those of kfake.
	ids := []int32{c.send(metadataRequest()), c.send(joinRequest(3)), c.send(metadataRequest())}
	for i, r := range []kmsg.Response{metadataRequest().ResponseKind(), joinRequest(3).ResponseKind(), metadataRequest().ResponseKind()} {
		c.receive(ids[i], r)
	}
	c.login("good") // nothing is counted that is not in flight
	c.raw(headed(keyJoinGroup, 3, 1, 0, 1))
	c.closed()
}

// A client that is logged in could end the process: kfake panics on a produce
// to two topics by ids that it does not know.
func TestProduceThatKfakeDoesNotSurvive(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	for _, k := range c.ask(versionsRequest(3)).(*kmsg.ApiVersionsResponse).ApiKeys {
		if k.ApiKey == keyProduce && k.MaxVersion != mostProduce {
			t.Errorf("produce is served up to version %d, want %d", k.MaxVersion, mostProduce)
		}
	}
	c.login("good")
	r := produceRequest("", 1)
	r.Version = 13
	r.Topics = append(r.Topics, r.Topics[0])
	r.Topics[0].TopicID, r.Topics[1].TopicID = [16]byte{1}, [16]byte{2}
	c.send(r)
	c.closed()
	s.log.until(t, "API key 0 in version 13 is not served here")
}

// A client could fill the memory by one small request: kfake makes as many
// partitions as it is asked for.
func TestPartitionsBeyondMemory(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	c.login("good")
	for _, row := range []struct {
		each   []int32
		topics string
		want   string
	}{
		{[]int32{1<<31 - 1}, "a", "POLICY_VIOLATION"},
		{[]int32{1, mostPartitions}, "b", "POLICY_VIOLATION"},
		{[]int32{-1, mostPartitions + 1}, "c", "POLICY_VIOLATION"},
		{[]int32{-1, 2}, "d", "NONE"},
	} {
		create := kmsg.NewPtrCreateTopicsRequest()
		create.Version, create.TimeoutMillis = 5, 1000
		for i, n := range row.each {
			topic := kmsg.NewCreateTopicsRequestTopic()
			topic.Topic, topic.NumPartitions, topic.ReplicationFactor = row.topics+fmt.Sprint(i), n, 1
			create.Topics = append(create.Topics, topic)
		}
		for _, got := range c.ask(create).(*kmsg.CreateTopicsResponse).Topics {
			if code(got.ErrorCode) != row.want {
				t.Errorf("create %v: %s has %s, want %s", row.each, got.Topic, code(got.ErrorCode), row.want)
			}
		}
	}
	for version := int16(0); version <= 3; version++ {
		for count, want := range map[int32]string{1<<31 - 1: "POLICY_VIOLATION", int32(version) + 2: "NONE"} {
			more := kmsg.NewPtrCreatePartitionsRequest()
			more.Version, more.TimeoutMillis = version, 1000
			topic := kmsg.NewCreatePartitionsRequestTopic()
			topic.Topic, topic.Count = "orders", count
			more.Topics = append(more.Topics, topic)
			if got := code(c.ask(more).(*kmsg.CreatePartitionsResponse).Topics[0].ErrorCode); got != want {
				t.Errorf("version %d, %d partitions: %s, want %s", version, count, got, want)
			}
		}
	}
}

// stillServes says that somebody else can log in and produce.
func (s *loginServer) stillServes(t *testing.T) {
	t.Helper()
	c := s.dial(t)
	defer func() { _ = c.Close() }()
	c.login("good")
	if got := c.produce("orders"); got != "NONE" {
		t.Fatalf("produce: %s", got)
	}
}

// Whatever bytes follow the header of a request, of every API and version, the
// process goes on.
func TestMalformedBodies(t *testing.T) {
	s := newLoginServer(t, Config{})
	served := s.embedded(t).served
	random := mathrand.New(mathrand.NewPCG(1, 2))
	n := 0
	for _, k := range served.list {
		if k.ApiKey == keySaslHandshake || k.ApiKey == keySaslAuthenticate {
			continue
		}
		for version := k.MinVersion; version <= k.MaxVersion; version++ {
			body := kmsg.RequestForKey(k.ApiKey)
			body.SetVersion(version)
			if f, ok := body.(*kmsg.ProduceRequest); ok {
				f.Acks = 1
			}
			whole := appendRequest(nil, header{}, nil, body)[4:]
			cut := whole[:max(minFrame, random.IntN(len(whole)))]
			noise := append(slices.Clone(whole), make([]byte, random.IntN(40))...)
			for i := minFrame + 2; i < len(noise); i++ {
				noise[i] = byte(random.IntN(128)) // no number of tags that takes minutes
			}
			c := s.dial(t)
			c.login("good")
			c.raw(framed(cut))
			_ = c.SetReadDeadline(time.Now().Add(loginPatience))
			if _, err := c.Write(append(framed(noise), framed(whole)...)); err == nil {
				n++
			}
			_ = c.Close()
		}
	}
	if n < 100 {
		t.Errorf("%d requests were sent, want hundreds", n)
	}
	s.stillServes(t)
}

// What is no request of a client that is logged in ends its connection, and
// kfake, which would panic, does not see it.
func TestClosedAfterLogin(t *testing.T) {
	rows := []struct {
		name string
		then []byte
		log  string
	}{
		{"a key that Kafka does not have", headed(12345, 0, 1), "API key 12345 in version 0 is not served here"},
		{"a negative key", headed(-1, 0, 1), "API key -1 in version 0 is not served here"},
		{"the lowest key", headed(-1<<15, 0, 1), "API key -32768 in version 0 is not served here"},
		{"an unknown version", headed(3, 1000, 1), "API key 3 in version 1000 is not served here"},
		{"a negative version", headed(3, -1, 1), "API key 3 in version -1 is not served here"},
		{"an API among brokers", headed(4, 0, 1), "API key 4 in version 0 is not served here"},
		{"a change of the cluster's users", headed(51, 0, 1), "API key 51 in version 0 is not served here"},
		{"a frame of negative size", []byte{0x80, 0, 0, 0}, "a frame of -2147483648 bytes"},
		{"a frame over socket.request.max.bytes", []byte{0x06, 0x40, 0, 1}, "a frame of 104857601 bytes"},
		{"a frame without a header", framed([]byte{0, 3, 0, 9}), "a frame of 4 bytes"},
		{"a produce without acks", headed(0, 3, 1), "the request is malformed"},
		{"a produce of too many tags", headed(0, 9, 1, 0xff, 0xff, 0xff, 0xff, 0x0f), "the request is malformed"},
		{"an ApiVersions cut short", headed(keyAPIVersions, 3, 1, 0, 9), "the request is malformed"},
		{"a SaslHandshake of a size that no login has", binary.BigEndian.AppendUint32(nil, maxLoginFrame+1), "a SASL frame of 524289 bytes"},
	}
	s := newLoginServer(t, Config{})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if strings.HasPrefix(row.name, "a SaslHandshake") {
				row.then = append(row.then, headed(keySaslHandshake, 1, 1)[4:]...)
			}
			c := s.dial(t)
			c.login("good")
			c.raw(row.then)
			c.closed()
			s.log.until(t, row.log)
		})
	}
	s.stillServes(t)
}

// Half of something, and then nothing.
func TestSilence(t *testing.T) {
	handshake := func(c *saslClient) { c.handshake() }
	login := func(c *saslClient) { c.login("good") }
	rows := []struct {
		name   string
		before func(*saslClient)
		then   []byte
		config Config
	}{
		{"nothing", nil, nil, Config{LoginTimeout: 200 * time.Millisecond}},
		{"one byte", nil, []byte{0}, Config{LoginTimeout: 200 * time.Millisecond}},
		{"half of a size", nil, []byte{0, 0}, Config{LoginTimeout: 200 * time.Millisecond}},
		{"a size", nil, []byte{0, 0, 0, 20}, Config{LoginTimeout: 200 * time.Millisecond}},
		{"half of a request", nil, headed(keyAPIVersions, 0, 1)[:9], Config{LoginTimeout: 200 * time.Millisecond}},
		{"a large size before the token", handshake, []byte{0, 7, 0, 0, 'x'}, Config{LoginTimeout: soon}},
		{"half of a token", handshake, []byte{0, 0, 1, 0, 0, 36}, Config{LoginTimeout: soon}},
		{"no token", handshake, nil, Config{LoginTimeout: soon}},
		{"half of a TLS record", nil, []byte{tlsRecord, 3, 1, 2, 0, 1}, Config{LoginTimeout: 200 * time.Millisecond, TLS: serverTLS(t)}},
		{"half of a header after the login", login, []byte{0, 0, 0, 20, 0, 3}, Config{FrameTimeout: time.Second}},
		{"half of a request after the login", login, headed(3, 0, 1, 0, 0)[:17], Config{FrameTimeout: time.Second}},
		{"half of a produce after the login", login, append([]byte{0, 1, 0, 0}, headed(0, 3, 1, 0xff)[4:]...), Config{FrameTimeout: time.Second}},
		{"nothing after the login", login, nil, Config{IdleTimeout: 200 * time.Millisecond}},
		{"half of a size after the login", login, []byte{0, 0}, Config{IdleTimeout: 200 * time.Millisecond}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newLoginServer(t, row.config)
			c := s.dial(t)
			if row.before != nil {
				row.before(c)
			}
			for _, b := range row.then { // one at a time
				if _, err := c.Write([]byte{b}); err != nil {
					break // this machine is slower than the timeout
				}
			}
			c.closed()
		})
	}
}

// A client that sends a byte now and then has no longer than one that sends none.
func TestDrops(t *testing.T) {
	s := newLoginServer(t, Config{LoginTimeout: 300 * time.Millisecond})
	c := s.dial(t)
	c.raw([]byte{0, 1, 0, 0})
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := c.Write([]byte{0}); err != nil {
			break // closed
		}
		if time.Since(began) > loginPatience {
			t.Fatal("the client may drip for ever")
		}
	}
	s.log.until(t, "the client was silent for too long")
}

// A number of tags that is a lie kept a processor busy for minutes, for a client
// that nobody knew.
func TestTagsThatAreNotThere(t *testing.T) {
	lie := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	s := newLoginServer(t, Config{})
	rows := []struct {
		name      string
		handshake bool
		then      []byte
	}{
		{"of the header of ApiVersions", false, headed(keyAPIVersions, 3, 1, lie...)},
		{"of ApiVersions", false, headed(keyAPIVersions, 3, 1, append([]byte{0, 2, 'a', 2, '1'}, lie...)...)},
		{"of the header of SaslAuthenticate", true, headed(keySaslAuthenticate, 2, 1, lie...)},
		{"of SaslAuthenticate", true, headed(keySaslAuthenticate, 2, 1, append([]byte{0, 2, 'a'}, lie...)...)},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := s.dial(t)
			if row.handshake {
				c.handshake()
			}
			c.raw(row.then)
			c.closed()
		})
	}
}

// allocates is how many bytes are allocated meanwhile.
func allocates(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A request that a client that nobody knows sends in place of its token was
// decoded, and took many times the memory of its frame.
func TestRequestsOfStrangersAreNotDecoded(t *testing.T) {
	s := newLoginServer(t, Config{})
	topics := make([]byte, 500_000)
	binary.BigEndian.PutUint32(topics, uint32(len(topics)-4))
	for _, handshake := range []bool{true, false} {
		c := s.dial(t)
		if handshake {
			c.handshake()
		}
		got := allocates(func() {
			c.raw(headed(3, 4, 1, topics...))
			if handshake {
				c.frame() // error 34, where the response has a place for it
			}
			c.closed()
		})
		if got > 8<<20 {
			t.Errorf("after a handshake %v: a frame of 500 kB took %d kB", handshake, got>>10)
		}
	}
}

func TestLargeTokens(t *testing.T) {
	s := newLoginServer(t, Config{})
	large := strings.Repeat("a", 500_000)
	c := s.dial(t)
	c.handshake()
	got := allocates(func() {
		c.authenticate(saslMessage(large))
		c.refused(c.authenticate(separator), InvalidToken)
	})
	if got > 64<<20 {
		t.Errorf("a token of 500 kB took %d kB", got>>10)
	}
	if n := len(s.log.String()); n > 2000 {
		t.Errorf("the log has %d bytes of it", n)
	}
	s.knows(large, allowed("User:pool-a", time.Time{}, "pool-a"))
	c = s.dial(t)
	c.login(large)
	c.served()
}

func TestThousandExtensions(t *testing.T) {
	extensions := []string{"logicalCluster=lkc-acme"}
	for i := range 1000 {
		extensions = append(extensions, strings.Repeat("k", 1+i%100)+string(rune('a'+i/100))+"=v")
	}
	asked := make(chan validator.Request, 1)
	s := newLoginServer(t, Config{Decide: func(_ context.Context, a Attempt) Verdict {
		asked <- a.Request
		return Verdict{Decision: allowed("User:pool-a", time.Time{}, "pool-a")}
	}})
	c := s.dial(t)
	c.handshake()
	if r := c.authenticate(saslMessage("x", extensions...)); r.ErrorCode != 0 {
		t.Fatalf("error %d %s", r.ErrorCode, messageOf(r))
	}
	if n := len((<-asked).Extensions); n != 1001 {
		t.Errorf("%d extensions were decided about, want 1001", n)
	}
}

// serverTLS is a listener's configuration, with a certificate that nobody knows.
func serverTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"broker"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestTLSAndPlaintext(t *testing.T) {
	overTLS := func(t *testing.T, s *loginServer) (*saslClient, error) {
		c := s.dial(t)
		secure := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
		_ = c.SetDeadline(time.Now().Add(loginPatience))
		err := secure.Handshake()
		c.Conn = secure
		return c, err
	}
	t.Run("both at one port", func(t *testing.T) {
		s := newLoginServer(t, Config{TLS: serverTLS(t)})
		c, err := overTLS(t, s)
		if err != nil {
			t.Fatal(err)
		}
		c.login("good")
		c.served()
		s.stillServes(t)
	})
	t.Run("TLS where there is none", func(t *testing.T) {
		s := newLoginServer(t, Config{})
		if _, err := overTLS(t, s); err == nil {
			t.Error("the handshake succeeded")
		}
		s.log.until(t, "the client speaks TLS and the listener does not: set security.protocol to SASL_PLAINTEXT")
	})
	t.Run("plaintext where TLS is required", func(t *testing.T) {
		s := newLoginServer(t, Config{TLS: serverTLS(t), RequireTLS: true})
		c := s.dial(t)
		c.send(versionsRequest(3))
		c.closed()
		s.log.until(t, "the client does not speak TLS and the listener does: set security.protocol to SASL_SSL")
		if c, err := overTLS(t, s); err != nil {
			t.Error(err)
		} else {
			c.login("good")
		}
	})
	t.Run("a client that does not trust", func(t *testing.T) {
		s := newLoginServer(t, Config{TLS: serverTLS(t), TrustHelp: func() string { return "fetch the certificate here" }})
		if err := tls.Client(s.dial(t), &tls.Config{ServerName: "broker"}).Handshake(); err == nil {
			t.Error("the handshake succeeded")
		}
		s.log.until(t, "fetch the certificate here")
	})
	t.Run("plaintext within TLS, of no sense", func(t *testing.T) {
		s := newLoginServer(t, Config{TLS: serverTLS(t)})
		c, err := overTLS(t, s)
		if err != nil {
			t.Fatal(err)
		}
		c.raw([]byte("\x16\x03\x01\x02\x00\x01\x00"))
		c.closed()
	})
}

// Those who never log in are served at their own expense: beyond so many, the
// one who has waited longest is closed, and others log in meanwhile.
func TestStrangers(t *testing.T) {
	const most, all = 500, 2000
	s := newLoginServer(t, Config{MaxStrangers: most})
	known := s.dial(t)
	known.login("good")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	conns := make([]net.Conn, all)
	for i := range conns {
		c := s.dial(t)
		c.ask(versionsRequest(0)) // so that they enter in this order
		c.raw(headed(keySaslHandshake, 0, 1)[:5+i%9])
		conns[i] = c
		if i%500 == 250 {
			s.stillServes(t)
		}
	}
	for i, c := range conns[:all-most] {
		_ = c.SetReadDeadline(time.Now().Add(loginPatience))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Fatalf("stranger %d of %d is still there: %v", i, all, err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse+after.StackInuse) - int64(before.HeapInuse+before.StackInuse); grown > 64<<20 {
		t.Errorf("%d strangers took %d kB", most, grown>>10)
	}
	s.stillServes(t)
	known.served() // who is logged in is no stranger
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// Large frames of strangers share a budget.
func TestStrangersWithLargeFrames(t *testing.T) {
	s := newLoginServer(t, Config{})
	frame := append(binary.BigEndian.AppendUint32(nil, maxLoginFrame), make([]byte, maxLoginFrame-1)...)
	binary.BigEndian.PutUint16(frame[4:], keyAPIVersions)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range 2 * strangersBudget / maxLoginFrame {
		c := s.dial(t)
		_ = c.SetWriteDeadline(time.Now().Add(loginPatience))
		_, _ = c.Write(frame) // all but the last byte; those beyond the budget are closed
	}
	s.log.until(t, "too many large frames of clients that are not logged in")
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapInuse) - int64(before.HeapInuse); grown > 4*strangersBudget {
		t.Errorf("the heap has grown by %d MB, for a budget of %d", grown>>20, strangersBudget>>20)
	}
	s.stillServes(t)
}

// Close ends every connection, at whatever it is, and leaves nothing behind.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	func() {
		config := serverTLS(t)
		s := newLoginServer(t, Config{TLS: config})
		var conns []*saslClient
		for i := range 200 {
			c := s.dial(t)
			conns = append(conns, c)
			switch i % 7 {
			case 0: // silent
			case 1:
				c.raw([]byte{0, 0})
			case 2:
				c.handshake()
			case 3:
				c.handshake()
				c.authenticate(saslMessage("bad"))
			case 4:
				c.login("good")
				c.served()
			case 5:
				c.login("good")
				c.send(fetchRequest("orders", 0)) // which waits
			case 6:
				c.login("good")
				c.send(fetchRequest("orders", 0))
				c.send(handshakeRequest(1, mechanism)) // which waits for it
			}
		}
		closed := make(chan error, 1)
		go func() { closed <- s.Close() }()
		select {
		case err := <-closed:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(loginPatience):
			t.Fatal("Close does not return")
		}
		for i, c := range conns {
			_ = c.SetReadDeadline(time.Now().Add(loginPatience))
			if _, err := io.Copy(io.Discard, c); isTimeout(err) {
				t.Errorf("connection %d is still open", i)
			}
		}
	}()
	over := time.Now().Add(loginPatience)
	for runtime.NumGoroutine() > before+1 { // that which waits for Serve
		if time.Now().After(over) {
			var stacks bytes.Buffer
			b := make([]byte, 1<<20)
			stacks.Write(b[:runtime.Stack(b, true)])
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks.String())
		}
		runtime.Gosched()
	}
}

// A session that Close ends while it is being logged in leaves nothing behind.
func TestCloseWhileDeciding(t *testing.T) {
	deciding, closing := make(chan struct{}), make(chan struct{})
	s := newLoginServer(t, Config{Decide: func(context.Context, Attempt) Verdict {
		close(deciding)
		<-closing
		return Verdict{Decision: allowed("User:pool-a", time.Time{}, "pool-a")}
	}})
	c := s.dial(t)
	c.handshake()
	c.send(authenticateRequest(1, saslMessage("good")))
	<-deciding
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	c.closed()
	close(closing)
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(loginPatience):
		t.Fatal("Close does not return")
	}
}

// The name of a client is for the log, in which nobody writes lines of his own.
func TestSoftwareNames(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "a": true, "apache-kafka-java": true, "-a": false, "a-": false, "a b": false, "a\n": false, "ü": false,
		"4.1.0": true, "a..b": true, ".": false, strings.Repeat("a", 256): true, strings.Repeat("a", 257): false,
	} {
		if got := validSoftware(name); got != want {
			t.Errorf("%.20q is valid: %v, want %v", fmt.Sprint(name), got, want)
		}
	}
}
