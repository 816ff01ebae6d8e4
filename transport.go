package idpool

import (
	"context"
	"net/http"
	"strings"

	"github.com/idpool/idpool/fault"
)

// inProcess sends requests for the stack's own public URLs to its handlers and
// the rest over the network. So keys are found whatever a public URL resolves
// to, whether or not its certificate is trusted, and without a server at all.
type inProcess struct {
	// served are set before the first request and never changed after it.
	served []served
	// next is for all others; nil means http.DefaultTransport.
	next http.RoundTripper
}

// served is what answers under a public URL.
type served struct {
	prefix  string // the URL with a slash at the end
	handler http.Handler
}

// RoundTrip implements http.RoundTripper.
func (t *inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, one := range t.served {
		if strings.HasPrefix(r.URL.String(), one.prefix) {
			return answer(one.handler, r)
		}
	}
	if t.next != nil {
		return t.next.RoundTrip(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func answer(h http.Handler, r *http.Request) (*http.Response, error) {
	injected := ""
	noting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { injected = w.Header().Get(fault.Header) }() // also of a connection that breaks
		h.ServeHTTP(w, r)
	})
	response, err := fault.RoundTrip(noting, r.Clone(valueless{r.Context()}))
	if gone := r.Context().Err(); gone != nil {
		response, err = nil, gone
	}
	if err != nil && injected != "" {
		err = &unanswered{err, injected}
	}
	return response, err
}

// unanswered is why there is no response, when a fault was injected.
type unanswered struct {
	error
	fault string
}

// Fault is the id of the fault.
func (e *unanswered) Fault() string { return e.fault }

// Unwrap is the error that a network would have.
func (e *unanswered) Unwrap() error { return e.error }

// valueless is a context that ends when another does and carries nothing of it.
// A request may be made while another of the same router is answered, and what
// the router has stored about that one would route this one.
type valueless struct{ context.Context }

// Value implements context.Context.
func (valueless) Value(any) any { return nil }
