// Package explain finds the likely causes of a refusal and says how to fix
// them, in the words of the Azure portal, the Confluent console and the Kafka
// client.
//
// Begin with [Causes]. It works from a Decision and from what the config says
// ([Facts]); it fetches nothing and invents nothing: where no rule fits, the
// failed check itself is the cause.
package explain

import (
	"time"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// Facts are what the config knows beyond the Decision. The zero Facts is a
// config that knows nothing.
type Facts struct {
	Applications []Application
	Providers    []Provider
	Clusters     []string
	// Now is the time of the Decision. Zero means that nobody knows, and
	// that no cause says how long ago something was.
	Now time.Time
	// Compiled are the pools already compiled, by id. Explaining works
	// without, but compiles the filters again: tens of microseconds a pool.
	Compiled map[string]*pool.Pool

	index *index
}

// Application is an app registration as the identity provider has it.
type Application struct {
	TenantID       string
	TenantName     string
	AppID          string
	DisplayName    string
	IdentifierURIs []string
	// TokenVersion is the version of the access tokens that this application,
	// as a resource, asks for: 1 or 2.
	TokenVersion int
	// Roles are the values of the app roles that the application defines.
	Roles []string
	// Unissued are those of the Roles that no app-only token can have, with the
	// reason, such as "is disabled".
	Unissued map[string]string
	// NoServicePrincipal says that the application is registered only.
	NoServicePrincipal bool
	// AssignmentRequired says that only assigned clients get tokens for the
	// application.
	AssignmentRequired bool
	// Assigned are the roles granted to the application's service principal,
	// by the appId of the resource that defines them.
	Assigned map[string][]string
	// Requested are the roles that requiredResourceAccess asks for, by the
	// appId of the resource; without consent they are not in a token.
	Requested map[string][]string
}

// Provider is an identity provider of the Confluent side.
type Provider struct {
	ID       string
	TenantID string // empty for a provider given by issuer and jwksUri
	Issuers  []string
	JWKSURI  string
	Pools    []pool.Config
}

// Input is a decision to explain.
type Input struct {
	Decision validator.Decision
	Request  validator.Request
	Facts    Facts
	// TokenError is the token endpoint's answer when it refused to give a
	// token, in which case Decision is zero; nil otherwise.
	TokenError *TokenError
	// ClientError is what a Kafka client printed, such as a line of its log;
	// empty when nobody has it. It is evidence beside the Decision, or alone:
	// some mistakes never reach a server.
	ClientError string
}

// TokenError is an error answer of the token endpoint (RFC 6749 5.2), with the
// AADSTS number of its description.
type TokenError struct {
	Code        string // such as invalid_client
	Description string
	Number      int // such as 7000215
	ClientID    string
	Scope       string
	// SecretIsGUID says that the secret sent has the shape of a GUID, as the
	// id of a secret has and its value never. The secret itself stays out.
	SecretIsGUID bool
}

// Causes returns the likely causes, most likely first: what a client's own text
// says, then those of the first failed check before those of later ones, and
// within a check in the order of [IDs]. It is empty only when the token was
// allowed and there is no text of a client.
//
// A failed check that no rule explains is its own cause, with the id check-NAME
// such as check-signature; an error of the token endpoint that no rule knows
// has the id aadsts-NUMBER; and a refusal that names no check is "undecided".
func Causes(in Input) []validator.Cause {
	if in.Decision.Allowed && in.TokenError == nil && in.ClientError == "" {
		return nil
	}
	in.ClientError = in.ClientError[:min(len(in.ClientError), maxClientText)]
	if e, ok := ReadTokenError(in.ClientError); ok && in.TokenError == nil {
		in.TokenError = &e
	}
	s := newSituation(in)
	var causes []validator.Cause
	for _, c := range s.failures() {
		causes = append(causes, s.explain(c, causes)...)
	}
	causes = withoutEmptyText(causes)
	if len(causes) == 0 {
		causes = []validator.Cause{undecided()}
	}
	for i := range causes {
		causes[i].Summary = s.masked(causes[i].Summary)
		causes[i].Fix = s.masked(causes[i].Fix)
	}
	return causes
}

// FilterCauses says what is wrong with a pool's filter that does not compile,
// and nothing of one that does.
func FilterCauses(c pool.Config) []validator.Cause {
	if _, err := pool.Compile(pool.Source{Language: c.Language, Text: c.Filter, Strict: c.Strict}); err == nil {
		return nil
	}
	const id = "op"
	return Causes(Input{
		Facts:    Facts{Providers: []Provider{{ID: id, Pools: []pool.Config{c}}}},
		Request:  validator.Request{Pools: c.ID},
		Decision: validator.Decision{Provider: id, Checks: []validator.Check{{Name: validator.CheckFilter, Status: validator.Fail}}},
	})
}

// IDs lists the ids of all rules in the order in which they are tried.
func IDs() []string {
	var ids []string
	for _, r := range table() {
		ids = append(ids, r.id)
	}
	return ids
}
