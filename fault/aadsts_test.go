package fault_test

import (
	"strings"
	"testing"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

// Numbers that client credentials get from Azure, but no request gets from idpool,
// were answered with "idpool has no text".
func TestNumbersThatNoRequestGets(t *testing.T) {
	for number, want := range map[int]struct {
		status     int
		code, text string
	}{
		50001:   {400, "invalid_resource", "The application named api://" + api + "/.default was not found in the tenant named Acme Examples Inc."},
		50105:   {400, "invalid_grant", "Application '" + client + "' is not assigned to a role for the application"},
		50196:   {400, "invalid_grant", "The server terminated an operation because it encountered a client request loop."},
		65001:   {400, "invalid_grant", "has not consented to use the application with ID '" + client + "'"},
		70001:   {400, "unauthorized_client", "Application with identifier '" + client + "' was not found"},
		70021:   {400, "invalid_request", "No matching federated identity record found for presented assertion. Assertion Issuer: 'https://issuer.example'."},
		90006:   {503, "temporarily_unavailable", "A transient error has occurred."},
		90055:   {429, "temporarily_unavailable", "TenantThrottlingError"},
		501661:  {400, "invalid_request", "Request to External OIDC endpoint failed."},
		700025:  {401, "invalid_client", "Client is public"},
		700030:  {401, "invalid_client", "in token certificate are: CN=unknown."},
		900382:  {401, "invalid_client", "Cross Cloud"},
		7000218: {401, "invalid_client", "'client_assertion' or 'client_secret'."},
	} {
		x := newWorld(t, fault.Fault{Endpoint: "token", AADSTS: number})
		got := x.ask("token")
		if got.status != want.status || !strings.Contains(got.body, `{"error":"`+want.code+`","error_description":"AADSTS`) || !strings.Contains(got.body, want.text) {
			t.Errorf("%d: %d %s\nwant %d %s %s", number, got.status, got.body, want.status, want.code, want.text)
		}
		if strings.Contains(got.body[1:], "{") {
			t.Errorf("%d: a placeholder is left: %s", number, got.body)
		}
		if problem := x.set.List()[0].Problem; !idp.KnowsError(number) || problem != "" {
			t.Errorf("%d: problem %q", number, problem)
		}
	}
}

// A number that idpool has no text for was taken without a word.
func TestANumberWithoutText(t *testing.T) {
	x := newWorld(t, fault.Fault{Endpoint: "token", AADSTS: 12345})
	status := x.set.List()[0]
	if want := "idpool has no text of Azure's for 12345"; !strings.Contains(status.Problem, want) || status.Warning() != status.Problem {
		t.Errorf("problem %q, warning %q, want %q", status.Problem, status.Warning(), want)
	}
	if got := x.ask("token"); got.status != 400 || !strings.Contains(got.body, "idpool has no text for this error of Azure's.") || !strings.Contains(got.body, `"error_codes":[12345]`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
