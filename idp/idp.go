// Package idp is a mock identity provider that behaves as Azure AD v2
// (Microsoft Entra ID) does towards applications: discovery, JWKS, and a token
// endpoint for client credentials with app roles and Azure's errors.
//
// Begin with [New]; the [Server] is an http.Handler. The package decides
// nothing about tokens once they are out, and it protects nothing: the keys of
// [TestKeys] are known to everybody.
package idp

import (
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what a Server imitates. The zero Config serves the tenant of
// [Acme] with the fixed test keys.
type Config struct {
	// Tenants are the directories. Nil means the tenant of Acme.
	Tenants []Tenant
	// PublicURL is how clients reach the server, without a slash at the end,
	// such as http://localhost:8080. Endpoints of the discovery document and
	// issuers begin with it. Empty means whatever host a request came to,
	// which suits a test with one client and nothing else: a broker that knows
	// the server by another name would refuse the issuer.
	PublicURL string
	// Hosts are further names that clients have for the server. The endpoints of
	// managed identities, which ask for no credential, answer at no name that a web
	// page may have (DNS rebinding) unless it is one of these or that of PublicURL.
	Hosts []string
	// Issuer is the iss of v2.0 tokens: empty for PublicURL/{tenantid}/v2.0,
	// "azure" for https://login.microsoftonline.com/{tenantid}/v2.0, and any
	// URL as given.
	Issuer string
	// Keys sign. Nil, or a Keyring without keys, means the fixed test keys.
	Keys *Keyring
	// TenantKeys says that Keys are those of these tenants alone, so that documents
	// name the JWKS of a tenant where Azure's name that of common.
	TenantKeys bool
	// Seed decides the order in which the keys are published, which in Azure
	// changes from answer to answer: a client must not rely on it.
	Seed uint64
	// Now tells the time. Nil means time.Now.
	Now func() time.Time
	// Client fetches the discovery documents and keys of the issuers that
	// federated identity credentials name, other than the server's own. Nil
	// means one with a timeout of 10 s.
	Client *http.Client
	// Logger gets a line for each token and each refusal, never a secret or a
	// token. Nil means none.
	Logger *slog.Logger
	// Mask takes out of what a client sent what the log and an [Observer] must not
	// have. Nil takes out the secrets of the tenants' applications, and what looks
	// like a token.
	Mask func(string) string
}

// Server is the identity provider. It is safe for concurrent use.
type Server struct {
	config  Config
	dir     *directory
	handler func() http.Handler // made when something is first asked for
	// keys are those in use; they change under a running server.
	keys *atomic.Pointer[keysInUse]
	// schedules are the keys of tenants that have their own. Every server made
	// from this one shares them.
	schedules *schedules
	// signing bounds the signatures that run at once: more than there are
	// processors only makes every one of them late.
	signing chan struct{}
	// issuers are those that federated identity credentials trust.
	issuers *issuers
}

// keysInUse are a keyring and its keys in the order of the JWKS.
type keysInUse struct {
	*Keyring
	published []*Key
}

// New makes a Server. It does no I/O. Its error joins a *ConfigError for each
// mistake in the tenants.
func New(c Config) (*Server, error) {
	if c.Tenants == nil {
		c.Tenants = []Tenant{Acme()}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := index(c.Tenants)
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, dir: dir, signing: make(chan struct{}, runtime.GOMAXPROCS(0))}
	s.keys, s.schedules = new(atomic.Pointer[keysInUse]), new(schedules)
	s.Rotate(c.Keys)
	s.issuers = newIssuers(c)
	s.handler = sync.OnceValue(func() http.Handler { return s.At(c.PublicURL) })
	return s, nil
}

// With returns a Server of the same tenants with other keys and another public
// URL. It is cheap: the directory is shared, and so are the keys of tenants that
// Roll, Revoke and Restore gave their own.
func (s *Server) With(keys *Keyring, publicURL string) *Server {
	other := *s
	other.config.PublicURL = publicURL
	other.keys = new(atomic.Pointer[keysInUse])
	other.Rotate(keys)
	other.handler = sync.OnceValue(func() http.Handler { return other.At(publicURL) })
	return &other
}

// WithTenants returns a Server of another directory. The rest is shared with
// this one, also what changes later: keys, their schedules, and what is known of
// other issuers. Nil means the tenant of Acme. Its error is that of New.
func (s *Server) WithTenants(tenants []Tenant) (*Server, error) {
	if tenants == nil {
		tenants = []Tenant{Acme()}
	}
	dir, err := index(tenants)
	if err != nil {
		return nil, err
	}
	other := *s
	other.config.Tenants, other.dir = tenants, dir
	other.handler = sync.OnceValue(func() http.Handler { return other.At(other.config.PublicURL) })
	return &other, nil
}

// Rotate puts other keys into use, from the next token and the next JWKS on.
// Nil means the fixed test keys. Tenants that have keys of their own, see Roll,
// keep them.
func (s *Server) Rotate(keys *Keyring) {
	if keys == nil || keys.Signer() == nil {
		keys = TestKeys()
	}
	s.keys.Store(&keysInUse{keys, keys.shuffled(s.config.Seed)})
}

// Keys are the keys in use, for all tenants that have no keys of their own.
func (s *Server) Keys() *Keyring { return s.keys.Load().Keyring }

// ServeHTTP serves the endpoints under the Config's PublicURL.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler().ServeHTTP(w, r) }

// At returns a handler of the same server under another public URL: one
// directory behind an http and an https listener, each a consistent OpenID
// Connect issuer.
func (s *Server) At(publicURL string) http.Handler {
	return listener{Server: s, publicURL: strings.TrimSuffix(publicURL, "/")}.routes()
}

// AtInside returns a handler of the same server under a second name, such as
// that of a container in its network: its documents name endpoints under
// insideURL, and its issuer is that of publicURL, so that it does not matter
// where a token was asked for.
func (s *Server) AtInside(insideURL, publicURL string) http.Handler {
	l := listener{Server: s, publicURL: strings.TrimSuffix(insideURL, "/"), issuerURL: strings.TrimSuffix(publicURL, "/")}
	return l.routes()
}

// Issuer is the iss of the v2.0 tokens that a tenant (its id) issues through
// the listener of a public URL.
func (s *Server) Issuer(publicURL, tenantID string) string {
	return Issuer(s.config.Issuer, publicURL, tenantID)
}

// Issuer is the iss that a setting of Config.Issuer gives for a tenant (its id)
// under a public URL.
func Issuer(setting, publicURL, tenantID string) string {
	switch setting {
	case "":
		return publicURL + "/" + tenantID + "/v2.0"
	case "azure":
		return "https://login.microsoftonline.com/" + tenantID + "/v2.0"
	}
	return setting
}

// Acme is the tenant that the article "Getting Started with OAuth for
// Confluent Cloud Using Azure AD DS" sets up: an API with two app roles, and a
// client that has one of them.
func Acme() Tenant {
	two := 2
	return Tenant{
		ID:          "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6",
		DisplayName: "Acme Examples Inc",
		Domains:     []string{"acmeexamples.onmicrosoft.com"},
		Applications: []Application{
			{
				DisplayName:    "Confluent Cloud",
				AppID:          "be587d08-a466-45e9-a02a-dfdda6b4c765",
				IdentifierURIs: []string{"api://be587d08-a466-45e9-a02a-dfdda6b4c765"},
				API:            API{RequestedAccessTokenVersion: &two},
				AppRoles: []AppRole{
					{Value: "dev.environmentAdmin", DisplayName: "Dev Admin"},
					{Value: "prod.environmentAdmin", DisplayName: "Prod Admin"},
				},
			},
			{
				DisplayName:         "Acme client",
				AppID:               "75f2f796-363d-4de2-b299-713920db01a7",
				ServicePrincipal:    ServicePrincipal{ID: "b1841e28-d943-4d11-822a-253ef2835b4c"},
				PasswordCredentials: []PasswordCredential{{SecretText: "yOZ8QPiSK_Zh9IA5HzicuY.lKnlkaVIkpuxc35"}},
				AppRoleAssignments: []AppRoleAssignment{
					{Resource: "be587d08-a466-45e9-a02a-dfdda6b4c765", Roles: []string{"dev.environmentAdmin"}},
				},
			},
		},
	}
}
