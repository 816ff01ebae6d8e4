package idp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/idpool/idpool/idp"
)

// The identities of the tests: one of the machine, two that users assigned.
const (
	machine, machineSP   = "10000000-0000-4000-8000-000000000001", "10000000-0000-4000-8000-000000000002"
	payments, paymentsSP = "20000000-0000-4000-8000-000000000001", "20000000-0000-4000-8000-000000000002"
	orders, ordersSP     = "30000000-0000-4000-8000-000000000001", "30000000-0000-4000-8000-000000000002"
	ordersARM            = "/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/orders"
)

func managed(appID, id string, alternativeNames ...string) idp.ServicePrincipal {
	return idp.ServicePrincipal{
		AppID: appID, ID: id, Type: "ManagedIdentity", AlternativeNames: alternativeNames,
		AppRoleAssignments: []idp.AppRoleAssignment{{Resource: api, Roles: []string{"dev.environmentAdmin"}}},
	}
}

var (
	ofMachine  = managed(machine, machineSP, "isExplicit=False", "/subscriptions/s/vm")
	ofPayments = managed(payments, paymentsSP, "isExplicit=True", "/subscriptions/s/payments")
	ofOrders   = managed(orders, ordersSP, "isExplicit=True", ordersARM)
)

func identities(list ...idp.ServicePrincipal) []idp.Tenant {
	return changed(func(t *idp.Tenant) { t.ServicePrincipals = list })
}

// identityRequest asks as a program on Azure does, in both styles.
func identityRequests(t *testing.T, base string, query url.Values) map[string]*http.Request {
	t.Helper()
	requests := map[string]*http.Request{}
	for style, at := range map[string][3]string{
		"IMDS":        {"/metadata/identity/oauth2/token?api-version=2018-02-01&resource=", "Metadata", "true"},
		"App Service": {"/msi/token?api-version=2019-08-01&resource=", "X-IDENTITY-HEADER", "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a"},
	} {
		r, err := http.NewRequest(http.MethodGet, base+at[0]+url.QueryEscape("api://"+api)+"&"+query.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(at[1], at[2])
		requests[style] = r
	}
	return requests
}

func TestWhichManagedIdentityIsMeant(t *testing.T) {
	off := false
	asleep := ofMachine
	asleep.AccountEnabled = &off
	for _, tc := range []struct {
		name  string
		have  []idp.ServicePrincipal
		query url.Values
		want  string // azp, or "" for a refusal
	}{
		{"the machine's, when none is named", []idp.ServicePrincipal{ofOrders, ofMachine, ofPayments}, nil, machine},
		{"by client id", []idp.ServicePrincipal{ofMachine, ofPayments, ofOrders}, form{"client_id": {strings.ToUpper(orders)}}, orders},
		{"by object id", []idp.ServicePrincipal{ofMachine, ofPayments}, form{"object_id": {paymentsSP}}, payments},
		{"by principal id", []idp.ServicePrincipal{ofMachine, ofPayments}, form{"principal_id": {paymentsSP}}, payments},
		{"by ARM id, in capitals", []idp.ServicePrincipal{ofMachine, ofOrders}, form{"msi_res_id": {strings.ToUpper(ordersARM)}}, orders},
		{"by ARM id, App Service's name", []idp.ServicePrincipal{ofMachine, ofOrders}, form{"mi_res_id": {ordersARM}}, orders},
		{"the only one that a user assigned", []idp.ServicePrincipal{ofOrders}, nil, orders},
		{"one without alternativeNames is the machine's", []idp.ServicePrincipal{ofOrders, managed(machine, machineSP)}, nil, machine},
		{"two that users assigned, none named", []idp.ServicePrincipal{ofOrders, ofPayments}, nil, ""},
		{"one that does not exist", []idp.ServicePrincipal{ofMachine, ofOrders}, form{"client_id": {payments}}, ""},
		{"an application is no managed identity", []idp.ServicePrincipal{ofMachine}, form{"client_id": {client}}, ""},
		{"an empty ARM id names nobody", []idp.ServicePrincipal{managed(machine, machineSP)}, form{"mi_res_id": {"/"}}, ""},
		{"a disabled one", []idp.ServicePrincipal{asleep}, nil, ""},
		{"none at all", nil, nil, ""},
	} {
		server := serve(t, idp.Config{Tenants: identities(tc.have...)})
		for style, r := range identityRequests(t, server.URL, tc.query) {
			response, body := do(t, r)
			if tc.want == "" {
				if response.StatusCode != http.StatusBadRequest {
					t.Errorf("%s, %s: %s %s, want 400", tc.name, style, response.Status, body)
				}
				continue
			}
			claims := claimsOf(t, r)
			if claims["azp"] != tc.want || claims["azpacr"] != "2" || claims["roles"] == nil {
				t.Errorf("%s, %s: claims %v, want azp %s", tc.name, style, claims, tc.want)
			}
		}
	}
}

func TestIdentityRequestsThatAreIncomplete(t *testing.T) {
	server := serve(t, idp.Config{Tenants: identities(ofOrders, ofPayments)})
	good := "?api-version=2018-02-01&resource=api://" + api + "&client_id=" + orders
	for _, tc := range []struct {
		name, path, header string
		status             int
		want               string
	}{
		{"IMDS without Metadata", "/metadata/identity/oauth2/token" + good, "", 400, `{"error":"bad_request_102","error_description":"Required metadata header not specified"}`},
		{"IMDS without api-version", "/metadata/identity/oauth2/token?resource=x", "Metadata", 400, `"error":"invalid_request"`},
		{"IMDS without resource", "/metadata/identity/oauth2/token?api-version=x", "Metadata", 400, `"error":"invalid_request"`},
		{"IMDS with an unknown identity", "/metadata/identity/oauth2/token" + good + "0", "Metadata", 400, `"error_description":"Identity not found"`},
		{"IMDS with two to choose from", "/metadata/identity/oauth2/token?api-version=x&resource=y", "Metadata", 400, "Multiple user assigned identities exist"},
		{"IMDS with an unknown resource", "/metadata/identity/oauth2/token?api-version=x&resource=api://nobody&client_id=" + orders, "Metadata", 400, `{"error":"invalid_resource","error_description":"AADSTS500011: The resource principal named api://nobody`},
		{"App Service without the header", "/msi/token" + good, "", 401, `{"statusCode":401,"message":"The header X-IDENTITY-HEADER is missing`},
		{"App Service without api-version", "/msi/token?resource=x", "X-IDENTITY-HEADER", 400, "api-version"},
		{"App Service without resource", "/msi/token?api-version=x", "X-IDENTITY-HEADER", 400, "resource"},
		{"App Service with an unknown identity", "/msi/token" + good + "0", "X-IDENTITY-HEADER", 400, "No User Assigned or Delegated Managed Identity found"},
		{"App Service with an unknown resource", "/msi/token?api-version=x&resource=api://nobody&client_id=" + orders, "X-IDENTITY-HEADER", 400, `{"statusCode":400,"message":"AADSTS500011: `},
	} {
		r, err := http.NewRequest(http.MethodGet, server.URL+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tc.header != "" {
			r.Header.Set(tc.header, "true")
		}
		if response, body := do(t, r); response.StatusCode != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%s: %s %s, want %d with %s", tc.name, response.Status, body, tc.status, tc.want)
		}
	}
}

// TestAPolicyDoesNotReachManagedIdentities, as in Azure.
func TestAPolicyDoesNotReachManagedIdentities(t *testing.T) {
	tenants := identities(ofMachine)
	tenants[0].ConditionalAccessPolicies = []idp.ConditionalAccessPolicy{blocking("ServicePrincipalsInMyTenant")}
	for _, r := range identityRequests(t, serve(t, idp.Config{Tenants: tenants}).URL, nil) {
		claimsOf(t, r)
	}
}

func TestInstanceDiscovery(t *testing.T) {
	server := serve(t, idp.Config{PublicURL: "https://idp.example:8443"})
	for _, tc := range []struct {
		name, version, authorize string
		want                     string // tenant_discovery_endpoint, or "" for invalid_instance
	}{
		{"Azure, v2.0", "1.1", "https://login.microsoftonline.com/" + acme + "/oauth2/v2.0/authorize", "https://login.microsoftonline.com/" + acme + "/v2.0/.well-known/openid-configuration"},
		{"an alias of Azure, v1.0", "1.0", "https://sts.windows.net/common/oauth2/authorize", "https://sts.windows.net/common/.well-known/openid-configuration"},
		{"idpool itself", "1.1", "https://idp.example:8443/" + acme + "/oauth2/v2.0/authorize", "https://idp.example:8443/" + acme + "/v2.0/.well-known/openid-configuration"},
		{"idpool without its port, as MSAL Python asks", "1.0", "https://idp.example/common/oauth2/v2.0/authorize", "https://idp.example/common/v2.0/.well-known/openid-configuration"},
		{"a stranger", "1.1", "https://idp.example.evil/common/oauth2/v2.0/authorize", ""},
		{"no URL", "1.1", "idp.example", ""},
		{"nothing", "1.1", "", ""},
	} {
		response, body := get(t, server.URL+"/common/discovery/instance?api-version="+tc.version+"&authorization_endpoint="+url.QueryEscape(tc.authorize))
		if tc.want == "" {
			if e := errorBody(t, response, body); e.Error != "invalid_instance" || e.ErrorCodes[0] != 50049 || response.StatusCode != 400 {
				t.Errorf("%s: %s %s, want invalid_instance", tc.name, response.Status, body)
			}
			continue
		}
		if !strings.HasPrefix(body, `{"tenant_discovery_endpoint":"`+tc.want+`","api-version":"`+tc.version+`","metadata":[{"preferred_network":"login.microsoftonline.com"`) {
			t.Errorf("%s: %s", tc.name, body)
		}
	}
}
