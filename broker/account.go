package broker

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/pool"
)

// account is a user of an embedded cluster: a pool, or several whose rights are
// united.
type account struct {
	name        string // the pools' ids, sorted, with commas
	pools       []string
	credentials *credentials
	granted     []pool.Grant
	lanes       atomic.Int32 // how many handovers are its own, or are about to be
}

// accounts are the users of one kfake: one for each set of pools that has
// logged in.
type accounts struct {
	cluster *fakeCluster
	config  Config
	admin   *credentials

	mu    sync.Mutex
	conn  *handover // of the admin, once it is needed
	known map[string]*account
}

// of is the account of the pools of a login, made when they log in for the
// first time, with the rights that they have now: a pool may have come after the
// last Refresh, or have made place for another of its id. Who asks has a lane of
// the account to give back.
func (a *accounts) of(pools []string) (*account, error) {
	sorted := slices.Clone(pools)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	name := strings.Join(sorted, ",")
	a.mu.Lock()
	defer a.mu.Unlock()
	found, known := a.known[name]
	var err error
	if known {
		err = a.grant(found)
	} else {
		found = &account{name: name, pools: sorted}
		err = a.make(found)
	}
	if err != nil {
		return nil, fmt.Errorf("cluster %s: user %s: %w", a.cluster.id, name, err)
	}
	a.known[name] = found
	found.lanes.Add(1)
	return found, nil
}

// make gives a new account its key and its rights. Nobody needs its password:
// the key that SCRAM derives from one is drawn at random.
func (a *accounts) make(made *account) error {
	salt, salted := make([]byte, 16), make([]byte, 32)
	_, _ = rand.Read(salt) // never fails
	_, _ = rand.Read(salted)
	made.credentials = &credentials{mechanism: "SCRAM-SHA-256", username: made.name,
		salted: map[string][]byte{saltID(salt, minIterations): salted}}
	request := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	upsert := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	upsert.Name, upsert.Mechanism, upsert.Iterations = made.name, scramSHA256, minIterations
	upsert.Salt, upsert.SaltedPassword = salt, salted
	request.Upsertions = append(request.Upsertions, upsert)
	if err := a.alter(request); err != nil {
		return err
	}
	if err := a.forget(made); err != nil { // what an earlier process has left in Data
		return err
	}
	return a.grant(made)
}

// alter changes kfake's users.
func (a *accounts) alter(request *kmsg.AlterUserSCRAMCredentialsRequest) error {
	response, err := a.ask(request)
	if err != nil {
		return err
	}
	for _, r := range response.(*kmsg.AlterUserSCRAMCredentialsResponse).Results {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return err
		}
	}
	return nil
}

// minIterations is the least that Kafka takes.
const minIterations = 4096

// ask asks kfake as its admin.
func (a *accounts) ask(request kmsg.Request) (kmsg.Response, error) {
	if a.conn == nil {
		conn := a.cluster.dial(nil)
		if _, err := a.admin.logIn(conn); err != nil {
			conn.close()
			return nil, err
		}
		a.conn = conn
	}
	return ask(a.conn, request)
}

// refresh gives every account the rights that its pools have now. One whose
// pools have all gone is taken from kfake when nobody is connected as it: pools
// may come and go for as long as the process runs, and may also come back.
func (a *accounts) refresh() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for name, known := range a.known {
		err := a.grant(known)
		if err == nil && known.lanes.Load() == 0 && a.gone(known) {
			err = a.drop(known)
			delete(a.known, name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// gone says whether none of an account's pools is there any more.
func (a *accounts) gone(of *account) bool {
	there := func(id string) bool { return a.config.Pool(id) != nil }
	return !a.config.AllowAll && !slices.ContainsFunc(of.pools, there)
}

// drop takes an account that has no rights from kfake.
func (a *accounts) drop(the *account) error {
	request := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	request.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: the.name, Mechanism: scramSHA256}}
	return a.alter(request)
}

// scramSHA256 is Kafka's number of the mechanism.
const scramSHA256 = 1

// rights are what an account may do.
func (a *accounts) rights(of *account) []pool.Grant {
	if a.config.AllowAll {
		return pool.Everything()
	}
	var grants []pool.Grant
	for _, id := range of.pools {
		if p := a.config.Pool(id); p != nil {
			grants = append(grants, p.Grants(a.cluster.id)...)
		}
	}
	return pool.Distinct(grants)
}

// grant turns an account's rights into ACLs: what is new first, so that nobody
// loses for a moment what is kept.
func (a *accounts) grant(to *account) error {
	want := a.rights(to)
	create := kmsg.NewPtrCreateACLsRequest()
	create.Version = 1
	for _, g := range want {
		if !slices.Contains(to.granted, g) {
			create.Creations = append(create.Creations, creation(to, g))
		}
	}
	remove := kmsg.NewPtrDeleteACLsRequest()
	remove.Version = 1
	for _, g := range to.granted {
		if !slices.Contains(want, g) {
			remove.Filters = append(remove.Filters, filter(creation(to, g)))
		}
	}
	if len(create.Creations) > 0 {
		response, err := a.ask(create)
		if err != nil {
			return err
		}
		for _, r := range response.(*kmsg.CreateACLsResponse).Results {
			if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
				return err
			}
		}
	}
	if len(remove.Filters) > 0 {
		if err := a.remove(remove); err != nil {
			return err
		}
	}
	to.granted = want
	return nil
}

func (a *accounts) remove(request *kmsg.DeleteACLsRequest) error {
	response, err := a.ask(request)
	if err != nil {
		return err
	}
	for _, r := range response.(*kmsg.DeleteACLsResponse).Results {
		if err := kerr.ErrorForCode(r.ErrorCode); err != nil {
			return err
		}
	}
	return nil
}

// forget takes every right of an account away.
func (a *accounts) forget(of *account) error {
	request := kmsg.NewPtrDeleteACLsRequest()
	request.Version = 1
	principal := "User:" + of.name
	request.Filters = []kmsg.DeleteACLsRequestFilter{{
		ResourceType: kmsg.ACLResourceTypeAny, ResourcePatternType: kmsg.ACLResourcePatternTypeAny,
		Principal: &principal, Operation: kmsg.ACLOperationAny, PermissionType: kmsg.ACLPermissionTypeAny,
	}}
	return a.remove(request)
}

// close gives the admin's connection up.
func (a *accounts) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn != nil {
		a.conn.close()
	}
}

// clusterResource is Kafka's name for the cluster as a resource.
const clusterResource = "kafka-cluster"

// creation is a grant as an ACL.
func creation(to *account, g pool.Grant) kmsg.CreateACLsRequestCreation {
	c := kmsg.NewCreateACLsRequestCreation()
	c.Principal, c.Host, c.PermissionType = "User:"+to.name, "*", kmsg.ACLPermissionTypeAllow
	c.ResourcePatternType = kmsg.ACLResourcePatternTypeLiteral
	c.ResourceType, c.ResourceName = aclResources[g.Type], g.Name
	c.Operation = aclOperations[g.Operation]
	switch {
	case g.Type == pool.OnCluster:
		c.ResourceName = clusterResource
	case g.Prefix && g.Name == "":
		c.ResourceName = "*" // Kafka has no empty prefix
	case g.Prefix:
		c.ResourcePatternType = kmsg.ACLResourcePatternTypePrefixed
	}
	return c
}

// filter finds the ACL that creation makes.
func filter(c kmsg.CreateACLsRequestCreation) kmsg.DeleteACLsRequestFilter {
	host := "*"
	return kmsg.DeleteACLsRequestFilter{
		ResourceType: c.ResourceType, ResourceName: &c.ResourceName, ResourcePatternType: c.ResourcePatternType,
		Principal: &c.Principal, Host: &host, Operation: c.Operation, PermissionType: c.PermissionType,
	}
}

// What pool calls the types of resources and the operations, in Kafka's numbers.
var (
	aclResources = map[string]kmsg.ACLResourceType{
		"topic": kmsg.ACLResourceTypeTopic, "group": kmsg.ACLResourceTypeGroup,
		"transactional-id": kmsg.ACLResourceTypeTransactionalId, pool.OnCluster: kmsg.ACLResourceTypeCluster,
	}
	aclOperations = map[string]kmsg.ACLOperation{
		"All": kmsg.ACLOperationAll, "Read": kmsg.ACLOperationRead, "Write": kmsg.ACLOperationWrite,
		"Create": kmsg.ACLOperationCreate, "Delete": kmsg.ACLOperationDelete, "Alter": kmsg.ACLOperationAlter,
		"Describe": kmsg.ACLOperationDescribe, "ClusterAction": kmsg.ACLOperationClusterAction,
		"DescribeConfigs": kmsg.ACLOperationDescribeConfigs, "AlterConfigs": kmsg.ACLOperationAlterConfigs,
		"IdempotentWrite": kmsg.ACLOperationIdempotentWrite,
	}
)
