package validator

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/idpool/idpool/pool"
)

// azureToken is a token as Azure makes them, with an id that tells it apart.
func azureToken(t testing.TB, id int) string {
	t.Helper()
	return sign(t, "rsa-a", "RS256", `{"typ":"JWT","alg":"RS256","kid":"rsa-a"}`, azurePayload(id))
}

func azurePayload(id int) string {
	return fmt.Sprintf(`{"aud":"be587d08-a466-45e9-a02a-dfdda6b4c765",`+
		`"iss":"https://login.microsoftonline.com/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0",`+
		`"iat":1700000000,"nbf":1700000000,"exp":1700003900,"aio":"k2RgYPj/9W%07dq2vbOw6pdVaQWHv4bWCAAA=",`+
		`"azp":"75f2f796-363d-4de2-b299-713920db01a7","azpacr":"1","oid":"b1841e28-d943-4d11-822a-253ef2835b4c",`+
		`"rh":"1.AXcActTpZ75_9Eit5gPj88Db5gh9WL5mpOlFoCrf3aa0x2UAAAB3AA.","roles":["dev.environmentAdmin"],`+
		`"sub":"b1841e28-d943-4d11-822a-253ef2835b4c","tid":"67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6",`+
		`"uti":"y2Fk3oXjzEuXq%07dAA","ver":"2.0"}`, id, id)
}

const azureIssuer = "https://login.microsoftonline.com/67e9d472-7fbe-48f4-ade6-03e3f3c0dbe6/v2.0"

// benchValidator knows the Acme provider with n pools, of which pool-dev
// matches an azureToken.
func benchValidator(b testing.TB, pools, cacheSize int) *Validator {
	b.Helper()
	compiled := []*pool.Pool{mustPool(b, pool.Config{ID: "pool-dev", IdentityClaim: "claims.azp",
		Filter: "'dev.environmentAdmin' in claims.roles"})}
	for i := 1; i < pools; i++ {
		compiled = append(compiled, mustPool(b, pool.Config{ID: fmt.Sprintf("pool-%d", i), IdentityClaim: "claims.azp",
			Filter: fmt.Sprintf("'team%d.admin' in claims.roles", i)}))
	}
	server := newKeyServer(b, jwksText(b, jwkOf(b, "rsa-a", nil)))
	return mustNew(b, Config{
		Providers: []Provider{{ID: "op-acme", Issuers: []string{azureIssuer}, JWKSURI: server.URL, Pools: compiled}},
		Clusters:  []string{"lkc-acme"}, CacheSize: cacheSize,
		Now: func() time.Time { return time.Unix(1700000100, 0) },
	})
}

// verifyAlone returns the raw baseline: the verification of one signature.
func verifyAlone(b *testing.B) func() {
	k := testKey(b, "rsa-a").(*rsa.PrivateKey)
	digest := sha256.Sum256([]byte("idpool"))
	signature, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := rsa.VerifyPKCS1v15(&k.PublicKey, crypto.SHA256, digest[:], signature); err != nil {
			b.Fatal(err)
		}
	}
}

// compare runs work b.N times and reports its time as a multiple of
// baseline's. The two take turns. The ratio of the sums has everything in it,
// garbage collection and whatever else the machine does included; the median of
// the turns leaves the latter out, and most of the former.
func compare(b *testing.B, name string, baseline, work func(i int)) {
	const turn = 16
	var worked, based time.Duration
	var ratios []float64
	for done := 0; done < b.N; done += turn {
		n := min(turn, b.N-done)
		start := time.Now()
		for i := range n {
			work(done + i)
		}
		middle := time.Now()
		for i := range n {
			baseline(done + i)
		}
		w, base := middle.Sub(start), time.Since(middle)
		worked, based = worked+w, based+base
		ratios = append(ratios, float64(w)/float64(base))
	}
	slices.Sort(ratios)
	b.ReportMetric(float64(worked)/float64(based), name)
	b.ReportMetric(ratios[len(ratios)/2], name+"_median")
	b.ReportMetric(float64(worked)/float64(b.N), "ns/op")
}

// BenchmarkFirstValidation: a token never seen before, its pool decided,
// against the verification of its signature alone.
func BenchmarkFirstValidation(b *testing.B) {
	v := benchValidator(b, 1, 16) // a cache that always has others than the next
	verify := verifyAlone(b)
	tokens := make([]string, 256)
	for i := range tokens {
		tokens[i] = azureToken(b, i)
	}
	for _, pools := range []string{"pool-dev", ""} {
		b.Run("pools="+pools, func(b *testing.B) {
			b.ReportAllocs()
			compare(b, "x_VerifyPKCS1v15", func(int) { verify() }, func(i int) {
				d := v.Validate(b.Context(), Request{Token: tokens[i%len(tokens)], Cluster: "lkc-acme", Pools: pools})
				if !d.Allowed {
					b.Fatal(d.Failed())
				}
			})
		})
	}
}

// BenchmarkSeenToken: the same token again.
func BenchmarkSeenToken(b *testing.B) {
	v := benchValidator(b, 1, 0)
	r := Request{Token: azureToken(b, 1), Cluster: "lkc-acme", Pools: "pool-dev"}
	b.ReportAllocs()
	for b.Loop() {
		if d := v.Validate(b.Context(), r); !d.Allowed {
			b.Fatal(d.Failed())
		}
	}
}

// BenchmarkThousandPools: a named pool among a thousand against one alone.
func BenchmarkThousandPools(b *testing.B) {
	one, many := benchValidator(b, 1, -1), benchValidator(b, 1000, -1)
	token := azureToken(b, 1)
	validate := func(v *Validator) func(int) {
		return func(int) {
			if d := v.Validate(b.Context(), Request{Token: token, Cluster: "lkc-acme", Pools: "pool-dev"}); !d.Allowed {
				b.Fatal(d.Failed())
			}
		}
	}
	compare(b, "x_one_pool", validate(one), validate(many))
}
