package idp

import (
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
)

// multiTenant are the path segments that stand for no tenant in particular.
var multiTenant = map[string]bool{"common": true, "organizations": true, "consumers": true}

// consumersTenant is the tenant of personal Microsoft accounts, which issues
// for /consumers.
const consumersTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// discoveryDocument is the v2.0 document in Azure's order (azure-ad.md 1.1).
// What Azure leaves out is left out, since clients must not rely on it.
type discoveryDocument struct {
	TokenEndpoint                     string   `json:"token_endpoint"`
	TokenEndpointAuthMethodsSupported []string `json:"token_endpoint_auth_methods_supported"`
	JWKSURI                           string   `json:"jwks_uri"`
	ResponseModesSupported            []string `json:"response_modes_supported"`
	SubjectTypesSupported             []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported  []string `json:"id_token_signing_alg_values_supported"`
	ResponseTypesSupported            []string `json:"response_types_supported"`
	ScopesSupported                   []string `json:"scopes_supported"`
	Issuer                            string   `json:"issuer"`
	RequestURIParameterSupported      bool     `json:"request_uri_parameter_supported"`
	UserinfoEndpoint                  string   `json:"userinfo_endpoint"`
	AuthorizationEndpoint             string   `json:"authorization_endpoint"`
	DeviceAuthorizationEndpoint       string   `json:"device_authorization_endpoint"`
	HTTPLogoutSupported               bool     `json:"http_logout_supported"`
	FrontchannelLogoutSupported       bool     `json:"frontchannel_logout_supported"`
	EndSessionEndpoint                string   `json:"end_session_endpoint"`
	ClaimsSupported                   []string `json:"claims_supported"`
	KerberosEndpoint                  string   `json:"kerberos_endpoint"`
	TenantRegionScope                 *string  `json:"tenant_region_scope"` // null for common
	CloudInstanceName                 string   `json:"cloud_instance_name"`
	CloudGraphHostName                string   `json:"cloud_graph_host_name"`
	MSGraphHost                       string   `json:"msgraph_host"`
	RBACURL                           string   `json:"rbac_url"`
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
	case "consumers":
		return authority{lower, consumersTenant, nil}, nil
	case "common", "organizations":
		return authority{lower, "{tenantid}", nil}, nil
	}
	refused := tenantNotFound(segment)
	refused.Code = "invalid_tenant"
	return authority{}, refused
}

// discovery is GET /{tenant}/v2.0/.well-known/openid-configuration.
func (l listener) discovery(_ http.ResponseWriter, r *http.Request) answer {
	a, refused := l.resolve(r.PathValue("tenant"))
	if refused != nil {
		return l.refuse(r, refused)
	}
	base := l.base(r)
	return answer{status: http.StatusOK, body: document(base+"/"+a.segment, l.Issuer(base, a.issuerID), a.region), header: cached}
}

func document(at, issuer string, region *string) discoveryDocument {
	return discoveryDocument{
		TokenEndpoint:                     at + "/oauth2/v2.0/token",
		TokenEndpointAuthMethodsSupported: []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		JWKSURI:                           at + "/discovery/v2.0/keys",
		ResponseModesSupported:            []string{"query", "fragment", "form_post"},
		SubjectTypesSupported:             []string{"pairwise"},
		IDTokenSigningAlgValuesSupported:  []string{"RS256"},
		ResponseTypesSupported:            []string{"code", "id_token", "code id_token", "id_token token"},
		ScopesSupported:                   []string{"openid", "profile", "email", "offline_access"},
		Issuer:                            issuer,
		UserinfoEndpoint:                  "https://graph.microsoft.com/oidc/userinfo",
		AuthorizationEndpoint:             at + "/oauth2/v2.0/authorize",
		DeviceAuthorizationEndpoint:       at + "/oauth2/v2.0/devicecode",
		HTTPLogoutSupported:               true,
		FrontchannelLogoutSupported:       true,
		EndSessionEndpoint:                at + "/oauth2/v2.0/logout",
		ClaimsSupported: []string{"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
			"msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver",
			"at_hash", "c_hash", "email"},
		KerberosEndpoint:   at + "/kerberos",
		TenantRegionScope:  region,
		CloudInstanceName:  "microsoftonline.com",
		CloudGraphHostName: "graph.windows.net",
		MSGraphHost:        "graph.microsoft.com",
		RBACURL:            "https://pas.windows.net",
	}
}

// jsonWebKey is a key as Azure publishes it: no alg, no key_ops, no x5t#S256
// (azure-ad.md 2.1).
type jsonWebKey struct {
	Kty               string   `json:"kty"`
	Use               string   `json:"use"`
	Kid               string   `json:"kid"`
	X5t               string   `json:"x5t"`
	N                 string   `json:"n"`
	E                 string   `json:"e"`
	X5c               []string `json:"x5c"`
	CloudInstanceName string   `json:"cloud_instance_name"`
	Issuer            string   `json:"issuer"`
}

type jsonWebKeySet struct {
	Keys []jsonWebKey `json:"keys"`
}

// jwks is GET /{tenant}/discovery/v2.0/keys.
func (l listener) jwks(_ http.ResponseWriter, r *http.Request) answer {
	a, refused := l.resolve(r.PathValue("tenant"))
	if refused != nil {
		return l.refuse(r, refused)
	}
	issuer := l.Issuer(l.base(r), a.issuerID)
	set := jsonWebKeySet{}
	for _, k := range l.published {
		set.Keys = append(set.Keys, k.jsonWebKey(issuer))
	}
	return answer{status: http.StatusOK, body: set, header: cached}
}

func (k *Key) jsonWebKey(issuer string) jsonWebKey {
	return jsonWebKey{
		Kty: "RSA", Use: "sig", Kid: k.ID, X5t: k.ID,
		N:                 base64.RawURLEncoding.EncodeToString(k.public.N.Bytes()),
		E:                 base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.public.E)).Bytes()),
		X5c:               []string{base64.StdEncoding.EncodeToString(k.Certificate)},
		CloudInstanceName: "microsoftonline.com",
		Issuer:            issuer,
	}
}
