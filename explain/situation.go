package explain

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// situation is an Input looked at once: who the client is, which API the token
// is for, and what the pools asked for made of the claims. Rules read it and
// leave it as it is.
type situation struct {
	in     Input
	claims map[string]any
	header map[string]any

	provider *Provider    // that iss selected; nil when none
	client   *Application // that got the token; nil when the config has none
	resource *Application // that the token is for; nil when the config has none

	failed    validator.Check // being explained
	explained bool            // by a rule further up the table

	// What the pools made of the claims; only rules about filters ask.
	misses func() []miss   // pools asked for that do not match
	others func() []string // pools not asked for that match
	parts  func() []part   // see blame
	rights func() rights   // see need
}

// miss is a pool that was asked for and does not match.
type miss struct {
	pool   pool.Config
	result pool.Result
	broken *pool.FilterError // the filter does not compile; result is empty
}

// newSituation looks up what every rule needs, and leaves the filters until a
// rule asks for them.
func newSituation(in Input) *situation {
	s := &situation{in: in, claims: in.Decision.Claims, header: in.Decision.Header}
	for i, p := range in.Facts.Providers {
		if p.ID != "" && p.ID == in.Decision.Provider {
			s.provider = &in.Facts.Providers[i]
		}
	}
	look := sync.OnceValues(s.look)
	s.misses = func() []miss { m, _ := look(); return m }
	s.others = func() []string { _, o := look(); return o }
	s.parts, s.rights = sync.OnceValue(s.blame), sync.OnceValue(s.need)
	s.client = s.application(s.clientID())
	s.resource = s.application(s.text("aud"))
	return s
}

// checkTokenEndpoint is the check that stands for a refusal of the token
// endpoint; no token was ever there to check.
const checkTokenEndpoint = "token-endpoint"

// failures are the failed checks, in the order in which they were made.
func (s *situation) failures() []validator.Check {
	if e := s.in.TokenError; e != nil {
		return []validator.Check{{Name: checkTokenEndpoint, Status: validator.Fail, Message: e.Description}}
	}
	var failed []validator.Check
	if s.in.ClientError != "" {
		failed = append(failed, validator.Check{Name: checkClient, Status: validator.Fail, Message: s.in.ClientError})
	}
	for _, c := range s.in.Decision.Checks {
		if c.Status == validator.Fail {
			failed = append(failed, c)
		}
	}
	return failed
}

// application finds an application by its appId or one of its identifier URIs,
// in the token's tenant first: one appId may live in two tenants.
func (s *situation) application(id string) *Application {
	if id == "" {
		return nil
	}
	var found *Application
	for _, i := range s.in.Facts.called(id) {
		a := &s.in.Facts.Applications[i]
		if !a.is(id) {
			continue
		}
		if strings.EqualFold(a.TenantID, s.text("tid")) {
			return a
		}
		if found == nil {
			found = a
		}
	}
	return found
}

// is says whether an audience or a client id means this application. Azure
// compares without regard to case; a slash at the end of a URI is often lost.
func (a *Application) is(id string) bool {
	id = strings.TrimSuffix(id, "/")
	if a == nil || id == "" {
		return false
	}
	guid := strings.TrimPrefix(id, "api://")
	if len(guid) == len(a.AppID) && strings.EqualFold(guid, a.AppID) { // most are not even of that length
		return true
	}
	for _, uri := range a.IdentifierURIs {
		if uri = strings.TrimSuffix(uri, "/"); len(uri) == len(id) && strings.EqualFold(uri, id) {
			return true
		}
	}
	return false
}

// clientID is who asked for the token: azp in v2.0 tokens, appid in v1.0 ones.
func (s *situation) clientID() string {
	if e := s.in.TokenError; e != nil {
		return e.ClientID
	}
	return cmp.Or(s.text("azp"), s.text("appid"))
}

// text is a claim that is a string, or "".
func (s *situation) text(claim string) string {
	v, _ := s.claims[claim].(string)
	return v
}

// value follows a path into the claims.
func (s *situation) value(path []string) (any, bool) {
	var v any = map[string]any(s.claims)
	for _, step := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[step]; !ok {
			return nil, false
		}
	}
	return v, true
}

// roles are the values of the roles claim; a string counts as one, and what
// is no string does not count.
func (s *situation) roles() []string {
	switch v := s.claims["roles"].(type) {
	case string:
		return []string{v}
	case []any:
		var roles []string
		for _, r := range v {
			if text, ok := r.(string); ok {
				roles = append(roles, text)
			}
		}
		return roles
	}
	return nil
}

// maxAsked is how many of the pools that a client names are looked at: as many
// as the validator takes.
const maxAsked = 100

// asked are the pool ids that the client named, exactly as it did; none means
// auto pool mapping.
func (s *situation) asked() []string {
	if s.in.Request.Pools == "" {
		return nil
	}
	ids := strings.SplitN(s.in.Request.Pools, ",", maxAsked+1)
	return ids[:min(len(ids), maxAsked)]
}

// poolIDs are the ids of the provider's pools.
func (s *situation) poolIDs() []string {
	if s.provider == nil {
		return nil
	}
	var ids []string
	for _, p := range s.provider.Pools {
		ids = append(ids, p.ID)
	}
	return ids
}

// mostPools is how many pools an explanation looks at, as many as a Decision
// has Matches of: with auto mapping a provider may have a thousand, and nobody
// reads about more than a few.
const mostPools = 10

// look asks the pools: those that were asked for and do not match, and the ids
// of those that were not and would.
func (s *situation) look() (misses []miss, others []string) {
	asked, owner := s.asked(), s.provider
	if owner == nil && len(asked) > 0 { // no issuer selected one, but the client named a pool
		owner = s.ownerOf(asked[0])
	}
	if owner == nil {
		return nil, nil
	}
	for i, p := range owner.Pools {
		named := slices.Contains(asked, p.ID)
		if i >= mostPools && !named {
			continue
		}
		m := s.match(p)
		switch {
		case m.result.Match && !named:
			others = append(others, p.ID)
		case !m.result.Match && (named || len(asked) == 0):
			misses = append(misses, m)
		}
	}
	return misses, others
}

// match is what a pool's filter makes of the claims: as the Decision has it, or
// evaluated anew.
func (s *situation) match(c pool.Config) miss {
	if r, ok := s.in.Decision.Matches[c.ID]; ok {
		return miss{pool: c, result: r}
	}
	if p := s.in.Facts.Compiled[c.ID]; p != nil {
		return miss{pool: c, result: p.Match(s.claims)}
	}
	f, err := pool.Compile(pool.Source{Language: c.Language, Text: c.Filter, Strict: c.Strict})
	if err != nil {
		return miss{pool: c, broken: filterError(err)}
	}
	return miss{pool: c, result: f.Eval(s.claims)}
}
