package idpool

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/idpool/idpool/validator"
)

// What the admin API changes counts from the next token, decision or login on.

const devPool = "/v1/identity-providers/op-acme/identity-pools/pool-dev"

// tokenBySecret asks the token endpoint with a secret.
func tokenBySecret(t testing.TB, s *Stack, secret string) (status int, body string) {
	t.Helper()
	answer, err := http.PostForm(s.HTTP+"/"+acmeTenant+"/oauth2/v2.0/token", url.Values{
		"client_id": {acmeClient}, "client_secret": {secret}, "scope": {acmeScope}, "grant_type": {"client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// allowed asks the admin API about a token and the pool pool-dev.
func allowed(t testing.TB, s *Stack, token string) bool {
	t.Helper()
	_, text := askAdmin(t, s.Admin, exchange{method: "POST", path: "/v1/decisions", body: `{"token":"` + token + `","cluster":"lkc-acme","pool":"pool-dev"}`})
	var d validator.Decision
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err, text)
	}
	return d.Allowed
}

func TestASecretIsRotated(t *testing.T) {
	s := start(t, Acme())
	_, body := askAdmin(t, s.Admin, exchange{method: "POST", path: clientPath + "/addPassword", body: `{}`})
	fresh := ofAnswer(t, body, "secretText")
	if len(fresh) != 40 || ofAnswer(t, body, "hint") != fresh[:3] {
		t.Errorf("%s: want 40 characters and the first three as a hint", body)
	}
	for _, each := range []string{secret, fresh} {
		if status, text := tokenBySecret(t, s, each); status != http.StatusOK {
			t.Errorf("%s: %d %s, want both secrets to do", each, status, text)
		}
	}
	askAll(t, s.Admin, []exchange{{"PATCH", clientPath, `{"passwordCredentials":[{"secretText":"` + fresh + `"}]}`, 200, fresh}})
	if status, text := tokenBySecret(t, s, secret); status != http.StatusUnauthorized || !strings.Contains(text, "AADSTS7000215") {
		t.Errorf("the old secret: %d %s, want AADSTS7000215", status, text)
	}
	if status, text := tokenBySecret(t, s, fresh); status != http.StatusOK {
		t.Errorf("the new secret: %d %s", status, text)
	}
}

// A secret that addPassword made ends by the clock of the stack.
func TestASecretEnds(t *testing.T) {
	s := start(t, Acme())
	_, body := askAdmin(t, s.Admin, exchange{method: "POST", path: clientPath + "/addPassword", body: `{"passwordCredential":{"displayName":"short"}}`})
	askAll(t, s.Admin, []exchange{{"POST", "/v1/clock/advance", `{"by":"17600h"}`, 200, ""}}) // over two years
	if status, text := tokenBySecret(t, s, ofAnswer(t, body, "secretText")); status != http.StatusUnauthorized || !strings.Contains(text, "AADSTS7000222") {
		t.Errorf("%d %s, want AADSTS7000222", status, text)
	}
	askAll(t, s.Admin, []exchange{
		{"POST", clientPath + "/removePassword", `{"keyId":"` + strings.ToUpper(ofAnswer(t, body, "keyId")) + `"}`, 204, ""},
		{"GET", clientPath, "", 200, `"passwordCredentials":[{"secretText":"` + secret + `"}]`},
	})
}

func TestARoleIsTakenAway(t *testing.T) {
	s := start(t, Acme())
	before := fetchToken(t, s)
	if !allowed(t, s, before) {
		t.Fatal("the token of the start is refused")
	}
	askAll(t, s.Admin, []exchange{{"DELETE", clientPath + "/appRoleAssignments/" + api, "", 204, ""}})
	if allowed(t, s, fetchToken(t, s)) {
		t.Error("the next token has the role still")
	}
	if !allowed(t, s, before) {
		t.Error("a token that was issued has lost its role, which Azure cannot do")
	}
	askAll(t, s.Admin, []exchange{{"PUT", clientPath + "/appRoleAssignments/" + api, `{"roles":["dev.environmentAdmin"]}`, 201, ""}})
	if !allowed(t, s, fetchToken(t, s)) {
		t.Error("the role that was given back is not in the next token")
	}
}

func TestAFilterIsEdited(t *testing.T) {
	s := start(t, Acme())
	token := fetchToken(t, s)
	for _, step := range []struct {
		filter string
		status int
		want   bool
	}{
		{"'dev.environmentAdmin' in claims.roles", 200, true},
		{"'prod.environmentAdmin' in claims.roles", 200, false},
		{"'dev.environmentAdmin' in claims.", 422, false}, // as before
		{"claims.azp == '" + acmeClient + "'", 200, true},
		{"claims.azp = ''", 422, true},
	} {
		askAll(t, s.Admin, []exchange{{"PATCH", devPool, `{"filter":"` + step.filter + `"}`, step.status, ""}})
		if got := allowed(t, s, token); got != step.want {
			t.Errorf("%s (%d): allowed %v, want %v", step.filter, step.status, got, step.want)
		}
	}
}

// A change that is refused leaves the tokens as they were.
func TestABadChangeChangesNothing(t *testing.T) {
	s := start(t, Acme())
	s.Clock().Freeze()
	token := fetchToken(t, s)
	_, config := askAdmin(t, s.Admin, exchange{method: "GET", path: "/v1/config"})
	broken := strings.Replace(config, `"roles":["dev.environmentAdmin"]`, `"roles":["dev.environmentAdmin","none"]`, 1)
	askAll(t, s.Admin, []exchange{
		{"PUT", "/v1/config", broken, 422, `"field":"tenants[0].applications[1].appRoleAssignments[0].roles[1]"`},
		{"PUT", tenantPath, `{"applications":[]}`, 200, ""}, // nothing needs its applications
		{"PUT", "/v1/config", broken, 422, `"line":1`},
		{"PUT", "/v1/config", config, 200, ""},
		{"GET", "/v1/config", "", 200, strings.TrimSpace(config)},
	})
	again := fetchToken(t, s)
	if claims(token) != claims(again) {
		t.Errorf("claims were %s and are %s", claims(token), claims(again))
	}
}

// claims are those of a token but for what no two tokens share.
func claims(token string) string {
	var members map[string]any
	if err := json.Unmarshal(segment(token, 1), &members); err != nil {
		return err.Error()
	}
	for _, name := range []string{"uti", "aio", "rh", "xms_ftd"} {
		delete(members, name)
	}
	text, _ := json.Marshal(members) // what was JSON can be again
	return string(text)
}

// segment is a part of a token, decoded.
func segment(token string, i int) []byte {
	text, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i]) // of a token that was just issued
	return text
}

// Reset keeps the keys: tokens and fetched keys of before hold.
func TestResetKeepsTheKeys(t *testing.T) {
	s := start(t, Acme())
	askAll(t, s.Admin, []exchange{{"POST", tenantPath + "/keys/roll", `{}`, 200, ""}})
	token := fetchToken(t, s)
	_, keys := askAdmin(t, s.HTTP, exchange{method: "GET", path: "/" + acmeTenant + "/discovery/v2.0/keys"})
	askAll(t, s.Admin, []exchange{
		{"DELETE", devPool, "", 204, ""},
		{"PATCH", tenantPath, `{"displayName":"Other"}`, 200, ""},
		{"POST", "/v1/faults", `{"endpoint":"token","status":503}`, 201, ""},
		{"POST", "/v1/clock/freeze", "", 200, ""},
		{"POST", "/v1/reset", "", 204, ""},
		{"GET", devPool, "", 200, `"filter":"'dev.environmentAdmin' in claims.roles"`},
		{"GET", tenantPath, "", 200, `"displayName":"Acme Examples Inc"`},
		{"GET", "/v1/faults", "", 200, `{"faults":[]}`},
		{"GET", "/v1/clock", "", 200, `"frozen":false`},
		{"GET", "/v1/journal", "", 200, `{"entries":[]}`},
	})
	again := fetchToken(t, s)
	if !bytes.Equal(segment(token, 0), segment(again, 0)) {
		t.Errorf("the kid was in %s and is in %s", segment(token, 0), segment(again, 0))
	}
	if _, now := askAdmin(t, s.HTTP, exchange{method: "GET", path: "/" + acmeTenant + "/discovery/v2.0/keys"}); now != keys {
		t.Errorf("the JWKS was %s and is %s", keys, now)
	}
	if !allowed(t, s, token) {
		t.Error("a token of before the reset is refused")
	}
}

// One scope's changes are not another's.
func TestAChangeStaysInItsScope(t *testing.T) {
	s := start(t, Acme())
	scope, err := s.NewScope(ScopeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	of := "?scope=" + scope.ID()
	askAll(t, s.Admin, []exchange{
		{"PATCH", "/v1/tenants/" + scope.TenantID() + of, `{"displayName":"mine"}`, 200, `"mine"`},
	})
	askAll(t, s.Admin, []exchange{
		{"GET", tenantPath + of, "", 200, `"mine"`}, // by the name that the config has for it
		{"GET", "/v1/tenants/" + scope.TenantID(), "", 404, "there is no tenant"},
		{"GET", tenantPath, "", 200, "Acme Examples Inc"},
		{"PUT", "/v1/tenants/" + scope.TenantID(), `{}`, 422, "belongs to another scope"},
		{"PUT", "/v1/config" + of, configOf(t, s, ""), 200, `"id":"` + scope.TenantID() + `"`},
		{"PUT", "/v1/config" + of, configOf(t, s, of), 200, `"mine"`},
		{"POST", "/v1/reset" + of, "", 204, ""},
		{"GET", "/v1/tenants/" + scope.TenantID() + of, "", 200, "Acme Examples Inc"},
	})
}

// configOf is the config as it runs, of a scope.
func configOf(t *testing.T, s *Stack, scope string) string {
	_, body := askAdmin(t, s.Admin, exchange{method: "GET", path: "/v1/config" + scope})
	return body
}

// Kafka clients log in by a pool from the moment it is there, and may do
// nothing from the moment it is not.
func TestPoolsComeAndGoUnderKafkaClients(t *testing.T) {
	s := startKafka(t, kafkaConfig())
	path := "/v1/identity-providers/op-acme/identity-pools/pool-new"
	refused := func(when string) {
		t.Helper()
		if err := kafkaClient(t, s, "pool-new", kgo.RetryTimeout(time.Millisecond)).Ping(t.Context()); !errors.Is(err, kerr.SaslAuthenticationFailed) {
			t.Errorf("%s: %v, want a refused login", when, err)
		}
	}
	refused("before the pool is there")
	askAll(t, s.Admin, []exchange{{"PUT", path, `{"filter":"claims.azp == '` + acmeClient + `'","roleBindings":[{"role":"CloudClusterAdmin","cluster":"lkc-acme"}]}`, 201, ""}})
	produceConsume(t, s, "pool-new", "orders", "new", 3)
	connected := kafkaClient(t, s, "pool-new", kgo.DisableIdempotentWrite())
	record := &kgo.Record{Topic: "orders", Value: []byte("x")}
	if err := connected.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	askAll(t, s.Admin, []exchange{{"DELETE", path, "", 204, ""}})
	if err := connected.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("y")}).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Errorf("a client of a pool that is gone writes: %v, want it denied", err)
	}
	refused("when the pool is gone")
	produceConsume(t, s, "pool-dev", "orders-eu", "others", 3)
}

// Tokens and decisions go on while everything around them changes.
func TestChangesAndTokensAtOnce(t *testing.T) {
	s := start(t, Acme())
	const rounds = 12
	var all sync.WaitGroup
	for _, change := range [][]exchange{
		{{"PUT", "/v1/tenants/" + otherGUID, `{}`, 201, ""}, {"DELETE", "/v1/tenants/" + otherGUID, "", 204, ""}},
		{{"PUT", "/v1/identity-providers/op-acme/identity-pools/pool-x", `{"filter":"claims.sub == 'x'"}`, 201, ""}, {"DELETE", "/v1/identity-providers/op-acme/identity-pools/pool-x", "", 204, ""}},
		{{"PATCH", clientPath, `{"displayName":"a"}`, 200, `"a"`}, {"PATCH", clientPath, `{"displayName":"b"}`, 200, `"b"`}},
		{{"GET", "/v1/config", "", 200, acmeClient}, {"GET", "/v1/identity-pools", "", 200, "pool-dev"}},
		{{"PUT", "/v1/identity-pools/pool-prod/role-bindings", `{"roleBindings":[]}`, 200, ""}},
	} {
		all.Go(func() {
			for range rounds {
				askAll(t, s.Admin, change)
			}
		})
	}
	all.Go(func() {
		for range rounds {
			if token := fetchToken(t, s); !allowed(t, s, token) {
				t.Error("a token is refused while something else changes")
			}
		}
	})
	all.Wait()
	askAll(t, s.Admin, []exchange{
		{"GET", "/v1/tenants/" + otherGUID, "", 404, ""},
		{"GET", "/v1/identity-pools", "", 200, `"id":"pool-prod"`},
		{"GET", clientPath, "", 200, `"displayName":"b"`},
		{"GET", "/v1/identity-pools/pool-prod/role-bindings", "", 200, `{"roleBindings":[]}`},
	})
}
