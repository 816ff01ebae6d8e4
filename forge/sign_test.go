package forge_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/validator"
)

// part reads a part of a token.
func part(t testing.TB, token string, i int) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

// What is changed is changed, what is nil is gone, all else is as it was, and the
// key has signed it.
func TestSign(t *testing.T) {
	s := newStand(t)
	token, err := forge.Sign(s.source.Key, s.source.Token, forge.Changes{
		Claims: map[string]any{"roles": []string{"a", "<&>"}, "exp": began.Add(time.Minute).Unix(), "azp": nil, "new": nil},
		Header: map[string]any{"typ": "at+jwt", "x": map[string]any{"b": 1, "a": 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	claims := part(t, s.source.Token, 1)
	claims["roles"], claims["exp"] = []any{"a", "<&>"}, float64(began.Add(time.Minute).Unix())
	delete(claims, "azp")
	got := part(t, token, 1)
	if !maps.EqualFunc(got, claims, func(a, b any) bool { x, _ := json.Marshal(a); y, _ := json.Marshal(b); return string(x) == string(y) }) {
		t.Errorf("the claims are %v, want %v", got, claims)
	}
	if h := part(t, token, 0); h["typ"] != "at+jwt" || h["kid"] != s.source.Key.ID || h["x"].(map[string]any)["a"] != 2.0 {
		t.Errorf("the header is %v", h)
	}
	if !verifies(token, jwa.RS256(), s.source.Key.Public()) {
		t.Error("the signature is not that of the key")
	}
	if same, err := forge.Sign(s.source.Key, s.source.Token, forge.Changes{}); err != nil || same != s.source.Token {
		t.Errorf("without changes the token is another: %v", err)
	}
}

// Each algorithm fails at the check that it is made for.
func TestSignAlgorithms(t *testing.T) {
	s := newStand(t)
	v := s.validator(t, strictFilter)
	changed := map[string]any{"x": "y"}
	for _, tt := range []struct {
		reason  string
		changes forge.Changes
		check   string
	}{
		{"nothing changed", forge.Changes{}, ""},
		{"a claim more", forge.Changes{Claims: changed}, ""},
		{"RS256 by name", forge.Changes{Claims: changed, Alg: "RS256"}, ""},
		{"a claim less", forge.Changes{Claims: map[string]any{"roles": nil}}, validator.CheckFilter},
		{"another issuer", forge.Changes{Claims: map[string]any{"iss": "https://x"}}, validator.CheckProvider},
		{"no kid", forge.Changes{Header: map[string]any{"kid": nil}}, validator.CheckKey},
		{"the signature as it was", forge.Changes{Claims: changed, Tamper: true}, validator.CheckSignature},
		{"no signature", forge.Changes{Alg: "None"}, validator.CheckAlgorithm},
		{"the public key as a secret", forge.Changes{Alg: "HS512"}, validator.CheckAlgorithm},
		{"another hash", forge.Changes{Alg: "RS512"}, validator.CheckAlgorithm},
		{"an algorithm in name only", forge.Changes{Header: map[string]any{"alg": "ES256"}}, validator.CheckAlgorithm},
		{"PS256 that says RS256", forge.Changes{Alg: "PS256", Header: map[string]any{"alg": "RS256"}}, validator.CheckSignature},
	} {
		token, err := forge.Sign(s.source.Key, s.source.Token, tt.changes)
		if err != nil {
			t.Errorf("%s: %v", tt.reason, err)
			continue
		}
		if got := decide(t, v, token).Failed(); got.Name != tt.check {
			t.Errorf("%s: the check %q failed, want %q: %s", tt.reason, got.Name, tt.check, got.Message)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	s := newStand(t)
	for _, tt := range []struct {
		reason, token string
		changes       forge.Changes
		want          string
	}{
		{"an opaque token", "opaque", forge.Changes{}, "1 parts, want a signed JWT with 3"},
		{"no base64url", "!.e30.x", forge.Changes{}, "not base64url in its part 1"},
		{"no JSON", "bm8.e30.eHh4", forge.Changes{}, "header of the token is no JSON object"},
		{"no JSON in the second part", "e30.bm8.eHh4", forge.Changes{}, "payload of the token is no JSON object"},
		{"JSON that does not end", encoded(`{"a":1`) + ".e30.eHh4", forge.Changes{}, "header of the token is not JSON"},
		{"JSON and more", "e30." + encoded(`{"a":1}{}`) + ".eHh4", forge.Changes{}, "payload of the token is not JSON"},
		{"a member without a value", encoded(`{"a"}`) + ".e30.eHh4", forge.Changes{}, "header of the token is not JSON"},
		{"a value that is no JSON", s.source.Token, forge.Changes{Claims: map[string]any{"f": func() {}}}, `value of "f"`},
		{"a header that is no JSON", s.source.Token, forge.Changes{Header: map[string]any{"f": make(chan int)}}, `value of "f"`},
		{"a misspelt algorithm", s.source.Token, forge.Changes{Alg: "rs256"}, `did you mean "RS256"?`},
		{"an unknown algorithm", s.source.Token, forge.Changes{Alg: "Ed25519ph"}, "want one of RS256, RS384"},
	} {
		if _, err := forge.Sign(s.source.Key, tt.token, tt.changes); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.reason, err, tt.want)
		}
	}
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// A Source that is not a valid token is refused by name: twins of a token that is
// refused anyhow would show nothing.
func TestSourceRefuses(t *testing.T) {
	s := newStand(t)
	signed := func(c forge.Changes) string {
		token, err := forge.Sign(s.source.Key, s.source.Token, c)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for _, tt := range []struct {
		reason string
		change func(*forge.Source)
		want   string
	}{
		{"no key", func(s *forge.Source) { s.Key = nil }, "needs a Key"},
		{"no time", func(s *forge.Source) { s.Now = time.Time{} }, "and Now"},
		{"no token", func(s *forge.Source) { s.Token = "" }, "1 parts"},
		{"another key", func(s *forge.Source) { s.Key = idp.TestKeys().Keys()[1] }, "want \"RS256\" and the Key's"},
		{"another algorithm", func(s *forge.Source) { s.Token = signed(forge.Changes{Alg: "PS256"}) }, `alg "PS256"`},
		{"another signature", func(s *forge.Source) { s.Token = signed(forge.Changes{Claims: map[string]any{"x": 1}, Tamper: true}) },
			"the signature of the token is not that of the Key"},
		{"an old token", func(s *forge.Source) { s.Now = began.Add(48 * time.Hour) }, "want a time after Now"},
		{"no exp", func(s *forge.Source) { s.Token = signed(forge.Changes{Claims: map[string]any{"exp": nil}}) }, "want a time after Now"},
	} {
		source := s.source
		tt.change(&source)
		_, err := forge.All(source)
		_, errOne := forge.Make(source, "expired")
		if err == nil || !strings.Contains(err.Error(), tt.want) || errOne == nil || err.Error() != errOne.Error() {
			t.Errorf("%s: got %v and %v, want %s", tt.reason, err, errOne, tt.want)
		}
		for _, errSeq := range forge.Seq(source) {
			if errSeq == nil || errSeq.Error() != err.Error() {
				t.Errorf("%s: Seq says %v, want %v", tt.reason, errSeq, err)
			}
		}
	}
}

func TestMakeUnknownName(t *testing.T) {
	s := newStand(t)
	for name, want := range map[string]string{"alg-nome": `did you mean "alg-none"?`, "zzzzzzzzzzzz": `no token "zzzzzzzzzzzz"`} {
		if _, err := forge.Make(s.source, name); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

// Whatever a token is, signing it again panics for none, and what comes out can
// be signed again.
func FuzzSign(f *testing.F) {
	key := idp.TestKeys().Signer()
	for _, parts := range [][2]string{{`{}`, `{}`}, {`{"alg":"RS256"}`, `{"a":1,"A":[{}],"b":"\u0041"}`}, {`[]`, `{"a":1,"a":2}`}, {`{"a":}`, ``}} {
		f.Add(encoded(parts[0]) + "." + encoded(parts[1]) + ".eHh4")
	}
	f.Fuzz(func(t *testing.T, token string) {
		changes := forge.Changes{Claims: map[string]any{"x": "y", "gone": nil}, Tamper: true}
		once, err := forge.Sign(key, token, changes)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "forge: ") {
				t.Errorf("the error is %q", err)
			}
			return
		}
		twice, err := forge.Sign(key, once, changes)
		if err != nil || twice != once {
			t.Errorf("%q signed again is %q, %v", once, twice, err)
		}
		if claims := part(t, once, 1); claims["x"] != "y" || slices.Contains(slices.Collect(maps.Keys(claims)), "gone") {
			t.Errorf("the claims are %v", claims)
		}
	})
}
