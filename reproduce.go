package idpool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/pool"
)

// Reproduce is a Config file under which the token endpoint mints a token with
// a token's claims, but for the times and for what Azure makes up anew in each:
// the tenant, the API and the client, roles and token version, and whatever
// else is in it as claims of the client's own. With a Filter there is a
// provider with that pool too.
//
// notes say what differs all the same, such as the claims of a signed-in
// person: idpool mints app-only tokens. Its error says what the claims lack.
func Reproduce(f ForeignToken) (file []byte, notes []string, err error) {
	r := reproduction{claims: f.Claims}
	c, err := r.config(f)
	if err != nil {
		return nil, nil, err
	}
	if err := c.Check(); err != nil {
		return nil, nil, fmt.Errorf("idpool: the claims make no config: %w", err)
	}
	file, err = configYAML(c)
	return file, r.notes, err
}

// reproduction reads a token's claims back into what they come from.
type reproduction struct {
	claims map[string]any
	notes  []string
}

func (r *reproduction) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// text is a claim that is a string, or "".
func (r *reproduction) text(claim string) string {
	s, _ := r.claims[claim].(string)
	return s
}

// guid is a claim that is to be a GUID. Where it is none, one is made out of
// seed, always the same.
func (r *reproduction) guid(what, value, seed string) string {
	if uuid.Validate(value) == nil && len(value) == 36 {
		return value
	}
	made := uuid.NewSHA1(uuid.NameSpaceURL, []byte("idpool:"+what+":"+seed)).String()
	r.note("the token has no %s: %s stands in for it", what, made)
	return made
}

func (r *reproduction) config(f ForeignToken) (Config, error) {
	if r.text("aud") == "" {
		return Config{}, errors.New("idpool: the claims have no aud that is one string, so that no API can be told: only tokens of Azure AD can be reproduced")
	}
	client := cmp.Or(r.text("azp"), r.text("appid"))
	if client == "" {
		return Config{}, errors.New("idpool: the claims have neither azp nor appid, so that no client can be told: only tokens of Azure AD can be reproduced")
	}
	tenantID := r.guid("tid", cmp.Or(r.text("tid"), guidIn(r.text("iss"))), r.text("iss"))
	api := r.api()
	c := Config{
		Issuer: r.issuer(tenantID),
		Tenants: []idp.Tenant{{ID: tenantID, DisplayName: "Reproduced",
			Applications: []idp.Application{api}}},
	}
	t := &c.Tenants[0]
	if r.text("xms_mirid") != "" {
		t.ServicePrincipals = append(t.ServicePrincipals, r.managedIdentity(client, api.AppID))
	} else {
		t.Applications = append(t.Applications, r.client(client, api.AppID))
	}
	r.differences()
	if f.Filter != "" {
		c.Clusters = []Cluster{{ID: "lkc-reproduced"}}
		c.IdentityProviders = []IdentityProvider{{ID: "op-reproduced", Tenant: tenantID, IdentityPools: []pool.Config{{
			ID: "pool-reproduced", Filter: f.Filter, Language: f.Language, IdentityClaim: f.IdentityClaim,
		}}}}
	}
	return c, nil
}

// isV1 says whether the token has the version 1.0.
func (r *reproduction) isV1() bool { return r.text("ver") == "1.0" }

// issuer is the setting that gives a v2.0 token its iss.
func (r *reproduction) issuer(tenantID string) string {
	iss := r.text("iss")
	switch {
	case r.isV1():
		if want := "https://sts.windows.net/" + tenantID + "/"; iss != want {
			r.note("iss is %q, and v1.0 tokens of idpool always have %q", iss, want)
		}
		return ""
	case iss == "https://login.microsoftonline.com/"+tenantID+"/v2.0":
		return "azure"
	case !isAbsolute(iss):
		r.note("iss is %q, which is no URL: tokens have the URL of the server that mints them", iss)
		return ""
	}
	return iss
}

// guidIn is the first GUID among the segments of a URL, or "".
func guidIn(raw string) string {
	for segment := range strings.SplitSeq(raw, "/") {
		if len(segment) == 36 && uuid.Validate(segment) == nil {
			return segment
		}
	}
	return ""
}

// api is the application that the token is for. Its aud is the appId in v2.0
// tokens and usually the App ID URI in v1.0 ones.
func (r *reproduction) api() idp.Application {
	aud, version := r.text("aud"), 2
	if r.isV1() {
		version = 1
	}
	a := idp.Application{
		DisplayName: "API",
		AppID:       r.guid("appId of the API", cmp.Or(guidIn(aud), aud), aud),
		API:         idp.API{RequestedAccessTokenVersion: &version},
	}
	a.IdentifierURIs = []string{"api://" + a.AppID}
	switch {
	case aud != a.AppID:
		a.IdentifierURIs = []string{aud}
	case r.isV1():
		a.OptionalClaims.AccessToken = append(a.OptionalClaims.AccessToken,
			idp.OptionalClaim{Name: "aud", AdditionalProperties: []string{"use_guid"}})
	}
	if r.text("idtyp") != "" {
		a.OptionalClaims.AccessToken = append(a.OptionalClaims.AccessToken, idp.OptionalClaim{Name: "idtyp"})
	}
	for _, role := range r.roles() {
		a.AppRoles = append(a.AppRoles, idp.AppRole{Value: role, DisplayName: role})
	}
	return a
}

// roles are the values of the roles claim.
func (r *reproduction) roles() []string {
	var roles []string
	list, _ := r.claims["roles"].([]any)
	for _, role := range list {
		if s, ok := role.(string); ok && !slices.Contains(roles, s) {
			roles = append(roles, s)
		}
	}
	return roles
}

// client is the application that got the token. It has a credential of the kind
// that the token tells of, and none that anybody has used.
func (r *reproduction) client(appID, api string) idp.Application {
	a := idp.Application{
		DisplayName:        "Client",
		AppID:              r.guid("appId of the client", appID, appID),
		AppRoleAssignments: r.assignments(api),
		Claims:             r.extra(),
	}
	a.ServicePrincipal.ID = r.object()
	if cmp.Or(r.text("azpacr"), r.text("appidacr")) == "2" {
		a.FederatedIdentityCredentials = []idp.FederatedIdentityCredential{{
			Name: "reproduced", Issuer: "https://issuer.invalid", Subject: "reproduced"}}
		return a
	}
	a.PasswordCredentials = []idp.PasswordCredential{{DisplayName: "reproduced", SecretText: "reproduced-secret"}}
	return a
}

// managedIdentity is the service principal of a token that an identity of Azure
// got, which is registered nowhere.
func (r *reproduction) managedIdentity(appID, api string) idp.ServicePrincipal {
	p := idp.ServicePrincipal{
		ID: r.object(), AppID: r.guid("appId of the client", appID, appID), DisplayName: "Managed identity",
		Type: "ManagedIdentity", AlternativeNames: []string{"isExplicit=True", r.text("xms_mirid")},
		AppRoleAssignments: r.assignments(api),
	}
	if extra := r.extra(); len(extra) > 0 {
		r.note("the token of a managed identity has claims that idpool gives only to applications: %s",
			strings.Join(slices.Sorted(maps.Keys(extra)), ", "))
	}
	return p
}

func (r *reproduction) assignments(api string) []idp.AppRoleAssignment {
	return []idp.AppRoleAssignment{{Resource: api, Roles: r.roles()}}
}

// object is the object id of the client's service principal.
func (r *reproduction) object() string {
	return r.guid("oid", cmp.Or(r.text("oid"), r.text("sub")), r.text("azp")+r.text("appid"))
}

// extra are the claims that Azure does not set by itself.
func (r *reproduction) extra() map[string]any {
	extra := map[string]any{}
	for name, value := range r.claims {
		if !slices.Contains(idp.OwnClaims(), name) {
			extra[name] = value
		}
	}
	return extra
}

// differences notes what no config can bring about.
func (r *reproduction) differences() {
	if sub, oid := r.text("sub"), r.text("oid"); sub != oid {
		r.note("sub is not oid, as in the token of a signed-in person: idpool mints app-only tokens, where they are the same")
	}
	if acr := cmp.Or(r.text("azpacr"), r.text("appidacr")); acr != "1" && acr != "2" {
		r.note("azpacr or appidacr is %q, and app-only tokens have 1 or 2", acr)
	}
	if ver := r.text("ver"); ver != "1.0" && ver != "2.0" {
		r.note("ver is %q, and tokens have 1.0 or 2.0", ver)
	}
	if own := r.text("idp"); own != "" && own != r.text("iss") {
		r.note("idp is %q, another tenant's: the client of a v1.0 token of idpool is always at home", own)
	}
}

// configYAML writes a Config with its keys in the order of the documentation,
// and nothing that is left out.
func configYAML(c Config) ([]byte, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	plain(&document)
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, err
	}
	return b.Bytes(), encoder.Close()
}

// plain takes off the braces and quotes that JSON has and YAML need not have.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		plain(child)
	}
}
