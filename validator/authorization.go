package validator

import "slices"

// authorization asks whether the role bindings of any pool that matched allow
// the operation: bindings are combined, and none denies (confluent-cloud.md 6.1).
func (d *decider) authorization() Check {
	o, cluster := d.request.Operation, d.request.Cluster
	for _, p := range d.matched {
		if p.Allows(cluster, o) {
			return pass("a role binding of "+p.id+" allows "+o.String(), "")
		}
	}
	return fail("no role binding of "+list(poolIDs(d.matched))+" allows "+o.String()+" in "+quote(cluster),
		bindings(d.matched), "a role binding that allows "+o.String())
}

// bindings are the role bindings of pools, for a message.
func bindings(pools []namedPool) string {
	var all []string
	for _, p := range pools {
		for _, b := range p.Config().RoleBindings {
			all = append(all, b.String())
		}
	}
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 0 {
		return "no role binding"
	}
	return few(all, len(all))
}
