package idp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/idpool/idpool/idp"
)

// TestIssuersThatFail: what is wrong is in the log, Azure's text says little.
func TestIssuersThatFail(t *testing.T) {
	k := otherKey()
	for _, tc := range []struct {
		name     string
		document func(o *openid) func(w http.ResponseWriter, r *http.Request)
		keys     any
		log      string
	}{
		{"404", func(*openid) func(http.ResponseWriter, *http.Request) { return http.NotFound }, nil, "status 404, want 200"},
		{"HTML", says("<html>Sign in</html>"), nil, "no such JSON (20 bytes of"},
		{"a JSON array", says("[]"), nil, "no such JSON"},
		{"another issuer", says(`{"issuer":"https://elsewhere.example","jwks_uri":"https://elsewhere.example/keys"}`), nil, `its discovery document is of issuer \"https://elsewhere.example\"`},
		{"its own name with a slash", func(o *openid) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, _ *http.Request) {
				writeJSON(t, w, object{"issuer": o.URL + "/", "jwks_uri": o.URL + "/keys"})
			}
		}, nil, "its discovery document is of issuer"},
		{"a jwks_uri without a host", func(o *openid) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, _ *http.Request) {
				writeJSON(t, w, object{"issuer": o.URL, "jwks_uri": "/keys"})
			}
		}, nil, `its jwks_uri \"/keys\" is no absolute URL`},
		{"a JWKS that is none", nil, "keys", "no such JSON"},
		{"a JWKS without keys", nil, object{"keys": []any{}}, "its JWKS has no RSA key"},
		{"a JWKS of other keys", nil, object{"keys": []any{
			object{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "word", k.jwk("one").but(object{"use": "enc"}),
			k.jwk("one").but(object{"n": "AQAB"}), k.jwk("one").but(object{"e": "Ag"}), k.jwk("one").but(object{"n": "!"}),
		}}, "its JWKS has no RSA key"},
		{"a document without end", says(strings.Repeat(" ", 1<<20+1)), nil, "more than 1048576 bytes"},
		{"a redirect in a circle", func(o *openid) func(http.ResponseWriter, *http.Request) {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }
		}, nil, "stopped after 10 redirects"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := newIssuer(t, k.jwk("one"))
			if tc.document != nil {
				o.answer(tc.document(o))
			}
			if tc.keys != nil {
				o.keys = tc.keys
			}
			logger, log := textLog()
			s := newServer(t, idp.Config{Tenants: withFederated(o.credential()), Logger: logger})
			refusedWith(t, present(t, s, o.token(t, k, "one")), 50166, "Request to External OIDC endpoint failed.")
			if !strings.Contains(log.String(), tc.log) || !strings.Contains(log.String(), "issuer="+o.URL) {
				t.Errorf("log %q, want the issuer and %q", log, tc.log)
			}

			o.answer(nil)
			o.publish(k.jwk("one"))
			if refused := present(t, s, o.token(t, k, "one")); refused != nil {
				t.Errorf("once the issuer is repaired: %v", refused)
			}
		})
	}
}

// says answers with a text.
func says(text string) func(*openid) func(http.ResponseWriter, *http.Request) {
	return func(*openid) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
}

// TestAnIssuerThatHangs: the client's timeout ends it, for all who wait.
func TestAnIssuerThatHangs(t *testing.T) {
	k := otherKey()
	o := newIssuer(t, k.jwk("one"))
	o.answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := newServer(t, idp.Config{Tenants: withFederated(o.credential()), Client: &http.Client{Timeout: 100 * time.Millisecond}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { refusedWith(t, present(t, s, o.token(t, k, "one")), 50166, "") })
	}
	wg.Wait()
}

// TestAnIssuerThatIsDown, as in the field: a port that nobody listens on.
func TestAnIssuerThatIsDown(t *testing.T) {
	k := otherKey()
	o := newIssuer(t, k.jwk("one"))
	server := serve(t, idp.Config{Tenants: withFederated(o.credential())})
	token := o.token(t, k, "one")
	o.Close()
	response, body := do(t, tokenRequest(t, server, acme, url.Values{"client_secret": {"-"}, "client_assertion": {token},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}))
	e := errorBody(t, response, body)
	if response.StatusCode != http.StatusBadRequest || e.Error != "invalid_request" || e.ErrorCodes[0] != 50166 || e.ErrorURI != "" {
		t.Errorf("%s: %s\nwant 400, invalid_request, 50166, no error_uri", response.Status, body)
	}
}

// TestOneFetchForAll: requests that come while the keys are being fetched wait
// for that fetch.
func TestOneFetchForAll(t *testing.T) {
	k := otherKey()
	o := newIssuer(t, k.jwk("one"))
	var documents atomic.Int32
	release := make(chan struct{})
	o.answer(func(w http.ResponseWriter, _ *http.Request) {
		documents.Add(1)
		<-release
		writeJSON(t, w, object{"issuer": o.URL, "jwks_uri": o.URL + "/keys"})
	})
	s := newServer(t, idp.Config{Tenants: withFederated(o.credential())})
	token := o.token(t, k, "one")
	const requests = 16
	var begun, wg sync.WaitGroup
	begun.Add(requests)
	for range requests {
		wg.Go(func() {
			begun.Done()
			if refused := present(t, s, token); refused != nil {
				t.Error(refused)
			}
		})
	}
	begun.Wait()
	close(release)
	wg.Wait()
	// A request that was late enough finds the keys; none fetches them again.
	if n, m := documents.Load(), o.fetches.Load(); n != 1 || m != 1 {
		t.Errorf("%d documents and %d key sets were fetched, want 1 of each", n, m)
	}
}

// TestKeysThatChange: a new key works at once, also under an old kid; one that
// was withdrawn works for an hour.
func TestKeysThatChange(t *testing.T) {
	old, young := otherKey(), clientKey()
	o := newIssuer(t, old.jwk("one"))
	at := now
	s := newServer(t, idp.Config{Tenants: withFederated(o.credential()), Now: func() time.Time { return at }})
	accepted := func(token string, fetches int32) {
		t.Helper()
		if refused := present(t, s, token); refused != nil {
			t.Error(refused)
		}
		if n := o.fetches.Load(); n != fetches {
			t.Errorf("the keys were fetched %d times, want %d", n, fetches)
		}
	}
	accepted(o.token(t, old, "one"), 1)
	o.publish(old.jwk("one"), young.jwk("two"))
	accepted(o.token(t, young, "two"), 2)
	accepted(o.token(t, old, "one"), 2)
	o.publish(young.jwk("one")) // the issuer was started again, with a fresh key of the same name
	accepted(o.token(t, old, "one"), 2)
	accepted(o.token(t, young, "one"), 3)
	refusedWith(t, present(t, s, o.token(t, old, "one")), 700027, "the signature failed.")
	refusedWith(t, present(t, s, o.token(t, young, "two")), 7000272, "identifier two")

	o.publish()
	fetches := o.fetches.Load()
	at = now.Add(time.Hour - 1)
	accepted(o.token(t, young, "one"), fetches)
	at = now.Add(time.Hour)
	refusedWith(t, present(t, s, o.token(t, young, "one")), 50166, "")
}
