package explain

import (
	"slices"
	"strings"

	"github.com/idpool/idpool/pool"
)

// matched are the pools that the client is logged in with.
func (s *situation) matched() []pool.Config {
	var all []pool.Config
	for _, p := range s.in.Facts.Providers {
		for _, c := range p.Pools {
			if slices.Contains(s.in.Decision.Pools, c.ID) {
				all = append(all, c)
			}
		}
	}
	return all
}

// bindingBlade is where Confluent keeps role bindings.
const bindingBlade = "Confluent Cloud console → Accounts & access → Access"

// bind is the command that makes a role binding for an operation.
func (s *situation) bind(principal string) string {
	o := s.in.Request.Operation
	kind, name, _ := strings.Cut(o.Resource, "=")
	command := "confluent iam rbac role-binding create --principal " + principal + " --role " + roleFor(o) +
		" --environment env-… --cloud-cluster " + cut(s.in.Request.Cluster)
	switch kind {
	case "topic", "group":
		return command + " --kafka-cluster " + cut(s.in.Request.Cluster) + " --resource " + strings.ToUpper(kind[:1]) + kind[1:] + ":" + cut(name)
	case "transactional-id":
		return command + " --kafka-cluster " + cut(s.in.Request.Cluster) + " --resource Transactional-Id:" + cut(name)
	}
	return command
}

// roleFor is the least role that allows an operation.
func roleFor(o pool.Operation) string {
	for _, role := range []string{"DeveloperRead", "DeveloperWrite", "DeveloperManage", "ResourceOwner", "CloudClusterAdmin"} {
		b := pool.RoleBinding{Role: role, Cluster: "lkc", Resource: o.Resource}
		if role == "CloudClusterAdmin" || o.Resource == pool.OnCluster {
			b.Resource = ""
		}
		if b.Allows(o) {
			return role
		}
	}
	return "CloudClusterAdmin"
}

// bindingWrongPrincipal is for a binding that would do, made for somebody else.
// Confluent's API takes User: and Group: only (confluent-cloud.md 6.1), and a
// pool is a User.
func bindingWrongPrincipal(s *situation) finding {
	r := s.in.Request
	for _, p := range s.matched() {
		for _, b := range p.RoleBindings {
			own := "User:" + p.ID
			if b.Principal == "" || b.Principal == own || b.Cluster != r.Cluster || !b.Allows(r.Operation) {
				continue
			}
			return found([]string{
				"Delete the binding for " + cut(b.Principal) + ", if it exists at all: " + bindingBlade + ". The API refuses principals that do not begin with User: or Group:.",
				"Make one for the pool: " + s.bind(cut(own)),
				"Wait until it has spread, about 90 seconds; the client need not log in again.",
			}, "the role binding %s would allow %s, but its principal is not the pool's, which is %s", quote(b.String()), s.in.Request.Operation, cut(own))
		}
	}
	return finding{}
}

// noRoleBinding is for a client that is logged in and may not do what it wants:
// authentication and authorisation are two steps, and the second needs a role.
func noRoleBinding(s *situation) finding {
	if s.failed.Name == checkClient {
		return notAuthorized(s)
	}
	pools, o := s.matched(), s.in.Request.Operation
	if len(pools) == 0 {
		return finding{}
	}
	var has []string
	for _, p := range pools {
		for _, b := range p.RoleBindings {
			has = append(has, b.String())
		}
	}
	there := "it has no role binding at all"
	if len(has) > 0 {
		there = "its role bindings are " + both(has)
	}
	return found([]string{
		"Make a role binding: " + s.bind("User:"+cut(pools[0].ID)),
		"Or in " + bindingBlade + " → the cluster → Add role assignment, for the identity pool.",
		"A consumer needs DeveloperRead twice: on its topic and on its group. A producer needs DeveloperWrite on its topic.",
		"Wait until it has spread, about 90 seconds.",
	}, "%s may log in to %s, but nothing allows %s: %s", plain(s.in.Decision.Pools), cut(s.in.Request.Cluster), o, there)
}

// notAuthorized is for the client's own text about a refused operation.
func notAuthorized(s *situation) finding {
	if !s.printed("TopicAuthorizationException", "GroupAuthorizationException", "authorization failed", "Not authorized to access", "ClusterAuthorizationException",
		"TOPIC_AUTHORIZATION_FAILED", "GROUP_AUTHORIZATION_FAILED") {
		return finding{}
	}
	return found([]string{
		"Look which resource the text names, and for a consumer at its group too.",
		"Grant the pool a role on it: " + bindingBlade + " → the cluster → Add role assignment: DeveloperRead on topic and group to consume, DeveloperWrite on the topic to produce.",
		"The principal is User:<pool id>. Wait about 90 seconds until the binding has spread.",
		"idpool explain --operation Read --resource topic=NAME asks a config's role bindings.",
	}, "the client is logged in, and no role binding allows what it wants: %s", s.line("authoriz"))
}
