package idpool

import (
	"net/http"

	"github.com/idpool/idpool/internal/openapi"
)

// health says that the process answers, and whether it takes requests.
type health struct {
	// Status is draining while the process shuts down.
	Status string `json:"status" openapi:"required,enum=ok|draining"`
}

// stateEndpoints are about the process: whether it is well, and what it is.
func (s *Stack) stateEndpoints() []endpoint {
	const tag = "state"
	well := answers(http.StatusOK, "All is well.", health{})
	return []endpoint{
		{open: true, Operation: openapi.Operation{Method: "GET", Path: "/healthz", ID: "health", Tag: tag,
			Summary: "Whether the process answers", Responses: well},
			do: func(*call) (reply, error) { return ok(health{"ok"}) }},
		{open: true, Operation: openapi.Operation{Method: "GET", Path: "/readyz", ID: "readiness", Tag: tag,
			Summary:   "Whether new requests are welcome: not while the process shuts down",
			Responses: append(well[:1:1], openapi.Response{Status: http.StatusServiceUnavailable, Description: "It is shutting down.", Body: health{}})},
			do: s.ready},
		{open: true, Operation: openapi.Operation{Method: "GET", Path: "/v1/ca", ID: "showCA", Tag: tag,
			Summary:   "The certificate that clients of the https listener must trust",
			Responses: []openapi.Response{{Status: http.StatusOK, Description: "The certificate in PEM.", ContentType: "application/x-pem-file"}},
			Problems:  []int{http.StatusNotFound}},
			do: s.showCA},
		{whole: true, Operation: openapi.Operation{Method: "GET", Path: "/metrics", ID: "showMetrics", Tag: tag,
			Summary:   "Counters and latencies in the form of Prometheus, of all scopes together",
			Responses: []openapi.Response{{Status: http.StatusOK, Description: "The text format.", ContentType: "text/plain"}}},
			do: func(*call) (reply, error) { return reply{stream: s.metrics.Handler().ServeHTTP}, nil }},
		{whole: true, Operation: openapi.Operation{Method: "GET", Path: "/openapi.json", ID: "showOpenAPI", Tag: tag,
			Summary:   "This document",
			Responses: []openapi.Response{{Status: http.StatusOK, Description: "OpenAPI 3.1.", Body: map[string]any{}}}},
			do: func(*call) (reply, error) {
				document, err := s.document()
				return reply{body: document, contentType: "application/json"}, err
			}},
	}
}

func (s *Stack) ready(*call) (reply, error) {
	if s.lifetime.Err() != nil {
		return reply{status: http.StatusServiceUnavailable, body: health{"draining"}}, nil
	}
	return ok(health{"ok"})
}

// showCA gives what clients of the https listener must trust, for those who
// cannot read the file: other containers.
func (s *Stack) showCA(*call) (reply, error) {
	switch certificate := s.CA(); {
	case certificate != nil:
		return reply{body: certificate, contentType: "application/x-pem-file"}, nil
	case s.certificate == nil:
		return reply{}, refused(http.StatusNotFound, "there is no CA, because neither the https listener nor the kafka listener speaks TLS")
	}
	return reply{}, refused(http.StatusNotFound, "there is no CA, because the https listener has a certificate of your own: listeners.https.certificate")
}
