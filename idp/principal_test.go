package idp_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// claimsOf asks for a token and reads its claims.
func claimsOf(t *testing.T, r *http.Request) map[string]any {
	t.Helper()
	_, payload := decode(t, accessToken(t, r))
	var claims map[string]any
	if err := json.Unmarshal([]byte(payload), &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// guest is an application of the tenant Other that Acme has consented to, with
// a role of Acme's API.
func guest() []idp.Tenant {
	home, acme := otherTenant(), idp.Acme()
	home.Applications[0].SignInAudience = "AzureADMultipleOrgs"
	home.Applications[0].IdentifierURIs = []string{"https://other.example/app"}
	acme.ServicePrincipals = []idp.ServicePrincipal{{
		AppID: inOther, ID: identitySP,
		AppRoleAssignments: []idp.AppRoleAssignment{{Resource: api, Roles: []string{"prod.environmentAdmin"}}},
	}}
	return []idp.Tenant{home, acme}
}

var asGuest = form{"client_id": {inOther}, "client_secret": {"other-secret"}}

func TestAMultiTenantApplicationSeenFromAnotherTenant(t *testing.T) {
	server := serve(t, idp.Config{Tenants: guest()})
	claims := claimsOf(t, tokenRequest(t, server, acme, asGuest))
	for name, want := range map[string]any{"tid": acme, "azp": inOther, "oid": identitySP, "sub": identitySP, "iss": server.URL + "/" + acme + "/v2.0"} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v: the service principal is that of the tenant asked", name, claims[name], want)
		}
	}
	if roles, _ := json.Marshal(claims["roles"]); string(roles) != `["prod.environmentAdmin"]` {
		t.Errorf("roles %s, want what was assigned in this tenant", roles)
	}
	// as a resource it is known there too
	claims = claimsOf(t, tokenRequest(t, server, acme, form{"scope": {"https://other.example/app/.default"}}))
	if claims["aud"] != "https://other.example/app" || claims["roles"] != nil {
		t.Errorf("aud %v, roles %v, want the guest as resource and no roles", claims["aud"], claims["roles"])
	}
	// at home it is another principal, and has no role there
	claims = claimsOf(t, tokenRequest(t, server, "other.example", form{"client_id": {inOther}, "client_secret": {"other-secret"}, "scope": {inOther + "/.default"}}))
	if claims["oid"] == identitySP || claims["roles"] != nil {
		t.Errorf("oid %v, roles %v, want those of the home tenant", claims["oid"], claims["roles"])
	}
}

func TestAGuestIsDisabledWhereItIsAGuest(t *testing.T) {
	tenants, off := guest(), false
	tenants[1].ServicePrincipals[0].AccountEnabled = &off
	server := serve(t, idp.Config{Tenants: tenants})
	response, body := do(t, tokenRequest(t, server, acme, asGuest))
	if e := errorBody(t, response, body); e.ErrorCodes[0] != 7000112 {
		t.Errorf("%s, want AADSTS7000112", body)
	}
	claimsOf(t, tokenRequest(t, server, "other.example", form{"client_id": {inOther}, "client_secret": {"other-secret"}, "scope": {inOther + "/.default"}}))
}

// TestAssignmentRequired has the rows of azure-ad.md 7.3 that give a token;
// refusals() has the one that does not.
func TestAssignmentRequired(t *testing.T) {
	for _, tc := range []struct {
		name        string
		required    bool
		assignments []idp.AppRoleAssignment
		want        any
	}{
		{"not required, nothing assigned", false, nil, nil},
		{"not required, a role", false, idp.Acme().Applications[1].AppRoleAssignments, "dev.environmentAdmin"},
		{"required, assigned without a role", true, []idp.AppRoleAssignment{{Resource: api}}, nil},
		{"required, a role", true, idp.Acme().Applications[1].AppRoleAssignments, "dev.environmentAdmin"},
	} {
		server := serve(t, idp.Config{Tenants: changed(func(t *idp.Tenant) {
			t.Applications[0].ServicePrincipal.AppRoleAssignmentRequired = tc.required
			t.Applications[1].AppRoleAssignments = tc.assignments
		})})
		claims := claimsOf(t, tokenRequest(t, server, acme, nil))
		if roles, ok := claims["roles"].([]any); (tc.want == nil) == ok || ok && roles[0] != tc.want {
			t.Errorf("%s: roles %v, want %v", tc.name, claims["roles"], tc.want)
		}
	}
}

func TestAnAssignmentMayStandInTheServicePrincipal(t *testing.T) {
	server := serve(t, idp.Config{Tenants: changed(func(t *idp.Tenant) {
		t.Applications[1].ServicePrincipal.AppRoleAssignments = []idp.AppRoleAssignment{{Resource: api, Roles: []string{"prod.environmentAdmin"}}}
	})})
	if roles, _ := json.Marshal(claimsOf(t, tokenRequest(t, server, acme, nil))["roles"]); string(roles) != `["dev.environmentAdmin","prod.environmentAdmin"]` {
		t.Errorf("roles %s, want those of both lists", roles)
	}
}

func TestOptionalClaims(t *testing.T) {
	for _, tc := range []struct {
		name       string
		claims     []idp.OptionalClaim
		idtyp, aud any
	}{
		{"none", nil, nil, "api://" + api},
		{"idtyp", []idp.OptionalClaim{{Name: "idtyp"}}, "app", "api://" + api},
		{"aud without use_guid", []idp.OptionalClaim{{Name: "aud"}}, nil, "api://" + api},
		{"aud with use_guid", []idp.OptionalClaim{{Name: "aud", AdditionalProperties: []string{"use_guid"}}}, nil, api},
		{"one that app-only tokens cannot have", []idp.OptionalClaim{{Name: "email"}}, nil, "api://" + api},
	} {
		server := serve(t, idp.Config{Tenants: changed(func(t *idp.Tenant) {
			t.Applications[0].API.RequestedAccessTokenVersion = nil
			t.Applications[0].OptionalClaims.AccessToken = tc.claims
		})})
		if claims := claimsOf(t, tokenRequest(t, server, acme, nil)); claims["idtyp"] != tc.idtyp || claims["aud"] != tc.aud || claims["email"] != nil {
			t.Errorf("%s: idtyp %v, aud %v, want %v, %v", tc.name, claims["idtyp"], claims["aud"], tc.idtyp, tc.aud)
		}
	}
}

// TestFurtherClaimsStandInTheAlphabet: after the five that come first, as if
// Azure had put them there.
func TestFurtherClaimsStandInTheAlphabet(t *testing.T) {
	server := serve(t, idp.Config{Tenants: changed(func(t *idp.Tenant) {
		t.Applications[1].Claims = map[string]any{"zz": "<&>", "acct": 0, "groups": []any{"a", nil, 1.5}, "email": "x@y"}
	})})
	_, payload := decode(t, accessToken(t, tokenRequest(t, server, acme, nil)))
	want := "aud iss iat nbf exp acct aio azp azpacr email groups oid rh roles sub tid uti ver xms_ftd zz"
	if got := strings.Join(memberNames(t, payload), " "); got != want {
		t.Errorf("claims %s, want %s", got, want)
	}
	var claims map[string]any
	if err := json.Unmarshal([]byte(payload), &claims); err != nil {
		t.Fatal(err)
	}
	if groups, _ := json.Marshal(claims["groups"]); string(groups) != `["a",null,1.5]` || claims["zz"] != "<&>" || claims["acct"] != 0.0 {
		t.Errorf("groups %s, zz %v, acct %v", groups, claims["zz"], claims["acct"])
	}
}

func TestPoliciesThatDoNotRefuse(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*idp.ConditionalAccessPolicy)
	}{
		{"disabled", func(p *idp.ConditionalAccessPolicy) { p.State = "disabled" }},
		{"report only", func(p *idp.ConditionalAccessPolicy) { p.State = "enabledForReportingButNotEnforced" }},
		{"no control", func(p *idp.ConditionalAccessPolicy) { p.GrantControls.BuiltInControls = nil }},
		{"excluded", func(p *idp.ConditionalAccessPolicy) {
			p.Conditions.ClientApplications.ExcludeServicePrincipals = []string{strings.ToUpper(clientSP)}
		}},
	} {
		server := serve(t, idp.Config{Tenants: changed(func(t *idp.Tenant) {
			p := blocking("ServicePrincipalsInMyTenant")
			tc.change(&p)
			t.ConditionalAccessPolicies = []idp.ConditionalAccessPolicy{p}
		})})
		if response, body := do(t, tokenRequest(t, server, acme, nil)); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", tc.name, body)
		}
	}
}

// TestTheTokenExchangeResourceIsThere: workload identity needs it in every
// tenant, and its v2.0 tokens have its appId as aud.
func TestTheTokenExchangeResourceIsThere(t *testing.T) {
	server := serve(t, idp.Config{})
	if aud := claimsOf(t, tokenRequest(t, server, acme, form{"scope": {"api://AzureADTokenExchange/.default"}}))["aud"]; aud != "fb60f99c-7a34-4190-8149-302f77469936" {
		t.Errorf("aud %v, want the appId of Microsoft's resource", aud)
	}
	own := serve(t, idp.Config{Tenants: changed(func(t *idp.Tenant) {
		t.Applications[0].IdentifierURIs = []string{"api://azureadtokenexchange"}
	})})
	if aud := claimsOf(t, tokenRequest(t, own, acme, form{"scope": {"api://AzureADTokenExchange/.default"}}))["aud"]; aud != api {
		t.Errorf("aud %v, want the config's own application", aud)
	}
}

func TestTheV1Endpoint(t *testing.T) {
	server := serve(t, idp.Config{Tenants: everything()})
	ask := func(change url.Values) *http.Request {
		f := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "resource": {"https://kafka.example/"}}
		for k, v := range change {
			f[k] = v
		}
		return post(t, server.URL+"/acmeexamples.onmicrosoft.com/oauth2/token?api-version=1.0", f.Encode())
	}
	for _, tc := range []struct {
		name   string
		change url.Values
		number int
	}{
		{"no resource", form{"resource": {""}}, 900144},
		{"a scope in place of the resource", form{"resource": {""}, "scope": {"https://kafka.example//.default"}}, 900144},
		{"an unknown resource", form{"resource": {"https://kafka.example"}}, 500011},
		{"a wrong secret", form{"client_secret": {"x"}}, 7000215},
		{"another grant", form{"grant_type": {"password"}}, 70003},
	} {
		response, body := do(t, ask(tc.change))
		if e := errorBody(t, response, body); e.ErrorCodes[0] != tc.number {
			t.Errorf("%s: %s, want AADSTS%d", tc.name, body, tc.number)
		}
	}
	if aud := claimsOf(t, ask(form{"scope": {"openid"}}))["aud"]; aud != "https://kafka.example/" {
		t.Errorf("aud %v, want the resource as asked for, whatever the scope", aud)
	}
	response, body := get(t, server.URL+"/"+acme+"/oauth2/token")
	if e := errorBody(t, response, body); !strings.HasPrefix(e.ErrorDescription, "AADSTS900561: The endpoint only accepts POST requests. Received a GET request.") {
		t.Errorf("GET: %s", body)
	}
}

func TestTokenWithoutHTTP(t *testing.T) {
	s, err := idp.New(idp.Config{Tenants: everything()})
	if err != nil {
		t.Fatal(err)
	}
	v1, err := s.Token(t.Context(), "http://localhost:8080", idp.TokenRequest{Tenant: acme, ClientID: client, ClientSecret: secret, Resource: "https://kafka.example/"})
	if err != nil {
		t.Fatal(err)
	}
	if _, payload := decode(t, v1.AccessToken); !strings.Contains(payload, `"aud":"https://kafka.example/"`) {
		t.Errorf("claims %s, want the resource", payload)
	}
	_, err = s.Token(t.Context(), "http://localhost:8080", idp.TokenRequest{Tenant: acme, ClientID: client, Scope: api + "/.default"})
	if err == nil || !strings.HasPrefix(err.Error(), "AADSTS7000216: ") {
		t.Errorf("without a credential: %v, want AADSTS7000216", err)
	}
}

// TestOneOfSeveralSecretsWillDo: each has dates of its own.
func TestOneOfSeveralSecretsWillDo(t *testing.T) {
	server := serve(t, idp.Config{Tenants: changed(func(t *idp.Tenant) {
		t.Applications[1].PasswordCredentials = []idp.PasswordCredential{
			{SecretText: "old", EndDateTime: now}, {SecretText: "off", Disabled: true},
			{SecretText: "this", StartDateTime: now, EndDateTime: now.Add(1)}, {SecretText: "next", StartDateTime: now.Add(1)},
		}
	})})
	for secret, want := range map[string]int{"old": 7000222, "off": 7000215, "this": 0, "next": 7000215, "": 7000216} {
		response, body := do(t, tokenRequest(t, server, acme, form{"client_secret": {secret}}))
		if want == 0 {
			if response.StatusCode != http.StatusOK {
				t.Errorf("secret %q: %s", secret, body)
			}
			continue
		}
		if e := errorBody(t, response, body); e.ErrorCodes[0] != want {
			t.Errorf("secret %q: AADSTS%d, want %d", secret, e.ErrorCodes[0], want)
		}
	}
}
