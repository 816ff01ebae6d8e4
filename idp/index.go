package idp

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/idpool/idpool/internal/nearest"
)

// ConfigError is a mistake in a Config.
type ConfigError struct {
	// Field is where it is, such as tenants[0].applications[1].appId.
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
	tenants map[string]*tenant // by lower-case id and domain
	secrets map[string]bool    // of all applications, which no log may have
}

type tenant struct {
	Tenant
	apps      map[string]*application // by lower-case appId
	resources map[string]*application // by lower-case appId and identifierUri
}

type application struct {
	Application
	objectID string              // of the service principal
	granted  map[string][]string // role values, by lower-case appId of the resource
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

// indexer builds a directory and collects every mistake on the way.
type indexer struct{ errs []error }

func (x *indexer) fail(field, format string, args ...any) {
	x.errs = append(x.errs, &ConfigError{Field: field, Message: fmt.Sprintf(format, args...)})
}

// index checks the tenants and makes them searchable. Its error joins one
// *ConfigError for each mistake.
func index(tenants []Tenant) (*directory, error) {
	x := &indexer{}
	d := &directory{tenants: make(map[string]*tenant, 2*len(tenants)), secrets: map[string]bool{}}
	for i, t := range tenants {
		field := fmt.Sprintf("tenants[%d]", i)
		indexed := x.tenant(field, t)
		x.guid(field+".id", t.ID)
		x.unique(d.tenants, field+".id", t.ID, indexed, "tenant")
		for _, a := range t.Applications {
			for _, c := range a.PasswordCredentials {
				d.secrets[c.SecretText] = true
			}
		}
		for j, domain := range t.Domains {
			at := fmt.Sprintf("%s.domains[%d]", field, j)
			if !domainName.MatchString(domain) {
				x.fail(at, "%q is no domain name, want one such as contoso.onmicrosoft.com", domain)
			}
			x.unique(d.tenants, at, domain, indexed, "domain")
		}
	}
	return d, errors.Join(x.errs...)
}

func (x *indexer) unique(seen map[string]*tenant, field, key string, t *tenant, what string) {
	k := strings.ToLower(key)
	if _, twice := seen[k]; twice {
		x.fail(field, "%s %q occurs twice", what, key)
		return
	}
	seen[k] = t
}

func (x *indexer) guid(field, id string) {
	if !isGUID(id) {
		x.fail(field, "%q is no GUID, want one such as 67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6", id)
	}
}

func (x *indexer) tenant(field string, t Tenant) *tenant {
	out := &tenant{
		Tenant:    t,
		apps:      make(map[string]*application, len(t.Applications)),
		resources: make(map[string]*application, 2*len(t.Applications)),
	}
	for i, a := range t.Applications {
		x.application(fmt.Sprintf("%s.applications[%d]", field, i), out, a)
	}
	for i, a := range t.Applications {
		if app := out.app(a.AppID); app != nil {
			x.grants(fmt.Sprintf("%s.applications[%d]", field, i), out, app, a.AppRoleAssignments)
		}
	}
	return out
}

func (x *indexer) application(field string, t *tenant, a Application) {
	x.guid(field+".appId", a.AppID)
	if t.app(a.AppID) != nil {
		x.fail(field+".appId", "appId %q occurs twice in tenant %q", a.AppID, t.name())
		return
	}
	app := &application{Application: a, objectID: a.ServicePrincipal.ID}
	if app.objectID == "" {
		app.objectID = deriveID("servicePrincipal", t.ID, a.AppID)
	} else {
		x.guid(field+".servicePrincipal.id", app.objectID)
	}
	t.apps[strings.ToLower(a.AppID)] = app
	t.resources[strings.ToLower(a.AppID)] = app
	for i, uri := range a.IdentifierURIs {
		at := fmt.Sprintf("%s.identifierUris[%d]", field, i)
		if other := t.resource(uri); other != nil {
			x.fail(at, "identifierUri %q belongs to application %q already", uri, other.AppID)
		}
		if !isURI(uri) {
			x.fail(at, "%q is no URI, want one such as api://%s", uri, a.AppID)
		}
		t.resources[strings.ToLower(uri)] = app
	}
	x.versions(field, a)
	x.roles(field, a)
	x.secrets(field, a)
	x.requests(field, a)
}

func (x *indexer) versions(field string, a Application) {
	check := func(at string, v *int) {
		if v != nil && *v != 1 && *v != 2 {
			x.fail(field+at, "%d is no token version, want 1 or 2", *v)
		}
	}
	check(".api.requestedAccessTokenVersion", a.API.RequestedAccessTokenVersion)
	check(".accessTokenAcceptedVersion", a.AccessTokenAcceptedVersion)
}

func (x *indexer) roles(field string, a Application) {
	seen := make(map[string]bool, len(a.AppRoles))
	for i, r := range a.AppRoles {
		at := fmt.Sprintf("%s.appRoles[%d]", field, i)
		if r.ID != "" {
			x.guid(at+".id", r.ID)
		}
		if r.Value == "" || strings.ContainsAny(r.Value, " \t\r\n") {
			x.fail(at+".value", "%q is no role value, want a word without spaces", r.Value)
		}
		if seen[r.Value] {
			x.fail(at+".value", "role %q occurs twice", r.Value)
		}
		seen[r.Value] = true
		for j, m := range r.AllowedMemberTypes {
			if m != "Application" && m != "User" {
				x.fail(fmt.Sprintf("%s.allowedMemberTypes[%d]", at, j), "%q is no member type, want Application or User", m)
			}
		}
	}
}

func (x *indexer) secrets(field string, a Application) {
	for i, c := range a.PasswordCredentials {
		at := fmt.Sprintf("%s.passwordCredentials[%d]", field, i)
		if c.SecretText == "" {
			x.fail(at+".secretText", "is missing: Azure never exports a secret, so fill in its value")
		}
		if !c.EndDateTime.IsZero() && c.EndDateTime.Before(c.StartDateTime) {
			x.fail(at+".endDateTime", "is before startDateTime")
		}
	}
}

func (x *indexer) requests(field string, a Application) {
	for i, r := range a.RequiredResourceAccess {
		at := fmt.Sprintf("%s.requiredResourceAccess[%d]", field, i)
		x.guid(at+".resourceAppId", r.ResourceAppID)
		for j, access := range r.ResourceAccess {
			if access.Type != "Role" && access.Type != "Scope" {
				x.fail(fmt.Sprintf("%s.resourceAccess[%d].type", at, j), "%q is no type of permission, want Role or Scope", access.Type)
			}
		}
	}
}

// grants resolves the roles that were granted to an application.
func (x *indexer) grants(field string, t *tenant, app *application, assignments []AppRoleAssignment) {
	for i, g := range assignments {
		at := fmt.Sprintf("%s.appRoleAssignments[%d]", field, i)
		resource := t.app(g.Resource)
		if resource == nil {
			x.fail(at+".resource", "no application has the appId %q in tenant %q", g.Resource, t.name())
			continue
		}
		for j, value := range g.Roles {
			x.grant(fmt.Sprintf("%s.roles[%d]", at, j), app, resource, value)
		}
	}
}

func (x *indexer) grant(field string, app, resource *application, value string) {
	values := make([]string, len(resource.AppRoles))
	for i, r := range resource.AppRoles {
		values[i] = r.Value
	}
	i := slices.Index(values, value)
	if i < 0 {
		x.fail(field, "application %q defines no role %q, %s", resource.AppID, value, oneOf(value, values))
		return
	}
	if !resource.AppRoles[i].issuable() {
		return
	}
	if app.granted == nil {
		app.granted = make(map[string][]string, 1)
	}
	key := strings.ToLower(resource.AppID)
	if !slices.Contains(app.granted[key], value) {
		app.granted[key] = append(app.granted[key], value)
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
