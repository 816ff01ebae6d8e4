package pool

import (
	"slices"
	"strings"
	"testing"
)

// The table of confluent-cloud.md 6.2, operation by operation: what is not in a
// cell is not allowed.
func TestRoles(t *testing.T) {
	all := strings.Join(operations(), " ")
	for _, tt := range []struct{ role, topic, group, transactional, cluster string }{
		{"OrganizationAdmin", all, all, all, all},
		{"EnvironmentAdmin", all, all, all, all},
		{"CloudClusterAdmin", all, all, all, all},
		{"Operator", "Describe DescribeConfigs", "Describe", "Describe", "Describe DescribeConfigs"},
		{"ResourceOwner", "Create Delete Read Write Describe DescribeConfigs Alter AlterConfigs", "Read Describe Delete", "Write Describe", ""},
		{"DeveloperRead", "Read Describe", "Read Describe", "Describe", ""},
		{"DeveloperWrite", "Write Describe", "", "Write Describe", "IdempotentWrite"},
		{"DeveloperManage", "Create Delete Describe DescribeConfigs AlterConfigs", "Describe Delete", "Describe", ""},
		{"MetricsViewer", "", "", "", ""},
		{"Assigner", "", "", "", ""},
	} {
		for kind, allowed := range map[string]string{"topic": tt.topic, "group": tt.group, "transactional-id": tt.transactional, OnCluster: tt.cluster} {
			resource := kind
			if kind != OnCluster {
				resource += "=orders"
			}
			for _, name := range operations() {
				b := RoleBinding{Role: tt.role, Cluster: "lkc-1", Resource: resource}
				if got, want := b.Allows(Operation{name, resource}), slices.Contains(strings.Fields(allowed), name); got != want {
					t.Errorf("%s: %s on %s is %v, want %v", tt.role, name, kind, got, want)
				}
			}
		}
	}
}

func TestAllows(t *testing.T) {
	read := Operation{"Read", "topic=orders"}
	for _, tt := range []struct {
		reason string
		RoleBinding
		Operation
		want bool
	}{
		{"the very topic", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=orders"}, read, true},
		{"a prefix", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=ord*"}, read, true},
		{"all", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=*"}, read, true},
		{"a prefix that is the name", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=orders*"}, read, true},
		{"another prefix", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=orders.*"}, read, false},
		{"a name is no prefix", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=ord"}, read, false},
		{"names are compared with regard to case", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=Orders"}, read, false},
		{"a group of the same name", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "group=orders"}, read, false},
		{"another cluster", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-2", Resource: "topic=*"}, read, false},
		{"the pool's own principal", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=*", Principal: "User:pool-a"}, read, true},
		{"a principal that Confluent has not", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=*", Principal: "IdentityPool:pool-a"}, read, false},
		{"another pool", RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=*", Principal: "User:pool-b"}, read, false},
		{"an administrator of the cluster", RoleBinding{Role: "CloudClusterAdmin", Cluster: "lkc-1"}, read, true},
		{"idempotent writes hang on no topic", RoleBinding{Role: "DeveloperWrite", Cluster: "lkc-1", Resource: "topic=x"}, Operation{"IdempotentWrite", OnCluster}, true},
		{"a writer may not read", RoleBinding{Role: "DeveloperWrite", Cluster: "lkc-1", Resource: "topic=*"}, read, false},
	} {
		p, err := New(Config{ID: "pool-a", Filter: "true", RoleBindings: []RoleBinding{{Role: "MetricsViewer", Cluster: "lkc-1"}, tt.RoleBinding}})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Allows("lkc-1", tt.Operation); got != tt.want {
			t.Errorf("%s: got %v", tt.reason, got)
		}
	}
}

func TestPrincipal(t *testing.T) {
	made := func(principal string) (*Pool, error) {
		return New(Config{ID: "pool-a", Filter: "claims.sub == 'x'", RoleBindings: []RoleBinding{{Role: "CloudClusterAdmin", Cluster: "lkc-1", Principal: principal}}})
	}
	for principal, want := range map[string]string{
		"": "", "User:pool-a": "",
		"IdentityPool:pool-a": "User: and Group: only: write User:pool-a",
		"User:pool-b":         "grants this pool nothing",
	} {
		p, err := made(principal)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(p.Warnings(), "\n"); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", principal, got, want)
		}
	}
	for _, principal := range []string{"pool-a", ":pool-a", "User:", "User: pool-a"} {
		if _, err := made(principal); err == nil || !strings.Contains(err.Error(), "roleBindings[0].principal") {
			t.Errorf("%q: %v", principal, err)
		}
	}
}

func TestParseOperation(t *testing.T) {
	for _, tt := range []struct {
		name, resource string
		want           Operation
	}{
		{"Read", "topic=orders", Operation{"Read", "topic=orders"}},
		{"read", "group=g", Operation{"Read", "group=g"}},
		{"DESCRIBE_CONFIGS", "topic=orders", Operation{"DescribeConfigs", "topic=orders"}},
		{"IdempotentWrite", "Cluster", Operation{"IdempotentWrite", OnCluster}},
		{"Alter", "cluster=kafka-cluster", Operation{"Alter", OnCluster}},
	} {
		if got, err := ParseOperation(tt.name, tt.resource); err != nil || got != tt.want {
			t.Errorf("%s %s: %v, %v", tt.name, tt.resource, got, err)
		}
	}
	for _, tt := range []struct{ name, resource, want string }{
		{"Raed", "topic=x", `did you mean "Read"?`},
		{"Consume", "topic=x", "want one of Read, Write"},
		{"Read", "topic:x", "is not TYPE=NAME"},
		{"Read", "topics=x", `did you mean "topic"?`},
		{"Read", "topic=x*", "is a pattern"},
		{"Read", "", "needs a resource, such as topic=orders,"},
	} {
		if _, err := ParseOperation(tt.name, tt.resource); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: %v", tt.name, tt.resource, err)
		}
	}
}
