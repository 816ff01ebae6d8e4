package broker

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// brokerPort is the port of a broker's listener in these tests: of no use but to
// be told, since streets know where it is.
func brokerPort(base, id int32) int { return int(base + id) }

// replica is a gateway with two listeners, each with one for every broker.
type replica struct {
	server          *Server
	outside, inside Listener
	log             *lockedLog
}

// startReplica opens a gateway before a cluster of brokers 0 to n-1, with the
// addresses that every other one tells.
func startReplica(t *testing.T, n int32, up Upstream) *replica {
	t.Helper()
	r := &replica{log: &lockedLog{}}
	way := func(host string, base int32) Listener {
		l := Listener{Listener: listenAt(t, "127.0.0.1:0"), Advertised: net.JoinHostPort(host, strconv.Itoa(int(base)))}
		for id := range n {
			l.Brokers = append(l.Brokers, BrokerListener{listenAt(t, "127.0.0.1:0"), id, net.JoinHostPort(host, strconv.Itoa(brokerPort(base+1, id)))})
		}
		return l
	}
	r.outside, r.inside = way("outside.test", 9092), way("inside.test", 19092)
	c := benchConfig(t)
	c.Upstream = &up
	c.Logger = slog.New(slog.NewTextHandler(r.log, nil))
	r.server = serveListeners(t, c, r.outside, r.inside)
	return r
}

// streetsTo are those of a network that reaches one listener of each gateway,
// as behind one Service.
func streetsTo(all ...Listener) *streets {
	s := &streets{known: map[string][]string{}}
	for _, l := range all {
		s.known[l.Advertised] = append(s.known[l.Advertised], l.Addr().String())
		for _, b := range l.Brokers {
			s.known[b.Advertised] = append(s.known[b.Advertised], b.Addr().String())
		}
	}
	return s
}

// threeBrokers is a cluster with a user that the gateway logs in as.
func threeBrokers(t *testing.T, topic string) Upstream {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(6, topic), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "idpool", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	for partition := range int32(6) { // by itself it draws lots, and a broker may lead none
		if err := cluster.MoveTopicPartition(topic, partition, partition%3); err != nil {
			t.Fatal(err)
		}
	}
	return Upstream{Bootstrap: cluster.ListenAddrs()[:1], Mechanism: "SCRAM-SHA-256", User: User{"idpool", "secret"}}
}

// TestReplicasBehindOneAddress: each connection of a client goes to the other
// gateway, as behind a Service, and what one of them says of the brokers is
// right at the other.
func TestReplicasBehindOneAddress(t *testing.T) {
	up := threeBrokers(t, benchTopic)
	one, two := startReplica(t, 3, up), startReplica(t, 3, up)
	for i, here := range []*streets{streetsTo(one.outside, two.outside), streetsTo(one.inside, two.inside)} {
		seed := []string{one.outside.Advertised, one.inside.Advertised}[i]
		here.roundTrip(t, seed, benchTopic, "readers of "+seed, 30*(i+1))
		here.only(t)
		if len(here.dialed) != 4 {
			t.Errorf("%v were dialled, want the bootstrap address and three brokers", here.dialed)
		}
	}
}

// TestFirstClientAtABrokersListener: clients were told of the broker by another
// gateway, and nothing has named it here.
func TestFirstClientAtABrokersListener(t *testing.T) {
	for _, tt := range []struct {
		reason string
		change func(*Upstream)
	}{
		{"with one user", func(*Upstream) {}},
		{"with users of pools only", func(u *Upstream) { u.Users, u.User = map[string]User{"pool-dev": u.User}, User{} }},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			up := threeBrokers(t, benchTopic)
			tt.change(&up)
			r := startReplica(t, 3, up)
			for _, l := range []Listener{r.inside, r.outside} {
				for _, b := range l.Brokers {
					told := toldAt(t, b.Addr().String())
					var want []string
					for _, other := range l.Brokers {
						want = append(want, other.Advertised)
					}
					if fmt.Sprint(told) != fmt.Sprint(want) {
						t.Errorf("broker %d tells %q, want %q", b.ID, told, want)
					}
				}
			}
		})
	}
}

// toldAt is where a listener says that the brokers are.
func toldAt(t *testing.T, address string) []string {
	t.Helper()
	conn, err := rawLogin(address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := kmsg.NewPtrMetadataRequest()
	request.Version = 9
	response, err := ask(conn, request)
	if err != nil {
		t.Fatal(err)
	}
	return addressesIn(response)
}

// TestBrokerThatTheClusterDoesNotHave: its listener is there, and whoever comes
// is sent away with a reason in the log.
func TestBrokerThatTheClusterDoesNotHave(t *testing.T) {
	r := startReplica(t, 4, threeBrokers(t, benchTopic))
	if conn, err := rawLogin(r.outside.Brokers[3].Addr().String()); err == nil {
		t.Error("logged in")
		_ = conn.Close()
	}
	awaitText(t, r.log, "the cluster has no broker 3 at present")
	if told := toldAt(t, r.outside.Brokers[0].Addr().String()); len(told) != 3 {
		t.Errorf("broker 0 tells %q, want the three brokers that there are", told)
	}
	t.Run("nor any other", func(t *testing.T) {
		r := startReplica(t, 1, Upstream{Bootstrap: []string{addressOfNobody(t)}})
		if conn, err := rawLogin(r.inside.Brokers[0].Addr().String()); err == nil {
			t.Error("logged in")
			_ = conn.Close()
		}
		awaitText(t, r.log, "the cluster does not say where its brokers are", "connection refused")
	})
}

// TestUnlistedBrokersHavePlacesOfEachListener: inside and outside clients share
// no listener, and the ports begin after that of the listener they came by.
func TestUnlistedBrokersHavePlacesOfEachListener(t *testing.T) {
	c := benchConfig(t)
	up := threeBrokers(t, benchTopic)
	c.Upstream = &up
	outside, inside := listenAt(t, "127.0.0.1:0"), listenAt(t, "127.0.0.1:0")
	first := consecutive(t, 2) // of which the first is the one that is listed
	listed := listenAt(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(first)))
	serveListeners(t, c,
		Listener{Listener: outside, Advertised: outsideAddress, FirstPort: first, Brokers: []BrokerListener{{listed, 1, "one.test:1"}}},
		Listener{Listener: inside, Advertised: insideAddress})
	atOutside, atInside := toldAt(t, outside.Addr().String()), toldAt(t, inside.Addr().String())
	if atOutside[0] != fmt.Sprintf("outside.test:%d", first+1) || atOutside[1] != "one.test:1" || !strings.HasPrefix(atOutside[2], "outside.test:") {
		t.Errorf("outside: %q, want the port after the listed one's first", atOutside)
	}
	for _, address := range atInside {
		_, port, _ := net.SplitHostPort(address)
		if !strings.HasPrefix(address, "inside.test:") {
			t.Errorf("inside: %q", atInside)
		}
		if again := toldAt(t, net.JoinHostPort("127.0.0.1", port)); fmt.Sprint(again) != fmt.Sprint(atInside) {
			t.Errorf("the listener of a broker inside tells %q, want %q", again, atInside)
		}
	}
}

// addressOfNobody is one that nobody listens at.
func addressOfNobody(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(consecutive(t, 1)))
}

// consecutive is the first of some ports that are free, and that no system gives
// to connections meanwhile.
func consecutive(t *testing.T, n int) int {
	t.Helper()
	for range 100 {
		first := 20000 + rand.IntN(12000-n)
		var open []net.Listener
		for i := range n {
			if next, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(first+i))); err == nil {
				open = append(open, next)
			}
		}
		for _, one := range open {
			_ = one.Close()
		}
		if len(open) == n {
			return first
		}
	}
	t.Fatalf("no %d ports in a row are free", n)
	return 0
}

// TestBrokerThatHasMoved since a response named it: the next client finds it.
func TestBrokerThatHasMoved(t *testing.T) {
	good, old, moved := startBroker(t), startBroker(t), startBroker(t)
	defer good.stop()
	defer moved.stop()
	good.is(keyNone, nil, good, old)
	old.is(keyNone, nil, good, old)
	moved.is(keyNone, nil, good, moved)
	r := startReplica(t, 2, Upstream{Bootstrap: []string{good.Addr().String()}})
	address := r.outside.Brokers[1].Addr().String()
	if told := toldAt(t, address); len(told) != 2 {
		t.Fatalf("told %q", told)
	}
	old.stop()
	good.is(keyNone, nil, good, moved)
	if told := toldAt(t, address); len(told) != 2 {
		t.Errorf("told %q after the broker has moved", told)
	}
	if moved.met() == 0 {
		t.Error("nobody has come to where the broker is now")
	}
}

// TestManyClientsAtABrokersListener: the cluster is asked once for all who come
// while it thinks.
func TestManyClientsAtABrokersListener(t *testing.T) {
	good := startBroker(t)
	defer good.stop()
	const clients = 20
	wait := make(chan struct{})
	var asked atomic.Int32
	good.is(keyMetadata, func(conn net.Conn, h header) {
		asked.Add(1)
		<-wait
		r := answerFrom([]*fakeBroker{good}, &kmsg.MetadataRequest{Version: 1})
		_, _ = conn.Write(appendResponse(nil, h.correlationID, r))
	}, good)
	r := startReplica(t, 1, Upstream{Bootstrap: []string{good.Addr().String()}})
	done := make(chan error, clients)
	for range clients {
		go func() {
			conn, err := rawLogin(r.outside.Brokers[0].Addr().String())
			if err == nil {
				err = conn.Close()
			}
			done <- err
		}()
	}
	ctx, cancel := context.WithTimeout(t.Context(), loginPatience)
	defer cancel()
	for good.met() == 0 && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	close(wait)
	for range clients {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the cluster was asked %d times where its brokers are, want once", n)
	}
}
