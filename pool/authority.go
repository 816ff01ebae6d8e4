package pool

import (
	"fmt"
	"slices"
	"strings"
)

// Operation is something that a client wants to do in a Kafka cluster: an
// operation of Kafka's access control, and what it is done to.
type Operation struct {
	// Name is one of Read, Write, Create, Delete, Alter, Describe,
	// ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite.
	Name string
	// Resource is TYPE=NAME, such as topic=orders, group=billing or
	// transactional-id=tx-1; or cluster, for the cluster as a whole.
	Resource string
}

// OnCluster is the Resource of an Operation on the cluster as a whole.
const OnCluster = "cluster"

// String is such as Read on topic=orders.
func (o Operation) String() string { return o.Name + " on " + o.Resource }

// operations are those of Kafka's access control.
func operations() []string {
	return []string{"Read", "Write", "Create", "Delete", "Alter", "Describe", "ClusterAction", "DescribeConfigs", "AlterConfigs", "IdempotentWrite"}
}

// ParseOperation reads an operation as people write it: its name in any case,
// also Kafka's DESCRIBE_CONFIGS, and a resource of the form TYPE=NAME or the
// word cluster.
func ParseOperation(name, resource string) (Operation, error) {
	folded := strings.ReplaceAll(name, "_", "")
	i := slices.IndexFunc(operations(), func(o string) bool { return strings.EqualFold(o, folded) })
	if i < 0 {
		hint := didYouMean(name, operations())
		if hint == "" {
			hint = "want one of " + strings.Join(operations(), ", ")
		}
		return Operation{}, withHint(fmt.Sprintf("unknown operation %q", name), hint)
	}
	if strings.EqualFold(resource, OnCluster) || resource == "cluster=kafka-cluster" {
		return Operation{operations()[i], OnCluster}, nil
	}
	if resource == "" {
		return Operation{}, fmt.Errorf("%s needs a resource, such as topic=orders, group=billing or cluster", operations()[i])
	}
	if err := checkResource(resource); err != nil {
		return Operation{}, err
	}
	if strings.HasSuffix(resource, "*") {
		return Operation{}, fmt.Errorf("resource %q is a pattern, want the name of one", resource)
	}
	return Operation{operations()[i], resource}, nil
}

// permissions are the operations of a role by the type of a resource, the
// cluster included.
type permissions map[string][]string

// allows says whether an operation on a type of resource is among them. Kafka
// lets whoever may read, write, delete or alter a resource describe it as well.
func (p permissions) allows(kind, operation string) bool {
	names := p[kind]
	if slices.Contains(names, "All") || slices.Contains(names, operation) {
		return true
	}
	return operation == "Describe" && slices.ContainsFunc(names, impliesDescribe) ||
		operation == "DescribeConfigs" && slices.Contains(names, "AlterConfigs")
}

func impliesDescribe(operation string) bool {
	return slices.Contains([]string{"Read", "Write", "Delete", "Alter"}, operation)
}

// Allows says whether the pool's role bindings allow an operation in a
// cluster. Bindings of another principal than the pool's do not count.
func (p *Pool) Allows(cluster string, o Operation) bool {
	return slices.ContainsFunc(p.BindingsIn(cluster), func(b RoleBinding) bool { return b.Allows(o) })
}

// BindingsIn are the role bindings that count for the pool in a cluster.
func (p *Pool) BindingsIn(cluster string) []RoleBinding {
	var all []RoleBinding
	for _, b := range p.RoleBindings() {
		if b.isFor(p.config.ID) && b.Cluster == cluster {
			all = append(all, b)
		}
	}
	return all
}

// isFor says whether a binding grants its role to a pool.
func (b RoleBinding) isFor(pool string) bool {
	return b.Principal == "" || b.Principal == "User:"+pool
}

// Allows says whether a binding's role allows an operation on its resource,
// whoever its principal is and whatever the cluster.
func (b RoleBinding) Allows(o Operation) bool {
	r, err := findRole(b.Role)
	if err != nil {
		return false
	}
	kind, name, _ := strings.Cut(o.Resource, "=")
	if !r.may.allows(kind, o.Name) {
		return false
	}
	// What a role of one resource may do to the cluster hangs on no resource:
	// idempotent writes, for instance.
	return r.scope == scopeCluster || kind == OnCluster || covers(b.Resource, kind, name)
}

// covers says whether a binding's resource, which may be a prefix, is or holds
// a resource.
func covers(bound, kind, name string) bool {
	boundKind, boundName, _ := strings.Cut(bound, "=")
	if boundKind != kind {
		return false
	}
	if prefix, ok := strings.CutSuffix(boundName, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return boundName == name
}

// String is such as DeveloperRead on topic=orders* in lkc-acme, with the
// principal if the binding names one.
func (b RoleBinding) String() string {
	s := b.Role
	if b.Resource != "" {
		s += " on " + b.Resource
	}
	s += " in " + b.Cluster
	if b.Principal != "" {
		s += " for " + b.Principal
	}
	return s
}
