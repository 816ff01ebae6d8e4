package idp

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Event is what a request was about and what came of it, for a journal or for
// metrics. It has no secret and no token.
type Event struct {
	// Endpoint is what [Endpoint] calls it.
	Endpoint string
	// Tenant is the tenant's id, whether the URL had the id or a domain. Of a
	// segment that names no tenant, such as common, it is the segment.
	Tenant string
	// ClientID and Scope are as the client sent them, of the v1.0 endpoint and
	// of managed identities the resource, cut and masked where they may be a
	// secret.
	ClientID, Scope string
	// AADSTS is Azure's number of the error; 0 for none.
	AADSTS int
	// Error is the OAuth error, such as invalid_client; empty for none.
	Error string
	// RequestID is x-ms-request-id of the answer, and trace_id of its body.
	RequestID string
	// Detail says to people what the error does not.
	Detail string
	// Audience, Version and Roles are aud, ver and roles of the token.
	Audience, Version string
	Roles             []string
}

// Observer is a ResponseWriter that wants to know what an answer is about. It
// is told before the answer is written, once for each request.
type Observer interface{ Observe(Event) }

// The names of the endpoints.
const (
	endpointDiscovery  = "discovery"
	endpointJWKS       = "jwks"
	endpointToken      = "token"
	endpointInstance   = "instance"
	endpointIMDS       = "imds"
	endpointAppService = "app-service"
	endpointOther      = "other"
)

// Endpoint names what a request is sent to: discovery, jwks, token, instance,
// imds, app-service, or other. It goes by the path alone, so that a request with
// a wrong method counts where it was sent.
func Endpoint(r *http.Request) string {
	switch path := routePath(r); path {
	case "/common/discovery/instance":
		return endpointInstance
	case imdsPath:
		return endpointIMDS
	case appServicePath:
		return endpointAppService
	default:
		_, endpoint := tenantEndpoint(path)
		return endpoint
	}
}

// tenantEndpoint splits a path into the tenant and the name of what is behind it.
// Other paths have no tenant.
func tenantEndpoint(path string) (tenant, endpoint string) {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch rest {
	case "v2.0/.well-known/openid-configuration", ".well-known/openid-configuration":
		return tenant, endpointDiscovery
	case "discovery/v2.0/keys", "discovery/keys":
		return tenant, endpointJWKS
	case "oauth2/v2.0/token", "oauth2/token":
		return tenant, endpointToken
	}
	return "", endpointOther
}

// routePath is the path that the router goes by.
func routePath(r *http.Request) string {
	if r.URL.RawPath != "" {
		return r.URL.RawPath
	}
	return r.URL.Path
}

// TenantID is the id of the tenant that a URL's segment, or a person, names by
// its id or a domain in any case; empty when there is none.
func (s *Server) TenantID(segment string) string {
	if t := s.dir.tenant(segment); t != nil {
		return t.ID
	}
	return ""
}

// subject is what an answer is about. It is turned into an Event only when
// somebody observes.
type subject struct {
	tenant          string // empty: as the request's path says
	clientID, asked string
	token           *issued
	refused         *Error
}

// event is the Event of a request and its answer.
func (s *Server) event(r *http.Request, about subject) Event {
	e := Event{
		Endpoint:  Endpoint(r),
		Tenant:    about.tenant,
		ClientID:  s.loggableID(about.clientID),
		Scope:     s.loggable(about.asked),
		RequestID: responseID(r),
	}
	if e.Tenant == "" {
		e.Tenant = s.loggableTenant(r.PathValue("tenant"))
	}
	if about.refused != nil {
		e.AADSTS, e.Error, e.Detail = about.refused.Number, about.refused.Code, s.loggable(about.refused.detail)
	}
	if about.token != nil {
		e.ClientID = about.token.client.AppID
		c := about.token.claims
		e.Audience, e.Version, e.Roles = c.Aud, c.Ver, slices.Clone(c.Roles)
	}
	return e
}

// loggableTenant is the id of a tenant, or else the segment as a log may have it.
func (s *Server) loggableTenant(segment string) string {
	if id := s.TenantID(segment); id != "" {
		return id
	}
	return s.loggable(segment)
}

// responseIDKey is where a request keeps the x-ms-request-id of its answer: in a
// path value, which unlike a context costs no copy of the request.
const responseIDKey = "x-ms-request-id"

// identify gives a request the id that its answer, its error and its log line
// have in common.
func identify(r *http.Request) {
	tenant, _ := tenantEndpoint(routePath(r)) // and not the router's, which has none when the method is wrong
	r.SetPathValue("tenant", tenant)
	r.SetPathValue(responseIDKey, uuid.NewString())
}

func responseID(r *http.Request) string { return r.PathValue(responseIDKey) }

// WriteError answers a request with an error as the server itself would: with
// its headers, ids and body, a line in the log, and a word to an [Observer]. It
// is for those who stand before the server and refuse in its place. Placeholders
// that are left in the error's text, such as {appId}, get what the request says.
// Headers that w has already stay, unless the server sends them itself.
func (s *Server) WriteError(w http.ResponseWriter, r *http.Request, e *Error) {
	l := listener{Server: s, publicURL: strings.TrimSuffix(s.config.PublicURL, "/")}
	if r.TLS != nil && strings.HasPrefix(l.publicURL, "http:") {
		l.publicURL = "" // another listener than the Config's: as the request came
	}
	l.answer(w, r, func(w http.ResponseWriter, r *http.Request) answer {
		switch Endpoint(r) {
		case endpointIMDS, endpointAppService:
			return l.refuseIdentity(r, e)
		case endpointToken:
		default:
			return l.refuse(r, l.filled(e, r, TokenRequest{}))
		}
		request, _ := readTokenRequest(w, r) // whatever is wrong with it: another error is asked for
		request.v1, request.at = isV1(r), requestBase(r)
		return l.refuseToken(r, request, l.filled(e, r, request))
	})
}

func isV1(r *http.Request) bool { return strings.HasSuffix(routePath(r), "/oauth2/token") }

// filled is an error whose placeholders have what a request says.
func (s *Server) filled(e *Error, r *http.Request, request TokenRequest) *Error {
	segment := r.PathValue("tenant")
	name := segment
	if t := s.dir.tenant(segment); t != nil {
		name = t.name()
	}
	filled := *e
	filled.Message = strings.NewReplacer(
		"{appId}", request.ClientID, "{scope}", request.Scope, "{resource}", request.asked(),
		"{segment}", segment, "{tenant}", name, "{method}", r.Method,
	).Replace(e.Message)
	return &filled
}
