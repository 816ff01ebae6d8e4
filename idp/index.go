package idp

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/idpool/idpool/internal/mask"
	"github.com/idpool/idpool/internal/nearest"
)

// ConfigError is a mistake in a Config, or in what a call was given.
type ConfigError struct {
	// Field is where it is, such as tenants[0].applications[1].appId, or kid.
	Field string
	// Message says what is wrong, what was given, and what would be right.
	Message string
}

// Error names the field.
func (e *ConfigError) Error() string { return "idp: " + e.Field + ": " + e.Message }

// idNamespace is what ids that the config leaves out are derived in.
var idNamespace = uuid.MustParse("9d2c6f0e-5b0a-4c52-9a3e-1d9b1d706f6c")

// deriveID makes the same GUID from the same words on every machine.
func deriveID(words ...string) string {
	return uuid.NewSHA1(idNamespace, []byte(strings.ToLower(strings.Join(words, "\x00")))).String()
}

// directory is the tenants of a Config, indexed: looking one up costs the same
// however many there are.
type directory struct {
	tenants       map[string]*tenant      // by lower-case id and domain
	registrations map[string]*application // by lower-case appId, each as its own tenant sees it
	identities    []*application          // the managed identities, in the Config's order
	secrets       func() *mask.Set        // of all applications, for a Server that has no Mask; made when first asked for
}

type tenant struct {
	Tenant
	apps      map[string]*application // by lower-case appId
	resources map[string]*application // by lower-case appId and identifierUri
}

// application is an app registration as a tenant sees it: through its service
// principal there.
type application struct {
	Application
	in        *tenant
	principal ServicePrincipal
	granted   map[string][]string // role values, by lower-case appId of the resource; a key without values is an assignment without a role
	keys      []registeredKey     // the certificates
	extra     []member            // of Application.Claims, by name
	idtyp     bool                // of optionalClaims: tokens for it say that they are app-only
	guidAud   bool                // of optionalClaims: v1.0 tokens for it have its appId as aud
	blockedBy string              // the id of the Conditional Access policy that refuses it
}

func (d *directory) tenant(segment string) *tenant { return d.tenants[strings.ToLower(segment)] }

func (t *tenant) app(id string) *application { return t.apps[strings.ToLower(id)] }

func (t *tenant) resource(name string) *application { return t.resources[strings.ToLower(name)] }

// name is what error texts call the tenant.
func (t *tenant) name() string {
	if t.DisplayName != "" {
		return t.DisplayName
	}
	return t.ID
}

// name is what error texts call the application.
func (a *application) name() string {
	if a.DisplayName != "" {
		return a.DisplayName
	}
	return a.AppID
}

// objectID is that of the service principal. It is derived when it is needed:
// of a large directory, few applications ever ask for a token.
func (a *application) objectID() string {
	if a.principal.ID != "" {
		return a.principal.ID
	}
	return deriveID("servicePrincipal", a.in.ID, a.AppID)
}

// disabled says whether somebody switched sign-in off for the application.
func (a *application) disabled() bool {
	return a.principal.AccountEnabled != nil && !*a.principal.AccountEnabled
}

// indexer builds a directory and collects every mistake on the way.
type indexer struct {
	*directory
	errs []error
}

func (x *indexer) fail(field, format string, args ...any) {
	x.errs = append(x.errs, &ConfigError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// index checks the tenants and makes them searchable. Its error joins one
// *ConfigError for each mistake.
func index(tenants []Tenant) (*directory, error) {
	x := &indexer{directory: &directory{
		tenants:       make(map[string]*tenant, 2*len(tenants)),
		registrations: map[string]*application{},
		secrets:       sync.OnceValue(func() *mask.Set { return hide(tenants) }),
	}}
	indexed := make([]*tenant, len(tenants))
	for i, t := range tenants {
		indexed[i] = x.tenantNames(place("tenants", i), t)
		at := place("tenants", i) + ".applications"
		for j, a := range t.Applications {
			x.application(place(at, j), indexed[i], a)
		}
	}
	for i, t := range indexed { // now that every registration is known
		for j, p := range t.ServicePrincipals {
			x.servicePrincipal(place(place("tenants", i)+".servicePrincipals", j), t, p)
		}
		x.tokenExchange(t)
	}
	for i, t := range indexed { // now that every service principal is
		x.allGrants(place("tenants", i), t)
		x.policies(place("tenants", i), t)
	}
	return x.directory, errors.Join(x.errs...)
}

// place is an element of a list. It runs for every element of every list, for
// which fmt is slow.
func place(field string, i int) string { return field + "[" + strconv.Itoa(i) + "]" }

func (x *indexer) tenantNames(field string, t Tenant) *tenant {
	indexed := &tenant{
		Tenant:    t,
		apps:      make(map[string]*application, len(t.Applications)),
		resources: make(map[string]*application, 2*len(t.Applications)),
	}
	x.guid(field, ".id", t.ID)
	x.unique(field+".id", t.ID, indexed, "tenant")
	for j, domain := range t.Domains {
		at := place(field+".domains", j)
		if !domainName.MatchString(domain) {
			x.fail(at, "%q is no domain name, want one such as contoso.onmicrosoft.com", domain)
		}
		x.unique(at, domain, indexed, "domain")
	}
	return indexed
}

func (x *indexer) unique(field, key string, t *tenant, what string) {
	k := strings.ToLower(key)
	if _, twice := x.tenants[k]; twice {
		x.fail(field, "%s %q occurs twice", what, key)
		return
	}
	x.tenants[k] = t
}

// guid checks the value of a key. It and word take the key apart from its place,
// which is put together only for a mistake.
func (x *indexer) guid(at, key, id string) {
	if !isGUID(id) {
		x.fail(at+key, "%q is no GUID, want one such as 67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6", id)
	}
}

// word checks a value that is one of a few, or empty.
func (x *indexer) word(at, key, got string, want ...string) {
	if got != "" && !slices.Contains(want, got) {
		x.fail(at+key, "%q is not known, %s", got, oneOf(got, want))
	}
}

// oneOf says which of the known words was meant, or what they are.
func oneOf(word string, known []string) string {
	if near := nearest.To(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(known) == 0 {
		return "it defines none"
	}
	return "want one of " + strings.Join(known, ", ")
}

var domainName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,}$`)

// isGUID accepts the one form that Azure prints: 8-4-4-4-12 hex digits.
func isGUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// isURI accepts what RFC 3986 3 calls a URI with a scheme: a letter, then
// letters, digits, +, - and . up to a colon, and something without white space
// after it. It is asked for every token, for which a regular expression is slow.
func isURI(s string) bool {
	scheme, rest, found := strings.Cut(s, ":")
	if !found || rest == "" || scheme == "" || !isLetter(scheme[0]) || strings.ContainsAny(rest, " \t\r\n\f\v") {
		return false
	}
	for i := range len(scheme) {
		if c := scheme[i]; !isLetter(c) && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
