package idpool

import (
	"net/http"
	"strings"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
)

// entrance is the identity provider of a scope under one public URL, as one
// listener has it: it notes each request in the journal, and lets the faults of
// the scope at it.
type entrance struct {
	scope    *Scope
	listener string // http or https; empty for requests that never left the process
	base     string // the public URL, or that inside
}

// door is the handler of a listener for all scopes.
func (s *Stack) door(listener string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entrance{s.ofPath(r.URL.Path), listener, s.publicURLs.asked(listener, r.Host)}.ServeHTTP(w, r)
	})
}

// ServeHTTP implements http.Handler.
func (e entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o := &observed{ResponseWriter: w, entry: journal.Entry{
		Endpoint: journal.EndpointOther, Listener: e.listener, Method: r.Method, Path: r.URL.Path, Client: r.RemoteAddr,
		Outcome: journal.OutcomeFailed, // unless it comes to its end
	}}
	began := time.Now()
	defer func() {
		o.entry.Duration = time.Since(began)
		e.scope.note(o.finished(e.scope))
	}()
	e.provider().ServeHTTP(o, r)
	o.entry.Outcome = outcome(o.entry.Status)
}

// provider is the identity provider of the moment.
func (e entrance) provider() http.Handler {
	own := e.scope.current().handlers[e.base]()
	if e.scope.faults.Active() {
		return e.scope.faults.Handler(own)
	}
	return own
}

// observed notes what a response says, as an idp.Observer too.
type observed struct {
	http.ResponseWriter
	entry journal.Entry
}

// Observe implements idp.Observer.
func (o *observed) Observe(e idp.Event) {
	o.entry.Endpoint, o.entry.Tenant, o.entry.ClientID, o.entry.Scope = e.Endpoint, e.Tenant, e.ClientID, e.Scope
	o.entry.AADSTS, o.entry.Error, o.entry.RequestID, o.entry.Detail = e.AADSTS, e.Error, e.RequestID, e.Detail
}

// WriteHeader implements http.ResponseWriter.
func (o *observed) WriteHeader(status int) {
	if o.entry.Status == 0 {
		o.entry.Status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (o *observed) Write(p []byte) (int, error) {
	if o.entry.Status == 0 {
		o.entry.Status = http.StatusOK
	}
	return o.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what is below.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// finished is the entry with what the headers say of a fault, without the secrets
// that people put into URLs, and without the request: texts of a client's are
// parts of the whole of it, which must not stay in memory for their sake. What
// the identity provider has said is fit for a log already.
func (o *observed) finished(s *Scope) journal.Entry {
	e := &o.entry
	if e.Endpoint == journal.EndpointOther || s.current().idp.TenantID(firstSegment(e.Path)) == "" {
		e.Path = s.noted(e.Path)
	}
	if len(e.Method) > len(http.MethodOptions) { // of HTTP's none is longer
		e.Method = s.noted(e.Method)
	}
	for _, sent := range []*string{&e.Method, &e.Path, &e.Tenant, &e.ClientID, &e.Scope, &e.Detail} {
		*sent = strings.Clone(*sent)
	}
	if injected := o.Header()[fault.Header]; len(injected) > 0 {
		o.entry.Fault = injected[0]
	}
	return o.entry
}

// outcome is what a status means to somebody who reads the journal.
func outcome(status int) string {
	switch {
	case status >= http.StatusInternalServerError:
		return journal.OutcomeFailed
	case status >= http.StatusBadRequest:
		return journal.OutcomeRefused
	}
	return journal.OutcomeOK
}

// note puts an entry into the journal and the metrics.
func (s *Scope) note(e journal.Entry) {
	e.Time = s.clock.Now()
	s.journal.Add(e)
	s.stack.metrics.Observe(e)
}
