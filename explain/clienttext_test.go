package explain_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// spelt is a client that sent an extension under another key.
func spelt(check, key, value string) explain.Input {
	return refused(check, func(in *explain.Input) {
		in.Request.Pools, in.Request.Extensions = "", map[string]string{"logicalCluster": "lkc-acme", key: value}
	})
}

// clientSaid is what a client printed, and nothing else known.
func clientSaid(text string) explain.Input {
	return explain.Input{Facts: acme(), Request: validator.Request{Cluster: "lkc-acme"}, ClientError: text}
}

const masked = "org.apache.kafka.common.errors.SaslAuthenticationException: Authentication failed during authentication due to invalid credentials with SASL mechanism OAUTHBEARER"

func textRows() []row {
	return []row{
		{"a Java client that may not ask the URL", "allowed-urls",
			clientSaid("ConfigException: https://login.microsoftonline.com/x/oauth2/v2.0/token is not allowed. Update system property 'org.apache.kafka.sasl.oauthbearer.allowed.urls' to allow https://login.microsoftonline.com/x/oauth2/v2.0/token"),
			[]string{"https://login.microsoftonline.com/x/oauth2/v2.0/token", "4.0"},
			[]string{"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=https://login.microsoftonline.com/x/oauth2/v2.0/token"}},
		{"the same from Java 4.1, which names no URL", "allowed-urls",
			clientSaid("The URL cannot be accessed due to restrictions. Update the system property 'org.apache.kafka.sasl.oauthbearer.allowed.urls' to allow the URL to be accessed."),
			[]string{"allowed.urls"}, []string{"KAFKA_OPTS"}},
		{"librdkafka without the CA", "tls-ca",
			clientSaid(`%3|1700000000.1|FAIL| Failed to retrieve OIDC token from "https://localhost:8443/t/oauth2/v2.0/token": SSL peer certificate or SSH remote key was not OK (-1)`),
			[]string{"https://localhost:8443/t/oauth2/v2.0/token"}, []string{"https.ca.location", "ssl.ca.location is for the brokers only"}},
		{"Java without the CA", "tls-ca", clientSaid("sun.security.validator.ValidatorException: PKIX path building failed"),
			[]string{"does not trust"}, []string{"keytool"}},
		{"the old class with a new client", "callback-handler-class",
			clientSaid("Class org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler could not be found."),
			[]string{"4.0"}, []string{"4.0 and newer set sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"}},
		{"the new class with an old client", "callback-handler-class",
			clientSaid("java.lang.ClassNotFoundException: org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"),
			[]string{"4.0"}, []string{"oauthbearer.secured.OAuthBearerLoginCallbackHandler"}},
		{"a build without OIDC", "librdkafka-without-oidc", clientSaid(`No such configuration property: "sasl.oauthbearer.method"`),
			[]string{"sasl.oauthbearer.method"}, []string{"1.9.2"}},
		{"a token without sub", "client-claim-missing", clientSaid(`Failed to retrieve OIDC token: Expected JSON JWT response with "sub" field`),
			[]string{"it has no sub"}, []string{"sasl.oauthbearer.sub.claim.name"}},
		{"a token without exp", "client-claim-missing", clientSaid(`Expected JSON JWT response with "exp" field`),
			[]string{"it has no exp"}, []string{"identity provider write exp"}},
		{"an opaque token, as librdkafka has it", "opaque-token", clientSaid("Failed to decode JWT payload: The token is invalid with less than 2 delimiters"),
			[]string{"no dots"}, []string{"begin with eyJ"}},
		{"Schema Registry without its cluster", "schema-registry-cluster",
			clientSaid("bearer.auth.logical.cluster must be specified when bearer.auth.credentials.source is specified with OAUTHBEARER or UAMI"),
			[]string{"bearer.auth.logical.cluster"}, []string{"lsrc-…"}},
		{"Terraform with an old token", "static-token-expired", clientSaid("Error: STS token exchange request failed: status=401"),
			[]string{"status=401"}, []string{"oauth_external_token_url"}},
		{"Confluent's word for no cluster", "cluster-missing",
			withoutCluster(clientSaid("Authentication failed: 1 extensions are invalid! They are: logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY")),
			[]string{"logicalCluster did not arrive"}, []string{"Cluster settings"}},
		{"Confluent's word for a wrong cluster", "cluster-wrong",
			clientSaid("Authentication failed: 1 extensions are invalid! They are: logicalCluster: Authentication failed"),
			[]string{"refused the cluster that the client names 'lkc-acme'"}, []string{"may not be ready yet"}},
		{"the broker's word for an unknown pool", "pool-unknown",
			withoutPool(clientSaid("Authentication failed: 1 extensions are invalid! They are: identityPoolId: Authentication failed")),
			[]string{"does not know the identity pool"}, []string{"leave identityPoolId out"}},
		{"a consumer's own words", "no-role-binding",
			clientSaid("org.apache.kafka.common.errors.TopicAuthorizationException: Not authorized to access topics: [orders]"),
			[]string{"[orders]"}, []string{"DeveloperRead on topic and group"}},
		{"a token endpoint's refusal in a client's log", "secret-wrong",
			clientSaid(`Failed to retrieve OIDC token from "https://login.microsoftonline.com/t/oauth2/v2.0/token": {"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the value for a secret added to app '` + clientID + `'."} (401)`),
			[]string{`"Acme client" (` + clientID + `)`}, []string{"Certificates & secrets"}},
	}
}

func withoutCluster(in explain.Input) explain.Input {
	in.Request.Cluster = ""
	return in
}

func withoutPool(in explain.Input) explain.Input {
	in.Request.Pools = ""
	return in
}

func bindingRows() []row {
	read := pool.Operation{Name: "Read", Resource: "topic=orders"}
	wants := func(o pool.Operation, bindings ...pool.RoleBinding) explain.Input {
		return refused(validator.CheckAuthorization, func(in *explain.Input) {
			in.Decision.Pools, in.Request.Operation = []string{"pool-prod"}, o
			in.Facts.Providers[0].Pools[1].RoleBindings = bindings
		})
	}
	bound := func(role, resource, principal string) pool.RoleBinding {
		return pool.RoleBinding{Role: role, Cluster: "lkc-acme", Resource: resource, Principal: principal}
	}
	return []row{
		{"a pool without a binding", "no-role-binding", wants(read),
			[]string{"pool-prod", "Read on topic=orders", "no role binding at all"},
			[]string{"--principal User:pool-prod --role DeveloperRead", "--resource Topic:orders", "90 seconds", "on its group"}},
		{"a binding for another operation", "no-role-binding", wants(pool.Operation{Name: "Write", Resource: "topic=orders"}, bound("DeveloperRead", "topic=orders*", "")),
			[]string{"DeveloperRead on topic=orders* in lkc-acme"}, []string{"--role DeveloperWrite"}},
		{"a group that nobody thought of", "no-role-binding", wants(pool.Operation{Name: "Read", Resource: "group=billing"}, bound("DeveloperRead", "topic=orders", "")),
			[]string{"Read on group=billing"}, []string{"--resource Group:billing"}},
		{"the whole cluster", "no-role-binding", wants(pool.Operation{Name: "Alter", Resource: pool.OnCluster}),
			[]string{"Alter on cluster"}, []string{"--role CloudClusterAdmin"}},
		{"a principal that the API refuses", "binding-wrong-principal", wants(read, bound("DeveloperRead", "topic=*", "IdentityPool:pool-prod")),
			[]string{"IdentityPool:pool-prod", "User:pool-prod"}, []string{"User: or Group:"}},
		{"another pool's binding", "binding-wrong-principal", wants(read, bound("DeveloperRead", "topic=*", "User:pool-dev")),
			[]string{"User:pool-dev"}, []string{"--principal User:pool-prod"}},
	}
}

// The masked text says nothing, and nothing is made of it; beside anything that
// is known it is left out.
func TestMaskedText(t *testing.T) {
	causes := explain.Causes(clientSaid(masked))
	if got := ids(causes); !slices.Equal(got, []string{"check-client"}) || !strings.Contains(causes[0].Summary, "hides the reason") {
		t.Errorf("alone: %v", causes)
	}
	in := refused(validator.CheckFilter, func(in *explain.Input) { in.ClientError = masked })
	if got := ids(explain.Causes(in)); slices.Contains(got, "check-client") || got[0] != "role-not-assigned" {
		t.Errorf("with a decision: %q", got)
	}
	in = spelt(validator.CheckCluster, "identity_pool_id", "pool-dev")
	in.Decision.Allowed, in.ClientError = true, masked
	if got := ids(explain.Causes(in)); !slices.Equal(got, []string{"extension-key"}) {
		t.Errorf("an allowed token of a bad first message: %q", got)
	}
	for _, challenge := range []string{`{"status":"invalid_token"}`, `SaslAuthenticationException: {"status": "invalid_token"}`, "unable to sasl: unexpected data in oauth response"} {
		if got := explain.Causes(clientSaid(challenge)); len(got) != 1 || !strings.Contains(got[0].Summary, "the token itself") {
			t.Errorf("%s: %v", challenge, got)
		}
	}
	if got := explain.Causes(clientSaid("Connection to node -1 could not be established.")); len(got) != 1 || !strings.Contains(got[0].Summary, "no rule knows") {
		t.Errorf("another text: %v", got)
	}
}

func TestReadTokenError(t *testing.T) {
	const description = "AADSTS700016: Application with identifier '" + clientID + "' was not found in the directory 'Acme'."
	for _, tt := range []struct {
		name, text string
		want       explain.TokenError
	}{
		{"the answer", `{"error":"unauthorized_client","error_description":"` + description + `\r\nTrace ID: 5a6c","error_codes":[700016]}`,
			explain.TokenError{Code: "unauthorized_client", Number: 700016, ClientID: clientID, Description: description}},
		{"the description", description + "\nTrace ID: x", explain.TokenError{Number: 700016, ClientID: clientID, Description: description}},
		{"a log's line with the answer escaped", `body={\"error\":\"unauthorized_client\",\"error_description\":\"` + description + `\"}`,
			explain.TokenError{Code: "unauthorized_client", Number: 700016, ClientID: clientID, Description: description + `\`}},
		{"a number alone", "login failed with AADSTS7000222", explain.TokenError{Number: 7000222, Description: "AADSTS7000222: "}},
		{"an answer of another server", `{"error":"invalid_client","error_description":"no"}`, explain.TokenError{Code: "invalid_client", Description: "no"}},
		{"a scope", "AADSTS70011: The provided value for the input parameter 'scope' is not valid. The scope kafka is not valid.",
			explain.TokenError{Number: 70011, Scope: "kafka", Description: "AADSTS70011: The provided value for the input parameter 'scope' is not valid. The scope kafka is not valid."}},
	} {
		if got, ok := explain.ReadTokenError(tt.text); !ok || got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
	for _, text := range []string{"", "{}", "AADSTS", "AADSTS12", masked, `{"access_token":"x"}`} {
		if got, ok := explain.ReadTokenError(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
