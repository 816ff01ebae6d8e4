package manifest

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/idpool/idpool/idp"
)

// export is what one file holds.
type export struct {
	name         string
	applications []*registration
	principals   []*principal
	assignments  []assignment
	federated    []federated
	// unassigned are the object ids of the service principals whose list of
	// assignments is there and empty.
	unassigned []string
	// continued are the places of lists that go on at another page of Graph.
	continued []string
	// nameless are the places of empty lists that do not say of whom they are.
	nameless []string
	ignored  map[string]bool
}

// read makes an export of a file. Its error joins an *Error for each mistake.
func read(f File) (*export, error) {
	values, problem := documents(f)
	if problem != nil {
		return nil, problem
	}
	x := &reader{file: f.Name}
	e := &export{name: f.Name}
	for i, v := range values {
		at := ""
		if len(values) > 1 {
			at = fmt.Sprintf("document %d", i+1)
		}
		x.document(e, at, "", v)
	}
	e.ignored = x.ignored()
	return e, errors.Join(x.errs...)
}

// The kinds of things that are exported; the words are also the first part of
// the names of what is ignored.
const (
	kindApplication = "application"
	kindPrincipal   = "servicePrincipal"
	kindAssignment  = "appRoleAssignment"
	kindFederated   = "federatedIdentityCredential"
)

// document reads one value at the top of a file, or one of its list. context is
// Graph's @odata.context, which says of whom a list is.
func (x *reader) document(e *export, at, context string, v any) {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			x.document(e, fmt.Sprintf("%s[%d]", at, i), context, item)
		}
	case map[string]any:
		if s, ok := v["@odata.context"].(string); ok {
			context = s
		}
		if items, ok := v["value"].([]any); ok {
			x.page(e, at, context, v, items)
			return
		}
		x.entry(e, at, context, v)
	default:
		x.fail(at, "want an app registration, a service principal or an assignment, got %s", typeOf(v))
	}
}

// page reads Graph's list form, {"value": […]}.
func (x *reader) page(e *export, at, context string, v map[string]any, items []any) {
	if at != "" {
		at += "."
	}
	if _, more := v["@odata.nextLink"]; more {
		e.continued = append(e.continued, at+"value")
	}
	if of := contextOf(context, "servicePrincipals", "appRoleAssignments"); of != "" && len(items) == 0 {
		e.unassigned = append(e.unassigned, of)
	}
	if context == "" && len(items) == 0 {
		e.nameless = append(e.nameless, at+"value")
	}
	x.document(e, at+"value", context, items)
}

// contextPath is the part of an @odata.context that names an entry and one of
// its lists, such as #applications('…')/federatedIdentityCredentials.
var contextPath = regexp.MustCompile(`#(\w+)\((?:appId=)?'([0-9A-Fa-f-]{36})'\)/(?:microsoft\.graph\.)?(\w+)`)

// contextOf is the id of the entry that a list belongs to, or empty.
func contextOf(context, of, list string) string {
	m := contextPath.FindStringSubmatch(context)
	if m == nil || m[1] != of || m[3] != list {
		return ""
	}
	return m[2]
}

func (x *reader) entry(e *export, at, context string, v map[string]any) {
	kind := kindOf(v)
	o := x.object(at, kind, v)
	switch kind {
	case kindApplication:
		x.registration(e, o)
	case kindPrincipal:
		x.principal(e, o)
	case kindAssignment:
		e.assignments = append(e.assignments, x.assignment(o))
	case kindFederated:
		of := contextOf(context, "applications", "federatedIdentityCredentials")
		e.federated = append(e.federated, federated{x.federated(o), of, x.file})
	default:
		x.fail(at, "%s", o.stranger())
	}
}

// kindOf tells the kinds apart by fields that only they have. An assignment
// comes first, because it may be printed with its principal's fields.
func kindOf(v map[string]any) string {
	names := make(map[string]bool, len(v))
	for name := range v {
		names[strings.ToLower(name)] = true
	}
	one := func(fields ...string) bool {
		return slices.ContainsFunc(fields, func(f string) bool { return names[strings.ToLower(f)] })
	}
	switch {
	case one("appRoleId") && one("principalId", "resourceId"):
		return kindAssignment
	case one("issuer") && one("subject", "audiences"):
		return kindFederated
	case !one("appId"):
		return ""
	case one("servicePrincipalType", "servicePrincipalNames", "appOwnerOrganizationId", "appOwnerTenantId", "appDisplayName"):
		return kindPrincipal
	case one("identifierUris", "replyUrlsWithType", "replyUrls", "signInAudience", "availableToOtherTenants", "requiredResourceAccess",
		"passwordCredentials", "keyCredentials", "api", "appRoles", "publisherDomain"):
		return kindApplication
	}
	return ""
}

// stranger says what an object that is none of the kinds looks like.
func (o *object) stranger() string {
	const want = "want an app manifest, or what \"az ad app show\", \"az ad sp show\" or Microsoft Graph print"
	switch {
	case o.has("error") || o.has("odata.error"):
		return "is an error answer of Microsoft, not an export: " + o.refusal()
	case o.has("access_token") || o.has("accessToken"):
		return "is a token answer, not an export: " + want
	case o.has("password") && o.has("appId"):
		return "is the answer of \"az ad sp create-for-rbac\", whose password becomes a secretText of the config: import what \"az ad app show --id\" and its appId print"
	case o.has("tenants"):
		return "is a config of idpool already: " + want
	case o.has("appId"):
		return "has an appId and nothing that an export of an application has besides: " + want
	}
	names := slices.Sorted(maps.Keys(o.names))
	for i, name := range names {
		names[i] = plain(o.names[name])
	}
	if len(names) > 5 {
		names = append(names[:5], "…")
	}
	if len(names) == 0 {
		return "is an empty object: " + want
	}
	return fmt.Sprintf("is no export of an app registration (it has %s): %s", strings.Join(names, ", "), want)
}

// refusal is the text of Graph's error object.
func (o *object) refusal() string {
	for _, name := range []string{"error", "odata.error"} {
		if e, ok := o.fields[name].(map[string]any); ok {
			return fmt.Sprintf("%s: %s", describe(e["code"]), describe(e["message"]))
		}
	}
	return describe(o.fields["error"])
}

// registration is an application as exported.
type registration struct {
	idp.Application
	domain string // publisherDomain
	from   string // the file
}

// principal is a service principal as exported, with what it repeats of its
// application.
type principal struct {
	idp.ServicePrincipal
	owner          string // id of the tenant that has the registration
	identifierURIs []string
	signInAudience string
	roles          []idp.AppRole
	secrets        []idp.PasswordCredential
	certificates   []idp.KeyCredential
	from           string
}

// assignment is an appRoleAssignment: ids of objects, and names for people.
type assignment struct {
	principal, principalName string
	resource, resourceName   string
	role                     string
	from                     string
	ofPeople                 bool // of a user or a group
}

// federated is a federated credential. application is an id of the registration
// that it belongs to, when the file says it.
type federated struct {
	idp.FederatedIdentityCredential
	application string
	from        string
}
