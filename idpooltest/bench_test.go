package idpooltest_test

import (
	"testing"
	"time"

	"github.com/idpool/idpool/idpooltest"
)

// BenchmarkStart is how long a test waits for a server of its own; to stop it is
// not counted.
func BenchmarkStart(b *testing.B) {
	benchmark(b, func(t testing.TB) { idpooltest.Start(t) })
}

// BenchmarkScope is how long it waits for a scope on a server that runs.
func BenchmarkScope(b *testing.B) {
	srv := idpooltest.Start(b)
	benchmark(b, func(t testing.TB) { srv.Scope(t) })
}

// BenchmarkScopeWithItsEnd counts the end too.
func BenchmarkScopeWithItsEnd(b *testing.B) {
	srv := idpooltest.Start(b)
	b.ReportAllocs()
	for b.Loop() {
		if t := fake("scope", func(t testing.TB) { srv.Scope(t) }); t.failed {
			b.Fatal(t.fatal)
		}
	}
	report(b)
}

// BenchmarkScopeWithToken is all that a test does that wants one token: a scope,
// a request over HTTP, a signature, and the end.
func BenchmarkScopeWithToken(b *testing.B) {
	srv := idpooltest.Start(b)
	b.ReportAllocs()
	for b.Loop() {
		if t := fake("scope", func(t testing.TB) { srv.Scope(t).Token(t) }); t.failed {
			b.Fatal(t.fatal)
		}
	}
	report(b)
}

func benchmark(b *testing.B, begin func(t testing.TB)) {
	b.ReportAllocs()
	for b.Loop() {
		t := newFake("test")
		t.do(func() { begin(t) })
		b.StopTimer()
		if t.end(); t.failed {
			b.Fatal(t.fatal)
		}
		b.StartTimer()
	}
	report(b)
}

// report says it in milliseconds, as the limits do.
func report(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed())/float64(time.Millisecond)/float64(b.N), "ms/op")
}
