package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/idpool/idpool/validator"
)

// mechanism is the only one that logs in here. Confluent Cloud has PLAIN too,
// for API keys, so that asking for it while logged in has another answer than
// asking for an unknown one.
const (
	mechanism      = "OAUTHBEARER"
	otherMechanism = "PLAIN"
)

// exchange is a SASL exchange under way: the server's side of Apache Kafka's
// SaslServerAuthenticator and OAuthBearerSaslServer.
type exchange struct {
	*session
	again      bool   // of a client that is logged in (KIP-368)
	asked      bool   // ApiVersions has succeeded
	bare       bool   // SaslHandshake v0: tokens without a request around them
	challenged string // the refusal that the client has to acknowledge with \x01

	// Of the client's last message:
	arrived time.Time // real time
	attempt Attempt
	verdict Verdict
	told    bool // a refusal has its line in the log
}

// authenticate logs a new client in. Until then nothing reaches the cluster.
func (s *session) authenticate(ctx context.Context) error {
	s.deadline(s.server.config.LoginTimeout)
	x := &exchange{session: s}
	if err := x.handshake(nil); err != nil {
		return err
	}
	return x.tokens(ctx)
}

// afterwards answers the SASL requests of a client that is logged in.
func (s *session) afterwards(ctx context.Context, f forwarded) error {
	if f.size > maxLoginFrame {
		return fmt.Errorf("a SASL frame of %d bytes, want %d at most", f.size, maxLoginFrame)
	}
	r, err := s.read(f)
	if err != nil {
		return err
	}
	if err := s.settle(0); err != nil {
		return err
	}
	began := s.now()
	switch {
	case f.key == keySaslHandshake && s.mayLogInAgain(began):
	case s.expired():
		return errExpired
	default:
		return s.write(r.header, illegalState(r.body))
	}
	if !s.server.begin() { // kfake, whose goroutine this may be, waits for nobody
		return errOver
	}
	defer s.server.running.Done()
	s.login.began = began
	s.deadline(s.server.config.LoginTimeout)
	x := &exchange{session: s, again: true}
	if err := x.handshake(&r); err != nil {
		return err
	}
	return x.tokens(ctx)
}

// mayLogInAgain is Kafka's rule (KafkaChannel): not in a session without an end,
// and not twice within a second.
func (s *session) mayLogInAgain(now time.Time) bool {
	since := now.Sub(s.login.began)
	return !s.login.expires.IsZero() && (s.login.began.IsZero() || since >= time.Second || since < 0)
}

// illegalState is what Kafka answers to SaslHandshake and SaslAuthenticate of a
// client that is logged in (KafkaApis).
func illegalState(asked kmsg.Request) kmsg.Response {
	response := withError(asked.ResponseKind(), kerr.IllegalSaslState)
	if r, ok := response.(*kmsg.SASLAuthenticateResponse); ok {
		r.ErrorMessage = kmsg.StringPtr("SaslAuthenticate request received after successful authentication")
	}
	return response
}

// handshake gets to where the client may send its token. first is the request
// that has been read already, if any.
func (x *exchange) handshake(first *request) error {
	for {
		r, err := x.loginRequest(first)
		if err != nil && r.key != keyAPIVersions {
			return err
		}
		first = nil
		switch {
		case r.key == keyAPIVersions && !x.asked && !x.again:
			if err := x.versions(r, err != nil); err != nil {
				return err
			}
		case r.key == keySaslHandshake && r.version <= 1:
			return x.choose(r)
		default:
			return errors.New("the client asked for ApiVersions again before it was logged in")
		}
	}
}

// loginRequest reads a request of a client that is not logged in. An unknown
// version of ApiVersions is an error with a header: it has an answer.
func (x *exchange) loginRequest(first *request) (request, error) {
	if first != nil {
		return *first, nil
	}
	frame, err := x.loginFrame(minFrame)
	if err != nil {
		return request{}, err
	}
	if h := parseHeader(frame); h.key != keyAPIVersions && h.key != keySaslHandshake {
		return request{}, fmt.Errorf("the client sent API key %d before it was logged in", h.key)
	}
	r, err := parseRequest(frame)
	if errors.Is(err, errMalformed) {
		return request{}, err
	}
	return r, err
}

// loginFrame reads a frame of a client that is not logged in. Those that are
// large share a budget, so that strangers cannot fill the memory.
func (x *exchange) loginFrame(least int) ([]byte, error) {
	b, err := x.in.Peek(4)
	if err != nil {
		return nil, err
	}
	size := int(int32(binary.BigEndian.Uint32(b)))
	if size > largeLoginFrame && size <= maxLoginFrame && !x.again {
		if !x.server.strangers.reserve(size) {
			return nil, errors.New("too many large frames of clients that are not logged in")
		}
		defer x.server.strangers.release(size)
	}
	return readFrame(x.in, least, maxLoginFrame)
}

// versions answers ApiVersions. An answer that the version is not served keeps
// the state, so that the client may ask again (KIP-511).
func (x *exchange) versions(r request, unknown bool) error {
	response, ok, err := x.apiVersions(r)
	if err != nil {
		return err
	}
	x.asked = ok && !unknown
	return x.write(r.header, response)
}

// choose answers SaslHandshake.
func (x *exchange) choose(r request) error {
	asked := r.body.(*kmsg.SASLHandshakeRequest)
	response := asked.ResponseKind().(*kmsg.SASLHandshakeResponse)
	response.SupportedMechanisms = []string{mechanism}
	x.bare = r.version == 0
	if asked.Mechanism == mechanism {
		return x.write(r.header, response)
	}
	if x.again && asked.Mechanism == otherMechanism {
		// Kafka takes a mechanism that it has, and cuts the client off at its
		// next frame.
		x.otherMechanism(fmt.Sprintf("SASL mechanism '%s' requested by client is not supported for re-authentication of mechanism '%s'", asked.Mechanism, mechanism))
		if err := x.write(r.header, response); err != nil {
			return err
		}
		_, err := x.loginFrame(0)
		return errors.Join(errLogin, err)
	}
	response.ErrorCode = kerr.UnsupportedSaslMechanism.Code
	x.otherMechanism(fmt.Sprintf("the client asked for the mechanism %q, want %s: set sasl.mechanism (sasl.mechanisms of librdkafka) to %s",
		x.server.loggable(asked.Mechanism), mechanism, mechanism))
	return errors.Join(errLogin, x.write(r.header, response))
}

// otherMechanism refuses a client that asks for a mechanism which is not taken.
func (x *exchange) otherMechanism(reason string) {
	x.describe()
	x.refusedLine(checkMechanism, reason, "", x.login.decision.Principal)
}

// tokens takes the client's messages until it is logged in or refused.
func (x *exchange) tokens(ctx context.Context) error {
	for {
		message, h, err := x.token()
		if err != nil {
			return err
		}
		x.describe()
		a := x.evaluate(ctx, message)
		if a.silent {
			return a.refused
		}
		if err := x.reply(h, a); err != nil || a.refused != nil {
			return errors.Join(a.refused, err)
		}
		if a.in {
			return nil
		}
	}
}

// token reads the client's next message, out of SaslAuthenticate or bare.
func (x *exchange) token() ([]byte, header, error) {
	if x.bare {
		message, err := x.loginFrame(0)
		return message, header{}, err
	}
	frame, err := x.loginFrame(minFrame)
	if err != nil {
		return nil, header{}, err
	}
	h := parseHeader(frame)
	if h.key == keySaslAuthenticate {
		r, err := parseRequest(frame)
		if err != nil {
			return nil, h, err
		}
		return r.body.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes, h, nil
	}
	err = fmt.Errorf("the client sent API key %d in place of its token", h.key)
	// It is not read: it may say that it is many times as large as it is.
	body := kmsg.RequestForKey(h.key)
	if body == nil || h.version < 0 || h.version > highest(body) {
		return nil, h, err
	}
	body.SetVersion(h.version)
	return nil, h, errors.Join(err, x.write(h, withError(body.ResponseKind(), kerr.IllegalSaslState)))
}

// outcome is what comes of a message of the client.
type outcome struct {
	bytes    []byte        // of the mechanism: empty, or a challenge
	refusal  *Refusal      // an error of the protocol
	refused  error         // ends the session, once the answer is sent
	lifetime time.Duration // of the session; zero for without end
	in       bool          // logged in
	silent   bool          // closed without an answer: it is not the client's fault, and it may try again
}

// reply sends an answer in the form that the handshake agreed on.
func (x *exchange) reply(h header, a outcome) error {
	if x.bare {
		if a.refusal != nil {
			return nil // closed, and nothing sent
		}
		return x.send(append(binary.BigEndian.AppendUint32(nil, uint32(len(a.bytes))), a.bytes...))
	}
	response := kmsg.NewPtrSASLAuthenticateResponse()
	response.Version = h.version
	response.SASLAuthBytes = a.bytes
	response.SessionLifetimeMillis = a.lifetime.Milliseconds()
	if a.refusal != nil {
		response.ErrorCode, response.ErrorMessage = a.refusal.Code, &a.refusal.Message
	}
	return x.write(h, response)
}

// evaluate is OAuthBearerSaslServer.evaluateResponse.
func (x *exchange) evaluate(ctx context.Context, message []byte) outcome {
	if x.challenged != "" && string(message) == separator {
		return outcome{refusal: authentication(x.challenged), refused: errLogin}
	}
	x.challenged = ""
	m, err := parseClientMessage(message)
	if err != nil {
		return x.malformed(err)
	}
	request := validator.Request{
		Token: m.token, Cluster: m.extensions["logicalCluster"], Pools: m.extensions["identityPoolId"], Extensions: m.extensions,
	}
	if err := x.decide(ctx, request); err != nil {
		return x.broken(err)
	}
	if x.verdict.Close || x.verdict.Refusal != nil {
		return x.inject()
	}
	d := x.verdict.Decision
	if refusal := Refuse(request, d); refusal != nil {
		x.logRefusal(request, d)
		return x.refuse(refusal, d)
	}
	if name := principalName(d.Principal); m.authzid != "" && m.authzid != name {
		return x.deny(d, fmt.Sprintf("the client asks for the authorization id %s, and its principal is %s", x.server.loggable(m.authzid), name),
			fmt.Sprintf("Authentication failed: Client requested an authorization id (%s) that is different from the token's principal name (%s)", clip(m.authzid), clip(name)))
	}
	if before := x.login.decision.Principal; x.again && before != d.Principal {
		text := fmt.Sprintf("Cannot change principals during re-authentication from User.%s: User.%s", principalName(before), principalName(d.Principal))
		return x.deny(d, text, text)
	}
	return x.admit(ctx, request.Cluster)
}

// malformed refuses a message that is not of the grammar, whose reason Kafka
// keeps to itself.
func (x *exchange) malformed(err error) outcome {
	x.refusedLine(checkMessage, err.Error(), "", "")
	refusal := authentication(x.masked())
	if x.server.config.Verbose {
		refusal.Message = x.server.hide("idpool refused the first message: " + err.Error())
	}
	return outcome{refusal: refusal, refused: errLogin}
}

// masked is the text that hides the reason.
func (x *exchange) masked() string {
	if x.again {
		return MaskedAgain
	}
	return Masked
}

// refuse says of a Decision what the client is told: a challenge that it has to
// acknowledge, or an error at once.
func (x *exchange) refuse(refusal *Refusal, d validator.Decision) outcome {
	switch {
	case x.server.config.Verbose:
		return outcome{refusal: authentication(clip(x.server.hide(explanation(d)))), refused: errLogin}
	case refusal.Challenge:
		x.challenged = refusal.Message
		return outcome{bytes: []byte(refusal.Message)}
	case refusal.Message == Masked:
		refusal.Message = x.masked()
	}
	return outcome{refusal: refusal, refused: errLogin}
}

// deny refuses a token that is good with a text that is not hidden; reason is
// that text as the log may have it.
func (x *exchange) deny(d validator.Decision, reason, message string) outcome {
	x.refusedLine(checkPrincipal, reason, "", d.Principal)
	return outcome{refusal: authentication(message), refused: errLogin}
}

// admit opens the way to the cluster before the client is told that it is in,
// since its first request would race it.
func (x *exchange) admit(ctx context.Context, cluster string) outcome {
	l := login{decision: x.verdict.Decision, cluster: cluster, clock: x.verdict.Now, observe: x.verdict.Observe, denied: x.verdict.Denied}
	began := x.timeOf(l.clock)
	if !x.login.began.IsZero() { // as long ago by the new clock
		l.began = began.Add(-x.now().Sub(x.login.began))
	}
	lifetime := x.lifetime(l.decision, began)
	if lifetime >= 0 {
		l.expires = began.Add(lifetime)
	}
	if err := x.server.behind.enter(ctx, x.session, l); err != nil {
		return x.broken(fmt.Errorf("the cluster cannot be reached as the client's user: %w", err))
	}
	x.login = l
	x.server.logins.Add(1)
	x.logAllowed(max(lifetime, 0))
	return outcome{lifetime: max(lifetime, 0), in: true}
}

// lifetime is min(exp − now, connections.max.reauth.ms), as Kafka has it: not
// negative, and in whole milliseconds. Less than none is a session without end.
func (x *exchange) lifetime(d validator.Decision, began time.Time) time.Duration {
	lifetime, most := time.Duration(-1), x.server.config.MaxReauth
	if !d.ExpiresAt.IsZero() {
		lifetime = max(0, d.ExpiresAt.Sub(began)).Truncate(time.Millisecond)
	}
	if most > 0 && (lifetime < 0 || most < lifetime) {
		lifetime = most
	}
	return lifetime
}

// clip keeps what a client sent from filling a message that has 32 KiB at most.
func clip(s string) string {
	if len(s) > maxExplained {
		return strings.ToValidUTF8(s[:maxExplained], "") + "…"
	}
	return s
}

// principalName is User:NAME without its type.
func principalName(principal string) string { return strings.TrimPrefix(principal, "User:") }

// withError is a response with an error of Kafka's in it, at its top or, where
// that has no place for one, nowhere.
func withError(response kmsg.Response, err *kerr.Error) kmsg.Response {
	if field := reflect.ValueOf(response).Elem().FieldByName("ErrorCode"); field.IsValid() && field.Kind() == reflect.Int16 {
		field.SetInt(int64(err.Code))
	}
	if field := reflect.ValueOf(response).Elem().FieldByName("ErrorMessage"); field.IsValid() && field.Type() == reflect.TypeFor[*string]() {
		message := err.Description
		field.Set(reflect.ValueOf(&message))
	}
	return response
}

// isOver says whether an error is only that the client has gone.
func isOver(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errOver) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}
