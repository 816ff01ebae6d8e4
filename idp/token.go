package idp

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	// lifetime of an app-only access token (azure-ad.md 3.4).
	lifetime = time.Hour
	// backdate is how far iat and nbf lie in the past, as Azure has it.
	backdate = 300 * time.Second
)

// TokenRequest asks for an access token by client credentials (RFC 6749 4.4).
type TokenRequest struct {
	// Tenant is the tenant's id or one of its domains.
	Tenant string
	// ClientID is the client's appId.
	ClientID string
	// ClientSecret proves the client.
	ClientSecret string
	// ClientAssertion proves the client with a JWT instead (RFC 7523).
	ClientAssertion string
	// Scope is RESOURCE/.default.
	Scope string
	// Resource is what a client of the v1.0 endpoint sends instead of Scope: an
	// App ID URI or an appId.
	Resource string
	// InsecureSkipCredential gives a token to whoever asks, without a secret.
	InsecureSkipCredential bool

	credential credential
	v1         bool
	at         string // where the request came to, without a path
	telemetry  bool   // Azure answers it with x-ms-clitelem
}

// TokenResponse is the v2.0 token endpoint's answer, in Azure's order. There is
// no scope and no refresh token in an app-only answer.
type TokenResponse struct {
	// TokenType is Bearer.
	TokenType string `json:"token_type"`
	// ExpiresIn is how long the token is good for from now, in seconds;
	// ExtExpiresIn is the same.
	ExpiresIn    int `json:"expires_in"`
	ExtExpiresIn int `json:"ext_expires_in"`
	// AccessToken is the JWT.
	AccessToken string `json:"access_token"`
}

// tokenResponseV1 is the v1.0 token endpoint's answer: its numbers are strings
// (azure-ad.md 3.3).
type tokenResponseV1 struct {
	TokenType    string `json:"token_type"`
	ExpiresIn    string `json:"expires_in"`
	ExtExpiresIn string `json:"ext_expires_in"`
	ExpiresOn    string `json:"expires_on"`
	NotBefore    string `json:"not_before"`
	Resource     string `json:"resource"`
	AccessToken  string `json:"access_token"`
}

// Token issues an access token as the token endpoint under publicURL would.
// Its error is an *Error.
func (s *Server) Token(ctx context.Context, publicURL string, r TokenRequest) (TokenResponse, error) {
	issued, refused := s.token(ctx, publicURL, r.prepared())
	if refused != nil {
		return TokenResponse{}, refused
	}
	return issued.response(), nil
}

// Claims are the claims of the token that Token would issue, as a JSON decoder
// gives them, without the work of signing one. Its error is an *Error.
func (s *Server) Claims(ctx context.Context, publicURL string, r TokenRequest) (map[string]any, error) {
	g, refused := s.grant(ctx, publicURL, r.prepared())
	if refused != nil {
		return nil, refused
	}
	if refused := g.admit(); refused != nil {
		return nil, refused
	}
	payload, err := s.claims(g).payload()
	if err != nil {
		return nil, serverError(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, serverError(err)
	}
	return claims, nil
}

// prepared is a request from Go as one that came over HTTP would be.
func (r TokenRequest) prepared() TokenRequest {
	r.credential = credential{assertion: r.ClientAssertion}
	if r.ClientSecret != "" {
		r.credential.secrets = []string{r.ClientSecret}
	}
	r.v1 = r.Resource != ""
	return r
}

// issued is a token with what the answer and the log say of it.
type issued struct {
	grant
	claims claims
	token  string
}

// expiresIn is what is left of the lifetime in seconds, rounded down.
func (i *issued) expiresIn() int { return int(i.lifetime/time.Second) - 1 }

func (i *issued) response() TokenResponse {
	return TokenResponse{TokenType: "Bearer", ExpiresIn: i.expiresIn(), ExtExpiresIn: i.expiresIn(), AccessToken: i.token}
}

func (i *issued) responseV1() tokenResponseV1 {
	return tokenResponseV1{
		TokenType: "Bearer", ExpiresIn: strconv.Itoa(i.expiresIn()), ExtExpiresIn: strconv.Itoa(i.expiresIn()),
		ExpiresOn: strconv.FormatInt(i.claims.Exp, 10), NotBefore: strconv.FormatInt(i.claims.Nbf, 10),
		Resource: i.resourceName, AccessToken: i.token,
	}
}

// token decides a request and signs its token.
func (s *Server) token(ctx context.Context, base string, r TokenRequest) (*issued, *Error) {
	g, refused := s.grant(ctx, base, r)
	if refused != nil {
		return nil, refused
	}
	return s.issue(ctx, g)
}

// grant decides a request. The order of the checks is that of azure-ad.md 3.10
// from the credential on; which error a client sees depends on it.
func (s *Server) grant(ctx context.Context, base string, r TokenRequest) (grant, *Error) {
	if r.credential.none() && !r.InsecureSkipCredential {
		return grant{}, newError(7000216)
	}
	t, refused := s.findTenant(r.Tenant)
	if refused != nil {
		return grant{}, refused
	}
	if r.ClientID == "" {
		return grant{}, newError(900144, "name", "client_id")
	}
	resourceName, refused := r.resourceName()
	if refused != nil {
		return grant{}, refused
	}
	client, refused := t.client(r.ClientID, r.InsecureSkipCredential)
	if refused != nil {
		return grant{}, refused
	}
	if !r.InsecureSkipCredential {
		if refused := s.check(ctx, []string{base, r.at}, client, r.credential); refused != nil {
			return grant{}, refused
		}
	}
	g := grant{base: base, client: client, resourceName: resourceName, acr: r.credential.acr(client), lifetime: lifetime}
	if client.principal.Type == managedIdentity {
		g.lifetime = identityLifetime
	}
	return g, nil
}

// resourceName is what the client asks for a token for.
func (r TokenRequest) resourceName() (string, *Error) {
	switch {
	case r.v1 && r.Resource == "":
		return "", newError(900144, "name", "resource")
	case r.v1:
		return r.Resource, nil
	case r.Resource != "":
		return "", newError(901002)
	}
	return parseScope(r.Scope)
}

// client finds an application that may ask for tokens in a tenant. A managed
// identity asks for its own elsewhere, with no credential: trusted says that
// the request needs none either.
func (t *tenant) client(id string, trusted bool) (*application, *Error) {
	client := t.app(id)
	switch {
	case client == nil || client.principal.Type == managedIdentity && !trusted:
		return nil, newError(700016, "appId", id, "tenant", t.name())
	case client.disabled():
		return nil, newError(7000112, "appId", client.AppID, "name", client.name())
	case client.principal.Absent:
		return nil, newError(7000229, "appId", client.AppID, "tenant", t.ID)
	}
	return client, nil
}

// admit finds the resource of a client that has proved itself: whether it exists
// and takes this client, and whether no policy is against it.
func (g *grant) admit() *Error {
	t := g.client.in
	g.resource = t.resource(g.resourceName)
	switch {
	case g.resource == nil || g.resource.principal.Absent:
		return newError(500011, "resource", g.resourceName, "tenant", t.name())
	case g.resource.disabled():
		return newError(500014, "resource", g.resourceName)
	case g.resource.principal.AppRoleAssignmentRequired && !g.client.assigned(g.resource):
		return newError(501051, "appId", g.client.AppID, "name", g.client.name(), "resource", g.resourceName, "resourceName", g.resource.name())
	case g.client.blockedBy != "":
		return blocked(g.client.blockedBy)
	}
	return nil
}

// issue makes the token of a grant whose client has proved itself.
func (s *Server) issue(ctx context.Context, g grant) (*issued, *Error) {
	if refused := g.admit(); refused != nil {
		return nil, refused
	}
	c := s.claims(g)
	select {
	case s.signing <- struct{}{}:
		defer func() { <-s.signing }()
	case <-ctx.Done():
		return nil, serverError(ctx.Err())
	}
	token, err := c.sign(s.signer(g.client.in.ID))
	if err != nil {
		return nil, serverError(err)
	}
	return &issued{grant: g, claims: c, token: token}, nil
}

// blocked is the refusal of a Conditional Access policy, which the claims name.
func blocked(policyID string) *Error {
	e := newError(53003)
	e.Claims = `{"access_token":{"capolids":{"essential":true,"values":["` + policyID + `"]}}}`
	return e
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
	switch strings.ToLower(segment) {
	case "common", "organizations":
		return nil, newError(50059)
	case "consumers", consumersTenant:
		return nil, newError(9001023)
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
	return l.grantToken(w, r, false)
}

// tokenEndpointV1 is POST /{tenant}/oauth2/token.
func (l listener) tokenEndpointV1(w http.ResponseWriter, r *http.Request) answer {
	return l.grantToken(w, r, true)
}

func (l listener) grantToken(w http.ResponseWriter, r *http.Request, v1 bool) answer {
	request, refused := readTokenRequest(w, r)
	request.v1, request.at = v1, requestBase(r)
	var token *issued
	if refused == nil {
		token, refused = l.token(r.Context(), l.issuerBase(r), request)
	}
	if refused != nil {
		return l.refuseToken(r, request, refused)
	}
	l.logIssued(r, token)
	header, about := noStore, subject{asked: request.asked(), token: token}
	if request.telemetry {
		header = noStoreTelemetry
	}
	if v1 {
		return answer{status: http.StatusOK, body: token.responseV1(), header: header, about: about}
	}
	return answer{status: http.StatusOK, body: token.response(), header: header, about: about}
}

func (l listener) refuseToken(r *http.Request, request TokenRequest, refused *Error) answer {
	if refused.Code != "" { // else nobody is told: somebody breaks the connection off
		l.config.Logger.WarnContext(refusing(r), "token refused", "aadsts", refused.Number, "error", refused.Code, "tenant", l.tenantName(request.Tenant),
			"client_id", l.loggableID(request.ClientID), "scope", l.loggable(request.asked()), "detail", l.loggable(refused.detail), "request_id", responseID(r))
	}
	a := l.refuse(r, refused)
	a.about.clientID, a.about.asked = request.ClientID, request.asked()
	if request.telemetry {
		a.header["X-Ms-Clitelem"] = []string{"1," + strconv.Itoa(refused.Number) + ",0,,"}
	}
	return a
}

// refusedKey marks the context of the log's line about a request that is refused.
type refusedKey struct{}

func refusing(r *http.Request) context.Context {
	return context.WithValue(r.Context(), refusedKey{}, true)
}

// Refused says, by the context of a line of the log, whether the line is about a
// token that was refused: what happens to issued tokens alone has no part in it.
func Refused(ctx context.Context) bool { return ctx.Value(refusedKey{}) != nil }

// asked is what the client asked for, as it sent it.
func (r TokenRequest) asked() string {
	if r.v1 {
		return r.Resource
	}
	return r.Scope
}

func (l listener) logIssued(r *http.Request, token *issued) {
	if l.config.Logger.Enabled(r.Context(), slog.LevelInfo) {
		l.config.Logger.InfoContext(r.Context(), "token issued", "tenant", token.client.in.ID, "client_id", token.client.AppID,
			"aud", token.claims.Aud, "roles", token.claims.Roles, "ver", token.claims.Ver, "uti", token.claims.Uti, "request_id", responseID(r))
	}
}

// telemetryParameter is what MSAL sends in a header, and for Node in the body.
const telemetryParameter = "x-client-current-telemetry"

// readTokenRequest reads the form and the Authorization header. A secret in
// the body wins over one in the header.
func readTokenRequest(w http.ResponseWriter, r *http.Request) (TokenRequest, *Error) {
	request := TokenRequest{Tenant: r.PathValue("tenant")}
	f, refused := readForm(w, r)
	if refused != nil {
		return request, refused
	}
	request.ClientID, request.Scope, request.Resource = f.one("client_id"), f.one("scope"), f.one("resource")
	request.telemetry = cmp.Or(r.Header.Get(telemetryParameter), f.one(telemetryParameter)) != ""
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
