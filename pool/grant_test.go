package pool

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/printed"
)

var update = flag.Bool("update", false, "rewrite the parts of docs/ that tests print")

// TestRoleReference keeps the table in docs/kafka.md equal to the one that
// counts.
func TestRoleReference(t *testing.T) {
	var b strings.Builder
	b.WriteString("| role | holds on | topic | group | transactional id | cluster |\n| --- | --- | --- | --- | --- | --- |\n")
	var nothing []string
	for _, r := range Roles() {
		if r.Allows == nil {
			nothing = append(nothing, "`"+r.Name+"`")
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s |", r.Name, r.Scope)
		for _, kind := range append(resourceTypes(), OnCluster) {
			operations := strings.Join(r.Allows[kind], ", ")
			if operations == "" {
				operations = "–"
			}
			fmt.Fprintf(&b, " %s |", operations)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\nThese grant nothing in a Kafka cluster: %s.\n", strings.Join(nothing, ", "))
	printed.Section{File: "../docs/kafka.md", Name: "roles", Update: *update}.Is(t, b.String())
}

// TestGrantsAllowWhatBindingsAllow: what the embedded cluster's ACLs say and
// what the bindings say is the same, for every role, operation and resource.
func TestGrantsAllowWhatBindingsAllow(t *testing.T) {
	resources := []string{OnCluster, "topic=orders", "topic=orders-eu", "topic=billing", "group=orders", "group=x", "transactional-id=orders", "transactional-id=x"}
	tried := 0
	for _, r := range Roles() {
		for _, bound := range []string{"", "topic=orders", "topic=orders*", "topic=*", "group=orders*", "transactional-id=orders"} {
			p, err := New(Config{ID: "pool-x", Filter: "true", RoleBindings: []RoleBinding{{Role: r.Name, Cluster: "lkc-a", Resource: bound}}})
			if err != nil {
				continue // a role of the cluster with a resource, or the other way round
			}
			for _, name := range operations() {
				for _, resource := range resources {
					tried++
					o := Operation{name, resource}
					if want, got := p.Allows("lkc-a", o), granted(p.Grants("lkc-a"), o); want != got {
						t.Errorf("%s bound to %q: %s is %v by its grants, want %v", r.Name, bound, o, got, want)
					}
				}
			}
			if len(p.Grants("lkc-b")) != 0 {
				t.Errorf("%s grants something in another cluster", r.Name)
			}
		}
	}
	if tried < 1000 {
		t.Errorf("%d combinations, want more", tried)
	}
}

// granted is Kafka's reading of ACLs: Describe is implied by Read, Write, Delete
// and Alter, DescribeConfigs by AlterConfigs (KIP-253).
func granted(all []Grant, o Operation) bool {
	kind, name, _ := strings.Cut(o.Resource, "=")
	for _, g := range all {
		fits := g.Type == kind && (kind == OnCluster || g.Name == name || g.Prefix && strings.HasPrefix(name, g.Name))
		if fits && (permissions{kind: {g.Operation}}).allows(kind, o.Name) {
			return true
		}
	}
	return false
}

func TestEverythingIsEverything(t *testing.T) {
	for _, resource := range []string{OnCluster, "topic=a", "group=b", "transactional-id=c"} {
		for _, name := range operations() {
			if o := (Operation{name, resource}); !granted(Everything(), o) {
				t.Errorf("%s is not among everything", o)
			}
		}
	}
}

func TestSetRoleBindings(t *testing.T) {
	p, err := New(Config{ID: "pool-x", Filter: "true"})
	if err != nil {
		t.Fatal(err)
	}
	read := Operation{"Read", "topic=orders"}
	if p.Allows("lkc-a", read) {
		t.Error("a pool without bindings allows something")
	}
	if err := p.SetRoleBindings([]RoleBinding{{Role: "DeveloperRead", Cluster: "lkc-a", Resource: "topic=orders"}}); err != nil || !p.Allows("lkc-a", read) {
		t.Errorf("%v; the new binding does not count", err)
	}
	if err := p.SetRoleBindings([]RoleBinding{{Role: "DeveloperReed", Cluster: "lkc-a", Resource: "topic=orders"}}); err == nil || !strings.Contains(err.Error(), `roleBindings[0].role`) {
		t.Errorf("%v, want the place of the mistake", err)
	}
	if !p.Allows("lkc-a", read) || len(p.Config().RoleBindings) != 1 {
		t.Error("a wrong binding has changed something")
	}
}
