package broker

import (
	"fmt"
	"strings"
	"time"

	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// attributes are what every line about a session has, and more.
func (s *session) attributes(more ...any) []any {
	all := []any{"client", s.conn.RemoteAddr().String()}
	if software := s.software(); software != "" {
		all = append(all, "software", software)
	}
	return append(all, more...)
}

// software is what the client calls itself; empty for one that does not say.
func (s *session) software() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client.name == "" {
		return ""
	}
	return loggable(s.client.name + " " + s.client.version)
}

// introduce notes what a client calls itself.
func (s *session) introduce(as software) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = as
}

// logDenied is the line of an operation that no role binding allows.
func (s *session) logDenied(o pool.Operation) {
	s.deniedLine("operation", o.Name, "resource", loggable(o.Resource))
}

// deniedLine says who was denied something, and what.
func (s *session) deniedLine(what ...any) {
	d := s.login.decision
	s.server.log.Warn("kafka operation denied", s.attributes(append(what, "cause", "no-role-binding",
		"principal", d.Principal, "identity", loggable(d.Identity), "pools", d.Pools, "cluster", s.login.cluster)...)...)
}

// logAllowed is the line of a login that succeeded.
func (x *exchange) logAllowed(lifetime time.Duration) {
	d := x.login.decision
	all := x.attributes("principal", d.Principal, "identity", loggable(d.Identity), "pools", d.Pools,
		"cluster", x.login.cluster, "reauthentication", x.again, "lifetime", lifetime)
	x.server.log.Info("kafka login allowed", x.withFault(all)...)
	x.observe(Login{Allowed: true, Lifetime: lifetime})
}

// withFault adds the injected fault to a line, if there is one.
func (x *exchange) withFault(attributes []any) []any {
	if x.verdict.Fault == "" {
		return attributes
	}
	return append(attributes, "fault", x.verdict.Fault)
}

// logRefusal is the line of a token that was refused. It never has the token.
func (x *exchange) logRefusal(r validator.Request, d validator.Decision) {
	failed, cause := d.Failed(), ""
	if len(d.Causes) > 0 {
		cause = d.Causes[0].ID
	}
	x.refusedLine(failed.Name, failed.Message, cause, d.Principal,
		"got", loggable(failed.Got), "want", failed.Want, "pool", loggable(r.Pools), "cluster", loggable(r.Cluster))
}

// refusedLine is the line of a login that was refused. A client that answers a
// challenge with nonsense, as some do, has its line already.
func (x *exchange) refusedLine(check, reason, cause, principal string, more ...any) {
	if x.told {
		return
	}
	x.told = true
	all := x.attributes("check", check, "reason", reason, "cause", cause, "principal", principal, "reauthentication", x.again)
	x.server.log.Warn("kafka login refused", x.withFault(append(all, more...))...)
	x.observe(Login{Check: check, Reason: reason, Cause: cause})
}

// loggable is what a client sent as far as a log may have it: people paste
// tokens and secrets into the wrong place.
func loggable(s string) string {
	if len(s) > 200 || strings.Contains(s, "eyJ") {
		return fmt.Sprintf("%.8s… (%d bytes)", s, len(s))
	}
	return s
}
