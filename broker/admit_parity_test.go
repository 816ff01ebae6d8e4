package broker

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// parityBindings are the role bindings of the clients that are compared.
func parityBindings() map[string][]pool.RoleBinding {
	bind := func(role string, resources ...string) (all []pool.RoleBinding) {
		for _, r := range resources {
			all = append(all, pool.RoleBinding{Role: role, Cluster: "lkc-acme", Resource: r})
		}
		return all
	}
	return map[string][]pool.RoleBinding{
		"none":            nil,
		"read":            bind("DeveloperRead", "topic=mine", "group=mine"),
		"readPrefix":      bind("DeveloperRead", "topic=m*", "group=*"),
		"write":           bind("DeveloperWrite", "topic=mine", "transactional-id=mine"),
		"manage":          bind("DeveloperManage", "topic=mine", "group=mine"),
		"owner":           bind("ResourceOwner", "topic=mine", "group=mine", "transactional-id=mine"),
		"ownerTopic":      bind("ResourceOwner", "topic=mi*"),
		"readWrite":       append(bind("DeveloperRead", "topic=theirs", "group=mine"), bind("DeveloperWrite", "topic=mine", "transactional-id=m*")...),
		"operator":        bind("Operator", ""),
		"clusterAdmin":    bind("CloudClusterAdmin", ""),
		"elsewhere":       bind("MetricsViewer", ""),
		"readTransaction": bind("DeveloperRead", "transactional-id=mine", "topic=theirs"),
	}
}

// aclsOf translates role bindings into the cluster's own access control, by
// asking each binding what it allows.
func aclsOf(bindings []pool.RoleBinding) (acls []kfake.ACL) {
	types := map[string]kmsg.ACLResourceType{
		"topic": kmsg.ACLResourceTypeTopic, "group": kmsg.ACLResourceTypeGroup,
		"transactional-id": kmsg.ACLResourceTypeTransactionalId, pool.OnCluster: kmsg.ACLResourceTypeCluster,
	}
	for _, b := range bindings {
		for kind, resourceType := range types {
			acl := kfake.ACL{Resource: resourceType, Name: "*", Pattern: kmsg.ACLResourcePatternTypeLiteral, Allow: true}
			asked := kind + "=anything"
			bound, name, _ := strings.Cut(b.Resource, "=")
			switch {
			case kind == pool.OnCluster:
				acl.Name, asked = "kafka-cluster", kind
			case bound == kind && name != "*":
				acl.Name, asked = strings.TrimSuffix(name, "*"), kind+"="+strings.TrimSuffix(name, "*")
				if strings.HasSuffix(name, "*") {
					acl.Pattern = kmsg.ACLResourcePatternTypePrefixed
				}
			}
			for number, operation := range parityOperations() {
				if b.Allows(pool.Operation{Name: operation, Resource: asked}) {
					acl.Operation = number
					acls = append(acls, acl)
				}
			}
		}
	}
	return acls
}

func parityOperations() map[kmsg.ACLOperation]string {
	return map[kmsg.ACLOperation]string{3: "Read", 4: "Write", 5: "Create", 6: "Delete", 7: "Alter", 8: "Describe",
		9: "ClusterAction", 10: "DescribeConfigs", 11: "AlterConfigs", 12: "IdempotentWrite"}
}

// A parityDifference is how what is told about one API differs between kfake and
// here, and why that is meant: each pair is what kfake tells and what is told
// here. All of them are of kfake and none of Kafka, from whose KafkaApis the
// reasons are.
type parityDifference struct {
	api, reason string
	pairs       [][2]string
}

func parityDifferences() []parityDifference {
	return []parityDifference{
		{"Produce", "kfake does not look at the transactional id, which Kafka asks Write on before any topic", [][2]string{
			{"mine=29 theirs=29; mine theirs", "mine=53 theirs=53; mine theirs"},
			{"mine=2 theirs=29; mine theirs", "mine=53 theirs=53; mine theirs"},
		}},
		{"AddPartitionsToTxn", "kfake says of topics that may be written that they are denied; Kafka that they were not attempted", [][2]string{
			{"mine=29 theirs=29; mine theirs", "mine=55 theirs=29; mine theirs"},
		}},
		{"TxnOffsetCommit", "kfake denies all topics for one; Kafka commits the others (49: this one's producer is unknown)", [][2]string{
			{"mine=29 theirs=29; mine theirs", "mine=29 theirs=49; mine theirs"},
			{"mine=29 theirs=29; mine theirs", "mine=49 theirs=29; mine theirs"},
		}},
		{"OffsetDelete", "kfake does not look at topics; Kafka needs Read on each", [][2]string{
			{"mine=0 theirs=0; mine theirs", "mine=0 theirs=29; mine theirs"},
			{"mine=0 theirs=0; mine theirs", "mine=29 theirs=29; mine theirs"},
		}},
		{"OffsetFetch", "kfake does not look at topics; Kafka needs Describe on each, and leaves others out of all", [][2]string{
			{"mine=0 theirs=0; mine theirs", "mine=0 theirs=29; mine theirs"},
			{"mine=0 theirs=0; mine theirs", "mine=0; mine"},
			{"mine=0 theirs=0; mine theirs", "mine=0 theirs=0 theirs=29; mine theirs"},
			{"mine=0 theirs=0 theirs=30; mine theirs", "mine=0 theirs=29 theirs=30; mine theirs"},
		}},
		{"OffsetFetch", "kfake sets the error of the whole response, which version 0 does not have: Kafka sets that of each partition", [][2]string{
			{"", "mine=30 theirs=30; mine theirs"},
		}},
		{"ConsumerGroupHeartbeat", "kfake does not look at topics; Kafka needs Describe on each", [][2]string{
			{"", "=29"},
		}},
		{"Metadata", "kfake takes no topic at version 0 for none; it is all in Kafka, which is asked about all so as not to create topics that may not be created", [][2]string{
			{"mine=0 theirs=0; mine theirs", "mine=3 theirs=3; mine theirs"},
			{"mine=0 theirs=29; mine theirs", "mine=3 theirs=29; mine theirs"},
			{"mine=29 theirs=0; mine theirs", "mine=29 theirs=3; mine theirs"},
		}},
		{"Metadata", "operations on the cluster need Describe on it, and Read, Write and Delete are none of them", [][2]string{
			{"mine=0; mine; :1000000000000 mine:100010000", "mine=0; mine; :0 mine:100010000"},
			{"mine=0 theirs=0; mine theirs; :1000000000000 mine:100010000 theirs:100001000", "mine=0 theirs=0; mine theirs; :0 mine:100010000 theirs:100001000"},
			{"mine=0 theirs=0; mine theirs; :1111111111000 mine:110111111000 theirs:110111111000", "mine=0 theirs=0; mine theirs; :1111110100000 mine:110111111000 theirs:110111111000"},
		}},
		{"DescribeCluster", "as in Metadata", [][2]string{
			{":1000000000000", ":0"},
			{":1111111111000", ":1111110100000"},
		}},
		{"DescribeGroups", "a group's configuration has operations since Kafka 4.0", [][2]string{
			{"mine=0 theirs=0; mine theirs; mine:101001000 theirs:101001000", "mine=0 theirs=0; mine theirs; mine:110101001000 theirs:110101001000"},
		}},
	}
}

// parityRequests are what is compared: for each key a request at the lowest and
// at the highest version, and some in which little differs and all is decided
// otherwise.
func parityRequests(t testing.TB, versions map[int16][2]int16) map[string]kmsg.Request {
	all := map[string]kmsg.Request{}
	for key := range admitted() {
		for _, version := range versions[key] {
			all[fmt.Sprintf("%s v%d", kmsg.NameForKey(key), version)] = fit(filled(t, key, version))
		}
	}
	produce := filled(t, 0, 12).(*kmsg.ProduceRequest)
	produce.TransactionID = nil
	idempotent := fit(filled(t, 22, 4)).(*kmsg.InitProducerIDRequest)
	idempotent.TransactionalID = nil
	everything := filled(t, 3, 9).(*kmsg.MetadataRequest)
	everything.Topics, everything.IncludeClusterAuthorizedOperations, everything.IncludeTopicAuthorizedOperations = nil, true, true
	offsets := filled(t, 9, 7).(*kmsg.OffsetFetchRequest)
	offsets.Topics = nil
	transaction := filled(t, 10, 4).(*kmsg.FindCoordinatorRequest)
	transaction.CoordinatorType = 1
	brokers := filled(t, 32, 4).(*kmsg.DescribeConfigsRequest)
	brokers.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "0"}}
	cluster := filled(t, 60, 0).(*kmsg.DescribeClusterRequest)
	cluster.IncludeClusterAuthorizedOperations = true
	groups := filled(t, 15, 5).(*kmsg.DescribeGroupsRequest)
	groups.IncludeAuthorizedOperations = true
	partitions := filled(t, 75, 0).(*kmsg.DescribeTopicPartitionsRequest)
	partitions.Topics = nil
	maps.Copy(all, map[string]kmsg.Request{
		"Produce: no transaction":             produce,
		"InitProducerID: no transaction":      idempotent,
		"Metadata: all topics, operations":    everything,
		"Metadata: may create, has no flag":   filled(t, 3, 1),
		"OffsetFetch: all topics":             offsets,
		"FindCoordinator: transactions":       transaction,
		"DescribeConfigs: a broker":           brokers,
		"DescribeCluster: operations":         cluster,
		"DescribeGroups: operations":          groups,
		"DescribeTopicPartitions: all topics": partitions,
	})
	return all
}

// fit makes of a filled request one that kfake looks at the rights of: it does
// not get as far with a member that it does not know.
func fit(req kmsg.Request) kmsg.Request {
	switch r := req.(type) {
	case *kmsg.JoinGroupRequest:
		r.InstanceID = nil
	case *kmsg.InitProducerIDRequest:
		r.TransactionTimeoutMillis, r.ProducerID, r.ProducerEpoch = 1000, -1, -1
	case *kmsg.OffsetCommitRequest:
		r.Generation, r.MemberID, r.InstanceID = -1, "", nil
	case *kmsg.ConsumerGroupHeartbeatRequest:
		r.RebalanceTimeoutMillis, r.InstanceID, r.ServerAssignor = 1000, nil, nil
		r.Topics = []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		r.Group = "new" // a group of the other protocol has mine
	}
	return req
}

// What a client is told is the same whether the cluster decides, by the access
// control that its role bindings translate to, or admit does before a cluster
// that lets everybody do everything, but for parityDifferences.
func TestAdmitParity(t *testing.T) {
	versions := parityVersions(t)
	unseen := map[[3]string]bool{}
	for _, d := range parityDifferences() {
		for _, pair := range d.pairs {
			unseen[[3]string{d.api, pair[0], pair[1]}] = true
		}
	}
	meant := maps.Clone(unseen)
	for name, bindings := range parityBindings() {
		for what, req := range parityRequests(t, versions) {
			kfakes, here := parity(t, bindings, req)
			d := [3]string{kmsg.NameForKey(req.Key()), kfakes, here}
			delete(unseen, d)
			if kfakes != here && !meant[d] {
				t.Errorf("%s, %s: kfake tells %q, here it is %q", name, what, kfakes, here)
			}
		}
	}
	for d := range unseen {
		t.Errorf("there is no such difference any more: %q", d)
	}
}

// parity returns what the cluster tells the client itself, and what it is told
// by admit before the same cluster and its superuser.
func parity(t *testing.T, bindings []pool.RoleBinding, req kmsg.Request) (kfakes, here string) {
	t.Helper()
	direct := parityCluster(t, bindings, "client")
	defer direct.Close()
	super := parityCluster(t, bindings, "super")
	defer super.Close()
	kfakes = told(direct.ask(t, req))
	a, ok := admit(req, func(o pool.Operation) bool {
		return slices.ContainsFunc(bindings, func(b pool.RoleBinding) bool { return allowsSome(b, o) })
	})
	if !ok {
		t.Fatal("not in the table")
	}
	return kfakes, told(passed(t, req, a, func(r kmsg.Request) kmsg.Response { return super.ask(t, r) }))
}

// told is what a response says that rights decide about: errors, names and
// operations.
func told(resp kmsg.Response) string {
	operations := map[string]bool{}
	walk(reflect.ValueOf(resp).Elem(), "", func(row reflect.Value, name string) {
		for _, f := range []string{"AuthorizedOperations", "ClusterAuthorizedOperations"} {
			if bits := row.FieldByName(f); bits.IsValid() && bits.Int() != math.MinInt32 {
				operations[fmt.Sprintf("%s:%b", name, bits.Int())] = true
			}
		}
	})
	parts := []string{verdict(resp), names(resp), strings.Join(slices.Sorted(maps.Keys(operations)), " ")}
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "; ")
}

// A parityConn is a connection to a cluster of one broker, which has the topics,
// groups and transactional ids mine and theirs. Its closing is the cluster's.
type parityConn struct {
	net.Conn
	cluster *kfake.Cluster
}

// parityCluster begins a cluster with a client of these role bindings and logs
// in there as client or super.
func parityCluster(t *testing.T, bindings []pool.RoleBinding, user string) parityConn {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "mine", "theirs"), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.Superuser("PLAIN", "super", "secret"), kfake.User("PLAIN", "client", "secret", aclsOf(bindings)...))
	if err != nil {
		t.Fatal(err)
	}
	super := parityLogin(t, c, "super")
	defer super.Conn.Close()
	for _, name := range []string{"mine", "theirs"} {
		commit := fit(filled(t, 8, 8)).(*kmsg.OffsetCommitRequest)
		commit.Group = name
		super.ask(t, commit)
		begin := fit(filled(t, 22, 4)).(*kmsg.InitProducerIDRequest)
		begin.TransactionalID = &name
		super.ask(t, begin)
	}
	return parityLogin(t, c, user)
}

func (c parityConn) Close() error {
	c.cluster.Close()
	return c.Conn.Close()
}

func parityLogin(t *testing.T, cluster *kfake.Cluster, user string) parityConn {
	t.Helper()
	conn, err := net.Dial("tcp", cluster.ListenAddrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	c := parityConn{conn, cluster}
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, "PLAIN"
	c.ask(t, handshake)
	login := kmsg.NewPtrSASLAuthenticateRequest()
	login.Version, login.SASLAuthBytes = 2, []byte("\x00"+user+"\x00secret")
	if resp := c.ask(t, login).(*kmsg.SASLAuthenticateResponse); resp.ErrorCode != 0 {
		t.Fatalf("login: %d", resp.ErrorCode)
	}
	return c
}

// ask sends a request and reads its response.
func (c parityConn) ask(t *testing.T, req kmsg.Request) kmsg.Response {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		t.Fatal(err)
	}
	size := make([]byte, 4)
	if _, err := io.ReadFull(c, size); err != nil {
		t.Fatalf("%s v%d: %v", kmsg.NameForKey(req.Key()), req.GetVersion(), err)
	}
	body := make([]byte, binary.BigEndian.Uint32(size))
	if _, err := io.ReadFull(c, body); err != nil {
		t.Fatal(err)
	}
	resp, header := req.ResponseKind(), 4
	if resp.IsFlexible() && resp.Key() != 18 {
		header = 5 // its tags, of which kfake has none
	}
	if err := resp.ReadFrom(body[header:]); err != nil {
		t.Fatal(err)
	}
	return resp
}

// parityVersions are the lowest and the highest version of each key that both
// kfake and admit know.
func parityVersions(t *testing.T) map[int16][2]int16 {
	super := parityCluster(t, nil, "super")
	defer super.Close()
	req := kmsg.NewPtrApiVersionsRequest()
	resp := super.ask(t, req).(*kmsg.ApiVersionsResponse)
	versions := map[int16][2]int16{}
	for _, k := range resp.ApiKeys {
		if highest, ok := admitted()[k.ApiKey]; ok {
			versions[k.ApiKey] = [2]int16{k.MinVersion, min(k.MaxVersion, highest)}
		}
	}
	if keys := slices.Sorted(maps.Keys(versions)); !reflect.DeepEqual(keys, slices.Sorted(maps.Keys(admitted()))) {
		t.Errorf("kfake knows of the table only %v", keys)
	}
	return versions
}
