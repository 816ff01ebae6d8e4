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
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client.name != "" {
		all = append(all, "software", loggable(s.client.name+" "+s.client.version))
	}
	return append(all, more...)
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
func (s *session) logAllowed(again bool, lifetime time.Duration) {
	d := s.login.decision
	s.server.log.Info("kafka login allowed", s.attributes("principal", d.Principal, "identity", loggable(d.Identity), "pools", d.Pools,
		"cluster", s.login.cluster, "reauthentication", again, "lifetime", lifetime)...)
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

// refusedLine is the line of a login that was refused.
func (x *exchange) refusedLine(check, reason, cause, principal string, more ...any) {
	if x.logged {
		return
	}
	x.logged = true
	all := x.attributes("check", check, "reason", reason, "cause", cause, "principal", principal, "reauthentication", x.again)
	x.server.log.Warn("kafka login refused", append(all, more...)...)
}

// loggable is what a client sent as far as a log may have it: people paste
// tokens and secrets into the wrong place.
func loggable(s string) string {
	if len(s) > 200 || strings.Contains(s, "eyJ") {
		return fmt.Sprintf("%.8s… (%d bytes)", s, len(s))
	}
	return s
}
