package idp

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Managed identities get their tokens from an endpoint of the machine they run
// on and not from a tenant (azure-ad.md 4.7). idpool plays both kinds of
// machine at every listener; the caller's identity is one of the service
// principals of type managedIdentity, whatever their tenant.
const (
	managedIdentity = "ManagedIdentity"
	imdsPath        = "/metadata/identity/oauth2/token"
	appServicePath  = "/msi/token"
	// identityLifetime of the tokens of managed identities.
	identityLifetime = 24 * time.Hour
)

// imdsResponse is the answer of IMDS, all of strings.
type imdsResponse struct {
	AccessToken  string `json:"access_token"`
	ClientID     string `json:"client_id"`
	ExpiresIn    string `json:"expires_in"`
	ExpiresOn    string `json:"expires_on"`
	ExtExpiresIn string `json:"ext_expires_in"`
	NotBefore    string `json:"not_before"`
	Resource     string `json:"resource"`
	TokenType    string `json:"token_type"`
}

// imdsError is an error of IMDS itself, which has no number.
type imdsError struct {
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
}

var imdsHeaders = headersOf("Server", "IMDS/idpool")

// imds is GET /metadata/identity/oauth2/token.
func (l listener) imds(_ http.ResponseWriter, r *http.Request) answer {
	var about subject
	refuse := func(code, description string) answer {
		if about.refused == nil {
			about.refused = &Error{Code: code, detail: description}
		}
		return answer{status: http.StatusBadRequest, header: imdsHeaders, body: imdsError{code, description}, about: about}
	}
	if page := l.webPage(r); page != "" {
		denied := refuse("access_denied", page)
		denied.status = http.StatusForbidden
		return denied
	}
	query := r.URL.Query()
	switch {
	case !strings.EqualFold(r.Header.Get("Metadata"), "true"):
		return refuse("bad_request_102", "Required metadata header not specified")
	case query.Get("api-version") == "":
		return refuse("invalid_request", "Required query parameter api-version not specified")
	case query.Get("resource") == "":
		return refuse("invalid_request", "Required query parameter resource not specified")
	}
	identity, problem := l.dir.identity(query)
	if problem != "" {
		return refuse("invalid_request", problem)
	}
	token, about := l.identityToken(r, identity)
	if token == nil {
		return refuse(about.refused.Code, about.refused.Error())
	}
	v1 := token.responseV1()
	return answer{status: http.StatusOK, header: imdsHeaders, about: about, body: imdsResponse{
		AccessToken: v1.AccessToken, ClientID: identity.AppID, ExpiresIn: v1.ExpiresIn, ExpiresOn: v1.ExpiresOn,
		ExtExpiresIn: v1.ExtExpiresIn, NotBefore: v1.NotBefore, Resource: v1.Resource, TokenType: v1.TokenType,
	}}
}

// appServiceResponse is the answer of App Service's endpoint.
type appServiceResponse struct {
	AccessToken string `json:"access_token"`
	ClientID    string `json:"client_id"`
	ExpiresOn   string `json:"expires_on"`
	Resource    string `json:"resource"`
	TokenType   string `json:"token_type"`
}

// appServiceError is an error of App Service's endpoint.
type appServiceError struct {
	StatusCode int    `json:"statusCode"`
	Message    string `json:"message"`
}

// appService is GET /msi/token: what IDENTITY_ENDPOINT points at. Any value of
// IDENTITY_HEADER will do.
func (l listener) appService(_ http.ResponseWriter, r *http.Request) answer {
	var about subject
	refuse := func(status int, message string) answer {
		if about.refused == nil {
			about.refused = &Error{Code: http.StatusText(status), detail: message}
		}
		return answer{status: status, body: appServiceError{status, message}, about: about}
	}
	if page := l.webPage(r); page != "" {
		return refuse(http.StatusForbidden, page)
	}
	query := r.URL.Query()
	switch {
	case r.Header.Get("X-IDENTITY-HEADER") == "":
		return refuse(http.StatusUnauthorized, "The header X-IDENTITY-HEADER is missing: send the value of IDENTITY_HEADER.")
	case query.Get("api-version") == "":
		return refuse(http.StatusBadRequest, "The parameter api-version is missing, want 2019-08-01.")
	case query.Get("resource") == "":
		return refuse(http.StatusBadRequest, "The parameter resource is missing.")
	}
	identity, problem := l.dir.identity(query)
	if problem != "" {
		return refuse(http.StatusBadRequest, "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.")
	}
	token, about := l.identityToken(r, identity)
	if token == nil {
		return refuse(about.refused.Status, about.refused.Error())
	}
	return answer{status: http.StatusOK, about: about, body: appServiceResponse{
		AccessToken: token.token, ClientID: identity.AppID, ExpiresOn: strconv.FormatInt(token.claims.Exp, 10),
		Resource: token.resourceName, TokenType: "Bearer",
	}}
}

// identityToken issues a token to a managed identity, which needs no proof. The
// token is nil when it is refused, and the subject has the error.
func (l listener) identityToken(r *http.Request, identity *application) (*issued, subject) {
	resource := r.URL.Query().Get("resource")
	token, refused := l.issue(r.Context(), grant{
		base: l.issuerBase(r), client: identity, resourceName: resource, acr: byAssertion, lifetime: identityLifetime,
	})
	if refused != nil {
		l.config.Logger.WarnContext(refusing(r), "token refused", "aadsts", refused.Number, "error", refused.Code,
			"tenant", identity.in.ID, "client_id", identity.AppID, "scope", l.loggable(resource), "request_id", responseID(r))
	} else {
		l.logIssued(r, token)
	}
	return token, subject{tenant: identity.in.ID, clientID: identity.AppID, asked: resource, token: token, refused: refused}
}

// refuseIdentity is a refusal of a managed identity as its endpoint words it.
func (l listener) refuseIdentity(r *http.Request, e *Error) answer {
	query, of := r.URL.Query(), *e
	about := subject{clientID: query.Get("client_id"), asked: query.Get("resource")}
	if identity, problem := l.dir.identity(query); problem == "" {
		about.tenant, about.clientID = identity.in.ID, identity.AppID
		of.Message = strings.ReplaceAll(e.Message, "{tenant}", identity.in.name())
	}
	e = l.filled(&of, r, TokenRequest{ClientID: about.clientID, Resource: about.asked, v1: true})
	about.refused = e
	if e.Code != "" { // else nobody is told: somebody breaks the connection off
		l.config.Logger.WarnContext(refusing(r), "token refused", "aadsts", e.Number, "error", e.Code, "tenant", about.tenant,
			"client_id", l.loggableID(about.clientID), "scope", l.loggable(about.asked), "request_id", responseID(r))
	}
	if Endpoint(r) == endpointIMDS {
		return answer{status: e.Status, header: imdsHeaders, body: imdsError{e.Code, e.Error()}, about: about}
	}
	return answer{status: e.Status, body: appServiceError{e.Status, e.Error()}, about: about}
}

// identity finds the managed identity that a request means: by its client id,
// object id or ARM id, or else the system-assigned one, or else the only one.
func (d *directory) identity(query url.Values) (_ *application, problem string) {
	var found []*application
	for _, a := range d.identities {
		if a.disabled() {
			continue
		}
		named, right := a.named(query)
		if named && right {
			return a, ""
		}
		if !named && a.principal.systemAssigned() {
			return a, ""
		}
		if !named {
			found = append(found, a)
		}
	}
	switch len(found) {
	case 0:
		return nil, "Identity not found"
	case 1:
		return found[0], ""
	}
	return nil, "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request"
}

// named says whether a request names an identity at all, and whether this one.
func (a *application) named(query url.Values) (named, right bool) {
	for parameter, value := range map[string]string{
		"client_id": a.AppID, "object_id": a.objectID(), "principal_id": a.objectID(),
		"msi_res_id": a.principal.armID(), "mi_res_id": a.principal.armID(),
	} {
		if got := query.Get(parameter); got != "" {
			named = true
			right = right || strings.EqualFold(got, value)
		}
	}
	return named, right
}

// systemAssigned says whether a managed identity belongs to its machine.
func (p ServicePrincipal) systemAssigned() bool {
	for _, name := range p.AlternativeNames {
		if strings.EqualFold(name, "isExplicit=True") {
			return false
		}
	}
	return true
}

// armID is the resource id of a managed identity, if it is given.
func (p ServicePrincipal) armID() string {
	for _, name := range p.AlternativeNames {
		if strings.HasPrefix(name, "/") {
			return name
		}
	}
	return ""
}
