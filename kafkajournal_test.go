package idpool

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/pool"
)

// An operation that no role binding allows was in the log alone, without the
// scope that it belongs to: docs/testing.md says that each line about a scope has
// its id.
func TestDeniedOperationsAreInTheJournal(t *testing.T) {
	log := &logBuffer{line: make(chan struct{}, 10_000)}
	c := kafkaConfig()
	c.Logger = slog.New(slog.NewJSONHandler(log, nil))
	s := startKafka(t, c)
	scope := newScope(t, s)
	reads := []pool.RoleBinding{{Role: "DeveloperRead", Cluster: "lkc-acme", Resource: "topic=orders"}}
	if err := scope.SetRoleBindings(t.Context(), scope.PoolID("pool-dev"), reads); err != nil {
		t.Fatal(err)
	}
	if err := produceIn(t, s, scope); err == nil {
		t.Fatal("it may write")
	}
	denied := scope.Journal().List(journal.Filter{Endpoint: journal.EndpointKafkaOperation}, 0)
	if len(denied) == 0 {
		t.Fatal("no entry")
	}
	e, principal := denied[len(denied)-1], "User:"+scope.PoolID("pool-dev")
	if e.Outcome != journal.OutcomeRefused || e.Operation != "Produce" || e.Resource != "topic=orders" || e.Error != "TOPIC_AUTHORIZATION_FAILED" ||
		e.Check != "authorization" || e.Cause != "no-role-binding" || e.Principal != principal || len(e.Pools) != 1 || e.Cluster != "lkc-acme" ||
		e.Tenant != scope.TenantID() || e.ClientID == "" || e.Listener != "kafka" || !strings.HasPrefix(e.Client, "127.0.0.1:") {
		t.Errorf("%+v", e)
	}
	if n := s.Journal().Count(journal.Filter{Endpoint: journal.EndpointKafkaOperation}); n != 0 {
		t.Errorf("%d entries of the scope are in the server's own journal", n)
	}
	if _, text := get(t, s, "/metrics"); !strings.Contains(text, `idpool_decisions_total{cause="no-role-binding",check="authorization",endpoint="kafka-operation",outcome="refused"} `) {
		t.Error("it is not in the metrics")
	}
	seen := map[string]bool{}
	for text := range strings.Lines(log.String()) {
		var line struct {
			Msg, Lifetime string
			Scope         string `json:"idpool_scope"`
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err, text) // the lifetime was a number of nanoseconds
		}
		if strings.HasPrefix(line.Msg, "kafka ") && line.Scope != scope.ID() {
			t.Errorf("the line of another scope: %s", text)
		}
		if _, err := time.ParseDuration(line.Lifetime); line.Msg == "kafka login allowed" && err != nil {
			t.Error(err)
		}
		seen[line.Msg] = true
	}
	if !seen["kafka login allowed"] || !seen["kafka operation denied"] {
		t.Errorf("the log has %v", seen)
	}
}

// A client that asks for another mechanism was in the log alone.
func TestOtherMechanismsAreInTheJournal(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	conn, err := net.Dial("tcp", s.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, "PLAIN"
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, handshake, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	all := s.Journal().List(journal.Filter{Endpoint: journal.EndpointKafkaLogin}, 0)
	if len(all) != 1 {
		t.Fatalf("%d entries: %+v", len(all), all)
	}
	if e := all[0]; e.Outcome != journal.OutcomeRefused || e.Check != "mechanism" || !strings.Contains(e.Detail, `"PLAIN", want OAUTHBEARER`) || e.Client != conn.LocalAddr().String() {
		t.Errorf("%+v", e)
	}
	if _, text := get(t, s, "/metrics"); !strings.Contains(text, `idpool_decisions_total{cause="",check="mechanism",endpoint="kafka-login",outcome="refused"} 1`) {
		t.Error("it is not in the metrics")
	}
}
