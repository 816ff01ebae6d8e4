package idp_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/idpool/idpool/idp"
)

// Another library verifies what was signed, and sees it unchanged.
func TestSignJWT(t *testing.T) {
	key := idp.TestKeys().Signer()
	token, err := key.SignJWT(map[string]any{"alg": "RS256", "typ": nil}, map[string]any{"a": "<&>", "b": []any{1.0}})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(key.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify([]byte(token), jws.WithKey(jwa.RS256(), certificate.PublicKey))
	if err != nil || string(payload) != `{"a":"<&>","b":[1]}` {
		t.Errorf("got %s, %v", payload, err)
	}
	if _, err := key.SignJWT(map[string]any{"x": func() {}}, nil); err == nil {
		t.Error("a function is signed")
	}
}

// New keys are in use from the next token and the next JWKS on, at every
// handler of the server.
func TestRotate(t *testing.T) {
	s, err := idp.New(idp.Config{PublicURL: "http://idp.test"})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := idp.GenerateKeys(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	other := s.At("http://other.test")
	apart := s.With(nil, "http://apart.test")
	s.Rotate(fresh)
	published := func(h http.Handler) string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+idp.Acme().ID+"/discovery/v2.0/keys", nil))
		return w.Body.String()
	}
	kid, old := fresh.Signer().ID, idp.TestKeys().Signer().ID
	for _, h := range []http.Handler{s, other} {
		if text := published(h); !strings.Contains(text, kid) || strings.Contains(text, old) {
			t.Errorf("published are %s", text)
		}
	}
	if s.Keys().Signer().ID != kid || apart.Keys().Signer().ID != old {
		t.Error("the keys in use are not those that were put into use")
	}
	if s.Rotate(nil); s.Keys().Signer().ID != old {
		t.Error("nil is not the test keys")
	}
}
