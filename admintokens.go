package idpool

import (
	"fmt"
	"net/http"
	"time"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/openapi"
)

// mintRequest is the body of POST /v1/tokens.
type mintRequest struct {
	// Tenant is the tenant's id or one of its domains. Empty means the client's.
	Tenant string `json:"tenant,omitempty"`
	// ClientID is the client's appId. Empty means the first that has a secret and
	// roles.
	ClientID string `json:"clientId,omitempty"`
	// Scope is RESOURCE/.default. Empty means the only API that the client has
	// roles for.
	Scope string `json:"scope,omitempty"`
	// Claims replace those of the token or are added to them; null takes a claim
	// away.
	Claims map[string]any `json:"claims,omitempty"`
	// Header does the same to the header. It is written and not obeyed.
	Header map[string]any `json:"header,omitempty"`
	// IssuedAt is when the token is made. Absent means now.
	IssuedAt time.Time `json:"issuedAt,omitzero"`
	// Lifetime is how long it lives; negative for a token that ends before it
	// begins. Absent means Azure's.
	Lifetime Duration `json:"lifetime,omitempty"`
}

func (m mintRequest) request() idp.MintRequest {
	return idp.MintRequest{
		TokenRequest: idp.TokenRequest{Tenant: m.Tenant, ClientID: m.ClientID, Scope: m.Scope},
		Claims:       m.Claims, Header: m.Header, IssuedAt: m.IssuedAt, Lifetime: time.Duration(m.Lifetime),
	}
}

// brokenRequest is the body of POST /v1/tokens/broken.
type brokenRequest struct {
	mintRequest
	// Names are those of the tokens that are wanted. Empty means all.
	Names []string `json:"names,omitempty"`
}

// brokenList is the refusal matrix.
type brokenList struct {
	// Tokens are those that were named, in that order, or all, the valid one first.
	Tokens []forge.Token `json:"tokens" openapi:"required"`
}

func tokenEndpoints() []endpoint {
	const tag = "tokens"
	return []endpoint{
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/tokens", ID: "mintToken", Tag: tag,
			Summary: "A token with any claims, header and times, for any application",
			Request: mintRequest{}, Responses: answers(http.StatusCreated, "The answer of a token endpoint.", idp.TokenResponse{}), Problems: bodyProblems},
			do: (*call).mintToken},
		{Operation: openapi.Operation{Method: "POST", Path: "/v1/tokens/broken", ID: "breakTokens", Tag: tag,
			Summary: "A valid token and every broken twin of it, each with the check that has to refuse it",
			Request: brokenRequest{}, Responses: answers(http.StatusCreated, "The tokens by `names`, or all of them, the valid one first.", brokenList{}), Problems: bodyProblems},
			do: (*call).breakTokens},
	}
}

func (c *call) mintToken() (reply, error) {
	var in mintRequest
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	token, err := c.Mint(c.r.Context(), in.request())
	return reply{status: http.StatusCreated, body: token}, err
}

func (c *call) breakTokens() (reply, error) {
	var in brokenRequest
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	if len(in.Names) == 0 {
		all, err := c.BrokenTokens(c.r.Context(), in.request())
		return reply{status: http.StatusCreated, body: brokenList{all}}, err
	}
	source, err := c.source(c.r.Context(), in.request())
	if err != nil {
		return reply{}, err
	}
	out := brokenList{}
	if most := len(forge.Names()); len(in.Names) > most {
		return reply{}, &refusal{http.StatusUnprocessableEntity, problem{Detail: fmt.Sprintf("names: %d are more than the %d that there are", len(in.Names), most), Field: "names"}}
	}
	for _, name := range in.Names {
		one, err := forge.Make(source, name)
		if err == nil {
			err = c.r.Context().Err()
		}
		if err != nil {
			return reply{}, &refusal{http.StatusUnprocessableEntity, problem{Detail: err.Error(), Field: "names"}}
		}
		out.Tokens = append(out.Tokens, one)
	}
	return reply{status: http.StatusCreated, body: out}, nil
}
