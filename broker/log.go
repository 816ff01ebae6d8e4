package broker

import (
	"log/slog"
	"time"

	"github.com/idpool/idpool/internal/mask"
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
	return s.server.loggable(s.client.name + " " + s.client.version)
}

// introduce notes what a client calls itself.
func (s *session) introduce(as software) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = as
}

// logger is where the lines about the session go.
func (s *session) logger() *slog.Logger {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log
}

// logTo has them go somewhere else.
func (s *session) logTo(log *slog.Logger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = log
}

// deniedLine says who was denied something, and what.
func (s *session) deniedLine(d Denial, what ...any) {
	by := d.Decision
	s.logger().Warn("kafka operation denied", s.attributes(append(what, "resource", d.Resource, "cause", causeDenied,
		"principal", by.Principal, "identity", s.server.loggable(by.Identity), "pools", by.Pools, "cluster", d.Cluster)...)...)
}

// logAllowed is the line of a login that succeeded.
func (x *exchange) logAllowed(lifetime time.Duration) {
	d := x.login.decision
	all := x.attributes("principal", d.Principal, "identity", x.server.loggable(d.Identity), "pools", d.Pools,
		"cluster", x.login.cluster, "reauthentication", x.again, "lifetime", lifetime.String())
	x.logger().Info("kafka login allowed", x.withFault(all)...)
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
	loggable := x.server.loggable
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
	reason = x.server.hide(reason)
	all := x.attributes("check", check, "reason", reason, "cause", cause, "principal", principal, "reauthentication", x.again)
	x.logger().Warn("kafka login refused", x.withFault(append(all, more...))...)
	x.observe(Login{Check: check, Reason: reason, Cause: cause})
}

// hide takes out of a text what the Config's Mask does.
func (s *Server) hide(text string) string {
	if s.config.Mask == nil {
		return mask.Tokens(text)
	}
	return s.config.Mask(text)
}

// loggable is what a client sent as a log may have it: cut, and without what the
// Config's Mask takes out.
func (s *Server) loggable(text string) string {
	return mask.CutFrom(s.hide(text), len(text))
}
