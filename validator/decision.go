package validator

import (
	"time"

	"github.com/idpool/idpool/pool"
)

// The checks that a token passes, in the order in which they are made.
const (
	CheckFormat    = "format"     // RFC 7519: three parts, base64url, JSON objects
	CheckAlgorithm = "algorithm"  // RFC 7515 4.1.1: alg is one the provider lists
	CheckProvider  = "provider"   // iss selects exactly one identity provider
	CheckKey       = "key"        // kid names a key of the provider's JWKS
	CheckSignature = "signature"  // RFC 7515 5.2
	CheckExpiry    = "expiry"     // exp and iat, with clock skew
	CheckNotBefore = "not-before" // nbf, with clock skew
	CheckCluster   = "cluster"    // the logicalCluster extension
	CheckPool      = "pool"       // the identityPoolId extension
	CheckFilter    = "filter"     // at least one of the pools matches the claims
	CheckIdentity  = "identity"   // sub and the identity claim have a value

	// CheckAuthorization is made only for a Request that names an Operation:
	// the role bindings of the pools that matched allow it.
	CheckAuthorization = "authorization"
)

// Status is the outcome of a check.
type Status string

// The outcomes of a check.
const (
	Pass    Status = "pass"
	Fail    Status = "fail"
	Skipped Status = "skipped" // could not be made; Message says why
)

// Check is one check of a token: what was asked, and what came out.
type Check struct {
	// Name is that of the check, such as expiry.
	Name string `json:"name"`
	// Status is pass, fail or skipped.
	Status Status `json:"status"`
	// Message says in a sentence what was found.
	Message string `json:"message"`
	// Got is what the check saw, and Want what it wanted to see.
	Got  string `json:"got,omitempty"`
	Want string `json:"want,omitempty"`
}

// Cause is a likely reason for a refusal, with its fix. Package explain finds
// causes; the type lives here because it is part of the Decision.
type Cause struct {
	// ID is stable, such as "no-app-role".
	ID string `json:"id"`
	// Summary says in one sentence what is wrong in this case.
	Summary string `json:"summary"`
	// Fix says what to change where, step by step.
	Fix string `json:"fix"`
	// Docs is a link to read on.
	Docs string `json:"docs"`
}

// Decision is the one answer to "may this token in?". Its JSON form is stable
// and the same from the command line, the admin API and the log.
type Decision struct {
	// Allowed is true only when every check passed that was to be made: all
	// eleven, and authorization for a Request with an Operation. A Request that
	// is Unverified, or has Claims for a Token, leaves some out.
	Allowed bool `json:"allowed"`
	// Verified says that the signature check passed. Without it Allowed means
	// only that nothing else is in the way.
	Verified bool `json:"verified"`
	// Provider is the id of the identity provider that iss selected.
	Provider string `json:"provider"`
	// Pools are the ids of the pools that matched, in the order asked for, or
	// in the config's order when none was named. Never nil.
	Pools []string `json:"pools"`
	// Principal is User:pool-… when one pool matched; for a union of pools it
	// is the identity's CRN. Empty unless Allowed.
	Principal string `json:"principal"`
	// Identity is the value of the identity claim. Empty unless Allowed.
	Identity string `json:"identity"`
	// ExpiresAt is the token's exp; zero when it has none.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Fault is the id of the fault that an idpool has injected into the last fetch
	// of the provider's keys, when the check key fails for want of a key; empty for
	// none. With it, the failure is no real one.
	Fault string `json:"fault,omitempty"`
	// Checks are all that were asked for, in order.
	Checks []Check `json:"checks"`
	// Causes are filled by package explain, most likely first. Never nil.
	Causes []Cause `json:"causes"`

	// Header and Claims are the token's, when it could be read; they are not
	// verified unless the signature check passed. They are for explaining and
	// logging, are shared between decisions, and must not be changed.
	Header map[string]any `json:"-"`
	Claims map[string]any `json:"-"`
	// Matches are, by pool id, the results of the pools that refused the
	// claims when none matched: all that were asked for, up to ten. They must
	// not be changed.
	Matches map[string]pool.Result `json:"-"`
	// Keys is what was known of the provider's keys; zero when the key check
	// was not made.
	Keys Keys `json:"-"`
}

// Keys says what a Decision knew of a provider's JWKS.
type Keys struct {
	// URI is where the keys come from.
	URI string
	// IDs are the kids of all keys, in the JWKS's order. They must not be
	// changed.
	IDs []string
	// FetchedAt is when, and Until how long they count; zero when no fetch
	// has succeeded yet.
	FetchedAt, Until time.Time
	// Error says why the last fetch failed; empty when it succeeded.
	Error string
}

// Failed returns the first check that failed, or the zero Check.
func (d Decision) Failed() Check {
	for _, c := range d.Checks {
		if c.Status == Fail {
			return c
		}
	}
	return Check{}
}

// Check returns the check of that name, or the zero Check.
func (d Decision) Check(name string) Check {
	for _, c := range d.Checks {
		if c.Name == name {
			return c
		}
	}
	return Check{}
}
