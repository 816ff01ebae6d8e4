package idpool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/openapi"
)

// scopeRequest is the body of POST /v1/scopes.
type scopeRequest struct {
	// Name is for people: it is in the log. Empty means the id.
	Name string `json:"name,omitempty"`
	// Config is what the scope is a copy of, in the form of the config file and with
	// the names of that. What only a restart changes may be left out, and is otherwise
	// as the server has it. Absent means the config as the server's own scope runs it
	// now.
	Config configObject `json:"config,omitempty"`
}

// configObject is a Config as it was sent.
type configObject []byte

// UnmarshalJSON implements json.Unmarshaler.
func (o *configObject) UnmarshalJSON(text []byte) error {
	*o = bytes.Clone(text)
	return nil
}

// maxScopeName bounds what is in each line of the log.
const maxScopeName = 200

// scopeView is a scope as the admin API shows it, with what a program under test
// needs.
type scopeView struct {
	// ID is the value of the parameter scope of all other endpoints; empty for the
	// server's own.
	ID string `json:"id" openapi:"required"`
	// Name is what people gave it, or the id; empty for the server's own.
	Name string `json:"name" openapi:"required"`
	// Tenants and Pools are what the scope calls those of the config, by their ids
	// there.
	Tenants map[string]string `json:"tenants" openapi:"required"`
	Pools   map[string]string `json:"identityPools" openapi:"required"`
	// HTTP, HTTPS and Kafka are the public URLs of the listeners, and HOST:PORT of
	// the Kafka listener. They are absent where one is off.
	HTTP  string `json:"http,omitempty"`
	HTTPS string `json:"https,omitempty"`
	Kafka string `json:"kafka,omitempty"`
	// Cluster is the id of the first cluster.
	Cluster string `json:"cluster,omitempty"`
	// TokenURL, JWKSURI and Issuer are those of the first tenant, by the http
	// listener, or by https where that is off. They are absent without a tenant.
	TokenURL string `json:"tokenUrl,omitempty"`
	JWKSURI  string `json:"jwksUri,omitempty"`
	Issuer   string `json:"issuer,omitempty"`
	// ClientID and ClientSecret are those of the first client that has a secret and
	// roles.
	ClientID     string `json:"clientId,omitempty"`
	ClientSecret string `json:"clientSecret,omitempty"`
	// OAuthScope is what that client asks for a token for: the first API that it has
	// roles for, with /.default.
	OAuthScope string `json:"oauthScope,omitempty"`
	// Audience is the aud of the tokens that it gets. The list of scopes leaves it
	// out.
	Audience string `json:"audience,omitempty"`
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
			Description: "A copy of the config as it runs, or of the one of the body, with other tenant ids and pool ids, and its own keys, clock, faults and journal. Every other endpoint takes its id as the parameter `scope`.",
			Request:     scopeRequest{}, Responses: answers(http.StatusCreated, "The scope.", scopeView{}), Problems: bodyProblems},
			do: s.makeScope},
		{whole: true, Operation: openapi.Operation{Method: "GET", Path: "/v1/scopes/{scope}", ID: "showScope", Tag: tag, PathParams: id,
			Summary: "One scope", Responses: answers(http.StatusOK, "The scope.", scopeView{}), Problems: []int{http.StatusNotFound}},
			do: s.showScope},
		{whole: true, Operation: openapi.Operation{Method: "DELETE", Path: "/v1/scopes/{scope}", ID: "endScope", Tag: tag, PathParams: id,
			Summary: "End a scope: its tenants, tokens and pools are unknown from now on", Responses: nothing("It is gone."), Problems: []int{http.StatusNotFound}},
			do: s.endScope},
		{Operation: openapi.Operation{Method: "GET", Path: "/v1/scope", ID: "showCurrentScope", Tag: tag,
			Summary:     "What a program under test needs: URLs, client, secret, what tenants and pools are called",
			Description: "The same of the server's own scope as of another, so that a test need not know in which it is.",
			Responses:   answers(http.StatusOK, "The scope.", scopeView{})},
			do: func(c *call) (reply, error) { return ok(c.fullView(c.r.Context())) }},
	}
}

func (s *Scope) view() scopeView {
	w, base := s.current(), s.stack.base()
	v := scopeView{ID: s.id, Name: s.name, Tenants: map[string]string{}, Pools: map[string]string{},
		HTTP: s.stack.HTTP, HTTPS: s.stack.HTTPS, Kafka: s.stack.Kafka}
	if clusters := w.config.Clusters; len(clusters) > 0 {
		v.Cluster = clusters[0].ID
	}
	given := w.renames.reversed()
	for _, t := range w.config.Tenants {
		v.Tenants[strings.ToLower(orSame(given.tenants, t.ID))] = t.ID
	}
	for id := range w.pools {
		v.Pools[given.pool(id)] = id
	}
	if tenant := s.TenantID(); tenant != "" {
		v.TokenURL = base + "/" + tenant + "/oauth2/v2.0/token"
		v.JWKSURI = base + "/" + tenant + "/discovery/v2.0/keys"
		v.Issuer = idp.Issuer(w.config.Issuer, base, tenant)
	}
	if _, client, ok := w.config.Client("", ""); ok {
		v.ClientID, v.ClientSecret = client.AppID, client.PasswordCredentials[0].SecretText
		if scopes, _ := w.config.Scopes(client.AppID); len(scopes) > 0 {
			v.OAuthScope = scopes[0]
		}
	}
	return v
}

// fullView is the view with the audience, for which a token is made.
func (s *Scope) fullView(ctx context.Context) scopeView {
	v := s.view()
	if v.OAuthScope == "" {
		return v
	}
	made, err := s.Mint(ctx, idp.MintRequest{TokenRequest: idp.TokenRequest{ClientID: v.ClientID, Scope: v.OAuthScope}})
	if err == nil {
		v.Audience = hear(made.AccessToken).audience
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
	like := ScopeConfig{Name: in.Name}
	if len(in.Config) > 0 && string(in.Config) != "null" {
		config, err := s.likeOwn(in.Config)
		if err != nil {
			return reply{}, ofMember("config", err)
		}
		like.Config = &config
	}
	scope, err := s.NewScope(like)
	if err != nil {
		return reply{}, ofMember("config", err)
	}
	return reply{status: http.StatusCreated, body: scope.fullView(c.r.Context())}, nil
}

// likeOwn is a Config of a request with what it says nothing of, and only a
// restart changes, as the server has it.
func (s *Stack) likeOwn(text configObject) (Config, error) {
	given, running := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &given); err != nil {
		return Config{}, &ConfigError{Message: "want an object"}
	}
	own, err := json.Marshal(s.config)
	if err == nil {
		err = json.Unmarshal(own, &running)
	}
	if err != nil {
		return Config{}, err
	}
	for key, value := range running {
		if _, there := given[key]; !there && !changeable[key] {
			given[key] = value
		}
	}
	whole, err := json.Marshal(given)
	if err != nil {
		return Config{}, err
	}
	return Parse(filepath.Join(filepath.Dir(s.config.source), bodyName), asYAML(whole))
}

// ofMember is an error about a Config for who has sent that as a member: its
// fields are there, and it has no lines.
func ofMember(member string, err error) error {
	var all ConfigErrors
	var one *ConfigError
	if errors.As(err, &one) {
		all = ConfigErrors{one}
	} else if !errors.As(err, &all) {
		return err
	}
	var p problem
	var lines []string
	for _, m := range all[:min(len(all), maxMistakes)] {
		field := strings.TrimSuffix(member+"."+m.Field, ".")
		p.Errors = append(p.Errors, mistake{Field: field, Message: m.Message})
		lines = append(lines, field+": "+m.Message)
	}
	p.Field, p.Detail = p.Errors[0].Field, strings.Join(lines, "\n")
	return &refusal{http.StatusUnprocessableEntity, p}
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
	return ok(one.fullView(c.r.Context()))
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
