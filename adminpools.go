package idpool

import (
	"errors"
	"net/http"
	"slices"

	"github.com/idpool/idpool/internal/openapi"
	"github.com/idpool/idpool/pool"
)

// roleBindings is the body of the role bindings of a pool, in both directions.
type roleBindings struct {
	// RoleBindings are all of the pool; none is the empty list.
	RoleBindings []pool.RoleBinding `json:"roleBindings" openapi:"required"`
}

func poolEndpoints() []endpoint {
	const tag = "pools"
	id := map[string]string{"pool": "The id of the pool."}
	missing := []int{http.StatusNotFound}
	bindings := answers(http.StatusOK, "The role bindings.", roleBindings{})
	return []endpoint{
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/identity-pools/{pool}/role-bindings", ID: "listRoleBindings", Tag: tag, PathParams: id,
			Summary: "The role bindings of a pool", Responses: bindings, Problems: missing},
			do: (*call).showRoleBindings},
		{Operation: openapi.Operation{Method: "PUT", Path: "/v1/identity-pools/{pool}/role-bindings", ID: "setRoleBindings", Tag: tag, PathParams: id,
			Summary: "Replace them, from the next request of a Kafka client on", Request: roleBindings{}, Responses: bindings, Problems: append(missing, append([]int{http.StatusInternalServerError}, bodyProblems...)...)},
			do: (*call).putRoleBindings},
	}
}

// showRoleBindings answers with the role bindings of a pool as they are now.
func (c *call) showRoleBindings() (reply, error) {
	p, err := c.pool()
	if err != nil {
		return reply{}, err
	}
	return ok(roleBindings{append([]pool.RoleBinding{}, p.RoleBindings()...)})
}

// putRoleBindings replaces them.
func (c *call) putRoleBindings() (reply, error) {
	p, err := c.pool()
	if err != nil {
		return reply{}, err
	}
	in := roleBindings{}
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	if in.RoleBindings == nil {
		return reply{}, &refusal{http.StatusBadRequest, problem{Detail: "roleBindings is missing: write [] for none", Field: "roleBindings"}}
	}
	err = c.SetRoleBindings(c.r.Context(), p.Config().ID, in.RoleBindings)
	var notApplied *ApplyError
	if err != nil && !errors.As(err, &notApplied) {
		return reply{}, &refusal{http.StatusUnprocessableEntity, problem{Detail: err.Error(), Field: "roleBindings"}}
	}
	return reply{status: http.StatusOK, body: in}, err
}

// pool is the pool that the path names.
func (c *call) pool() (*pool.Pool, error) {
	if p := c.Pool(c.own("pool")); p != nil {
		return p, nil
	}
	return nil, refused(http.StatusNotFound, "there is no pool %q", c.path("pool"))
}

// provider is the index of the identity provider of an id; negative when there
// is none.
func (c Config) provider(id string) int {
	return slices.IndexFunc(c.IdentityProviders, func(p IdentityProvider) bool { return p.ID == id })
}
