package fault

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/idpool/idpool/idp"
)

// maxForm is as much of a form as is looked at: what the identity provider
// reads.
const maxForm = 64 << 10

// request is an HTTP request as faults look at it.
type request struct {
	*http.Request
	endpoint, tenantID string
	form               map[string]string // nil until it is needed
}

// examine says what faults may happen to a request; nil for none. A token is
// asked for by POST alone, and what a browser asks before (OPTIONS) is not the
// request.
func (s *Set) examine(r *http.Request) *request {
	endpoint := idp.Endpoint(r)
	switch endpoint {
	case Token:
		if r.Method != http.MethodPost {
			return nil
		}
	case Discovery, JWKS, Instance, IMDS, AppService:
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return nil
		}
	default:
		return nil
	}
	segment, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	asked := &request{Request: r, endpoint: endpoint, tenantID: s.tenantID(segment)}
	if endpoint == IMDS || endpoint == AppService {
		asked.tenantID, asked.form = "", firsts(r.URL.Query())
	}
	return asked
}

// at implements place.
func (r *request) at() (endpoint, tenantID string) { return r.endpoint, r.tenantID }

// client is the client id of the form, or that of the Authorization header.
func (r *request) client() string {
	if id := r.parameter("client_id"); id != "" {
		return id
	}
	id, _, _ := r.BasicAuth()
	return id
}

// fact implements facts. What is none of the names here is a parameter of the
// form.
func (r *request) fact(name string) any {
	switch name {
	case "listener":
		if r.TLS != nil {
			return "https"
		}
		return "http"
	case "client":
		return r.RemoteAddr
	case "method":
		return r.Method
	case "path":
		return r.URL.Path
	case "header":
		return r.Header.Get
	case "version":
		if strings.Contains(r.URL.Path, "/v2.0/") {
			return 2
		}
		return 1
	case "tenant":
		return r.tenantID
	case "client_id":
		return r.client()
	case "scope":
		return r.asked()
	}
	return r.parameter(name)
}

// parameter is one of the form's, read when the first one is asked for.
func (r *request) parameter(name string) string {
	r.hold()
	return r.form[name]
}

// hold reads the form and puts it back. Until a body has been read, the server
// does not notice that a client has left.
func (r *request) hold() {
	if r.form != nil {
		return
	}
	r.form = map[string]string{}
	if r.endpoint != Token || r.Body == nil {
		return
	}
	// One byte more than the identity provider reads, so that it refuses what is
	// too long as if nobody had looked.
	head, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	rest := io.Reader(failing{err})
	if err == nil && len(head) > maxForm {
		rest = r.Body
	}
	r.Body = &putBack{io.MultiReader(bytes.NewReader(head), rest), r.Body}
	if err != nil || len(head) > maxForm || !isForm(r.Header.Get("Content-Type")) {
		return
	}
	r.form = readForm(string(head))
}

// putBack is a body that was read and is there again.
type putBack struct {
	io.Reader
	io.Closer
}

// failing repeats the error that reading ended with, and else nothing.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// firsts are the parameters of a query, each with its first value.
func firsts(query url.Values) map[string]string {
	form := map[string]string{}
	for name := range query {
		form[name] = query.Get(name)
	}
	return form
}

// isForm takes what the identity provider takes for a form, nothing said
// included.
func isForm(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	return media == "" || strings.EqualFold(media, "application/x-www-form-urlencoded")
}

// readForm is lenient as the identity provider is: what does not decode stands
// for itself. The first of several values counts.
func readForm(body string) map[string]string {
	form := map[string]string{}
	for pair := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescaped(name), unescaped(value)
		if _, twice := form[name]; !twice {
			form[name] = value
		}
	}
	return form
}

// unescaped decodes a part of a form. librdkafka sends raw colons and slashes,
// and a stray % occurs in secrets: neither is a reason to know nothing of a form.
func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
