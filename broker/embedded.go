package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// embedded is the cluster in the process: kfake, one for each cluster of the
// Config, which has no port of its own.
//
// A client that is logged in is handed to kfake as it is: kfake reads requests
// and writes responses on a [handover], which is the client's own connection
// with the front looking at the headers of what is read. Nothing is copied, and
// no goroutine stands between.
//
// The clusters start when the first client comes, since starting them takes
// longer than all else does, and not all who start an identity provider have a
// Kafka client. Those that are kept in Data start at once: the folder may be one
// that cannot be used.
type embedded struct {
	advertised string                        // what the clusters say of themselves
	started    func() (*fakeClusters, error) // starts them at the first call
	running    atomic.Pointer[fakeClusters]  // once they are started
}

// fakeClusters are the clusters of the Config, by their ids.
type fakeClusters struct {
	byID   map[string]*fakeCluster
	served versions
	folder *flock.Flock // of Data; nil without one
}

// fakeCluster is one kfake with its users.
type fakeCluster struct {
	id       string
	fake     *kfake.Cluster
	listener *handoverListener
	accounts accounts
}

// adminName is the front's own user of kfake. No pool's id has a space. Its
// password is no secret: kfake has no port, and keeps its users in Data.
const (
	adminName     = "idpool admin"
	adminPassword = "idpool"
)

func newEmbedded(c Config) (*embedded, error) {
	e := &embedded{advertised: c.Advertised}
	e.started = sync.OnceValues(func() (*fakeClusters, error) {
		all, err := newFakeClusters(c)
		if err == nil {
			e.running.Store(all)
		}
		return all, err
	})
	if c.Data == "" {
		return e, nil
	}
	if _, err := e.started(); err != nil {
		return nil, err
	}
	return e, nil
}

// newFakeClusters starts a kfake for each cluster. Without a cluster nobody can
// log in, and yet ApiVersions is answered before the login: one that nobody
// reaches stands in.
func newFakeClusters(c Config) (*fakeClusters, error) {
	all := c.Clusters
	if len(all) == 0 {
		all, c.Data = []Cluster{{ID: "none"}}, ""
	}
	made := &fakeClusters{byID: map[string]*fakeCluster{}}
	if c.Data != "" {
		var err error
		if made.folder, err = holdFolder(c.Data); err != nil {
			return nil, err
		}
	}
	for _, cluster := range all {
		f, err := newFakeCluster(c, cluster)
		if err != nil {
			made.close()
			return nil, err
		}
		made.byID[cluster.ID] = f
	}
	served, err := made.byID[all[0].ID].served()
	if err != nil {
		made.close()
		return nil, err
	}
	made.served = served.upTo(keyProduce, mostProduce)
	return made, nil
}

// holdFolder keeps other processes out of the folder of Data: kfake does not, and
// two that write there leave records that neither can read. The lock goes with
// the process, however it ends.
func holdFolder(dir string) (*flock.Flock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("broker: data: %w", err)
	}
	lock := flock.New(filepath.Join(dir, ".lock"))
	switch held, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("broker: data: %w", err)
	case !held:
		return nil, fmt.Errorf("broker: data: another idpool keeps its clusters in %s", dir)
	}
	return lock, nil
}

func newFakeCluster(c Config, cluster Cluster) (*fakeCluster, error) {
	f := &fakeCluster{id: cluster.ID, listener: newHandoverListener(c.Advertised)}
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.ClusterID(cluster.ID), kfake.DefaultNumPartitions(defaultPartitions),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return f.listener, nil }),
		kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", adminName, adminPassword),
	}
	if c.Data != "" {
		dir := filepath.Join(c.Data, cluster.ID)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("broker: data: %w", err)
		}
		options = append(options, kfake.DataDir(dir))
	}
	var err error
	if f.fake, err = kfake.NewCluster(options...); err != nil {
		return nil, fmt.Errorf("broker: cluster %s: %v", cluster.ID, err)
	}
	f.accounts = accounts{cluster: f, config: c, admin: &credentials{mechanism: "PLAIN", username: adminName, password: adminPassword}, known: map[string]*account{}}
	for _, name := range slices.Sorted(maps.Keys(cluster.Topics)) {
		if f.fake.TopicInfo(name) != nil {
			continue // kept from before
		}
		if err := f.fake.CreateTopic(name, cmp.Or(cluster.Topics[name], defaultPartitions), nil); err != nil {
			f.fake.Close()
			return nil, fmt.Errorf("broker: cluster %s: topic %q: %v", cluster.ID, name, err)
		}
	}
	return f, nil
}

// defaultPartitions is Confluent Cloud's num.partitions.
const defaultPartitions = 6

// served asks kfake for what it serves.
func (f *fakeCluster) served() (versions, error) {
	conn := f.dial(nil)
	defer conn.close()
	request := kmsg.NewPtrApiVersionsRequest()
	request.Version, request.ClientSoftwareName, request.ClientSoftwareVersion = 3, "idpool", "1"
	response, err := ask(conn, request)
	if err != nil {
		return versions{}, fmt.Errorf("broker: cluster %s: %v", f.id, err)
	}
	return newVersions(*response.(*kmsg.ApiVersionsResponse), nil), nil
}

// dial gives kfake a connection: the front's own, or one to hand over.
func (f *fakeCluster) dial(s *session) *handover {
	h := newHandover(s, f.listener.addr)
	select {
	case f.listener.conns <- h:
	case <-f.listener.closed:
		h.close()
	}
	return h
}

// fronts is the listener's own. What the clusters say of themselves is right for
// the clients of one of them; others are told where they have come in.
func (e *embedded) fronts(l Listener) ([]*front, error) {
	if len(l.Brokers) > 0 {
		return nil, errors.New("broker: an embedded cluster has no listeners for brokers")
	}
	at, err := parseAdvertised(l.Advertised)
	if err != nil {
		return nil, err
	}
	f := &front{listener: l.Listener}
	if l.Advertised != e.advertised {
		f.place = at.everyBroker
	}
	return []*front{f}, nil
}

// everyBroker puts all brokers at one place.
func (w whereabouts) everyBroker(_ int32, host string, port int32) (string, int32) {
	if host == "" {
		return host, port // no broker at all
	}
	return w.host, w.port
}

func (e *embedded) versions(context.Context, *front) (versions, error) {
	all, err := e.started()
	if err != nil {
		return versions{}, err
	}
	return all.served, nil
}

// enter logs in to kfake as the user of the pools, unless the session is that
// already.
func (e *embedded) enter(_ context.Context, s *session, l login) error {
	all, err := e.started()
	if err != nil {
		return err
	}
	f := all.byID[l.cluster]
	if f == nil {
		return fmt.Errorf("there is no cluster %q", s.server.loggable(l.cluster)) // Decide lets no such login in
	}
	who, err := f.accounts.of(l.decision.Pools)
	if err != nil {
		return err
	}
	if current, ok := s.carrier().(*handover); ok && current.account == who {
		who.lanes.Add(-1) // it has one already
		return nil
	}
	h := f.dial(s)
	h.account = who
	if _, err := who.credentials.logIn(h); err != nil {
		h.close()
		return fmt.Errorf("cluster %s: %w", f.id, err)
	}
	s.carryBy(h)
	return nil
}

// carry leaves the session to kfake.
func (e *embedded) carry(_ context.Context, s *session) error {
	s.carrier().(*handover).start()
	return nil
}

// refresh looks at the role bindings of everybody who has logged in.
func (e *embedded) refresh(context.Context) error {
	all := e.running.Load()
	if all == nil {
		return nil // nobody has
	}
	var errs []error
	for _, f := range all.byID {
		errs = append(errs, f.accounts.refresh())
	}
	return errors.Join(errs...)
}

func (e *embedded) close() {
	if all := e.running.Load(); all != nil {
		all.close()
	}
}

func (c *fakeClusters) close() {
	for _, f := range c.byID {
		f.fake.Close()
		_ = f.listener.Close()
		f.accounts.close()
	}
	if c.folder != nil {
		_ = c.folder.Close()
	}
}
