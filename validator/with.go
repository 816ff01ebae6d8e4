package validator

import (
	"cmp"
	"net/url"
	"time"
)

// With makes a Validator of another Config, for settings that change while
// logins go on. Both remain usable. It remembers no verdicts at first, but it
// has the keys of those providers whose ID, JWKSURI, UnknownKid and RefetchPause
// are the same in both: what either fetches, the other has too. So a change of
// pools or clusters costs no fetch, and a JWKS that cannot be reached meanwhile
// does no harm.
//
// Client counts in New alone, and a nil Now or Machine is that of v. Shared keys
// keep the Now, the Machine and the Fetched of the Validator that had them first.
// Close of either ends the fetches of both, so that only the one who is the last
// to use any of them may call it. The error is as that of New, and then nothing
// has happened.
func (v *Validator) With(c Config) (*Validator, error) { return v.with(c, v.providers) }

// WithoutKeys is With for a Validator that has no keys and waits for nothing, as
// after New: no key, failure or pause of v counts in it, nor does a fetch of v's
// that is under way.
func (v *Validator) WithoutKeys(c Config) (*Validator, error) { return v.with(c, nil) }

// with makes a Validator that shares the keys of those providers that are kept.
func (v *Validator) with(c Config, kept []*provider) (*Validator, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = v.now
	}
	f := *v.fetch // its client, whose connections are shared
	f.now, f.fetched = c.Now, c.Fetched
	if c.Machine != nil {
		f.machine = c.Machine
	}
	return build(c, &f, v.tasks, kept), nil
}

// keySetOf are the keys of a Provider: those of a provider that is kept, when it
// fetches the same in the same way, or else new ones.
func (v *Validator) keySetOf(c Provider, kept []*provider) *jwks {
	uri, _ := url.Parse(c.JWKSURI)
	made := &jwks{provider: c.ID, uri: uri, shown: uri.Redacted(), fetch: v.fetch, tasks: v.tasks, unknown: cmp.Or(c.UnknownKid, Refetch)}
	made.pause = cmp.Or(c.RefetchPause, made.unknown.pause())
	for _, p := range kept {
		if j := p.jwks; p.id == c.ID && j.uri.String() == uri.String() && j.unknown == made.unknown && j.pause == made.pause {
			return j
		}
	}
	return made
}

// Fetch is one fetch of a JWKS, as Config.Fetched is told.
type Fetch struct {
	// Provider is the provider's id.
	Provider string
	// URI is where the keys are, without a password.
	URI string
	// Keys is how many came, those that cannot be used included.
	Keys int
	// Err says why none came, and begins with the request; nil when they did.
	// The old keys stay in use then.
	Err error
	// Duration is how long it took, in real time whatever Config.Now says.
	Duration time.Duration
}
