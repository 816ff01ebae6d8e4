package idpool

import (
	"bytes"
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"
	strictjson "github.com/go-json-experiment/json"

	"github.com/idpool/idpool/internal/openapi"
)

// maxAdminBody is the size above which a request of the admin API is not read.
const maxAdminBody = 1 << 20

// endpoints are all of the admin listener.
func (s *Stack) endpoints() []endpoint {
	return slices.Concat(s.stateEndpoints(), decisionEndpoints(), tokenEndpoints(), keyEndpoints(), clockEndpoints(),
		faultEndpoints(), journalEndpoints(), s.scopeEndpoints(), configEndpoints(), tenantEndpoints(), poolEndpoints())
}

// adminHandler serves them.
func (s *Stack) adminHandler() http.Handler {
	mux := chi.NewRouter()
	mux.Use(s.guard)
	for _, e := range s.endpoints() {
		e = e.completed()
		mux.Method(e.Method, e.Path, s.serveEndpoint(e))
		if e.Method == http.MethodGet && e.open {
			mux.Method(http.MethodHead, e.Path, s.serveEndpoint(e))
		}
	}
	mux.NotFound(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, refused(http.StatusNotFound, "the admin listener serves no %q: GET /openapi.json says what it serves", r.URL.Path))
	})
	mux.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", strings.Join(methodsAt(mux, r), ", ")) // RFC 9110, section 15.5.6
		refuse(w, refused(http.StatusMethodNotAllowed, "%s does not take %s", r.URL.Path, r.Method))
	})
	return mux
}

// methodsAt are those that a path takes.
func methodsAt(mux chi.Routes, r *http.Request) []string {
	path := cmp.Or(r.URL.RawPath, r.URL.Path)
	var taken []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if mux.Match(chi.NewRouteContext(), method, path) {
			taken = append(taken, method)
		}
	}
	return taken
}

// lazyAdmin makes the handler when somebody first asks: a test that never does
// need not wait for it.
func (s *Stack) lazyAdmin() http.Handler {
	made := sync.OnceValue(s.adminHandler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { made().ServeHTTP(w, r) })
}

// completed is the endpoint with what nearly all have: the parameter scope, and
// the problems of what the guard and the adapter refuse.
func (e endpoint) completed() endpoint {
	if e.open {
		return e
	}
	e.Problems = append([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden}, e.Problems...)
	if e.bodiless() {
		e.Problems = append(e.Problems, http.StatusRequestEntityTooLarge)
	}
	if !e.whole {
		e.Query = append(slices.Clone(e.Query), openapi.Parameter{Name: "scope", Description: "The id of the scope that this is about. Absent means the server's own."})
		e.Problems = append(e.Problems, http.StatusNotFound)
	}
	slices.Sort(e.Problems)
	e.Problems = slices.Compact(e.Problems)
	return e
}

// bodyProblems are those of an endpoint that takes a body.
var bodyProblems = []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

// answers is the one good answer of an endpoint.
func answers(status int, description string, body any) []openapi.Response {
	return []openapi.Response{{Status: status, Description: description, Body: body}}
}

// nothing is a good answer without a body.
func nothing(description string) []openapi.Response {
	return []openapi.Response{{Status: http.StatusNoContent, Description: description}}
}

// guard keeps away those who must not use the admin API: web pages, also those
// whose host name resolves to this machine (DNS rebinding), and, where there is
// a token, whoever does not have it.
func (s *Stack) guard(next http.Handler) http.Handler {
	token := s.config.Listeners.Admin.Token
	return sameOrigin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case slices.Contains(openPaths, r.URL.Path):
		case token != "" && !hasToken(r, token):
			w.Header().Set("WWW-Authenticate", `Bearer realm="idpool admin"`)
			refuse(w, refused(http.StatusUnauthorized, "want Authorization: Bearer with the token of IDPOOL_ADMIN_TOKEN, --admin-token or listeners.admin.token"))
			return
		case token == "" && !s.config.Listeners.Admin.InsecureWithoutToken && !s.isOwnHost(r.Host):
			refuse(w, refused(http.StatusForbidden, "the admin API is not served to the host %q: use a loopback address, or set listeners.admin.publicUrl or listeners.admin.token", loggable(r.Host)))
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// openPaths are for probes and for clients that fetch the CA: they tell nothing
// that has to be kept from anybody.
var openPaths = []string{"/healthz", "/readyz", "/v1/ca"}

// exposed refuses to serve an admin API that everybody on the network can use.
// A config alone is not wrong: the command has flags for the token.
func (l AdminListener) exposed() error {
	if l.Address == "" || l.Address == Off || isLoopback(l.Address) || l.Token != "" || l.InsecureWithoutToken {
		return nil
	}
	return fmt.Errorf("idpool: admin listener: %s is reached from the network, where anybody could mint tokens: set a token (--admin-token, IDPOOL_ADMIN_TOKEN or listeners.admin.token), or --insecure-admin-without-token if nobody else is there", l.Address)
}

func hasToken(r *http.Request, token string) bool {
	scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	got = strings.TrimLeft(got, " ") // RFC 9110, section 11.4
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare([]byte(got), []byte(token)) == 1
}

// isOwnHost says whether a Host is one that the listener is known by.
func (s *Stack) isOwnHost(hostPort string) bool {
	own := hostOf(s.config.Listeners.Admin.PublicURL)
	return isLoopback(hostPort) || own != "" && strings.EqualFold(hostIn(hostPort), own)
}

// sameOrigin keeps web pages away from the admin API of whoever reads them,
// also those whose host name resolves to this machine (DNS rebinding).
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	denied := func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, refused(http.StatusForbidden, "a web page of another origin may not use the admin API"))
	}
	protection.SetDenyHandler(http.HandlerFunc(denied))
	guarded := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fromBrowser(r) && !isLoopback(r.Host) || fromElsewhere(r) {
			denied(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

// fromBrowser says whether a web page may have sent the request; programs do
// not set these headers.
func fromBrowser(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
}

// fromElsewhere says whether a page of another origin sent the request, which is
// refused also where the page could not read the answer.
func fromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	origin := r.Header.Get("Origin")
	return site == "cross-site" || site == "same-site" || origin != "" && !strings.EqualFold(hostPortOf(origin), r.Host)
}

// hostPortOf is HOST:PORT of a URL as it stands; empty for none.
func hostPortOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

func isLoopback(hostPort string) bool {
	host := hostIn(hostPort)
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// hostIn is the host of HOST:PORT or HOST, without the dot of the root that a
// name may end with.
func hostIn(hostPort string) string {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	return strings.TrimSuffix(host, ".")
}

// readJSON reads a body that holds one JSON object with known members only,
// each once and spelt as documented. Its error comes with the member, where one
// is to blame.
func readJSON(w http.ResponseWriter, r *http.Request, into any) (status int, field string, err error) {
	body, status, err := readBody(w, r, "application/json")
	if err != nil {
		return status, "", err
	}
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return http.StatusBadRequest, "", errors.New("the body is not as expected: want a JSON object")
	}
	return decodeJSON(body, into)
}

// decodeJSON is readJSON of a body that has been read.
func decodeJSON(body []byte, into any) (status int, field string, err error) {
	err = strictjson.Unmarshal(body, into, strictjson.RejectUnknownMembers(true), exactNumbers)
	if err == nil {
		return http.StatusOK, "", nil
	}
	field, text := bodyMistake(err)
	if field == "" {
		return http.StatusBadRequest, "", errors.New("the body is not as expected: " + text)
	}
	return http.StatusBadRequest, field, fmt.Errorf("the body is not as expected: %s: %s", field, text)
}

// fieldOf is a JSON pointer as errors of a config write a place:
// tenants[0].id.
func fieldOf(pointer string) string {
	var field strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		if _, err := strconv.Atoi(part); err == nil {
			field.WriteString("[" + part + "]")
			continue
		}
		if field.Len() > 0 {
			field.WriteByte('.')
		}
		field.WriteString(part)
	}
	return field.String()
}

// readBody is readAll of a body of one of some media types.
func readBody(w http.ResponseWriter, r *http.Request, media ...string) (body []byte, status int, err error) {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(media, got) {
		return nil, http.StatusUnsupportedMediaType, errors.New("want Content-Type: " + strings.Join(media, " or "))
	}
	return readAll(w, r)
}

// readAll reads a body up to a size.
func readAll(w http.ResponseWriter, r *http.Request) (body []byte, status int, err error) {
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdminBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is over %d bytes", maxAdminBody)
	}
	if err != nil {
		return nil, http.StatusBadRequest, fmt.Errorf("the body is not as expected: %v", err)
	}
	return body, http.StatusOK, nil
}

// writeJSON writes a body, or why there is none.
func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil { // a time after the year 9999
		text.Reset()
		status, contentType = http.StatusInternalServerError, "application/problem+json"
		_ = encoder.Encode(problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: err.Error()}) // texts and a number
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the client is gone; there is nobody to tell
}
