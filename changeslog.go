package idpool

import (
	"net/http"

	"github.com/google/uuid"
)

// requestIDHeader is what answers to changes have the id of their line in the log
// in.
const requestIDHeader = "Idpool-Request-Id"

// questions are the paths of the admin API at which a POST changes nothing that
// anybody else would miss.
var questions = map[string]bool{"/v1/decisions": true, "/v1/tokens": true, "/v1/tokens/broken": true, "/v1/journal/take": true}

// logChanges writes a line for each request to the admin API that changes
// something, or would have: who wonders where their tenants have gone finds the
// reset. Bodies, which have secrets, are not in it.
func (s *Stack) logChanges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet, r.Method == http.MethodHead, r.Method == http.MethodOptions, questions[r.URL.Path]:
			next.ServeHTTP(w, r)
			return
		}
		log, id := s.log, uuid.NewString()
		if scope := s.scopes.scope(r.URL.Query().Get("scope")); scope != nil {
			log = scope.log
		}
		w.Header().Set(requestIDHeader, id)
		o := &observed{ResponseWriter: w}
		next.ServeHTTP(o, r)
		log.Info("admin request", "method", s.noted(r.Method), "path", s.noted(r.URL.Path), "status", o.entry.Status, "client", r.RemoteAddr, "request_id", id)
	})
}
