package broker

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// Three clients: one that may do everything, one that may do everything to what
// is named mine, and one that may do nothing.
func mayAll(pool.Operation) bool    { return true }
func mayMine(o pool.Operation) bool { return strings.HasSuffix(o.Resource, "=mine") }
func mayNone(pool.Operation) bool   { return false }

// An admitCase is the errors of the responses to one request, from a version
// on: for who may do all to what is named mine, and for who may do nothing.
type admitCase struct {
	key, from  int16
	mine, none string
}

func admitCases() []admitCase {
	return []admitCase{
		{0, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{0, 3, "mine=0 theirs=29", "mine=53 theirs=53"}, // the transactional id comes first
		{1, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{2, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{3, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{8, 0, "mine=0 theirs=29", "mine=30 theirs=30"}, // the group comes first
		{9, 0, "mine=0 theirs=29", "mine=30 theirs=30"},
		{9, 2, "mine=0 theirs=29", "=30"}, // an error of the whole
		{9, 8, "mine=0 theirs=29 theirs=30", "mine=30 theirs=30"},
		{10, 0, "", "=30"},
		{10, 4, "mine=0 theirs=30", "mine=30 theirs=30"},
		{11, 0, "", "=30"},
		{12, 0, "", "=30"},
		{13, 0, "", "=30"},
		{14, 0, "", "=30"},
		{15, 0, "mine=0 theirs=30", "mine=30 theirs=30"},
		{16, 0, "", ""},
		{19, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{20, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{21, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{22, 0, "", "=53"},
		{23, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{24, 0, "mine=55 theirs=29", "mine=53 theirs=53"}, // all or nothing
		{25, 0, "", "=53"},
		{26, 0, "", "=53"},
		{28, 0, "mine=0 theirs=29", "mine=53 theirs=53"},
		{29, 0, "=31", "=31"},
		{30, 0, "=31", "=31"},
		{31, 0, "=31", "=31"},
		{32, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{33, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{37, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{42, 0, "mine=0 theirs=30", "mine=30 theirs=30"},
		{44, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{47, 0, "mine=0 theirs=29", "=30"},
		{60, 0, "", ""},
		{61, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
		{65, 0, "mine=0 theirs=53", "mine=53 theirs=53"},
		{66, 0, "", ""},
		{68, 0, "=29", "=30"}, // one topic that may not be described is enough
		{69, 0, "mine=0 theirs=30", "mine=30 theirs=30"},
		{75, 0, "mine=0 theirs=29", "mine=29 theirs=29"},
	}
}

func TestAdmitEveryVersion(t *testing.T) {
	cases := map[int16]admitCase{} // of the version that is looked at
	for key, highest := range admitted() {
		t.Run(kmsg.NameForKey(key), func(t *testing.T) {
			for version := range highest + 1 {
				known := false
				for _, c := range admitCases() {
					if c.key == key && c.from <= version {
						known = true
						cases[key] = c
					}
				}
				if !known {
					t.Fatalf("no case for version %d", version)
				}
				admitVersion(t, version, cases[key])
			}
		})
	}
}

func admitVersion(t *testing.T, version int16, want admitCase) {
	req := filled(t, want.key, version)
	wire := req.AppendTo(nil)
	a, ok := admit(req, mayAll)
	if !ok || a.reply != nil || a.drop || len(a.denied) > 0 || a.changed || !bytes.Equal(wire, req.AppendTo(nil)) {
		t.Errorf("v%d: everything is allowed, got %+v, %v", version, a, ok)
	}
	if got := verdict(passed(t, req, a, echo)); strings.Contains(strings.ReplaceAll(got, "=0", ""), "=") {
		t.Errorf("v%d: everything is allowed, got %q", version, got)
	}
	for _, tt := range []struct {
		allows func(pool.Operation) bool
		want   string
	}{{mayMine, want.mine}, {mayNone, want.none}} {
		req := filled(t, want.key, version)
		a, ok := admit(req, tt.allows)
		if !ok {
			t.Fatalf("v%d: not in the table", version)
		}
		if got := verdict(passed(t, req, a, echo)); got != tt.want {
			t.Errorf("v%d: got %q, want %q", version, got, tt.want)
		}
		if changed := !bytes.Equal(wire, req.AppendTo(nil)); changed && !a.changed && a.reply == nil {
			t.Errorf("v%d: the request was changed, and the admission does not say so", version)
		}
		if denies := strings.Contains(strings.ReplaceAll(tt.want, "=0", ""), "="); denies != (len(a.denied) > 0) {
			t.Errorf("v%d: denied for the log: %v", version, a.denied)
		}
	}
}

// asked are the operations that allows is asked about a request at its highest
// version, and about its response, when all of them are allowed.
func asked(t *testing.T, req kmsg.Request) string {
	seen := map[string]bool{}
	a, ok := admit(req, func(o pool.Operation) bool {
		if !strings.HasSuffix(o.Resource, "=theirs") {
			seen[o.String()] = true
		}
		return true
	})
	if !ok {
		t.Fatal("not in the table")
	}
	passed(t, req, a, full)
	return strings.Join(slices.Sorted(maps.Keys(seen)), ", ")
}

// What each request needs, by Kafka's documentation, "Operations and Resources
// on Protocols".
func TestAdmitAsks(t *testing.T) {
	want := map[int16]string{
		0:  "Write on topic=mine, Write on transactional-id=mine",
		1:  "Read on topic=mine",
		2:  "Describe on topic=mine",
		3:  "Create on cluster, Describe on topic=mine",
		8:  "Read on group=mine, Read on topic=mine",
		9:  "Describe on group=mine, Describe on topic=mine",
		10: "Describe on group=mine",
		11: "Read on group=mine",
		12: "Read on group=mine",
		13: "Read on group=mine",
		14: "Read on group=mine",
		15: "Describe on group=mine",
		16: "Describe on cluster",
		19: "Create on cluster, DescribeConfigs on topic=mine",
		20: "Delete on topic=mine",
		21: "Delete on topic=mine",
		22: "Write on transactional-id=mine",
		23: "Describe on topic=mine",
		24: "Write on topic=mine, Write on transactional-id=mine",
		25: "Read on group=mine, Write on transactional-id=mine",
		26: "Write on transactional-id=mine",
		28: "Read on group=mine, Read on topic=mine, Write on transactional-id=mine",
		29: "Describe on cluster",
		30: "Alter on cluster",
		31: "Alter on cluster",
		32: "DescribeConfigs on topic=mine",
		33: "AlterConfigs on topic=mine",
		37: "Alter on topic=mine",
		42: "Delete on group=mine",
		44: "AlterConfigs on topic=mine",
		47: "Delete on group=mine, Read on topic=mine",
		60: "", // open to all
		61: "Read on topic=mine",
		65: "Describe on topic=mine, Describe on transactional-id=mine",
		66: "Describe on transactional-id=mine",
		68: "Describe on topic=mine, Read on group=mine",
		69: "Describe on group=mine, Describe on topic=mine",
		75: "Alter on topic=mine, AlterConfigs on topic=mine, Create on topic=mine, Delete on topic=mine, " + // all that may be done is told
			"Describe on topic=mine, DescribeConfigs on topic=mine, Read on topic=mine, Write on topic=mine",
	}
	for key, highest := range admitted() {
		if got := asked(t, filled(t, key, highest)); got != want[key] {
			t.Errorf("%s: asked %q, want %q", kmsg.NameForKey(key), got, want[key])
		}
	}
}

// What is not in the table is refused, known to kmsg or not.
func TestAdmitRefusesUnknown(t *testing.T) {
	known := admitted()
	for key := int16(-1); key < 200; key++ {
		req := kmsg.RequestForKey(key)
		if req == nil {
			req = &strangeRequest{key: key, Request: kmsg.NewPtrMetadataRequest()}
		}
		highest, in := known[key]
		if in && highest > req.MaxVersion() {
			t.Errorf("%s: version %d is more than kmsg's %d", kmsg.NameForKey(key), highest, req.MaxVersion())
		}
		for version := int16(-1); version <= req.MaxVersion()+1; version++ {
			req.SetVersion(version)
			if _, ok := admit(req, mayAll); ok != (in && version >= 0 && version <= highest) {
				t.Errorf("key %d (%s) version %d: ok is %v", key, kmsg.NameForKey(key), version, ok)
			}
		}
	}
	if _, ok := admit(&strangeRequest{key: 0, Request: kmsg.NewPtrMetadataRequest()}, mayAll); ok {
		t.Error("a request of another type than its key's was decided about")
	}
}

type strangeRequest struct {
	kmsg.Request
	key int16
}

func (r *strangeRequest) Key() int16 { return r.key }

// The keys that would act as the cluster's one user, or as a broker.
func TestAdmitLeavesOut(t *testing.T) {
	for _, key := range []int16{4, 5, 6, 7, 17, 18, 27, 34, 35, 36, 38, 39, 40, 41, 43, 45, 46, 48, 49, 50, 51, 55, 56, 57, 58, 71, 72, 76, 77, 78, 79, 88, 89, 90, 91, 92} {
		if _, ok := admitted()[key]; ok {
			t.Errorf("%s is in the table", kmsg.NameForKey(key))
		}
	}
}

func TestAdmitProduceWithoutAnswer(t *testing.T) {
	for _, tt := range []struct {
		reason string
		allows func(pool.Operation) bool
		want   admission
		topics int
	}{
		{"all is allowed: forwarded", mayAll, admission{}, 2},
		{"one is denied: the other is written, and nothing amended, for nothing comes", mayMine, admission{changed: true}, 1},
		{"all is denied: neither forwarded nor answered", mayNone, admission{drop: true}, 2},
	} {
		req := filled(t, 0, 12).(*kmsg.ProduceRequest)
		req.Acks = 0
		a, _ := admit(req, tt.allows)
		a.denied = nil
		if !reflect.DeepEqual(a, tt.want) || len(req.Topics) != tt.topics {
			t.Errorf("%s: got %+v and %d topics", tt.reason, a, len(req.Topics))
		}
	}
}

func TestAdmitFetchWithoutSession(t *testing.T) {
	for _, tt := range []struct {
		reason           string
		id, epoch        int32
		forgotten        bool
		changed, refused bool
	}{
		{"outside a session: as it is", 0, -1, false, false, false},
		{"the first of a session: it is not begun", 0, 0, false, true, false},
		{"one that replaces a session", 7, 0, false, true, false},
		{"one that ends a session", 7, -1, false, true, false},
		{"topics are forgotten of no session", 0, -1, true, true, false},
		{"within a session that was never granted: begin again", 7, 1, false, false, true},
		{"an epoch that is none", 7, -2, false, false, true},
	} {
		req := filled(t, 1, 12).(*kmsg.FetchRequest)
		req.SessionID, req.SessionEpoch = tt.id, tt.epoch
		if tt.forgotten {
			req.ForgottenTopics = []kmsg.FetchRequestForgottenTopic{{Topic: "mine"}}
		}
		a, _ := admit(req, mayAll)
		if a.changed != tt.changed || (a.reply != nil) != tt.refused || a.amend != nil {
			t.Errorf("%s: got %+v", tt.reason, a)
		}
		if tt.refused && verdict(a.reply) != "=70" {
			t.Errorf("%s: got %q", tt.reason, verdict(a.reply))
		}
		if !tt.refused && (req.SessionID != 0 || req.SessionEpoch != -1 || len(req.ForgottenTopics) > 0) {
			t.Errorf("%s: forwarded %+v", tt.reason, req)
		}
	}
}

// A replica reads what is not committed.
func TestAdmitFetchOfReplica(t *testing.T) {
	replicates := func(o pool.Operation) bool { return mayMine(o) || o.Name == "ClusterAction" }
	for _, tt := range []struct {
		reason  string
		replica int32
		allows  func(pool.Operation) bool
		want    string
	}{
		{"a consumer", -1, mayMine, "mine=0 theirs=29"},
		{"a tool of Kafka's", -2, mayMine, "mine=0 theirs=29"},
		{"a client that says it is a broker", 1, mayMine, "mine=29 theirs=29"},
		{"a client that says it is a broker moving a log", -3, mayMine, "mine=29 theirs=29"},
		{"one that may be a broker", 1, replicates, "mine=0 theirs=29"},
	} {
		req := filled(t, 1, 12).(*kmsg.FetchRequest)
		req.ReplicaID = tt.replica
		a, _ := admit(req, tt.allows)
		if got := verdict(passed(t, req, a, echo)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

func TestAdmitInitProducerID(t *testing.T) {
	bindings := func(role, resource string) func(pool.Operation) bool {
		b := pool.RoleBinding{Role: role, Cluster: "lkc-acme", Resource: resource}
		return func(o pool.Operation) bool { return allowsSome(b, o) }
	}
	id := "tx"
	for _, tt := range []struct {
		reason string
		id     *string
		allows func(pool.Operation) bool
		want   string
	}{
		{"DeveloperWrite has IdempotentWrite", nil, bindings("DeveloperWrite", "topic=orders"), ""},
		{"ResourceOwner may write some topics", nil, bindings("ResourceOwner", "topic=orders*"), ""},
		{"ResourceOwner may write one topic", nil, bindings("ResourceOwner", "topic=orders"), ""},
		{"ResourceOwner of a group may write none", nil, bindings("ResourceOwner", "group=orders"), "=31"},
		{"DeveloperRead may write none", nil, bindings("DeveloperRead", "topic=*"), "=31"},
		{"a transactional id is looked at itself", &id, bindings("DeveloperWrite", "topic=*"), "=53"},
		{"and may be written", &id, bindings("DeveloperWrite", "transactional-id=t*"), ""},
	} {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.TransactionalID = 4, tt.id
		a, _ := admit(req, tt.allows)
		if got := verdict(passed(t, req, a, echo)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

// A request with very many denied topics writes a bounded log.
func TestAdmitBoundsTheLog(t *testing.T) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	for i := range 10 * mostDenied {
		req.TopicNames = append(req.TopicNames, fmt.Sprint(i))
	}
	a, _ := admit(req, mayNone)
	if len(a.denied) != mostDenied || len(a.reply.(*kmsg.DeleteTopicsResponse).Topics) != 10*mostDenied {
		t.Errorf("denied %d", len(a.denied))
	}
}

// FuzzAdmit: whatever can be decoded is decided about without a panic, and what
// is then encoded can be decoded. The seeds are a request of every key and
// version.
func FuzzAdmit(f *testing.F) {
	for key, highest := range admitted() {
		for version := range highest + 1 {
			f.Add(key, version, uint8(1), filled(f, key, version).AppendTo(nil))
			f.Add(key, version, uint8(2), []byte{})
		}
	}
	f.Fuzz(func(t *testing.T, key, version int16, rights uint8, body []byte) {
		req := kmsg.RequestForKey(key)
		if req == nil || version < 0 || version > req.MaxVersion() {
			return
		}
		req.SetVersion(version)
		if req.ReadFrom(body) != nil {
			return
		}
		a, ok := admit(req, []func(pool.Operation) bool{mayAll, mayMine, mayNone}[rights%3])
		if !ok {
			return
		}
		if a.amend != nil {
			a.amend(full(req))
			a.amend(kmsg.NewPtrSASLHandshakeResponse()) // of another type: nothing to do
		}
		if a.reply != nil {
			viaWire(t, a.reply, req.ResponseKind())
		} else if a.changed {
			viaWire(t, req, kmsg.RequestForKey(key))
		}
	})
}
