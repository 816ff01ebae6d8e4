package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// mechanism is the SASL mechanism of RFC 7628.
const mechanism = "OAUTHBEARER"

// Kafka is a listener of a Kafka broker that takes bearer tokens by
// SASL/OAUTHBEARER (KIP-255). Each token has a connection of its own. A token is
// let in when the broker says so and then answers a request, which names no
// topic: brokers close the session of an expired token only then.
type Kafka struct {
	// Bootstrap is HOST:PORT of one broker: the listeners of others may be
	// configured otherwise.
	Bootstrap string
	// TLS is for SASL_SSL. Nil means SASL_PLAINTEXT.
	TLS *tls.Config
	// Extensions are sent beside the token (KIP-342), such as logicalCluster and
	// identityPoolId.
	Extensions map[string]string
	// ClientID is what the broker's log has. Empty means idpool-probe.
	ClientID string
}

// String names the target in a report.
func (k Kafka) String() string { return "kafka " + k.Bootstrap }

// Try logs in with the token.
func (k Kafka) Try(ctx context.Context, token string) (Answer, error) {
	conn, err := k.dial(ctx)
	if err != nil {
		return Answer{}, fmt.Errorf("probe: %w", err)
	}
	defer func() { _ = conn.Close() }()
	// An interrupt ends the request that waits for its answer.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return Answer{}, fmt.Errorf("probe: %w", err)
		}
	}
	w := &wire{conn: conn, clientID: cmp.Or(k.ClientID, "idpool-probe")}
	version, err := w.introduce()
	if err != nil {
		return Answer{}, fmt.Errorf("probe: %s: %w", k.Bootstrap, err)
	}
	a, err := w.logIn(k.message(token))
	if err == nil && a.Verdict == Accepted {
		a, err = w.use(a, version)
	}
	return closed(ctx, a, err)
}

func (k Kafka) dial(ctx context.Context) (net.Conn, error) {
	if k.TLS == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", k.Bootstrap)
	}
	return (&tls.Dialer{Config: k.TLS}).DialContext(ctx, "tcp", k.Bootstrap)
}

// message is the client's first one (RFC 7628 3.1, KIP-342).
func (k Kafka) message(token string) []byte {
	m := []byte("n,,\x01auth=Bearer " + token + "\x01")
	for _, key := range slices.Sorted(maps.Keys(k.Extensions)) {
		m = append(m, key+"="+k.Extensions[key]+"\x01"...)
	}
	return append(m, '\x01')
}

// introduce asks what the broker speaks and for the mechanism. It returns the
// version of Metadata to ask for.
func (w *wire) introduce() (int16, error) {
	versions, err := w.exchange(kmsg.NewPtrApiVersionsRequest())
	if err != nil {
		return 0, fmt.Errorf("no Kafka listener, or one that wants TLS: %w", err)
	}
	handshake := kmsg.NewPtrSASLHandshakeRequest()
	handshake.Version, handshake.Mechanism = 1, mechanism
	response, err := w.exchange(handshake)
	if err != nil {
		return 0, fmt.Errorf("SaslHandshake: %w", err)
	}
	shake := response.(*kmsg.SASLHandshakeResponse)
	switch err := kerr.ErrorForCode(shake.ErrorCode); {
	case errors.Is(err, kerr.IllegalSaslState):
		return 0, errors.New("the listener asks nobody to log in: everybody is let in, without a token")
	case errors.Is(err, kerr.UnsupportedSaslMechanism):
		return 0, fmt.Errorf("the listener takes no tokens: its mechanisms are %q, want %s", shake.SupportedMechanisms, mechanism)
	case err != nil:
		return 0, fmt.Errorf("SaslHandshake: %w", err)
	}
	return metadataVersion(versions.(*kmsg.ApiVersionsResponse)), nil
}

// metadataVersion is one that the broker has and whose headers have no tags.
func metadataVersion(r *kmsg.ApiVersionsResponse) int16 {
	const untagged = 8
	for _, k := range r.ApiKeys {
		if k.ApiKey == kmsg.Metadata.Int16() {
			return max(1, min(untagged, k.MaxVersion)) // 0 cannot ask for none
		}
	}
	return 1
}

// logIn sends the token and reads the broker's word.
func (w *wire) logIn(message []byte) (Answer, error) {
	request := kmsg.NewPtrSASLAuthenticateRequest()
	request.Version, request.SASLAuthBytes = 1, message
	response, err := w.exchange(request)
	if err != nil {
		return Answer{}, err
	}
	r := response.(*kmsg.SASLAuthenticateResponse)
	switch {
	case r.ErrorCode != 0:
		said := errorText(r.ErrorCode)
		if r.ErrorMessage != nil {
			said += ": " + *r.ErrorMessage
		}
		return Answer{Verdict: Refused, Said: said}, nil
	case len(r.SASLAuthBytes) > 0: // RFC 7628 3.2.2: with error 0
		if !json.Valid(r.SASLAuthBytes) {
			return Answer{Verdict: Unclear, Said: string(r.SASLAuthBytes), Note: "the broker's answer is no JSON"}, nil
		}
		return Answer{Verdict: Refused, Said: string(r.SASLAuthBytes)}, nil
	case r.SessionLifetimeMillis > 0:
		return Answer{Verdict: Accepted, Said: fmt.Sprintf("logged in for %v", (time.Duration(r.SessionLifetimeMillis) * time.Millisecond).Round(time.Second))}, nil
	}
	return Answer{Verdict: Accepted, Said: "logged in"}, nil
}

// use asks for something that only those who are logged in get.
func (w *wire) use(in Answer, version int16) (Answer, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Version = version
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil means all
	_, err := w.exchange(request)
	return in, err
}

// closed takes a connection that the broker has closed for a refusal: that is
// how brokers answer what they cannot read, or find too long.
func closed(ctx context.Context, a Answer, err error) (Answer, error) {
	var timeout net.Error
	switch {
	case err == nil:
		return a, nil
	case ctx.Err() != nil:
		return Answer{}, ctx.Err()
	case errors.As(err, &timeout) && timeout.Timeout():
		return Answer{}, context.DeadlineExceeded
	case errors.Is(err, errGarbled):
		return Answer{Verdict: Unclear, Said: err.Error()}, nil
	}
	if a.Said == "" {
		return Answer{Verdict: Refused, Said: "connection closed", Note: "the broker gave no reason, which is taken for a refusal"}, nil
	}
	return Answer{Verdict: Refused, Said: a.Said + ", then connection closed",
		Note: "at the first request, as brokers do when a session has expired"}, nil
}

func errorText(code int16) string {
	return fmt.Sprintf("error %d %s", code, kerr.TypedErrorForCode(code).Message)
}
