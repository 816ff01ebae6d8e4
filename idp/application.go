package idp

import (
	"slices"
	"time"
)

// Application is an app registration together with its service principal.
type Application struct {
	// AppID is the client id, a GUID.
	AppID string `json:"appId"`
	// ID is the object id of the registration. No token has it; people mistake it
	// for the client id.
	ID string `json:"id,omitempty"`
	// DisplayName is what error texts call the application.
	DisplayName string `json:"displayName,omitempty"`
	// IdentifierURIs are the App ID URIs by which a scope may name this
	// application as a resource.
	IdentifierURIs []string `json:"identifierUris,omitempty"`
	// SignInAudience is AzureADMyOrg, which is what empty means, or one of the
	// audiences of several tenants: AzureADMultipleOrgs,
	// AzureADandPersonalMicrosoftAccount, PersonalMicrosoftAccount.
	SignInAudience string `json:"signInAudience,omitempty"`
	// API holds the settings of the application as a resource.
	API API `json:"api,omitzero"`
	// AccessTokenAcceptedVersion is the old manifest's name for
	// API.RequestedAccessTokenVersion.
	AccessTokenAcceptedVersion *int `json:"accessTokenAcceptedVersion,omitempty"`
	// AppRoles are the roles that this application defines as a resource.
	AppRoles []AppRole `json:"appRoles,omitempty"`
	// PasswordCredentials are the client secrets.
	PasswordCredentials []PasswordCredential `json:"passwordCredentials,omitempty"`
	// KeyCredentials are the client certificates.
	KeyCredentials []KeyCredential `json:"keyCredentials,omitempty"`
	// FederatedIdentityCredentials are the tokens of other issuers that prove
	// the client.
	FederatedIdentityCredentials []FederatedIdentityCredential `json:"federatedIdentityCredentials,omitempty"`
	// OptionalClaims are what tokens for this application as a resource have in
	// addition.
	OptionalClaims OptionalClaims `json:"optionalClaims,omitzero"`
	// Claims are put into every token that this application gets as a client: a
	// name and any JSON value. It is idpool's own, for what a claims mapping
	// policy does in Azure. Names that Azure sets itself are refused.
	Claims map[string]any `json:"claims,omitempty"`
	// RequiredResourceAccess is what the application requests; without
	// consent (AppRoleAssignments) it gives no role.
	RequiredResourceAccess []RequiredResourceAccess `json:"requiredResourceAccess,omitempty"`
	// ServicePrincipal is the application's identity in the tenant that it is
	// registered in.
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
	// SecretText is the secret. Azure never exports it; without it the credential
	// lets nobody in.
	SecretText string `json:"secretText,omitempty"`
	// Disabled keeps the secret in the config and lets nobody in with it. It is
	// idpool's own: in Azure one deletes the secret.
	Disabled bool `json:"disabled,omitempty"`
	// StartDateTime and EndDateTime bound the validity; zero means no bound.
	StartDateTime time.Time `json:"startDateTime,omitzero"`
	EndDateTime   time.Time `json:"endDateTime,omitzero"`
}

// KeyCredential is a client certificate.
type KeyCredential struct {
	// KeyID is the credential's id, a GUID.
	KeyID string `json:"keyId,omitempty"`
	// DisplayName is for people.
	DisplayName string `json:"displayName,omitempty"`
	// Type is AsymmetricX509Cert and Usage is Verify, which is what empty means.
	Type  string `json:"type,omitempty"`
	Usage string `json:"usage,omitempty"`
	// CustomKeyIdentifier is the certificate's SHA-1 thumbprint, in hex or base64.
	CustomKeyIdentifier string `json:"customKeyIdentifier,omitempty"`
	// StartDateTime and EndDateTime bound the validity; zero means those of the
	// certificate.
	StartDateTime time.Time `json:"startDateTime,omitzero"`
	EndDateTime   time.Time `json:"endDateTime,omitzero"`
	// Key is the certificate: base64 of its DER, as in Graph, or PEM. Azure
	// exports it only when asked; without it the credential lets nobody in.
	Key string `json:"key,omitempty"`
	// File is a PEM file with the certificate, instead of Key, relative to the
	// config file. It is idpool's own, and read by the stack: package idp itself
	// reads no files.
	File string `json:"file,omitempty"`
}

// FederatedIdentityCredential trusts tokens of another issuer. Issuer, subject
// and audience are compared exactly, with regard to case.
type FederatedIdentityCredential struct {
	// Name is the credential's name, at most 120 characters.
	Name string `json:"name,omitempty"`
	// Issuer is the iss of the other issuer's tokens, whose discovery document
	// is at Issuer/.well-known/openid-configuration.
	Issuer string `json:"issuer"`
	// Subject is their sub.
	Subject string `json:"subject"`
	// Audiences is their aud: exactly one. Empty means
	// api://AzureADTokenExchange.
	Audiences []string `json:"audiences,omitempty"`
	// Description is for people.
	Description string `json:"description,omitempty"`
}

// OptionalClaims are those of an app manifest.
type OptionalClaims struct {
	// AccessToken are the claims of access tokens for the application.
	AccessToken []OptionalClaim `json:"accessToken,omitempty"`
	// IDToken and SAML2Token are those of tokens that idpool does not issue.
	IDToken    []OptionalClaim `json:"idToken,omitempty"`
	SAML2Token []OptionalClaim `json:"saml2Token,omitempty"`
}

// OptionalClaim is a claim that a resource asks for. App-only tokens can have
// idtyp, and aud with use_guid; Azure knows others, which give nothing here.
type OptionalClaim struct {
	// Name is the claim's name.
	Name string `json:"name"`
	// Source and Essential are of no consequence in app-only tokens.
	Source    string `json:"source,omitempty"`
	Essential bool   `json:"essential,omitempty"`
	// AdditionalProperties refine it.
	AdditionalProperties []string `json:"additionalProperties,omitempty"`
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

// Unissued says why no app-only token carries the role, as in "is disabled";
// empty when one can.
func (r AppRole) Unissued() string {
	if r.IsEnabled != nil && !*r.IsEnabled {
		return "is disabled"
	}
	if len(r.AllowedMemberTypes) > 0 && !slices.Contains(r.AllowedMemberTypes, "Application") {
		return "is for users only"
	}
	return ""
}
