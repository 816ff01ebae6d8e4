package idpool

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

func request(token, cluster, pools string) validator.Request {
	return validator.Request{Token: token, Cluster: cluster, Pools: pools}
}

func TestMatrix(t *testing.T) {
	c := Acme()
	m, err := c.Matrix(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Pools, []string{"pool-dev", "pool-prod"}) || len(m.Rows) != 1 {
		t.Fatalf("got %+v", m)
	}
	if row := m.Rows[0]; row.Name != "Acme client" || !slices.Equal(row.Cells, []string{"allowed", "role-not-assigned"}) {
		t.Errorf("got %+v", row)
	}
}

// A client whose token the endpoint refuses has the refusal's number at every
// pool, and one of another tenant fails before the filter.
func TestMatrixOfRefusals(t *testing.T) {
	c := Acme()
	disabled := false
	c.Tenants[0].Applications[1].ServicePrincipal.AccountEnabled = &disabled
	c.Tenants = append(c.Tenants, idp.Tenant{ID: "11111111-2222-4333-8444-555555555555", Applications: []idp.Application{
		{AppID: "22222222-2222-4333-8444-555555555555", IdentifierURIs: []string{"api://other"}, AppRoles: []idp.AppRole{{Value: "dev.environmentAdmin"}}},
		{AppID: "33333333-2222-4333-8444-555555555555", AppRoleAssignments: []idp.AppRoleAssignment{{Resource: "22222222-2222-4333-8444-555555555555", Roles: []string{"dev.environmentAdmin"}}}},
	}})
	m, err := c.Matrix(t.Context(), nil)
	if err != nil || len(m.Rows) != 2 {
		t.Fatalf("%+v, %v", m, err)
	}
	if got := m.Rows[0].Cells; !slices.Equal(got, []string{"AADSTS7000112", "AADSTS7000112"}) {
		t.Errorf("disabled: %v", got)
	}
	if got := m.Rows[1].Cells; slices.Contains(got, "allowed") || slices.Contains(got, "no-app-role") {
		t.Errorf("of another tenant: %v", got)
	}
}

// large is a config of n applications and n pools, of which each application
// has the role of one.
func large(n int) Config {
	c := Acme()
	api := &c.Tenants[0].Applications[0]
	c.Tenants[0].Applications = c.Tenants[0].Applications[:1]
	c.IdentityProviders[0].IdentityPools = nil
	api.AppRoles = nil
	for i := range n {
		role := fmt.Sprintf("role.%d", i)
		api.AppRoles = append(api.AppRoles, idp.AppRole{Value: role})
	}
	api = &c.Tenants[0].Applications[0]
	resource := api.AppID
	for i := range n {
		role := fmt.Sprintf("role.%d", i)
		c.Tenants[0].Applications = append(c.Tenants[0].Applications, idp.Application{
			AppID:              fmt.Sprintf("%08d-0000-4000-8000-000000000000", i),
			AppRoleAssignments: []idp.AppRoleAssignment{{Resource: resource, Roles: []string{role}}},
		})
		c.IdentityProviders[0].IdentityPools = append(c.IdentityProviders[0].IdentityPools, pool.Config{
			ID: fmt.Sprintf("pool-%d", i), Filter: fmt.Sprintf("'%s' in claims.roles", role), IdentityClaim: "claims.azp"})
	}
	return c
}

// The short way says the check that the long way fails.
func TestMatrixTwoWays(t *testing.T) {
	c := large(4)
	c.IdentityProviders = append(c.IdentityProviders, IdentityProvider{ID: "op-other", Issuer: "https://other.test", JWKSURI: "https://other.test/keys",
		IdentityPools: []pool.Config{{ID: "pool-other", Filter: "true"}}})
	c.IdentityProviders[0].IdentityPools[1].IdentityClaim = "claims.appid"
	c.IdentityProviders[0].IdentityPools[2].Filter = "claims.nothing != 'x'"
	one := 1
	c.Tenants[0].Applications[0].API.RequestedAccessTokenVersion = &one
	for _, version := range []int{1, 2} {
		c.Tenants[0].Applications[0].API.RequestedAccessTokenVersion = &version
		c.anyCluster = true
		s, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range s.samples(t.Context()) {
			for _, column := range s.columns() {
				want := "allowed"
				if d := s.Decide(t.Context(), validator.Request{Claims: sample.claims, Pools: column.id}); !d.Allowed {
					want = d.Failed().Name
				}
				if column.id == "pool-other" {
					want = validator.CheckProvider // the long way finds that the pool is another provider's
				}
				if got := column.tries(sample.claims); got != want {
					t.Errorf("v%d %s at %s: got %s, want %s", version, sample.clientID, column.id, got, want)
				}
			}
		}
		s.Close()
	}
}

// Over the limit the cells have names of checks, and progress is told in order.
func TestMatrixIsLarge(t *testing.T) {
	var told []int
	m, err := large(101).Matrix(t.Context(), func(done, total int) {
		if total != 101 {
			t.Fatalf("of %d", total)
		}
		told = append(told, done)
	})
	if err != nil || len(told) != 101 || told[100] != 101 {
		t.Fatalf("%v, told %v", err, told)
	}
	if m.Rows[5].Cells[5] != "allowed" || m.Rows[5].Cells[6] != "filter" {
		t.Errorf("got %v", m.Rows[5].Cells[:8])
	}
}

func BenchmarkMatrix(b *testing.B) {
	c := large(1000)
	for b.Loop() {
		if _, err := c.Matrix(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func TestMatrixPrinted(t *testing.T) {
	m := Matrix{Pools: []string{"pool-a", "pool|b"}, Rows: []MatrixRow{
		{ClientID: "1", Name: "One*", Scope: "api://x/.default", Cells: []string{"allowed", "no-app-role"}},
		{ClientID: "2", Name: "tab\tbed", Cells: []string{"AADSTS7000112", "allowed"}},
	}}
	for name, tt := range map[string]struct {
		print func(io.Writer) error
		want  string
	}{
		"text": {m.Text, `application  client id  pool-a         pool|b
One*         1          ✓              no-app-role
"tab\tbed"   2          AADSTS7000112  ✓
`},
		"markdown": {m.Markdown, `| application | client id | pool-a | pool\|b |
| --- | --- | --- | --- |
| One\* | 1 | ✓ | no-app-role |
| "tab\tbed" | 2 | AADSTS7000112 | ✓ |
`},
	} {
		var b strings.Builder
		if err := tt.print(&b); err != nil || b.String() != tt.want {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
	}
	m.Rows = append(m.Rows, MatrixRow{ClientID: "1", Name: "One*", Scope: "api://y/.default", Cells: []string{"filter", "filter"}})
	var b strings.Builder
	if err := m.Text(&b); err != nil || !strings.Contains(b.String(), "api://y/.default") {
		t.Errorf("an application with two APIs: %v\n%s", err, b.String())
	}
	b.Reset()
	if err := (Matrix{}).Markdown(&b); err != nil || b.String() != "| application | client id |\n| --- | --- |\n" {
		t.Errorf("an empty one: %v\n%s", err, b.String())
	}
}
