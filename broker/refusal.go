// Package broker is the Kafka face of the decision: what a Kafka broker of
// Confluent Cloud tells the client about it.
//
// Begin with [Refuse]. The package decides nothing: validator does, and explain
// finds the reasons, which the client of a broker never sees.
package broker

import (
	"strings"

	"github.com/idpool/idpool/validator"
)

// Refusal is what a client is told of a login or an operation that was refused:
// an error of the Kafka protocol.
type Refusal struct {
	// Code is the protocol's error code, such as 58.
	Code int16
	// Name is the code's name, such as SASL_AUTHENTICATION_FAILED.
	Name string
	// Message is the text that the client shows. Java's clients put the
	// exception's name before it, librdkafka "Broker: " or the broker's address.
	Message string
}

// Error is the message.
func (r *Refusal) Error() string { return r.Message }

// Masked is the text of nearly every refused login: whatever is wrong with the
// token, the pool or the first message as a whole (confluent-cloud.md 5.3).
const Masked = "Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"

// Refuse says what a client is told of a Decision about its Request; nil when
// it is let in.
//
// Confluent names a reason only for the extension logicalCluster, and looks at
// extensions after the token (confluent-cloud.md 4.4). A key that the grammar
// of RFC 7628 3.1 does not have spoils the whole first message, before the
// token in it is read.
func Refuse(r validator.Request, d validator.Decision) *Refusal {
	if _, spoils := r.BadExtension(); spoils {
		return authentication(Masked)
	}
	switch d.Failed().Name {
	case "":
		if !d.Allowed {
			return authentication(Masked)
		}
		return nil
	case validator.CheckCluster:
		return authentication("Authentication failed: 1 extensions are invalid! They are: logicalCluster: " + clusterMessage(r.Cluster))
	case validator.CheckAuthorization:
		return unauthorized(r.Operation.Resource)
	}
	return authentication(Masked)
}

func authentication(message string) *Refusal {
	return &Refusal{58, "SASL_AUTHENTICATION_FAILED", message}
}

func clusterMessage(cluster string) string {
	if cluster == "" {
		return "CLUSTER_ID_MISSING_OR_EMPTY"
	}
	return "Authentication failed"
}

// unauthorized is the error of the type of resource, with the text that Apache
// Kafka's table of errors has for it.
func unauthorized(resource string) *Refusal {
	switch kind, _, _ := strings.Cut(resource, "="); kind {
	case "topic":
		return &Refusal{29, "TOPIC_AUTHORIZATION_FAILED", "Topic authorization failed."}
	case "group":
		return &Refusal{30, "GROUP_AUTHORIZATION_FAILED", "Group authorization failed."}
	case "transactional-id":
		return &Refusal{53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "Transactional Id authorization failed."}
	}
	return &Refusal{31, "CLUSTER_AUTHORIZATION_FAILED", "Cluster authorization failed."}
}
