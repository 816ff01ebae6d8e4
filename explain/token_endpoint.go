package explain

import (
	"cmp"
	"slices"
	"strings"
)

// The rules of this file read the AADSTS number of a TokenError. Microsoft
// warns that programs must not depend on the numbers; a rule that misses one
// falls back to the error as it came.

// refusedWith says whether the token endpoint refused with one of the numbers.
func (s *situation) refusedWith(numbers ...int) bool {
	return s.in.TokenError != nil && slices.Contains(numbers, s.in.TokenError.Number)
}

// theClient calls the client as a sentence does.
func (s *situation) theClient() string {
	if s.clientID() == "" {
		return "the client"
	}
	return "application " + named(s.client, s.clientID())
}

// registration is the portal path to a blade of the client's registration.
func (s *situation) registration(blade string) string {
	return "Entra admin center → App registrations → " + short(s.client, s.clientID(), "the client") + " → " + blade
}

// where the client id, secret and scope go in the clients of this world.
const (
	secretSettings = "Put the value into the client: clientSecret in sasl.jaas.config (Java), or sasl.oauthbearer.client.secret (librdkafka)."
	scopeSettings  = "in sasl.jaas.config as scope='%[1]s' (Java up to 4.0), or as sasl.oauthbearer.scope=%[1]s (Java from 4.1, librdkafka)"
)

// secretIsID is for the wrong column of the portal: the list of secrets shows
// Value and Secret ID side by side, and only the id can be read later.
func secretIsID(s *situation) finding {
	if !s.refusedWith(7000215) || !s.in.TokenError.SecretIsGUID {
		return finding{}
	}
	return found([]string{
		"Open " + s.registration("Certificates & secrets → Client secrets") + ".",
		"Take the column Value, not Secret ID. Azure shows the value only once: if it is hidden, add a new client secret and copy its Value at once.",
		secretSettings,
	}, "%s sent a secret that has the shape of a GUID: that is the secret's id, not its value (AADSTS7000215)", s.theClient())
}

// secretWrong cannot know why a secret is wrong; a caller that saw it can say
// whether it looks like an id.
func secretWrong(s *situation) finding {
	if !s.refusedWith(7000215) || s.in.TokenError.SecretIsGUID {
		return finding{}
	}
	return found([]string{
		"Open " + s.registration("Certificates & secrets → Client secrets") + ", and see whether the secret that the client uses is still listed (the first characters are shown).",
		"If you are not sure, select New client secret and copy the column Value at once; Secret ID is not the secret.",
		secretSettings,
		"Check that nothing was lost on the way: quotes, a trailing line break, a $ that a shell replaced, or ~ and + that were percent-encoded twice.",
	}, "%s sent a client secret that is not one of its own (AADSTS7000215)", s.theClient())
}

// secretExpired is for a secret past its endDateTime.
func secretExpired(s *situation) finding {
	if !s.refusedWith(7000222) {
		return finding{}
	}
	return found([]string{
		"Open " + s.registration("Certificates & secrets → Client secrets") + "; the column Expires shows the date that has passed.",
		"Select New client secret, choose how long it shall live, and copy its Value.",
		secretSettings,
		"Delete the expired secret, and note the new date where somebody will see it.",
	}, "the client secret of %s has expired (AADSTS7000222)", s.theClient())
}

// credentialMissing is for a request without any credential; Azure checks that
// before anything else.
func credentialMissing(s *situation) finding {
	if !s.refusedWith(7000216, 7000218) {
		return finding{}
	}
	return found([]string{
		"Take or make a secret in " + s.registration("Certificates & secrets") + ".",
		secretSettings,
		"If the client sends HTTP Basic, check that the part after the colon is not empty.",
	}, "%s asked for a token without a secret and without an assertion (AADSTS%d)", s.theClient(), s.in.TokenError.Number)
}

// appDisabled is for a service principal with accountEnabled false. Older
// messages share the number 70001 with an unknown application.
func appDisabled(s *situation) finding {
	disabled := s.refusedWith(70001) && strings.Contains(s.in.TokenError.Description, "disabled")
	if !s.refusedWith(7000112) && !disabled {
		return finding{}
	}
	return found([]string{
		"Open Entra admin center → Enterprise applications → " + short(s.client, s.clientID(), "the client") + " → Properties.",
		"Set \"Enabled for users to sign-in?\" to Yes and save. If it was disabled on purpose, ask who did it first.",
		"Ask for a token again; it may take a minute or two.",
	}, "%s is disabled in the tenant (AADSTS%d)", s.theClient(), s.in.TokenError.Number)
}

// apiDisabled is for the same at the resource: nobody gets a token for it.
func apiDisabled(s *situation) finding {
	if !s.refusedWith(500014) {
		return finding{}
	}
	api := s.scopeResource()
	return found([]string{
		"Open Entra admin center → Enterprise applications → " + api + " → Properties.",
		"Set \"Enabled for users to sign-in?\" to Yes and save. If it was disabled on purpose, ask who did it first.",
		"Ask for a token again; it may take a minute or two.",
	}, "%s asked for a token for %s, which is disabled in the tenant (AADSTS500014)", s.theClient(), api)
}

// conditionalAccess is for a policy for workload identities: neither request
// nor registration is at fault.
func conditionalAccess(s *situation) finding {
	if !s.refusedWith(53003) {
		return finding{}
	}
	return found([]string{
		"Open Entra admin center → Monitoring → Sign-in logs → Service principal sign-ins, and in the entry of this request the tab Conditional Access: it names the policy.",
		"Ask the owner of the policy to exclude the service principal of " + short(s.client, s.clientID(), "the client") + ", or run the client from a location that the policy allows.",
		"Ask for a token again.",
	}, "a Conditional Access policy of the tenant refuses tokens to %s (AADSTS53003)", s.theClient())
}

// noServicePrincipal is for az ad app create without az ad sp create, which the
// portal does by itself.
func noServicePrincipal(s *situation) finding {
	if !s.refusedWith(7000229) {
		return finding{}
	}
	id := cut(cmp.Or(s.clientID(), "<appId>"))
	return found([]string{
		"Create it: az ad sp create --id " + id + " (or " + s.registration("Overview → Create service principal") + ").",
		"Assign the app roles again in " + s.registration("API permissions") + " and grant admin consent: roles belong to the service principal.",
		"Ask for a token again.",
	}, "%s is registered, but has no service principal in the tenant (AADSTS7000229)", s.theClient())
}

// assignmentRequired is for an API with appRoleAssignmentRequired; without it,
// any application of the tenant gets a token.
func assignmentRequired(s *situation) finding {
	if !s.refusedWith(501051, 50105) {
		return finding{}
	}
	api := s.scopeResource()
	return found([]string{
		"Open " + s.registration("API permissions → Add a permission → APIs my organization uses") + " → " + api + " → Application permissions.",
		"Tick the role that the identity pool's filter wants and select Add permissions.",
		"Select Grant admin consent.",
		"Or, if every application of the tenant may have a token for this API: Enterprise applications → " + api + " → Properties → Assignment required? → No.",
		"Ask for a token again.",
	}, "%s is assigned to no role of %s, and that API requires an assignment (AADSTS%d)",
		s.theClient(), api, s.in.TokenError.Number)
}

// scopeMissing: client credentials have a number of their own for it, the
// delegated grants name the parameter.
func scopeMissing(s *situation) finding {
	e := s.in.TokenError
	if !s.refusedWith(90014) && (!s.refusedWith(900144) || !strings.Contains(e.Description, "'scope'")) {
		return finding{}
	}
	want := s.defaultScope()
	return found([]string{
		"Set the scope to " + want + ": " + strings.ReplaceAll(scopeSettings, "%[1]s", want) + ".",
		"Send it in the form body, not in the URL: parameters of the query do not count.",
		"Ask for a token again.",
	}, "%s asked for a token without a scope (AADSTS%d)", s.theClient(), e.Number)
}

// scopeNotDefault is for a scope of the delegated grants, such as api://x/Role,
// or one that is no URI at all.
func scopeNotDefault(s *situation) finding {
	if !s.refusedWith(1002012, 70011) {
		return finding{}
	}
	want := s.defaultScope()
	return found([]string{
		"Set the scope to " + want + ": " + strings.ReplaceAll(scopeSettings, "%[1]s", want) + ".",
		"Name no single role or permission there: with client credentials, /.default stands for every role that is assigned.",
		"Ask for a token again.",
	}, "%s asked for the scope %s, but client credentials take only the API's identifier followed by /.default (AADSTS%d)",
		s.theClient(), quote(s.in.TokenError.Scope), s.in.TokenError.Number)
}

// scopeTwoResources is for two APIs in one request: a token has one aud.
func scopeTwoResources(s *situation) finding {
	if !s.refusedWith(28000) {
		return finding{}
	}
	want := s.defaultScope()
	return found([]string{
		"Keep one of them, the API that Confluent Cloud trusts: " + want + ".",
		"Set it " + strings.ReplaceAll(scopeSettings, "%[1]s", want) + ".",
		"If the other API is needed too, ask for a second token.",
	}, "%s asked for a token for more than one API at once: %s (AADSTS28000)", s.theClient(), quote(s.in.TokenError.Scope))
}

// defaultScope is the scope that the client should ask for: that of the API it
// named, or else of the one API that it has roles for.
func (s *situation) defaultScope() string {
	named := s.application(s.resourceInScope())
	if named == nil && s.client != nil && len(s.client.Assigned) == 1 {
		for id := range s.client.Assigned {
			named = s.application(id)
		}
	}
	return defaultScopeOf(named)
}

// defaultScopeOf is the scope of an API, by the first of its URIs, as the
// portal shows it.
func defaultScopeOf(api *Application) string {
	switch {
	case api == nil:
		return "api://<appId of the API>/.default"
	case len(api.IdentifierURIs) > 0:
		return cut(api.IdentifierURIs[0]) + "/.default"
	}
	return cut(api.AppID) + "/.default"
}

// resourceInScope is the API that the scope asked for names.
func (s *situation) resourceInScope() string {
	if s.in.TokenError == nil {
		return ""
	}
	for scope := range strings.FieldsSeq(s.in.TokenError.Scope) {
		if api, ok := strings.CutSuffix(scope, "/.default"); ok {
			return api
		}
		if name := s.apiBefore(scope); name != "" {
			return name
		}
	}
	return ""
}

// apiBefore is the name of an API that a scope begins with, or "".
func (s *situation) apiBefore(scope string) string {
	for _, a := range s.in.Facts.Applications {
		for _, name := range slices.Concat(a.IdentifierURIs, []string{a.AppID}) {
			if hasPrefixFold(scope, name) {
				return name
			}
		}
	}
	return ""
}

func hasPrefixFold(s, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix))
}

// scopeResource calls the API of the scope by its name.
func (s *situation) scopeResource() string {
	id := s.resourceInScope()
	return short(s.application(id), id, "the API")
}

// parameterMissing is for requests that are no form post: Azure reads neither
// JSON nor the query, and then misses grant_type.
func parameterMissing(s *situation) finding {
	if !s.refusedWith(900144, 900561) || scopeMissing(s).summary != "" {
		return finding{}
	}
	return found([]string{
		"Send a POST with Content-Type: application/x-www-form-urlencoded; JSON bodies and parameters in the URL are not read.",
		"Send grant_type=client_credentials, client_id, scope and client_secret, or the id and secret as HTTP Basic.",
		"Compare with: curl -d grant_type=client_credentials -d client_id=… -d scope=" + s.defaultScope() + " --data-urlencode client_secret@secret.txt TOKEN-URL",
	}, "the token request is not complete: %s", s.aadsts())
}

// aadsts is Azure's own message, beginning with its number, without the trace
// ids behind it.
func (s *situation) aadsts() string {
	text, _, _ := strings.Cut(s.in.TokenError.Description, "Trace ID:")
	return cutTo(strings.TrimSuffix(strings.TrimSpace(text), "."), 2*longest)
}

// grantUnsupported is for a grant type that the endpoint does not know.
func grantUnsupported(s *situation) finding {
	if !s.refusedWith(70003) {
		return finding{}
	}
	return found([]string{
		"Set grant_type=client_credentials: that is how an application without a person gets a token.",
		"In librdkafka leave sasl.oauthbearer.grant.type unset or set it to client_credentials.",
		"Ask for a token again.",
	}, "%s asked with a grant type that is not supported: %s", s.theClient(), s.aadsts())
}

// appUnknown is for a client id that the tenant does not have; often it is an
// object id, or the secret.
func appUnknown(s *situation) finding {
	notFound := s.refusedWith(70001) && !strings.Contains(s.in.TokenError.Description, "disabled")
	if !s.refusedWith(700016) && !notFound || s.explained {
		return finding{}
	}
	id := s.in.TokenError.ClientID
	hint := "Copy Application (client) ID from Entra admin center → App registrations → the client → Overview; the Object ID beside it is another thing."
	if !isGUID(id) {
		hint = "A client id is a GUID, and what was sent is none: perhaps id and secret are swapped. " + hint
	}
	return found([]string{
		hint,
		"Put it into the client: clientId in sasl.jaas.config (Java), or sasl.oauthbearer.client.id (librdkafka).",
		"Check that the token URL names the tenant in which the client is registered.",
	}, "the tenant knows no application with the client id %s (AADSTS%d)", quote(id), s.in.TokenError.Number)
}

// ficSubjectCase has a number of its own since August 2024, when the comparison
// became case-sensitive.
func ficSubjectCase(s *situation) finding {
	if !s.refusedWith(7002138) {
		return finding{}
	}
	return found([]string{
		"Decode the assertion and copy its sub, letter by letter.",
		"Open " + s.registration("Certificates & secrets → Federated credentials") + " and put it into Subject identifier (Edit).",
		"Save, and ask for a token again.",
	}, "the assertion's subject differs from the federated credential of %s only in upper and lower case: %s",
		s.theClient(), s.aadsts())
}

// assertionAudience is for an assertion that was made for another endpoint, or
// a federated credential with another audience.
func assertionAudience(s *situation) finding {
	if !s.refusedWith(700212, 700023) {
		return finding{}
	}
	return found([]string{
		"For a federated credential: issue the assertion for api://AzureADTokenExchange, or set the Audience in " + s.registration("Certificates & secrets → Federated credentials") + " to what it has.",
		"For a certificate: set aud to the token URL itself, https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token (sasl.oauthbearer.assertion.claim.aud in Java and librdkafka).",
		"Ask for a token again.",
	}, "the assertion of %s is for another audience: %s", s.theClient(), s.aadsts())
}
