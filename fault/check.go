package fault

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/idpool/idpool/internal/nearest"
)

// mistakes collects what is wrong with a fault.
type mistakes []*Error

func (m *mistakes) add(field, format string, args ...any) {
	*m = append(*m, &Error{Field: field, Message: fmt.Sprintf(format, args...)})
}

// word refuses a value that is none of the known ones.
func (m *mistakes) word(field, value string, known []string) {
	if value == "" || slices.Contains(known, value) {
		return
	}
	message := fmt.Sprintf("%q is none of %s", value, strings.Join(known, ", "))
	if near := nearest.To(value, known); near != "" {
		message = fmt.Sprintf("%q is unknown, did you mean %q?", value, near)
	}
	m.add(field, "%s", message)
}

// check finds every mistake that is seen without a Config, and compiles the
// condition.
func (f *Fault) check() (*condition, mistakes) {
	var m mistakes
	if f.Endpoint == "" {
		m.add("endpoint", "missing, want one of %s", strings.Join(Endpoints(), ", "))
	}
	m.word("endpoint", f.Endpoint, Endpoints())
	f.checkValues(&m)
	f.checkAnswer(&m)
	if !slices.Contains(Endpoints(), f.Endpoint) {
		return nil, m // what else it says cannot be judged
	}
	f.checkEndpoint(&m)
	f.checkKinds(&m)
	compiled, mistake := compile(f.Endpoint, f.When)
	if mistake != nil {
		m = append(m, mistake)
	}
	return compiled, m
}

// checkValues looks at each field alone.
func (f *Fault) checkValues(m *mistakes) {
	if f.ID != "" && !isID(f.ID) {
		m.add("id", "%.80q is no id, want up to 64 letters, digits, dots, hyphens and underscores", f.ID)
	}
	for _, n := range []struct {
		field  string
		value  int64
		length string
	}{{"times", int64(f.Times), ""}, {"every", int64(f.Every), ""}, {"cutBody", int64(f.CutBody), ""},
		{"aadsts", int64(f.AADSTS), ""}, {"delay", int64(f.Delay), f.Delay.String()},
		{"retryAfter", int64(f.RetryAfter), f.RetryAfter.String()}, {"slowBody", int64(f.SlowBody), f.SlowBody.String()}} {
		if n.value < 0 && n.length == "" {
			m.add(n.field, "%d is negative", n.value)
		} else if n.value < 0 {
			m.add(n.field, "%s is negative", n.length)
		}
	}
	// Every and Probability both choose among those that match; Times bounds
	// either.
	if p := f.Probability; p != nil && !(*p >= 0 && *p <= 1) { // NaN too
		m.add("probability", "%v is no probability, want a number from 0 to 1", *p)
	}
	if f.Every > 0 && f.Probability != nil {
		m.add("probability", "contradicts every: the one counts, the other throws dice")
	}
	if !f.From.IsZero() && !f.Until.IsZero() && !f.Until.After(f.From) {
		m.add("until", "%s is not after from, which is %s", f.Until.Format(timeForm), f.From.Format(timeForm))
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		m.add("status", "%d is no status of an answer, want 200 to 599", f.Status)
	}
	// Not only a GUID of the Config: a client may send any other as its client_id,
	// and a fault may wait for that, or for an application that is made later.
	if strings.ContainsFunc(f.ClientID, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		m.add("clientId", "%.80q has white space in it, want an appId", f.ClientID)
	}
	if strings.ContainsAny(f.ContentType, "\r\n\x00") {
		m.add("contentType", "%q has a line break in it", f.ContentType)
	}
	m.word("certificate", f.Certificate, Certificates())
	m.word("jwks", f.JWKS, KeySets())
}

const timeForm = "2006-01-02T15:04:05Z07:00"

// checkAnswer looks for contradictions between the settings of an answer, which
// otherwise may come together: a status, a header and a body are one answer. None
// of them wins silently.
func (f *Fault) checkAnswer(m *mistakes) {
	if f.Body != "" && f.AADSTS != 0 {
		m.add("body", "contradicts aadsts, which has a body of its own")
	}
	if f.Body != "" && f.HTML {
		m.add("body", "contradicts html, which has a body of its own: for a page of yours write body and contentType")
	}
	if f.Status != 204 && f.Status != 304 {
		return
	}
	for _, s := range f.given() {
		if slices.Contains([]string{"aadsts", "body", "html", "contentType", "cutBody", "slowBody"}, s.name) {
			m.add(s.name, "contradicts status %d, which has no body", f.Status)
		}
	}
}

// checkEndpoint refuses settings that the endpoint cannot have. A fault that
// waits for a client id where requests have none would never happen, and nobody
// would know why.
func (f *Fault) checkEndpoint(m *mistakes) {
	for _, s := range f.given() {
		if slices.Contains(s.on, f.Endpoint) {
			continue
		}
		switch {
		case s.name == "clientId" && f.Endpoint != TLS:
			m.add(s.name, "contradicts endpoint %s, where requests do not say which client they are of", f.Endpoint)
		default:
			m.add(s.name, "contradicts endpoint %s, it is for %s", f.Endpoint, strings.Join(s.on, ", "))
		}
	}
}

// checkKinds refuses a fault that would do two things at once, or nothing.
func (f *Fault) checkKinds(m *mistakes) {
	given := slices.DeleteFunc(f.given(), func(s setting) bool { return s.kind == choosing })
	if len(given) == 0 {
		m.add("", "it says not what goes wrong, give one of %s", strings.Join(doing(f.Endpoint), ", "))
	}
	for i, s := range given {
		for _, before := range given[:i] {
			if !fits(before.kind, s.kind) {
				m.add(s.name, "contradicts %s: a fault does one of the two", before.name)
				break
			}
		}
	}
}

// doing are the settings of an endpoint that make something go wrong.
func doing(endpoint string) []string {
	var names []string
	for _, s := range settings() {
		if s.kind != choosing && slices.Contains(s.on, endpoint) {
			names = append(names, s.name)
		}
	}
	return names
}

// isID says whether a text can be an id: it goes into a header and into URLs of
// the admin API.
func isID(s string) bool {
	return len(s) <= 64 && strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
	}) < 0
}

// checkHere finds what only a Set knows: what it is asked about, its tenants and
// its kinds of tokens. A tenant may go later, and its faults then no longer happen; one that is not
// there when the fault is added is most likely misspelt.
func (s *Set) checkHere(f *Fault) mistakes {
	var m mistakes
	for _, at := range []struct{ field, word string }{{"endpoint", f.Endpoint}, {"tenant", f.Tenant}} {
		if at.word != "" && slices.Contains(s.config.Without, strings.ToLower(at.word)) {
			m.add(at.field, "%s is shared by all scopes: its faults belong to the server's own scope", at.word)
		}
	}
	if f.Tenant != "" && s.config.Tenant != nil && s.config.Tenant(f.Tenant) == "" && !isShared(f.Tenant) {
		m.add("tenant", "there is no tenant %q", f.Tenant)
	}
	if f.Token == "" {
		return m
	}
	if s.config.Break == nil {
		m.add("token", "tokens cannot be broken here")
		return m
	}
	if s.config.TokenNames != nil {
		m.word("token", f.Token, s.config.TokenNames())
	}
	return m
}

// SharedTenants are the segments of a URL that stand for no tenant of their own.
func SharedTenants() []string { return []string{"common", "organizations", "consumers"} }

func isShared(segment string) bool { return slices.Contains(SharedTenants(), strings.ToLower(segment)) }
