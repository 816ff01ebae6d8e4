package kafkabroker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool"
)

// addresses: three brokers are told, and where to find them is here.
func addresses(t *testing.T, c *Cluster) {
	s, _ := bySCRAM(t, c)
	var heard sniffer
	client := through(t, s, "pool-dev", heard.option())
	ctx := patient(t)
	metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, client)
	if err != nil || len(metadata.Brokers) != 3 {
		t.Fatalf("%d brokers, %v", len(metadata.Brokers), err)
	}
	described, err := kmsg.NewPtrDescribeClusterRequest().RequestWith(ctx, client)
	if err != nil || len(described.Brokers) != 3 {
		t.Fatalf("%d brokers, %v", len(described.Brokers), err)
	}
	if described.ClusterID != ClusterID {
		t.Errorf("cluster id %q, want the cluster's own", described.ClusterID)
	}
	for i, b := range described.Brokers {
		at := slices.IndexFunc(metadata.Brokers, func(m kmsg.MetadataResponseBroker) bool { return m.NodeID == b.NodeID })
		if at < 0 || metadata.Brokers[at].Host != b.Host || metadata.Brokers[at].Port != b.Port {
			t.Errorf("broker %d is told two ways: %+v, %+v", i, b, metadata.Brokers)
		}
	}
	for kind := range int8(2) { // of a group, and of a transaction
		find := kmsg.NewPtrFindCoordinatorRequest()
		find.CoordinatorType, find.CoordinatorKeys = kind, []string{"a", "b", "c", "d"}
		for _, b := range client.DiscoveredBrokers() {
			got, err := b.Request(ctx, find)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(got.(*kmsg.FindCoordinatorResponse).Coordinators); n != 4 {
				t.Errorf("%d coordinators", n)
			}
		}
	}
	configs := kmsg.NewPtrDescribeConfigsRequest()
	configs.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeBroker, ResourceName: "1"}}
	got, err := configs.RequestWith(ctx, client)
	if err != nil || len(got.Resources) != 1 || len(got.Resources[0].Configs) < 50 {
		t.Fatalf("the settings of a broker: %+v, %v", got, err)
	}
	heard.noLeak(t, c)
}

// allowApps lets the user of pool-apps do anything with what begins with apps.
func allowApps(t *testing.T, c *Cluster) {
	t.Helper()
	request := kmsg.NewPtrCreateACLsRequest()
	for _, kind := range []kmsg.ACLResourceType{kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup, kmsg.ACLResourceTypeTransactionalId} {
		rule := kmsg.NewCreateACLsRequestCreation()
		rule.ResourceType, rule.ResourceName, rule.ResourcePatternType = kind, "apps", kmsg.ACLResourcePatternTypePrefixed
		rule.Principal, rule.Host = "User:"+appsUser, "*"
		rule.Operation, rule.PermissionType = kmsg.ACLOperationAll, kmsg.ACLPermissionTypeAllow
		request.Creations = append(request.Creations, rule)
	}
	response, err := request.RequestWith(patient(t), connect(t, c.Bootstrap("PLAINTEXT")))
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range response.Results {
		if err := kerr.ErrorForCode(made.ErrorCode); err != nil {
			t.Fatal(err)
		}
	}
	granted(t, c, appsUser, len(request.Creations))
}

// move makes another broker lead the one partition of a topic, and says which.
func move(t *testing.T, admin *kgo.Client, topic string, turn int) {
	t.Helper()
	ctx := patient(t)
	assign := kmsg.NewPtrAlterPartitionAssignmentsRequest()
	wanted := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	wanted.Replicas = []int32{int32(turn%3 + 1), int32((turn+1)%3 + 1), int32((turn+2)%3 + 1)}
	assign.Topics = []kmsg.AlterPartitionAssignmentsRequestTopic{{Topic: topic, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{wanted}}}
	assign.TimeoutMillis = 10000
	if r, err := assign.RequestWith(ctx, admin); err != nil || r.ErrorCode != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	elect := kmsg.NewPtrElectLeadersRequest()
	elect.Topics = []kmsg.ElectLeadersRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	elect.TimeoutMillis = 10000
	if r, err := elect.RequestWith(ctx, admin); err != nil || r.ErrorCode != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
}

// movingLeaders: who asks the wrong broker is told the right one's address in
// the answer to Produce and Fetch (KIP-951).
func movingLeaders(t *testing.T, c *Cluster) {
	const name = "apps-moving"
	topics(t, c, 1, name)
	s := byOwnUser(t, c)
	var heard sniffer
	// Each learns by itself, and not by metadata unless it is told nothing.
	slow := []kgo.Opt{heard.option(), kgo.MetadataMinAge(10 * time.Second), kgo.MetadataMaxAge(time.Hour)}
	writer := through(t, s, "pool-apps", slow...)
	reader := through(t, s, "pool-apps", append(slow, kgo.ConsumeTopics(name))...)
	admin := connect(t, c.Bootstrap("PLAINTEXT"))
	told := func() (produced, fetched int) {
		for _, r := range heard.responses(t, 0) {
			produced += len(r.(*kmsg.ProduceResponse).Brokers)
		}
		for _, r := range heard.responses(t, 1) {
			fetched += len(r.(*kmsg.FetchResponse).Brokers)
		}
		return produced, fetched
	}
	var produced, fetched, sent int
	seen := map[string]bool{}
	for turn := 0; turn < 20 && (produced == 0 || fetched == 0); turn++ {
		move(t, admin, name, turn)
		if err := writer.ProduceSync(patient(t), &kgo.Record{Topic: name, Value: fmt.Append(nil, sent)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		sent++
		for ctx := patient(t); len(seen) < sent; {
			fetches := reader.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
		}
		produced, fetched = told()
	}
	if produced == 0 || fetched == 0 {
		t.Errorf("the leaders' addresses were in %d answers to Produce and %d to Fetch, want some in both", produced, fetched)
	}
	for _, r := range append(heard.responses(t, 0), heard.responses(t, 1)...) {
		if key, version := r.Key(), r.GetVersion(); key == 0 && version < 13 || key == 1 && version < 16 {
			t.Fatalf("API key %d in version %d", key, version)
		}
	}
	heard.noLeak(t, c)
}

// groups: three members share six partitions, by the classic protocol and by
// KIP-848, where role bindings count and where the cluster decides.
func groups(t *testing.T, c *Cluster) {
	s, _ := bySCRAM(t, c)
	own := byOwnUser(t, c)
	for _, tt := range []struct {
		name, pools string
		stack       *idpool.Stack
		protocol    []kgo.Opt
		joins       int16 // the API key of who joins by it
	}{
		{"apps-classic", "pool-dev", s, nil, 11},
		{"apps-848", "pool-dev", s, []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer())}, 68},
		{"apps-848-own", "pool-apps", own, []kgo.Opt{kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer())}, 68},
	} {
		t.Run(tt.name, func(t *testing.T) {
			topics(t, c, 6, tt.name)
			var heard sniffer
			produce(t, through(t, tt.stack, tt.pools, heard.option()), tt.name, 60)
			share(t, tt.name, func() *kgo.Client {
				return through(t, tt.stack, tt.pools, append(tt.protocol, heard.option(), kgo.ConsumerGroup(tt.name), kgo.ConsumeTopics(tt.name), kgo.DisableAutoCommit())...)
			})
			if n := heard.requests(); n[tt.joins] == 0 || n[11]+n[68] != n[tt.joins] {
				t.Errorf("joined by %d of JoinGroup and %d of ConsumerGroupHeartbeat", n[11], n[68])
			}
			heard.noLeak(t, c)
		})
	}
}

// share reads all 60 records in three members, each of which has two of the six
// partitions in the end, commits, and reads on with one member alone.
func share(t *testing.T, topic string, member func() *kgo.Client) {
	t.Helper()
	ctx := patient(t)
	seen, members := map[string]bool{}, []*kgo.Client{member(), member(), member()}
	has := func() (partitions []int, committed int64) {
		for _, m := range members {
			at := m.CommittedOffsets()[topic]
			partitions = append(partitions, len(at))
			for _, to := range at {
				committed += to.Offset
			}
		}
		return partitions, committed
	}
	for partitions, committed := has(); len(seen) < 60 || !slices.Equal(partitions, []int{2, 2, 2}) || committed != 60; partitions, committed = has() {
		if ctx.Err() != nil {
			t.Fatalf("%d of 60 records, of which %d are committed, members that have %v partitions", len(seen), committed, partitions)
		}
		for _, m := range members {
			short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			m.PollFetches(short).EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
			cancel()
			if err := m.CommitUncommittedOffsets(ctx); err != nil && !errors.Is(err, kerr.RebalanceInProgress) && !errors.Is(err, kerr.StaleMemberEpoch) && !errors.Is(err, kerr.IllegalGeneration) {
				t.Fatalf("commit: %v", err)
			}
		}
	}
	for _, m := range members {
		m.Close()
	}
	last := member()
	produce(t, last, topic, 1)
	if got := consume(t, last, 1); !got["0"] {
		t.Errorf("after what was committed comes %v, want the new record", got)
	}
}

// transactions: what was committed is read, and what was given up is not.
func transactions(t *testing.T, c *Cluster) {
	s, _ := bySCRAM(t, c)
	for _, tt := range []struct {
		name, pools string
		stack       *idpool.Stack
	}{{"apps-txn", "pool-dev", s}, {"apps-txn-own", "pool-apps", byOwnUser(t, c)}} {
		t.Run(tt.name, func(t *testing.T) {
			topics(t, c, 3, tt.name)
			var heard sniffer
			ctx := patient(t)
			writer := through(t, tt.stack, tt.pools, heard.option(), kgo.TransactionalID(tt.name))
			for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
				if err := writer.BeginTransaction(); err != nil {
					t.Fatal(err)
				}
				for j := range 10 {
					writer.Produce(ctx, &kgo.Record{Topic: tt.name, Value: fmt.Appendf(nil, "%d/%d", i, j)}, func(_ *kgo.Record, err error) {
						if err != nil {
							t.Error(err)
						}
					})
				}
				if err := writer.Flush(ctx); err != nil {
					t.Fatal(err)
				}
				if err := writer.EndTransaction(ctx, end); err != nil {
					t.Fatal(err)
				}
			}
			reader := through(t, tt.stack, tt.pools, heard.option(), kgo.ConsumeTopics(tt.name), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
			for value := range consume(t, reader, 20) {
				if value[0] == '1' {
					t.Errorf("%s is read, which was given up", value)
				}
			}
			heard.noLeak(t, c)
		})
	}
}

// consumeTransformProduce: each record is carried over once, though every other
// transaction is given up.
func consumeTransformProduce(t *testing.T, c *Cluster) {
	const from, to, n = "apps-from", "apps-to", 40
	topics(t, c, 3, from, to)
	s, _ := bySCRAM(t, c)
	produce(t, through(t, s, "pool-dev"), from, n)
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(s.Kafka), tokens(s, "pool-dev", 0), kgo.TransactionalID("apps-eos"), kgo.ConsumerGroup("apps-eos"), kgo.ConsumeTopics(from),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.FetchMaxWait(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(session.Close)
	ctx, carried := patient(t), 0
	for turn := 0; carried < n; turn++ {
		fetches := session.PollRecords(ctx, 7)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		if err := session.Begin(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			session.Produce(ctx, &kgo.Record{Topic: to, Value: r.Value}, nil)
		})
		committed, err := session.End(ctx, kgo.TransactionEndTry(turn%2 == 0))
		if err != nil {
			t.Fatal(err)
		}
		if committed {
			carried += fetches.NumRecords()
		}
	}
	reader, times := through(t, s, "pool-dev", kgo.ConsumeTopics(to), kgo.FetchIsolationLevel(kgo.ReadCommitted())), map[string]int{}
	for got := 0; got < n; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { times[string(r.Value)]++; got++ })
	}
	for i := range n {
		if got := times[strconv.Itoa(i)]; got != 1 {
			t.Errorf("record %d was carried over %d times", i, got)
		}
	}
}

// topicAdministration makes a topic, changes it and deletes it.
func topicAdministration(t *testing.T, c *Cluster) {
	const name = "apps-managed"
	s, _ := bySCRAM(t, c)
	var heard sniffer
	client, ctx := through(t, s, "pool-dev", heard.option()), patient(t)
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Topics = []kmsg.CreateTopicsRequestTopic{{Topic: name, NumPartitions: 1, ReplicationFactor: 3}}
	made, err := create.RequestWith(ctx, client)
	if err != nil || made.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	alter := kmsg.NewPtrIncrementalAlterConfigsRequest()
	retention := "3600000"
	alter.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: name,
		Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: &retention}}}}
	if r, err := alter.RequestWith(ctx, client); err != nil || r.Resources[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	more := kmsg.NewPtrCreatePartitionsRequest()
	more.Topics = []kmsg.CreatePartitionsRequestTopic{{Topic: name, Count: 4}}
	more.TimeoutMillis = 10000
	if r, err := more.RequestWith(ctx, client); err != nil || r.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	await(t, "4 partitions with the setting", func() bool {
		return partitions(t, client, name) == 4 && setting(t, client, name, "retention.ms") == retention
	})
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.TopicNames, remove.Topics = []string{name}, []kmsg.DeleteTopicsRequestTopic{{Topic: kmsg.StringPtr(name)}}
	remove.TimeoutMillis = 10000
	if r, err := remove.RequestWith(ctx, client); err != nil || r.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	await(t, "the end of the topic", func() bool { return partitions(t, client, name) == 0 })
	heard.noLeak(t, c)
}

func partitions(t *testing.T, client *kgo.Client, topic string) int {
	t.Helper()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr(topic)}}
	r, err := request.RequestWith(patient(t), client)
	if err != nil {
		t.Fatal(err)
	}
	return len(r.Topics[0].Partitions)
}

func setting(t *testing.T, client *kgo.Client, topic, name string) string {
	t.Helper()
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: topic, ConfigNames: []string{name}}}
	r, err := request.RequestWith(patient(t), client)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Resources) != 1 || len(r.Resources[0].Configs) != 1 || r.Resources[0].Configs[0].Value == nil {
		return ""
	}
	return *r.Resources[0].Configs[0].Value
}

// await waits for a condition.
func await(t *testing.T, what string, met func() bool) {
	t.Helper()
	for ctx := patient(t); !met(); {
		select {
		case <-ctx.Done():
			t.Fatalf("no %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
