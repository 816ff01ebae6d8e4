package pool

import (
	"errors"
	"fmt"
	"strings"

	"github.com/idpool/idpool/internal/nearest"
)

// RoleBinding grants a predefined role of Confluent Cloud to the pool's
// principal.
type RoleBinding struct {
	// Role is the role's name, such as DeveloperRead.
	Role string `json:"role"`
	// Cluster is the Kafka cluster's id, such as lkc-acme.
	Cluster string `json:"cluster"`
	// Resource is TYPE=NAME, such as topic=orders* (a prefix) or group=*;
	// empty for the roles that hold on the whole cluster.
	Resource string `json:"resource,omitempty"`
	// Principal is whom the role is granted to. Empty means this pool,
	// User:<pool id>; a binding of another principal grants this pool nothing,
	// which is a warning, since people write IdentityPool:<pool id> here.
	Principal string `json:"principal,omitempty"`
}

// A scope is what a role holds on.
type scope string

// The scopes of roles. A role of the organization or of an environment holds
// on each cluster in it, so it is bound here to a cluster as a whole.
const (
	scopeCluster  scope = "the cluster"
	scopeResource scope = "a topic, group or transactional id"
	scopeElse     scope = "something other than Kafka" // known, and grants nothing here
)

// A role is one of Confluent Cloud's predefined roles.
type role struct {
	name  string
	scope scope
	may   permissions
}

// roles are Confluent Cloud's predefined roles
// (https://docs.confluent.io/cloud/current/security/access-control/rbac/predefined-rbac-roles.html).
//
// What a role may do is that of confluent-cloud.md 6.2; for DeveloperManage and
// Operator, of which only prose is published, it is what the prose says.
func roles() []role {
	everything := []string{"All"}
	all := permissions{"topic": everything, "group": everything, "transactional-id": everything, OnCluster: everything}
	return []role{
		{"OrganizationAdmin", scopeCluster, all},
		{"EnvironmentAdmin", scopeCluster, all},
		{"CloudClusterAdmin", scopeCluster, all},
		{"Operator", scopeCluster, permissions{
			"topic": {"Describe", "DescribeConfigs"}, "group": {"Describe"}, "transactional-id": {"Describe"}, OnCluster: {"Describe", "DescribeConfigs"},
		}},
		{"ResourceOwner", scopeResource, permissions{
			"topic":            {"Create", "Delete", "Read", "Write", "Describe", "DescribeConfigs", "Alter", "AlterConfigs"},
			"group":            {"Read", "Describe", "Delete"},
			"transactional-id": {"Write", "Describe"},
		}},
		{"DeveloperRead", scopeResource, permissions{
			"topic": {"Read", "Describe"}, "group": {"Read", "Describe"}, "transactional-id": {"Describe"},
		}},
		{"DeveloperWrite", scopeResource, permissions{
			"topic": {"Write", "Describe"}, "transactional-id": {"Write", "Describe"}, OnCluster: {"IdempotentWrite"},
		}},
		{"DeveloperManage", scopeResource, permissions{
			"topic": {"Create", "Delete", "Describe", "DescribeConfigs", "AlterConfigs"}, "group": {"Describe", "Delete"},
			"transactional-id": {"Describe"},
		}},
		{"AccountAdmin", scopeElse, nil},
		{"Assigner", scopeElse, nil},
		{"BillingAdmin", scopeElse, nil},
		{"ClusterLinkConnection", scopeElse, nil},
		{"DataDiscovery", scopeElse, nil},
		{"DataSteward", scopeElse, nil},
		{"FlinkDeveloper", scopeElse, nil},
		{"KsqlAdmin", scopeElse, nil},
		{"MetricsViewer", scopeElse, nil},
		{"NetworkAdmin", scopeElse, nil},
		{"ResourceKeyAdmin", scopeElse, nil},
	}
}

// resourceTypes are the types of resources in a Kafka cluster that a role can
// be bound to, as Confluent's resource names (CRN) write them.
func resourceTypes() []string { return []string{"topic", "group", "transactional-id"} }

// findRole returns a role by its name, or the error for an unknown one.
func findRole(name string) (role, error) {
	var names []string
	for _, r := range roles() {
		if r.name == name {
			return r, nil
		}
		names = append(names, r.name)
	}
	if name == "" {
		return role{}, errors.New("a role binding needs a role, such as DeveloperRead")
	}
	return role{}, withHint(fmt.Sprintf("unknown role %q", name), didYouMean(name, names))
}

// checkBindings returns a *ConfigError for each mistake.
func checkBindings(all []RoleBinding) []error {
	var mistakes []error
	for i, b := range all {
		mistakes = append(mistakes, b.check(fmt.Sprintf("roleBindings[%d]", i))...)
	}
	return mistakes
}

// check returns a *ConfigError for each mistake. field is the binding's own,
// such as roleBindings[1].
func (b RoleBinding) check(field string) []error {
	var mistakes []error
	add := func(name string, err error) {
		if err != nil {
			mistakes = append(mistakes, &ConfigError{Field: field + "." + name, Err: err})
		}
	}
	r, err := findRole(b.Role)
	add("role", err)
	if b.Cluster == "" {
		add("cluster", errors.New("a role binding needs a cluster, such as lkc-acme"))
	}
	switch {
	case err == nil && r.scope == scopeResource && b.Resource == "":
		add("resource", fmt.Errorf("%s holds on %s and needs a resource, such as topic=orders*", b.Role, scopeResource))
	case err == nil && r.scope == scopeCluster && b.Resource != "":
		add("resource", fmt.Errorf("%s holds on the whole cluster and takes no resource, got %q", b.Role, b.Resource))
	case b.Resource != "":
		add("resource", checkResource(b.Resource))
	}
	if kind, name, ok := strings.Cut(b.Principal, ":"); b.Principal != "" && (!ok || kind == "" || name == "" || strings.ContainsAny(b.Principal, " \t\r\n")) {
		add("principal", fmt.Errorf("%q is no principal, want KIND:NAME such as User:pool-dev, or leave it out for this pool", b.Principal))
	}
	return mistakes
}

// checkResource refuses what is not TYPE=NAME.
func checkResource(resource string) error {
	kind, name, ok := strings.Cut(resource, "=")
	switch {
	case !ok:
		return fmt.Errorf("resource %q is not TYPE=NAME, such as topic=orders*", resource)
	case !knownType(kind):
		known := resourceTypes()
		return withHint(fmt.Sprintf("unknown resource type %q, want %s", kind, strings.Join(known, ", ")), typeHint(kind))
	case name == "":
		return fmt.Errorf("resource %q has no name, write %s=* for all", resource, kind)
	case strings.Contains(strings.TrimSuffix(name, "*"), "*"):
		return fmt.Errorf("resource %q has a * before its end, where it means nothing: a * at the end makes a prefix", resource)
	}
	return nil
}

func knownType(kind string) bool {
	for _, k := range resourceTypes() {
		if k == kind {
			return true
		}
	}
	return false
}

// typeHint also knows what Kafka's own tools and messages call the types.
func typeHint(kind string) string {
	switch folded := strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(kind)); folded {
	case "transactionalid", "transaction":
		return `did you mean "transactional-id"?`
	case "consumergroup":
		return `did you mean "group"?`
	default:
		return didYouMean(nearest.To(kind, resourceTypes()), resourceTypes())
	}
}

// roleWarnings names the roles that mean nothing to a Kafka cluster, and the
// principals that are not the pool.
func roleWarnings(pool string, all []RoleBinding) []string {
	var warnings []string
	for i, b := range all {
		if w := principalWarning(pool, b.Principal); w != "" {
			warnings = append(warnings, fmt.Sprintf("roleBindings[%d]: %s", i, w))
		}
		if r, err := findRole(b.Role); err == nil && r.scope == scopeElse {
			warnings = append(warnings, fmt.Sprintf("the role %s holds on %s and grants nothing in a Kafka cluster", b.Role, scopeElse))
		}
	}
	return warnings
}

// principalWarning is for a binding that is somebody else's. Confluent's API
// takes principals that begin with User: or Group: only (confluent-cloud.md
// 6.1), and a pool is a User.
func principalWarning(pool, principal string) string {
	own := "User:" + pool
	switch {
	case principal == "" || principal == own:
		return ""
	case !strings.HasPrefix(principal, "User:") && !strings.HasPrefix(principal, "Group:"):
		return fmt.Sprintf("the principal %q is refused by Confluent's API, which takes User: and Group: only: write %s, or leave it out", principal, own)
	}
	return fmt.Sprintf("the principal %q is not this pool's, %s: the binding grants this pool nothing", principal, own)
}

// Role is a predefined role of Confluent Cloud, as far as it matters to a Kafka
// cluster.
type Role struct {
	// Name is such as DeveloperRead.
	Name string
	// Scope says in words what the role holds on.
	Scope string
	// Allows are the operations of Kafka's access control that it allows, by the
	// type of resource: topic, group, transactional-id, cluster. All is every
	// one of them. It is nil for a role that grants nothing in a Kafka cluster.
	Allows map[string][]string
}

// Roles are all roles that a binding can name. It is the one table that the
// validator's check authorization, the embedded cluster's ACLs and the gateway
// go by.
func Roles() []Role {
	var all []Role
	for _, r := range roles() {
		all = append(all, Role{Name: r.name, Scope: string(r.scope), Allows: r.may})
	}
	return all
}
