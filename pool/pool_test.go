package pool

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/imports"
)

func devPool() Config {
	return Config{
		ID: "pool-dev", DisplayName: "Dev environment", IdentityClaim: "claims.azp", Filter: rolesFilter,
		RoleBindings: []RoleBinding{{Role: "CloudClusterAdmin", Cluster: "lkc-acme"}},
	}
}

func TestNew(t *testing.T) {
	p, err := New(devPool())
	if err != nil {
		t.Fatal(err)
	}
	if !p.Matches(azureClaims()) || !p.Match(azureClaims()).Match {
		t.Errorf("no match: %+v", p.Match(azureClaims()))
	}
	if identity, err := p.Identity(azureClaims()); err != nil || identity != "75f2f796-363d-4de2-b299-713920db01a7" {
		t.Errorf("identity %q, %v", identity, err)
	}
	if len(p.Warnings()) != 0 {
		t.Errorf("warnings %q", p.Warnings())
	}
	if p.Config().DisplayName != "Dev environment" {
		t.Errorf("config %+v", p.Config())
	}
}

// What a caller does to the config or the warnings afterwards does not reach
// the pool.
func TestPoolKeepsItsOwnConfig(t *testing.T) {
	c := devPool()
	c.Filter = "true"
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	c.RoleBindings[0].Role = "Operator"
	p.Warnings()[0] = "changed"
	if p.Config().RoleBindings[0].Role != "CloudClusterAdmin" || p.Warnings()[0] == "changed" {
		t.Error("the pool changed with what its caller holds")
	}
}

// Each row is one mistake and the one line that tells it.
func TestNewRefuses(t *testing.T) {
	bind := func(b RoleBinding) func(*Config) {
		return func(c *Config) { c.RoleBindings = append(c.RoleBindings, b) }
	}
	for _, tt := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no id", func(c *Config) { c.ID = "" }, `pool: id: a pool needs an id, such as pool-dev`},
		{"an id that no list can name", func(c *Config) { c.ID = "a,b" }, `pool: id: the id "a,b" has a comma or a space in it, and clients name pools in a list with commas`},
		{"an unknown language", func(c *Config) { c.Language = "CEl" }, `pool: language: unknown filter language "CEl", want "cel" or "expr", did you mean "cel"?`},
		{"a bare identity claim", func(c *Config) { c.IdentityClaim = "sub" }, `pool: identityClaim: "sub" is no identity claim: write claims.sub`},
		{"an unknown role", bind(RoleBinding{Role: "DevloperRead", Cluster: "lkc-1", Resource: "topic=a"}), `pool: roleBindings[1].role: unknown role "DevloperRead", did you mean "DeveloperRead"?`},
		{"a role in small letters", bind(RoleBinding{Role: "cloudclusteradmin", Cluster: "lkc-1", Resource: ""}), `pool: roleBindings[1].role: unknown role "cloudclusteradmin", did you mean "CloudClusterAdmin"?`},
		{"a role near to none", bind(RoleBinding{Role: "Emperor", Cluster: "lkc-1", Resource: ""}), `pool: roleBindings[1].role: unknown role "Emperor"`},
		{"no role", bind(RoleBinding{Role: "", Cluster: "lkc-1", Resource: ""}), `pool: roleBindings[1].role: a role binding needs a role, such as DeveloperRead`},
		{"no cluster", bind(RoleBinding{Role: "Operator", Cluster: "", Resource: ""}), `pool: roleBindings[1].cluster: a role binding needs a cluster, such as lkc-acme`},
		{"no resource", bind(RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: ""}), `pool: roleBindings[1].resource: DeveloperRead holds on a topic, group or transactional id and needs a resource, such as topic=orders*`},
		{"a resource too many", bind(RoleBinding{Role: "CloudClusterAdmin", Cluster: "lkc-1", Resource: "topic=a"}), `pool: roleBindings[1].resource: CloudClusterAdmin holds on the whole cluster and takes no resource, got "topic=a"`},
		{"a resource with a colon", bind(RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic:a"}), `pool: roleBindings[1].resource: resource "topic:a" is not TYPE=NAME, such as topic=orders*`},
		{"a resource type misspelt", bind(RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topics=a"}), `pool: roleBindings[1].resource: unknown resource type "topics", want topic, group, transactional-id, did you mean "topic"?`},
		{"Kafka's own name of a type", bind(RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "TransactionalId=a"}), `pool: roleBindings[1].resource: unknown resource type "TransactionalId", want topic, group, transactional-id, did you mean "transactional-id"?`},
		{"what tools call a group", bind(RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "consumer-group=a"}), `pool: roleBindings[1].resource: unknown resource type "consumer-group", want topic, group, transactional-id, did you mean "group"?`},
		{"a resource type that is none", bind(RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "subject=a"}), `pool: roleBindings[1].resource: unknown resource type "subject", want topic, group, transactional-id`},
		{"a resource without a name", bind(RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic="}), `pool: roleBindings[1].resource: resource "topic=" has no name, write topic=* for all`},
		{"a * in the middle", bind(RoleBinding{Role: "DeveloperRead", Cluster: "lkc-1", Resource: "topic=a*b"}), `pool: roleBindings[1].resource: resource "topic=a*b" has a * before its end, where it means nothing: a * at the end makes a prefix`},
		{"a filter", func(c *Config) { c.Filter = "claims.a = 1" }, "pool: filter: cel filter, line 1, column 10: unexpected \"=\"\n  | claims.a = 1\n  |          ^\n  hint: write =="},
		{"a filter that is not strict", func(c *Config) { c.Strict, c.Filter = true, "size(claims.a) == 1" }, "pool: filter: cel filter, line 1, column 5: the function size: Confluent does not document this, and the pool is strict\n" +
			"  | size(claims.a) == 1\n  |     ^\n  hint: documented are ==, !=, in, &&, ||, !, has(), startsWith, endsWith, strings and lists of strings"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := devPool()
			tt.change(&c)
			p, err := New(c)
			if err == nil || p != nil {
				t.Fatalf("New returned %v, %v", p, err)
			}
			if err.Error() != tt.want {
				t.Errorf("got\n%v, want\n%s", err, tt.want)
			}
			var mistake *ConfigError
			if !errors.As(err, &mistake) || !strings.HasPrefix(tt.want, "pool: "+mistake.Field+": ") {
				t.Errorf("errors.As finds %+v", mistake)
			}
		})
	}
}

// Every mistake is told at once, with the field that it belongs to.
func TestNewTellsAllMistakes(t *testing.T) {
	_, err := New(Config{
		Filter: "claims.a = 1", IdentityClaim: "sub",
		RoleBindings: []RoleBinding{{Role: "Operator", Cluster: "lkc-1"}, {Role: "Nobody", Resource: "x"}},
	})
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("error %v is not joined", err)
	}
	var fields []string
	for _, e := range joined.Unwrap() {
		var mistake *ConfigError
		if !errors.As(e, &mistake) {
			t.Fatalf("%v is no *ConfigError", e)
		}
		fields = append(fields, mistake.Field)
	}
	want := []string{"id", "filter", "identityClaim", "roleBindings[1].role", "roleBindings[1].cluster", "roleBindings[1].resource"}
	if !slices.Equal(fields, want) {
		t.Errorf("fields %q, want %q", fields, want)
	}
	var filter *FilterError
	if !errors.As(err, &filter) || filter.Line != 1 || filter.Column != 10 {
		t.Errorf("errors.As finds the filter's error as %+v", filter)
	}
}

func TestNewAccepts(t *testing.T) {
	for _, b := range []RoleBinding{
		{Role: "OrganizationAdmin", Cluster: "lkc-1", Resource: ""}, {Role: "EnvironmentAdmin", Cluster: "lkc-1", Resource: ""}, {Role: "Operator", Cluster: "lkc-1", Resource: ""},
		{Role: "ResourceOwner", Cluster: "lkc-1", Resource: "topic=orders"}, {Role: "DeveloperRead", Cluster: "lkc-1", Resource: "group=*"},
		{Role: "DeveloperWrite", Cluster: "lkc-1", Resource: "transactional-id=a-*"}, {Role: "DeveloperManage", Cluster: "lkc-1", Resource: "topic=a=b"},
	} {
		c := devPool()
		c.RoleBindings = []RoleBinding{b}
		p, err := New(c)
		if err != nil || len(p.Warnings()) != 0 {
			t.Errorf("%v: %v", b, err)
		}
	}
}

// A role of another part of Confluent Cloud is no mistake, and no help.
func TestRoleThatGrantsNothingHere(t *testing.T) {
	c := devPool()
	c.RoleBindings = []RoleBinding{{Role: "MetricsViewer", Cluster: "lkc-1"}}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"the role MetricsViewer holds on something other than Kafka and grants nothing in a Kafka cluster"}
	if !slices.Equal(p.Warnings(), want) {
		t.Errorf("warnings %q, want %q", p.Warnings(), want)
	}
}

// The package is a leaf: claims in, a verdict out. See the design's arrows.
func TestImports(t *testing.T) {
	imports.Check(t, ".", "internal/nearest")
}

func ExampleNew() {
	p, err := New(Config{
		ID:            "pool-prod",
		IdentityClaim: "claims.azp",
		Filter:        "'prod.environmentAdmin' in claims.roles",
		RoleBindings:  []RoleBinding{{Role: "DeveloperRead", Cluster: "lkc-acme", Resource: "topic=orders*"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	claims := Claims{"azp": "75f2f796-363d-4de2-b299-713920db01a7", "roles": []any{"prod.environmentAdmin"}}
	if p.Match(claims).Match {
		identity, err := p.Identity(claims)
		fmt.Println(identity, err)
	}
	fmt.Println(p.Match(Claims{"role": "prod.environmentAdmin"}).Reason)
	// Output:
	// 75f2f796-363d-4de2-b299-713920db01a7 <nil>
	// 'prod.environmentAdmin' in claims.roles: the token has no claims.roles, the nearest that it has is claims.role
}
