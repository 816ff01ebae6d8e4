package idp

// The types of this file and of application.go are the directory as
// configured. Their JSON names are those of Microsoft Graph v1.0 (application,
// servicePrincipal, passwordCredential, keyCredential, appRole), which people
// know from app registrations.

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
	// ServicePrincipals are those whose application is registered elsewhere:
	// multi-tenant applications of other tenants, and managed identities, which
	// have no registration at all.
	ServicePrincipals []ServicePrincipal `json:"servicePrincipals,omitempty"`
	// ConditionalAccessPolicies may refuse a token to service principals.
	ConditionalAccessPolicies []ConditionalAccessPolicy `json:"conditionalAccessPolicies,omitempty"`
}

// ServicePrincipal is an application's identity in a tenant.
type ServicePrincipal struct {
	// ID is the object id: oid and sub of the application's tokens. Empty
	// means one derived from the tenant and the appId.
	ID string `json:"id,omitempty"`
	// AppID is the client id. Inside an application it may be left out.
	AppID string `json:"appId,omitempty"`
	// DisplayName is for people, and for error texts when the principal is a
	// managed identity.
	DisplayName string `json:"displayName,omitempty"`
	// Absent means that the application has no service principal in the tenant,
	// as after "az ad app create" without "az ad sp create". It is idpool's own.
	Absent bool `json:"absent,omitempty"`
	// AccountEnabled is true when nil. Without it nobody gets a token as this
	// application or for it.
	AccountEnabled *bool `json:"accountEnabled,omitempty"`
	// AppRoleAssignmentRequired refuses tokens for this resource to clients that
	// have no assignment; false, the default of Azure, gives them a token
	// without roles.
	AppRoleAssignmentRequired bool `json:"appRoleAssignmentRequired,omitempty"`
	// Type is Application, which is what empty means, or ManagedIdentity.
	Type string `json:"servicePrincipalType,omitempty"`
	// AlternativeNames of a managed identity are isExplicit=True (user-assigned)
	// or isExplicit=False (system-assigned), and its ARM resource id.
	AlternativeNames []string `json:"alternativeNames,omitempty"`
	// AppRoleAssignments are the roles granted to the principal, in addition to
	// those of its application.
	AppRoleAssignments []AppRoleAssignment `json:"appRoleAssignments,omitempty"`
}

// AppRoleAssignment grants roles of a resource to a client.
type AppRoleAssignment struct {
	// Resource is the appId of the application that defines the roles.
	Resource string `json:"resource"`
	// Roles are values of that application's AppRoles. Empty assigns the client
	// without a role, which appRoleAssignmentRequired asks for.
	Roles []string `json:"roles,omitzero"`
}

// ConditionalAccessPolicy is a policy for workload identities. A policy other
// than an enabled one that blocks changes nothing.
type ConditionalAccessPolicy struct {
	// ID is a GUID. Empty means one derived from the tenant and the name.
	ID string `json:"id,omitempty"`
	// DisplayName is for people.
	DisplayName string `json:"displayName,omitempty"`
	// State is enabled, which is what empty means, disabled, or
	// enabledForReportingButNotEnforced.
	State string `json:"state,omitempty"`
	// Conditions say whom the policy concerns.
	Conditions PolicyConditions `json:"conditions,omitzero"`
	// GrantControls say what it demands.
	GrantControls PolicyGrantControls `json:"grantControls,omitzero"`
}

// PolicyConditions say whom a ConditionalAccessPolicy concerns.
type PolicyConditions struct {
	// ClientApplications are the service principals.
	ClientApplications PolicyClients `json:"clientApplications,omitzero"`
}

// PolicyClients name service principals.
type PolicyClients struct {
	// IncludeServicePrincipals are object ids, or ServicePrincipalsInMyTenant.
	IncludeServicePrincipals []string `json:"includeServicePrincipals,omitempty"`
	// ExcludeServicePrincipals are object ids.
	ExcludeServicePrincipals []string `json:"excludeServicePrincipals,omitempty"`
}

// PolicyGrantControls say what a ConditionalAccessPolicy demands.
type PolicyGrantControls struct {
	// BuiltInControls is block; Azure has no other for workload identities.
	BuiltInControls []string `json:"builtInControls,omitempty"`
}
