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

// A file with a mistake is refused with its place.
func TestLoadRefuses(t *testing.T) {
	const good = `id: x
title: A title
story: |
  One.
  Two.
  Three.
broken:
  config:
    clusters: [{id: lkc-other}]
  request: {scope: null}
  expect: {check: cluster}
  causes: [cluster-wrong]
healed:
  request: {extensions: {logicalCluster: lkc-other}}
`
	for _, tt := range []struct{ reason, old, new, want string }{
		{"a key misspelt", "title:", "titel:", `x.yaml:2:1: titel: unknown key, did you mean "title"?`},
		{"a key of the config misspelt", "clusters:", "cluster:", `x.yaml:9:14: broken.config.cluster: unknown key, did you mean "clusters"?`},
		{"a key of the request misspelt", "{scope: null}", "{scpe: x}", `x.yaml:10:13: broken.request.scpe: unknown key, did you mean "scope"?`},
		{"a mistake in the config", "lkc-other}]", "other}]", `x.yaml:9:`},
		{"an unknown cause", "[cluster-wrong]", "[cluster-wrogn]", `x.yaml:12:12: broken.causes[0]: there is no cause "cluster-wrogn", did you mean "cluster-wrong"?`},
		{"an unknown check", "check: cluster", "check: clutser", `x.yaml:11:19: broken.expect.check: there is no check "clutser", did you mean "cluster"?`},
		{"no cause", "causes: [cluster-wrong]", "causes: []", `broken.causes: is missing`},
		{"no healing", "  request: {extensions: {logicalCluster: lkc-other}}\n", "  request: {}\n", `x.yaml:14:3: healed: heals nothing`},
		{"no healing at all", "healed:\n  request: {extensions: {logicalCluster: lkc-other}}\n", "", `x.yaml:1:1: healed: heals nothing`},
		{"two lines of story", "  Three.\n", "", `story: has 2 lines`},
		{"another name", "id: x", "id: y", `x.yaml:1:5: id: "y" is not the name of the file, want "x"`},
		{"an expectation of nothing", "{check: cluster}", "{}", `broken.expect: expects nothing`},
		{"null for what is not there", "scope: null", "resource: null", `there is no "resource" here`},
		{"no YAML", "id: x", "id: [", `x.yaml:`},
	} {
		text := strings.Replace(good, tt.old, tt.new, 1)
		if text == good {
			t.Fatalf("%s: nothing is replaced", tt.reason)
		}
		_, err := Load("x.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.reason, err, tt.want)
		}
	}
	if _, err := Load("x.yaml", []byte(good)); err != nil {
		t.Errorf("without a mistake: %v", err)
	}
}

func TestFind(t *testing.T) {
	if _, err := Find("no-app-rol"); err == nil || !strings.Contains(err.Error(), `did you mean "no-app-role"?`) {
		t.Errorf("got %v", err)
	}
	if _, err := Find("../catalogue/no-app-role"); err == nil {
		t.Error("a path is found")
	}
}

// Whatever a file says, it is loaded or refused, and a refusal has a place.
func FuzzLoad(f *testing.F) {
	for _, id := range []string{"no-app-role", "extension-key", "filter-syntax", "assertion-audience"} {
		data, err := files.ReadFile("catalogue/" + id + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Load("x.yaml", []byte(text))
		if (s == nil) == (err == nil) {
			t.Fatalf("got %v, %v", s, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "x.yaml") {
			t.Errorf("no place: %v", err)
		}
	})
}
