package broker

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// exists is a cluster that has the topics mine and theirs, with ids, and
// answers Metadata as Kafka does; it counts the topics that it would create.
func exists(created *[]string) func(kmsg.Request) kmsg.Response {
	return func(req kmsg.Request) kmsg.Response {
		q := req.(*kmsg.MetadataRequest)
		resp := q.ResponseKind().(*kmsg.MetadataResponse)
		resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "upstream", Port: 9092}}
		add := func(name string, code int16) {
			row := kmsg.NewMetadataResponseTopic()
			row.Topic, row.ErrorCode, row.TopicID[0] = &name, code, name[0]
			resp.Topics = append(resp.Topics, row)
		}
		if q.Topics == nil || q.Version == 0 && len(q.Topics) == 0 {
			add("mine", 0)
			add("theirs", 0)
		}
		for _, rt := range q.Topics {
			switch {
			case rt.TopicID[0] == 'm' || rt.Topic != nil && *rt.Topic == "mine":
				add("mine", 0)
			case rt.TopicID[0] == 't' || rt.Topic != nil && *rt.Topic == "theirs":
				add("theirs", 0)
			case rt.Topic == nil:
				resp.Topics = append(resp.Topics, kmsg.MetadataResponseTopic{ErrorCode: 100, TopicID: rt.TopicID})
			case q.Version < 4 || q.AllowAutoTopicCreation:
				*created = append(*created, *rt.Topic)
				add(*rt.Topic, 5)
			default:
				add(*rt.Topic, 3)
			}
		}
		return resp
	}
}

func TestAdmitMetadata(t *testing.T) {
	reads := func(o pool.Operation) bool {
		return mayMine(o) && o.Name != "Create" || o.Resource == "topic=absent" && o.Name == "Describe"
	}
	creates := func(o pool.Operation) bool { return mayMine(o) || o.Resource == "topic=absent" }
	for _, tt := range []struct {
		reason  string
		topics  []string
		allows  func(pool.Operation) bool
		want    string
		created []string
	}{
		{"all topics: those that may not be described are left out", nil, mayMine, "mine=0", nil},
		{"all topics, none of which may be described", nil, mayNone, "", nil},
		{"named: denied ones have an error", []string{"mine", "theirs"}, mayMine, "mine=0 theirs=29", nil},
		{"named and all denied: the brokers are still told, and no more", []string{"theirs"}, mayMine, "theirs=29", nil},
		{"not there, and may be created", []string{"absent"}, creates, "absent=5", []string{"absent"}},
		{"not there, and may only be read: not created", []string{"absent"}, reads, "absent=3", nil},
		{"one of two may not be created: none is", []string{"mine", "absent"}, reads, "absent=3 mine=0", nil},
		{"denied whether it is there or not", []string{"secret"}, reads, "secret=29", nil},
	} {
		for version := range admitted()[3] + 1 {
			req := kmsg.NewPtrMetadataRequest()
			req.Version, req.AllowAutoTopicCreation = version, true
			for _, name := range tt.topics {
				req.Topics = append(req.Topics, kmsg.MetadataRequestTopic{Topic: &name})
			}
			var created []string
			a, _ := admit(req, tt.allows)
			resp := passed(t, req, a, exists(&created)).(*kmsg.MetadataResponse)
			if got := verdict(resp); got != tt.want || !slices.Equal(created, tt.created) {
				t.Errorf("%s: v%d: got %q, created %v, want %q and %v", tt.reason, version, got, created, tt.want, tt.created)
			}
			if len(resp.Brokers) != 1 {
				t.Errorf("%s: v%d: the response has no brokers", tt.reason, version)
			}
		}
	}
}

// A topic's id is no secret, its name is.
func TestAdmitMetadataByID(t *testing.T) {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	hidden := "theirs"
	req.Topics = []kmsg.MetadataRequestTopic{{TopicID: [16]byte{'m'}}, {TopicID: [16]byte{'t'}, Topic: &hidden}, {TopicID: [16]byte{'x'}}}
	a, _ := admit(req, mayMine)
	resp := passed(t, req, a, exists(new([]string))).(*kmsg.MetadataResponse)
	if len(resp.Topics) != 3 || *resp.Topics[0].Topic != "mine" || resp.Topics[0].ErrorCode != 0 {
		t.Fatalf("got %+v", resp.Topics)
	}
	if d := resp.Topics[1]; d.Topic != nil || d.ErrorCode != 29 || d.TopicID[0] != 't' {
		t.Errorf("the denied one is %+v", d)
	}
	if u := resp.Topics[2]; u.Topic != nil || u.ErrorCode != 100 {
		t.Errorf("the one that is not there is %+v", u)
	}
}

// A role that is taken away while the cluster is asked counts in the response.
func TestAdmitMetadataRoleTakenAway(t *testing.T) {
	allows := mayMine
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics, req.IncludeTopicAuthorizedOperations = 9, []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("mine")}}, true
	a, _ := admit(req, func(o pool.Operation) bool { return allows(o) })
	resp := passed(t, req, a, func(r kmsg.Request) kmsg.Response {
		allows = mayNone
		return exists(new([]string))(r)
	})
	if got := verdict(resp); got != "mine=29" {
		t.Errorf("got %q", got)
	}
}

// Whoever asks what may be done is told what the client may do, and not what
// the cluster's one user may.
func TestAdmitAuthorizedOperations(t *testing.T) {
	reader := func(o pool.Operation) bool {
		return slices.ContainsFunc([]string{"topic=mine", "group=mine"}, func(r string) bool {
			return pool.RoleBinding{Role: "DeveloperRead", Cluster: "lkc-acme", Resource: r}.Allows(o)
		})
	}
	describer := func(o pool.Operation) bool { return o.Resource == pool.OnCluster && o.Name == "Describe" }
	const everything, readDescribe, describe = math.MaxInt32, 1<<3 | 1<<8, 1 << 8
	ask := func(key, version int16, allows func(pool.Operation) bool) kmsg.Response {
		req := filled(t, key, version)
		for _, name := range []string{"IncludeClusterAuthorizedOperations", "IncludeTopicAuthorizedOperations", "IncludeAuthorizedOperations"} {
			if f := reflect.ValueOf(req).Elem().FieldByName(name); f.IsValid() {
				f.SetBool(true)
			}
		}
		a, _ := admit(req, allows)
		return passed(t, req, a, func(r kmsg.Request) kmsg.Response {
			resp := echo(r)
			switch p := resp.(type) {
			case *kmsg.MetadataResponse:
				p.AuthorizedOperations = everything
			case *kmsg.DescribeClusterResponse:
				p.ClusterAuthorizedOperations = everything
			}
			return resp
		})
	}
	same := func(what string, got int32, want int32) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %b, want %b", what, got, want)
		}
	}
	m := ask(3, 9, reader).(*kmsg.MetadataResponse)
	same("a topic that may be read", m.Topics[0].AuthorizedOperations, readDescribe)
	same("a denied topic", m.Topics[1].AuthorizedOperations, 0)
	same("the cluster in Metadata", m.AuthorizedOperations, 0)
	same("the cluster in Metadata, described", ask(3, 9, describer).(*kmsg.MetadataResponse).AuthorizedOperations, describe)
	same("the cluster", ask(60, 0, reader).(*kmsg.DescribeClusterResponse).ClusterAuthorizedOperations, 0)
	same("the cluster, described", ask(60, 0, describer).(*kmsg.DescribeClusterResponse).ClusterAuthorizedOperations, describe)
	same("a group", ask(15, 5, reader).(*kmsg.DescribeGroupsResponse).Groups[0].AuthorizedOperations, readDescribe)
	same("a denied group", ask(15, 5, reader).(*kmsg.DescribeGroupsResponse).Groups[1].AuthorizedOperations, math.MinInt32)
	same("a consumer group", ask(69, 0, reader).(*kmsg.ConsumerGroupDescribeResponse).Groups[0].AuthorizedOperations, readDescribe)
	same("a topic's partitions", ask(75, 0, reader).(*kmsg.DescribeTopicPartitionsResponse).Topics[0].AuthorizedOperations, readDescribe)
}

// What a response lists without being asked about by name is left out.
func TestAdmitFiltersResponses(t *testing.T) {
	describes := func(o pool.Operation) bool { return o.Resource == pool.OnCluster && o.Name == "Describe" }
	empty := func(key, version int16) kmsg.Request {
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		if r, ok := req.(*kmsg.OffsetFetchRequest); ok {
			r.Group, r.Groups = "mine", []kmsg.OffsetFetchRequestGroup{{Group: "mine"}}
		}
		return viaWire(t, req, kmsg.RequestForKey(key))
	}
	for _, tt := range []struct {
		reason  string
		key     int16
		request func(key, version int16) kmsg.Request
		allows  func(pool.Operation) bool
		want    string
	}{
		{"groups", 16, empty, mayMine, "mine"},
		{"groups, with Describe on the cluster", 16, empty, describes, "mine theirs"},
		{"transactional ids", 66, empty, mayMine, "mine"},
		{"offsets of all topics", 9, empty, mayMine, "mine"},
		{"partitions of all topics", 75, empty, mayMine, "mine"},
	} {
		for version := range admitted()[tt.key] + 1 {
			req := tt.request(tt.key, version)
			a, _ := admit(req, tt.allows)
			resp := passed(t, req, a, func(r kmsg.Request) kmsg.Response {
				resp := full(r)
				if p, ok := resp.(*kmsg.OffsetFetchResponse); ok {
					p.Groups = p.Groups[:1]
				}
				return resp
			})
			if got := names(resp); got != tt.want {
				t.Errorf("%s: v%d: got %q, want %q", tt.reason, version, got, tt.want)
			}
		}
	}
}

// A transaction's topics, a group's topics and a new topic's configuration are
// told to those only who may describe them.
func TestAdmitConceals(t *testing.T) {
	through := func(key, version int16, allows func(pool.Operation) bool) kmsg.Response {
		req := filled(t, key, version)
		a, _ := admit(req, allows)
		return passed(t, req, a, func(r kmsg.Request) kmsg.Response {
			resp := full(r)
			if p, ok := resp.(*kmsg.ConsumerGroupDescribeResponse); ok {
				p.Groups = p.Groups[:1]
			}
			return resp
		})
	}
	states := through(65, 0, mayMine).(*kmsg.DescribeTransactionsResponse).TransactionStates
	if topics := states[0].Topics; len(topics) != 1 || topics[0].Topic != "mine" {
		t.Errorf("the topics of a transaction are %+v", topics)
	}
	g := through(69, 0, mayMine).(*kmsg.ConsumerGroupDescribeResponse).Groups[0]
	if g.ErrorCode != 29 || len(g.Members) > 0 || g.ErrorMessage == nil {
		t.Errorf("a group with a topic that may not be described is %+v", g)
	}
	if g := through(69, 0, mayAll).(*kmsg.ConsumerGroupDescribeResponse).Groups[0]; g.ErrorCode != 0 || len(g.Members) != 2 {
		t.Errorf("a group whose topics may be described is %+v", g)
	}
	noConfigs := func(o pool.Operation) bool { return o.Name != "DescribeConfigs" }
	for version := range admitted()[19] + 1 {
		topic := through(19, version, noConfigs).(*kmsg.CreateTopicsResponse).Topics[0]
		if version >= 5 && (topic.ErrorCode != 0 || topic.ConfigErrorCode != 29 || len(topic.Configs) > 0 || topic.NumPartitions != -1) {
			t.Errorf("v%d: a created topic is %+v", version, topic)
		}
	}
}

func TestAdmitConfigsByType(t *testing.T) {
	on := func(resource string) func(pool.Operation) bool {
		return func(o pool.Operation) bool { return o == pool.Operation{Name: "DescribeConfigs", Resource: resource} }
	}
	admin := pool.RoleBinding{Role: "CloudClusterAdmin", Cluster: "lkc-acme"}.Allows
	for _, tt := range []struct {
		reason string
		kind   kmsg.ConfigResourceType
		allows func(pool.Operation) bool
		want   string
	}{
		{"a topic", kmsg.ConfigResourceTypeTopic, on("topic=1"), "1=0"},
		{"a group", kmsg.ConfigResourceTypeGroupConfig, on("group=1"), "1=0"},
		{"a group, denied", kmsg.ConfigResourceTypeGroupConfig, on("topic=1"), "1=30"},
		{"a broker is the cluster", kmsg.ConfigResourceTypeBroker, on("cluster"), "1=0"},
		{"a broker's name is no topic's", kmsg.ConfigResourceTypeBroker, on("topic=1"), "1=31"},
		{"a logger", kmsg.ConfigResourceTypeBrokerLogger, on("cluster"), "1=0"},
		{"telemetry", kmsg.ConfigResourceTypeClientMetrics, on("cluster"), "1=0"},
		{"an unknown type is denied to the cluster's admin too", 99, admin, "1=31"},
	} {
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: tt.kind, ResourceName: "1"}}
		a, _ := admit(req, tt.allows)
		if got := verdict(passed(t, req, a, echo)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

func TestAdmitCoordinatorByType(t *testing.T) {
	brokers := func(o pool.Operation) bool {
		return o == pool.Operation{Name: "ClusterAction", Resource: pool.OnCluster}
	}
	for _, tt := range []struct {
		reason string
		kind   int8
		allows func(pool.Operation) bool
		want   string
	}{
		{"of a group", 0, mayNone, "=30"},
		{"of a transactional id", 1, mayNone, "=53"},
		{"of a share group, which is between brokers", 2, mayMine, "=31"},
		{"of a share group, for who may be a broker", 2, brokers, ""},
		{"of an unknown type", 9, mayMine, "=31"},
	} {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.Version, req.CoordinatorKey, req.CoordinatorType = 3, "mine", tt.kind
		a, _ := admit(req, tt.allows)
		if got := verdict(passed(t, req, a, echo)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// The cluster would evaluate the pattern for its one user, who sees all topics.
func TestAdmitSubscriptionPattern(t *testing.T) {
	reads := func(topics string) func(pool.Operation) bool {
		return func(o pool.Operation) bool {
			return slices.ContainsFunc([]string{"group=g", topics}, func(r string) bool {
				return pool.RoleBinding{Role: "DeveloperRead", Cluster: "lkc-acme", Resource: r}.Allows(o)
			})
		}
	}
	for topics, want := range map[string]string{"topic=orders*": "=29", "topic=*": ""} {
		req := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		req.Version, req.Group, req.SubscribedTopicRegex = 1, "g", kmsg.StringPtr("orders.*")
		a, _ := admit(req, reads(topics))
		if got := verdict(passed(t, req, a, echo)); got != want {
			t.Errorf("Read on %s: got %q, want %q", topics, got, want)
		}
	}
}

// A group of whose topics all are denied must not become one that asks about
// all its topics, as no list of topics does.
func TestAdmitOffsetFetchOfNothing(t *testing.T) {
	for version := int16(8); version <= admitted()[9]; version++ {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Version = version
		req.Groups = []kmsg.OffsetFetchRequestGroup{{Group: "mine", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "theirs", Partitions: []int32{0}}}}}
		a, _ := admit(req, mayMine)
		resp := passed(t, req, a, func(r kmsg.Request) kmsg.Response {
			if r.(*kmsg.OffsetFetchRequest).Groups[0].Topics == nil {
				t.Errorf("v%d: the cluster is asked about all topics", version)
			}
			return full(r)
		})
		if got := verdict(resp); !strings.Contains(got, "theirs=29") || !a.changed {
			t.Errorf("v%d: got %q", version, got)
		}
	}
}

func TestAdmitDescribeTopicPartitionsCursor(t *testing.T) {
	for _, tt := range []struct {
		reason         string
		topics, cursor string
		forwarded      string
		want           string
	}{
		{"the cursor's topic is denied: go on after it", "a mine theirs", "a", "mine", "a=29 mine=0 theirs=29"},
		{"what is before a denied cursor was told", "a mine b", "b", "mine", "b=29 mine=0"},
		{"the cursor's topic is allowed", "mine theirs", "mine", "mine", "mine=0 theirs=29"},
	} {
		req := kmsg.NewPtrDescribeTopicPartitionsRequest()
		for name := range strings.FieldsSeq(tt.topics) {
			req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: name})
		}
		req.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: tt.cursor}
		a, _ := admit(req, mayMine)
		resp := passed(t, req, a, func(r kmsg.Request) kmsg.Response {
			q := r.(*kmsg.DescribeTopicPartitionsRequest)
			if q.Topics[0].Topic != tt.forwarded || len(q.Topics) != 1 || q.Cursor != nil && q.Cursor.Topic != tt.forwarded {
				t.Errorf("%s: forwarded %+v", tt.reason, q)
			}
			return echo(r)
		})
		if got := verdict(resp); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// Where the next page begins is the name of a topic too. The last page is then
// this one, and so it is asked to be long.
func TestAdmitDescribeTopicPartitionsNextPage(t *testing.T) {
	for _, tt := range []struct {
		reason, next string
		allows       func(pool.Operation) bool
		limit        int32
		want         bool
	}{
		{"the next topic may be described", "mine", mayMine, mostPerAnswer, true},
		{"the next topic may not be described", "theirs", mayMine, mostPerAnswer, false},
		{"all topics may be described", "theirs", func(o pool.Operation) bool { return o.Name == "Describe" }, 7, true},
	} {
		req := kmsg.NewPtrDescribeTopicPartitionsRequest()
		req.ResponsePartitionLimit = 7
		a, _ := admit(req, tt.allows)
		resp := passed(t, req, a, func(r kmsg.Request) kmsg.Response {
			if got := r.(*kmsg.DescribeTopicPartitionsRequest).ResponsePartitionLimit; got != tt.limit || a.changed != (got != 7) {
				t.Errorf("%s: the limit is %d", tt.reason, got)
			}
			resp := full(r).(*kmsg.DescribeTopicPartitionsResponse)
			resp.NextCursor.Topic = tt.next
			return resp
		})
		if got := resp.(*kmsg.DescribeTopicPartitionsResponse).NextCursor != nil; got != tt.want {
			t.Errorf("%s: there is a next page: %v", tt.reason, got)
		}
	}
}
