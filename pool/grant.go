package pool

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Grant is one thing that role bindings allow, in the form of an ACL of
// Kafka's.
type Grant struct {
	// Operation is one of Kafka's, such as Read, or All.
	Operation string
	// Type is topic, group, transactional-id or cluster.
	Type string
	// Name is the resource's name, or the beginning of it with Prefix; empty
	// for the cluster.
	Name string
	// Prefix says that Name is the beginning of names: an empty one is that of
	// all.
	Prefix bool
}

// Grants are what the pool's role bindings allow in a cluster, each once and in
// order. They allow exactly what [Pool.Allows] allows.
func (p *Pool) Grants(cluster string) []Grant {
	var all []Grant
	for _, b := range p.BindingsIn(cluster) {
		all = append(all, b.grants()...)
	}
	return Distinct(all)
}

// grants are those of a binding whoever its principal is.
func (b RoleBinding) grants() []Grant {
	r, err := findRole(b.Role)
	if err != nil {
		return nil
	}
	boundKind, name, _ := strings.Cut(b.Resource, "=")
	name, prefix := strings.CutSuffix(name, "*")
	var all []Grant
	for _, kind := range slices.Sorted(maps.Keys(r.may)) {
		g := Grant{Type: kind}
		switch {
		case kind == OnCluster:
		case r.scope == scopeCluster:
			g.Prefix = true
		case kind == boundKind:
			g.Name, g.Prefix = name, prefix
		default:
			continue
		}
		for _, operation := range r.may[kind] {
			g.Operation = operation
			all = append(all, g)
		}
	}
	return all
}

// Everything is what somebody may do who may do anything.
func Everything() []Grant {
	all := []Grant{{Operation: "All", Type: OnCluster}}
	for _, kind := range resourceTypes() {
		all = append(all, Grant{Operation: "All", Type: kind, Prefix: true})
	}
	return Distinct(all)
}

// Distinct sorts grants and leaves out what occurs twice.
func Distinct(all []Grant) []Grant {
	slices.SortFunc(all, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Operation, b.Operation), compareBool(a.Prefix, b.Prefix))
	})
	return slices.Compact(all)
}

func compareBool(a, b bool) int {
	if a == b {
		return 0
	}
	if a {
		return 1
	}
	return -1
}
