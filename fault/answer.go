package fault

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/recorded"
)

// capture keeps an answer, to be changed before it is sent, and lets the
// observer of the real writer know at once what it is about.
type capture struct {
	*recorded.Response
	to http.ResponseWriter
}

// Observe implements idp.Observer.
func (c capture) Observe(e idp.Event) {
	if o, ok := c.to.(idp.Observer); ok {
		o.Observe(e)
	}
}

func (x *injection) capture() capture { return capture{recorded.New(), x.w} }

// answer is what the client gets: an answer of the fault's own, or the real one
// changed.
func (x *injection) answer() capture {
	c, f := x.capture(), &x.armed.fault
	if f.answers() {
		x.set.config.Refuse(c, x.r.Request, x.refusal())
		f.dress(c)
		return c
	}
	asked := x.r.Request
	if asked.Method == http.MethodHead { // its answer has no body to change
		asked = asked.WithContext(asked.Context())
		asked.Method = http.MethodGet
	}
	x.next.ServeHTTP(c, asked)
	switch {
	case f.JWKS != "":
		x.change(c, x.brokenKeys)
	case f.Token != "":
		x.change(c, x.brokenToken)
	}
	if f.ContentType != "" {
		c.Header().Set("Content-Type", f.ContentType)
	}
	return c
}

// change replaces the body of a real answer. It takes the injection back when
// there is nothing to change: the request was refused, and truly so.
func (x *injection) change(c capture, how func(body []byte) ([]byte, error)) {
	var changed []byte
	err := error(nil)
	if c.Status == http.StatusOK {
		changed, err = how(c.Body.Bytes())
	}
	if err == nil && changed != nil {
		c.Body.Reset()
		c.Body.Write(changed)
		return
	}
	touched := x.armed.fault.touches()
	x.armed.missed(err, !touched)
	if !touched { // what has the header counts as injected, and nothing else
		x.w.Header().Del(Header)
	}
}

// refusal is the error that the fault answers with. A body or a page of the
// fault's own is put into it later: so it has the headers of every answer.
func (x *injection) refusal() *idp.Error {
	f := &x.armed.fault
	var e *idp.Error
	status := f.Status
	if status == 0 && f.RetryAfter != 0 {
		status = http.StatusTooManyRequests
	}
	switch {
	case f.AADSTS != 0:
		e, status = x.azure(f.AADSTS), f.Status // RetryAfter is no reason to change Azure's
	case f.Body != "" || f.HTML:
		e = f.silent()
		e.Status = http.StatusOK
	case status == http.StatusTooManyRequests:
		e = x.azure(throttled)
	case status >= 500:
		e = x.azure(transient)
	default:
		e = &idp.Error{Code: "invalid_request", Message: fmt.Sprintf("fault %s: status %d", f.ID, status)}
	}
	if status != 0 {
		e.Status = status
	}
	if x.r.endpoint != Token && (e.Number == 90002 || e.Number == 900023) {
		e.Code = "invalid_tenant" // as idp has it on whatever is read
	}
	return e
}

// silent is what an observer is told where there is no error of Azure's.
func (f *Fault) silent() *idp.Error {
	return &idp.Error{Message: "fault " + f.ID, Status: http.StatusInternalServerError}
}

// The errors of Azure's service itself (azure-ad.md 5.7) that a status alone
// stands for.
const (
	throttled = 90055
	transient = 90033
)

// azure is the error of a number. One that idpool has no text for says so.
func (x *injection) azure(number int) *idp.Error {
	return idp.NewError(number, x.r.words(number, x.set.config.Now())...)
}

// dress makes of Azure's error what the fault says.
func (f *Fault) dress(c capture) {
	header := c.Header()
	if f.RetryAfter > 0 {
		whole := (time.Duration(f.RetryAfter) + time.Second - 1) / time.Second
		header.Set("Retry-After", strconv.Itoa(int(whole)))
	}
	switch {
	case f.HTML:
		page := f.page(c)
		c.Body.Reset()
		c.Body.WriteString(page)
		header.Set("Content-Type", "text/html; charset=utf-8")
	case f.Body != "":
		c.Body.Reset()
		c.Body.WriteString(f.Body)
		header.Set("Content-Type", typeOf(f.Body))
	case c.Status < 400: // no error, so no error's body
		c.Body.Reset()
		header.Del("Content-Type")
	}
	if f.ContentType != "" {
		header.Set("Content-Type", f.ContentType)
	}
}

// page is what stands in the way of JSON: Azure's own page of an error, or that
// of a proxy.
func (f *Fault) page(c capture) string {
	var body idp.ErrorBody
	if f.AADSTS != 0 && json.Unmarshal(c.Body.Bytes(), &body) == nil {
		message, _, _ := strings.Cut(body.ErrorDescription, " Trace ID: ")
		return "<!DOCTYPE html><html><head><title>Sign in to your account</title></head><body><h1>Sign in</h1>" +
			"<p>Sorry, but we’re having trouble signing you in.</p><p>" + html.EscapeString(message) + "</p>" +
			"<p>Request Id: " + body.TraceID + "<br>Correlation Id: " + body.CorrelationID +
			"<br>Timestamp: " + body.Timestamp + "</p></body></html>\n"
	}
	title := strconv.Itoa(c.Status) + " " + http.StatusText(c.Status)
	return "<!DOCTYPE html><html><head><title>" + title + "</title></head><body><h1>" + title + "</h1>" +
		"<p>idpool sends this page instead of JSON: fault " + f.ID + ".</p></body></html>\n"
}

// typeOf is the Content-Type of a text that is given without one.
func typeOf(body string) string {
	switch text := strings.TrimSpace(body); {
	case strings.HasPrefix(text, "{"), strings.HasPrefix(text, "["):
		return "application/json; charset=utf-8"
	case strings.HasPrefix(text, "<"):
		return "text/html; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

// pieces is how many a slow body is sent in.
const pieces = 8

// send writes the answer, whole, cut or slowly.
func (x *injection) send(c capture) {
	f, body, header := &x.armed.fault, c.Body.Bytes(), x.w.Header()
	maps.Copy(header, c.Header()) // beside what those in front of the handler have set
	bodiless := c.Status == http.StatusNoContent || c.Status == http.StatusNotModified
	header.Del("Content-Length")
	if !bodiless { // of a cut body it is a promise that is not kept, however short the body
		header.Set("Content-Length", strconv.Itoa(max(len(body), f.CutBody+min(f.CutBody, 1))))
	}
	x.w.WriteHeader(c.Status)
	switch {
	case bodiless || x.r.Method == http.MethodHead:
	case f.CutBody > 0:
		x.write(body[:min(len(body), f.CutBody)])
		panic(http.ErrAbortHandler)
	case f.SlowBody > 0:
		x.trickle(body)
	default:
		_, _ = x.w.Write(body) // the client is gone; there is nobody to tell
	}
}

// write sends a piece of the body at once: a client has to see it before the
// connection breaks, or before the pause.
func (x *injection) write(piece []byte) {
	_, err := x.w.Write(piece)
	if err == nil {
		err = http.NewResponseController(x.w).Flush()
	}
	_ = err // the client is gone, or the writer keeps what it has
}

// trickle sends a body slowly. The pauses end with the fault, so that a set that
// is closed leaves no client waiting.
func (x *injection) trickle(body []byte) {
	size := max(1, (len(body)+pieces-1)/pieces)
	for rest := body; len(rest) > 0; {
		n := min(size, len(rest))
		x.write(rest[:n])
		if rest = rest[n:]; len(rest) > 0 {
			x.pause(time.Duration(x.armed.fault.SlowBody))
		}
	}
}
