package idpool

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/idpool/idpool/journal"
	"github.com/idpool/idpool/validator"
)

// What people paste into a URL is not in the journal.
func TestTheJournalHasNoSecrets(t *testing.T) {
	s := start(t, Acme())
	token := fetchToken(t, s)
	for _, path := range []string{"/" + secret + "/oauth2/v2.0/token", "/x/" + token, "/" + acme + "/oauth2/v2.0/token/" + secret} {
		r, err := s.Client().Get(s.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	}
	s.Decide(t.Context(), validator.Request{Token: token, Cluster: secret + token, Pools: token})
	entries, err := json.Marshal(s.Journal().List(journal.Filter{}, 0))
	if err != nil {
		t.Fatal(err)
	}
	signature := token[strings.LastIndexByte(token, '.')+1:]
	for name, bad := range map[string]string{"the secret": secret, "the token": signature, "a part of the token": token[:40]} {
		if strings.Contains(string(entries), bad) {
			t.Errorf("%s is in the journal: %s", name, entries)
		}
	}
}

// Entries of the journal do not keep the requests that they are about in memory.
func TestTheJournalKeepsNoRequests(t *testing.T) {
	s := start(t, Acme())
	long := "/" + acme + "/discovery/v2.0/keys?q=" + strings.Repeat("x", 60_000)
	for range 500 {
		fetch(t, s, s.HTTP+long)
	}
	var held runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools keep is let go by the second
	runtime.ReadMemStats(&held)
	s.Journal().Clear()
	runtime.GC()
	before := held.HeapAlloc
	runtime.ReadMemStats(&held)
	if freed := int64(before) - int64(held.HeapAlloc); freed > 10<<20 {
		t.Errorf("500 entries held %d MB", freed>>20)
	}
}
