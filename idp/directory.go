package idp

import "time"

// The types of this file are the directory as configured. Their JSON names are
// those of Microsoft Graph v1.0 (application, servicePrincipal,
// passwordCredential, appRole), which people know from app registrations.

// Tenant is a directory of Azure AD.
type Tenant struct {
	// ID is the tenant's GUID.
	ID string `json:"id"`
	// DisplayName is what error texts call the tenant. Empty means the id.
	DisplayName string `json:"displayName,omitempty"`
	// Domains are the verified domains, which may stand for the id in a URL.
	Domains []string `json:"domains,omitempty"`
	// Region is tenant_region_scope of the discovery document. Empty means WW.
	Region string `json:"tenantRegionScope,omitempty"`
	// Applications are the app registrations.
	Applications []Application `json:"applications,omitempty"`
}

// Application is an app registration together with its service principal.
type Application struct {
	// AppID is the client id, a GUID.
	AppID string `json:"appId"`
	// DisplayName is what error texts call the application.
	DisplayName string `json:"displayName,omitempty"`
	// IdentifierURIs are the App ID URIs by which a scope may name this
	// application as a resource.
	IdentifierURIs []string `json:"identifierUris,omitempty"`
	// API holds the settings of the application as a resource.
	API API `json:"api,omitzero"`
	// AccessTokenAcceptedVersion is the old manifest's name for
	// API.RequestedAccessTokenVersion.
	AccessTokenAcceptedVersion *int `json:"accessTokenAcceptedVersion,omitempty"`
	// AppRoles are the roles that this application defines as a resource.
	AppRoles []AppRole `json:"appRoles,omitempty"`
	// PasswordCredentials are the client secrets.
	PasswordCredentials []PasswordCredential `json:"passwordCredentials,omitempty"`
	// RequiredResourceAccess is what the application requests; without
	// consent (AppRoleAssignments) it gives no role.
	RequiredResourceAccess []RequiredResourceAccess `json:"requiredResourceAccess,omitempty"`
	// ServicePrincipal is the application's identity in the tenant.
	ServicePrincipal ServicePrincipal `json:"servicePrincipal,omitzero"`
	// AppRoleAssignments are the roles granted to the service principal: what
	// "grant admin consent" creates.
	AppRoleAssignments []AppRoleAssignment `json:"appRoleAssignments,omitempty"`
}

// API holds the settings of an application as a resource.
type API struct {
	// RequestedAccessTokenVersion is the version of access tokens for this
	// resource: 2, or 1, or nil, which means 1 as in Azure.
	RequestedAccessTokenVersion *int `json:"requestedAccessTokenVersion,omitempty"`
}

// AppRole is a role that a resource defines.
type AppRole struct {
	// ID is a GUID. Empty means one derived from the appId and the value.
	ID string `json:"id,omitempty"`
	// Value is what appears in the roles claim.
	Value string `json:"value"`
	// DisplayName and Description are for people.
	DisplayName string `json:"displayName,omitempty"`
	Description string `json:"description,omitempty"`
	// AllowedMemberTypes are Application and User. Empty means Application. A
	// role for users only is never in an app-only token.
	AllowedMemberTypes []string `json:"allowedMemberTypes,omitempty"`
	// IsEnabled is true when nil. A disabled role is not issued.
	IsEnabled *bool `json:"isEnabled,omitempty"`
}

// PasswordCredential is a client secret.
type PasswordCredential struct {
	// KeyID is the secret's id, a GUID that people mistake for the secret.
	KeyID string `json:"keyId,omitempty"`
	// DisplayName and Hint are for people.
	DisplayName string `json:"displayName,omitempty"`
	Hint        string `json:"hint,omitempty"`
	// SecretText is the secret. Azure never exports it.
	SecretText string `json:"secretText"`
	// StartDateTime and EndDateTime bound the validity; zero means no bound.
	StartDateTime time.Time `json:"startDateTime,omitzero"`
	EndDateTime   time.Time `json:"endDateTime,omitzero"`
}

// ServicePrincipal is an application's identity in a tenant.
type ServicePrincipal struct {
	// ID is the object id: oid and sub of the application's tokens. Empty
	// means one derived from the tenant and the appId.
	ID string `json:"id,omitempty"`
}

// AppRoleAssignment grants roles of a resource to a client.
type AppRoleAssignment struct {
	// Resource is the appId of the application that defines the roles.
	Resource string `json:"resource"`
	// Roles are values of that application's AppRoles.
	Roles []string `json:"roles"`
}

// RequiredResourceAccess requests permissions of one resource.
type RequiredResourceAccess struct {
	// ResourceAppID is the resource's appId.
	ResourceAppID string `json:"resourceAppId"`
	// ResourceAccess are the permissions requested.
	ResourceAccess []ResourceAccess `json:"resourceAccess"`
}

// ResourceAccess requests one permission.
type ResourceAccess struct {
	// ID is the id of an app role or of a delegated scope.
	ID string `json:"id"`
	// Type is Role for an app role, Scope for a delegated permission.
	Type string `json:"type"`
}

// TokenVersion is the version of the access tokens that are issued for the
// application as a resource: 1 unless it asks for 2. The resource decides, not
// the endpoint (azure-ad.md 3.7).
func (a Application) TokenVersion() int {
	for _, v := range []*int{a.API.RequestedAccessTokenVersion, a.AccessTokenAcceptedVersion} {
		if v != nil && *v == 2 {
			return 2
		}
	}
	return 1
}

// RoleID is the role's id in an application, derived when it has none.
func (r AppRole) RoleID(appID string) string {
	if r.ID != "" {
		return r.ID
	}
	return deriveID("appRole", appID, r.Value)
}

// issuable says whether app-only tokens may carry the role.
func (r AppRole) issuable() bool {
	if r.IsEnabled != nil && !*r.IsEnabled {
		return false
	}
	for _, m := range r.AllowedMemberTypes {
		if m == "Application" {
			return true
		}
	}
	return len(r.AllowedMemberTypes) == 0
}
