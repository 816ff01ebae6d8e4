package fault_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/idpool/idpool/fault"
	"github.com/idpool/idpool/idp"
)

// published are the kids that the identity provider publishes.
func published() []string {
	var kids []string
	for _, k := range idp.TestKeys().Keys() {
		kids = append(kids, k.ID)
	}
	return kids
}

// readKeys reads the keys as another library does, and as they are.
func readKeys(t *testing.T, body string) (jwk.Set, []map[string]any) {
	t.Helper()
	set, err := jwk.Parse([]byte(body))
	if err != nil {
		t.Fatalf("%v in %.500s", err, body)
	}
	var plain struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(body), &plain); err != nil {
		t.Fatal(err)
	}
	return set, plain.Keys
}

func kids(keys []map[string]any) []string {
	var out []string
	for _, k := range keys {
		id, _ := k["kid"].(string)
		out = append(out, id)
	}
	return out
}

// Each broken key set that is one, as jwx reads it.
func TestKeySets(t *testing.T) {
	real := newWorld(t).ask(fault.JWKS).body
	for kind, check := range map[string]func(t *testing.T, set jwk.Set, keys []map[string]any){
		"empty": func(t *testing.T, set jwk.Set, keys []map[string]any) {
			if set.Len() != 0 || keys == nil {
				t.Errorf("%d keys, want a list without any", set.Len())
			}
		},
		"stale": func(t *testing.T, set jwk.Set, keys []map[string]any) {
			if set.Len() != 3 || slices.ContainsFunc(kids(keys), func(id string) bool { return slices.Contains(published(), id) }) {
				t.Errorf("kids are %v", kids(keys))
			}
		},
		"other-tenant": func(t *testing.T, set jwk.Set, keys []map[string]any) {
			issuer, _ := keys[0]["issuer"].(string)
			if set.Len() != 3 || !strings.HasSuffix(issuer, "/v2.0") || strings.Contains(issuer, acme) {
				t.Errorf("keys are %v", keys)
			}
		},
		"no-kid": func(t *testing.T, set jwk.Set, keys []map[string]any) { missing(t, keys, "kid") },
		"no-alg": func(t *testing.T, set jwk.Set, keys []map[string]any) { missing(t, keys, "alg") },
		"no-use": func(t *testing.T, set jwk.Set, keys []map[string]any) { missing(t, keys, "use") },
		"alg": func(t *testing.T, set jwk.Set, keys []map[string]any) {
			for _, k := range keys {
				if k["alg"] != "RS256" {
					t.Errorf("alg is %v", k["alg"])
				}
			}
		},
		"shuffled": func(t *testing.T, set jwk.Set, keys []map[string]any) {
			_, now := readKeys(t, real)
			if slices.Equal(kids(keys), kids(now)) || !slices.Equal(slices.Sorted(slices.Values(kids(keys))), slices.Sorted(slices.Values(kids(now)))) {
				t.Errorf("kids are %v, before %v", kids(keys), kids(now))
			}
		},
		"duplicate-kid": func(t *testing.T, set jwk.Set, keys []map[string]any) {
			_, now := readKeys(t, real)
			if len(keys) != 6 || keys[0]["kid"] != keys[1]["kid"] || keys[0]["n"] == keys[1]["n"] || keys[1]["n"] != now[0]["n"] {
				t.Errorf("keys are %v", keys)
			}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			x := newWorld(t, fault.Fault{Endpoint: "jwks", JWKS: kind})
			got := x.ask(fault.JWKS)
			if got.status != 200 || got.fault != "jwks-1" || got.header.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Fatalf("got %d, fault %q, %v", got.status, got.fault, got.header)
			}
			set, keys := readKeys(t, got.body)
			check(t, set, keys)
		})
	}
}

// A huge key set has the real keys at its end. jwx, which bounds what it reads,
// refuses it.
func TestHugeKeySet(t *testing.T) {
	x := newWorld(t, fault.Fault{Endpoint: "jwks", JWKS: "huge"})
	got := x.ask(fault.JWKS)
	var plain struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(got.body), &plain); err != nil {
		t.Fatal(err)
	}
	ids := kids(plain.Keys)
	if len(got.body) < 2<<20 || len(ids) != 4099 || !slices.Contains(published(), ids[4098]) || slices.Contains(published(), ids[0]) {
		t.Errorf("%d bytes, %d keys, want 2 MB, and 4096 others before the real ones", len(got.body), len(ids))
	}
	if _, err := jwk.Parse([]byte(got.body)); err == nil || !strings.Contains(err.Error(), "too many keys") {
		t.Errorf("jwx says %v", err)
	}
}

// missing checks that a member is left out and nothing else.
func missing(t *testing.T, keys []map[string]any, member string) {
	t.Helper()
	for _, k := range keys {
		if _, there := k[member]; there || k["n"] == nil || k["x5c"] == nil {
			t.Errorf("%s: key is %v", member, k)
		}
	}
}

// The order of the members is Azure's, but for what was changed.
func TestKeysKeepTheirForm(t *testing.T) {
	x := newWorld(t)
	real := x.ask(fault.JWKS).body
	x.add(fault.Fault{Endpoint: "jwks", JWKS: "no-alg"}) // idpool's keys have none, as Azure's
	if got := x.ask(fault.JWKS).body; got != real {
		t.Errorf("got  %s\nwant %s", got, real)
	}
}

// What is no key set at all.
func TestNoKeySets(t *testing.T) {
	for kind, want := range map[string]string{"no-keys-member": "{}", "not-json": "no JSON"} {
		x := newWorld(t, fault.Fault{Endpoint: "jwks", JWKS: kind})
		if got := x.ask(fault.JWKS); got.body != want || got.status != 200 || got.header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: got %+v", kind, got)
		}
	}
	for _, kind := range fault.KeySets() { // none is forgotten
		x := newWorld(t, fault.Fault{Endpoint: "jwks", JWKS: kind})
		if got := x.ask(fault.JWKS); got.fault != "jwks-1" || x.status("jwks-1").Problem != "" {
			t.Errorf("%s: got %+v", kind, got)
		}
	}
}

// Keys of one's own, and of the tenant that was asked for.
func TestKeysOfConfig(t *testing.T) {
	var asked []string
	own := idp.SpareKeys()[5]
	s := fault.New(fault.Config{Keys: func(kind, tenant string) []*idp.Key {
		asked = append(asked, kind+" "+tenant)
		return []*idp.Key{own}
	}})
	server, err := idp.New(idp.Config{PublicURL: "http://localhost:8080"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Add(fault.Fault{Endpoint: "jwks", JWKS: "stale"}); err != nil {
		t.Fatal(err)
	}
	w := inMemory(t, s.Handler(server), "GET", "/"+acme+"/discovery/v2.0/keys", "")
	_, keys := readKeys(t, w.Body.String())
	if len(keys) != 1 || keys[0]["kid"] != own.ID || !slices.Equal(asked, []string{"stale " + acme}) {
		t.Errorf("keys are %v, asked for %v", keys, asked)
	}
}
