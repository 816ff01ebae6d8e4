package idpool

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/openapi"
)

// scopeRequest is the body of POST /v1/scopes.
type scopeRequest struct {
	// Name is for people: it is in the log. Empty means the id.
	Name string `json:"name,omitempty"`
}

// maxScopeName bounds what is in each line of the log.
const maxScopeName = 200

// scopeView is a scope as the admin API shows it.
type scopeView struct {
	// ID is the value of the parameter scope of all other endpoints.
	ID string `json:"id" openapi:"required"`
	// Name is what people gave it, or the id.
	Name string `json:"name" openapi:"required"`
	// Tenants and Pools are what the scope calls those of the config, by their ids
	// there.
	Tenants map[string]string `json:"tenants" openapi:"required"`
	Pools   map[string]string `json:"identityPools" openapi:"required"`
	// TokenURL and Issuer are those of the first tenant, by the http listener, or by
	// https where that is off. They are empty without a tenant.
	TokenURL string `json:"tokenUrl,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	// ClientID and ClientSecret are those of the first client that has a secret and
	// roles.
	ClientID     string `json:"clientId,omitempty"`
	ClientSecret string `json:"clientSecret,omitempty"`
}

// scopeList are all scopes beside the server's own.
type scopeList struct {
	// Scopes are sorted by id.
	Scopes []scopeView `json:"scopes" openapi:"required"`
}

func (s *Stack) scopeEndpoints() []endpoint {
	const tag = "scopes"
	id := map[string]string{"scope": "The id of the scope."}
	return []endpoint{
		{whole: true, Operation: openapi.Operation{Method: "GET", Path: "/v1/scopes", ID: "listScopes", Tag: tag,
			Summary: "The scopes beside the server's own", Responses: answers(http.StatusOK, "The scopes.", scopeList{})},
			do: func(*call) (reply, error) { return ok(s.listScopes()) }},
		{whole: true, Operation: openapi.Operation{Method: "POST", Path: "/v1/scopes", ID: "makeScope", Tag: tag,
			Summary:     "A world of its own for one test",
			Description: "A copy of the config as it runs, with other tenant ids and pool ids, and its own keys, clock, faults and journal. Every other endpoint takes its id as the parameter `scope`.",
			Request:     scopeRequest{}, Responses: answers(http.StatusCreated, "The scope.", scopeView{}), Problems: bodyProblems},
			do: s.makeScope},
		{whole: true, Operation: openapi.Operation{Method: "GET", Path: "/v1/scopes/{scope}", ID: "showScope", Tag: tag, PathParams: id,
			Summary: "One scope", Responses: answers(http.StatusOK, "The scope.", scopeView{}), Problems: []int{http.StatusNotFound}},
			do: s.showScope},
		{whole: true, Operation: openapi.Operation{Method: "DELETE", Path: "/v1/scopes/{scope}", ID: "endScope", Tag: tag, PathParams: id,
			Summary: "End a scope: its tenants, tokens and pools are unknown from now on", Responses: nothing("It is gone."), Problems: []int{http.StatusNotFound}},
			do: s.endScope},
	}
}

func (s *Scope) view() scopeView {
	w, base := s.current(), s.stack.base()
	v := scopeView{ID: s.id, Name: s.name, Tenants: map[string]string{}, Pools: map[string]string{}}
	given := w.renames.reversed()
	for _, t := range w.config.Tenants {
		v.Tenants[strings.ToLower(orSame(given.tenants, t.ID))] = t.ID
	}
	for id := range w.pools {
		v.Pools[given.pool(id)] = id
	}
	if tenant := s.TenantID(); tenant != "" {
		v.TokenURL = base + "/" + tenant + "/oauth2/v2.0/token"
		v.Issuer = idp.Issuer(w.config.Issuer, base, tenant)
	}
	if _, client, ok := w.config.Client("", ""); ok {
		v.ClientID, v.ClientSecret = client.AppID, client.PasswordCredentials[0].SecretText
	}
	return v
}

func (s *Stack) listScopes() scopeList {
	all := s.scopes.all()
	slices.SortFunc(all, func(a, b *Scope) int { return strings.Compare(a.id, b.id) })
	out := scopeList{[]scopeView{}}
	for _, one := range all {
		out.Scopes = append(out.Scopes, one.view())
	}
	return out
}

func (s *Stack) makeScope(c *call) (reply, error) {
	var in scopeRequest
	if err := c.read(&in); err != nil {
		return reply{}, err
	}
	if len(in.Name) > maxScopeName {
		return reply{}, &refusal{http.StatusUnprocessableEntity, problem{Detail: fmt.Sprintf("name: want at most %d bytes, got %d", maxScopeName, len(in.Name)), Field: "name"}}
	}
	scope, err := s.NewScope(ScopeConfig{Name: in.Name})
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusCreated, body: scope.view()}, nil
}

// named is the scope of the path.
func (s *Stack) named(c *call) (*Scope, error) {
	if one := s.scopes.scope(c.path("scope")); one != nil {
		return one, nil
	}
	return nil, refused(http.StatusNotFound, "there is no scope %q", c.path("scope"))
}

func (s *Stack) showScope(c *call) (reply, error) {
	one, err := s.named(c)
	if err != nil {
		return reply{}, err
	}
	return ok(one.view())
}

func (s *Stack) endScope(c *call) (reply, error) {
	one, err := s.named(c)
	if err == nil {
		err = one.Close()
	}
	if err != nil {
		return reply{}, err
	}
	return gone()
}
