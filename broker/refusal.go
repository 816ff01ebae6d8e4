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
	// Challenge says that the message goes to the client as a challenge of the
	// mechanism first, with no error code, and as the error when the client has
	// acknowledged it with the byte 1 (RFC 7628 3.2.2).
	Challenge bool
}

// Error is the message.
func (r *Refusal) Error() string { return r.Message }

// Masked is the text of a login that is refused for what is not the token's
// fault, and whose reason is hidden: no pool matches, or the first message as a
// whole is wrong (confluent-cloud.md 5.3). MaskedAgain is that of a client that
// was logged in and authenticates again.
const (
	Masked      = "Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"
	MaskedAgain = "Authentication failed during re-authentication due to invalid credentials with SASL mechanism OAUTHBEARER"
)

// InvalidToken is the challenge of every token that is not valid, whatever the
// reason: the form of RFC 7628 3.2.2 as OAuthBearerSaslServer writes it.
const InvalidToken = `{"status":"invalid_token"}`

// Refuse says what a client is told of a Decision about its Request; nil when
// it is let in.
//
// Apache Kafka looks at the first message as a whole, then at the token, then
// at the extensions (kafka-oauthbearer.md 2.3). A key without letters only, or
// an empty value, spoils the whole message before the token in it is read.
func Refuse(r validator.Request, d validator.Decision) *Refusal {
	if spoilt(r) {
		return authentication(Masked)
	}
	switch d.Failed().Name {
	case "":
		if !d.Allowed {
			return authentication(Masked)
		}
		return nil
	case validator.CheckFormat, validator.CheckAlgorithm, validator.CheckProvider, validator.CheckKey,
		validator.CheckSignature, validator.CheckExpiry, validator.CheckNotBefore:
		refusal := authentication(InvalidToken)
		refusal.Challenge = true
		return refusal
	case validator.CheckCluster:
		return badExtension("logicalCluster", clusterMessage(r.Cluster))
	case validator.CheckPool:
		if r.Pools != "" { // else auto pool mapping found none
			return badExtension("identityPoolId", "Authentication failed")
		}
	case validator.CheckAuthorization:
		return unauthorized(r.Operation.Resource)
	}
	return authentication(Masked)
}

// spoilt says whether no broker would read the message that the extensions
// come from.
func spoilt(r validator.Request) bool {
	if _, bad := r.BadExtension(); bad {
		return true
	}
	for _, value := range r.Extensions {
		if !pairValue.MatchString(value) {
			return true
		}
	}
	return false
}

func badExtension(key, reason string) *Refusal {
	return authentication("Authentication failed: 1 extensions are invalid! They are: " + key + ": " + reason)
}

func authentication(message string) *Refusal {
	return &Refusal{Code: 58, Name: "SASL_AUTHENTICATION_FAILED", Message: message}
}

func clusterMessage(cluster string) string {
	if cluster == "" {
		return "CLUSTER_ID_MISSING_OR_EMPTY"
	}
	return "Authentication failed"
}

// maxExplained is the most of a reason that a client is told, in bytes: some
// print it in every line of their log.
const maxExplained = 1500

// Explain is the reason that a verbose broker gives in place of the masked
// texts: the check, what it saw and wanted, the likeliest cause and its fix.
func Explain(d validator.Decision) string { return clip(explanation(d)) }

// explanation is the whole of it.
func explanation(d validator.Decision) string {
	failed := d.Failed()
	text := "idpool refused the login at the check " + failed.Name + ": " + failed.Message
	if failed.Got != "" {
		text += "; got " + failed.Got
	}
	if failed.Want != "" {
		text += "; want " + failed.Want
	}
	if len(d.Causes) > 0 {
		c := d.Causes[0]
		text += ". Cause " + c.ID + ": " + c.Summary + ". Fix: " + strings.ReplaceAll(c.Fix, "\n", " ")
	}
	return text
}

// unauthorized is the error of the type of resource, with the text that Apache
// Kafka's table of errors has for it.
func unauthorized(resource string) *Refusal {
	switch kind, _, _ := strings.Cut(resource, "="); kind {
	case "topic":
		return &Refusal{Code: 29, Name: "TOPIC_AUTHORIZATION_FAILED", Message: "Topic authorization failed."}
	case "group":
		return &Refusal{Code: 30, Name: "GROUP_AUTHORIZATION_FAILED", Message: "Group authorization failed."}
	case "transactional-id":
		return &Refusal{Code: 53, Name: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", Message: "Transactional Id authorization failed."}
	}
	return &Refusal{Code: 31, Name: "CLUSTER_AUTHORIZATION_FAILED", Message: "Cluster authorization failed."}
}
