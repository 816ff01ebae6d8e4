package broker

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// recordBatch is a batch of one record.
func recordBatch(value string) []byte {
	record := kmsg.NewRecord()
	record.Value = []byte(value)
	record.Length = int32(len(record.AppendTo(nil)) - 1) // without its own byte
	batch := kmsg.NewRecordBatch()
	batch.PartitionLeaderEpoch, batch.Magic, batch.NumRecords = -1, 2, 1
	batch.ProducerID, batch.ProducerEpoch, batch.FirstSequence = -1, -1, -1
	batch.Records = record.AppendTo(nil)
	batch.Length = int32(len(batch.AppendTo(nil)) - 12)
	batch.CRC = int32(crc32.Checksum(batch.AppendTo(nil)[21:], crc32.MakeTable(crc32.Castagnoli)))
	return batch.AppendTo(nil)
}

func produceRequest(topic string, acks int16) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Version, r.Acks, r.TimeoutMillis = 9, acks, 1000
	t := kmsg.NewProduceRequestTopic()
	t.Topic = topic
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = recordBatch("v")
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}

// produce produces a record, and returns the name of the error.
func (c *saslClient) produce(topic string) string {
	c.t.Helper()
	return code(c.ask(produceRequest(topic, -1)).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
}

// end is the offset at the end of the topic.
func (c *saslClient) end(topic string) int64 {
	c.t.Helper()
	r := kmsg.NewPtrListOffsetsRequest()
	r.Version, r.ReplicaID = 4, -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = topic
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp = -1
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return c.ask(r).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0].Offset
}

// fetchRequest waits for a record at the offset for as long as it takes.
func fetchRequest(topic string, offset int64) *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.Version, r.ReplicaID, r.MaxWaitMillis, r.MinBytes, r.MaxBytes = 11, -1, 60_000, 1, 1<<20
	r.SessionEpoch = -1
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = offset, 1<<20
	t.Partitions = append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}

func TestSessionLifetime(t *testing.T) {
	rows := []struct {
		name         string
		most, expiry time.Duration // expiry 0 means none
		want         int64
	}{
		{"until the token expires", 0, time.Hour, 3600_000},
		{"no longer than connections.max.reauth.ms", 10 * time.Minute, time.Hour, 600_000},
		{"no longer than the token", 10 * time.Minute, time.Minute, 60_000},
		{"a token without an end", 10 * time.Minute, 0, 600_000},
		{"nothing has an end", 0, 0, 0},
		{"whole milliseconds", 0, time.Minute + 999*time.Microsecond, 60_000},
		{"not negative", 0, -10 * time.Second, 0},
		{"not negative, with connections.max.reauth.ms", time.Minute, -10 * time.Second, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := newLoginServer(t, Config{MaxReauth: row.most})
			var expires time.Time
			if row.expiry != 0 {
				expires = s.clock.Now().Add(row.expiry)
			}
			s.knows("t", allowed("User:pool-a", expires, "pool-a"))
			c := s.dial(t)
			if got := c.login("t").SessionLifetimeMillis; got != row.want {
				t.Errorf("the lifetime is %d, want %d", got, row.want)
			}
			if row.want == 0 && row.expiry < 0 { // within the clock skew
				c.send(metadataRequest())
				c.closed()
				return
			}
			s.clock.pass(time.Duration(row.want-1) * time.Millisecond)
			c.served()
			s.clock.pass(time.Millisecond)
			if row.want == 0 {
				c.served()
				return
			}
			c.send(metadataRequest())
			c.closed()
		})
	}
}

// What a client may still send once its session has expired: nothing but the
// beginning of another login.
func TestExpiredSession(t *testing.T) {
	rows := map[string]kmsg.Request{
		"Metadata": metadataRequest(), "ApiVersions": versionsRequest(3), "Produce": produceRequest("orders", -1),
		"Produce without an answer": produceRequest("orders", 0),
		// It was answered with error 34, for ever.
		"SaslAuthenticate": authenticateRequest(2, saslMessage("good")),
	}
	for name, request := range rows {
		t.Run(name, func(t *testing.T) {
			s := newLoginServer(t, Config{})
			c := s.dial(t)
			c.login("good")
			s.clock.pass(time.Hour)
			c.send(request)
			c.closed()
			s.log.until(t, "the session has expired, and the client has not authenticated again")
		})
	}
	t.Run("SaslHandshake a second time within a second", func(t *testing.T) {
		s := newLoginServer(t, Config{})
		s.knows("short", allowed("User:pool-a", s.clock.Now().Add(100*time.Millisecond), "pool-a"))
		c := s.dial(t)
		c.login("good")
		c.login("short")
		s.clock.pass(200 * time.Millisecond)
		c.send(handshakeRequest(1, mechanism))
		c.closed()
	})
	t.Run("SaslHandshake", func(t *testing.T) {
		s := newLoginServer(t, Config{})
		c := s.dial(t)
		c.login("good")
		s.clock.pass(2 * time.Hour)
		s.knows("good", allowed("User:pool-a", s.clock.Now().Add(time.Hour), "pool-a"))
		if got := c.login("good").SessionLifetimeMillis; got != 3600_000 {
			t.Errorf("the lifetime is %d, want an hour", got)
		}
		c.served()
	})
	t.Run("SaslHandshake of a token within the clock skew", func(t *testing.T) {
		s := newLoginServer(t, Config{})
		s.knows("late", allowed("User:pool-a", s.clock.Now().Add(-time.Second), "pool-a"))
		c := s.dial(t)
		c.login("late")
		c.login("good")
		c.served()
	})
}

func TestReauthentication(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	for version := int16(0); version <= 1; version++ {
		c.login("good")
		c.served()
		s.clock.pass(10 * time.Minute)
		if r := c.ask(handshakeRequest(version, mechanism)).(*kmsg.SASLHandshakeResponse); r.ErrorCode != 0 {
			t.Fatalf("handshake version %d: error %d", version, r.ErrorCode)
		}
		if version == 0 {
			c.raw(framed([]byte(saslMessage("good"))))
			if got := c.frame(); len(got) > 0 {
				t.Errorf("got %x, want a size of 0 and nothing more", got)
			}
		} else if got := c.authenticate(saslMessage("good")).SessionLifetimeMillis; got != 1800_000 {
			t.Errorf("the lifetime is %d, want 30 min", got)
		}
		c.served()
		s.clock.pass(10 * time.Minute)
	}
	var again []any
	for _, line := range s.log.lines(t, "kafka login allowed") {
		again = append(again, line["reauthentication"])
	}
	if fmt.Sprint(again) != "[false true true true]" || s.Logins() != 4 {
		t.Errorf("re-authentication is %v in the log, with %d logins; want false and three times true, 4", again, s.Logins())
	}
}

// A client whose token lives for less than a second has to come back within a
// second, which was taken for a mistake: Kafka takes only the second time for one.
func TestReauthenticationTooEarly(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	early := func(want string) {
		t.Helper()
		r := c.ask(handshakeRequest(1, mechanism)).(*kmsg.SASLHandshakeResponse)
		if got := code(r.ErrorCode); got != want {
			t.Fatalf("error %s, want %s", got, want)
		}
	}
	c.login("good")
	c.login("good")
	s.clock.pass(999 * time.Millisecond)
	early("ILLEGAL_SASL_STATE")
	c.served()
	s.clock.pass(time.Millisecond)
	c.login("good")
	s.clock.pass(-time.Hour) // somebody moves the clock
	c.login("good")
	c.served()
}

// SASL requests out of place have an error, and the connection stays.
func TestSASLOutOfPlace(t *testing.T) {
	s := newLoginServer(t, Config{})
	s.knows("endless", allowed("User:pool-a", time.Time{}, "pool-a"))
	for _, token := range []string{"good", "endless"} {
		c := s.dial(t)
		c.login(token)
		for version := int16(0); version <= 2; version++ {
			r := c.ask(authenticateRequest(version, saslMessage("good"))).(*kmsg.SASLAuthenticateResponse)
			if r.ErrorCode != 34 || messageOf(r) != "SaslAuthenticate request received after successful authentication" {
				t.Errorf("%s: SaslAuthenticate version %d: error %d %s, want 34", token, version, r.ErrorCode, messageOf(r))
			}
		}
		if token == "endless" {
			s.clock.pass(time.Hour)
			if r := c.ask(handshakeRequest(1, mechanism)).(*kmsg.SASLHandshakeResponse); r.ErrorCode != 34 {
				t.Errorf("SaslHandshake in a session without an end: error %d, want 34", r.ErrorCode)
			}
		}
		c.served()
	}
	if s.Logins() != 2 {
		t.Errorf("%d logins, want 2", s.Logins())
	}
}

// Requests in flight are answered before the handshake that was sent after them.
func TestReauthenticationWaitsForRequests(t *testing.T) {
	s := newLoginServer(t, Config{})
	c, other := s.dial(t), s.dial(t)
	c.login("good")
	other.login("good")

	produce, fetch := produceRequest("orders", -1), fetchRequest("orders", 1)
	ids := []int32{c.send(produce), c.send(fetch), c.send(versionsRequest(3)), c.send(handshakeRequest(1, mechanism)), c.send(authenticateRequest(1, saslMessage("good")))}
	produced := produce.ResponseKind()
	c.receive(ids[0], produced)
	if got := other.produce("orders"); got != "NONE" { // which the fetch waits for
		t.Fatalf("produce: %s", got)
	}
	fetched := fetch.ResponseKind().(*kmsg.FetchResponse)
	c.receive(ids[1], fetched)
	if len(fetched.Topics[0].Partitions[0].RecordBatches) == 0 {
		t.Error("the fetch did not wait for the record")
	}
	c.receive(ids[2], versionsRequest(3).ResponseKind())
	c.receive(ids[3], handshakeRequest(1, "").ResponseKind())
	again := authenticateRequest(1, "").ResponseKind().(*kmsg.SASLAuthenticateResponse)
	c.receive(ids[4], again)
	if again.ErrorCode != 0 || s.Logins() != 3 {
		t.Errorf("error %d, %d logins; want none and 3", again.ErrorCode, s.Logins())
	}
	c.served()
}

// Produces without acks have no responses to wait for.
func TestReauthenticationAfterProducesWithoutAcks(t *testing.T) {
	s := newLoginServer(t, Config{})
	c := s.dial(t)
	c.login("good")
	for version := int16(3); version <= 9; version++ {
		for range 10 {
			r := produceRequest("orders", 0)
			r.Version = version
			c.send(r)
		}
	}
	c.login("good")
	if got := c.end("orders"); got != 70 {
		t.Errorf("the topic ends at %d, want 70", got)
	}
	if got := c.produce("orders"); got != "NONE" {
		t.Errorf("produce with acks: %s", got)
	}
	s.clock.pass(time.Minute)
	c.login("good")
	c.served()
}

func TestReauthenticationRefused(t *testing.T) {
	rows := []struct {
		name     string
		decision validator.Decision
		messages []string
		want     string
		line     string
	}{
		{"another pool", allowed("User:pool-b", time.Time{}, "pool-b"), []string{saslMessage("t")},
			"Cannot change principals during re-authentication from User.pool-a: User.pool-b", "principal"},
		{"a union of pools", allowed("crn://confluent.cloud/x", time.Time{}, "pool-a", "pool-b"), []string{saslMessage("t")},
			"Cannot change principals during re-authentication from User.pool-a: User.crn://confluent.cloud/x", "principal"},
		{"an expired token", refusedAt(validator.CheckExpiry), []string{saslMessage("t"), separator}, InvalidToken, "expiry"},
		{"an expired token, four characters", refusedAt(validator.CheckExpiry), []string{saslMessage("t"), `\x01`}, MaskedAgain, "expiry"},
		{"no filter matches", refusedAt(validator.CheckFilter), []string{saslMessage("t")}, MaskedAgain, "filter"},
		{"grammar", refusedAt(validator.CheckFilter), []string{"n,,"}, MaskedAgain, "message"},
		{"no cluster", refusedAt(validator.CheckCluster), []string{saslMessage("t", "a=b")},
			"Authentication failed: 1 extensions are invalid! They are: logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY", "cluster"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := newLoginServer(t, Config{})
			s.knows("t", row.decision)
			c := s.dial(t)
			c.login("good")
			c.served()
			c.handshake()
			var r *kmsg.SASLAuthenticateResponse
			for _, message := range row.messages {
				r = c.authenticate(message)
			}
			c.refused(r, row.want)
			lines := s.log.lines(t, "kafka login refused")
			if len(lines) != 1 || lines[0]["check"] != row.line || lines[0]["reauthentication"] != true {
				t.Errorf("the log has not one line of the check %s:\n%s", row.line, s.log)
			}
		})
	}
}

func TestReauthenticationByAnotherMechanism(t *testing.T) {
	begin := func(t *testing.T) (*loginServer, *saslClient) {
		s := newLoginServer(t, Config{})
		c := s.dial(t)
		c.login("good")
		return s, c
	}
	t.Run("enabled", func(t *testing.T) {
		s, c := begin(t)
		if r := c.ask(handshakeRequest(1, "PLAIN")).(*kmsg.SASLHandshakeResponse); r.ErrorCode != 0 || fmt.Sprint(r.SupportedMechanisms) != "[OAUTHBEARER]" {
			t.Errorf("error %d, mechanisms %v; want 0 and the list", r.ErrorCode, r.SupportedMechanisms)
		}
		c.send(authenticateRequest(1, "\x00user\x00secret-of-plain"))
		c.closed()
		s.log.until(t, "SASL mechanism 'PLAIN' requested by client is not supported for re-authentication of mechanism 'OAUTHBEARER'")
		if strings.Contains(s.log.String(), "secret-of-plain") {
			t.Error("the log has the password")
		}
	})
	t.Run("unknown", func(t *testing.T) {
		_, c := begin(t)
		if r := c.ask(handshakeRequest(1, "GSSAPI")).(*kmsg.SASLHandshakeResponse); r.ErrorCode != 33 || fmt.Sprint(r.SupportedMechanisms) != "[OAUTHBEARER]" {
			t.Errorf("error %d, mechanisms %v; want 33 and the list", r.ErrorCode, r.SupportedMechanisms)
		}
		c.closed()
	})
	t.Run("a request in place of the token", func(t *testing.T) {
		_, c := begin(t)
		c.handshake()
		if r := c.ask(&kmsg.HeartbeatRequest{Version: 3}).(*kmsg.HeartbeatResponse); r.ErrorCode != 34 {
			t.Errorf("error %d, want 34", r.ErrorCode)
		}
		c.closed()
	})
	t.Run("a frame over sasl.server.max.receive.size", func(t *testing.T) {
		_, c := begin(t)
		c.handshake()
		c.raw([]byte{0, 8, 0, 1})
		c.closed()
	})
}

// The pools of a union may change while the principal stays, and their rights
// with them, on the same connection.
func TestReauthenticationWithOtherRights(t *testing.T) {
	pools := map[string]*pool.Pool{
		"pool-a": bindings(t, "pool-a", pool.RoleBinding{Role: "DeveloperRead", Resource: "topic=orders"}),
		"pool-b": bindings(t, "pool-b", pool.RoleBinding{Role: "DeveloperRead", Resource: "group=x"}),
		"pool-c": bindings(t, "pool-c", pool.RoleBinding{Role: "DeveloperWrite", Resource: "topic=orders"}),
	}
	s := newLoginServer(t, Config{Pool: among(pools)})
	expires := s.clock.Now().Add(time.Hour)
	s.knows("ab", allowed("crn://x", expires, "pool-a", "pool-b"))
	s.knows("ba", allowed("crn://x", expires, "pool-b", "pool-a"))
	s.knows("ac", allowed("crn://x", expires, "pool-a", "pool-c"))
	c := s.dial(t)
	for i, row := range []struct{ token, want string }{
		{"ab", "TOPIC_AUTHORIZATION_FAILED"}, {"ac", "NONE"}, {"ac", "NONE"}, {"ba", "TOPIC_AUTHORIZATION_FAILED"}, {"ac", "NONE"},
	} {
		c.login(row.token)
		if got := c.produce("orders"); got != row.want {
			t.Errorf("login %d as %s: produce has %s, want %s", i, row.token, got, row.want)
		}
		s.clock.pass(time.Minute)
	}
	if got := c.end("orders"); got != 3 {
		t.Errorf("the topic ends at %d, want 3", got)
	}
}

// A client may name another cluster when it authenticates again.
func TestReauthenticationToAnotherCluster(t *testing.T) {
	s := newLoginServer(t, Config{Clusters: []Cluster{
		{ID: "lkc-acme", Topics: map[string]int32{"orders": 1}}, {ID: "lkc-b", Topics: map[string]int32{"invoices": 1}},
	}})
	c := s.dial(t)
	c.login("good")
	for _, row := range []struct{ cluster, topic string }{{"lkc-b", "invoices"}, {"lkc-acme", "orders"}} {
		c.handshake()
		if r := c.authenticate(saslMessage("good", "logicalCluster="+row.cluster)); r.ErrorCode != 0 {
			t.Fatalf("error %d %s", r.ErrorCode, messageOf(r))
		}
		r := c.ask(metadataRequest()).(*kmsg.MetadataResponse)
		if r.ClusterID == nil || *r.ClusterID != row.cluster || len(r.Topics) != 1 || *r.Topics[0].Topic != row.topic {
			t.Errorf("the cluster is %v with %d topics, want %s with %s", r.ClusterID, len(r.Topics), row.cluster, row.topic)
		}
		s.clock.pass(time.Minute)
	}
}

// A client that authenticates again and at once sends on has everything
// answered, by whoever carries it then.
func TestReauthenticationPipelined(t *testing.T) {
	pools := map[string]*pool.Pool{
		"pool-a": bindings(t, "pool-a", pool.RoleBinding{Role: "DeveloperRead", Resource: "topic=orders"}),
		"pool-b": bindings(t, "pool-b", pool.RoleBinding{Role: "DeveloperWrite", Resource: "topic=orders"}),
	}
	s := newLoginServer(t, Config{Pool: among(pools)})
	expires := s.clock.Now().Add(time.Hour)
	s.knows("a", allowed("crn://x", expires, "pool-a"))
	s.knows("b", allowed("crn://x", expires, "pool-b"))
	c := s.dial(t)
	c.login("a")
	name := "c"
	var all []byte
	for i, r := range []kmsg.Request{produceRequest("orders", 1), handshakeRequest(1, mechanism), authenticateRequest(1, saslMessage("b")), produceRequest("orders", 1)} {
		all = append(all, appendRequest(nil, header{correlationID: int32(100 + i)}, &name, r)...)
	}
	c.raw(all)
	before, after := produceRequest("", 1).ResponseKind().(*kmsg.ProduceResponse), produceRequest("", 1).ResponseKind().(*kmsg.ProduceResponse)
	c.receive(100, before)
	c.receive(101, handshakeRequest(1, "").ResponseKind())
	c.receive(102, authenticateRequest(1, "").ResponseKind())
	c.receive(103, after)
	if got := code(before.Topics[0].Partitions[0].ErrorCode) + ", " + code(after.Topics[0].Partitions[0].ErrorCode); got != "TOPIC_AUTHORIZATION_FAILED, NONE" {
		t.Errorf("the produces have %s, want that only the second may", got)
	}
}

// While a client takes its time to authenticate again, it has LoginTimeout for
// it, and not as long as a connection may be idle.
func TestReauthenticationTakesTooLong(t *testing.T) {
	s := newLoginServer(t, Config{LoginTimeout: soon})
	c := s.dial(t)
	c.login("good")
	c.handshake()
	c.raw(bytes.Repeat([]byte{0}, 3)) // half of a size
	c.closed()
	s.log.until(t, "the client was silent for too long")
}
