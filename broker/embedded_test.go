package broker

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The clusters in memory start when the first client comes: a test that asks for
// tokens alone does not wait for them.
func TestClustersStartWithTheFirstClient(t *testing.T) {
	s := newLoginServer(t, Config{})
	running := &s.behind.(*embedded).running
	if running.Load() != nil {
		t.Error("the clusters run before anybody came")
	}
	if err := s.Refresh(t.Context()); err != nil {
		t.Errorf("Refresh without clusters: %v", err)
	}
	if running.Load() != nil {
		t.Error("Refresh has started the clusters")
	}
	s.stillServes(t)
	if running.Load() == nil {
		t.Error("a client is served, and there are no clusters")
	}
}

// A cluster that cannot be made is in the log, by its id and topic, and whoever
// wants it is let go at once.
func TestClusterThatCannotBeMade(t *testing.T) {
	s := newLoginServer(t, Config{Clusters: []Cluster{{ID: "lkc-acme", Topics: map[string]int32{"a.b": 1, "a_b": 1}}}})
	for range 2 { // the second client hears of it too
		c := s.dial(t)
		c.send(kmsg.NewPtrApiVersionsRequest())
		c.closed()
	}
	s.log.until(t, `cluster lkc-acme: topic \"a_b\"`)
	if got := strings.Count(s.log.String(), "INVALID_TOPIC_EXCEPTION"); got == 0 {
		t.Errorf("the log does not say why: %s", s.log)
	}
}

// A folder that cannot be used is said before anybody comes.
func TestDataThatCannotBeUsed(t *testing.T) {
	_, err := New(Config{Advertised: "localhost:9092", Data: "/dev/null/here", Clusters: []Cluster{{ID: "lkc-acme"}}})
	if err == nil || !strings.Contains(err.Error(), "broker: data: ") {
		t.Errorf("it says %v, want the folder of Data", err)
	}
}

// Two processes in one folder would spoil what both have written. A flock is of
// the open file, so that two servers of one process are kept apart by it too.
func TestDataOfAnother(t *testing.T) {
	c := Config{Advertised: "localhost:9092", Data: t.TempDir(), Clusters: []Cluster{{ID: "lkc-acme"}}}
	first, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), "another idpool keeps its clusters in "+c.Data) {
		t.Errorf("the second says %v, want whose folder it is", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := New(c)
	if err != nil {
		t.Fatalf("once the first is closed: %v", err)
	}
	if err := after.Close(); err != nil {
		t.Error(err)
	}
}
