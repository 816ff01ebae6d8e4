package scenario

import (
	"net/url"
	"testing"

	"github.com/idpool/idpool"
)

func TestRequestForm(t *testing.T) {
	base := Request{ClientID: "c", ClientSecret: "s", Scope: "x/.default"}
	with := func(change func(*Request)) Request { r := base; change(&r); return r }
	const jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	for _, tt := range []struct {
		reason, assertion string
		request           Request
		want              url.Values
	}{
		{"as it is", "", base, url.Values{"grant_type": {"client_credentials"}, "client_id": {"c"}, "client_secret": {"s"}, "scope": {"x/.default"}}},
		{"what is empty is left out", "", with(func(r *Request) { r.Scope, r.ClientSecret = "", "" }), url.Values{"grant_type": {"client_credentials"}, "client_id": {"c"}}},
		{"an assertion stands for the secret", "a", base, url.Values{"grant_type": {"client_credentials"}, "client_id": {"c"}, "scope": {"x/.default"},
			"client_assertion": {"a"}, "client_assertion_type": {jwt}}},
		{"null leaves out", "", with(func(r *Request) { r.Form = map[string]any{"grant_type": nil, "scope": nil, "client_secret": nil} }), url.Values{"client_id": {"c"}}},
		{"text is sent as it is", "", with(func(r *Request) { r.Form = map[string]any{"grant_type": "password", "audience": "y"} }),
			url.Values{"grant_type": {"password"}, "audience": {"y"}, "client_id": {"c"}, "client_secret": {"s"}, "scope": {"x/.default"}}},
	} {
		if got := tt.request.form(tt.assertion).Encode(); got != tt.want.Encode() {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want.Encode())
		}
	}
}

func TestRequestCheck(t *testing.T) {
	for _, tt := range []struct {
		reason  string
		request Request
		want    string // the one mistake; empty for none
	}{
		{"nothing", Request{}, ""},
		{"all of it", Request{Endpoint: "v1.0", From: elsewhere, RotateKeys: rotateBefore, Extensions: map[string]any{"a_b": "x"},
			Form: map[string]any{"scope": nil}, Forge: &Forge{Alg: algNone}, Client: &Client{Kind: kindJava, Version: "4.0.1"}, Wait: 1, Back: 1,
			Operation: Operation{"Read", "topic=x"}}, ""},
		{"an endpoint of nobody's", Request{Endpoint: "v3"}, `config: endpoint: unknown "v3", want v2.0 or v1.0`},
		{"a place misspelt", Request{From: "elswhere"}, `config: from: unknown "elswhere", did you mean "elsewhere"?`},
		{"rotated when", Request{RotateKeys: "yes"}, `config: rotateKeys: unknown "yes", want before or after`},
		{"a negative wait", Request{Wait: -1}, "config: wait: -1ns is negative, want 0s or more"},
		{"a negative way back", Request{Back: -1}, "config: back: -1ns is negative, want 0s or more"},
		{"an extension that is a number", Request{Extensions: map[string]any{"logicalCluster": int64(7)}}, "config: extensions.logicalCluster: want text, got 7: put it in quotes"},
		{"an extension that is null", Request{Extensions: map[string]any{"logicalCluster": nil}}, "config: extensions.logicalCluster: want text, got nothing"},
		{"a form with a list", Request{Form: map[string]any{"scope": []any{"a"}}}, "config: form.scope: want text, got [a]: put it in quotes"},
		{"an algorithm that nobody forges", Request{Forge: &Forge{Alg: "ES256"}}, `config: forge.alg: unknown "ES256", did you mean "RS256"?`},
		{"both tampered and signed", Request{Forge: &Forge{Alg: algNone, Tamper: true}}, "config: forge.tamper: a token that is signed with none has not the signature that it had"},
		{"a mistake in the assertion", Request{Assertion: &Assertion{Forge: &Forge{Alg: "x"}}}, `config: assertion.forge.alg: unknown "x", want RS256 or none or HS256`},
		{"a token that is given, and asked for", Request{Token: "x", From: elsewhere}, "config: token: a token that is given comes from nowhere else"},
		{"a client of nobody's", Request{Client: &Client{Kind: "jawa"}}, `config: client.kind: unknown "jawa", did you mean "java"?`},
		{"a version that is a word", Request{Client: &Client{Version: "latest"}}, `config: client.version: "latest" is no version, want one such as "4.0"`},
		{"an operation on nothing", Request{Operation: Operation{Name: "Read"}}, "config: operation: want name and resource, such as {name: Read, resource: topic=orders}"},
	} {
		mistakes := tt.request.check()
		got := ""
		for _, m := range mistakes {
			m.File = "config"
			got += m.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
		}
	}
}

// The default request is the client of the Acme tenant.
func TestDefaultRequestIsAcmes(t *testing.T) {
	acme := idpool.Acme()
	api, client := acme.Tenants[0].Applications[0], acme.Tenants[0].Applications[1]
	var r Request
	l := &loader{}
	l.request(root([]byte(defaultRequest)), "request", &r)
	if len(l.mistakes) != 0 {
		t.Fatal(l.mistakes[0])
	}
	if r.Tenant != acme.Tenants[0].ID || r.ClientID != client.AppID || r.ClientSecret != client.PasswordCredentials[0].SecretText ||
		r.Scope != api.IdentifierURIs[0]+"/.default" || r.extension("logicalCluster") != acme.Clusters[0].ID ||
		r.extension("identityPoolId") != acme.IdentityProviders[0].IdentityPools[0].ID {
		t.Errorf("got %+v", r)
	}
}
