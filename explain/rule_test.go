package explain_test

import (
	"strings"
	"time"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// row is a situation, the cause that must come first, and what its summary and
// its fix must name.
type row struct {
	name string
	id   string
	in   explain.Input
	sees []string
	fix  []string
}

func rows() []row {
	var all []row
	for _, side := range [][]row{endpointRows(), scopeRows(), providerRows(), keyRows(), timeRows(), clientRows(), filterRows(), claimRows(), roleRows(), poolRows(), textRows(), bindingRows()} {
		all = append(all, side...)
	}
	return all
}

func endpointRows() []row {
	return []row{
		{"a secret of another application", "secret-wrong",
			noToken("invalid_client", 7000215, "AADSTS7000215: Invalid client secret provided.", nil),
			[]string{`"Acme client" (` + clientID + `)`, "AADSTS7000215"}, []string{"Certificates & secrets", "sasl.oauthbearer.client.secret"}},
		{"the secret's id in place of its value", "secret-is-id",
			noToken("invalid_client", 7000215, "AADSTS7000215: Invalid client secret provided.", func(in *explain.Input) { in.TokenError.SecretIsGUID = true }),
			[]string{"Acme client", "GUID"}, []string{"column Value, not Secret ID"}},
		{"a secret past its end date", "secret-expired",
			noToken("invalid_client", 7000222, "AADSTS7000222: The provided client secret keys are expired.", nil),
			[]string{"Acme client", "expired"}, []string{"New client secret"}},
		{"neither secret nor assertion", "credential-missing",
			noToken("invalid_client", 7000216, "AADSTS7000216: 'client_assertion', 'client_secret' or 'request' is required.", nil),
			[]string{"without a secret", "AADSTS7000216"}, []string{"Certificates & secrets"}},
		{"a client id that the tenant does not have", "app-unknown",
			noToken("unauthorized_client", 700016, "AADSTS700016: Application not found.", func(in *explain.Input) { in.TokenError.ClientID = otherTenant }),
			[]string{otherTenant, "AADSTS700016"}, []string{"Application (client) ID", "sasl.oauthbearer.client.id"}},
		{"a client id that lives in another tenant", "wrong-tenant",
			noToken("unauthorized_client", 700016, "AADSTS700016: Application not found.", nil),
			[]string{"Acme client", `"Acme Examples Inc" (` + acmeTenant + `)`}, []string{"Tenant ID", "sasl.oauthbearer.token.endpoint.url"}},
		{"a token URL with a tenant that is none", "wrong-tenant",
			noToken("invalid_request", 90002, "AADSTS90002: Tenant 'acme' not found.", nil),
			[]string{"Tenant 'acme' not found"}, []string{"Entra admin center → Overview"}},
		{"an application switched off", "app-disabled",
			noToken("unauthorized_client", 7000112, "AADSTS7000112: Application is disabled.", nil),
			[]string{"Acme client", "disabled"}, []string{"Enterprise applications", "Enabled for users to sign-in?"}},
		{"an application registered without a service principal", "no-service-principal",
			noToken("invalid_client", 7000229, "AADSTS7000229: The client application is missing service principal.", nil),
			[]string{"Acme client", "no service principal"}, []string{"az ad sp create --id " + clientID}},
		{"an API switched off", "api-disabled",
			noToken("invalid_resource", 500014, "AADSTS500014: The service principal for resource is disabled.", nil),
			[]string{"Acme client", `"Confluent Cloud"`, "disabled"}, []string{"Enterprise applications", "Enabled for users to sign-in?"}},
		{"a policy for workload identities", "conditional-access",
			noToken("invalid_grant", 53003, "AADSTS53003: Access has been blocked by Conditional Access policies.", nil),
			[]string{"Acme client", "Conditional Access policy"}, []string{"Sign-in logs", "exclude the service principal"}},
		{"an API that hands tokens only to assigned clients", "assignment-required",
			noToken("invalid_grant", 501051, "AADSTS501051: Application is not assigned to a role.", nil),
			[]string{"Acme client", `"Confluent Cloud"`}, []string{"Grant admin consent", "Assignment required?"}},
		{"a GET or a JSON body", "parameter-missing",
			noToken("invalid_request", 900144, "AADSTS900144: The request body must contain the following parameter: 'grant_type'.", nil),
			[]string{"'grant_type'"}, []string{"application/x-www-form-urlencoded"}},
		{"a grant that Entra does not have", "grant-unsupported",
			noToken("unsupported_grant_type", 70003, "AADSTS70003: The app requested an unsupported grant type 'magic'.", nil),
			[]string{"'magic'"}, []string{"grant_type=client_credentials"}},
		{"a federated subject in other letters", "fic-subject-case",
			noToken("invalid_client", 7002138, "AADSTS7002138: No matching federated identity record found for presented assertion subject 'repo:Acme/App'.", nil),
			[]string{"upper and lower case", "repo:Acme/App"}, []string{"Federated credentials", "Subject identifier"}},
		{"an assertion for somebody else", "assertion-audience",
			noToken("invalid_client", 700212, "AADSTS700212: No matching federated identity record found for presented assertion audience 'https://x'.", nil),
			[]string{"audience 'https://x'"}, []string{"api://AzureADTokenExchange"}},
	}
}

func scopeRows() []row {
	scope := func(value string) func(*explain.Input) {
		return func(in *explain.Input) { in.TokenError.Scope = value }
	}
	api := "api://" + apiID + "/.default"
	return []row{
		{"no scope", "scope-missing",
			noToken("invalid_request", 90014, "AADSTS90014: The required field 'scope' is missing.", scope("")),
			[]string{"without a scope"}, []string{"sasl.oauthbearer.scope=" + api}},
		{"a scope that names a role", "scope-not-default",
			noToken("invalid_scope", 1002012, "AADSTS1002012: The provided value for scope is not valid.", scope("api://"+apiID+"/dev.environmentAdmin")),
			[]string{"api://" + apiID + "/dev.environmentAdmin"}, []string{"scope='" + api + "'"}},
		{"a scope that is no URI, and a client with one API", "scope-not-default",
			noToken("invalid_scope", 70011, "AADSTS70011: The scope is not valid.", scope("kafka")),
			[]string{"'kafka'", "AADSTS70011"}, []string{api}},
		{"two APIs in one request", "scope-two-resources",
			noToken("invalid_scope", 28000, "AADSTS28000: more than one resource.", scope(api+" "+billingID+"/.default")),
			[]string{billingID}, []string{"second token"}},
		{"an API that the tenant does not have", "wrong-resource",
			noToken("invalid_resource", 500011, "AADSTS500011: The resource principal was not found.", scope("api://nobody/.default")),
			[]string{"'api://nobody'", "AADSTS500011"}, []string{"Application ID URI", api}},
	}
}

func providerRows() []row {
	issuer := func(iss string) explain.Input {
		return refused(validator.CheckProvider, func(in *explain.Input) { in.Decision.Claims["iss"] = iss })
	}
	v1 := func(version int) explain.Input {
		return refused(validator.CheckProvider, func(in *explain.Input) {
			in.Decision.Claims["iss"], in.Decision.Claims["ver"] = "https://sts.windows.net/"+acmeTenant+"/", "1.0"
			in.Facts.Applications[0].TokenVersion = version
		})
	}
	return []row{
		{"an API that never asked for version 2", "v1-token", v1(1),
			[]string{"https://sts.windows.net/" + acmeTenant + "/", `"Confluent Cloud" (` + apiID + `)`, acmeIssuer}, []string{`"requestedAccessTokenVersion": 2`, "not the client"}},
		{"a v1.0 token of an API that asks for version 2 by now", "v1-token", v1(2),
			[]string{"asks for version 2 now"}, []string{"Get a new token"}},
		{"a provider with a slash too many", "issuer-trailing-slash", issuer(acmeIssuer + "/"),
			[]string{acmeIssuer + "/'", acmeIssuer + "'"}, []string{"Issuer URI"}},
		{"a token of another tenant", "wrong-tenant",
			refused(validator.CheckProvider, func(in *explain.Input) {
				in.Decision.Claims["tid"] = otherTenant
				in.Decision.Claims["iss"] = "http://localhost:8080/" + otherTenant + "/v2.0"
			}),
			[]string{otherTenant, acmeTenant}, []string{"Tenant ID", acmeTenant}},
		{"a token from the container's name", "issuer-mismatch", issuer(strings.Replace(acmeIssuer, "localhost", "idpool", 1)),
			[]string{"http://idpool:8080", "the host differs"}, []string{"Issuer URI", "containers"}},
		{"an id token", "id-token-used",
			refused(validator.CheckProvider, func(in *explain.Input) {
				in.Decision.Claims = map[string]any{"iss": "https://elsewhere.example", "aud": clientID, "sub": "x", "nonce": "n", "preferred_username": "a@acme.example"}
			}),
			[]string{"nonce", clientID}, []string{"access_token"}},
	}
}

func keyRows() []row {
	key := func(change func(*explain.Input)) explain.Input { return refused(validator.CheckKey, change) }
	return []row{
		{"a token without dots", "opaque-token",
			refused(validator.CheckFormat, func(in *explain.Input) {
				in.Decision.Claims, in.Decision.Header, in.Decision.Provider, in.Request.Token = nil, nil, "", "a7f3c90d5be2468191"
			}),
			[]string{"no dots"}, []string{"begin with eyJ"}},
		{"an encrypted token", "opaque-token",
			refused(validator.CheckFormat, func(in *explain.Input) {
				in.Decision.Claims, in.Decision.Header, in.Decision.Provider, in.Request.Token = nil, nil, "", "eyJh.b.c.d.e"
			}),
			[]string{"five parts"}, []string{"API of your own"}},
		{"a token whose signature was cut off", "signature-missing",
			refused(validator.CheckFormat, func(in *explain.Input) { in.Request.Token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0" }),
			[]string{"no signature"}, []string{"--no-signature"}},
		{"a token whose signature was struck out", "signature-missing",
			refused(validator.CheckSignature, func(in *explain.Input) { in.Request.Token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.REDACTED" }),
			[]string{"struck out"}, []string{"whole token"}},
		{"a token signed with a shared secret", "alg-not-allowed",
			refused(validator.CheckAlgorithm, func(in *explain.Input) {
				in.Decision.Header["alg"] = "HS256"
				in.Decision.Checks[1].Want = "RS256"
			}),
			[]string{"'HS256'", "RS256"}, []string{"Sign with RS256"}},
		{"a header without kid", "no-kid", key(func(in *explain.Input) { delete(in.Decision.Header, "kid") }),
			[]string{"no kid"}, []string{acmeJWKS}},
		{"a key that was rotated", "jwks-stale", key(func(in *explain.Input) {
			in.Decision.Keys = validator.Keys{URI: acmeJWKS, IDs: []string{"old-1", "old-2"}, FetchedAt: noon().Add(-5 * time.Hour)}
		}), []string{"'kid-of-acme'", "'old-1' and 'old-2'", "5 hours ago"}, []string{"Refresh JWKS", acmeJWKS}},
		{"an endpoint that is down", "jwks-unreachable", key(func(in *explain.Input) {
			in.Decision.Keys = validator.Keys{URI: acmeJWKS, Error: "GET " + acmeJWKS + ": 503 Service Unavailable"}
		}), []string{acmeJWKS, "503 Service Unavailable"}, []string{"curl -i " + acmeJWKS, "JWKS URI"}},
		{"the keys of another tenant", "jwks-wrong-uri", key(func(in *explain.Input) {
			in.Facts.Providers[0].JWKSURI = "http://localhost:8080/" + otherTenant + "/discovery/v2.0/keys"
		}), []string{otherTenant, acmeIssuer, "another tenant"}, []string{"JWKS URI", acmeIssuer + "/.well-known/openid-configuration"}},
		{"the discovery document in place of the keys", "jwks-wrong-uri", key(func(in *explain.Input) {
			in.Facts.Providers[0].JWKSURI = acmeIssuer + "/.well-known/openid-configuration"
		}), []string{"discovery document"}, []string{"JWKS URI"}},
		{"an edited claim", "token-tampered", refused(validator.CheckSignature, nil),
			[]string{"'kid-of-acme'"}, []string{"Get a new token"}},
	}
}

func timeRows() []row {
	at := func(check, claim string, from time.Duration) explain.Input {
		return refused(check, func(in *explain.Input) { in.Decision.Claims[claim] = seconds(noon().Add(from)) })
	}
	return []row{
		{"yesterday's token", "token-expired", at(validator.CheckExpiry, "exp", -3*time.Hour),
			[]string{"3 hours ago", "2026-11-23 09:00:00 UTC"}, []string{"sasl.oauthbearer.method=oidc"}},
		{"a token from the future", "clock-skew", at(validator.CheckNotBefore, "nbf", 4*time.Minute),
			[]string{"nbf", "in 4 minutes", "2026-11-23 12:04:00 UTC"}, []string{"date -u"}},
		{"a token issued in the future", "clock-skew", at(validator.CheckExpiry, "iat", time.Hour),
			[]string{"iat", "in 1 hour"}, []string{"300 seconds"}},
	}
}

func clientRows() []row {
	asked := func(check, cluster, pools string) explain.Input {
		return refused(check, func(in *explain.Input) { in.Request.Cluster, in.Request.Pools = cluster, pools })
	}
	return []row{
		{"a callback that returns the token alone", "no-extensions", asked(validator.CheckCluster, "", ""),
			[]string{"logicalCluster", "identityPoolId"}, []string{"extension_logicalCluster='lkc-acme'", "tuple of four"}},
		{"the prefix of Java's configuration on the wire", "extension-key", spelt(validator.CheckCluster, "extension_identityPoolId", "pool-dev"),
			[]string{"extension_identityPoolId=pool-dev", "letters only"}, []string{"identityPoolId=pool-dev in sasl.oauthbearer.extensions", "taken off before"}},
		{"a key in snake case", "extension-key", spelt(validator.CheckCluster, "identity_pool_id", "pool-dev"),
			[]string{"identity_pool_id=pool-dev"}, []string{"identityPoolId"}},
		{"a key of letters that nobody reads", "extension-key", spelt(validator.CheckFilter, "identityPoolID", "pool-dev"),
			[]string{"identityPoolID=pool-dev", "nothing arrived as identityPoolId"}, []string{"Upper and lower case count"}},
		{"a key that is meant for nobody", "extension-key", spelt(validator.CheckCluster, "trace-id", "1"),
			[]string{"'trace-id'"}, []string{"logicalCluster and identityPoolId"}},
		{"a config that lists no cluster", "no-clusters", noClusters(asked(validator.CheckCluster, "lkc-acme", "pool-dev")),
			[]string{"lists no clusters"}, []string{"clusters: [{id: lkc-…}]"}},
		{"a pool and no cluster", "cluster-missing", asked(validator.CheckCluster, "", "pool-dev"),
			[]string{"logicalCluster", "identityPoolId=pool-dev"}, []string{"logicalCluster=lkc-acme in sasl.oauthbearer.extensions"}},
		{"a cluster misspelt", "cluster-wrong", asked(validator.CheckCluster, "lkc-acne", "pool-dev"),
			[]string{"'lkc-acne'", "'lkc-acme'"}, []string{"extension_logicalCluster='lkc-acme'"}},
		{"a pool misspelt", "pool-unknown", asked(validator.CheckPool, "lkc-acme", "pool-def"),
			[]string{"'pool-def'", "'pool-dev' is close"}, []string{"identityPoolId=pool-dev"}},
		{"a pool's name in place of its id", "pool-unknown", asked(validator.CheckPool, "lkc-acme", "Production environment"),
			[]string{"'Production environment'", "'pool-dev' and 'pool-prod'"}, []string{"not the name"}},
		{"a pool that no provider has, from an issuer that nobody knows", "pool-unknown",
			refused(validator.CheckPool, func(in *explain.Input) { in.Request.Pools, in.Decision.Provider = "pool-x1234", "" }),
			[]string{"'pool-x1234'", "'pool-dev' and 'pool-prod'"}, []string{"Identity pools"}},
		{"a pool of another provider", "pool-unknown",
			refused(validator.CheckPool, func(in *explain.Input) {
				in.Request.Pools = "pool-beta"
				in.Facts.Providers = append(in.Facts.Providers, explain.Provider{ID: "op-beta", Pools: []pool.Config{{ID: "pool-beta", Filter: "true"}}})
			}),
			[]string{"'pool-beta'", "op-beta", "op-acme"}, []string{"token URL"}},
	}
}

func filterRows() []row {
	return []row{
		{"one = for two", "filter-syntax", filtered("claims.azp = 'x'", nil), []string{"pool-prod", "claims.azp = 'x'"}, []string{"=="}},
		{"and in place of &&", "filter-syntax", filtered("has(claims.azp) and has(claims.sub)", nil), []string{"has(claims.azp) and"}, []string{"&&"}},
		{"a claim where a question belongs", "filter-not-bool", filtered("claims.sub", nil), []string{"claims.sub", "not yes or no"}, []string{"has("}},
		{"a role compared with the whole list", "eq-on-array", filtered("claims.roles == 'dev.environmentAdmin'", nil),
			[]string{"claims.roles", `["dev.environmentAdmin"]`}, []string{"'dev.environmentAdmin' in claims.roles"}},
		{"a text searched like a list", "in-on-string", filtered("'"+apiID+"' in claims.aud", nil),
			[]string{"claims.aud", apiID}, []string{"claims.aud == '" + apiID + "'"}},
		{"a text searched like a list, behind a part that holds", "in-on-string", filtered("claims.ver == '2.0' && '"+apiID+"' in claims.aud", nil),
			[]string{"claims.aud"}, []string{"claims.aud in ["}},
		{"azp in a v1.0 token", "claim-v1-v2", filtered("claims.azp == '"+clientID+"'", func(c map[string]any) {
			delete(c, "azp")
			c["appid"], c["ver"] = clientID, "1.0"
		}), []string{"claims.azp", "claims.appid", clientID, "1.0"}, []string{"requestedAccessTokenVersion", "Write claims.appid"}},
		{"appid in a v2.0 token", "claim-v1-v2", filtered("claims.appid == '"+clientID+"'", nil),
			[]string{"claims.appid", "claims.azp", "2.0"}, []string{"Write claims.azp"}},
		{"the App ID URI where v2.0 has the appId", "aud-uri-vs-guid", filtered("claims.aud == 'api://"+apiID+"'", nil),
			[]string{"'api://" + apiID + "'", "'" + apiID + "'"}, []string{"claims.aud in ["}},
		{"a custom App ID URI where v2.0 has the appId", "aud-uri-vs-guid", filtered("claims.aud == 'https://billing.acme.example'", func(c map[string]any) { c["aud"] = billingID }),
			[]string{"https://billing.acme.example", billingID}, []string{"claims.aud == '" + billingID + "'"}},
		{"a filter longer than Confluent takes", "filter-too-long", filtered("'"+strings.Repeat("r", 300)+"' == claims.sub", nil),
			[]string{"pool-prod has 316 characters", "300"}, []string{"several pools"}},
	}
}

func claimRows() []row {
	return []row{
		{"a claim with a namespace", "namespaced-claim", filtered("'admin' in claims.teams", func(c map[string]any) { c["https://acme.example/teams"] = []any{"admin"} }),
			[]string{"claims.teams", "'https://acme.example/teams'"}, []string{`claims["https://acme.example/teams"]`}},
		{"role for roles", "claim-misspelt", filtered("'dev.environmentAdmin' in claims.role", nil),
			[]string{"claims.role,", "claims.roles", "dev.environmentAdmin"}, []string{"Write claims.roles"}},
		{"must not be, of a claim that is not there", "neq-on-missing", filtered("claims.region != 'eu'", nil),
			[]string{"claims.region", "'eu'"}, []string{"!has(claims.region)"}},
		{"not in a list that is not there", "neq-on-missing", filtered("!('eu' in claims.region)", nil),
			[]string{"claims.region"}, []string{"has(claims.region)"}},
		{"groups without the groups claim", "claim-missing", filtered("'kafka' in claims.groups", nil),
			[]string{"'kafka'", "claims.groups"}, []string{"Add groups claim"}},
		{"an optional claim that nobody switched on", "claim-missing", filtered("claims.department == 'ops'", nil),
			[]string{"claims.department", "'ops'"}, []string{"Add optional claim"}},
		{"an identity claim of the other token version", "identity-claim-missing",
			refused(validator.CheckIdentity, func(in *explain.Input) {
				in.Decision.Claims["appid"], in.Decision.Pools = clientID, []string{"pool-prod"}
				delete(in.Decision.Claims, "azp")
			}),
			[]string{"claims.azp", "claims.appid"}, []string{"Identity claim"}},
	}
}

func roleRows() []row {
	const prod = "'prod.environmentAdmin'"
	client := func(in *explain.Input) *explain.Application { return &in.Facts.Applications[2] }
	filter := func(change func(*explain.Input)) explain.Input { return refused(validator.CheckFilter, change) }
	return []row{
		{"a client with nothing assigned", "no-app-role", filter(func(in *explain.Input) {
			delete(in.Decision.Claims, "roles")
			client(in).Assigned = nil
		}), []string{`"Acme client" (` + clientID + `)`, `"Confluent Cloud"`, "pool-prod", prod}, []string{"API permissions", prod, "Grant admin consent", "new token"}},
		{"a client that the config does not have", "no-app-role", filter(func(in *explain.Input) {
			delete(in.Decision.Claims, "roles")
			in.Facts.Applications = nil
		}), []string{clientID, apiID, prod}, []string{"App registrations → " + clientID}},
		{"the dev client at the prod pool", "role-not-assigned", filter(nil),
			[]string{`"Acme client" (` + clientID + `)`, "[dev.environmentAdmin]", `"Confluent Cloud"`, prod, "pool-dev would let this token in"},
			[]string{"Entra admin center → App registrations → \"Acme client\" → API permissions", "\"Confluent Cloud\" → Application permissions", prod, "Grant admin consent", "identityPoolId=pool-dev"}},
		{"a role that nobody created yet", "role-not-assigned", filtered("'kafka.owner' in claims.roles", nil),
			[]string{"'kafka.owner'"}, []string{"App roles → Create app role", "Grant admin consent"}},
		{"a role asked for without consent", "consent-missing", filter(func(in *explain.Input) {
			client(in).Requested[apiID] = []string{"prod.environmentAdmin"}
		}), []string{"Acme client", prod, "[dev.environmentAdmin]"}, []string{"Not granted", "Grant admin consent"}},
		{"two roles, one of which is there", "role-not-assigned", filtered("'dev.environmentAdmin' in claims.roles && 'ops' in claims.roles", nil),
			[]string{"pool-prod's filter wants 'ops';"}, []string{"Tick 'ops'"}},
		{"one of two roles, none of which is there", "role-not-assigned", filtered("'prod.environmentAdmin' in claims.roles || 'ops' in claims.roles", nil),
			[]string{"'prod.environmentAdmin' or 'ops'"}, []string{"Tick 'prod.environmentAdmin' or 'ops'"}},
		{"a role in the other filter language", "role-not-assigned", filter(func(in *explain.Input) { in.Facts.Providers[0].Pools[1].Language = pool.Expr }),
			[]string{prod}, []string{"Grant admin consent"}},
		{"two roles that only look alike", "role-not-assigned", filter(func(in *explain.Input) {
			in.Facts.Applications[0].Roles = []string{"reader1", "reader2"}
			in.Facts.Providers[0].Pools[1].Filter = "'reader2' in claims.roles"
			in.Decision.Claims["roles"] = []any{"reader1"}
		}), []string{"[reader1]", "'reader2'"}, []string{"Tick 'reader2'"}},
		{"a role in other letters", "role-typo", filtered("'Dev.EnvironmentAdmin' in claims.roles", nil),
			[]string{"'Dev.EnvironmentAdmin'", "'dev.environmentAdmin'", "upper and lower case"}, []string{"App roles"}},
		{"a role with a letter too few", "role-typo", filtered("'dev.enviromentAdmin' in claims.roles", nil),
			[]string{"'dev.enviromentAdmin'", "one letter"}, []string{"'dev.environmentAdmin' in claims.roles"}},
		{"a role granted after the token was issued", "token-before-grant", filter(func(in *explain.Input) {
			client(in).Assigned[apiID] = []string{"dev.environmentAdmin", "prod.environmentAdmin"}
		}), []string{"Acme client", prod, "10 minutes ago", "[dev.environmentAdmin]"}, []string{"Get a new token"}},
		{"a role that is switched off", "role-not-issued", filter(func(in *explain.Input) {
			client(in).Assigned[apiID] = []string{"dev.environmentAdmin", "prod.environmentAdmin"}
			for i := range in.Facts.Applications {
				in.Facts.Applications[i].Unissued = map[string]string{"prod.environmentAdmin": "is disabled"}
			}
		}), []string{"Acme client", "prod.environmentAdmin", "that role is disabled"}, []string{"App roles → prod.environmentAdmin", "Allowed member types"}},
		{"a token for another API", "wrong-resource", filter(func(in *explain.Input) {
			in.Decision.Claims["aud"], in.Decision.Claims["roles"] = billingID, []any{"bill.read"}
		}), []string{`"Billing" (` + billingID + `)`, `"Confluent Cloud" (` + apiID + `)`, prod}, []string{"api://" + apiID + "/.default"}},
		{"an audience that is another API", "wrong-resource", filtered("claims.aud == '"+apiID+"'", func(c map[string]any) { c["aud"] = billingID }),
			[]string{"Billing", apiID}, []string{"sasl.oauthbearer.scope=api://" + apiID + "/.default"}},
	}
}

func poolRows() []row {
	return []row{
		{"a filter that no rule knows better", "pool-not-matched", filtered("claims.sub.startsWith('svc-')", nil),
			[]string{"'pool-prod'", "pool-dev would let this token in"}, []string{"identityPoolId=pool-dev"}},
		{"no pool named and none to match", "no-pool-matched",
			refused(validator.CheckFilter, func(in *explain.Input) { in.Request.Pools, in.Facts.Providers[0].Pools = "", nil }),
			[]string{"op-acme has none"}, []string{"Add an identity pool"}},
		{"no pool named and none that matches", "no-pool-matched",
			refused(validator.CheckFilter, func(in *explain.Input) {
				in.Request.Pools = ""
				in.Facts.Providers[0].Pools[0].Filter = "claims.sub == 'alice'"
				in.Facts.Providers[0].Pools[1].Filter = "claims.sub == 'bob'"
			}),
			[]string{"none of the 2 of op-acme", "pool-dev does not match", "pool-prod does not match"}, []string{"identityPoolId=pool-dev"}},
	}
}

func noClusters(in explain.Input) explain.Input {
	in.Facts.Clusters = nil
	return in
}
