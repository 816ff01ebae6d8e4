package idp

import "net/http"

// discoveryDocumentV1 is the v1.0 document in Azure's order (azure-ad.md 1.2).
type discoveryDocumentV1 struct {
	discoveryHead
	MicrosoftMultiRefreshToken  bool     `json:"microsoft_multi_refresh_token"`
	AuthorizationEndpoint       string   `json:"authorization_endpoint"`
	DeviceAuthorizationEndpoint string   `json:"device_authorization_endpoint"`
	HTTPLogoutSupported         bool     `json:"http_logout_supported"`
	FrontchannelLogoutSupported bool     `json:"frontchannel_logout_supported"`
	EndSessionEndpoint          string   `json:"end_session_endpoint"`
	ClaimsSupported             []string `json:"claims_supported"`
	CheckSessionIframe          string   `json:"check_session_iframe"`
	UserinfoEndpoint            string   `json:"userinfo_endpoint"`
	discoveryTail
}

// discoveryV1 is GET /{tenant}/.well-known/openid-configuration. Of the
// segments that name no tenant only common has one.
func (l listener) discoveryV1(_ http.ResponseWriter, r *http.Request) answer {
	segment := r.PathValue("tenant")
	a, refused := l.resolve(segment)
	if a.segment == "organizations" || a.segment == "consumers" {
		refused = newError(90002, "segment", segment)
		refused.Code = invalidTenant
	}
	if refused != nil {
		return l.refuse(r, refused)
	}
	d := documentV1(l.base(r), a)
	if l.config.TenantKeys || l.schedule(a.segment) != nil {
		d.JWKSURI = l.base(r) + "/" + a.segment + "/discovery/keys" // those of common are other keys
	}
	d.JWKSURI += forApp(r)
	return answer{status: http.StatusOK, body: d, header: cached}
}

func documentV1(base string, a authority) discoveryDocumentV1 {
	at := base + "/" + a.segment
	d := discoveryDocumentV1{
		discoveryHead:               head(v1Issuer(a.issuerID)),
		MicrosoftMultiRefreshToken:  true,
		AuthorizationEndpoint:       at + "/oauth2/authorize",
		DeviceAuthorizationEndpoint: at + "/oauth2/devicecode",
		HTTPLogoutSupported:         true,
		FrontchannelLogoutSupported: true,
		EndSessionEndpoint:          at + "/oauth2/logout",
		ClaimsSupported: []string{"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name",
			"msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "email", "given_name", "family_name", "nickname"},
		CheckSessionIframe: at + "/oauth2/checksession",
		UserinfoEndpoint:   at + "/openid/userinfo",
		discoveryTail:      tail(at, a.region),
	}
	d.TokenEndpoint, d.JWKSURI = at+"/oauth2/token", base+"/common/discovery/keys"
	d.ResponseTypesSupported = []string{"code", "id_token", "code id_token", "token id_token", "token"}
	d.ScopesSupported = []string{"openid"}
	return d
}
