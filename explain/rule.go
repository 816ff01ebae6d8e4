package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

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
// A new rule is one line here and one function in the file of its side.
func table() []rule {
	on := func(checks ...string) []string { return checks }
	endpoint, client, filter := on(checkTokenEndpoint), on(checkClient), on(validator.CheckFilter)
	return []rule{
		// The token endpoint refused; see token_endpoint.go.
		{"secret-is-id", endpoint, secretIsID, docsCredentials},
		{"secret-wrong", endpoint, secretWrong, docsCredentials},
		{"secret-expired", endpoint, secretExpired, docsCredentials},
		{"credential-missing", endpoint, credentialMissing, docsClientCredentials},
		{"app-disabled", endpoint, appDisabled, docsDisable},
		{"api-disabled", endpoint, apiDisabled, docsDisable},
		{"conditional-access", endpoint, conditionalAccess, docsConditionalAccess},
		{"no-service-principal", endpoint, noServicePrincipal, docsServicePrincipal},
		{"assignment-required", endpoint, assignmentRequired, docsAppRoles},
		{"scope-missing", endpoint, scopeMissing, docsClientCredentials},
		{"scope-not-default", endpoint, scopeNotDefault, docsClientCredentials},
		{"scope-two-resources", endpoint, scopeTwoResources, docsClientCredentials},
		{"parameter-missing", endpoint, parameterMissing, docsClientCredentials},
		{"grant-unsupported", endpoint, grantUnsupported, docsClientCredentials},
		{"fic-subject-case", endpoint, ficSubjectCase, docsBreakingChanges},
		{"assertion-audience", endpoint, assertionAudience, docsFederation},

		// The client itself gave up, and said so; see clienttext.go.
		{"allowed-urls", client, allowedURLs, docsKafkaUpgrade},
		{"tls-ca", client, tlsCA, docsLibrdkafka},
		{"callback-handler-class", client, callbackHandlerClass, docsKafkaUpgrade},
		{"librdkafka-without-oidc", client, librdkafkaWithoutOIDC, docsLibrdkafka},
		{"client-claim-missing", client, clientClaimMissing, docsLibrdkafka},
		{"schema-registry-cluster", client, schemaRegistryCluster, docsClientReference},
		{"static-token-expired", client, staticTokenExpired, docsTroubleshooting},

		// No check needs a signature to see these; see keys.go.
		{"opaque-token", on(checkClient, validator.CheckFormat), opaqueToken, docsTroubleshooting},
		{"signature-missing", on(validator.CheckFormat, validator.CheckSignature), signatureMissing, docsAccessTokens},
		{"alg-not-allowed", on(validator.CheckAlgorithm), algNotAllowed, docsAccessTokens},
		{"id-token-used", on(validator.CheckProvider, validator.CheckFilter, validator.CheckIdentity), idTokenUsed, docsIDTokens},
		{"claim-v1-v2", filter, claimV1V2, docsClaims},
		{"v1-token", on(validator.CheckProvider, validator.CheckFilter), v1Token, docsManifest},
		{"issuer-trailing-slash", on(validator.CheckProvider), issuerTrailingSlash, docsProviders},
		{"wrong-tenant", on(checkTokenEndpoint, validator.CheckProvider), wrongTenant, docsAccessTokens},
		{"app-unknown", endpoint, appUnknown, docsErrorCodes},
		{"issuer-mismatch", on(validator.CheckProvider), issuerMismatch, docsTroubleshooting},
		{"jwks-wrong-uri", on(validator.CheckKey, validator.CheckSignature), jwksWrongURI, docsProviders},
		{"jwks-unreachable", on(validator.CheckKey), jwksUnreachable, docsJWKSRefresh},
		{"no-kid", on(validator.CheckKey), noKid, docsSigningKeys},
		{"jwks-stale", on(validator.CheckKey), jwksStale, docsJWKSRefresh},
		{"token-tampered", on(validator.CheckSignature), tokenTampered, docsAccessTokens},
		{"token-expired", on(validator.CheckExpiry), tokenExpired, docsTroubleshooting},
		{"clock-skew", on(validator.CheckExpiry, validator.CheckNotBefore), clockSkew, docsTroubleshooting},

		// What the client sent beside the token; see client.go.
		{"no-clusters", on(validator.CheckCluster), noClusters, docsClientReference},
		{"extension-key", on(checkClient, validator.CheckCluster, validator.CheckPool, validator.CheckFilter), extensionKey, docsClientReference},
		{"no-extensions", on(validator.CheckCluster), noExtensions, docsClientReference},
		{"cluster-missing", on(checkClient, validator.CheckCluster), clusterMissing, docsClusterMissing},
		{"cluster-wrong", on(checkClient, validator.CheckCluster), clusterWrong, docsClientReference},
		{"pool-unknown", on(validator.CheckPool), poolUnknown, docsPools},

		// The filter is at fault; see filter.go.
		{"filter-syntax", filter, filterSyntax, docsPools},
		{"filter-not-bool", filter, filterNotBool, docsPools},
		{"eq-on-array", filter, eqOnArray, docsPools},
		{"in-on-string", filter, inOnString, docsPools},
		{"aud-uri-vs-guid", filter, audURIvsGUID, docsClaims},
		{"namespaced-claim", filter, namespacedClaim, docsPools},
		{"claim-misspelt", filter, claimMisspelt, docsClaims},
		{"neq-on-missing", filter, neqOnMissing, docsPools},

		// The client has not the rights; see azure.go.
		{"wrong-resource", on(checkTokenEndpoint, validator.CheckFilter), wrongResource, docsClientCredentials},
		{"role-not-issued", filter, roleNotIssued, docsAppRoles},
		{"token-before-grant", filter, tokenBeforeGrant, docsAppRoles},
		{"consent-missing", filter, consentMissing, docsConsent},
		{"role-typo", filter, roleTypo, docsAppRoles},
		{"role-not-assigned", filter, roleNotAssigned, docsAppRoles},
		{"no-app-role", filter, noAppRole, docsAppRoles},

		// What remains to be said of a filter.
		{"claim-missing", filter, claimMissing, docsOptionalClaims},
		{"pool-not-matched", filter, poolNotMatched, docsPools},
		{"no-pool-matched", filter, noPoolMatched, docsPools},
		{"filter-too-long", filter, filterTooLong, docsConfluentAPI},
		{"identity-claim-missing", on(validator.CheckIdentity), identityClaimMissing, docsPools},

		// The client is logged in and may not do what it wants; see authorization.go.
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
