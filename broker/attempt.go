package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/idpool/idpool/validator"
)

// Attempt is a client that wants to log in.
type Attempt struct {
	// Request is what its first message asks for.
	Request validator.Request
	// Client is its address, HOST:PORT.
	Client string
	// Software is its name and version, such as "apache-kafka-java 4.1.0"; empty
	// for one that does not say (KIP-511).
	Software string
	// Again says that it is logged in already (KIP-368).
	Again bool
}

// Verdict is what comes of an Attempt. With a Decision alone the client is
// treated as Confluent Cloud would.
type Verdict struct {
	// Decision says whether the client may log in, and as whom. Causes in it go
	// to the log, and to the client when Config.Verbose.
	Decision validator.Decision
	// Now tells the time of the session, until another login: when it ends and
	// when the client may log in again. Nil means Config.Now.
	Now func() time.Time
	// Fault is the id of an injected fault, for the log and for Observe; empty
	// for none.
	Fault string
	// Close closes the connection without an answer, whatever Decision says.
	Close bool
	// Refusal is what the client is told in place of what Decision says, to the
	// letter, also when Config.Verbose. Code 0 is 58, SASL_AUTHENTICATION_FAILED,
	// since a client that has no error is in. Nil injects nothing.
	Refusal *Refusal
	// Observe is told what came of the Attempt in place of Config.Observe: who
	// decided may not be who answers for the rest. Once the client is in, it is also
	// told of what comes before another Verdict. Nil means Config.Observe.
	Observe func(Login)
	// Denied is told what the client is denied once it is in, in place of
	// Config.Denied. Nil means Config.Denied.
	Denied func(Denial)
	// Logger gets the lines about the client from now on. Nil means Config.Logger.
	Logger *slog.Logger
}

// Login is an Attempt and what came of it.
type Login struct {
	// Attempt has no token in it, and whatever Config.Mask takes out is taken out
	// of its texts. It has no Request when the client's message could not be read,
	// or did not come.
	Attempt
	// Allowed says that the client is in.
	Allowed bool
	// Decision is that of the Verdict; the zero Decision where none was made.
	Decision validator.Decision
	// Check, Reason and Cause are those of the line in the log; empty when
	// Allowed. Check is the check of the Decision that failed, or
	//
	//	mechanism  the client asks for another mechanism than OAUTHBEARER
	//	message    the message is not of the grammar
	//	principal  the authorization id is not the principal's, or it is another
	//	           one than before
	//	fault      the refusal was injected
	//
	// and empty where the client is not to blame: the cluster cannot be reached,
	// or the Verdict took too long.
	Check, Reason, Cause string
	// Fault is the Verdict's.
	Fault string
	// Lifetime is the session's; zero for one without an end.
	Lifetime time.Duration
	// Took is the time from the arrival of the message, in real time.
	Took time.Duration
}

// The checks of a Login that are not those of a Decision.
const (
	checkMechanism = "mechanism"
	checkMessage   = "message"
	checkPrincipal = "principal"
	checkFault     = "fault"
)

// decide asks for the Verdict of a message, for as long as the client's time to
// log in lasts. An error means that it was over before there was one: then
// nothing counts that was said.
func (x *exchange) decide(ctx context.Context, r validator.Request) error {
	x.attempt.Request, x.verdict, x.told = r, Verdict{}, false
	limited, cancel := context.WithDeadline(ctx, x.readUntil)
	defer cancel()
	x.verdict = x.server.config.Decide(limited, x.attempt)
	if x.verdict.Logger != nil {
		x.logTo(x.verdict.Logger)
	}
	switch {
	case ctx.Err() != nil:
		return errOver
	case limited.Err() != nil:
		return fmt.Errorf("the login took longer than %v, and was not decided in that time", x.server.config.LoginTimeout)
	}
	return nil
}

// describe begins the Attempt of a message that has just arrived.
func (x *exchange) describe() {
	x.arrived = time.Now()
	x.attempt = Attempt{Client: x.conn.RemoteAddr().String(), Software: x.software(), Again: x.again}
}

// broken closes the connection for what is not the client's fault.
func (x *exchange) broken(err error) outcome {
	reason := err.Error()
	if errors.Is(err, errOver) {
		reason = "the server was closed"
	}
	x.observe(Login{Reason: x.server.hide(reason)})
	return outcome{refused: err, silent: true}
}

// inject refuses a client as the Verdict says, which is no matter of its token.
func (x *exchange) inject() outcome {
	principal := x.verdict.Decision.Principal
	if x.verdict.Close {
		x.refusedLine(checkFault, "closed without an answer", "", principal)
		return outcome{refused: errLogin, silent: true}
	}
	refusal := *x.verdict.Refusal
	x.refusedLine(checkFault, refusal.Message, "", principal)
	// A challenge of no bytes would be a success.
	if refusal.Challenge && refusal.Message != "" {
		x.challenged = refusal.Message
		return outcome{bytes: []byte(refusal.Message)}
	}
	if refusal.Code == 0 {
		refusal.Code = authentication("").Code
	}
	return outcome{refusal: &refusal, refused: errLogin}
}

// observe tells who wants to know what came of the client's message, before the
// client is told.
func (x *exchange) observe(l Login) {
	observe := x.verdict.Observe
	if observe == nil { // nobody has decided yet: it is whose session it is
		observe = x.login.observe
	}
	if observe == nil {
		observe = x.server.config.Observe
	}
	if observe == nil {
		return
	}
	l.Attempt, l.Decision, l.Fault = x.attempt, x.verdict.Decision, x.verdict.Fault
	l.Request = x.server.masked(l.Request)
	l.Decision.Checks = slices.Clone(l.Decision.Checks)
	for i := range l.Decision.Checks {
		l.Decision.Checks[i].Got = x.server.hide(l.Decision.Checks[i].Got)
	}
	l.Took = time.Since(x.arrived)
	observe(l)
}

// masked is a Request as others may keep it: people paste tokens and secrets into
// the extensions, too.
func (s *Server) masked(r validator.Request) validator.Request {
	r.Token, r.Cluster, r.Pools = "", s.hide(r.Cluster), s.hide(r.Pools)
	r.Extensions = maps.Clone(r.Extensions)
	for key, value := range r.Extensions {
		r.Extensions[key] = s.hide(value)
	}
	return r
}
