package fault

import (
	"context"
	"net/http"
	"time"

	"github.com/idpool/idpool/idp"
)

// Handler is an identity provider that goes wrong: next with the faults of the
// set. It breaks a connection off by panicking with http.ErrAbortHandler, which
// an http.Server understands; who calls it otherwise has to recover. A writer
// that wraps the server's should have Unwrap, for slow and cut bodies to be
// flushed. An [idp.Observer] is told as if next had answered.
func (s *Set) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		active := s.active.Load()
		if active == nil || len(active.http) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		asked := s.examine(r)
		if asked == nil {
			next.ServeHTTP(w, r)
			return
		}
		if a := s.first(active.http, asked); a != nil {
			x := &injection{set: s, armed: a, w: w, r: asked, next: next}
			x.happen()
			return
		}
		next.ServeHTTP(w, r)
	})
}

// injection is a fault that happens to a request.
type injection struct {
	set   *Set
	armed *armed
	w     http.ResponseWriter
	r     *request
	next  http.Handler
}

// happen does what the fault says. Its id is in the header before anything is
// written, or broken off.
func (x *injection) happen() {
	f := &x.armed.fault
	x.w.Header().Set(Header, f.ID)
	x.r.Request = x.r.WithContext(context.WithValue(x.r.Context(), happeningKey{}, happening{f.ID, f.onlyChanges()}))
	if f.Delay > 0 || f.Stall || f.SlowBody > 0 {
		x.r.hold() // or the server would not notice that the client leaves
		x.unlimited()
		x.pause(time.Duration(f.Delay))
	}
	switch {
	case f.Stall, f.Close:
		x.leave()
	case !f.changes():
		x.next.ServeHTTP(x.w, x.r.Request)
	default:
		x.send(x.answer())
	}
}

// happeningKey is the key of what happens in the context of a request.
type happeningKey struct{}

// happening is a fault that happens to a request. One that only changes what is
// given has no part in a refusal.
type happening struct {
	id        string
	onlyGiven bool
}

// ID is the fault that happens to the request of a context, for lines of the log;
// empty for none.
func ID(ctx context.Context) string {
	h, _ := ctx.Value(happeningKey{}).(happening)
	if h.onlyGiven && idp.Refused(ctx) {
		return ""
	}
	return h.id
}

// changes says whether a fault does more than delay.
func (f *Fault) changes() bool {
	return f.answers() || f.ContentType != "" || f.CutBody > 0 || f.SlowBody > 0 || f.JWKS != "" || f.Token != ""
}

// answers says whether a fault answers instead of the identity provider.
func (f *Fault) answers() bool {
	return f.Status != 0 || f.AADSTS != 0 || f.RetryAfter != 0 || f.Body != "" || f.HTML
}

// touches says whether a fault changes how an answer comes, whatever it is.
func (f *Fault) touches() bool { return f.Delay > 0 || f.CutBody > 0 || f.SlowBody > 0 }

// onlyChanges says whether a fault does nothing but change what is given, so that
// it does not happen to a request that is refused.
func (f *Fault) onlyChanges() bool { return (f.JWKS != "" || f.Token != "") && !f.touches() }

// leave breaks the connection off, at once or when the stall ends. The observer
// is told before, since a stall may outlast whoever looks.
func (x *injection) leave() {
	x.set.config.Refuse(x.capture(), x.r.Request, x.armed.fault.silent())
	if x.armed.fault.Stall {
		x.pause(forever)
	}
	panic(http.ErrAbortHandler)
}

// unlimited lifts the server's WriteTimeout until the connection's next request.
func (x *injection) unlimited() {
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Time{}) // or there is none to lift
}

// pause waits, and gives up when the client has left.
func (x *injection) pause(d time.Duration) {
	if !x.set.wait(x.r.Context(), x.armed, d) {
		panic(http.ErrAbortHandler)
	}
}
