package idpool

import "net/http"

// entrance is the identity provider of a scope under one public URL, as one
// listener has it.
type entrance struct {
	scope    *Scope
	listener string // http or https; empty for requests that never left the process
	base     string // the public URL
}

// entrance makes the handler of a listener; its world is that of the moment.
func (s *Scope) entrance(listener, base string) http.Handler { return &entrance{s, listener, base} }

// ServeHTTP implements http.Handler.
func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.scope.current().handlers[e.base].ServeHTTP(w, r)
}

// door is the handler of a listener for all scopes.
func (s *Stack) door(listener, base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := entrance{s.ofPath(r.URL.Path), listener, base}
		e.ServeHTTP(w, r)
	})
}
