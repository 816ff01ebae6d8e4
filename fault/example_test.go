package fault_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

// The second and the third request for the keys are throttled.
func Example() {
	provider, err := idp.New(idp.Config{})
	if err != nil {
		panic(err)
	}
	faults := fault.New(fault.Config{Tenant: provider.TenantID, Refuse: provider.WriteError})
	server := httptest.NewServer(faults.Handler(provider))
	defer server.Close()

	_, err = faults.Read("faults.yaml", []byte(`
- endpoint: jwks
  tenant: acmeexamples.onmicrosoft.com
  when: count > 1
  times: 2
  status: 429
  retryAfter: 30s
`))
	if err != nil {
		panic(err)
	}
	for range 4 {
		response, err := http.Get(server.URL + "/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/discovery/v2.0/keys")
		if err != nil {
			panic(err)
		}
		response.Body.Close()
		fmt.Printf("%d %q\n", response.StatusCode, response.Header.Get(fault.Header))
	}
	// Output:
	// 200 ""
	// 429 "jwks-1"
	// 429 "jwks-1"
	// 200 ""
}

// A condition that cannot work is refused with the place of the mistake.
func ExampleSet_Add() {
	faults := fault.New(fault.Config{})
	_, err := faults.Add(fault.Fault{Endpoint: "token", When: `clientid == "x" and count > 2`, AADSTS: 7000215})
	fmt.Println(err)
	// Output:
	// fault: when: line 1, column 1: unknown name "clientid"
	//   | clientid == "x" and count > 2
	//   | ^
	//   hint: did you mean "client_id"?
}
