// Package kafkabroker runs a released Apache Kafka for tests, in JVMs of its
// own: what idpool's face of Kafka is compared with, stands before, or is asked
// by.
//
// Begin with [Start]. The jars are Apache's, from Maven Central, where
// install.sh puts them; a test that has none is skipped by name. It runs KRaft
// and no ZooKeeper, so 4.0.0 or newer, on this machine's loopback alone, and
// keeps nothing: data are in the test's folder.
package kafkabroker

import (
	"context"
	"crypto/tls"
	"errors"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/idpool/idpool/internal/ca"
)

// TB is what is needed of *testing.T: no package but idpooltest imports
// "testing" outside of its tests.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	TempDir() string
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Skipf(format string, args ...any)
}

// Cluster is the running brokers, which have the ids 1 to Config.Nodes. It is
// not safe for concurrent use.
type Cluster struct {
	// CA is the PEM of the authority that a client of SSL and SASL_SSL trusts;
	// nil without TLS.
	CA []byte

	t      TB
	config Config
	nodes  []*node
}

// How long the nodes may take: far longer than they do.
const (
	startLimit = 2 * time.Minute
	stopLimit  = 30 * time.Second
)

// Start runs the brokers and returns when a client of any of them is told of
// all. They are killed when the test ends. What does not work ends the test.
func Start(t TB, c Config) *Cluster {
	t.Helper()
	if err := c.check(); err != nil {
		t.Fatalf("%v", err)
	}
	if c.Lib == "" {
		c.Lib = Lib(t)
	}
	c.Nodes = max(c.Nodes, 1)
	cluster := &Cluster{t: t, config: c}
	// The folder is removed after what is cleaned up later than it is made: the
	// nodes write to it until they are killed.
	dir := t.TempDir()
	t.Cleanup(cluster.kill)
	err := cluster.start(dir)
	for range 5 {
		if !errors.Is(err, errAddressInUse) {
			break
		}
		cluster.kill()
		err = cluster.start(t.TempDir())
	}
	if err != nil {
		t.Fatalf("%v", err)
	}
	return cluster
}

// Bootstrap are the addresses of a listener, in the order of the nodes:
// PLAINTEXT, SASL_PLAINTEXT, and with TLS also SSL and SASL_SSL.
func (c *Cluster) Bootstrap(listener string) []string {
	c.t.Helper()
	var addresses []string
	for _, n := range c.nodes {
		address := n.address(listener)
		if address == "" {
			c.t.Fatalf("kafkabroker: there is no listener %q, there are %q", listener, c.config.listeners())
		}
		addresses = append(addresses, address)
	}
	return addresses
}

// Stop stops a node as an operator would, so that it hands over what it leads,
// and returns when it has ended.
func (c *Cluster) Stop(id int) {
	c.t.Helper()
	n := c.node(id)
	if n.running() && !n.terminate(stopLimit) {
		c.t.Errorf("kafkabroker: node %d did not end within %v and was killed", id, stopLimit)
	}
}

// Restart stops a node that runs, starts it with its data and its ports, and
// returns when a client of any running node is told of all that run.
func (c *Cluster) Restart(id int) {
	c.t.Helper()
	c.Stop(id)
	n := c.node(id)
	running := []*node{n}
	for _, other := range c.nodes {
		if other.running() {
			running = append(running, other)
		}
	}
	err := n.run()
	if err == nil {
		err = c.await(running)
	}
	if err != nil {
		c.t.Fatalf("%v", err)
	}
}

// Logs is what a node has printed since it was formatted. The refusals of
// Kafka's OAUTHBEARER validator are in it, with the reason.
func (c *Cluster) Logs(id int) string {
	c.t.Helper()
	return c.node(id).logs()
}

// node ends the test when there is none of that id.
func (c *Cluster) node(id int) *node {
	c.t.Helper()
	if id < 1 || id > len(c.nodes) {
		c.t.Fatalf("kafkabroker: there is no node %d, there are 1 to %d", id, len(c.nodes))
	}
	return c.nodes[id-1]
}

// start formats and runs fresh nodes in a folder.
func (c *Cluster) start(dir string) error {
	var ports reservation
	defer ports.release()
	certificate, err := c.certify()
	if err != nil {
		return err
	}
	if err := c.layOut(dir, &ports); err != nil {
		return err
	}
	err = each(c.nodes, func(n *node) error {
		if err := n.prepare(c.config.properties(n, c.nodes), certificate); err != nil {
			return err
		}
		return n.format(c.config.addScram())
	})
	if err != nil {
		return err
	}
	ports.release()
	if err := each(c.nodes, (*node).run); err != nil {
		return err
	}
	return c.await(c.nodes)
}

// certify makes the certificate of all nodes, and CA; nil without TLS.
func (c *Cluster) certify() (*tls.Certificate, error) {
	if !c.config.TLS {
		return nil, nil
	}
	authority, err := ca.Fresh(time.Now())
	if err != nil {
		return nil, err
	}
	certificate, err := authority.Issue([]string{"localhost", host}, time.Now())
	c.CA = authority.PEM()
	return &certificate, err
}

// layOut decides where the nodes are, on disk and on the network.
func (c *Cluster) layOut(dir string, ports *reservation) error {
	java := c.config.java()
	c.nodes = nil
	for id := 1; id <= c.config.Nodes; id++ {
		n := &node{id: id, dir: filepath.Join(dir, strconv.Itoa(id)), ports: map[string]int{}, java: java}
		for _, listener := range append(c.config.listeners(), controller) {
			port, err := ports.reserve()
			if err != nil {
				return err
			}
			n.ports[listener] = port
		}
		c.nodes = append(c.nodes, n)
	}
	return nil
}

// await waits until each of the nodes lists all of them.
func (c *Cluster) await(nodes []*node) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), startLimit)
	defer cancel()
	return each(nodes, func(n *node) error {
		err := n.await(ctx, len(nodes))
		if err != nil {
			cancel() // the others would wait for it
		}
		return err
	})
}

// each does something to nodes at once.
func each(nodes []*node, do func(*node) error) error {
	var group sync.WaitGroup
	failed := make([]error, len(nodes))
	for i, n := range nodes {
		group.Go(func() { failed[i] = do(n) })
	}
	group.Wait()
	return errors.Join(failed...)
}

// kill ends what still runs; the data go with the test.
func (c *Cluster) kill() {
	for _, n := range c.nodes {
		if n.running() {
			n.kill()
		}
	}
}
