package pool

import (
	"errors"
	"testing"
)

func TestIdentityClaim(t *testing.T) {
	claims := Claims{
		"sub": "service-principal", "azp": "client", "https://x/y": "namespaced", "it's": "quoted", `a"b`: "double",
		"a": map[string]any{"b": map[string]any{"c d": "deep"}},
	}
	for _, tt := range []struct{ path, claim, value string }{
		{"", "claims.sub", "service-principal"},
		{"claims.sub", "claims.sub", "service-principal"},
		{"claims.azp", "claims.azp", "client"},
		{" claims . azp ", "claims.azp", "client"},
		{`claims["https://x/y"]`, `claims["https://x/y"]`, "namespaced"},
		{`claims['https://x/y']`, `claims["https://x/y"]`, "namespaced"},
		{`claims["azp"]`, "claims.azp", "client"},
		{`claims['it\'s']`, `claims["it's"]`, "quoted"},
		{`claims['a"b']`, `claims["a\"b"]`, "double"},
		{`claims.a.b["c d"]`, `claims.a.b["c d"]`, "deep"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			i, err := CompileIdentityClaim(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if i.Claim() != tt.claim {
				t.Errorf("claim %s, want %s", i.Claim(), tt.claim)
			}
			if value, err := i.Value(claims); value != tt.value || err != nil {
				t.Errorf("value %q, %v, want %q", value, err, tt.value)
			}
		})
	}
}

func TestIdentityClaimRefused(t *testing.T) {
	const begins = `it begins with claims, as in claims.azp or claims["https://x/y"]`
	for _, tt := range []struct{ name, path, want string }{
		{"no prefix", "sub", `"sub" is no identity claim: write claims.sub`},
		{"a prefix misspelt", "claim.sub", `"claim.sub" is no identity claim: did you mean claims.sub?`},
		{"another prefix", "token.sub", `"token.sub" is no identity claim: ` + begins},
		{"blank", " ", `" " is no identity claim: ` + begins},
		{"the claims as a whole", "claims", `"claims" is no identity claim: it names no claim, write claims.sub or another`},
		{"nothing after the dot", "claims.", `"claims." is no identity claim: "." at column 7 is neither .name nor ["name"]`},
		{"a hyphen", "claims.a-b", `"claims.a-b" is no identity claim: "-" at column 9 is neither .name nor ["name"]`},
		{"an element", "claims.roles[0]", `"claims.roles[0]" is no identity claim: "[" at column 13 is neither .name nor ["name"]`},
		{"an open bracket", `claims["a"`, `"claims[\"a\"" is no identity claim: "[" at column 7 is neither .name nor ["name"]`},
		{"an open string", `claims["a]`, `"claims[\"a]" is no identity claim: "[" at column 7 is neither .name nor ["name"]`},
		{"an empty name", `claims[""]`, `"claims[\"\"]" is no identity claim: "[" at column 7 is neither .name nor ["name"]`},
		{"an expression", "claims.a == claims.b", `"claims.a == claims.b" is no identity claim: "==" at column 10 is neither .name nor ["name"]`},
		{"a quote alone", "claims[']", `"claims[']" is no identity claim: "[" at column 7 is neither .name nor ["name"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := CompileIdentityClaim(tt.path)
			var mistake *ConfigError
			if !errors.As(err, &mistake) || mistake.Field != "identityClaim" {
				t.Fatalf("error %v, want a *ConfigError of identityClaim", err)
			}
			if got := mistake.Err.Error(); got != tt.want {
				t.Errorf("%s, want\n%s", got, tt.want)
			}
		})
	}
}

func TestIdentityClaimNotThere(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		claims     Claims
		want       string
	}{
		{"missing, with a near one", "claims.azp", Claims{"azpa": "x", "sub": "s"}, "pool: the token has no claims.azp, the identity claim; the nearest that it has is claims.azpa"},
		{"missing, with none near", "claims.azp", Claims{"sub": "s"}, "pool: the token has no claims.azp, the identity claim"},
		{"no claims", "", nil, "pool: the token has no claims.sub, the identity claim"},
		{"a part of the path missing", "claims.a.b.c", Claims{"a": map[string]any{"bb": "x"}}, "pool: the token has no claims.a.b, the identity claim"},
		{"empty", "claims.azp", Claims{"azp": ""}, "pool: the identity claim claims.azp is an empty string"},
		{"null", "claims.azp", Claims{"azp": nil}, "pool: the identity claim claims.azp is null, and must be a string"},
		{"an array", "claims.aud", Claims{"aud": []any{"a"}}, `pool: the identity claim claims.aud is an array, ["a"], and must be a string`},
		{"a number", "claims.n", Claims{"n": 5.0}, "pool: the identity claim claims.n is a number, 5, and must be a string"},
		{"a member of a string", "claims.sub.name", Claims{"sub": "s"}, `pool: the identity claim claims.sub.name cannot be read: claims.sub is a string, "s"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, err := CompileIdentityClaim(tt.path)
			if err != nil {
				t.Fatal(err)
			}
			if value, err := i.Value(tt.claims); value != "" || err == nil || err.Error() != tt.want {
				t.Errorf("%q, %v, want %s", value, err, tt.want)
			}
		})
	}
}
