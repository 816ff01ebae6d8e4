package idpool

import (
	"cmp"
	"net/http"

	"github.com/idpool/idpool/internal/openapi"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// decisionRequest is the body of POST /v1/decisions.
type decisionRequest struct {
	// Token is the token as the client would present it.
	Token string `json:"token"`
	// Cluster is the extension logicalCluster.
	Cluster string `json:"cluster"`
	// Pool is the extension identityPoolId: one id, a comma list, or absent for
	// auto pool mapping.
	Pool string `json:"pool"`
	// Extensions are all SASL extensions as the client sent them; logicalCluster
	// and identityPoolId among them stand in for the two above.
	Extensions map[string]string `json:"extensions"`
	// Operation is what the client wants to do once it is logged in, by its name in
	// Kafka, such as Read, and Resource what it does that to, as TYPE=NAME such as
	// topic=orders, or cluster. They come together, and make a check more.
	Operation string `json:"operation,omitempty"`
	Resource  string `json:"resource,omitempty"`
}

// asked is the operation; the zero Operation for none.
func (in decisionRequest) asked() (pool.Operation, error) {
	if in.Operation == "" && in.Resource == "" {
		return pool.Operation{}, nil
	}
	o, err := pool.ParseOperation(in.Operation, in.Resource)
	if err == nil {
		return o, nil
	}
	field := "operation"
	if _, notIt := pool.ParseOperation(in.Operation, pool.OnCluster); notIt == nil {
		field = "resource"
	}
	return pool.Operation{}, &refusal{http.StatusUnprocessableEntity, problem{Detail: field + ": " + err.Error(), Field: field}}
}

func decisionEndpoints() []endpoint {
	return []endpoint{
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/decisions", ID: "decide", Tag: "decisions",
			Summary:     "May this token log in, and if not, why, and what is to be changed where",
			Description: "The answer is 200 with the decision, allowed or not. With `operation` and `resource` it says of a login that is allowed whether the role bindings let the client do that. The signature is verified always: a token whose signature was cut off is for `idpool explain --no-signature`.",
			Request:     decisionRequest{}, Responses: answers(http.StatusOK, "The decision.", validator.Decision{}), Problems: bodyProblems},
			do: (*call).decision},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/identity-providers/{provider}/refresh-keys", ID: "refreshKeys", Tag: "decisions",
			PathParams: map[string]string{"provider": "The id of the provider."},
			Summary:    "Fetch a provider's keys now, as the button Refresh JWKS of Confluent Cloud does",
			Responses:  nothing("They are fetched."), Problems: []int{http.StatusNotFound, http.StatusUnprocessableEntity}},
			do: (*call).refreshProvider},
	}
}

// decision answers 200 with the Decision, allowed or not.
func (c *call) decision() (reply, error) {
	var in decisionRequest
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	operation, err := in.asked()
	if err != nil {
		return reply{}, err
	}
	return ok(c.decideFor(c.r.Context(), "admin", validator.Request{
		Token:      in.Token,
		Cluster:    cmp.Or(in.Cluster, in.Extensions["logicalCluster"]),
		Pools:      c.current().renames.poolList(cmp.Or(in.Pool, in.Extensions["identityPoolId"])),
		Extensions: in.Extensions,
		Operation:  operation,
		All:        true,
	}))
}

func (c *call) refreshProvider() (reply, error) {
	id := c.path("provider")
	if c.current().config.provider(id) < 0 {
		return reply{}, refused(http.StatusNotFound, "there is no identity provider %q", id)
	}
	if err := c.RefreshKeys(c.r.Context(), id); err != nil {
		return reply{}, err
	}
	return gone()
}
