package broker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// addressesOf is where a broker is. A listener that has been open from the start
// may be met before any response has named its broker: then the cluster is asked.
func (g *gateway) addressesOf(ctx context.Context, n *node) ([]string, error) {
	if known := n.where(); len(known) > 0 {
		return known, nil
	}
	if err := g.learn(ctx, func() bool { return len(n.where()) > 0 }); err != nil {
		return nil, err
	}
	known := n.where()
	if len(known) == 0 {
		return nil, fmt.Errorf("the cluster has no broker %d at present, for which there is a listener by listeners.kafka.brokers", n.id)
	}
	return known, nil
}

func (n *node) where() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.addresses
}

// reachNode is reach for a broker. One that cannot be dialled may have moved
// since a response named it here: clients may have been told of it by another
// gateway before the same cluster.
func (g *gateway) reachNode(ctx context.Context, n *node, say func(net.Conn) error) (net.Conn, error) {
	addresses, err := g.addressesOf(ctx, n)
	if err != nil {
		return nil, err
	}
	conn, err := g.reach(ctx, addresses, say)
	failed, _ := errors.AsType[*net.OpError](err)
	hasMoved := func() bool { return !slices.Equal(n.where(), addresses) }
	if failed == nil || failed.Op != "dial" || n == g.bootstrap || ctx.Err() != nil || g.learn(ctx, hasMoved) != nil {
		return conn, err
	}
	moved := n.where()
	if slices.Equal(moved, addresses) {
		return nil, err
	}
	return g.reach(ctx, moved, say)
}

// learn asks the cluster where its brokers are, once for all who want to know, and
// not at all when another's question has brought what is wanted meanwhile.
func (g *gateway) learn(ctx context.Context, known func() bool) error {
	g.mu.Lock()
	if known() {
		g.mu.Unlock()
		return nil
	}
	if q := g.learning; q != nil {
		g.mu.Unlock()
		<-q.answered
		return q.err
	}
	q := &question{answered: make(chan struct{})}
	defer close(q.answered)
	g.learning = q
	g.mu.Unlock()
	var brokers []kmsg.MetadataResponseBroker
	conn, err := g.reach(ctx, g.bootstrap.addresses, func(conn net.Conn) (err error) {
		brokers, err = g.brokers(conn)
		return err
	})
	if err == nil {
		_ = conn.Close()
	} else {
		q.err = fmt.Errorf("the cluster does not say where its brokers are: %v", err)
	}
	for _, b := range brokers {
		g.nodeWith(b.NodeID).moveTo(net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.learning = nil
	return q.err
}

// brokers are those that one of them knows of. Any user may ask that.
func (g *gateway) brokers(conn net.Conn) ([]kmsg.MetadataResponseBroker, error) {
	who := g.user
	for _, pool := range slices.Sorted(maps.Keys(g.users)) {
		if who == nil {
			who = g.users[pool]
		}
	}
	if _, err := g.logIn(conn, who); err != nil {
		return nil, err
	}
	request := kmsg.NewPtrMetadataRequest()
	request.Version, request.Topics = 1, []kmsg.MetadataRequestTopic{} // nil would be all of them
	response, err := ask(conn, request)
	if err != nil {
		return nil, err
	}
	return response.(*kmsg.MetadataResponse).Brokers, nil
}
