package kafka

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/idpool/idpool/internal/clientsettings"
	"github.com/idpool/idpool/validator"
)

// TestSchemaRegistry runs the two commands of curl, and decides about the token
// that comes with the second as Schema Registry would.
func TestSchemaRegistry(t *testing.T) {
	t.Parallel()
	f := embedded(t, config())
	for name, s := range map[string]clientsettings.Settings{"plain": f.plain(), "TLS": f.secure(t)} {
		t.Run(name, func(t *testing.T) {
			asked := false
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				asked = true
				token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
				pools := r.Header.Get("Confluent-Identity-Pool-Id")
				if r.URL.Path != "/subjects" || !bearer || r.Header.Get("target-sr-cluster") != "lsrc-acme" || pools != s.Pool() {
					t.Errorf("%s, pools %q, cluster %q", r.URL, pools, r.Header.Get("target-sr-cluster"))
				}
				if d := f.stack.Decide(r.Context(), validator.Request{Token: token, Cluster: "lkc-acme", Pools: pools}); !d.Allowed {
					t.Errorf("refused at %+v", d.Failed())
				}
			}))
			defer server.Close()
			_, err := command{program: "bash", arguments: []string{"-euo", "pipefail", write(t, "settings.sh", rendered(t, "schema-registry", s))},
				env: []string{"SCHEMA_REGISTRY_URL=" + server.URL, "SCHEMA_REGISTRY_CLUSTER=lsrc-acme"}}.output(t)
			if err != nil || !asked {
				t.Errorf("asked %v: %v", asked, err)
			}
		})
	}
}
