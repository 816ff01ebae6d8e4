package explain

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/idpool/idpool/pool"
)

// Warning is something in a config that is allowed and would surprise later.
type Warning struct {
	// ID is stable, such as filter-too-wide.
	ID string `json:"id"`
	// Subject is what it is about, such as pool "pool-dev".
	Subject string `json:"subject"`
	// Summary, Fix and Docs are those of a cause.
	Summary string `json:"summary"`
	Fix     string `json:"fix"`
	Docs    string `json:"docs"`
}

// String is the subject and the summary.
func (w Warning) String() string {
	if w.Subject == "" {
		return w.Summary
	}
	return w.Subject + ": " + w.Summary
}

// Sample is what the token of one application for one API says.
type Sample struct {
	TenantID    string
	ClientID    string
	DisplayName string
	// Resource is the API's appId.
	Resource string
	// Claims are the token's; nil when the application gets none.
	Claims map[string]any
}

// concern is one thing that lint looks for. It returns the findings with what
// each is about.
type concern struct {
	id   string
	find func(*linter) []concerned
	docs string
}

// concerned is a finding and its subject.
type concerned struct {
	subject string
	finding
}

// concerns is everything that lint looks for, what lets too many in before what
// keeps somebody out. A new one is a line here and a function in lintrules.go.
func concerns() []concern {
	return []concern{
		{"filter-too-wide", filterTooWide, docsPools},
		{"shared-issuer", sharedIssuer, docsSharedIssuers},
		{"filter-never-matches", filterNeverMatches, docsPools},
		{"v1-provider", v1Provider, docsManifest},
		{"eq-on-aud", eqOnAud, docsPools},
		{"role-unused", roleUnused, docsAppRoles},
		{"pool-unreached", poolUnreached, docsAppRoles},
	}
}

// Lint looks for what would surprise later in a config, given the tokens that it
// mints. What [pool.Pool.Warnings] says already it leaves to that.
func Lint(f Facts, samples []Sample) []Warning {
	l := newLinter(f, samples)
	var out []Warning
	for _, c := range concerns() {
		all := c.find(l)
		for _, one := range all[:min(len(all), mostOfOne)] {
			out = append(out, Warning{ID: c.id, Subject: one.subject, Summary: one.summary, Fix: steps(one.steps...), Docs: c.docs})
		}
		if more := len(all) - mostOfOne; more > 0 {
			last := out[len(out)-1]
			last.Subject, last.Summary = fmt.Sprintf("%d more", more), "the same is the matter with them"
			out = append(out, last)
		}
	}
	return out
}

// mostOfOne is how many warnings of one kind are spelt out: whoever has more has
// made one mistake many times.
const mostOfOne = 20

// LintIDs lists the ids of all warnings.
func LintIDs() []string {
	var ids []string
	for _, c := range concerns() {
		ids = append(ids, c.id)
	}
	return ids
}

// LintFilter looks at a filter that no pool has yet. claims are those that it is
// tried with, or nil.
func LintFilter(f *pool.Filter, text string, claims map[string]any) []Warning {
	issuer, _ := claims["iss"].(string)
	config := pool.Config{Filter: text}
	l := &linter{facts: Facts{Providers: []Provider{{Issuers: []string{issuer}, Pools: []pool.Config{config}}}}}
	l.pools = []linted{{provider: &l.facts.Providers[0], config: config, matches: f.Matches}}
	if claims != nil {
		l.samples = []Sample{{Claims: claims}}
		l.pools[0].accepted = []int{0}
	}
	var out []Warning
	for _, c := range concerns() {
		if _, isList := claims["aud"].([]any); c.id == "eq-on-aud" && claims != nil && !isList {
			continue
		}
		if !slices.Contains([]string{"filter-too-wide", "shared-issuer", "eq-on-aud"}, c.id) {
			continue
		}
		for _, one := range c.find(l) {
			out = append(out, Warning{ID: c.id, Summary: one.summary, Fix: steps(one.steps...), Docs: c.docs})
		}
	}
	return out
}

// linter is a config with what its tokens do at its pools.
type linter struct {
	facts   Facts
	samples []Sample
	pools   []linted
}

// linted is a pool and the samples that get as far as its filter.
type linted struct {
	provider *Provider
	config   pool.Config
	matches  func(pool.Claims) bool
	accepted []int // of an issuer that the provider has
	matched  []int // of these
	// reachable says, where none matched, that some would if its client had all
	// the roles of the API.
	reachable bool
}

func (p linted) subject() string { return fmt.Sprintf("pool %q", p.config.ID) }

func newLinter(f Facts, samples []Sample) *linter {
	l := &linter{facts: f, samples: samples}
	for i := range f.Providers {
		provider := &f.Providers[i]
		var accepted []int
		for n, s := range samples {
			if iss, _ := s.Claims["iss"].(string); slices.Contains(provider.Issuers, iss) {
				accepted = append(accepted, n)
			}
		}
		for _, c := range provider.Pools {
			if compiled := f.Compiled[c.ID]; compiled != nil {
				l.add(linted{provider: provider, config: c, matches: compiled.Matches, accepted: accepted})
			}
		}
	}
	return l
}

func (l *linter) add(p linted) {
	for _, n := range p.accepted {
		if p.matches(l.samples[n].Claims) {
			p.matched = append(p.matched, n)
		}
	}
	p.reachable = len(p.matched) > 0 || l.reachable(p)
	l.pools = append(l.pools, p)
}

// resource is the API of a sample, or nil.
func (l *linter) resource(s Sample) *Application {
	for i := range l.facts.Applications {
		a := &l.facts.Applications[i]
		if strings.EqualFold(a.AppID, s.Resource) && strings.EqualFold(a.TenantID, s.TenantID) {
			return a
		}
	}
	return nil
}

// privileged are a sample's claims with every role that its API can give.
func (l *linter) privileged(n int) map[string]any {
	claims := maps.Clone(l.samples[n].Claims)
	roles := []any{}
	if api := l.resource(l.samples[n]); api != nil {
		for _, r := range api.Roles {
			if api.Unissued[r] == "" {
				roles = append(roles, r)
			}
		}
	}
	claims["roles"] = roles
	return claims
}

// stranger are the claims of an application that nobody thought of, in the
// tenant and for the API of a sample: without roles, and with ids of its own.
func stranger(claims map[string]any) map[string]any {
	const nobody = "00000000-dead-4000-8000-000000000000"
	out := map[string]any{}
	for _, name := range []string{"aud", "iss", "iat", "nbf", "exp", "tid", "ver", "idtyp", "azpacr", "appidacr", "idp"} {
		if v, ok := claims[name]; ok {
			out[name] = v
		}
	}
	for _, name := range []string{"azp", "appid", "oid", "sub"} {
		if _, ok := claims[name]; ok {
			out[name] = nobody
		}
	}
	return out
}

// isShared reports whether an issuer is one of those that all the world's
// tenants share: Confluent wants a condition on sub or aud then
// (confluent-cloud.md 2.1). Those after the first are well known to be so, and
// Confluent names none of them.
func isShared(issuer string) bool {
	u, err := url.Parse(issuer)
	return err == nil && slices.Contains([]string{"accounts.google.com", "token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io"}, u.Host)
}
