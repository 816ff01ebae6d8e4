package idpool

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// A client's extensions come as it sent them, and those that Confluent knows
// are found among them.
func TestDecisionOfExtensions(t *testing.T) {
	s, err := Start(t.Context(), Acme())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct{ body, want string }{
		{`{"token":"x","extensions":{"logicalCluster":"lkc-acme","identityPoolId":"pool-dev"}}`, `the cluster lkc-acme is known`},
		{`{"token":"x","extensions":{"logicalCluster":"lkc-acme","identityPoolId":"pool-none"}}`, `identityPoolId \"pool-none\"`},
		{`{"token":"x","cluster":"lkc-acme","extensions":{"logicalCluster":"lkc-x"}}`, `the cluster lkc-acme is known`},
	} {
		r, err := http.Post(s.Admin+"/v1/decisions", "application/json", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: %d, %v\n%s", tt.body, r.StatusCode, err, body)
		}
	}
}
