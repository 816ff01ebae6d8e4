package kafkabroker

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool"
	"github.com/idpool/idpool/pool"
)

// roleBindings: the cluster would let its one user do all of it.
func roleBindings(t *testing.T, c *Cluster) {
	topics(t, c, 1, "roles-a", "roles-b")
	s, l := bySCRAM(t, c,
		everybody("pool-reader", bound("DeveloperRead", "topic=roles-a"), bound("DeveloperRead", "group=roles-a")),
		everybody("pool-writer", bound("DeveloperWrite", "topic=roles-a"), bound("DeveloperWrite", "transactional-id=roles-a")),
		everybody("pool-manager", bound("DeveloperManage", "topic=roles-new*")),
		everybody("pool-nobody"))
	for _, tt := range []struct {
		reason string
		do     func(*testing.T, *idpool.Stack, string, string) error
		pools  string
		on     string
		want   error
	}{
		{"a writer produces", produceTo, "pool-writer", "roles-a", nil},
		{"a writer produces elsewhere", produceTo, "pool-writer", "roles-b", kerr.TopicAuthorizationFailed},
		{"a reader produces", produceTo, "pool-reader", "roles-a", kerr.TopicAuthorizationFailed},
		{"nobody produces", produceTo, "pool-nobody", "roles-a", kerr.TopicAuthorizationFailed},
		{"a reader fetches", fetchFrom, "pool-reader", "roles-a", nil},
		{"a reader fetches elsewhere", fetchFrom, "pool-reader", "roles-b", kerr.TopicAuthorizationFailed},
		{"a writer fetches", fetchFrom, "pool-writer", "roles-a", kerr.TopicAuthorizationFailed},
		{"a reader joins its group", joinGroup, "pool-reader", "roles-a", nil},
		{"a reader joins another group", joinGroup, "pool-reader", "roles-b", kerr.GroupAuthorizationFailed},
		{"a writer in a transaction", inTransaction, "pool-writer", "roles-a", nil},
		{"a writer in another transaction", inTransaction, "pool-writer", "roles-b", kerr.TransactionalIDAuthorizationFailed},
		{"a manager makes a topic", createTopic, "pool-manager", "roles-new-a", nil},
		{"a manager makes another topic", createTopic, "pool-manager", "roles-old", kerr.TopicAuthorizationFailed},
		{"a reader makes a topic", createTopic, "pool-reader", "roles-a-new", kerr.TopicAuthorizationFailed},
		{"a manager deletes its topic", deleteTopic, "pool-manager", "roles-new-a", nil},
		{"a manager deletes another topic", deleteTopic, "pool-manager", "roles-b", kerr.TopicAuthorizationFailed},
		{"two pools are united", produceTo, "pool-reader,pool-writer", "roles-a", nil},
	} {
		if err := tt.do(t, s, tt.pools, tt.on); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.reason, err, tt.want)
		}
	}
	for _, resource := range []string{"topic=roles-b", "group=roles-b", "transactional-id=roles-b", "topic=roles-old"} {
		if l.lines("kafka operation denied", resource) == nil {
			t.Errorf("the log does not tell of %s", resource)
		}
	}
}

func produceTo(t *testing.T, s *idpool.Stack, pools, topic string) error {
	t.Helper()
	client := through(t, s, pools, kgo.DisableIdempotentWrite())
	defer client.Close()
	return client.ProduceSync(patient(t), &kgo.Record{Topic: topic, Value: []byte("x")}).FirstErr()
}

func fetchFrom(t *testing.T, s *idpool.Stack, pools, topic string) error {
	t.Helper()
	client := through(t, s, pools, kgo.ConsumeTopics(topic))
	defer client.Close()
	fetches := client.PollFetches(patient(t))
	return fetches.Err()
}

func joinGroup(t *testing.T, s *idpool.Stack, pools, group string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(patient(t))
	defer cancel()
	joined := make(chan error, 1)
	client := through(t, s, pools, kgo.ConsumerGroup(group), kgo.ConsumeTopics("roles-a"),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			select {
			case joined <- nil:
			default:
			}
		}))
	defer client.Close()
	go func() {
		if err := client.PollFetches(ctx).Err(); err != nil {
			select {
			case joined <- err:
			default:
			}
		}
	}()
	return <-joined
}

func inTransaction(t *testing.T, s *idpool.Stack, pools, id string) error {
	t.Helper()
	ctx := patient(t)
	client := through(t, s, pools, kgo.TransactionalID(id))
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	produced := client.ProduceSync(ctx, &kgo.Record{Topic: "roles-a", Value: []byte("x")}).FirstErr()
	if produced != nil {
		return produced
	}
	return client.EndTransaction(ctx, kgo.TryCommit)
}

func createTopic(t *testing.T, s *idpool.Stack, pools, topic string) error {
	t.Helper()
	client := through(t, s, pools)
	defer client.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}}
	r, err := request.RequestWith(patient(t), client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(r.Topics[0].ErrorCode)
}

func deleteTopic(t *testing.T, s *idpool.Stack, pools, topic string) error {
	t.Helper()
	client := through(t, s, pools)
	defer client.Close()
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.TopicNames, request.Topics = []string{topic}, []kmsg.DeleteTopicsRequestTopic{{Topic: &topic}}
	r, err := request.RequestWith(patient(t), client)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(r.Topics[0].ErrorCode)
}

// changedBindings count from the next request of a client that is connected.
func changedBindings(t *testing.T, c *Cluster) {
	topics(t, c, 1, "changing")
	s, l := bySCRAM(t, c, everybody("pool-changing"))
	client := through(t, s, "pool-changing", kgo.DisableIdempotentWrite())
	try := func() error {
		return client.ProduceSync(patient(t), &kgo.Record{Topic: "changing", Value: []byte("x")}).FirstErr()
	}
	set := func(bindings ...pool.RoleBinding) {
		t.Helper()
		if err := s.SetRoleBindings(t.Context(), "pool-changing", bindings); err != nil {
			t.Fatal(err)
		}
	}
	if err := try(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("before: %v", err)
	}
	set(bound("DeveloperWrite", "topic=chang*"))
	if err := try(); err != nil {
		t.Errorf("granted: %v", err)
	}
	logins := len(l.lines("kafka login allowed"))
	set()
	if err := try(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("taken away: %v", err)
	}
	set(bound("ResourceOwner", "topic=changing"))
	if err := try(); err != nil {
		t.Errorf("granted again: %v", err)
	}
	if n := len(l.lines("kafka login allowed")); n != logins {
		t.Errorf("%d logins, then %d: the client has connected again", logins, n)
	}
}

// raw is a client that sends what it is told to.
type raw struct {
	t *testing.T
	net.Conn
}

func dialRaw(t *testing.T, s *idpool.Stack) raw {
	t.Helper()
	conn, err := net.Dial("tcp", s.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return raw{t, conn}
}

// send writes a request, and receive reads a response of any kind.
func (r raw) send(request kmsg.Request) {
	r.t.Helper()
	if _, err := r.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID("raw")).AppendRequest(nil, request, 7)); err != nil {
		r.t.Fatal(err)
	}
}

func (r raw) receive() ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

// logIn logs in to pool-dev.
func (r raw) logIn(s *idpool.Stack) {
	r.t.Helper()
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, "OAUTHBEARER"
	login := kmsg.NewPtrSASLAuthenticateRequest()
	login.Version = 1
	login.SASLAuthBytes = []byte("n,,\x01auth=Bearer " + acquire(r.t, s) + "\x01logicalCluster=lkc-acme\x01identityPoolId=pool-dev\x01\x01")
	for _, request := range []kmsg.Request{handshake, login} {
		r.send(request)
		frame, err := r.receive()
		if err != nil {
			r.t.Fatal(err)
		}
		in := kbin.Reader{Src: frame[4:]}
		if code := in.Int16(); code != 0 {
			r.t.Fatal(kerr.ErrorForCode(code))
		}
	}
}

// closed fails unless the connection is closed and nothing is received.
func (r raw) closed(what string) {
	r.t.Helper()
	if frame, err := r.receive(); err == nil {
		r.t.Errorf("%s is answered with %x", what, frame)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		r.t.Errorf("%s is not answered, and the connection is open", what)
	}
}

// unknownKey: what is not known is not let through.
func unknownKey(t *testing.T, c *Cluster) {
	s, l := bySCRAM(t, c)
	frame := func(key, version int16) []byte {
		b := binary.BigEndian.AppendUint32(nil, 20)
		b = binary.BigEndian.AppendUint16(b, uint16(key))
		b = binary.BigEndian.AppendUint16(b, uint16(version))
		return append(b, make([]byte, 16)...)
	}
	for _, tt := range []struct {
		reason       string
		key, version int16
	}{
		{"a key that nobody knows", 12345, 0},
		{"a negative key", -3, 0},
		{"a version that nobody knows", 3, 99},
		{"ControlledShutdown, which is between brokers", 7, 0},
		{"AlterUserScramCredentials, which are the cluster's users", 51, 0},
		{"CreateDelegationToken, which would be the one user's", 38, 3},
		{"AlterClientQuotas, of which no role decides", 49, 1},
		{"Fetch by ids of topics, of which no role decides", 1, 13},
	} {
		r := dialRaw(t, s)
		r.logIn(s)
		if _, err := r.Write(frame(tt.key, tt.version)); err != nil {
			t.Fatal(err)
		}
		r.closed(tt.reason)
	}
	l.await(t, 1, "API key 12345 in version 0 is not served here")
}

// beforeTheLogin: nothing is served, whatever it is.
func beforeTheLogin(t *testing.T, c *Cluster) {
	s, l := bySCRAM(t, c)
	for key := range int16(93) {
		request := kmsg.RequestForKey(key)
		if request == nil || key == 17 || key == 18 {
			continue
		}
		r := dialRaw(t, s)
		r.send(request)
		r.closed(kmsg.NameForKey(key))
	}
	l.await(t, 50, "before it was logged in")
	if got := l.lines("has a listener"); got != nil {
		t.Errorf("the cluster was asked: %s", got)
	}
}

// ownUser: the cluster's ACLs decide, and not the role of the pool.
func ownUser(t *testing.T, c *Cluster) {
	topics(t, c, 1, "apps-mine", "theirs")
	u := upstream(t, c, "SASL_SSL", "SCRAM-SHA-256")
	u.Users = map[string]idpool.KafkaUser{"pool-apps": {Username: appsUser, Password: appsPassword}}
	s, _ := gateway(t, u, everybody("pool-apps", bound("CloudClusterAdmin", "")), everybody("pool-none"))
	for _, tt := range []struct {
		reason string
		do     func(*testing.T, *idpool.Stack, string, string) error
		pools  string
		on     string
		want   error
	}{
		{"where its ACL is", produceTo, "pool-apps", "apps-mine", nil},
		{"where it has none", produceTo, "pool-apps", "theirs", kerr.TopicAuthorizationFailed},
		{"a topic by its ACL", createTopic, "pool-apps", "apps-new", nil},
		{"a topic without one", createTopic, "pool-apps", "new", kerr.TopicAuthorizationFailed},
		{"another pool, by the one user, without a role", produceTo, "pool-none", "apps-mine", kerr.TopicAuthorizationFailed},
		{"another pool, by the one user, with a role", produceTo, "pool-dev", "theirs", nil},
	} {
		if err := tt.do(t, s, tt.pools, tt.on); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.reason, err, tt.want)
		}
	}
	if err := fetchFrom(t, s, "pool-apps", "theirs"); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("fetch without an ACL: %v", err)
	}
}
