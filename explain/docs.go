package explain

// Where to read on. Each is a public page that says of its rule what the fix
// says, or a report of the very symptom.
const (
	entra     = "https://learn.microsoft.com/en-us/entra/"
	platform  = entra + "identity-platform/"
	confluent = "https://docs.confluent.io/cloud/current/"
	workload  = confluent + "security/authenticate/workload-identities/identity-providers/oauth/"

	docsAccessTokens      = platform + "access-tokens"
	docsAppRoles          = platform + "howto-add-app-roles-in-apps"
	docsBreakingChanges   = platform + "reference-breaking-changes"
	docsClaims            = platform + "access-token-claims-reference"
	docsClientCredentials = platform + "v2-oauth2-client-creds-grant-flow"
	docsCredentials       = platform + "how-to-add-credentials"
	docsErrorCodes        = platform + "reference-error-codes"
	docsIDTokens          = platform + "id-tokens"
	docsManifest          = platform + "reference-microsoft-graph-app-manifest"
	docsOptionalClaims    = platform + "optional-claims"
	docsServicePrincipal  = platform + "app-objects-and-service-principals"
	docsSigningKeys       = platform + "signing-key-rollover"
	docsConsent           = entra + "identity/enterprise-apps/grant-admin-consent"
	docsDisable           = entra + "identity/enterprise-apps/disable-user-sign-in-portal"
	docsConditionalAccess = entra + "identity/conditional-access/workload-identity"
	docsFederation        = entra + "workload-id/workload-identity-federation"

	docsClientReference = workload + "clients/configuration-reference.html"
	docsJWKSRefresh     = workload + "jwks-manual-refresh.html"
	docsProviders       = workload + "identity-providers.html"
	docsTroubleshooting = workload + "troubleshooting.html"
	docsPools           = confluent + "access-management/authenticate/oauth/identity-pools.html"
	docsRoleBindings    = confluent + "security/access-control/rbac/predefined-rbac-roles.html"
	docsLibrdkafka      = "https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md"
	docsKafkaUpgrade    = "https://kafka.apache.org/documentation/#security_sasl_oauthbearer"
	docsSharedIssuers   = "https://support.confluent.io/hc/en-us/articles/48666617173780-OAuth-OIDC-Identity-Pool-Filters-Requirement-Update-in-Confluent-Cloud"
	docsConfluentAPI    = "https://github.com/confluentinc/ccloud-sdk-go-v2/blob/b5d63ec49044539918deb877ff9379eabc8c9e38/identity-provider/v2/api/openapi.yaml"
	docsClusterMissing  = "https://github.com/kedacore/keda/issues/5757"
)
