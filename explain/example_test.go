package explain_test

import (
	"fmt"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/validator"
)

// The Acme client has the dev role and asks for pool-prod.
func ExampleCauses() {
	decision := validator.Decision{
		Provider: "op-acme",
		Claims:   claims(),
		Checks:   []validator.Check{{Name: validator.CheckFilter, Status: validator.Fail}},
	}
	cause := explain.Causes(explain.Input{
		Decision: decision,
		Request:  validator.Request{Cluster: "lkc-acme", Pools: "pool-prod"},
		Facts:    acme(),
	})[0]
	fmt.Println(cause.ID)
	fmt.Println(cause.Summary)
	fmt.Println(cause.Fix)
	fmt.Println(cause.Docs)
	// Output:
	// role-not-assigned
	// application "Acme client" (75f2f796-363d-4de2-b299-713920db01a7) has the roles [dev.environmentAdmin] on "Confluent Cloud" (be587d08-a466-45e9-a02a-dfdda6b4c765), but pool-prod's filter wants 'prod.environmentAdmin'; pool-dev would let this token in
	// 1. Open Entra admin center → App registrations → "Acme client" → API permissions → Add a permission → APIs my organization uses → "Confluent Cloud" → Application permissions.
	// 2. Tick 'prod.environmentAdmin' and select Add permissions.
	// 3. Select Grant admin consent; without it the permission is only asked for, and no token has it.
	// 4. Get a new token: tokens issued before keep the roles they have.
	// 5. Or, if the client was meant for pool-dev, name that pool. Java: extension_identityPoolId='pool-dev' in sasl.jaas.config; librdkafka: identityPoolId=pool-dev in sasl.oauthbearer.extensions.
	// https://learn.microsoft.com/en-us/entra/identity-platform/howto-add-app-roles-in-apps
}
