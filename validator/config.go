package validator

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/pool"
)

// defaultClockSkew is sasl.oauthbearer.clock.skew.seconds of Apache Kafka.
const defaultClockSkew = 30 * time.Second

// Error is a mistake in a Config, or why keys could not be refreshed.
type Error struct {
	// Provider is the id of the provider concerned, or its place, such as
	// "#2", when it has none; empty when it is about no provider.
	Provider string
	// Field is the setting concerned, such as jwksUri; empty for the provider
	// as a whole.
	Field string
	// Problem says what is wrong, with the value that was seen.
	Problem string
}

// Error says who, what and why, in one line.
func (e *Error) Error() string {
	s := "validator: "
	if e.Provider != "" {
		s += "provider " + strconv.Quote(e.Provider) + ": "
	}
	if e.Field != "" {
		s += e.Field + ": "
	}
	return s + e.Problem
}

// mistakes collects what is wrong with a Config. Somebody who mends a config
// wants to do it once, so that looking goes on after the first.
type mistakes struct {
	errs     []error
	provider string // the one that is being looked at
}

func (m *mistakes) add(field, problem string) {
	m.errs = append(m.errs, &Error{Provider: m.provider, Field: field, Problem: problem})
}

// check finds every mistake of a Config. Mistakes within a pool are those of
// pool.New.
func (c Config) check() error {
	var m mistakes
	if c.MaxTokenBytes < 0 {
		m.add("maxTokenBytes", strconv.Itoa(c.MaxTokenBytes)+" is negative")
	}
	ids, issuers, pools := map[string]string{}, map[string]string{}, map[string]string{}
	for i, p := range c.Providers {
		m.provider = p.ID
		if p.ID == "" {
			m.provider = "#" + strconv.Itoa(i+1)
			m.add("id", "missing")
		} else if _, twice := ids[p.ID]; twice {
			m.add("id", "occurs twice")
		}
		ids[p.ID] = p.ID
		p.checkIssuers(&m, issuers)
		p.checkKeys(&m)
		p.checkPools(&m, pools)
	}
	return errors.Join(m.errs...)
}

// checkIssuers notes in seen which provider has which issuer. One that occurs
// twice would leave to chance whose keys and pools count.
func (p Provider) checkIssuers(m *mistakes, seen map[string]string) {
	if len(p.Issuers) == 0 {
		m.add("issuers", "missing: no token could select this provider")
	}
	for _, issuer := range p.Issuers {
		owner, twice := seen[issuer]
		switch {
		case issuer == "":
			m.add("issuers", "an issuer is empty")
		case twice:
			m.add("issuers", strconv.Quote(issuer)+" occurs twice, first in provider "+strconv.Quote(owner))
		default:
			seen[issuer] = m.provider
		}
	}
}

// checkKeys checks where the keys are and what they may do.
func (p Provider) checkKeys(m *mistakes) {
	if problem := wrongURI(p.JWKSURI); problem != "" {
		m.add("jwksUri", problem)
	}
	known := algorithmNames()
	for _, name := range p.Algorithms {
		switch why := forbidden(name); {
		case why != "":
			m.add("algorithms", strconv.Quote(name)+" is never allowed: it "+why)
		case !slices.Contains(known, name):
			m.add("algorithms", "unknown "+strconv.Quote(name)+suggest(name, known))
		}
	}
	if modes := []string{string(Refetch), string(FailThenRefetch), string(Never)}; p.UnknownKid != "" &&
		!slices.Contains(modes, string(p.UnknownKid)) {
		m.add("unknownKid", "unknown "+strconv.Quote(string(p.UnknownKid))+suggest(string(p.UnknownKid), modes))
	}
	if p.RefetchPause < 0 {
		m.add("refetchPause", p.RefetchPause.String()+" is negative")
	}
	if p.IdentityClaim != "" {
		if _, err := pool.CompileIdentityClaim(p.IdentityClaim); err != nil {
			m.add("identityClaim", strings.TrimPrefix(err.Error(), "pool: "))
		}
	}
}

// checkPools notes in seen which provider has which pool. A client names pools
// without their provider, so that ids must be unique over all.
func (p Provider) checkPools(m *mistakes, seen map[string]string) {
	for i, compiled := range p.Pools {
		if compiled == nil {
			m.add("pools", "number "+strconv.Itoa(i+1)+" is nil")
			continue
		}
		id := compiled.Config().ID
		owner, twice := seen[id]
		switch {
		case id == "": // made without pool.New, which wants one
			m.add("pools", "number "+strconv.Itoa(i+1)+" has no id")
		case twice:
			m.add("pools", strconv.Quote(id)+" occurs twice, first in provider "+strconv.Quote(owner))
		default:
			seen[id] = m.provider
		}
	}
}

// wrongURI says why a JWKS cannot be fetched from a URL, or "".
func wrongURI(raw string) string {
	if raw == "" {
		return "missing"
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "no URL" // the error would repeat a password in it
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return strconv.Quote(u.Redacted()) + " is no absolute http or https URL"
	}
	return ""
}

// suggest names the word that was most likely meant, or all of them.
func suggest(word string, known []string) string {
	if best := nearest.To(word, known); best != "" {
		return ": did you mean " + strconv.Quote(best) + "?"
	}
	return ": known are " + strings.Join(known, ", ")
}

// algorithmSet are a checked provider's algorithms by name. RS256 alone is what
// Confluent's API shows (confluent-cloud.md 4.3).
func (p Provider) algorithmSet() map[string]algorithm {
	names := p.Algorithms
	if len(names) == 0 {
		names = []string{"RS256"}
	}
	set := map[string]algorithm{}
	for _, a := range algorithms() {
		if slices.Contains(names, a.name) {
			set[a.name] = a
		}
	}
	return set
}

// pause is the RefetchPause of a provider that says none.
func (u UnknownKid) pause() time.Duration {
	if u == FailThenRefetch {
		return time.Minute // RefreshingHttpsJwks of Apache Kafka
	}
	return time.Second // jwks.refresh.min.pause.seconds of Strimzi
}
