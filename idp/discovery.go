package idp

import (
	"net/http"
	"strings"
)

// invalidTenant is the OAuth error of 90002 and 900023 on whatever is read
// (azure-ad.md 1.5).
const invalidTenant = "invalid_tenant"

// consumersTenant is the tenant of personal Microsoft accounts, which issues
// for /consumers.
const consumersTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// discoveryDocument is the v2.0 document in Azure's order (azure-ad.md 1.1).
// What Azure leaves out is left out, since clients must not rely on it.
type discoveryDocument struct {
	discoveryHead
	RequestURIParameterSupported bool     `json:"request_uri_parameter_supported"`
	UserinfoEndpoint             string   `json:"userinfo_endpoint"`
	AuthorizationEndpoint        string   `json:"authorization_endpoint"`
	DeviceAuthorizationEndpoint  string   `json:"device_authorization_endpoint"`
	HTTPLogoutSupported          bool     `json:"http_logout_supported"`
	FrontchannelLogoutSupported  bool     `json:"frontchannel_logout_supported"`
	EndSessionEndpoint           string   `json:"end_session_endpoint"`
	ClaimsSupported              []string `json:"claims_supported"`
	discoveryTail
}

// discoveryHead is what the documents of both versions begin with.
type discoveryHead struct {
	TokenEndpoint                     string   `json:"token_endpoint"`
	TokenEndpointAuthMethodsSupported []string `json:"token_endpoint_auth_methods_supported"`
	JWKSURI                           string   `json:"jwks_uri"`
	ResponseModesSupported            []string `json:"response_modes_supported"`
	SubjectTypesSupported             []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported  []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypesSupported            []string `json:"response_types_supported"`
	ScopesSupported                   []string `json:"scopes_supported"`
	Issuer                            string   `json:"issuer"`
}

// discoveryTail is what they end with.
type discoveryTail struct {
	KerberosEndpoint   string  `json:"kerberos_endpoint"`
	TenantRegionScope  *string `json:"tenant_region_scope"` // null for common
	CloudInstanceName  string  `json:"cloud_instance_name"`
	CloudGraphHostName string  `json:"cloud_graph_host_name"`
	MSGraphHost        string  `json:"msgraph_host"`
	RBACURL            string  `json:"rbac_url"`
}

// authority is what a tenant segment of a URL resolves to.
type authority struct {
	segment  string // as it appears in endpoints: the tenant's id, or common
	issuerID string // as it appears in the issuer: the tenant's id, or {tenantid}
	region   *string
}

// resolve finds the authority of a discovery or JWKS request. A domain becomes
// the tenant's id (azure-ad.md 1.3).
func (s *Server) resolve(segment string) (authority, *Error) {
	if t := s.dir.tenant(segment); t != nil {
		region := t.Region
		if region == "" {
			region = "WW"
		}
		return authority{t.ID, t.ID, &region}, nil
	}
	switch lower := strings.ToLower(segment); lower {
	case "consumers", consumersTenant:
		return authority{"consumers", consumersTenant, nil}, nil
	case "common", "organizations":
		return authority{lower, "{tenantid}", nil}, nil
	}
	refused := tenantNotFound(segment)
	refused.Code = invalidTenant
	return authority{}, refused
}

// discovery is GET /{tenant}/v2.0/.well-known/openid-configuration.
func (l listener) discovery(_ http.ResponseWriter, r *http.Request) answer {
	a, refused := l.resolve(r.PathValue("tenant"))
	if refused != nil {
		return l.refuse(r, refused)
	}
	base := l.base(r)
	d := document(base+"/"+a.segment, l.Issuer(l.issuerBase(r), a.issuerID), a.region)
	d.JWKSURI += forApp(r)
	return answer{status: http.StatusOK, body: d, header: cached}
}

// forApp is the query that a discovery document repeats in jwks_uri: the keys
// of one application (azure-ad.md 1.3), which are those of all in idpool.
func forApp(r *http.Request) string {
	id := r.URL.Query().Get("appid")
	if !isGUID(id) {
		return ""
	}
	return "?appid=" + id
}

func document(at, issuer string, region *string) discoveryDocument {
	d := discoveryDocument{
		discoveryHead:               head(issuer),
		UserinfoEndpoint:            "https://graph.microsoft.com/oidc/userinfo",
		AuthorizationEndpoint:       at + "/oauth2/v2.0/authorize",
		DeviceAuthorizationEndpoint: at + "/oauth2/v2.0/devicecode",
		HTTPLogoutSupported:         true,
		FrontchannelLogoutSupported: true,
		EndSessionEndpoint:          at + "/oauth2/v2.0/logout",
		ClaimsSupported: []string{"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
			"msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver",
			"at_hash", "c_hash", "email"},
		discoveryTail: tail(at, region),
	}
	d.TokenEndpoint, d.JWKSURI = at+"/oauth2/v2.0/token", at+"/discovery/v2.0/keys"
	d.ResponseTypesSupported = []string{"code", "id_token", "code id_token", "id_token token"}
	d.ScopesSupported = []string{"openid", "profile", "email", "offline_access"}
	return d
}

// head has what does not depend on the version.
func head(issuer string) discoveryHead {
	return discoveryHead{
		TokenEndpointAuthMethodsSupported: []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		ResponseModesSupported:            []string{"query", "fragment", "form_post"},
		SubjectTypesSupported:             []string{"pairwise"},
		IDTokenSigningAlgValuesSupported:  []string{"RS256"},
		Issuer:                            issuer,
	}
}

func tail(at string, region *string) discoveryTail {
	return discoveryTail{
		KerberosEndpoint:   at + "/kerberos",
		TenantRegionScope:  region,
		CloudInstanceName:  "microsoftonline.com",
		CloudGraphHostName: "graph.windows.net",
		MSGraphHost:        "graph.microsoft.com",
		RBACURL:            "https://pas.windows.net",
	}
}
