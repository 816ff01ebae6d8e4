package broker

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

const (
	// loginPatience is how long a test waits for what must come.
	loginPatience = time.Minute
	// soon is how long a test lets somebody be silent who is cut off for it, while
	// others have to answer in that time: far longer than they take.
	soon = 2 * time.Second
)

// testClock is a clock that only the test moves.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// testLog keeps the lines of a log.
type testLog struct {
	mu   sync.Mutex
	text bytes.Buffer
	more *sync.Cond
}

func newTestLog() *testLog {
	l := &testLog{}
	l.more = sync.NewCond(&l.mu)
	return l
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.more.Broadcast()
	return l.text.Write(p)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// until waits for a text to appear.
func (l *testLog) until(t *testing.T, text string) {
	t.Helper()
	over := time.Now().Add(loginPatience)
	stop := time.AfterFunc(loginPatience, l.more.Broadcast)
	defer stop.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for !strings.Contains(l.text.String(), text) {
		if time.Now().After(over) {
			t.Fatalf("the log has no %q:\n%s", text, l.text.String())
		}
		l.more.Wait()
	}
}

// lines are the log's lines with a message.
func (l *testLog) lines(t *testing.T, message string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("a line of the log is no JSON: %v: %s", err, line)
		}
		if fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}

// loginServer is a Server with an embedded cluster, whose decisions a test makes
// by the name of the token.
type loginServer struct {
	*Server
	addr  string
	clock *testClock
	log   *testLog

	mu     sync.Mutex
	tokens map[string]validator.Decision
}

// allowed is the Decision that lets somebody in.
func allowed(principal string, expires time.Time, pools ...string) validator.Decision {
	return validator.Decision{Allowed: true, Verified: true, Principal: principal, Identity: "app-1", Pools: pools, ExpiresAt: expires}
}

// refusedAt is the Decision that a check refuses.
func refusedAt(check string) validator.Decision {
	return validator.Decision{
		Checks: []validator.Check{{Name: check, Status: validator.Fail, Message: "it is not right", Got: "this", Want: "that"}},
		Causes: []validator.Cause{{ID: "some-cause", Summary: "It is so", Fix: "Do\nthis"}},
	}
}

// newLoginServer serves with the Config, as far as it says anything: the token
// good is one of pool-a's that lasts an hour, bad one that has expired.
func newLoginServer(t *testing.T, c Config) *loginServer {
	t.Helper()
	s := &loginServer{clock: &testClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, log: newTestLog()}
	s.tokens = map[string]validator.Decision{
		"good": allowed("User:pool-a", s.clock.Now().Add(time.Hour), "pool-a"),
		"bad":  refusedAt(validator.CheckExpiry),
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	c.Advertised, c.Now = s.addr, s.clock.Now
	c.Logger = slog.New(slog.NewJSONHandler(s.log, nil))
	if c.Decide == nil {
		c.Decide = s.decide
	}
	if c.Clusters == nil {
		c.Clusters = []Cluster{{ID: "lkc-acme", Topics: map[string]int32{"orders": 1}}}
	}
	if c.Pool == nil {
		c.AllowAll = true
	}
	if s.Server, err = New(c); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-served); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *loginServer) decide(_ context.Context, a Attempt) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, ok := s.tokens[a.Request.Token]; ok {
		return Verdict{Decision: d}
	}
	return Verdict{Decision: refusedAt(validator.CheckSignature)}
}

// among finds the pools of a map.
func among(pools map[string]*pool.Pool) func(string) *pool.Pool {
	return func(id string) *pool.Pool { return pools[id] }
}

// knows makes a token known from now on.
func (s *loginServer) knows(token string, d validator.Decision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = d
}

// saslClient is a client that sends what no library would.
type saslClient struct {
	t testing.TB
	net.Conn
	id int32 // of the last request
}

func (s *loginServer) dial(t testing.TB) *saslClient {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &saslClient{t: t, Conn: conn}
}

// raw sends bytes as they are.
func (c *saslClient) raw(b []byte) {
	c.t.Helper()
	_ = c.SetWriteDeadline(time.Now().Add(loginPatience))
	if _, err := c.Write(b); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// framed puts the size before bytes.
func framed(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }

// headed is a request's frame of a header, with a client's id, and bytes.
func headed(key, version int16, id int32, body ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(key))
	b = binary.BigEndian.AppendUint16(b, uint16(version))
	b = binary.BigEndian.AppendUint32(b, uint32(id))
	return framed(append(append(b, 0, 1, 'c'), body...))
}

// send sends a request, and returns its correlation id.
func (c *saslClient) send(r kmsg.Request) int32 {
	c.t.Helper()
	c.id++
	name := "c"
	c.raw(appendRequest(nil, header{correlationID: c.id}, &name, r))
	return c.id
}

// frame reads a frame, without its size.
func (c *saslClient) frame() []byte {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(loginPatience))
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	b := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		c.t.Fatalf("half an answer: %v", err)
	}
	return b
}

// receive reads the response to a request.
func (c *saslClient) receive(id int32, into kmsg.Response) {
	c.t.Helper()
	b := c.frame()
	if got := int32(binary.BigEndian.Uint32(b)); got != id {
		c.t.Fatalf("the answer is to request %d, want %d", got, id)
	}
	if err := parseResponse(into, b[4:]); err != nil {
		c.t.Fatalf("%T version %d: %v: %x", into, into.GetVersion(), err, b)
	}
}

// ask sends a request and reads its response.
func (c *saslClient) ask(r kmsg.Request) kmsg.Response {
	c.t.Helper()
	response := r.ResponseKind()
	c.receive(c.send(r), response)
	return response
}

// closed says that the connection has ended, and nothing was sent before.
func (c *saslClient) closed() {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(loginPatience))
	if b, err := io.ReadAll(c); len(b) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		c.t.Errorf("got %x (%v), want that the connection is closed and nothing sent", b, err)
	}
}

func handshakeRequest(version int16, mechanism string) *kmsg.SASLHandshakeRequest {
	r := kmsg.NewPtrSASLHandshakeRequest()
	r.Version, r.Mechanism = version, mechanism
	return r
}

func authenticateRequest(version int16, message string) *kmsg.SASLAuthenticateRequest {
	r := kmsg.NewPtrSASLAuthenticateRequest()
	r.Version, r.SASLAuthBytes = version, []byte(message)
	return r
}

func versionsRequest(version int16) *kmsg.ApiVersionsRequest {
	r := kmsg.NewPtrApiVersionsRequest()
	r.Version, r.ClientSoftwareName, r.ClientSoftwareVersion = version, "raw", "1.0"
	return r
}

func metadataRequest() *kmsg.MetadataRequest {
	r := kmsg.NewPtrMetadataRequest()
	r.Version = 9
	return r
}

// saslMessage is a client's first message with a token and its extensions.
func saslMessage(token string, extensions ...string) string {
	if extensions == nil {
		extensions = []string{"logicalCluster=lkc-acme", "identityPoolId=pool-a"}
	}
	return "n,,\x01auth=Bearer " + token + "\x01" + strings.Join(append(extensions, "\x01"), "\x01")
}

// handshake chooses the mechanism.
func (c *saslClient) handshake() {
	c.t.Helper()
	if r := c.ask(handshakeRequest(1, mechanism)).(*kmsg.SASLHandshakeResponse); r.ErrorCode != 0 {
		c.t.Fatalf("handshake: error %d", r.ErrorCode)
	}
}

// authenticate sends a message of the mechanism.
func (c *saslClient) authenticate(message string) *kmsg.SASLAuthenticateResponse {
	c.t.Helper()
	return c.ask(authenticateRequest(2, message)).(*kmsg.SASLAuthenticateResponse)
}

// login logs in, or in again.
func (c *saslClient) login(token string) *kmsg.SASLAuthenticateResponse {
	c.t.Helper()
	c.handshake()
	r := c.authenticate(saslMessage(token))
	if r.ErrorCode != 0 || len(r.SASLAuthBytes) > 0 {
		c.t.Fatalf("login with the token %s: error %d %s, bytes %q", token, r.ErrorCode, messageOf(r), r.SASLAuthBytes)
	}
	return r
}

// served says that the client's requests are carried to the cluster.
func (c *saslClient) served() {
	c.t.Helper()
	if r := c.ask(metadataRequest()).(*kmsg.MetadataResponse); len(r.Brokers) != 1 {
		c.t.Errorf("metadata has %d brokers, want 1", len(r.Brokers))
	}
}

func messageOf(r *kmsg.SASLAuthenticateResponse) string {
	if r.ErrorMessage == nil {
		return "(null)"
	}
	return *r.ErrorMessage
}

// refused says that an answer is an error with a text, and that the connection
// is closed after it.
func (c *saslClient) refused(r *kmsg.SASLAuthenticateResponse, message string) {
	c.t.Helper()
	if r.ErrorCode != 58 || messageOf(r) != message || len(r.SASLAuthBytes) > 0 || r.SessionLifetimeMillis != 0 {
		c.t.Errorf("got error %d, message %q, bytes %q, lifetime %d; want 58, message %q, and nothing else", r.ErrorCode, messageOf(r), r.SASLAuthBytes, r.SessionLifetimeMillis, message)
	}
	c.closed()
}

func TestAPIVersionsBeforeLogin(t *testing.T) {
	s := newLoginServer(t, Config{})
	for version := int16(0); version <= 4; version++ {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			c := s.dial(t)
			r := c.ask(versionsRequest(version)).(*kmsg.ApiVersionsResponse)
			served := map[int16]int16{}
			for _, k := range r.ApiKeys {
				if _, twice := served[k.ApiKey]; twice {
					t.Errorf("key %d is there twice", k.ApiKey)
				}
				served[k.ApiKey] = k.MaxVersion
			}
			if r.ErrorCode != 0 || served[17] != 1 || served[36] != 2 || served[18] != 4 || served[3] == 0 {
				t.Errorf("error %d, highest versions %v; want 0, and 17: 1, 18: 4, 36: 2, 3: some", r.ErrorCode, served)
			}
			if _, ok := served[51]; ok {
				t.Error("AlterUserScramCredentials is served to clients")
			}
			c.login("good") // the connection is still open
			c.served()
		})
	}
}

// The size and the bytes: a flexible ApiVersions response has no tags in its
// header (KIP-511), while every other has.
func TestAPIVersionsOnTheWire(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	c.raw([]byte("\x00\x00\x00\x0b\x00\x12\x00\x63\x00\x00\x00\x07\x00\x01c"))
	if got, want := c.frame(), []byte("\x00\x00\x00\x07\x00\x23\x00\x00\x00\x01\x00\x12\x00\x00\x00\x04"); !bytes.Equal(got, want) {
		t.Errorf("version 99 is answered %x, want error 35 in version 0: %x", got, want)
	}
	c.raw([]byte("\x00\x00\x00\x11\x00\x12\x00\x03\x00\x00\x00\x08\x00\x01c\x00\x02r\x021\x00"))
	if got := c.frame(); !bytes.HasPrefix(got, []byte("\x00\x00\x00\x08\x00\x00")) || got[6] < 20 {
		t.Errorf("version 3 is answered %.12x, want the id 8, error 0 and a compact list at once", got)
	}
	c.raw(headed(keySaslHandshake, 1, 9, []byte("\x00\x0bOAUTHBEARER")...))
	if got, want := c.frame(), []byte("\x00\x00\x00\x09\x00\x00\x00\x00\x00\x01\x00\x0bOAUTHBEARER"); !bytes.Equal(got, want) {
		t.Errorf("the handshake is answered %x, want %x", got, want)
	}
	message := saslMessage("good")
	c.raw(headed(keySaslAuthenticate, 0, 10, append(binary.BigEndian.AppendUint32(nil, uint32(len(message))), message...)...))
	if got, want := c.frame(), []byte("\x00\x00\x00\x0a\x00\x00\xff\xff\x00\x00\x00\x00"); !bytes.Equal(got, want) {
		t.Errorf("the token is answered %x, want %x", got, want)
	}
}

func TestAPIVersionsThatCannotBe(t *testing.T) {
	strange := versionsRequest(3)
	strange.ClientSoftwareName = "a client"
	rows := []struct {
		name string
		ask  func(c *saslClient) int16
		want int16
	}{
		{"version 5", func(c *saslClient) int16 {
			b := versionsRequest(3).AppendTo(nil)
			c.raw(headed(keyAPIVersions, 5, 1, append([]byte{0}, b...)...))
			r := versionsRequest(0).ResponseKind().(*kmsg.ApiVersionsResponse)
			c.receive(1, r)
			return r.ErrorCode
		}, 35},
		// Versions that no client has are not parsed, whatever follows.
		{"version 5, malformed", func(c *saslClient) int16 {
			c.raw(headed(keyAPIVersions, 5, 1, 0xff, 0xff))
			r := versionsRequest(0).ResponseKind().(*kmsg.ApiVersionsResponse)
			c.receive(1, r)
			return r.ErrorCode
		}, 35},
		{"version 99", func(c *saslClient) int16 {
			c.raw(headed(keyAPIVersions, 99, 1))
			r := versionsRequest(0).ResponseKind().(*kmsg.ApiVersionsResponse)
			c.receive(1, r)
			return r.ErrorCode
		}, 35},
		// A negative version was answered with the list of APIs, as if it were
		// served.
		{"version -1", func(c *saslClient) int16 {
			c.raw(headed(keyAPIVersions, -1, 1))
			r := versionsRequest(0).ResponseKind().(*kmsg.ApiVersionsResponse)
			c.receive(1, r)
			return r.ErrorCode
		}, 35},
		{"a name with a space", func(c *saslClient) int16 { return c.ask(strange).(*kmsg.ApiVersionsResponse).ErrorCode }, 42},
	}
	s := newLoginServer(t, Config{})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := s.dial(t)
			for range 3 { // and the client may ask again
				if got := row.ask(c); got != row.want {
					t.Errorf("error %d, want %d", got, row.want)
				}
			}
			if r := c.ask(versionsRequest(3)).(*kmsg.ApiVersionsResponse); r.ErrorCode != 0 {
				t.Errorf("error %d when asked again, want 0", r.ErrorCode)
			}
			c.login("good")
			c.served()
		})
	}
}

// What ends a connection before the login, with nothing sent.
func TestClosedBeforeLogin(t *testing.T) {
	login := func(c *saslClient) { c.handshake() }
	none := func(*saslClient) {}
	rows := []struct {
		name   string
		before func(*saslClient)
		then   []byte
	}{
		{"a second ApiVersions", func(c *saslClient) { c.ask(versionsRequest(0)) }, headed(keyAPIVersions, 0, 2)},
		{"a second ApiVersions of an unknown version", func(c *saslClient) { c.ask(versionsRequest(0)) }, headed(keyAPIVersions, 99, 2)},
		{"Metadata", none, headed(3, 0, 1, 0, 0, 0, 0)},
		{"Produce", none, headed(0, 3, 1)},
		{"SaslAuthenticate without a handshake", none, headed(keySaslAuthenticate, 0, 1, 0, 0, 0, 0)},
		{"a key that Kafka does not have", none, headed(12345, 0, 1)},
		{"a negative key", none, headed(-1, 0, 1)},
		{"SaslHandshake version 2", none, headed(keySaslHandshake, 2, 1, 0, 1, 'x')},
		{"SaslHandshake cut short", none, headed(keySaslHandshake, 1, 1, 0, 9, 'x')},
		{"ApiVersions version 3 cut short", none, headed(keyAPIVersions, 3, 1)},
		{"a header cut short", none, framed([]byte{0, 18, 0, 0, 0, 0, 0})},
		{"an empty frame", none, framed(nil)},
		{"a frame over sasl.server.max.receive.size", none, binary.BigEndian.AppendUint32(nil, maxLoginFrame+1)},
		{"a frame of negative size", none, []byte{0xff, 0xff, 0xff, 0xff}},
		{"a frame of the most negative size", none, []byte{0x80, 0, 0, 0}},
		{"HTTP", none, []byte("GET / HTTP/1.1\r\n\r\n")},
		{"TLS", none, []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
		{"a token's frame over the limit", login, binary.BigEndian.AppendUint32(nil, maxLoginFrame+1)},
		{"a token's frame of negative size", login, []byte{0xff, 0xff, 0xff, 0xfe}},
		{"SaslAuthenticate version 3", login, headed(keySaslAuthenticate, 3, 2, 0, 1, 0)},
		{"SaslAuthenticate cut short", login, headed(keySaslAuthenticate, 0, 2, 0, 0, 1, 0, 'n')},
		{"SaslAuthenticate of negative length", login, headed(keySaslAuthenticate, 0, 2, 0xff, 0xff, 0xff, 0xfe)},
		{"an unknown key in place of the token", login, headed(12345, 0, 2)},
		{"an unknown version in place of the token", login, headed(3, 1000, 2)},
	}
	s := newLoginServer(t, Config{})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c := s.dial(t)
			row.before(c)
			c.raw(row.then)
			c.closed()
		})
	}
}

func TestHandshake(t *testing.T) {
	s := newLoginServer(t, Config{})
	for version := int16(0); version <= 1; version++ {
		for _, name := range []string{"PLAIN", "SCRAM-SHA-256", "oauthbearer", ""} {
			t.Run(fmt.Sprintf("v%d %s", version, name), func(t *testing.T) {
				c := s.dial(t)
				r := c.ask(handshakeRequest(version, name)).(*kmsg.SASLHandshakeResponse)
				if r.ErrorCode != 33 || !slices.Equal(r.SupportedMechanisms, []string{"OAUTHBEARER"}) {
					t.Errorf("error %d, mechanisms %q; want 33 and OAUTHBEARER", r.ErrorCode, r.SupportedMechanisms)
				}
				c.closed()
				s.log.until(t, fmt.Sprintf("asked for the mechanism %s, want OAUTHBEARER", strings.ReplaceAll(fmt.Sprintf("%q", name), `"`, `\"`)))
			})
		}
	}
}

func TestAuthenticateVersions(t *testing.T) {
	s := newLoginServer(t, Config{})
	for version, lifetime := range []int64{0, 3600_000, 3600_000} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			c := s.dial(t)
			c.handshake()
			r := c.ask(authenticateRequest(int16(version), saslMessage("good"))).(*kmsg.SASLAuthenticateResponse)
			if r.ErrorCode != 0 || r.ErrorMessage != nil || len(r.SASLAuthBytes) > 0 || r.SessionLifetimeMillis != lifetime {
				t.Errorf("error %d, message %s, bytes %q, lifetime %d; want nothing but the lifetime %d", r.ErrorCode, messageOf(r), r.SASLAuthBytes, r.SessionLifetimeMillis, lifetime)
			}
			c.served()

			c = s.dial(t)
			c.handshake()
			for _, message := range []string{saslMessage("bad"), "\x01"} {
				r = c.ask(authenticateRequest(int16(version), message)).(*kmsg.SASLAuthenticateResponse)
			}
			c.refused(r, InvalidToken)
		})
	}
}

// After SaslHandshake v0 the messages come without a request around them.
func TestBareTokens(t *testing.T) {
	s := newLoginServer(t, Config{})
	bare := func(t *testing.T, message string) *saslClient {
		c := s.dial(t)
		if r := c.ask(handshakeRequest(0, mechanism)).(*kmsg.SASLHandshakeResponse); r.ErrorCode != 0 {
			t.Fatalf("handshake: error %d", r.ErrorCode)
		}
		c.raw(framed([]byte(message)))
		return c
	}
	t.Run("success", func(t *testing.T) {
		c := bare(t, saslMessage("good"))
		if got := c.frame(); len(got) > 0 {
			t.Errorf("got %x, want a size of 0 and nothing more", got)
		}
		c.served()
	})
	t.Run("challenge", func(t *testing.T) {
		c := bare(t, saslMessage("bad"))
		if got := string(c.frame()); got != InvalidToken {
			t.Errorf("got %q, want %s", got, InvalidToken)
		}
		c.raw(framed([]byte(separator)))
		c.closed()
	})
	for name, message := range map[string]string{"grammar": "nonsense", "extension": saslMessage("cluster"), "nothing": ""} {
		t.Run(name, func(t *testing.T) {
			s.knows("cluster", refusedAt(validator.CheckCluster))
			bare(t, message).closed()
		})
	}
}

// A request in place of the token has the error in its own response.
func TestRequestInPlaceOfToken(t *testing.T) {
	s := newLoginServer(t, Config{})
	rows := []struct {
		ask  kmsg.Request
		code func(kmsg.Response) int16
	}{
		{versionsRequest(3), func(r kmsg.Response) int16 { return r.(*kmsg.ApiVersionsResponse).ErrorCode }},
		{handshakeRequest(1, mechanism), func(r kmsg.Response) int16 { return r.(*kmsg.SASLHandshakeResponse).ErrorCode }},
		{&kmsg.HeartbeatRequest{Version: 4}, func(r kmsg.Response) int16 { return r.(*kmsg.HeartbeatResponse).ErrorCode }},
		{&kmsg.ListGroupsRequest{Version: 0}, func(r kmsg.Response) int16 { return r.(*kmsg.ListGroupsResponse).ErrorCode }},
		{&kmsg.DescribeClusterRequest{}, func(r kmsg.Response) int16 { return r.(*kmsg.DescribeClusterResponse).ErrorCode }},
		{&kmsg.FetchRequest{Version: 12}, func(r kmsg.Response) int16 { return r.(*kmsg.FetchResponse).ErrorCode }},
	}
	for _, row := range rows {
		t.Run(kmsg.NameForKey(row.ask.Key()), func(t *testing.T) {
			c := s.dial(t)
			c.handshake()
			if got := row.code(c.ask(row.ask)); got != 34 {
				t.Errorf("error %d, want 34", got)
			}
			c.closed()
		})
	}
}

// What a client is told of a refusal, word for word (kafka-oauthbearer.md 2.3).
func TestRefusals(t *testing.T) {
	const extension = "Authentication failed: 1 extensions are invalid! They are: "
	union := allowed("crn://confluent.cloud/x", time.Time{}, "pool-a", "pool-b")
	rows := []struct {
		name      string
		messages  []string
		decision  validator.Decision // of the token t
		want      string
		challenge bool
	}{
		{"format", []string{saslMessage("t"), separator}, refusedAt(validator.CheckFormat), InvalidToken, true},
		{"signature", []string{saslMessage("t"), separator}, refusedAt(validator.CheckSignature), InvalidToken, true},
		{"expiry", []string{saslMessage("t"), separator}, refusedAt(validator.CheckExpiry), InvalidToken, true},
		{"two challenges", []string{saslMessage("bad"), saslMessage("t"), separator}, refusedAt(validator.CheckExpiry), InvalidToken, true},
		{"four characters in place of the byte, as sarama sends", []string{saslMessage("t"), `\x01`}, refusedAt(validator.CheckExpiry), Masked, false},
		{"nothing after the challenge", []string{saslMessage("t"), ""}, refusedAt(validator.CheckExpiry), Masked, false},
		{"two bytes after the challenge", []string{saslMessage("t"), "\x01\x01"}, refusedAt(validator.CheckExpiry), Masked, false},
		{"no cluster", []string{saslMessage("t", "identityPoolId=pool-a")}, refusedAt(validator.CheckCluster), extension + "logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY", false},
		{"another cluster", []string{saslMessage("t", "logicalCluster=lkc-x")}, refusedAt(validator.CheckCluster), extension + "logicalCluster: Authentication failed", false},
		{"another pool", []string{saslMessage("t")}, refusedAt(validator.CheckPool), extension + "identityPoolId: Authentication failed", false},
		{"no pool is mapped", []string{saslMessage("t", "logicalCluster=lkc-acme")}, refusedAt(validator.CheckPool), Masked, false},
		{"no filter matches", []string{saslMessage("t")}, refusedAt(validator.CheckFilter), Masked, false},
		{"no identity", []string{saslMessage("t")}, refusedAt(validator.CheckIdentity), Masked, false},
		{"no decision", []string{saslMessage("t")}, validator.Decision{}, Masked, false},
		{"another authzid", []string{"n,a=me,\x01auth=Bearer t\x01logicalCluster=lkc-acme\x01\x01"}, allowed("User:pool-a", time.Time{}, "pool-a"),
			"Authentication failed: Client requested an authorization id (me) that is different from the token's principal name (pool-a)", false},
		{"an authzid with its type", []string{"n,a=User:pool-a,\x01auth=Bearer t\x01logicalCluster=lkc-acme\x01\x01"}, allowed("User:pool-a", time.Time{}, "pool-a"),
			"Authentication failed: Client requested an authorization id (User:pool-a) that is different from the token's principal name (pool-a)", false},
		{"another authzid of a union", []string{"n,a=a=2Cb=3D,\x01auth=Bearer t\x01logicalCluster=lkc-acme\x01\x01"}, union,
			"Authentication failed: Client requested an authorization id (a,b=) that is different from the token's principal name (crn://confluent.cloud/x)", false},
	}
	for _, message := range []string{"", "\x01", "\x00", "n,,", "y,,\x01auth=Bearer t\x01\x01", "n,,\x01auth=Basic t\x01\x01", "n,,\x01auth=Bearer t\x01",
		"n,,\x01logicalCluster=lkc-acme\x01\x01", "n,,\x01auth=Bearer t\x01extension_identityPoolId=pool-a\x01\x01", "n,,\x01auth=Bearer t\x01logicalCluster=\x01\x01"} {
		rows = append(rows, struct {
			name      string
			messages  []string
			decision  validator.Decision
			want      string
			challenge bool
		}{fmt.Sprintf("grammar %q", message), []string{message}, allowed("User:pool-a", time.Time{}, "pool-a"), Masked, false})
	}
	s := newLoginServer(t, Config{})
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s.knows("t", row.decision)
			c := s.dial(t)
			c.handshake()
			var r *kmsg.SASLAuthenticateResponse
			for i, message := range row.messages {
				if i > 0 && (r.ErrorCode != 0 || r.ErrorMessage != nil || string(r.SASLAuthBytes) != InvalidToken || r.SessionLifetimeMillis != 0) {
					t.Errorf("answer %d is error %d, bytes %q; want 0 and the challenge", i, r.ErrorCode, r.SASLAuthBytes)
				}
				r = c.authenticate(message)
			}
			c.refused(r, row.want)
		})
	}
}

// As in Kafka, a challenge is not the end: a client may come with another token.
func TestTokenAfterChallenge(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	c.handshake()
	if r := c.authenticate(saslMessage("bad")); string(r.SASLAuthBytes) != InvalidToken {
		t.Fatalf("got %q, want a challenge", r.SASLAuthBytes)
	}
	if r := c.authenticate(saslMessage("good")); r.ErrorCode != 0 || len(r.SASLAuthBytes) > 0 {
		t.Fatalf("error %d, bytes %q; want to be logged in", r.ErrorCode, r.SASLAuthBytes)
	}
	c.served()
}

// The principal's own name is an authzid that may be asked for.
func TestAuthzid(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	c.handshake()
	if r := c.authenticate("n,a=pool-a,\x01logicalCluster=lkc-acme\x01auth=bEARER  good\x01\x01"); r.ErrorCode != 0 {
		t.Fatalf("error %d %s, want none", r.ErrorCode, messageOf(r))
	}
	c.served()
}

func TestVerboseRefusals(t *testing.T) {
	s := newLoginServer(t, Config{Verbose: true})
	c := s.dial(t)
	c.handshake()
	c.refused(c.authenticate(saslMessage("bad")),
		"idpool refused the login at the check expiry: it is not right; got this; want that. Cause some-cause: It is so. Fix: Do this")
	c = s.dial(t)
	c.handshake()
	c.refused(c.authenticate("n,,\x01\x01"), `idpool refused the first message: the message does not end with two \x01`)
}

// The log has one line for each login, and never a token.
func TestLogOfLogins(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
	rows := []struct {
		name     string
		decision validator.Decision
		messages []string
		line     string
		want     map[string]any
	}{
		{"allowed", allowed("User:pool-a", time.Time{}, "pool-a"), []string{saslMessage(token)}, "kafka login allowed",
			map[string]any{"software": "raw 1.0", "principal": "User:pool-a", "identity": "app-1", "pools": []any{"pool-a"}, "cluster": "lkc-acme", "reauthentication": false, "lifetime": "0s"}},
		{"challenged", refusedAt(validator.CheckExpiry), []string{saslMessage(token), separator}, "kafka login refused",
			map[string]any{"software": "raw 1.0", "check": "expiry", "reason": "it is not right", "cause": "some-cause", "got": "this", "want": "that", "pool": "pool-a", "cluster": "lkc-acme"}},
		{"challenged and confused", refusedAt(validator.CheckExpiry), []string{saslMessage(token), `\x01`}, "kafka login refused",
			map[string]any{"check": "expiry", "cause": "some-cause"}},
		{"the token as pool and cluster", refusedAt(validator.CheckCluster), []string{saslMessage(token, "logicalCluster="+token, "identityPoolId="+token)}, "kafka login refused",
			map[string]any{"check": "cluster", "pool": "(a token)", "cluster": "(a token)"}},
		{"not of the grammar", refusedAt(validator.CheckExpiry), []string{"n,,\x01auth=" + token + "\x01\x01"}, "kafka login refused",
			map[string]any{"check": "message", "reason": "auth is not of the form Bearer TOKEN", "cause": "", "principal": ""}},
		// A client that sends its token as the authorization id found it in the log.
		{"the token as authzid", allowed("User:pool-a", time.Time{}, "pool-a"), []string{"n,a=" + token + ",\x01auth=Bearer " + token + "\x01\x01"}, "kafka login refused",
			map[string]any{"check": "principal", "principal": "User:pool-a"}},
		{"the token as key", refusedAt(validator.CheckExpiry), []string{"n,,\x01Bearer " + token + "=\x01\x01"}, "kafka login refused", map[string]any{"check": "message"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := newLoginServer(t, Config{})
			s.knows(token, row.decision)
			c := s.dial(t)
			c.ask(versionsRequest(3))
			c.handshake()
			for _, message := range row.messages {
				c.authenticate(message)
			}
			lines := append(s.log.lines(t, "kafka login allowed"), s.log.lines(t, "kafka login refused")...)
			if len(lines) != 1 || lines[0]["msg"] != row.line {
				t.Fatalf("the log has %d lines of the login, want one, %q:\n%s", len(lines), row.line, s.log)
			}
			row.want["client"] = c.LocalAddr().String()
			for key, want := range row.want {
				if got := lines[0][key]; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s is %v, want %v", key, got, want)
				}
			}
			for _, part := range strings.Split(token, ".")[1:] {
				if strings.Contains(s.log.String(), part) {
					t.Errorf("the log has a part of the token, %s:\n%s", part, s.log)
				}
			}
		})
	}
}

// A refusal at the handshake has one line, too.
func TestLogOfHandshake(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	c.ask(handshakeRequest(1, "SCRAM-SHA-512"))
	c.closed()
	s.log.until(t, "sasl.mechanism")
	if n := strings.Count(s.log.String(), "\n"); n != 1 {
		t.Errorf("the log has %d lines, want one:\n%s", n, s.log)
	}
}

// A cluster that is not there is not the client's fault: it may try again, and
// is told nothing.
func TestLoginWithoutCluster(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	c.handshake()
	c.send(authenticateRequest(1, saslMessage("good", "logicalCluster=lkc-gone")))
	c.closed()
	s.log.until(t, "the cluster cannot be reached")
	if s.Logins() != 0 {
		t.Error("it counts as a login")
	}
}

// bindings is a pool with roles in the cluster.
func bindings(t testing.TB, id string, roles ...pool.RoleBinding) *pool.Pool {
	t.Helper()
	for i := range roles {
		roles[i].Cluster = "lkc-acme"
	}
	p, err := pool.New(pool.Config{ID: id, Filter: "true", RoleBindings: roles})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// code is the name of an error of Kafka's.
func code(c int16) string {
	if err := kerr.TypedErrorForCode(c); err != nil {
		return err.Message
	}
	return "NONE"
}
