package idp

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
)

// listener is the server under one public URL.
type listener struct {
	*Server
	publicURL string // empty: as the request came
	issuerURL string // the public URL of the issuer, where that is another; empty: publicURL
}

// routes lists every endpoint.
func (l listener) routes() http.Handler {
	mux := chi.NewRouter()
	read := func(path string, h handler) {
		mux.Method(http.MethodGet, path, l.serve(h))
		mux.Method(http.MethodHead, path, l.serve(h))
		mux.Method(http.MethodOptions, path, l.serve(preflight))
	}
	post := func(path string, h handler, methods string) {
		mux.Handle(path, l.serve(l.only(methods))) // first: it takes every method
		mux.Method(http.MethodPost, path, l.serve(h))
	}
	read("/{tenant}/v2.0/.well-known/openid-configuration", l.discovery)
	read("/{tenant}/.well-known/openid-configuration", l.discoveryV1)
	read("/{tenant}/discovery/v2.0/keys", l.jwks)
	read("/{tenant}/discovery/keys", l.jwksV1)
	read("/common/discovery/instance", l.instanceDiscovery)
	post("/{tenant}/oauth2/v2.0/token", l.tokenEndpoint, "POST, OPTIONS")
	post("/{tenant}/oauth2/token", l.tokenEndpointV1, "POST")
	mux.Method(http.MethodGet, imdsPath, l.serve(l.imds))
	mux.Method(http.MethodGet, appServicePath, l.serve(l.appService))
	mux.Method(http.MethodGet, "/error", l.serve(l.errorPage))
	mux.NotFound(l.serve(l.notFound))
	mux.MethodNotAllowed(l.serve(l.methodNotAllowed))
	return mux
}

// requestID is the canonical name of x-ms-request-id.
const requestID = "X-Ms-Request-Id"

// handler decides a request. It writes nothing: w is there to bound the body.
type handler func(w http.ResponseWriter, r *http.Request) answer

// answer is a response before it is written.
type answer struct {
	status int
	header headers
	body   any // a string is sent as HTML or text, nil as nothing, the rest as JSON
	about  subject
}

// headers are those of an answer under their canonical names, with values that
// are shared between answers and so never appended to.
type headers map[string][]string

// headersOf makes headers of pairs: a name, a value.
func headersOf(pairs ...string) headers {
	h := headers{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h[http.CanonicalHeaderKey(pairs[i])] = []string{pairs[i+1]}
	}
	return h
}

// The headers by kind of answer (azure-ad.md 1.4 and 3.2). Cookies are left
// out: no client depends on them.
var (
	everywhere = headersOf(
		"X-Content-Type-Options", "nosniff",
		"P3P", `CP="DSP CUR OTPi IND OTRi ONL FIN"`,
		"X-XSS-Protection", "0",
		"x-ms-ests-server", "idpool",
	)
	cached = headersOf(
		"Cache-Control", "max-age=86400, private",
		"Access-Control-Allow-Origin", "*",
		"Access-Control-Allow-Methods", "GET, OPTIONS",
	)
	noStore = headersOf(
		"Cache-Control", "no-store, no-cache",
		"Pragma", "no-cache",
		"Expires", "-1",
	)
	noStoreTelemetry = headersOf(
		"Cache-Control", "no-store, no-cache",
		"Pragma", "no-cache",
		"Expires", "-1",
		"x-ms-clitelem", "1,0,0,,",
	)
)

// serve makes an endpoint of a handler.
func (l listener) serve(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { l.answer(w, r, h) }
}

// answer is the one place that writes: headers, then status, then body.
func (l listener) answer(w http.ResponseWriter, r *http.Request, h handler) {
	identify(r)
	a := h(w, r)
	if o, ok := w.(Observer); ok {
		o.Observe(l.event(r, a.about))
	}
	header := w.Header()
	l.commonHeaders(header, r)
	maps.Copy(header, http.Header(a.header))
	body, contentType := a.encode()
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone; there is nobody to tell
	}
}

func (l listener) commonHeaders(header http.Header, r *http.Request) {
	maps.Copy(header, http.Header(everywhere))
	header[requestID] = []string{responseID(r)}
	if id := correlationID(r); id != "" && strings.EqualFold(r.Header.Get("return-client-request-id"), "true") {
		header.Set("client-request-id", id)
	}
	if strict(l.base(r)) {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

// strict says whether browsers may be told to use https only. Not for
// localhost: it would hold for every port of the machine, for a year.
func strict(base string) bool {
	u, err := url.Parse(base)
	return err == nil && u.Scheme == "https" && u.Hostname() != "localhost" && net.ParseIP(u.Hostname()) == nil
}

func (a answer) encode() (body []byte, contentType string) {
	switch b := a.body.(type) {
	case nil:
		return nil, ""
	case string:
		return []byte(b), http.Header(a.header).Get("Content-Type")
	}
	body, err := marshal(a.body)
	if err != nil {
		panic(fmt.Sprintf("idp: %T does not marshal: %v", a.body, err)) // all are structs of strings and numbers
	}
	return body, "application/json; charset=utf-8"
}

// base is the public URL that answers to a request begin with.
func (l listener) base(r *http.Request) string {
	if l.publicURL != "" {
		return l.publicURL
	}
	return requestBase(r)
}

// issuerBase is the public URL that the issuer of a request's tokens begins with.
func (l listener) issuerBase(r *http.Request) string {
	if l.issuerURL != "" {
		return l.issuerURL
	}
	return l.base(r)
}

// requestBase is the URL that a request came to, without its path.
func requestBase(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// correlationID is the client's own request id if it sent one that is a GUID:
// in the header, or in the query as MSAL for Node does.
func correlationID(r *http.Request) string {
	for _, id := range []string{r.Header.Get("client-request-id"), r.URL.Query().Get("client-request-id")} {
		if isGUID(id) {
			return id
		}
	}
	return ""
}

// refuse makes the answer of an error. Its trace_id is the x-ms-request-id.
func (l listener) refuse(r *http.Request, e *Error) answer {
	correlation := correlationID(r)
	if correlation == "" {
		correlation = uuid.NewString()
	}
	return answer{
		status: e.Status,
		header: maps.Clone(noStore), // callers add to it
		body:   e.Body(l.base(r), l.config.Now(), responseID(r), correlation),
		about:  subject{refused: e},
	}
}

func (l listener) notFound(_ http.ResponseWriter, r *http.Request) answer {
	return answer{status: http.StatusNotFound, header: plainText, body: "idpool serves no " + strconv.Quote(r.URL.Path) + ". Its endpoints are\n" +
		"  POST /{tenant}/oauth2/v2.0/token\n" +
		"  POST /{tenant}/oauth2/token\n" +
		"  GET  /{tenant}/v2.0/.well-known/openid-configuration\n" +
		"  GET  /{tenant}/.well-known/openid-configuration\n" +
		"  GET  /{tenant}/discovery/v2.0/keys\n" +
		"  GET  /{tenant}/discovery/keys\n" +
		"  GET  /common/discovery/instance\n" +
		"  GET  " + appServicePath + "\n" +
		"  GET  " + imdsPath + "\n" +
		"where {tenant} is a tenant's id or domain.\n"}
}

func (l listener) methodNotAllowed(_ http.ResponseWriter, r *http.Request) answer {
	header := maps.Clone(plainText)
	header["Allow"] = []string{strings.Join(methodsAt(r), ", ")} // RFC 9110, section 15.5.6
	return answer{status: http.StatusMethodNotAllowed, header: header, body: "this endpoint does not take " + r.Method + "\n"}
}

// methodsAt are those that the path of a request takes.
func methodsAt(r *http.Request) []string {
	routes, path := chi.RouteContext(r.Context()).Routes, cmp.Or(r.URL.RawPath, r.URL.Path)
	var taken []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions} {
		if routes.Match(chi.NewRouteContext(), method, path) {
			taken = append(taken, method)
		}
	}
	return taken
}
