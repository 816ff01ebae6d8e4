package pool

import (
	"fmt"
	"testing"
)

// azureClaims is the payload of an app-only v2.0 token of Azure AD: the 17
// claims that a broker's filter sees.
func azureClaims() Claims {
	return Claims{
		"aud": "be587d08-a466-45e9-a02a-dfdda6b4c765",
		"iss": "https://login.microsoftonline.com/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0",
		"iat": 1795449600.0, "nbf": 1795449600.0, "exp": 1795453500.0,
		"aio": "k2JgYIjYflXSc2uLsCp7yoIdwicvi8cZ330VsXLO3zqBCgNlzbMA",
		"azp": "75f2f796-363d-4de2-b299-713920db01a7", "azpacr": "1",
		"oid": "b1841e28-d943-4d11-822a-253ef2835b4c", "rh": "1.AXEActTpZ75_9Eit5gPj88Db5gh9WL5mpOlFoCqt_dqyx2VxAABxAA.",
		"roles": []any{"dev.environmentAdmin"}, "sub": "b1841e28-d943-4d11-822a-253ef2835b4c",
		"tid": "67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6", "uti": "nKXYxcTSEkCYV9zR0dYBAA", "ver": "2.0",
		"xms_ftd": "7GwSUTVQFJCZTFCLI14KuQ3xz-ISSYtv3NEuZAcplngBZXVyb3Blbm9ydGgtZHNtcw", "idtyp": "app",
	}
}

const rolesFilter = "'dev.environmentAdmin' in claims.roles"

func benchmarkMatches(b *testing.B, l Language) {
	f, err := Compile(Source{l, rolesFilter, false})
	if err != nil {
		b.Fatal(err)
	}
	claims := azureClaims()
	b.ReportAllocs()
	for b.Loop() {
		if !f.Matches(claims) {
			b.Fatal("no match")
		}
	}
}

func BenchmarkFilterCEL(b *testing.B) { benchmarkMatches(b, CEL) }

func BenchmarkFilterExpr(b *testing.B) { benchmarkMatches(b, Expr) }

// BenchmarkCompile compiles a filter of its own each time, as 1000 pools do.
func BenchmarkCompile(b *testing.B) {
	for _, l := range []Language{CEL, Expr} {
		b.Run(string(l), func(b *testing.B) {
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if _, err := Compile(Source{l, fmt.Sprintf("'role.%d' in claims.roles", n), false}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkExplainNonMatch is what a person's question costs, not a broker's.
func BenchmarkExplainNonMatch(b *testing.B) {
	for _, l := range []Language{CEL, Expr} {
		b.Run(string(l), func(b *testing.B) {
			f, err := Compile(Source{l, "claims.aud == 'x' || 'prod.environmentAdmin' in claims.roles", false})
			if err != nil {
				b.Fatal(err)
			}
			claims := azureClaims()
			b.ReportAllocs()
			for b.Loop() {
				if f.Eval(claims).Match {
					b.Fatal("match")
				}
			}
		})
	}
}

// BenchmarkMapping looks for the pools that match among a thousand, of which
// two do, as a broker does for a client that names none.
func BenchmarkMapping(b *testing.B) {
	pools := make([]*Pool, 1000)
	for i := range pools {
		filter := fmt.Sprintf("'role.%d' in claims.roles", i)
		if i%500 == 7 {
			filter = rolesFilter
		}
		p, err := New(Config{ID: fmt.Sprintf("pool-%d", i), Filter: filter})
		if err != nil {
			b.Fatal(err)
		}
		pools[i] = p
	}
	claims := azureClaims()
	b.ReportAllocs()
	for b.Loop() {
		matches := 0
		for _, p := range pools {
			if p.Matches(claims) {
				matches++
			}
		}
		if matches != 2 {
			b.Fatalf("%d pools match, want 2", matches)
		}
	}
}
