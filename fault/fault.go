// Package fault makes an identity provider and a broker go wrong on purpose:
// Azure's errors, throttling, delays, broken connections and bodies, keys and
// tokens that are not what they should be.
//
// Begin with [New], put [Set.Handler] before the identity provider and give a
// [Fault] to [Set.Add], or read a file of them with [Set.Read]. Each says where
// it happens, when, how often, and what. As long as there is none, a request
// costs one look at a pointer. Whatever a fault touches carries its id in the
// header [Header]. The package makes no certificates and speaks no Kafka: of TLS
// handshakes and logins it decides only what is to become.
package fault

import (
	"fmt"
	"time"

	"github.com/idpool/idpool/idp"
)

// Header is the response header that has the id of the fault that touched a
// response, so that an injected failure is never mistaken for a real one.
const Header = "Idpool-Fault"

// The endpoints of faults.
const (
	Discovery  = "discovery"   // the OpenID Connect discovery documents
	JWKS       = "jwks"        // the published keys
	Token      = "token"       // the token endpoints
	Instance   = "instance"    // instance discovery, asked by Microsoft's libraries
	IMDS       = "imds"        // managed identity of a virtual machine
	AppService = "app-service" // managed identity of an App Service
	TLS        = "tls"         // handshakes of the https listener and of the Kafka listener
	KafkaLogin = "kafka-login" // SASL logins and re-authentications
)

// Endpoints are all of them.
func Endpoints() []string {
	return []string{Discovery, JWKS, Token, Instance, IMDS, AppService, TLS, KafkaLogin}
}

// Fault says where something goes wrong, when, how often, and what. The zero
// value of a field leaves it out. [Table] says what a client sees of each.
type Fault struct {
	// ID names the fault in the header, the journal and the API. Empty means one
	// made from the endpoint, such as token-1.
	ID string `json:"id,omitempty"`
	// Endpoint is discovery, jwks, token, instance, imds, app-service, tls or
	// kafka-login.
	Endpoint string `json:"endpoint"`
	// Tenant is a tenant's id or domain. Empty means every tenant.
	Tenant string `json:"tenant,omitempty"`
	// ClientID is the appId of a client, or whatever else it sends as such, but for
	// white space. Empty means every client.
	ClientID string `json:"clientId,omitempty"`
	// When is a condition in Expr, such as scope contains "kafka" && count > 2.
	// [Conditions] lists the names that it may use.
	When string `json:"when,omitempty"`
	// From and Until bound the fault in time, by the stack's clock; Until is the
	// first moment without it.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Times is how often the fault happens before it is spent. 0 means always.
	Times int `json:"times,omitempty"`
	// Every lets it happen to every Nth request that matches: 3 means the third,
	// the sixth and so on.
	Every int `json:"every,omitempty"`
	// Probability is from 0 to 1. The dice are the fault's own, made of the
	// stack's seed and the fault's id.
	Probability *float64 `json:"probability,omitempty"`

	// Delay passes before anything else happens, by the machine's clock. Alone, it
	// lets the request through then.
	Delay Duration `json:"delay,omitempty"`
	// Stall never answers.
	Stall bool `json:"stall,omitempty"`
	// Close breaks the connection off before an answer.
	Close bool `json:"close,omitempty"`
	// Status answers with an HTTP status, and a body like Azure's unless Body or
	// HTML say otherwise.
	Status int `json:"status,omitempty"`
	// AADSTS answers with the error of Azure's that has the number, one of those in
	// docs/azure.md; another one has no text of Azure's.
	AADSTS int `json:"aadsts,omitempty"`
	// RetryAfter is the header Retry-After, in whole seconds. Without Status it
	// comes with 429.
	RetryAfter Duration `json:"retryAfter,omitempty"`
	// Body answers with a text.
	Body string `json:"body,omitempty"`
	// ContentType replaces the header of the answer, be it the real one.
	ContentType string `json:"contentType,omitempty"`
	// HTML answers with a page, as a proxy does in the way of the server.
	HTML bool `json:"html,omitempty"`
	// CutBody is how many bytes of the body are sent before the connection is
	// broken off. Content-Length promises more.
	CutBody int `json:"cutBody,omitempty"`
	// SlowBody is how long each of the pauses between the eight pieces is that the
	// body is sent in.
	SlowBody Duration `json:"slowBody,omitempty"`
	// Certificate is what is wrong with the certificate of a TLS handshake, one of
	// [Certificates].
	Certificate string `json:"certificate,omitempty"`
	// JWKS is what is wrong with the published keys, one of [KeySets].
	JWKS string `json:"jwks,omitempty"`
	// Token is what is wrong with the issued token, one of Config.TokenNames.
	Token string `json:"token,omitempty"`
	// Error refuses a Kafka login with SASL_AUTHENTICATION_FAILED and this text.
	Error string `json:"error,omitempty"`
}

// Warning says what is most likely not meant, though the fault can happen; empty
// for nothing.
func (f Fault) Warning() string {
	if f.AADSTS != 0 && !idp.KnowsError(f.AADSTS) {
		return fmt.Sprintf("aadsts: idpool has no text of Azure's for %d: the answer has the number, invalid_request with 400, and says so (docs/azure.md lists those that it has)", f.AADSTS)
	}
	return ""
}

// Duration is a time.Duration that a file writes as 30s, 5m or 1h30m.
type Duration time.Duration

// UnmarshalText reads Go's form of a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("want a duration such as 30s or 5m, got %q", text)
	}
	*d = Duration(parsed)
	return nil
}

// String is Go's form of a duration.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes Go's form of a duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Status is a fault and what it has done so far.
type Status struct {
	Fault
	// Matched is how many requests the fault was meant for, by place, window and
	// condition; Injected is to how many of them it happened.
	Matched  int `json:"matched"`
	Injected int `json:"injected"`
	// Spent says that Times has been reached or Until has passed.
	Spent bool `json:"spent,omitempty"`
	// Problem is why the condition could not be evaluated, or the fault could not
	// happen, the last time it was so; before that, the fault's Warning.
	Problem string `json:"problem,omitempty"`
}

// Error is a mistake in a Fault.
type Error struct {
	// Field is the JSON name of the field; empty for the fault as a whole.
	Field string
	// Message says in one line what is wrong, and what would be right.
	Message string
	// Line and Column are a place in the condition, from 1 and in characters; 0
	// when the mistake has none.
	Line, Column int
	// Excerpt is the line of the condition and, in the next, a caret under the
	// column; empty when there is none.
	Excerpt string
	// Hint is what to write instead; empty when unknown.
	Hint string

	source string // of the condition
}

// Error is "fault: FIELD: MESSAGE", and for a condition the line with a caret
// and the hint in lines of their own.
func (e *Error) Error() string {
	if e.Field == "" {
		return "fault: " + e.Text()
	}
	return "fault: " + e.Field + ": " + e.Text()
}

// Text is the message with the excerpt and the hint, without the field.
func (e *Error) Text() string {
	text := e.Message
	if e.Line > 0 {
		text = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
	}
	if e.Excerpt != "" {
		text += "\n" + e.Excerpt
	}
	if e.Hint != "" {
		text += "\n  hint: " + e.Hint
	}
	return text
}
