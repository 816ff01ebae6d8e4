package broker

import (
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// An admission decides about one request of a logged-in client, before a
// cluster that knows all clients as one user and so refuses none of them. The
// zero admission forwards the request and its response as they are.
type admission struct {
	// reply is the response when the request is answered here and not
	// forwarded; nil means that it is forwarded.
	reply kmsg.Response
	// drop means that the request is neither forwarded nor answered: it is a
	// produce with acks=0 of which everything is denied. Kafka closes the
	// connection then, which is all that such a client can be told.
	drop bool
	// changed means that what is denied was taken out of the request, which is
	// to be encoded again before it is forwarded.
	changed bool
	// amend puts what was denied into the cluster's response, and takes out
	// what the client may not see; nil means that the response goes to the
	// client as it is, undecoded. It asks allows again, from whichever
	// goroutine calls it.
	amend func(kmsg.Response)
	// denied is what was denied, for the log: each once, and not more than
	// mostDenied of them.
	denied []pool.Operation
}

// mostDenied bounds what one request can write to the log.
const mostDenied = 100

// admit decides about a request that was decoded whole. allows says whether the
// client's role bindings allow an operation; it is also asked about the
// operations on anyTopic and on everyTopic. ok is false for a request that is
// not in the table, or is of a version above it: the connection is to be
// closed. The request is changed in place.
//
// What is needed for what follows Kafka's documentation, "Operations and
// Resources on Protocols", and for the order of checks its broker's KafkaApis.
func admit(req kmsg.Request, allows func(pool.Operation) bool) (a admission, ok bool) {
	rule, known := admitTable()[req.Key()]
	if !known || req.GetVersion() < 0 || req.GetVersion() > rule.max {
		return admission{}, false
	}
	c := &admitClient{allows: allows}
	if a, ok = rule.decide(c, req); !ok {
		return admission{}, false
	}
	a.denied = c.denied
	return a, true
}

// admitted are the keys of the requests that admit knows, with the highest
// version of each that it can decide about.
func admitted() map[int16]int16 {
	highest := map[int16]int16{}
	for key, rule := range admitTable() {
		highest[key] = rule.max
	}
	return highest
}

// An admitRule decides about the requests of one key up to a version; ok is
// false for a request of another type than the key's.
type admitRule struct {
	max    int16
	decide func(*admitClient, kmsg.Request) (a admission, ok bool)
}

// admitUpTo makes an admitRule of a function about one type of request.
func admitUpTo[Q kmsg.Request](highest int16, decide func(*admitClient, Q) admission) admitRule {
	return admitRule{highest, func(c *admitClient, req kmsg.Request) (admission, bool) {
		q, ok := req.(Q)
		if !ok {
			return admission{}, false
		}
		return decide(c, q), true
	}}
}

// admitTable are all requests that are decided about. Left out are those of the
// front itself (17, 18, 36), those between brokers, and those that would act as
// the one user of the cluster: delegation tokens, SCRAM users, quotas, log
// directories, reassignments, share and streams groups, telemetry.
//
// A version is lower than the newest where that one names topics by their ids
// only, which roles do not know: Produce and Fetch 13, OffsetCommit and
// OffsetFetch 10, DeleteTopics and TxnOffsetCommit 6. AddPartitionsToTxn is
// between brokers from version 4 on.
var admitTable = sync.OnceValue(func() map[int16]admitRule {
	return map[int16]admitRule{
		0:  admitUpTo(12, admitProduce),
		1:  admitUpTo(12, admitFetch),
		2:  admitUpTo(11, admitListOffsets),
		3:  admitUpTo(13, admitMetadata),
		8:  admitUpTo(9, admitOffsetCommit),
		9:  admitUpTo(9, admitOffsetFetch),
		10: admitUpTo(6, admitFindCoordinator),
		11: admitUpTo(9, admitJoinGroup),
		12: admitUpTo(4, admitHeartbeat),
		13: admitUpTo(5, admitLeaveGroup),
		14: admitUpTo(5, admitSyncGroup),
		15: admitUpTo(6, admitDescribeGroups),
		16: admitUpTo(5, admitListGroups),
		19: admitUpTo(7, admitCreateTopics),
		20: admitUpTo(5, admitDeleteTopics),
		21: admitUpTo(2, admitDeleteRecords),
		22: admitUpTo(5, admitInitProducerID),
		23: admitUpTo(4, admitOffsetForLeaderEpoch),
		24: admitUpTo(3, admitAddPartitionsToTxn),
		25: admitUpTo(4, admitAddOffsetsToTxn),
		26: admitUpTo(5, admitEndTxn),
		28: admitUpTo(5, admitTxnOffsetCommit),
		29: admitUpTo(3, admitDescribeACLs),
		30: admitUpTo(3, admitCreateACLs),
		31: admitUpTo(3, admitDeleteACLs),
		32: admitUpTo(4, admitDescribeConfigs),
		33: admitUpTo(2, admitAlterConfigs),
		37: admitUpTo(3, admitCreatePartitions),
		42: admitUpTo(3, admitDeleteGroups),
		44: admitUpTo(1, admitIncrementalAlterConfigs),
		47: admitUpTo(0, admitOffsetDelete),
		60: admitUpTo(2, admitDescribeCluster),
		61: admitUpTo(0, admitDescribeProducers),
		65: admitUpTo(0, admitDescribeTransactions),
		66: admitUpTo(2, admitListTransactions),
		68: admitUpTo(1, admitConsumerGroupHeartbeat),
		69: admitUpTo(1, admitConsumerGroupDescribe),
		75: admitUpTo(0, admitDescribeTopicPartitions),
	}
})

// Resources that allows is asked about and that name no one resource. No client
// can name them either: no topic of Kafka has such a name.
const (
	// anyTopic stands for some topic, whichever: an idempotent producer needs
	// Write on one (KIP-679). [pool.RoleBinding.Allows] says yes only to a
	// binding on all topics; see allowsSome.
	anyTopic = "topic"
	// everyTopic stands for all topics: a subscription by a pattern that the
	// cluster evaluates needs Describe on them.
	everyTopic = "topic=*"
)

// allowsSome is Allows of a binding that knows anyTopic as well: it says
// whether the operation is allowed on some topic.
func allowsSome(b pool.RoleBinding, o pool.Operation) bool {
	if o.Resource == anyTopic && strings.HasPrefix(b.Resource, "topic=") {
		o.Resource = strings.TrimSuffix(b.Resource, "*")
	}
	return b.Allows(o)
}

func onTopic(name string) string { return "topic=" + name }
func onGroup(name string) string { return "group=" + name }
func onTxn(id string) string     { return "transactional-id=" + id }

// An admitClient is whom one request is decided for.
type admitClient struct {
	allows func(pool.Operation) bool
	denied []pool.Operation
}

// may says whether the client may do something; a no is no denial, since the
// request goes on in another way.
func (c *admitClient) may(name, resource string) bool {
	return c.allows(pool.Operation{Name: name, Resource: resource})
}

// refuse is nil for what the client may do, and otherwise notes the denial and
// returns the error that Kafka has for it.
func (c *admitClient) refuse(name, resource string) *Refusal {
	o := pool.Operation{Name: name, Resource: resource}
	if c.allows(o) {
		return nil
	}
	if len(c.denied) < mostDenied && !slices.Contains(c.denied, o) {
		c.denied = append(c.denied, o)
	}
	return unauthorized(resource)
}

// bits are the operations that the client may do to a resource, as responses
// hold them: a bit at each operation's number (KIP-430). Those that Kafka knows
// for the type of resource are looked at.
func (c *admitClient) bits(resource string) int32 {
	numbers := map[string]kmsg.ACLOperation{
		"Read": kmsg.ACLOperationRead, "Write": kmsg.ACLOperationWrite, "Create": kmsg.ACLOperationCreate,
		"Delete": kmsg.ACLOperationDelete, "Alter": kmsg.ACLOperationAlter, "Describe": kmsg.ACLOperationDescribe,
		"ClusterAction": kmsg.ACLOperationClusterAction, "DescribeConfigs": kmsg.ACLOperationDescribeConfigs,
		"AlterConfigs": kmsg.ACLOperationAlterConfigs, "IdempotentWrite": kmsg.ACLOperationIdempotentWrite,
	}
	var bits int32
	for _, name := range supportedOperations(resource) {
		if c.may(name, resource) {
			bits |= 1 << numbers[name]
		}
	}
	return bits
}

// supportedOperations are the operations of a type of resource, AclEntry's
// supportedOperations in Kafka.
func supportedOperations(resource string) []string {
	switch kind, _, _ := strings.Cut(resource, "="); kind {
	case "topic":
		return []string{"Read", "Write", "Create", "Delete", "Alter", "Describe", "DescribeConfigs", "AlterConfigs"}
	case "group":
		return []string{"Read", "Delete", "Describe", "DescribeConfigs", "AlterConfigs"}
	}
	return []string{"Create", "Alter", "Describe", "ClusterAction", "DescribeConfigs", "AlterConfigs", "IdempotentWrite"}
}

// admitReply replies to a request with a response of its version that fill
// completes.
func admitReply[P kmsg.Response](req kmsg.Request, fill func(P)) admission {
	resp := req.ResponseKind().(P)
	fill(resp)
	return admission{reply: resp}
}

// admitAlso amends the response too, the reply included.
func admitAlso[P kmsg.Response](a admission, amend func(P)) admission {
	if resp, ok := a.reply.(P); ok {
		amend(resp)
		return a
	}
	before := a.amend
	a.amend = func(resp kmsg.Response) {
		if before != nil {
			before(resp)
		}
		if p, ok := resp.(P); ok {
			amend(p)
		}
	}
	return a
}

// An admitShare is the recurring shape of a request and its response: the request
// names things of type Q, such as topics with partitions, each of which needs
// its own right and has its own row of type R in the response P.
type admitShare[Q, R any, P kmsg.Response] struct {
	named *[]Q                                 // in the request
	needs func(Q) (operation, resource string) // of one of them
	row   func(Q, *Refusal) R                  // what is answered about one that is denied
	rows  func(P) *[]R                         // in the response
}

// decide takes what is denied out of the request and puts it back into the
// response; with nothing left to ask it answers.
func (s admitShare[Q, R, P]) decide(c *admitClient, req kmsg.Request) admission {
	refused := s.split(c)
	if len(refused) == 0 {
		return admission{}
	}
	add := func(resp P) {
		rows := s.rows(resp)
		*rows = append(*rows, refused...)
	}
	if len(*s.named) == 0 {
		return admitReply(req, add)
	}
	return admitAlso(admission{changed: true}, add)
}

// split takes what is denied out of the request and returns its rows. What it
// leaves is never nil, which in some requests means all that there is.
func (s admitShare[Q, R, P]) split(c *admitClient) (refused []R) {
	kept := make([]Q, 0, len(*s.named))
	for _, q := range *s.named {
		if why := c.refuse(s.needs(q)); why != nil {
			refused = append(refused, s.row(q, why))
		} else {
			kept = append(kept, q)
		}
	}
	if len(refused) > 0 {
		*s.named = kept
	}
	return refused
}

// refuseAll answers that everything that is named is denied, for one reason.
func (s admitShare[Q, R, P]) refuseAll(req kmsg.Request, why *Refusal) admission {
	return admitReply(req, func(resp P) {
		rows := s.rows(resp)
		for _, q := range *s.named {
			*rows = append(*rows, s.row(q, why))
		}
	})
}

// admitEach makes a list out of another, an element of one for an element of the
// other: the partitions of a response for those of a request.
func admitEach[Q, R any](all []Q, one func(Q) R) []R {
	made := make([]R, len(all))
	for i, q := range all {
		made[i] = one(q)
	}
	return made
}

// admitVisible keeps of a response's rows those of resources that the client may
// describe.
func admitVisible[R any](c *admitClient, rows []R, resource func(R) string) []R {
	return slices.DeleteFunc(rows, func(r R) bool { return !c.may("Describe", resource(r)) })
}
