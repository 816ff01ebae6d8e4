package probe_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/idpool/idpool/forge"
	"github.com/idpool/idpool/idp"
	"github.com/idpool/idpool/probe"
)

// The API and the client of idp.Acme.
const (
	acmeAPI    = "be587d08-a466-45e9-a02a-dfdda6b4c765"
	acmeClient = "75f2f796-363d-4de2-b299-713920db01a7"
)

// provider is an identity provider that is served, and the matrix of a token of
// it.
type provider struct {
	issuer string
	source forge.Source
	tokens []forge.Token
}

func newProvider(t *testing.T) provider {
	t.Helper()
	s, err := idp.New(idp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, s.ServeHTTP)
	token, err := s.Token(t.Context(), url, idp.TokenRequest{Tenant: idp.Acme().ID, ClientID: acmeClient,
		Scope: acmeAPI + "/.default", InsecureSkipCredential: true})
	if err != nil {
		t.Fatal(err)
	}
	source := forge.Source{Token: token.AccessToken, Key: s.Keys().Signer(), Now: time.Now()}
	tokens, err := forge.All(source)
	if err != nil {
		t.Fatal(err)
	}
	return provider{url + "/" + idp.Acme().ID + "/v2.0", source, tokens}
}

// verifier is go-oidc's, for the tokens of the API.
func (p provider) verifier(t *testing.T, c oidc.Config) *oidc.IDTokenVerifier {
	t.Helper()
	found, err := oidc.NewProvider(t.Context(), p.issuer)
	if err != nil {
		t.Fatal(err)
	}
	if !c.SkipClientIDCheck {
		c.ClientID = acmeAPI
	}
	return found.Verifier(&c)
}

// api is an API that lets in whom a function does.
func api(t *testing.T, letsIn func(r *http.Request, token string) bool) probe.HTTP {
	t.Helper()
	return probe.HTTP{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || !letsIn(r, token) {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "go away", http.StatusUnauthorized)
		}
	})}
}

// by lets in whom a verifier does.
func by(v *oidc.IDTokenVerifier) func(*http.Request, string) bool {
	return func(r *http.Request, token string) bool {
		_, err := v.Verify(r.Context(), token)
		return err == nil
	}
}

// TestGoodAPI: an API behind an unmodified verifier refuses all others.
func TestGoodAPI(t *testing.T) {
	p := newProvider(t)
	r := probe.Run(t.Context(), api(t, by(p.verifier(t, oidc.Config{}))), p.tokens, probe.Config{Audience: true})
	if r.Conclusion != probe.Passed || r.Counts.Right < 40 {
		got, _ := text(r)
		t.Errorf("go-oidc:\n%s", got)
	}
}

// read is a payload without a look at the signature.
func read(token string) (header, claims map[string]any, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil, false
	}
	for i, to := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, to) != nil {
			return nil, nil, false
		}
	}
	return header, claims, true
}

// TestWeakAPIs: each mistake is caught by the name of the token that it lets in.
func TestWeakAPIs(t *testing.T) {
	p := newProvider(t)
	strict := p.verifier(t, oidc.Config{})
	for _, tc := range []struct {
		name   string
		letsIn func(*http.Request, string) bool
		caught string // tokens
		not    string
	}{
		{"alg none is no signature that could be wrong", func(r *http.Request, token string) bool {
			header, claims, ok := read(token)
			if alg, _ := header["alg"].(string); ok && strings.EqualFold(alg, "none") {
				return claims["iss"] == p.issuer && claims["aud"] == acmeAPI
			}
			return by(strict)(r, token)
		}, "alg-none", "expired"},
		{"decodes and does not verify", func(_ *http.Request, token string) bool {
			_, claims, ok := read(token)
			exp, _ := claims["exp"].(float64)
			return ok && claims["iss"] == p.issuer && exp > float64(time.Now().Unix())
		}, "alg-none kid-unknown jwk", "expired"},
		{"leaves exp out", by(p.verifier(t, oidc.Config{SkipExpiryCheck: true})), "expired", "alg-none"},
		{"any issuer", by(p.verifier(t, oidc.Config{SkipIssuerCheck: true})), "issuer-other-tenant", "expired"},
		{"any audience", by(p.verifier(t, oidc.Config{SkipClientIDCheck: true})), "audience-wrong audience-missing audience-array-wrong", "alg-none"},
		{"asks nobody", func(*http.Request, string) bool { return true }, "alg-none expired opaque", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := probe.Run(t.Context(), api(t, tc.letsIn), p.tokens, probe.Config{Audience: true})
			caught := map[string]bool{}
			for _, one := range r.Of(probe.Wrong) {
				caught[one.Name] = true
			}
			for name := range strings.FieldsSeq(tc.caught) {
				if !caught[name] {
					t.Errorf("%s was not caught; were: %v", name, caught)
				}
			}
			if caught[tc.not] || r.Conclusion != probe.Failed {
				t.Errorf("%s; caught %v, and %q is none", r.Conclusion, caught, tc.not)
			}
		})
	}
}

// follows is a keyfunc that asks whatever URL a token's jku names.
func follows(r *http.Request, token string) bool {
	header, _, ok := read(token)
	jku, _ := header["jku"].(string)
	if !ok || jku == "" {
		return false
	}
	_, err := oidc.NewVerifier("", oidc.NewRemoteKeySet(r.Context(), jku), &oidc.Config{ClientID: acmeAPI, SkipIssuerCheck: true}).Verify(r.Context(), token)
	return err == nil
}

// TestLure: an API that asks the URL in a token lets in what it finds there, and
// one that asks in vain has asked a stranger all the same.
func TestLure(t *testing.T) {
	p := newProvider(t)
	strict := by(p.verifier(t, oidc.Config{}))
	for _, tc := range []struct {
		name          string
		letsIn        func(*http.Request, string) bool
		verdict       probe.Verdict
		jku, sentence string
	}{
		{"lets in", func(r *http.Request, token string) bool { return strict(r, token) || follows(r, token) }, probe.Accepted,
			"jku jku-same-kid jku-no-kid", "3 of 7 broken tokens were let in: jku, jku-same-kid, jku-no-kid"},
		{"asks in vain", func(r *http.Request, token string) bool {
			follows(r, token)
			return strict(r, token)
		}, probe.Refused, "jku jku-same-kid jku-no-kid", "the target asked a URL that a token named: jku, jku-same-kid, jku-no-kid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spare := idp.StrangerKeys()
			lure, err := probe.Open("127.0.0.1:0", p.source.Key, spare[1:])
			if err != nil {
				t.Fatal(err)
			}
			source := p.source
			source.Attacker, source.Other = lure.URL, spare[0]
			tokens, err := forge.All(source)
			if err != nil {
				t.Fatal(err)
			}
			few := slices.DeleteFunc(tokens, func(k forge.Token) bool {
				return !k.Valid && !slices.Contains(strings.Fields("alg-none jku jku-same-kid jku-no-kid x5u jwk expired"), k.Name)
			})
			r := probe.Run(t.Context(), api(t, tc.letsIn), few, probe.Config{Lure: lure})
			for _, one := range r.Results {
				follows := slices.Contains(strings.Fields(tc.jku), one.Name)
				if one.Asked != follows || follows && (one.Verdict != tc.verdict || one.Outcome != probe.Wrong) {
					t.Errorf("%s: asked %v, %s, %s", one.Name, one.Asked, one.Verdict, one.Outcome)
				}
			}
			if r.Conclusion != probe.Failed || r.Sentence() != "✗ FAILED: "+tc.sentence {
				t.Errorf("%q, want %q", r.Sentence(), tc.sentence)
			}
			if err := lure.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := probe.Open("nowhere", p.source.Key, nil); err == nil {
		t.Error("an address that is none was listened at")
	}
}

// TestAnotherAudience: what APIs are known to leave out is a note, unless it is
// asked for.
func TestAnotherAudience(t *testing.T) {
	p := newProvider(t)
	open := api(t, by(p.verifier(t, oidc.Config{SkipClientIDCheck: true})))
	for strict, want := range map[bool]probe.Outcome{false: probe.Noted, true: probe.Wrong} {
		found := false
		for _, one := range probe.Run(t.Context(), open, p.tokens, probe.Config{Strict: strict}).Of(want) {
			found = found || strings.HasPrefix(one.Name, "audience-")
		}
		if !found {
			t.Errorf("strict %v: an API that reads no aud has no audience- among its %s", strict, want)
		}
	}
}

// TestNotTrusted: an API that trusts another issuer proves nothing.
func TestNotTrusted(t *testing.T) {
	mine, other := newProvider(t), newProvider(t)
	r := probe.Run(t.Context(), api(t, by(other.verifier(t, oidc.Config{}))), mine.tokens, probe.Config{})
	if r.Conclusion != probe.Unproved || len(r.Results) != 1 || !strings.Contains(strings.Join(r.Check, "\n"), mine.issuer) {
		t.Errorf("%s, %d sent, check %q", r.Conclusion, len(r.Results), r.Check)
	}
}
