package idp

// otherErrors are errors of Azure's that no request gets from idpool: older numbers
// of those in errorTable, what comes of other clouds, certificates and grants, and
// failures of Azure itself. Faults answer with them. The rows follow azure-ad.md 5.3
// to 5.7; provoke says what Azure sends them for.
var otherErrors = map[int]aadsts{
	50001:   {code: "invalid_resource", text: "The application named {resource} was not found in the tenant named {tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.", provoke: "the older number of 500011"},
	50105:   {code: "invalid_grant", text: "Application '{appId}' is not assigned to a role for the application '{resource}'.", provoke: "the older number of 501051"},
	50196:   {code: "invalid_grant", text: "The server terminated an operation because it encountered a client request loop. Please contact your app vendor.", provoke: "a client that asks for the same token again and again instead of keeping it"},
	65001:   {code: "invalid_grant", suberror: "consent_required", noURI: true, text: "The user or administrator has not consented to use the application with ID '{appId}' named '{name}'. Send an interactive authorization request for this user and resource.", provoke: "a permission without consent"},
	70001:   {code: "unauthorized_client", text: "Application with identifier '{appId}' was not found in the directory {tenant}", provoke: "the older number of 700016"},
	70021:   {code: "invalid_request", text: "No matching federated identity record found for presented assertion. Assertion Issuer: '{iss}'. Assertion Subject: '{sub}'. Assertion Audience: '{aud}'. https://docs.microsoft.com/en-us/azure/active-directory/develop/workload-identity-federation", provoke: "the older number of 700211, 700212 and 700213"},
	90006:   {code: "temporarily_unavailable", status: 503, noURI: true, text: transientText, provoke: "a failure of Azure's that passes"},
	90024:   {code: "temporarily_unavailable", status: 503, noURI: true, text: transientText, provoke: "a failure of Azure's that passes"},
	90033:   {code: "temporarily_unavailable", status: 503, noURI: true, text: transientText, provoke: "a failure of Azure's that passes"},
	90055:   {code: "temporarily_unavailable", status: 429, text: "TenantThrottlingError - There are too many incoming requests", provoke: "a tenant with too many requests"},
	90061:   {code: "invalid_request", noURI: true, text: "Request to External OIDC endpoint failed.", provoke: "another number of 50166"},
	90090:   {code: "temporarily_unavailable", status: 503, noURI: true, text: transientText, provoke: "a failure of Azure's that passes"},
	501661:  {code: "invalid_request", noURI: true, text: "Request to External OIDC endpoint failed.", provoke: "another number of 50166"},
	700025:  {code: "invalid_client", text: "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.", provoke: "the credential of a client that is registered as a public one"},
	700030:  {code: "invalid_client", text: "Invalid certificate - subject name in certificate is not authorized. SubjectNames/SubjectAlternativeNames (up to 10) in token certificate are: {subjects}.", provoke: "a certificate that is trusted by its subject name, with another name"},
	700222:  {code: "invalid_client", text: "AAD-issued tokens may not be used for federated identity flows.", provoke: "a client assertion that Azure itself has issued"},
	700229:  {code: "invalid_client", text: "Forbidden token type. Only app-only tokens may be used as Federated Identity Credentials for AAD issuer.", provoke: "a person's token as the client assertion"},
	900382:  {code: "invalid_client", text: "Confidential Client is not supported in Cross Cloud request.", provoke: "the credential of another national cloud"},
	7000218: {code: "invalid_client", text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.", provoke: "no credential, with other grants than client credentials"},
}

const transientText = "A transient error has occurred. Please try again."

// errorRow is the row of a number.
func errorRow(number int) (aadsts, bool) {
	if row, known := errorTable[number]; known {
		return row, true
	}
	row, known := otherErrors[number]
	return row, known
}

// KnowsError says whether [NewError] has Azure's text for a number.
func KnowsError(number int) bool {
	_, known := errorRow(number)
	return known
}
