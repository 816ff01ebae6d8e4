package idpool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	strictjson "github.com/go-json-experiment/json"

	"github.com/idpool/idpool/validator"
)

// maxAdminBody is the size above which a request of the admin API is not read.
const maxAdminBody = 1 << 20

// decisionRequest is the body of POST /v1/decisions.
type decisionRequest struct {
	Token   string `json:"token"`
	Cluster string `json:"cluster"`
	Pool    string `json:"pool"` // as on the wire: one, a comma list, or absent
	// Extensions are all SASL extensions as the client sent them; logicalCluster
	// and identityPoolId among them stand in for the two above.
	Extensions map[string]string `json:"extensions"`
}

// problem is an error of the admin API (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// adminHandler lists every endpoint of the admin listener.
func (s *Stack) adminHandler() http.Handler {
	mux := chi.NewRouter()
	mux.Use(sameOrigin)
	health := func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, "application/json", map[string]string{"status": "ok"})
	}
	mux.Get("/healthz", health)
	mux.Head("/healthz", health)
	mux.Get("/v1/ca", s.serveCA)
	mux.Head("/v1/ca", s.serveCA)
	mux.Post("/v1/decisions", s.decisions)
	mux.Get("/v1/identity-pools/{pool}/role-bindings", s.showRoleBindings)
	mux.Put("/v1/identity-pools/{pool}/role-bindings", s.putRoleBindings)
	mux.NotFound(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, fmt.Sprintf("the admin listener serves GET /healthz, GET /v1/ca, POST /v1/decisions, and GET and PUT /v1/identity-pools/{pool}/role-bindings, no %q", r.URL.Path))
	})
	mux.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusMethodNotAllowed, r.URL.Path+" does not take "+r.Method)
	})
	return mux
}

// sameOrigin keeps web pages away from the admin API of whoever reads them,
// also those whose host name resolves to this machine (DNS rebinding).
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	denied := func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, "a web page of another origin may not use the admin API")
	}
	protection.SetDenyHandler(http.HandlerFunc(denied))
	guarded := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fromBrowser(r) && !isLoopback(r.Host) {
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

func isLoopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = hostPort
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// decisions answers 200 with the Decision, allowed or not.
func (s *Stack) decisions(w http.ResponseWriter, r *http.Request) {
	var in decisionRequest
	if status, err := readJSON(w, r, &in); err != nil {
		refuse(w, status, err.Error())
		return
	}
	d := s.Decide(r.Context(), validator.Request{
		Token:      in.Token,
		Cluster:    cmp.Or(in.Cluster, in.Extensions["logicalCluster"]),
		Pools:      cmp.Or(in.Pool, in.Extensions["identityPoolId"]),
		Extensions: in.Extensions,
		All:        true,
	})
	writeJSON(w, http.StatusOK, "application/json", d)
}

// serveCA gives what clients of the https listener must trust, for those who
// cannot read the file: other containers.
func (s *Stack) serveCA(w http.ResponseWriter, _ *http.Request) {
	switch certificate := s.CA(); {
	case certificate != nil:
		w.Header().Set("Content-Type", "application/x-pem-file")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(certificate) // the client is gone; there is nobody to tell
	case s.certificate == nil:
		refuse(w, http.StatusNotFound, "there is no CA, because neither the https listener nor the kafka listener speaks TLS")
	default:
		refuse(w, http.StatusNotFound, "there is no CA, because the https listener has a certificate of your own: listeners.https.certificate")
	}
}

// readJSON reads a body that holds one JSON object with known members only,
// each once and spelt as documented.
func readJSON(w http.ResponseWriter, r *http.Request, into any) (status int, err error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return http.StatusUnsupportedMediaType, errors.New("want Content-Type: application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAdminBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge, fmt.Errorf("the body is over %d bytes", maxAdminBody)
	}
	if err == nil && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		err = errors.New("want a JSON object")
	}
	if err == nil {
		err = strictjson.Unmarshal(body, into, strictjson.RejectUnknownMembers(true))
	}
	if err != nil {
		return http.StatusBadRequest, fmt.Errorf("the body is not as expected: %w", err)
	}
	return http.StatusOK, nil
}

func refuse(w http.ResponseWriter, status int, detail string) {
	writeJSON(w, status, "application/problem+json", problem{"about:blank", http.StatusText(status), status, detail})
}

// writeJSON writes what no client can have caused to be unwritable.
func writeJSON(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // the client is gone; there is nobody to tell
}
