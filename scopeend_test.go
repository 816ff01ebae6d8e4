package idpool

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/journal"
)

// Who follows or waits for the journal of a scope is let go when it ends.
func TestWhoWaitsForAScopeIsLetGo(t *testing.T) {
	s := start(t, Acme())
	scope, err := s.NewScope(ScopeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.Get(s.Admin + "/v1/journal/stream?scope=" + scope.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	taken := make(chan int, 1)
	go func() {
		r, err := http.Post(s.Admin+"/v1/journal/take?scope="+scope.ID(), "application/json", strings.NewReader(`{"timeout":"4m"}`))
		if err != nil {
			t.Error(err)
			taken <- 0
			return
		}
		r.Body.Close()
		taken <- r.StatusCode
	}()
	if err := scope.Close(); err != nil {
		t.Fatal(err)
	}
	if status := <-taken; status != http.StatusRequestTimeout && status != http.StatusNotFound {
		t.Errorf("take: %d", status)
	}
	if _, err := io.Copy(io.Discard, stream.Body); err != nil {
		t.Error(err)
	}
}

// The server may end while scopes are made, changed and ended.
func TestTheServerEndsUnderItsScopes(t *testing.T) {
	s, err := Start(t.Context(), Acme())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	began := make(chan struct{}, 4)
	for range 4 {
		wg.Go(func() {
			for first := true; ; first = false {
				scope, err := s.NewScope(ScopeConfig{})
				if first {
					began <- struct{}{}
				}
				if err != nil {
					if !strings.Contains(err.Error(), "the server has ended") {
						t.Error(err)
					}
					return
				}
				wg.Go(func() { _ = scope.Change(context.Background(), func(*Config) error { return nil }) })
				if err := scope.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		<-began
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if n := len(s.scopes.all()); n != 0 {
		t.Errorf("%d scopes are left", n)
	}
}

// Reset returns to the first Config and keeps the keys, wherever the clock was
// when they were rolled: a JWKS that was fetched since holds.
func TestResetKeepsRolledKeys(t *testing.T) {
	s := start(t, Acme())
	s.Clock().Advance(30 * 24 * time.Hour)
	if _, err := s.RollKeys("", idp.Roll{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RollKeys("", idp.Roll{Wait: time.Hour, Retire: time.Hour}); err != nil {
		t.Fatal(err)
	}
	jwks := s.HTTP + "/" + acme + "/discovery/v2.0/keys"
	before, token := fetch(t, s, jwks), fetchToken(t, s)
	if err := s.Change(t.Context(), func(c *Config) error {
		c.Tenants[0].Applications[1].PasswordCredentials[0].SecretText = "other"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	addFault(t, s.Scope, fault.Fault{Endpoint: "token", Close: true})
	if err := s.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Clock().Offset().Abs() > time.Minute || len(s.Faults().List()) != 0 || s.Journal().Count(journal.Filter{}) != 0 {
		t.Errorf("after a reset: offset %s, %d faults, %d entries", s.Clock().Offset(), len(s.Faults().List()), s.Journal().Count(journal.Filter{}))
	}
	if after := fetch(t, s, jwks); after != before {
		t.Errorf("the JWKS after a reset:\n%s\nbefore:\n%s", after, before)
	}
	if after := fetchToken(t, s); headerOf(t, after)["kid"] != headerOf(t, token)["kid"] {
		t.Errorf("after a reset %v signs, before %v", headerOf(t, after)["kid"], headerOf(t, token)["kid"])
	}
	s.Clock().Advance(90 * time.Minute) // the second roll is under way still
	if after := fetchToken(t, s); headerOf(t, after)["kid"] == headerOf(t, token)["kid"] {
		t.Error("the key that was to sign after an hour does not")
	}
}
