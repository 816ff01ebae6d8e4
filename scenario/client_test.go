package scenario

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

// unsignedToken is a token with claims, and a signature of nobody.
func unsignedToken(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + ".c2ln"
}

const tokenURL = "http://localhost:8080/t/oauth2/v2.0/token"

func TestClientBegins(t *testing.T) {
	without, with := false, true
	for _, tt := range []struct {
		reason     string
		client     Client
		extensions map[string]string
		want       string // in the text; empty for a client that asks
	}{
		{"nobody checks nothing", Client{}, map[string]string{"a_b": "x"}, ""},
		{"Java 3.9 asks any URL", Client{Kind: kindJava}, nil, ""},
		{"Java 3.9 has the class of old", Client{Kind: kindJava, Handler: movedHandler}, nil, ""},
		{"Java 4.0 has not", Client{Kind: kindJava, Version: "4.0", Handler: movedHandler, AllowedURLs: []string{tokenURL}}, nil, "secured.OAuthBearerLoginCallbackHandler could not be found."},
		{"Java 4.0 asks no URL", Client{Kind: kindJava, Version: "4.0"}, nil,
			tokenURL + " is not allowed. Update system property 'org.apache.kafka.sasl.oauthbearer.allowed.urls' to allow " + tokenURL},
		{"Java 4.0.1 is 4.0", Client{Kind: kindJava, Version: "4.0.1"}, nil, tokenURL + " is not allowed."},
		{"Java 4.1 has another text", Client{Kind: kindJava, Version: "4.1"}, nil, "The URL cannot be accessed due to restrictions."},
		{"Java 5 too", Client{Kind: kindJava, Version: "5"}, nil, "The URL cannot be accessed due to restrictions."},
		{"URLs are compared exactly", Client{Kind: kindJava, Version: "4.0", AllowedURLs: []string{tokenURL + "/"}}, nil, "is not allowed."},
		{"a URL that is listed is asked", Client{Kind: kindJava, Version: "4.1", AllowedURLs: []string{"http://x", tokenURL}}, nil, ""},
		{"Java takes letters only, and names the first key", Client{Kind: kindJava}, map[string]string{"logicalCluster": "x", "pool_id": "y", "a_b": "z"}, "Extension name a_b is invalid"},
		{"librdkafka has OIDC unless it is said", Client{Kind: kindLibrdkafka}, map[string]string{"a_b": "x"}, ""},
		{"librdkafka with it", Client{Kind: kindLibrdkafka, WithOIDC: &with}, nil, ""},
		{"librdkafka without it", Client{Kind: kindLibrdkafka, WithOIDC: &without}, nil, `No such configuration property: "sasl.oauthbearer.method"`},
		{"a registry's client wants its cluster", Client{Kind: kindSchemaRegistry}, nil, "bearer.auth.logical.cluster must be specified"},
		{"and has it", Client{Kind: kindSchemaRegistry, LogicalCluster: "lsrc-1"}, nil, ""},
	} {
		got := tt.client.begin(tokenURL, tt.extensions)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
	}
}

func TestClientReceives(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, tt := range []struct {
		reason, kind, subClaim, token, want string
	}{
		{"librdkafka likes it", kindLibrdkafka, "", unsignedToken(`{"sub":"s","exp":1001}`), ""},
		{"librdkafka counts dots", kindLibrdkafka, "", "opaque", "Failed to acquire SASL OAUTHBEARER token: Failed to decode JWT payload: The token is invalid with less than 2 delimiters"},
		{"librdkafka wants exp", kindLibrdkafka, "", unsignedToken(`{"sub":"s"}`), `Expected JSON JWT response with "exp" field`},
		{"librdkafka wants exp as a number", kindLibrdkafka, "", unsignedToken(`{"sub":"s","exp":"1001"}`), `Expected JSON JWT response with "exp" field`},
		{"librdkafka wants sub", kindLibrdkafka, "", unsignedToken(`{"exp":1001}`), `Expected JSON JWT response with "sub" field`},
		{"or what is named instead", kindLibrdkafka, "azp", unsignedToken(`{"exp":1001,"azp":"a"}`), ""},
		{"and says so", kindLibrdkafka, "azp", unsignedToken(`{"exp":1001,"sub":"a"}`), `Expected JSON JWT response with "azp" field`},
		{"librdkafka sends nothing expired", kindLibrdkafka, "", unsignedToken(`{"sub":"s","exp":1000}`), "Must supply an unexpired token: now=1000000ms, exp=1000000ms"},
		{"librdkafka reads no foreign text", kindLibrdkafka, "", "a.!.c", `"exp" field`},
		{"Java likes it", kindJava, "", unsignedToken(`{"sub":"s","exp":1}`), ""},
		{"Java counts parts", kindJava, "", "opaque", "but 1 sections provided"},
		{"Java wants exp", kindJava, "", unsignedToken(`{"sub":"s"}`), "exp value must be non-null"},
		{"Java wants sub", kindJava, "", unsignedToken(`{"exp":1}`), "sub value must be non-null"},
		{"Java wants more than blanks", kindJava, "", unsignedToken(`{"exp":1,"sub":"  "}`), "sub value must not contain only whitespace"},
		{"nobody looks", "", "", "opaque", ""},
	} {
		got := Client{Kind: tt.kind, SubClaimName: tt.subClaim}.received(tt.token, now)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.reason, got, tt.want)
		}
		if strings.Contains(got, "c2ln") {
			t.Errorf("%s: %q has the token", tt.reason, got)
		}
	}
}

// What each client makes of an answer of the token endpoint, and of a refusal of
// the cluster.
func TestClientRefused(t *testing.T) {
	r := &refusal{status: 401, text: `{"error":"invalid_client"}`}
	r.body.Error, r.body.ErrorDescription = "invalid_client", "AADSTS7000215: Invalid"
	for kind, want := range map[string]string{
		kindJava:       `The response code 401 and error response {"invalid_client" - "AADSTS7000215: Invalid"} was encountered reading the token endpoint response; will not attempt further retries`,
		kindLibrdkafka: `Failed to retrieve OIDC token from "` + tokenURL + `": {"error":"invalid_client"} (401)`,
		"":             "AADSTS7000215: Invalid",
	} {
		if got := (Client{Kind: kind}).refused(tokenURL, r); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
	if got := (Client{Kind: kindTerraform}).loggedIn("x"); !strings.HasPrefix(got, "STS token exchange request failed: status=") {
		t.Errorf("terraform: got %q", got)
	}
	if got := (Client{Kind: kindJava}).loggedIn("x"); got != "x" {
		t.Errorf("java: got %q", got)
	}
	if text, ok := (Client{Kind: kindLibrdkafka}).unreached(tokenURL, errors.New("connection refused")); ok {
		t.Errorf("an error that is none of certificates: %q", text)
	}
}

// The handshake is a real one: with the authority it succeeds, and without it
// the client says what OpenSSL and Java say.
func TestClientHandshake(t *testing.T) {
	for _, tt := range []struct {
		reason string
		client Client
		want   string
	}{
		{"librdkafka without the authority", Client{Kind: kindLibrdkafka, HTTPS: true}, "SSL certificate problem: "},
		{"Java without the authority", Client{Kind: kindJava, HTTPS: true}, "PKIX path building failed"},
		{"with the authority", Client{Kind: kindLibrdkafka, HTTPS: true, TrustsCA: true}, ""},
		{"without TLS", Client{Kind: kindLibrdkafka}, ""},
	} {
		h := half{config: catalogue(t)[0].healed.config, request: catalogue(t)[0].healed.request}
		h.request.Client = &tt.client
		st, err := open(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		token, err := st.token(t.Context())
		text, untrusted := tt.client.unreached(tokenURL, err)
		if (tt.want == "") != (token != "") || untrusted == (tt.want == "") || !strings.Contains(text, tt.want) {
			t.Errorf("%s: got %q, %v, want %q", tt.reason, text, err, tt.want)
		}
		if err := st.close(); err != nil {
			t.Error(err)
		}
	}
}
