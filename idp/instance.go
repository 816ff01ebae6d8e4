package idp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// instanceDiscovery is the answer of /common/discovery/instance, by which
// Microsoft's libraries learn which hosts they may trust (azure-ad.md 6.2).
type instanceDiscovery struct {
	TenantDiscoveryEndpoint string          `json:"tenant_discovery_endpoint"`
	APIVersion              string          `json:"api-version"`
	Metadata                []cloudInstance `json:"metadata"`
}

type cloudInstance struct {
	PreferredNetwork string   `json:"preferred_network"`
	PreferredCache   string   `json:"preferred_cache"`
	Aliases          []string `json:"aliases"`
}

// AzureHost is where programs ask Azure's public cloud for tokens.
const AzureHost = "login.microsoftonline.com"

// AzureHosts are the names by which programs reach the public cloud, AzureHost
// being the first: what a certificate covers, and a network points at idpool, for
// those whose authority is written into the program (azure-ad.md 6.2).
func AzureHosts() []string {
	return []string{AzureHost, "login.windows.net", "sts.windows.net"}
}

// worldwide is the public cloud, whose hosts idpool can stand in for.
var worldwide = cloudInstance{
	PreferredNetwork: AzureHost,
	PreferredCache:   "login.windows.net",
	Aliases:          []string{AzureHost, "login.windows.net", "login.microsoft.com", "sts.windows.net"},
}

// instanceDiscovery is GET /common/discovery/instance.
func (l listener) instanceDiscovery(_ http.ResponseWriter, r *http.Request) answer {
	query := r.URL.Query()
	authorize, err := url.Parse(query.Get("authorization_endpoint"))
	if err != nil || authorize.Scheme != "https" && authorize.Scheme != "http" {
		return l.refuse(r, newError(50049))
	}
	metadata := []cloudInstance{worldwide}
	if !slices.Contains(worldwide.Aliases, strings.ToLower(authorize.Hostname())) {
		own, err := url.Parse(l.base(r))
		if err != nil || !strings.EqualFold(own.Hostname(), authorize.Hostname()) {
			return l.refuse(r, newError(50049))
		}
		metadata = append(metadata, cloudInstance{authorize.Host, authorize.Host, []string{authorize.Host}})
	}
	version := "1.1"
	if query.Get("api-version") == "1.0" {
		version = "1.0"
	}
	return answer{status: http.StatusOK, header: cached, body: instanceDiscovery{
		TenantDiscoveryEndpoint: tenantDiscovery(authorize), APIVersion: version, Metadata: metadata,
	}}
}

// tenantDiscovery is the discovery document beside an authorization endpoint,
// of the same version.
func tenantDiscovery(authorize *url.URL) string {
	segment, rest, _ := strings.Cut(strings.TrimPrefix(authorize.Path, "/"), "/")
	at := authorize.Scheme + "://" + authorize.Host + "/" + segment
	if strings.HasPrefix(rest, "oauth2/v2.0/") {
		at += "/v2.0"
	}
	return at + "/.well-known/openid-configuration"
}
