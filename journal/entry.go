package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// The words for what an entry is about, also those of faults and metrics.
const (
	EndpointDiscovery      = "discovery"       // OpenID Connect metadata
	EndpointJWKS           = "jwks"            // the keys
	EndpointToken          = "token"           // the token endpoint
	EndpointInstance       = "instance"        // instance discovery, asked by Microsoft's libraries
	EndpointIMDS           = "imds"            // managed identity of a virtual machine
	EndpointAppService     = "app-service"     // managed identity of an App Service
	EndpointTLS            = "tls"             // a TLS handshake
	EndpointKafkaLogin     = "kafka-login"     // a SASL exchange with the broker
	EndpointKafkaOperation = "kafka-operation" // what a Kafka client was denied that is logged in
	EndpointDecision       = "decision"        // a decision that somebody asked for, without a login
	EndpointOther          = "other"           // everything else, such as an unknown path
)

// The words for what came of it.
const (
	OutcomeOK      = "ok"
	OutcomeRefused = "refused" // the answer was no
	OutcomeFailed  = "failed"  // there was no answer: broken off, or a 5xx
)

// Endpoints lists the words that an entry's Endpoint may have.
func Endpoints() []string {
	return []string{EndpointDiscovery, EndpointJWKS, EndpointToken, EndpointInstance, EndpointIMDS,
		EndpointAppService, EndpointTLS, EndpointKafkaLogin, EndpointKafkaOperation, EndpointDecision, EndpointOther}
}

// Outcomes lists the words that an entry's Outcome may have.
func Outcomes() []string { return []string{OutcomeOK, OutcomeRefused, OutcomeFailed} }

// Entry is one thing that happened: a request, a TLS handshake, a login, a
// decision. What does not apply is empty. None of it is a secret or a token.
type Entry struct {
	// ID is 1, 2, 3, … in the order in which entries were added. No ID comes
	// twice, not after Clear either.
	ID uint64 `json:"id"`
	// Time is when it happened by the stack's clock, in UTC.
	Time time.Time `json:"time"`
	// Endpoint is one of Endpoints.
	Endpoint string `json:"endpoint"`
	// Listener is http, https, admin or kafka; empty for a call in the same
	// process.
	Listener string `json:"listener,omitempty"`
	// Method is that of the HTTP request.
	Method string `json:"method,omitempty"`
	// Path is the path of the URL, without the query.
	Path string `json:"path,omitempty"`
	// Status is the HTTP status; 0 when none was sent.
	Status int `json:"status,omitempty"`
	// Tenant is the tenant's id.
	Tenant string `json:"tenant,omitempty"`
	// ClientID is the client's appId, as it says itself.
	ClientID string `json:"clientId,omitempty"`
	// Scope is what the client asked a token for: the scope, or the resource of
	// the v1.0 endpoint.
	Scope string `json:"scope,omitempty"`
	// Outcome is one of Outcomes.
	Outcome string `json:"outcome"`
	// AADSTS is the number of Microsoft's error, such as 7000215.
	AADSTS int `json:"aadsts,omitempty"`
	// Error is the error code of OAuth or Kafka, such as invalid_client.
	Error string `json:"error,omitempty"`
	// Check is the failed check of a refused decision, such as filter.
	Check string `json:"check,omitempty"`
	// Cause is the id of its likeliest cause, such as no-app-role.
	Cause string `json:"cause,omitempty"`
	// Got and Want are what that check saw, and what it wanted to see.
	Got  string `json:"got,omitempty"`
	Want string `json:"want,omitempty"`
	// Principal is who is logged in, such as User:pool-dev, and Identity what the
	// identity claim says.
	Principal string `json:"principal,omitempty"`
	Identity  string `json:"identity,omitempty"`
	// Cluster is the one that was asked for, and Pools those that matched, or of
	// a refusal those that were asked for.
	Cluster string   `json:"cluster,omitempty"`
	Pools   []string `json:"pools,omitempty"`
	// Operation is what a Kafka client was denied: of the embedded cluster the
	// request, such as Produce, and in front of a real one what no role binding
	// allows, such as Write.
	Operation string `json:"operation,omitempty"`
	// Resource is what it was to be done to, such as topic=orders.
	Resource string `json:"resource,omitempty"`
	// RequestID is the x-ms-request-id of the response.
	RequestID string `json:"requestId,omitempty"`
	// Client is the remote address.
	Client string `json:"client,omitempty"`
	// Fault is the id of the fault that was injected, as in the header
	// Idpool-Fault: with it, the failure is no real one.
	Fault string `json:"fault,omitempty"`
	// Detail is a sentence for people.
	Detail string `json:"detail,omitempty"`
	// Duration is how long it took. JSON has it as a Go duration, such as
	// "duration": "1.2ms".
	Duration time.Duration `json:"-"`
}

// fields is an Entry without its methods.
type fields Entry

// wire is the JSON form of an Entry.
type wire struct {
	fields
	Duration string `json:"duration,omitempty"`
}

// MarshalJSON writes the entry with its time in UTC and its duration as text.
func (e Entry) MarshalJSON() ([]byte, error) {
	w := wire{fields: fields(e)}
	w.Time = e.Time.UTC()
	if e.Duration != 0 {
		w.Duration = e.Duration.String()
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // that is for the encoder around it to say
	err := encoder.Encode(w)
	return text.Bytes(), err
}

// UnmarshalJSON reads what MarshalJSON writes. Fields that it does not know are
// left out, for a newer idpool may have sent them.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if w.Duration != "" {
		d, err := time.ParseDuration(w.Duration)
		if err != nil {
			return &Error{Field: "duration", Got: w.Duration, Want: "a duration such as 1.2ms",
				message: fmt.Sprintf("duration is %q, want one such as 1.2ms", w.Duration)}
		}
		w.fields.Duration = d
	}
	*e = Entry(w.fields)
	return nil
}

// longest is the most bytes of one text that a Journal remembers: what a client
// sends must not fill the memory.
const longest = 512

// shorten cuts the texts that are too long. A cut text is a copy, so that what
// it was cut from can go.
func (e *Entry) shorten() {
	for _, s := range [...]*string{
		&e.Endpoint, &e.Listener, &e.Method, &e.Path, &e.Tenant, &e.ClientID, &e.Scope, &e.Outcome, &e.Error,
		&e.Check, &e.Cause, &e.Got, &e.Want, &e.Principal, &e.Identity, &e.Cluster, &e.Operation, &e.Resource, &e.RequestID, &e.Client, &e.Fault, &e.Detail,
	} {
		if len(*s) > longest {
			*s = cut(*s)
		}
	}
}

// cut is the beginning of a text, up to a whole character, and a sign that more
// was there.
func cut(s string) string {
	end := longest - len("…")
	for end > longest-len("…")-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
