package broker

import (
	"testing"

	"github.com/idpool/idpool/internal/imports"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

func TestImports(t *testing.T) { imports.Check(t, ".", "internal/mask", "pool", "validator") }

func failedAt(check string) validator.Decision {
	return validator.Decision{Checks: []validator.Check{{Name: "format", Status: validator.Pass}, {Name: check, Status: validator.Fail}}}
}

func TestRefuse(t *testing.T) {
	on := func(resource string) validator.Request {
		return validator.Request{Cluster: "lkc-acme", Operation: pool.Operation{Name: "Read", Resource: resource}}
	}
	for _, tt := range []struct {
		reason   string
		request  validator.Request
		decision validator.Decision
		name     string
		message  string
	}{
		{"a token that is not valid is a challenge", on(""), failedAt("signature"), "SASL_AUTHENTICATION_FAILED", InvalidToken},
		{"an expired one is too", on(""), failedAt("expiry"), "SASL_AUTHENTICATION_FAILED", InvalidToken},
		{"an unknown pool", validator.Request{Cluster: "lkc-acme", Pools: "pool-x"}, failedAt("pool"), "SASL_AUTHENTICATION_FAILED",
			"Authentication failed: 1 extensions are invalid! They are: identityPoolId: Authentication failed"},
		{"no pool at all is masked", on(""), failedAt("pool"), "SASL_AUTHENTICATION_FAILED", Masked},
		{"an empty value spoils the message", validator.Request{Extensions: map[string]string{"logicalCluster": ""}}, failedAt("cluster"), "SASL_AUTHENTICATION_FAILED", Masked},
		{"the filter is masked", on(""), failedAt("filter"), "SASL_AUTHENTICATION_FAILED", Masked},
		{"no cluster has its own text", validator.Request{}, failedAt("cluster"), "SASL_AUTHENTICATION_FAILED",
			"Authentication failed: 1 extensions are invalid! They are: logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY"},
		{"another cluster has another text", on(""), failedAt("cluster"), "SASL_AUTHENTICATION_FAILED",
			"Authentication failed: 1 extensions are invalid! They are: logicalCluster: Authentication failed"},
		{"a key with an underscore spoils the message", validator.Request{Extensions: map[string]string{"identity_pool_id": "pool-dev"}},
			failedAt("cluster"), "SASL_AUTHENTICATION_FAILED", Masked},
		{"an empty key does too", validator.Request{Extensions: map[string]string{"": "x"}}, validator.Decision{Allowed: true}, "SASL_AUTHENTICATION_FAILED", Masked},
		{"keys of letters do not", validator.Request{Extensions: map[string]string{"identityPoolId": "x"}}, failedAt("cluster"), "SASL_AUTHENTICATION_FAILED",
			"Authentication failed: 1 extensions are invalid! They are: logicalCluster: CLUSTER_ID_MISSING_OR_EMPTY"},
		{"a topic", on("topic=orders"), failedAt("authorization"), "TOPIC_AUTHORIZATION_FAILED", "Topic authorization failed."},
		{"a group", on("group=g"), failedAt("authorization"), "GROUP_AUTHORIZATION_FAILED", "Group authorization failed."},
		{"a transactional id", on("transactional-id=t"), failedAt("authorization"), "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "Transactional Id authorization failed."},
		{"the cluster", on("cluster"), failedAt("authorization"), "CLUSTER_AUTHORIZATION_FAILED", "Cluster authorization failed."},
		{"a decision that was never made lets nobody in", on(""), validator.Decision{}, "SASL_AUTHENTICATION_FAILED", Masked},
	} {
		got := Refuse(tt.request, tt.decision)
		if got == nil || got.Name != tt.name || got.Error() != tt.message || got.Code == 0 {
			t.Errorf("%s: got %+v", tt.reason, got)
		}
	}
	if got := Refuse(on(""), validator.Decision{Allowed: true}); got != nil {
		t.Errorf("allowed: %+v", got)
	}
}
