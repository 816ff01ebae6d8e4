package explain_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/idpool/idpool/explain"
	"github.com/idpool/idpool/pool"
	"github.com/idpool/idpool/validator"
)

// stack is a validator with the keys of an HTTP server of its own, and a key
// that signs.
type stack struct {
	facts     explain.Facts
	validator *validator.Validator
	key       *rsa.PrivateKey
	published bool // whether the server answers
}

const signingKid = "kid-of-acme"

func newStack(t testing.TB, change func(*explain.Facts)) *stack {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := &stack{facts: acme(), key: key, published: true}
	server := httptest.NewServer(http.HandlerFunc(s.serveKeys))
	t.Cleanup(server.Close)
	s.facts.Providers[0].JWKSURI = server.URL + "/" + acmeTenant + "/discovery/v2.0/keys"
	if change != nil {
		change(&s.facts)
	}
	s.facts.Compiled = map[string]*pool.Pool{}
	config := validator.Config{Clusters: s.facts.Clusters, Now: func() time.Time { return s.facts.Now }, Client: server.Client()}
	for _, p := range s.facts.Providers {
		v := validator.Provider{ID: p.ID, Issuers: p.Issuers, JWKSURI: p.JWKSURI}
		for _, c := range p.Pools {
			compiled, err := pool.New(c)
			if err != nil {
				t.Fatal(err)
			}
			s.facts.Compiled[c.ID] = compiled
			v.Pools = append(v.Pools, compiled)
		}
		config.Providers = append(config.Providers, v)
	}
	if s.validator, err = validator.New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.validator.Close)
	return s
}

func (s *stack) serveKeys(w http.ResponseWriter, _ *http.Request) {
	if !s.published {
		http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	encode := base64.RawURLEncoding.EncodeToString
	key := map[string]string{"kty": "RSA", "use": "sig", "kid": signingKid,
		"n": encode(s.key.N.Bytes()), "e": encode(big.NewInt(int64(s.key.E)).Bytes())}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{key}})
}

// token signs claims with the stack's key, under a header.
func (s *stack) token(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	var parts []string
	for _, v := range []any{header, claims} {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(raw))
	}
	signed := strings.Join(parts, ".")
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (s *stack) decide(r validator.Request) explain.Input {
	r.All = true
	return explain.Input{Decision: s.validator.Validate(context.Background(), r), Request: r, Facts: s.facts}
}

// TestRealRefusals goes the whole way: a signed token, keys over HTTP, the
// validator's own decision.
func TestRealRefusals(t *testing.T) {
	type change struct {
		facts  func(*explain.Facts)
		claims func(map[string]any)
		header func(map[string]any)
		token  func(string) string
		down   bool
	}
	all := "pool-prod"
	filter := func(text string) func(*explain.Facts) {
		return func(f *explain.Facts) { f.Providers[0].Pools[1].Filter = text }
	}
	set := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) {
			m[name] = value
			if value == nil {
				delete(m, name)
			}
		}
	}
	for _, tc := range []struct {
		name    string
		pools   string
		cluster string
		want    []string // the causes, in order
		sees    string   // in the first summary
		change  change
	}{
		{"the dev client at the prod pool", all, "lkc-acme", []string{"role-not-assigned", "pool-not-matched"}, "pool-dev would let this token in", change{}},
		{"nothing assigned", all, "lkc-acme", []string{"no-app-role"}, "'prod.environmentAdmin'", change{claims: set("roles", nil),
			facts: func(f *explain.Facts) { f.Applications[2].Assigned = nil }}},
		{"nothing assigned, auto mapping", "", "lkc-acme", []string{"no-app-role"}, "'dev.environmentAdmin'", change{claims: set("roles", nil),
			facts: func(f *explain.Facts) { f.Applications[2].Assigned = nil }}},
		{"a role granted since", "pool-dev", "lkc-acme", []string{"token-before-grant"}, "10 minutes ago", change{claims: set("roles", nil)}},
		{"a role in other letters", all, "lkc-acme", []string{"role-typo", "pool-not-matched"}, "'dev.environmentAdmin'", change{facts: filter("'Dev.EnvironmentAdmin' in claims.roles")}},
		{"== on roles", all, "lkc-acme", []string{"eq-on-array", "pool-not-matched"}, `["dev.environmentAdmin"]`, change{facts: filter("claims.roles == 'dev.environmentAdmin'")}},
		{"in on aud", all, "lkc-acme", []string{"in-on-string", "pool-not-matched"}, "claims.aud", change{facts: filter("'" + apiID + "' in claims.aud")}},
		{"!= on a missing claim", all, "lkc-acme", []string{"neq-on-missing", "pool-not-matched"}, "claims.region", change{facts: filter("claims.region != 'eu'")}},
		{"a misspelt claim", all, "lkc-acme", []string{"claim-misspelt", "pool-not-matched"}, "claims.roles", change{facts: filter("'dev.environmentAdmin' in claims.role")}},
		{"no yes or no", all, "lkc-acme", []string{"filter-not-bool", "pool-not-matched"}, "claims.sub", change{facts: filter("claims.sub")}},
		{"another issuer", "pool-dev", "lkc-acme", []string{"issuer-mismatch"}, "the port differs", change{claims: set("iss", strings.Replace(acmeIssuer, "8080", "9090", 1))}},
		{"a slash too many", "pool-dev", "lkc-acme", []string{"issuer-trailing-slash"}, acmeIssuer + "/", change{claims: set("iss", acmeIssuer+"/")}},
		{"a v1.0 token", "pool-dev", "lkc-acme", []string{"v1-token"}, "sts.windows.net", change{claims: set("iss", "https://sts.windows.net/"+acmeTenant+"/")}},
		{"another issuer and a role too few", all, "lkc-acme", []string{"issuer-mismatch", "role-not-assigned", "pool-not-matched"}, "the port differs", change{claims: set("iss", strings.Replace(acmeIssuer, "8080", "9090", 1))}},
		{"an unknown key", "pool-dev", "lkc-acme", []string{"jwks-stale"}, "'rotated'", change{header: set("kid", "rotated")}},
		{"no kid", "pool-dev", "lkc-acme", []string{"no-kid"}, "no kid", change{header: set("kid", nil)}},
		{"keys that cannot be had", "pool-dev", "lkc-acme", []string{"jwks-unreachable"}, "503", change{down: true}},
		{"HS256", "pool-dev", "lkc-acme", []string{"alg-not-allowed"}, "'HS256'", change{header: set("alg", "HS256")}},
		{"an edited payload", "pool-dev", "lkc-acme", []string{"token-tampered"}, signingKid, change{token: func(t string) string {
			parts := strings.Split(t, ".")
			payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
			parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(payload), `"2.0"`, `"2.1"`, 1)))
			return strings.Join(parts, ".")
		}}},
		{"an expired token", "pool-dev", "lkc-acme", []string{"token-expired"}, "1 hour ago", change{claims: set("exp", seconds(noon().Add(-time.Hour)))}},
		{"a token from the future", "pool-dev", "lkc-acme", []string{"clock-skew"}, "in 2 minutes", change{claims: set("nbf", seconds(noon().Add(2*time.Minute)))}},
		{"an opaque token", "pool-dev", "lkc-acme", []string{"opaque-token"}, "no dots", change{token: func(string) string { return "a7f3c90d5be24681" }}},
		{"no extensions", "", "", []string{"no-extensions", "cluster-missing"}, "neither", change{}},
		{"no cluster", "pool-dev", "", []string{"cluster-missing"}, "identityPoolId=pool-dev", change{}},
		{"another cluster", "pool-dev", "lkc-beta", []string{"cluster-wrong"}, "'lkc-beta'", change{}},
		{"an unknown pool", "pool-def", "lkc-acme", []string{"pool-unknown"}, "'pool-dev' is close", change{}},
		{"no azp, auto mapping", "", "lkc-acme", []string{"identity-claim-missing"}, "claims.azp", change{claims: set("azp", nil)}},
		{"no sub", "pool-dev", "lkc-acme", []string{"identity-claim-missing"}, "claims.sub", change{claims: set("sub", nil)}},
		{"an azp that is no text", "pool-dev", "lkc-acme", []string{"identity-claim-missing"}, "is 7 in the token", change{claims: set("azp", 7)}},
		{"a pool with a blank before it", " pool-dev", "lkc-acme", []string{"pool-unknown"}, "' pool-dev'", change{}},
		{"an empty place in the list of pools", "pool-dev,,pool-prod", "lkc-acme", []string{"check-pool"}, "empty place", change{}},
		{"no exp", "pool-dev", "lkc-acme", []string{"check-expiry"}, "no exp", change{claims: set("exp", nil)}},
		{"Bearer in front", "pool-dev", "lkc-acme", []string{"check-format"}, "Bearer", change{token: func(t string) string { return "Bearer " + t }}},
		{"no azp", "pool-dev", "lkc-acme", []string{"identity-claim-missing"}, "claims.azp", change{claims: set("azp", nil)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newStack(t, tc.change.facts)
			s.published = !tc.change.down
			header, c := map[string]any{"typ": "JWT", "alg": "RS256", "kid": signingKid}, claims()
			if tc.change.header != nil {
				tc.change.header(header)
			}
			if tc.change.claims != nil {
				tc.change.claims(c)
			}
			token := s.token(t, header, c)
			if tc.change.token != nil {
				token = tc.change.token(token)
			}
			in := s.decide(validator.Request{Token: token, Cluster: tc.cluster, Pools: tc.pools})
			causes := explain.Causes(in)
			if got := ids(causes); !slices.Equal(got, tc.want) {
				t.Fatalf("causes %q, want %q; checks %+v", got, tc.want, in.Decision.Checks)
			}
			if !strings.Contains(causes[0].Summary, tc.sees) {
				t.Errorf("summary %q does not name %q", causes[0].Summary, tc.sees)
			}
			for _, c := range causes {
				wellFormed(t, c)
				if strings.Contains(c.Summary+c.Fix, token) {
					t.Errorf("%s shows the token", c.ID)
				}
			}
		})
	}
}

func TestRealAcceptance(t *testing.T) {
	s := newStack(t, nil)
	token := s.token(t, map[string]any{"alg": "RS256", "kid": signingKid}, claims())
	in := s.decide(validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
	if !in.Decision.Allowed {
		t.Fatalf("refused: %+v", in.Decision.Failed())
	}
	if causes := explain.Causes(in); causes != nil {
		t.Errorf("causes %q", ids(causes))
	}
}

// BenchmarkCauses measures what explaining adds to a decision: little when a
// token is refused, also in a large config, and nothing when it is allowed.
func BenchmarkCauses(b *testing.B) {
	s := newStack(b, nil)
	token := s.token(b, map[string]any{"alg": "RS256", "kid": signingKid}, claims())
	refused := s.decide(validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-prod"})
	allowed := s.decide(validator.Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"})
	plain := refused
	plain.Facts.Compiled = nil
	large := newStack(b, func(f *explain.Facts) {
		var others []explain.Application
		for i := range 10_000 {
			others = append(others, explain.Application{TenantID: acmeTenant, AppID: fmt.Sprintf("%08d%s", i, apiID[8:]), Roles: []string{"a", "b"}})
		}
		f.Applications = append(others, f.Applications...) // those of the token are found last
		for i := range 1_000 {
			f.Providers[0].Pools = append(f.Providers[0].Pools, pool.Config{ID: fmt.Sprintf("pool-%d", i), Filter: fmt.Sprintf("claims.azp == 'a%d' && 'role' in claims.roles", i)})
		}
	})
	none := claims()
	none["roles"] = []any{"nothing"}
	auto := large.decide(validator.Request{Token: large.token(b, map[string]any{"alg": "RS256", "kid": signingKid}, none), Cluster: "lkc-acme"})
	unnamed := auto
	unnamed.Facts.Compiled = nil
	indexed := auto
	indexed.Facts = auto.Facts.Indexed()
	for _, bench := range []struct {
		name string
		in   explain.Input
	}{
		{"refused", refused}, {"allowed", allowed}, {"refused, pools not compiled", plain},
		{"refused by 1000 pools, 10000 applications", indexed}, {"the same without the index", auto}, {"refused by 1000 pools, not compiled", unnamed},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				explain.Causes(bench.in)
			}
		})
	}
}
