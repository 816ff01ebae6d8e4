package pool

// Kind says why a part of a filter did not hold.
type Kind string

// The kinds of non-match.
const (
	KindFalse        Kind = "false"         // evaluated, and false
	KindMissingClaim Kind = "missing-claim" // a claim that the token does not have
	KindWrongType    Kind = "wrong-type"    // an operator that the claim's type does not have
	KindNotBool      Kind = "not-bool"      // the whole filter is no yes or no
	KindError        Kind = "error"         // any other error of evaluation
)

// Deciding is the part of a filter that decided against a match.
type Deciding struct {
	// Expr is that part's text as written, such as 'a' in claims.roles.
	Expr string `json:"expr"`
	// Kind says what was wrong with it.
	Kind Kind `json:"kind"`
	// Operator is the operator or function at its top: ==, !=, in,
	// startsWith, has, and so on; empty when there is none.
	Operator string `json:"operator,omitempty"`
	// Claim is the claim it reads, such as claims.roles; empty when none.
	Claim string `json:"claim,omitempty"`
	// Got is that claim's value as JSON, cut to 120 characters; empty when
	// the claim is missing.
	Got string `json:"got,omitempty"`
	// Want is what would have satisfied it, in words or as a literal.
	Want string `json:"want,omitempty"`
	// Nearest is the existing claim whose name is nearest to a missing one,
	// such as claims.roles for claims.role; empty when none is near.
	Nearest string `json:"nearest,omitempty"`
}

// Result is the outcome of evaluating a filter.
type Result struct {
	// Match says whether the filter is true. An error of evaluation never
	// matches.
	Match bool `json:"match"`
	// Reason is one sentence saying what decided; empty on a match.
	Reason string `json:"reason"`
	// Deciding is the part that decided against; nil on a match.
	Deciding *Deciding `json:"deciding,omitempty"`
}
