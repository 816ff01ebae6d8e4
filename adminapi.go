package idpool

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/internal/nearest"
	"github.com/idpool/idpool/internal/openapi"
	"github.com/idpool/idpool/journal"
)

// endpoint is an operation of the admin API and what it does. The table of them
// makes both the router and the OpenAPI document.
type endpoint struct {
	openapi.Operation
	do func(*call) (reply, error)
	// open says that no token is asked for, nor where the request comes from.
	open bool
	// whole says that it is about the Stack: it takes no parameter scope.
	whole bool
}

// call is a request of the admin API.
type call struct {
	*Scope // that the request is about
	w      http.ResponseWriter
	r      *http.Request
}

// reply is an answer of the admin API before it is written.
type reply struct {
	status      int
	body        any    // JSON, unless contentType says otherwise and it is a []byte
	contentType string // empty for application/json
	stream      http.HandlerFunc
}

// ok is the usual answer.
func ok(body any) (reply, error) { return reply{status: http.StatusOK, body: body}, nil }

// gone is the answer to what leaves nothing to say.
func gone() (reply, error) { return reply{status: http.StatusNoContent}, nil }

// refusal is an answer that says what is wrong with a request.
type refusal struct {
	status int
	problem
}

// Error is the detail of the problem.
func (r *refusal) Error() string { return r.Detail }

func refused(status int, format string, args ...any) *refusal {
	return &refusal{status, problem{Detail: fmt.Sprintf(format, args...)}}
}

// problem is an error of the admin API (RFC 9457).
type problem struct {
	// Type is always about:blank: Title says what Status does.
	Type   string `json:"type" openapi:"required"`
	Title  string `json:"title" openapi:"required"`
	Status int    `json:"status" openapi:"required"`
	// Detail says to a person what is wrong, and what would be right.
	Detail string `json:"detail" openapi:"required"`
	// Field is the member of the body, or the parameter, that is wrong.
	Field string `json:"field,omitempty"`
	// Errors are all the mistakes when there is more than one, or when there are
	// lines to be named.
	Errors []mistake `json:"errors,omitempty"`
}

// mistake is one of several.
type mistake struct {
	// Field is where it is, such as tenants[0].applications[1].appId.
	Field string `json:"field,omitempty"`
	// Message says what is wrong, what was given, and what would be right.
	Message string `json:"message" openapi:"required"`
	// Line and Column are its place in a config, from 1.
	Line   int `json:"line,omitempty"`
	Column int `json:"column,omitempty"`
}

// path is a parameter of the path. The router cuts the path as it was sent,
// where that differs from what it means.
func (c *call) path(name string) string {
	value := chi.URLParam(c.r, name)
	if c.r.URL.RawPath == "" {
		return value
	}
	if meant, err := url.PathUnescape(value); err == nil {
		return meant
	}
	return value
}

// own is a parameter of the path by the scope's own name: what its config calls a
// tenant or a pool will do.
func (c *call) own(name string) string { return c.ownName(name, c.path(name)) }

// ownName is the value of such a parameter by the scope's own name.
func (c *call) ownName(name, value string) string {
	switch name {
	case "tenant":
		return c.tenant(value)
	case "pool":
		return c.PoolID(value)
	default:
		return value
	}
}

// read reads the body into what a pointer points to.
func (c *call) read(into any) error {
	status, field, err := readJSON(c.w, c.r, into)
	if err != nil {
		return &refusal{status, problem{Detail: err.Error(), Field: field}}
	}
	return nil
}

// serve is the one adapter of all endpoints: it finds the scope, lets the
// endpoint decide, and writes.
func (s *Stack) serveEndpoint(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{s.Scope, w, r}
		err := e.parameters(r.URL.Query())
		if id := r.URL.Query().Get("scope"); err == nil && id != "" {
			if c.Scope = s.scopes.scope(id); c.Scope == nil {
				err = &refusal{http.StatusNotFound, problem{Detail: fmt.Sprintf("there is no scope %q", id), Field: "scope"}}
			}
		}
		if err == nil && e.bodiless() {
			err = noBody(w, r)
		}
		var answer reply
		if err == nil {
			answer, err = e.do(c)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		answer.write(w, r)
	}
}

// bodiless says that a body has no meaning and somebody may think that it has:
// not so of GET (RFC 9110, section 9.3.1).
func (e endpoint) bodiless() bool {
	return e.Request == nil && e.Method != http.MethodGet
}

// noBody refuses a body where none is read: what it asks for would not happen. An
// empty object, which many clients send with every POST, asks for nothing.
func noBody(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	body, status, err := readAll(w, r)
	if err != nil {
		return &refusal{status, problem{Detail: err.Error()}}
	}
	if text := bytes.TrimSpace(body); len(text) > 0 && string(text) != "{}" {
		return refused(http.StatusBadRequest, "%s %s takes no body: leave it out", r.Method, r.URL.Path)
	}
	return nil
}

// parameters refuses those that the endpoint does not know: a misspelt filter
// would otherwise match everything.
func (e endpoint) parameters(query url.Values) error {
	var known []string
	for _, p := range e.Query {
		known = append(known, p.Name)
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			detail := fmt.Sprintf("the parameter %q is not known", name)
			if near := nearest.To(name, known); near != "" {
				detail += fmt.Sprintf(": did you mean %q?", near)
			}
			return &refusal{http.StatusBadRequest, problem{Detail: detail, Field: name}}
		}
		if values[0] == "" {
			return &refusal{http.StatusBadRequest, problem{Detail: fmt.Sprintf("the parameter %q is empty: leave it out", name), Field: name}}
		}
		if len(values) > 1 {
			return &refusal{http.StatusBadRequest, problem{Detail: fmt.Sprintf("the parameter %q occurs twice", name), Field: name}}
		}
	}
	return nil
}

func (a reply) write(w http.ResponseWriter, r *http.Request) {
	switch text, isText := a.body.([]byte); {
	case a.stream != nil:
		a.stream(w, r)
	case isText:
		w.Header().Set("Content-Type", a.contentType)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(text) // the client is gone; there is nobody to tell
	case a.body == nil:
		w.WriteHeader(a.status)
	default:
		writeJSON(w, a.status, "application/json", a.body)
	}
}

// refuse writes what is wrong. An error that nothing here knows is the server's.
func refuse(w http.ResponseWriter, err error) {
	r := problemOf(err)
	r.Type, r.Title, r.Status = "about:blank", http.StatusText(r.status), r.status
	writeJSON(w, r.status, "application/problem+json", r.problem)
}

// problemOf is an error of idpool's as the admin API says it.
func problemOf(err error) *refusal {
	var ours *refusal
	var config ConfigErrors
	var one *ConfigError
	var ofFault *fault.Error
	var ofJournal *journal.Error
	var ofAzure *idp.Error
	var notApplied *ApplyError
	const wrong = http.StatusUnprocessableEntity
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &config):
		return &refusal{wrong, problemOfConfig(config)}
	case errors.As(err, &one):
		return &refusal{wrong, problemOfConfig(ConfigErrors{one})}
	case errors.As(err, &ofFault):
		return &refusal{wrong, problem{Detail: err.Error(), Field: ofFault.Field}}
	case errors.As(err, &ofJournal):
		return &refusal{http.StatusBadRequest, problem{Detail: err.Error(), Field: ofJournal.Field}}
	case errors.As(err, &ofAzure):
		return &refusal{wrong, problem{Detail: err.Error(), Field: fieldOfAzure[ofAzure.Number]}}
	case errors.As(err, &notApplied):
		return &refusal{http.StatusInternalServerError, problem{Detail: err.Error()}}
	}
	return &refusal{wrong, problem{Detail: err.Error()}}
}

// fieldOfAzure is the member of a request to mint that an error is about.
var fieldOfAzure = map[int]string{
	90002: "tenant", 900023: "tenant", 50059: "tenant", 9001023: "tenant",
	700016: "clientId", 7000112: "clientId", 7000229: "clientId",
	70011: "scope", 900144: "scope", 500011: "scope", 500014: "scope", 501051: "scope", 1002012: "scope", 901002: "scope",
}

func problemOfConfig(all ConfigErrors) problem {
	p := problem{Detail: all.Error(), Field: all[0].Field}
	for _, one := range all[:min(len(all), maxMistakes)] {
		p.Errors = append(p.Errors, mistake{one.Field, one.Message, one.Line, one.Column})
	}
	return p
}

// number is a parameter that is a count; otherwise when it is not there.
func (c *call) number(name string, otherwise int) (int, error) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, &refusal{http.StatusBadRequest, problem{Detail: fmt.Sprintf("%s: want a number of 0 or more, got %q", name, text), Field: name}}
	}
	return n, nil
}

// required refuses a body that lacks a member.
func required(field, value string) error {
	if strings.TrimSpace(value) != "" {
		return nil
	}
	return &refusal{http.StatusUnprocessableEntity, problem{Detail: field + " is missing", Field: field}}
}

// within refuses a duration that is negative or too long to wait for.
func within(field string, d Duration, most time.Duration) error {
	if d >= 0 && time.Duration(d) <= most {
		return nil
	}
	return &refusal{http.StatusUnprocessableEntity, problem{Detail: fmt.Sprintf("%s: want 0s to %s, got %s", field, most, d), Field: field}}
}
