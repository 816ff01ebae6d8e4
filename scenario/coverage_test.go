package scenario

import (
	"slices"
	"strings"
	"testing"

	"github.com/idpool/idpool/explain"
)

// catalogue is every scenario.
func catalogue(t testing.TB) []*Scenario {
	t.Helper()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wanted are the causes that a user must be able to reproduce with one command.
func wanted() []string {
	return strings.Fields(`v1-token no-app-role consent-missing role-typo wrong-resource wrong-tenant scope-not-default
		scope-missing secret-wrong secret-is-id secret-expired app-unknown app-disabled no-service-principal
		assignment-required assertion-audience fic-subject-case
		issuer-mismatch issuer-trailing-slash jwks-wrong-uri jwks-unreachable jwks-stale no-kid opaque-token
		id-token-used alg-not-allowed clock-skew token-expired token-tampered
		eq-on-array in-on-string claim-missing claim-misspelt claim-v1-v2 aud-uri-vs-guid neq-on-missing
		filter-not-bool filter-syntax filter-too-long filter-too-wide namespaced-claim identity-claim-missing
		pool-unknown pool-not-matched no-pool-matched cluster-missing cluster-wrong extension-key no-extensions
		allowed-urls tls-ca no-role-binding binding-wrong-principal`)
}

func TestEveryCauseHasAScenario(t *testing.T) {
	all := catalogue(t)
	if len(all) < 36 {
		t.Errorf("%d scenarios", len(all))
	}
	for _, id := range wanted() {
		if !slices.ContainsFunc(all, func(s *Scenario) bool { return slices.Contains(s.Causes, id) }) {
			t.Errorf("no scenario shows %s", id)
		}
	}
	for _, id := range explain.LintIDs() {
		if !slices.ContainsFunc(all, func(s *Scenario) bool { return slices.Contains(s.Expect.Lint, id) }) {
			t.Errorf("no scenario shows the warning %s", id)
		}
	}
}

// notExpressible are the rows of the published catalogue that idpool cannot
// show, with the reason.
func notExpressible() map[int]string {
	return map[int]string{
		33: "role bindings hold at once here: nothing has to spread",
		35: "clusters have no type here: OAuth works on every one",
	}
}

func TestEveryRowHasAScenario(t *testing.T) {
	shown := map[int]bool{}
	for _, s := range catalogue(t) {
		for _, row := range s.Rows {
			shown[row] = true
		}
	}
	for row := 1; row <= 38; row++ {
		if why := notExpressible()[row]; shown[row] == (why != "") {
			t.Errorf("row %d: shown %v, not expressible because %q", row, shown[row], why)
		}
	}
}

// A scenario that does not say what happens is found out, by each of its three
// parts.
func TestWrongScenariosAreFoundOut(t *testing.T) {
	data, err := files.ReadFile("catalogue/eq-on-array.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		reason, old, new          string
		broken, explained, healed bool
	}{
		{"as it is", "", "", true, true, true},
		{"another check", "check: filter", "check: signature", false, true, true},
		{"another text", "client: Authentication failed during", "client: Something else during", false, true, true},
		{"an error of the token endpoint", "check: filter", "aadsts: 7000215", false, true, true},
		{"another cause", "causes: [eq-on-array]", "causes: [in-on-string]", true, false, true},
		{"a cause too many", "causes: [eq-on-array]", "causes: [eq-on-array, no-kid]", true, false, true},
		{"a healing that heals nothing", "'dev.environmentAdmin' in claims.roles", "'prod.environmentAdmin' in claims.roles", true, true, false},
		{"a break that breaks nothing", "claims.roles == 'dev.environmentAdmin'", "claims.roles[0] == 'dev.environmentAdmin'", false, false, true},
	} {
		text := strings.Replace(string(data), tt.old, tt.new, 1)
		if tt.old != "" && text == string(data) {
			t.Fatalf("%s: %q is not in the file", tt.reason, tt.old)
		}
		s, err := Load("catalogue/eq-on-array.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", tt.reason, err)
		}
		r, err := s.Run(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", tt.reason, err)
		}
		if r.Broken.AsWritten != tt.broken || r.Explained.AsWritten != tt.explained || r.Healed.AsWritten != tt.healed {
			t.Errorf("%s: broken %+v, explained %+v, healed %+v", tt.reason, r.Broken, r.Explained, r.Healed)
		}
		if r.AsWritten() != (tt.reason == "as it is") {
			t.Errorf("%s: as written is %v", tt.reason, r.AsWritten())
		}
	}
}
