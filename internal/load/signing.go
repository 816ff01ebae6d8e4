package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// signingRate is how many RS256 signatures of a 2048-bit key per second
// GOMAXPROCS goroutines make by crypto/rsa alone: what no server on this
// machine that signs each token can pass. It is 0 when d is.
//
// It runs with no load, not beside it, since it takes every core.
func signingRate(ctx context.Context, d time.Duration) (float64, error) {
	if d <= 0 {
		return 0, nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return 0, fmt.Errorf("no signing key: %v", err)
	}
	var signed atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	begin := time.Now()
	more := func() bool { return ctx.Err() == nil && time.Since(begin) < d }
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			if err := signWhile(more, key, &signed); err != nil {
				failed.Store(&err)
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begin)
	if err := failed.Load(); err != nil {
		return 0, fmt.Errorf("signing failed: %v", *err)
	}
	if ctx.Err() != nil {
		return 0, errInterrupted
	}
	return float64(signed.Load()) / elapsed.Seconds(), nil
}

// signWhile signs one after another and counts.
func signWhile(more func() bool, key *rsa.PrivateKey, signed *atomic.Int64) error {
	digest := sha256.Sum256([]byte("a token's header and payload"))
	for more() {
		if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
			return err
		}
		signed.Add(1)
	}
	return nil
}
