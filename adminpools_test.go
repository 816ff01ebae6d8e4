package idpool

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestRoleBindingsByTheAdminAPI(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	url := s.Admin + "/v1/identity-pools/pool-dev/role-bindings"
	for _, tt := range []struct {
		reason, method, url, body string
		status                    int
		want                      string
	}{
		{"what the config says", "GET", url, "", 200, `{"roleBindings":[{"role":"CloudClusterAdmin","cluster":"lkc-acme"}]}`},
		{"an unknown pool", "GET", s.Admin + "/v1/identity-pools/pool-x/role-bindings", "", 404, `there is no pool \"pool-x\"`},
		{"an unknown role", "PUT", url, `{"roleBindings":[{"role":"DeveloperReed","cluster":"lkc-acme","resource":"topic=x"}]}`, 422, `did you mean \"DeveloperRead\"?`},
		{"an unknown cluster", "PUT", url, `{"roleBindings":[{"role":"CloudClusterAdmin","cluster":"lkc-x"}]}`, 422, `clusters has no \"lkc-x\"`},
		{"an unknown member", "PUT", url, `{"roleBinding":[]}`, 400, `roleBinding`},
		{"no list", "PUT", url, `{}`, 400, "roleBindings is missing"},
		{"nothing has changed by these", "GET", url, "", 200, "CloudClusterAdmin"},
		{"a new one", "PUT", url, `{"roleBindings":[{"role":"DeveloperWrite","cluster":"lkc-acme","resource":"topic=orders"}]}`, 200, `"DeveloperWrite"`},
		{"it is shown", "GET", url, "", 200, `"DeveloperWrite"`},
		{"none at all", "PUT", url, `{"roleBindings":[]}`, 200, `{"roleBindings":[]}`},
	} {
		request, err := http.NewRequestWithContext(t.Context(), tt.method, tt.url, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: %s %s (%v), want %d with %s", tt.reason, response.Status, body, err, tt.status, tt.want)
		}
	}
	if err := kafkaClient(t, s, "pool-dev").ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("x")}).FirstErr(); err == nil {
		t.Error("a pool without role bindings may still write")
	}
}
