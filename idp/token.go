package idp

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

const (
	// lifetime of an app-only access token (azure-ad.md 3.4).
	lifetime = time.Hour
	// backdate is how far iat and nbf lie in the past, as Azure has it.
	backdate = 300 * time.Second
	// expiresIn is what is left of the lifetime, rounded down.
	expiresIn = int(lifetime/time.Second) - 1
)

// TokenRequest asks for an access token by client credentials (RFC 6749 4.4).
type TokenRequest struct {
	// Tenant is the tenant's id or one of its domains.
	Tenant string
	// ClientID is the client's appId.
	ClientID string
	// ClientSecret proves the client.
	ClientSecret string
	// Scope is RESOURCE/.default.
	Scope string
	// InsecureSkipCredential gives a token to whoever asks, without a secret.
	InsecureSkipCredential bool

	credential credential
}

// TokenResponse is the token endpoint's answer, in Azure's order. There is no
// scope and no refresh token in an app-only answer.
type TokenResponse struct {
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`     // seconds
	ExtExpiresIn int    `json:"ext_expires_in"` // seconds
	AccessToken  string `json:"access_token"`
}

// Token issues an access token as the token endpoint under publicURL would.
// Its error is an *Error.
func (s *Server) Token(ctx context.Context, publicURL string, r TokenRequest) (TokenResponse, error) {
	if r.ClientSecret != "" {
		r.credential = credential{secrets: []string{r.ClientSecret}}
	}
	issued, refused := s.grant(ctx, publicURL, r)
	if refused != nil {
		return TokenResponse{}, refused
	}
	return issued.response, nil
}

// issued is a token with what the log says of it.
type issued struct {
	response TokenResponse
	tenant   *tenant
	claims   claims
}

// grant decides a request. The order of the checks is that of azure-ad.md 3.10
// from the credential on; which error a client sees depends on it.
func (s *Server) grant(ctx context.Context, publicURL string, r TokenRequest) (*issued, *Error) {
	if r.credential.none() && !r.InsecureSkipCredential {
		return nil, newError(7000216)
	}
	t, refused := s.findTenant(r.Tenant)
	if refused != nil {
		return nil, refused
	}
	if r.ClientID == "" {
		return nil, newError(900144, "name", "client_id")
	}
	resourceName, refused := parseScope(r.Scope)
	if refused != nil {
		return nil, refused
	}
	client := t.app(r.ClientID)
	if client == nil {
		return nil, newError(700016, "appId", r.ClientID, "tenant", t.name())
	}
	if !r.InsecureSkipCredential {
		if refused := r.credential.check(client, s.config.Now()); refused != nil {
			return nil, refused
		}
	}
	resource := t.resource(resourceName)
	if resource == nil {
		return nil, newError(500011, "resource", resourceName, "tenant", t.name())
	}
	return s.issue(ctx, publicURL, t, client, resource, resourceName)
}

// issue makes and signs the token.
func (s *Server) issue(ctx context.Context, publicURL string, t *tenant, client, resource *application, resourceName string) (*issued, *Error) {
	c := s.claims(publicURL, t, client, resource, resourceName)
	select {
	case s.signing <- struct{}{}:
		defer func() { <-s.signing }()
	case <-ctx.Done():
		return nil, serverError(ctx.Err())
	}
	token, err := c.sign(s.config.Keys.Signer())
	if err != nil {
		return nil, serverError(err)
	}
	return &issued{TokenResponse{TokenType: "Bearer", ExpiresIn: expiresIn, ExtExpiresIn: expiresIn, AccessToken: token}, t, c}, nil
}

// serverError is for what is no fault of the client's. It has no number of
// Azure's, so that nobody takes it for one of Azure's answers.
func serverError(err error) *Error {
	return &Error{Code: "server_error", Message: err.Error(), Status: http.StatusInternalServerError}
}

// findTenant resolves the tenant segment of a token request's URL.
func (s *Server) findTenant(segment string) (*tenant, *Error) {
	if t := s.dir.tenant(segment); t != nil {
		return t, nil
	}
	if multiTenant[strings.ToLower(segment)] {
		return nil, newError(50059)
	}
	return nil, tenantNotFound(segment)
}

// tenantNotFound tells a tenant that does not exist from a segment that cannot
// name one (azure-ad.md 1.5).
func tenantNotFound(segment string) *Error {
	if isGUID(segment) || strings.Contains(segment, ".") {
		return newError(90002, "segment", segment)
	}
	return newError(900023, "segment", segment)
}

// tokenEndpoint is POST /{tenant}/oauth2/v2.0/token.
func (l listener) tokenEndpoint(w http.ResponseWriter, r *http.Request) answer {
	request, refused := readTokenRequest(w, r)
	if refused == nil {
		var token *issued
		if token, refused = l.grant(r.Context(), l.base(r), request); refused == nil {
			return l.issued(r.Context(), request, token)
		}
	}
	l.config.Logger.Warn("token refused", "aadsts", refused.Number, "error", refused.Code,
		"tenant", l.loggable(request.Tenant), "client_id", loggableID(request.ClientID), "scope", l.loggable(request.Scope))
	return l.refuse(r, refused)
}

func (l listener) issued(ctx context.Context, r TokenRequest, token *issued) answer {
	if !l.config.Logger.Enabled(ctx, slog.LevelInfo) {
		return answer{status: http.StatusOK, body: token.response, header: noStore}
	}
	l.config.Logger.Info("token issued", "tenant", token.tenant.ID, "client_id", r.ClientID,
		"aud", token.claims.Aud, "roles", token.claims.Roles, "ver", token.claims.Ver, "uti", token.claims.Uti)
	return answer{status: http.StatusOK, body: token.response, header: noStore}
}

// readTokenRequest reads the form and the Authorization header. A secret in
// the body wins over one in the header.
func readTokenRequest(w http.ResponseWriter, r *http.Request) (TokenRequest, *Error) {
	request := TokenRequest{Tenant: r.PathValue("tenant")}
	f, refused := readForm(w, r)
	if refused != nil {
		return request, refused
	}
	request.ClientID, request.Scope = f.one("client_id"), f.one("scope")
	switch grant := f.one("grant_type"); grant {
	case "client_credentials":
	case "":
		return request, newError(900144, "name", "grant_type")
	default:
		return request, newError(70003, "grant", grant)
	}
	id, secrets, ok := basic(r.Header.Get("Authorization"))
	if !ok {
		return request, newError(9002313)
	}
	if request.ClientID != "" && id != "" && !strings.EqualFold(id, request.ClientID) {
		return request, newError(9002313) // whose credential would it be?
	}
	if request.ClientID == "" {
		request.ClientID = id
	}
	request.credential = credential{secrets: secrets, assertion: f.one("client_assertion")}
	if secret := f.one("client_secret"); secret != "" {
		request.credential.secrets = []string{secret}
	}
	if request.credential.assertion != "" && f.one("client_assertion_type") != assertionType {
		return request, newError(900144, "name", "client_assertion_type")
	}
	return request, nil
}
