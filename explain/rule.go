package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/idpool/idpool/validator"
)

// rule is one known reason for a refusal.
type rule struct {
	id string
	// checks that, having failed, make the rule worth asking.
	checks []string
	// find says whether the rule applies, and what to say then.
	find func(*situation) finding
	docs string
}

// finding is what a rule has to say: one sentence with the values seen, and
// the steps of the fix. The zero finding means that the rule does not apply.
type finding struct {
	summary string
	steps   []string
}

// found makes a finding; the summary is a format.
func found(steps []string, summary string, args ...any) finding {
	return finding{summary: fmt.Sprintf(summary, args...), steps: steps}
}

// table is every rule there is, most likely first among those of one check.
// A new rule is one line in the list of its side, and one function in the file
// that the list names.
var table = sync.OnceValue(func() []rule {
	return slices.Concat(endpointRules(), clientRules(), tokenRules(), requestRules(), filterRules(), rightsRules(), remainingRules(), bindingRules())
})

// on are the checks that a rule hangs on.
func on(checks ...string) []string { return checks }

// endpointRules are about refusals of the token endpoint: token_endpoint.go.
func endpointRules() []rule {
	return []rule{
		{"secret-is-id", on(checkTokenEndpoint), secretIsID, docsCredentials},
		{"secret-wrong", on(checkTokenEndpoint), secretWrong, docsCredentials},
		{"secret-expired", on(checkTokenEndpoint), secretExpired, docsCredentials},
		{"credential-missing", on(checkTokenEndpoint), credentialMissing, docsClientCredentials},
		{"app-disabled", on(checkTokenEndpoint), appDisabled, docsDisable},
		{"api-disabled", on(checkTokenEndpoint), apiDisabled, docsDisable},
		{"conditional-access", on(checkTokenEndpoint), conditionalAccess, docsConditionalAccess},
		{"no-service-principal", on(checkTokenEndpoint), noServicePrincipal, docsServicePrincipal},
		{"assignment-required", on(checkTokenEndpoint), assignmentRequired, docsAppRoles},
		{"scope-missing", on(checkTokenEndpoint), scopeMissing, docsClientCredentials},
		{"scope-not-default", on(checkTokenEndpoint), scopeNotDefault, docsClientCredentials},
		{"scope-two-resources", on(checkTokenEndpoint), scopeTwoResources, docsClientCredentials},
		{"parameter-missing", on(checkTokenEndpoint), parameterMissing, docsClientCredentials},
		{"grant-unsupported", on(checkTokenEndpoint), grantUnsupported, docsClientCredentials},
		{"fic-subject-case", on(checkTokenEndpoint), ficSubjectCase, docsBreakingChanges},
		{"assertion-audience", on(checkTokenEndpoint), assertionAudience, docsFederation},
	}
}

// clientRules are about what the client printed when it gave up by itself: clienttext.go.
func clientRules() []rule {
	return []rule{
		{"allowed-urls", on(checkClient), allowedURLs, docsKafkaUpgrade},
		{"tls-ca", on(checkClient), tlsCA, docsLibrdkafka},
		{"callback-handler-class", on(checkClient), callbackHandlerClass, docsKafkaUpgrade},
		{"librdkafka-without-oidc", on(checkClient), librdkafkaWithoutOIDC, docsLibrdkafka},
		{"client-claim-missing", on(checkClient), clientClaimMissing, docsLibrdkafka},
		{"schema-registry-cluster", on(checkClient), schemaRegistryCluster, docsClientReference},
		{"static-token-expired", on(checkClient), staticTokenExpired, docsTroubleshooting},
	}
}

// tokenRules are about the token and the keys, most of them visible without a signature: keys.go.
func tokenRules() []rule {
	return []rule{
		{"opaque-token", on(checkClient, validator.CheckFormat), opaqueToken, docsTroubleshooting},
		{"signature-missing", on(validator.CheckFormat, validator.CheckSignature), signatureMissing, docsAccessTokens},
		{"alg-not-allowed", on(validator.CheckAlgorithm), algNotAllowed, docsAccessTokens},
		{"id-token-used", on(validator.CheckProvider, validator.CheckFilter, validator.CheckIdentity), idTokenUsed, docsIDTokens},
		{"claim-v1-v2", on(validator.CheckFilter), claimV1V2, docsClaims},
		{"v1-token", on(validator.CheckProvider, validator.CheckFilter), v1Token, docsManifest},
		{"issuer-trailing-slash", on(validator.CheckProvider), issuerTrailingSlash, docsProviders},
		{"wrong-tenant", on(checkTokenEndpoint, validator.CheckProvider), wrongTenant, docsAccessTokens},
		{"app-unknown", on(checkTokenEndpoint), appUnknown, docsErrorCodes},
		{"issuer-mismatch", on(validator.CheckProvider), issuerMismatch, docsTroubleshooting},
		{"jwks-wrong-uri", on(validator.CheckKey, validator.CheckSignature), jwksWrongURI, docsProviders},
		{"jwks-unreachable", on(validator.CheckKey), jwksUnreachable, docsJWKSRefresh},
		{"no-kid", on(validator.CheckKey), noKid, docsSigningKeys},
		{"jwks-stale", on(validator.CheckKey), jwksStale, docsJWKSRefresh},
		{"token-tampered", on(validator.CheckSignature), tokenTampered, docsAccessTokens},
		{"token-expired", on(validator.CheckExpiry), tokenExpired, docsTroubleshooting},
		{"clock-skew", on(validator.CheckExpiry, validator.CheckNotBefore), clockSkew, docsTroubleshooting},
	}
}

// requestRules are about what the client sent beside the token: client.go, extension.go.
func requestRules() []rule {
	return []rule{
		{"no-clusters", on(validator.CheckCluster), noClusters, docsClientReference},
		{"extension-key", on(checkClient, validator.CheckCluster, validator.CheckPool, validator.CheckFilter), extensionKey, docsClientReference},
		{"no-extensions", on(validator.CheckCluster), noExtensions, docsClientReference},
		{"cluster-missing", on(checkClient, validator.CheckCluster), clusterMissing, docsClusterMissing},
		{"cluster-wrong", on(checkClient, validator.CheckCluster), clusterWrong, docsClientReference},
		{"pool-unknown", on(checkClient, validator.CheckPool), poolUnknown, docsPools},
	}
}

// filterRules are about filters that are at fault themselves: filter.go.
func filterRules() []rule {
	return []rule{
		{"filter-syntax", on(validator.CheckFilter), filterSyntax, docsPools},
		{"filter-not-bool", on(validator.CheckFilter), filterNotBool, docsPools},
		{"eq-on-array", on(validator.CheckFilter), eqOnArray, docsPools},
		{"in-on-string", on(validator.CheckFilter), inOnString, docsPools},
		{"aud-uri-vs-guid", on(validator.CheckFilter), audURIvsGUID, docsClaims},
		{"namespaced-claim", on(validator.CheckFilter), namespacedClaim, docsPools},
		{"claim-misspelt", on(validator.CheckFilter), claimMisspelt, docsClaims},
		{"neq-on-missing", on(validator.CheckFilter), neqOnMissing, docsPools},
	}
}

// rightsRules are about rights that the client has not: azure.go.
func rightsRules() []rule {
	return []rule{
		{"wrong-resource", on(checkTokenEndpoint, validator.CheckFilter), wrongResource, docsClientCredentials},
		{"role-not-issued", on(validator.CheckFilter), roleNotIssued, docsAppRoles},
		{"token-before-grant", on(validator.CheckFilter), tokenBeforeGrant, docsAppRoles},
		{"consent-missing", on(validator.CheckFilter), consentMissing, docsConsent},
		{"role-typo", on(validator.CheckFilter), roleTypo, docsAppRoles},
		{"role-not-assigned", on(validator.CheckFilter), roleNotAssigned, docsAppRoles},
		{"no-app-role", on(validator.CheckFilter), noAppRole, docsAppRoles},
	}
}

// remainingRules say what remains to be said of a filter, and of the identity claim: filter.go, client.go.
func remainingRules() []rule {
	return []rule{
		{"claim-missing", on(validator.CheckFilter), claimMissing, docsOptionalClaims},
		{"pool-not-matched", on(validator.CheckFilter), poolNotMatched, docsPools},
		{"no-pool-matched", on(validator.CheckFilter), noPoolMatched, docsPools},
		{"filter-too-long", on(validator.CheckFilter), filterTooLong, docsConfluentAPI},
		{"identity-claim-missing", on(validator.CheckIdentity), identityClaimMissing, docsPools},
	}
}

// bindingRules are about clients that are logged in and may not do what they want: authorization.go.
func bindingRules() []rule {
	return []rule{
		{"binding-wrong-principal", on(validator.CheckAuthorization), bindingWrongPrincipal, docsRoleBindings},
		{"no-role-binding", on(checkClient, validator.CheckAuthorization), noRoleBinding, docsRoleBindings},
	}
}

// explain lists the causes of a failed check that are not already known, or,
// when no rule fits, the check itself.
func (s *situation) explain(failed validator.Check, known []validator.Cause) []validator.Cause {
	s.failed, s.explained = failed, false
	var causes []validator.Cause
	for _, r := range table() {
		if !slices.Contains(r.checks, failed.Name) {
			continue
		}
		f := r.find(s)
		if f.summary == "" {
			continue
		}
		s.explained = true
		if !slices.ContainsFunc(known, func(c validator.Cause) bool { return c.ID == r.id }) {
			causes = append(causes, validator.Cause{ID: r.id, Summary: f.summary, Fix: steps(f.steps...), Docs: r.docs})
		}
	}
	if s.explained {
		return causes
	}
	return []validator.Cause{s.bare(failed)}
}

// bare is a failed check as a cause: what it saw and what it wanted, and no
// guess why.
func (s *situation) bare(c validator.Check) validator.Cause {
	switch e := s.in.TokenError; {
	case c.Name == checkClient:
		return bareText(s.in.ClientError)
	case e != nil:
		return bareError(e)
	}
	summary := "the check " + c.Name + " failed"
	if c.Message != "" {
		summary += ": " + cut(c.Message)
	}
	if c.Got != "" || c.Want != "" {
		summary += fmt.Sprintf(" (got %s, want %s)", cut(cmp.Or(c.Got, "nothing")), cut(cmp.Or(c.Want, "something else")))
	}
	return validator.Cause{
		ID:      "check-" + c.Name,
		Summary: summary,
		Fix: steps("Compare what the check got with what it wanted.",
			"Change the side that is wrong: the token (Entra admin center → App registrations), the provider or pool (Confluent Cloud console → Accounts & access → Workload identities), or the client's settings.",
			"Get a new token and try again."),
		Docs: docsTroubleshooting,
	}
}

// bareError is an error of the token endpoint that no rule knows.
func bareError(e *TokenError) validator.Cause {
	id := "token-endpoint-error"
	if e.Number > 0 {
		id = "aadsts-" + strconv.Itoa(e.Number)
	}
	return validator.Cause{
		ID: id,
		Summary: fmt.Sprintf("the token endpoint gave no token to client %s: %s: %s",
			quote(e.ClientID), cut(cmp.Or(e.Code, "no error code")), cut(cmp.Or(e.Description, "no description"))),
		Fix: steps("Look up the AADSTS number of the message in Microsoft's list of error codes.",
			"Correct the client's request or the app registration (Entra admin center → App registrations) accordingly.",
			"Ask for a token again."),
		Docs: docsErrorCodes,
	}
}

// undecided is the cause when the decision names no failed check.
func undecided() validator.Cause {
	return validator.Cause{
		ID:      "undecided",
		Summary: "the token was not let in, and the decision names no check that failed",
		Fix: steps("Validate the token again with all checks, as idpool explain does.",
			"If there is still no failed check, report it as a bug of idpool with the header and claims of the token, never with its signature."),
		Docs: docsTroubleshooting,
	}
}
