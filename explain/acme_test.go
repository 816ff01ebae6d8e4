package explain_test

import (
	"time"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// The tenant of the article, as the config of DESIGN.md has it.
const (
	acmeTenant  = "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6"
	otherTenant = "11111111-2222-3333-4444-555555555555"
	apiID       = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	billingID   = "c0ffee00-a466-45e9-a02a-dfdda6b4c765"
	clientID    = "75f2f796-363d-4de2-b299-713920db01a7"
	acmeIssuer  = "http://localhost:8080/" + acmeTenant + "/v2.0"
	acmeJWKS    = "http://localhost:8080/" + acmeTenant + "/discovery/v2.0/keys"
)

// noon is when every decision of these tests is made.
func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// acme is what the config knows: a client with the dev role, an API that
// defines two, another API, and the pools pool-dev and pool-prod.
func acme() explain.Facts {
	return explain.Facts{
		Now:      noon(),
		Clusters: []string{"lkc-acme"},
		Applications: []explain.Application{
			{TenantID: acmeTenant, TenantName: "Acme Examples Inc", AppID: apiID, DisplayName: "Confluent Cloud",
				IdentifierURIs: []string{"api://" + apiID}, TokenVersion: 2,
				Roles: []string{"dev.environmentAdmin", "prod.environmentAdmin"}},
			{TenantID: acmeTenant, TenantName: "Acme Examples Inc", AppID: billingID, DisplayName: "Billing",
				IdentifierURIs: []string{"https://billing.acme.example"}, TokenVersion: 2, Roles: []string{"bill.read"}},
			{TenantID: acmeTenant, TenantName: "Acme Examples Inc", AppID: clientID, DisplayName: "Acme client",
				Assigned: map[string][]string{apiID: {"dev.environmentAdmin"}}, Requested: map[string][]string{}},
		},
		Providers: []explain.Provider{{ID: "op-acme", TenantID: acmeTenant, Issuers: []string{acmeIssuer}, JWKSURI: acmeJWKS,
			Pools: []pool.Config{
				{ID: "pool-dev", IdentityClaim: "claims.azp", Filter: "'dev.environmentAdmin' in claims.roles"},
				{ID: "pool-prod", IdentityClaim: "claims.azp", Filter: "'prod.environmentAdmin' in claims.roles"},
			}}},
	}
}

// claims are those of a fresh v2.0 token of the Acme client.
func claims() map[string]any {
	const oid = "b1841e28-d943-4d11-822a-253ef2835b4c"
	return map[string]any{
		"aud": apiID, "iss": acmeIssuer, "azp": clientID, "azpacr": "1", "oid": oid, "sub": oid, "tid": acmeTenant, "ver": "2.0",
		"iat": seconds(noon().Add(-10 * time.Minute)), "nbf": seconds(noon().Add(-10 * time.Minute)), "exp": seconds(noon().Add(50 * time.Minute)),
		"roles": []any{"dev.environmentAdmin"},
	}
}

func seconds(t time.Time) float64 { return float64(t.Unix()) }

// refused is the Acme client's token, asked for pool-prod and refused by a
// check; change makes of it the situation that a row is about.
func refused(check string, change func(*explain.Input)) explain.Input {
	in := explain.Input{
		Facts:   acme(),
		Request: validator.Request{Cluster: "lkc-acme", Pools: "pool-prod", All: true},
		Decision: validator.Decision{Provider: "op-acme", Claims: claims(),
			Header: map[string]any{"typ": "JWT", "alg": "RS256", "kid": "kid-of-acme"},
			Checks: []validator.Check{{Name: validator.CheckFormat, Status: validator.Pass}, {Name: check, Status: validator.Fail}}},
	}
	if check == validator.CheckProvider {
		in.Decision.Provider = ""
	}
	if change != nil {
		change(&in)
	}
	return in
}

// filtered is a token that the filter of pool-prod refuses.
func filtered(filter string, change func(claims map[string]any)) explain.Input {
	return refused(validator.CheckFilter, func(in *explain.Input) {
		in.Facts.Providers[0].Pools[1].Filter = filter
		if change != nil {
			change(in.Decision.Claims)
		}
	})
}

// noToken is a refusal of the token endpoint.
func noToken(code string, number int, description string, change func(*explain.Input)) explain.Input {
	in := explain.Input{Facts: acme(), TokenError: &explain.TokenError{
		Code: code, Number: number, ClientID: clientID, Scope: "api://" + apiID + "/.default",
		Description: description + " Trace ID: 5a6c Correlation ID: 77d1 Timestamp: 2026-11-23 12:00:00Z",
	}}
	if change != nil {
		change(&in)
	}
	return in
}
